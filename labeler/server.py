"""The labeler as a process: ``python -m labeler.server --home DIR --set SET``.

It listens on 127.0.0.1 alone (a team's may listen elsewhere: ``team``), prints one line
with its address once it does, and ends with 0 when the curator presses Done, 130 on
Ctrl-C, and 2 with one line on stderr where it can't start. The end has no part in
keeping labels: what the page says is saved is in the catalog.
"""

import html
import os
import socket
import sys
import threading
import warnings
import webbrowser
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from labeler.ending import ENDING, farewell
from labeler.listening import ADDRESS, listen
from pipeline.catalog import opened
from pipeline.errors import InputError, MekikiError
from pipeline.home import SetFolder, existing_set
from pipeline.settings import load_settings

if TYPE_CHECKING:
    import streamlit as st
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from labeler.team import Team

HOSTS = [ADDRESS, "localhost"]
PAGE = Path(__file__).with_name("app.py")
LAST_PAGE = "/mekiki/done"
INTERRUPTED = 130  # the exit code
ORPHANED = threading.Event()  # the process that waits for this one has ended

CONFIG = {  # said whole: a config.toml in the working folder must not loosen it
    "browser_gatherUsageStats": False,
    "server_headless": True,
    "server_baseUrlPath": "",
    "server_corsAllowedOrigins": [],
    "server_trustedUserHeaders": {},
    "server_enableXsrfProtection": True,
    "server_enableCORS": True,
    "server_enableStaticServing": False,
    "server_enableAgentApi": False,
    "server_scriptHealthCheckEnabled": False,
    "server_maxUploadSize": 1,  # MB; nothing is uploaded
    "server_fileWatcherType": "none",
    "server_showEmailPrompt": False,
    "server_disconnectedSessionTTL": 600,  # seconds
    "client_toolbarMode": "minimal",  # no keys of Streamlit's own, no Deploy
    "client_showErrorDetails": "type",
    "client_showErrorLinks": False,
    "global_developmentMode": False,
    "secrets_files": [],
    "runner_magicEnabled": False,
    "runner_fastReruns": False,  # presses in a row must not keep the page from drawing
    "logger_level": "error",
    "logger_hideWelcomeMessage": True,
    # Streamlit's red would read as a warning; dark or light is the browser's choice.
    # White on them has a contrast of 5.7 and 4.6 (WCAG asks for 4.5)
    "theme_light_primaryColor": "#2563c9",
    "theme_dark_primaryColor": "#3673d8",
}


def main(arguments: list[str] | None = None) -> int:
    """Serve the labeler until it ends; return the exit code."""
    try:
        code: int = _command.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        return 2
    except MekikiError as error:
        click.echo(str(error), err=True)
        return 2
    except click.Abort:
        return INTERRUPTED
    return code


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True)
@click.option("--set", "name", required=True)
@click.option("--port", type=click.IntRange(0, 65535))
@click.option("--user", default="")
@click.option("--no-browser", is_flag=True)
@click.option("--until-stdin-ends", is_flag=True)
def _command(
    home: Path,
    name: str,
    port: int | None,
    user: str,
    *,
    no_browser: bool,
    until_stdin_ends: bool,
) -> int:
    """Serve the labeler of one set."""
    folder = existing_set(home, name)
    load_settings(folder.settings_file)
    with opened(folder):
        pass  # a catalog that can't be opened is told here, not on the page
    for needed in ("streamlit", "uvicorn", "starlette"):
        _need(needed)
    team, login = _read_team(folder.home, user)
    address = team.listen if team else ADDRESS
    with listen(address, port) as listener:
        place = Place(folder, listener, team, login)
        if until_stdin_ends:
            threading.Thread(target=_follow_stdin, daemon=True).start()
        try:
            serve(place, user=user, browser=not no_browser)
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0 if ENDING.decided is not None else INTERRUPTED


def _follow_stdin() -> None:
    """Note the end of standard input: whoever started this process is gone."""
    while os.read(0, 4096):
        pass
    ORPHANED.set()


@dataclass(frozen=True)
class Place:
    """What is served, where, and to whom."""

    folder: SetFolder
    listener: socket.socket
    team: "Team | None" = None  # none: to whoever is at this machine
    login: dict[str, str] | None = None  # what Streamlit's is told, for a team

    @property
    def url(self) -> str:
        """The address that people type."""
        return self.team.public_url if self.team else f"http://{self.listens_at}"

    @property
    def listens_at(self) -> str:
        """The address and port of the socket."""
        address, port = self.listener.getsockname()[:2]
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    @property
    def hosts(self) -> list[str]:
        """The names it answers to; any other is someone else's page asking."""
        return [*HOSTS, self.team.public_host] if self.team else HOSTS


