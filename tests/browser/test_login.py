"""A team's labeler in a real browser: who gets in, as whom, and out again.

The provider is a double on this machine (``tests/doubles/oidc.py``); all else is real.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")
pytest.importorskip("playwright", reason="browser tests need the dev extra")
pytest.importorskip("authlib", reason="logging in needs the ui extra")

from playwright.sync_api import Browser, BrowserContext, Page, expect

from labeler.team import CLIENT_SECRET
from pipeline.catalog import Catalog
from pipeline.home import SetFolder
from tests.browser.axe import has_axe, serious_findings
from tests.doubles.oidc import Provider

ACCOUNTS = [
    {"email": "hana@example.com", "email_verified": True, "name": "Admin"},
    {"email": "ken@example.com", "email_verified": True},
    {"email": "eve@example.com", "email_verified": True},
    {"email": "mia@example.com", "email_verified": False},
]
SECRET = "a secret/with+signs"  # noqa: S105  of the double
TEAM = """
public_url = "{url}"
contact = "Ken <ken@example.com>"
[oidc]
client_id = "mekiki"
server_metadata_url = "{metadata}"
[people]
"Hana@Example.com" = {{ role = "curator", name = "花子" }}
"ken@example.com" = "admin"
"mia@example.com" = "admin"
"""

PATIENCE_MS = 30_000  # other work may take the processors


@dataclass(frozen=True)
class Team:
    """A labeler that asks for a login, and the provider that it trusts."""

    url: str
    provider: Provider
    process: subprocess.Popen[str]


@pytest.fixture
def photos(catalog: Catalog, folder: SetFolder, add_photos) -> list[str]:
    """Three photos in a set of two categories, on each kind of database."""
    shas: list[str] = add_photos(catalog, folder, ("cat", 1), ("dog", 2), ("cat", 3))
    return shas


@contextmanager
def serving(
    folder: SetFolder, *arguments: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a labeler; yield it and the address in its line."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "labeler.server", "--no-browser"),
            *("--home", str(folder.home), "--set", folder.name, *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | variables,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[3]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def team(folder: SetFolder, photos: list[str]) -> Iterator[Team]:
    """Start the labeler of a team, its provider beside it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        provider = stack.enter_context(
            Provider(ACCOUNTS, "mekiki", SECRET, f"{url}/oauth2callback")
        )
        (folder.home / "team.toml").write_text(
            TEAM.format(url=url, metadata=provider.metadata_url), encoding="utf-8"
        )
        process, said = stack.enter_context(
            serving(folder, "--port", str(port), **{CLIENT_SECRET: SECRET})
        )
        assert said == url
        yield Team(url, provider, process)
        assert provider.refused == []


@pytest.fixture
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of somebody who has never been here."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def log_in(profile: BrowserContext, team: Team, address: str) -> Page:
    """Log in with an account; what comes then depends on the list."""
    page = profile.new_page()
    page.goto(team.url)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=address).click()
    page.wait_for_url(f"{team.url}/")
    return page


def label(page: Page, key: str) -> str:
    """Give the photo on the screen the key's label; return which photo it was."""
    photo = page.locator("[data-mekiki=one] [data-sha256][aria-current=true]")
    sha256 = photo.get_attribute("data-sha256")
    assert sha256
    page.keyboard.press(key)
    expect(photo).not_to_have_attribute("data-sha256", sha256)
    expect(page.locator("[data-unsaved]")).to_have_attribute("data-unsaved", "0")
    return sha256


def findings(page: Page) -> list[str]:
    """List what axe-core calls serious, where that is installed."""
    return serious_findings(page) if has_axe() else []


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_curator_gets_in_and_the_journal_keeps_her_name(
    team: Team, profile: BrowserContext, catalog: Catalog
):
    hosts = set()
    profile.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

    page = log_in(profile, team, "hana@example.com")
    sha256 = label(page, "2")

    newest = catalog.journal.history(limit=1)[0]
    assert (newest.user, newest.sha256, newest.new_label) == ("花子", sha256, "dog")
    ours = {urlsplit(team.url).netloc, urlsplit(team.provider.url).netloc, ""}
    assert hosts <= ours


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_curator_can_not_end_the_labeler_and_an_admin_can(
    team: Team, browser: Browser, profile: BrowserContext
):
    page = log_in(profile, team, "hana@example.com")
    expect(page.locator("[data-mekiki=one]")).to_be_visible()
    expect(page.get_by_role("button", name="Done")).to_have_count(0)

    other = browser.new_context()
    page = log_in(other, team, "ken@example.com")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_contain_text("Labeling just now, too: 花子.")
    page.get_by_role("button", name="End it for everybody").click()
    expect(page.get_by_text("you can close this tab")).to_be_visible()
    other.close()

    output, errors = team.process.communicate(timeout=20)
    assert (team.process.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_who_is_not_on_the_list_is_turned_away_in_words(
    team: Team, profile: BrowserContext
):
    page = log_in(profile, team, "eve@example.com")
    said = "You are logged in as eve@example.com, and that address is not on this"
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("Whom to ask: Ken <ken@example.com>")).to_be_visible()
    expect(page.locator("[data-mekiki]")).to_have_count(0)
    assert findings(page) == []
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert findings(page) == []

    # an address that nobody has verified may be anybody's
    page = log_in(profile, team, "mia@example.com")
    said = "your provider names no verified address of yours (email)"
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.locator("[data-mekiki]")).to_have_count(0)


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_logging_out_ends_it_for_the_browser(team: Team, profile: BrowserContext):
    page = log_in(profile, team, "hana@example.com")
    expect(page.locator("[data-mekiki=one]")).to_be_visible()

    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert not any("user" in cookie["name"] for cookie in profile.cookies())
    page.goto(team.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_another_address_lets_nobody_in(team: Team, profile: BrowserContext):
    page = profile.new_page()
    page.goto(f"{team.url}/?user=Ken")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.locator("[data-mekiki]")).to_have_count(0)

    page.goto(team.url.replace("127.0.0.1", "localhost"))
    expect(page.get_by_role("link", name=team.url)).to_have_attribute("href", team.url)
    expect(page.get_by_role("button", name="Log in")).to_have_count(0)


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_a_login_that_fails_is_told_to_both(team: Team, profile: BrowserContext):
    team.provider.client = ("mekiki", "another secret")
    log_in(profile, team, "hana@example.com")
    team.provider.stop()
    page = profile.new_page()
    page.goto(team.url)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("the login provider gives no answer")).to_be_visible()
    expect(page.get_by_text("Whom to ask: Ken <ken@example.com>")).to_be_visible()

    team.process.send_signal(signal.SIGINT)
    _, errors = team.process.communicate(timeout=20)
    assert team.provider.refused.pop() == "client_secret"
    assert errors.startswith("login: OAuth token exchange failed")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("any_database", ["postgresql"], indirect=True)
def test_what_is_labelled_at_one_server_is_seen_at_another_on_the_same_catalog(
    folder: SetFolder, photos: list[str], browser: Browser
):
    with ExitStack() as stack:
        pages = []
        for name in ("Hana", "Ken"):
            _, url = stack.enter_context(serving(folder, "--port", "0"))
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            page = context.new_page()
            page.goto(f"{url}/?user={name}")
            expect(page.get_by_text("0 of 3 decided")).to_be_visible()
            pages.append(page)
        hana, ken = pages

        label(hana, "2")

        expect(ken.get_by_text("1 of 3 decided")).to_be_visible()
