"""The team file: what may stand in it, and who is let in by it."""

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the labeler needs the ui extra")

from labeler.access import Curator, Role
from labeler.team import (
    CLIENT_SECRET,
    COOKIE_SECRET,
    Team,
    read_team,
    take_secrets,
)
from pipeline.errors import SettingsError

WHOLE = """
public_url = "https://label.example.com"
contact = "Ken"

[oidc]
client_id = "mekiki"
server_metadata_url = "https://login.example.com/.well-known/openid-configuration"

[people]
"Hana@example.com" = "curator"
"ken@example.com" = { role = "admin", name = "Ken" }
"""


def read(home: Path, text: str = WHOLE) -> Team:
    (home / "team.toml").write_text(text, encoding="utf-8")
    team = read_team(home)
    assert team is not None
    return team


def proven(address: str) -> dict[str, object]:
    return {"email": address, "email_verified": True}


def test_without_the_file_there_is_no_team(tmp_path: Path):
    assert read_team(tmp_path) is None


def test_whoever_is_listed_has_a_role_and_a_name(tmp_path: Path):
    team = read(tmp_path)

    hana = team.find(team.identify(proven("Hana@example.com")))
    ken = team.find(team.identify(proven("ken@example.com")))

    assert hana == Curator("Hana@example.com", Role.CURATOR)
    assert ken == Curator("Ken", Role.ADMIN)


def test_upper_and_lower_case_are_one_address(tmp_path: Path):
    team = read(tmp_path)

    assert team.find("hANA@EXAMPLE.com") == team.find("hana@example.com") is not None


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "ken@example.com"},
        {"email": "ken@example.com", "email_verified": False},
        {"email": "ken@example.com", "email_verified": "true"},
        {"email": ["ken@example.com"], "email_verified": True},
        {"name": "Ken", "email_verified": True},
        {"preferred_username": "ken@example.com", "email_verified": True},
    ],
    ids=str,
)
def test_a_login_that_proves_no_address_is_nobody(tmp_path: Path, claims):
    team = read(tmp_path)

    assert team.identify(claims) == ""
    assert team.find("") is None


def test_a_stranger_is_nobody_but_has_an_address(tmp_path: Path):
    team = read(tmp_path)

    assert team.identify(proven("eve@example.com")) == "eve@example.com"
    assert team.find("eve@example.com") is None


def test_people_can_be_listed_by_another_claim(tmp_path: Path):
    text = WHOLE.replace("[people]", 'claim = "sub"\n[people]\n"u-17" = "reviewer"')
    team = read(tmp_path, text)

    assert team.find(team.identify({"sub": "u-17"})) == Curator("u-17", Role.REVIEWER)
    assert team.identify(proven("ken@example.com")) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'contact = "Ken"',
            'contac = "Ken"',
            "unknown key 'contac'; did you mean 'contact'? known: contact, listen,"
            " oidc, people, public_url",
        ),
        (
            'client_id = "mekiki"',
            'client = "mekiki"',
            "[oidc] unknown key 'client'; did you mean 'client_id'? known: claim,"
            " client_id, server_metadata_url",
        ),
        (
            'client_id = "mekiki"',
            'client_id = "mekiki"\nclient_secret = "s3cret"',
            "[oidc] unknown key 'client_secret'",
        ),
        ('client_id = "mekiki"', "", "[oidc] client_id is missing"),
        (
            '= "curator"',
            '= "boss"',
            "[people] Hana@example.com: role must be 'operator', 'curator',"
            " 'reviewer' or 'admin', got 'boss'",
        ),
        (
            'name = "Ken"',
            'nmae = "Ken"',
            "[people] ken@example.com: unknown key 'nmae'; did you mean 'name'?",
        ),
        (
            'name = "Ken"',
            'name = "mekiki"',
            "[people] ken@example.com: the name must be 1 to 60 printable letters,"
            " other than mekiki, got 'mekiki'",
        ),
        (
            'name = "Ken"',
            'name = "hana@EXAMPLE.com"',
            "[people] two people are called 'hana@EXAMPLE.com'",
        ),
        (
            '"ken@example.com" =',
            '"hana@example.com" =',
            "[people] an address stands there twice",
        ),
        (
            "https://label.example.com",
            "http://label.example.com",
            "public_url must begin with https:// (http:// on this machine alone), got"
            " 'http://label.example.com'",
        ),
        (
            "https://label.example.com",
            "https://label.example.com/mekiki",
            "public_url must be a scheme, a host and perhaps a port, no more",
        ),
        (
            "https://login.example.com",
            "http://login.example.com",
            "[oidc] server_metadata_url must begin with https://",
        ),
        (
            'contact = "Ken"',
            'listen = "everywhere"',
            "listen must be an IP address of this machine, got 'everywhere'",
        ),
        ('contact = "Ken"', 'contact = "Ken', "is not valid TOML"),
    ],
    ids=lambda text: text[:40] if isinstance(text, str) else None,
)
def test_a_mistake_is_one_line_that_names_the_key(
    tmp_path: Path, old: str, new: str, message: str
):
    with pytest.raises(SettingsError) as error:
        read(tmp_path, WHOLE.replace(old, new))

    assert message in str(error.value)
    assert str(tmp_path / "team.toml") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_list_without_people_lets_nobody_in_and_says_so(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"\[people\] is empty"):
        read(tmp_path, WHOLE.partition('"Hana')[0])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Label.Example.com:443/", "https://label.example.com"),
        ("https://label.example.com:8443", "https://label.example.com:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_the_public_address_is_kept_as_browsers_say_it(
    tmp_path: Path, written: str, meant: str
):
    team = read(tmp_path, WHOLE.replace("https://label.example.com", written))

    assert team.public_url == meant


def test_a_labeler_on_this_machine_needs_no_tls(tmp_path: Path):
    team = read(
        tmp_path, WHOLE.replace("https://label.example.com", "http://localhost:8501/")
    )

    assert (team.public_url, team.public_host) == ("http://localhost:8501", "localhost")


def test_the_login_is_told_the_secrets_and_they_leave_the_environment(tmp_path: Path):
    environment = {CLIENT_SECRET: "s3cret", COOKIE_SECRET: "c" * 32, "PATH": "/bin"}

    login = take_secrets(read(tmp_path), environment)

    assert environment == {"PATH": "/bin"}
    assert login == {
        "redirect_uri": "https://label.example.com/oauth2callback",
        "cookie_secret": "c" * 32,
        "client_id": "mekiki",
        "client_secret": "s3cret",
        "server_metadata_url": (
            "https://login.example.com/.well-known/openid-configuration"
        ),
    }


def test_without_a_cookie_secret_each_start_draws_its_own(tmp_path: Path):
    team = read(tmp_path)

    first = take_secrets(team, {CLIENT_SECRET: "s3cret"})
    second = take_secrets(team, {CLIENT_SECRET: "s3cret"})

    assert first["cookie_secret"] != second["cookie_secret"]
    assert len(first["cookie_secret"]) >= 32


def test_without_the_clients_secret_the_message_names_the_variable(tmp_path: Path):
    with pytest.raises(SettingsError, match=f"set {CLIENT_SECRET} to the secret"):
        take_secrets(read(tmp_path), {})


def test_a_short_cookie_secret_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="must be 32 letters or more, got 6"):
        take_secrets(read(tmp_path), {CLIENT_SECRET: "s3cret", COOKIE_SECRET: "secret"})