def _read_team(home: Path, user: str) -> "tuple[Team | None, dict[str, str] | None]":
    """Read the team file and the secrets of its login.

    Raises:
        SettingsError: The file, or what it needs, is wrong.
        InputError: A name was given, where only a login counts.
    """
    from labeler.team import TEAM_FILE, read_team, take_secrets  # noqa: PLC0415

    team = read_team(home)
    if team is None:
        return None, None
    if user:
        raise InputError(
            f"--user names nobody where {home / TEAM_FILE} asks for a login: leave it"
            " out"
        )
    _need("authlib")
    from authlib.deprecate import AuthlibDeprecationWarning  # noqa: PLC0415

    # of the package that it asks through: nothing whoever starts this could change
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    return team, take_secrets(team, os.environ)


def _need(package: str) -> None:
    if find_spec(package) is None:
        raise InputError(
            f"the labeler needs {package}: pip install 'mekiki[ui]' (or make install)"
        )


def serve(place: Place, *, user: str, browser: bool) -> None:
    """Serve the set's labeler on a listening socket until Done.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the connections were closed.
    """
    import uvicorn  # noqa: PLC0415 - of the extra, looked for above

    from labeler.access import ACCESS  # noqa: PLC0415
    from labeler.entrance import DOOR  # noqa: PLC0415

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _announce(place, browser=browser)

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or ENDING.is_due or ORPHANED.is_set()

    os.environ["MEKIKI_HOME"] = str(place.folder.home)
    os.environ["MEKIKI_SET"] = place.folder.name
    os.environ["MEKIKI_USER"] = user
    ACCESS.set_name = place.folder.name
    DOOR.team = place.team
    with ExitStack() as at_the_end:
        config = uvicorn.Config(
            _build_app(place, _open_behind(place.folder, at_the_end)),
            log_level="error",
            access_log=False,
            proxy_headers=False,  # nothing here asks who is behind a proxy
            server_header=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=2,  # seconds
        )
        Server(config).run(sockets=[place.listener])


def _open_behind(folder: SetFolder, at_the_end: ExitStack) -> "list[BaseRoute]":
    """Open what lies behind the page; return the routes that lead to it."""
    from labeler.learning import start_learning  # noqa: PLC0415
    from labeler.office import open_office  # noqa: PLC0415
    from labeler.routes import build_routes  # noqa: PLC0415

    office = open_office(folder)
    at_the_end.callback(office.close)
    at_the_end.callback(start_learning(folder).stop)
    return build_routes(office)


def _build_app(place: Place, routes: "list[BaseRoute]") -> "st.App":
    """Return the page with own routes beside it, for no other Host than ours."""
    import streamlit as st  # noqa: PLC0415 - of the extra
    from starlette.middleware import Middleware  # noqa: PLC0415
    from starlette.middleware.trustedhost import TrustedHostMiddleware  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415
    from streamlit.web import bootstrap  # noqa: PLC0415

    from labeler.headers import OwnOrigin, SafeHeaders, script_hashes  # noqa: PLC0415
    from labeler.logins import tell_failures  # noqa: PLC0415

    address, port = place.listener.getsockname()[:2]
    options = {
        "server_address": address,
        "server_port": port,
        "server_allowedHosts": place.hosts,
        # else an Origin that is not the Host makes Streamlit ask the internet for
        # this machine's address
        "browser_serverAddress": urlsplit(place.url).hostname,
    }
    if place.login:  # what the login remembers between its two requests
        options["server_cookieSecret"] = place.login["cookie_secret"]
    bootstrap.load_config_options(CONFIG | options)
    tell_failures(partial(click.echo, err=True))
    page = Path(st.__file__).parent / "static" / "index.html"
    is_tls = place.url.startswith("https:")
    return st.App(
        PAGE,
        secrets={"auth": {**place.login}} if place.login else None,
        routes=[*routes, Route(LAST_PAGE, _last_page)],
        middleware=[
            Middleware(SafeHeaders, hashes=script_hashes(page), is_tls=is_tls),
            Middleware(TrustedHostMiddleware, allowed_hosts=place.hosts),
            Middleware(
                OwnOrigin, public_url=place.team.public_url if place.team else ""
            ),
        ],
    )


async def _last_page(_request: "Request") -> "Response":
    """Answer the browser that was told to fetch the end; then the server may end."""
    from starlette.background import BackgroundTask  # noqa: PLC0415
    from starlette.responses import HTMLResponse, RedirectResponse  # noqa: PLC0415

    if ENDING.decided is None:
        return RedirectResponse("/")
    page = Path(__file__).with_name("done.html").read_text(encoding="utf-8")
    text = page.replace("FAREWELL", html.escape(farewell(ENDING.decided)))
    return HTMLResponse(text, background=BackgroundTask(ENDING.see))


def _announce(place: Place, *, browser: bool) -> None:
    is_behind = not place.url.endswith(f"//{place.listens_at}")
    proxy = f"listens at {place.listens_at}; " if is_behind else ""
    click.echo(
        f"{place.folder.name}: label at {place.url}"
        f" ({proxy}ends with Done on the page, or Ctrl-C)"
    )
    if browser and _has_screen():
        webbrowser.open(place.url)


def _has_screen() -> bool:
    """Whether a browser could show itself; a text browser would take the terminal."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
