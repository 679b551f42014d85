import re

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import SetSettings
from pipeline.web.contact import contact_of, require_contact, user_agent

FAR = "https://photos.museum.net/1.jpg"


def settings(contact: str) -> SetSettings:
    return SetSettings.model_validate(
        {"contact": contact, "category": [{"name": "cat"}, {"name": "dog"}]}
    )


@pytest.mark.parametrize(
    "contact",
    [
        "",
        "  ",
        "you@example.com",
        "https://example.org/me",
        "me@shop.example",
        "me@mail.invalid",
        "http://localhost:8000/",
        "Jo",
        "me@host",
        "me@my.net\r\nX: y",
        "山田@店.jp",
        "you@shop.net",
        "your-email@shop.net",
        "your.name@shop.net",
        "youremail@gmail.com",
        "name@domain.com",
        "jo@domain.com",
        "jo@yourdomain.com",
        "jo@your-company.co.jp",
        "jo@mail.example.net",
        "user@shop.net",
        "user@localhost",
        "test@test.com",
        "test@test.de",
        "firstname.lastname@shop.net",
        "someone@shop.net",
        "changeme",
        "changeme@shop.net",
        "jo@changeme.com",
        "https://yoursite.com/bot",
        "https://github.com/your-name",
        "https://domain.com",
        "xxx@xxx.com",
        "https://shop.net/bot; you@example.com",
        "jo@shop.net;",
    ],
)
def test_a_missing_or_made_up_contact_is_refused_before_the_first_request(contact):
    with pytest.raises(SettingsError, match=r"photos\.museum\.net.*got") as caught:
        require_contact(settings(contact), ["http://127.0.0.1/", FAR])

    assert "\n" not in str(caught.value)
    assert contact_of(settings(contact)) == ""


@pytest.mark.parametrize(
    "contact",
    [
        "jo@shop.net",
        "https://shop.co.jp/bot",
        "info@co.jp.museum",
        "yoursj@young.org",
        "tester.foobar@latest.io",
        "https://github.com/jo/mekiki-bot",
        "bot@test.museum.net",
        "redaktion@test.de",
        "https://x.com/museumbot",
        "https://shop.net/bot; jo@shop.net",
    ],
)
def test_a_real_contact_is_taken_and_goes_into_the_user_agent(contact):
    require_contact(settings(contact), [FAR])

    said = user_agent(contact_of(settings(contact)))
    assert re.fullmatch(rf"mekiki/\S+ \({re.escape(contact)}\) requests/[\d.]+", said)


def test_the_environment_names_the_contact_where_the_set_does_not(monkeypatch):
    monkeypatch.setenv("MEKIKI_CONTACT", "ops@shop.net")

    assert contact_of(settings("")) == "ops@shop.net"
    assert contact_of(settings("jo@shop.net")) == "jo@shop.net"
    assert contact_of(settings("you@example.com")) == "ops@shop.net"


def test_this_machine_and_local_files_need_no_contact():
    require_contact(
        settings(""), ["http://127.0.0.1:8000/", "http://localhost/a", "/a/b.jpg"]
    )

    assert re.fullmatch(r"mekiki/\S+ requests/[\d.]+", user_agent(""))
