import pytest

from pipeline.errors import SettingsError
from pipeline.web.services import commons_url, openverse_url


@pytest.fixture(autouse=True)
def _not_moved(monkeypatch):
    for name in ("MEKIKI_OPENVERSE_URL", "MEKIKI_COMMONS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_services_are_where_their_makers_say():
    assert openverse_url() == "https://api.openverse.org/v1/"
    assert commons_url() == "https://commons.wikimedia.org/w/api.php"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/"),
        (" https://photos.museum.net/api/v2 ", "https://photos.museum.net/api/v2/"),
        ("", "https://api.openverse.org/v1/"),
    ],
)
def test_openverse_can_be_elsewhere(monkeypatch, written, url):
    monkeypatch.setenv("MEKIKI_OPENVERSE_URL", written)

    assert openverse_url() == url


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/w/api.php"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/w/api.php"),
        ("https://wiki.museum.net/api.php", "https://wiki.museum.net/api.php"),
        ("  ", "https://commons.wikimedia.org/w/api.php"),
    ],
)
def test_commons_can_be_elsewhere(monkeypatch, written, url):
    monkeypatch.setenv("MEKIKI_COMMONS_URL", written)

    assert commons_url() == url


@pytest.mark.parametrize(
    "written",
    [
        "museum.net/v1",
        "ftp://museum.net/v1/",
        "https://",
        "https://museum.net:port/",
        "https://museum.net/v1/?q=cat",
        "https://museum.net/v1/#top",
        "http://[museum/",
    ],
)
@pytest.mark.parametrize(
    ("variable", "read"),
    [("MEKIKI_OPENVERSE_URL", openverse_url), ("MEKIKI_COMMONS_URL", commons_url)],
)
def test_what_is_no_address_is_told_with_the_name_of_the_variable(
    monkeypatch, variable, read, written
):
    monkeypatch.setenv(variable, written)

    with pytest.raises(SettingsError, match=variable) as wrong:
        read()

    assert repr(written) in str(wrong.value)
    assert "unset" in str(wrong.value)
