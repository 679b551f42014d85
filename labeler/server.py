"""The labeler as a process: ``python -m labeler.server --home DIR --set SET``.

It listens on 127.0.0.1 alone, prints one line with its address once it does, and ends
with 0 when the curator presses Done, 130 on Ctrl-C, and 2 with one line on stderr
where it can't start. The end has no part in keeping labels: every press is in the
catalog before the page shows the next photo.
"""

import html
import os
import socket
import sys
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeler.ending import ENDING, farewell
from pipeline.catalog import opened
from pipeline.errors import InputError, MekikiError
from pipeline.home import SetFolder, existing_set
from pipeline.settings import load_settings

if TYPE_CHECKING:
    import streamlit as st
    from starlette.requests import Request
    from starlette.responses import Response

ADDRESS = "127.0.0.1"
HOSTS = [ADDRESS, "localhost"]  # any other Host is someone else's page asking
FIRST_PORT = 8501
PORTS = 100  # tried from the first
BACKLOG = 128  # connections that may wait
LAST_PAGE = "/mekiki/done"
INTERRUPTED = 130  # the exit code

CONFIG = {
    "browser_gatherUsageStats": False,
    "server_headless": True,
    "server_address": ADDRESS,
    "server_allowedHosts": HOSTS,
    "server_enableXsrfProtection": True,
    "server_enableCORS": True,
    "server_enableStaticServing": False,
    "server_enableAgentApi": False,
    "server_maxUploadSize": 1,  # MB; nothing is uploaded
    "server_fileWatcherType": "none",
    "server_showEmailPrompt": False,
    "server_disconnectedSessionTTL": 600,  # seconds
    "client_toolbarMode": "minimal",  # no keys of Streamlit's own, no Deploy
    "client_showErrorDetails": "type",
    "client_showErrorLinks": False,
    "runner_magicEnabled": False,
    "runner_fastReruns": False,  # presses in a row must not keep the page from drawing
    "logger_level": "error",
    "logger_hideWelcomeMessage": True,
    # Streamlit's red would read as a warning; dark or light is the browser's choice
    "theme_light_primaryColor": "#2563c9",
    "theme_dark_primaryColor": "#3b7be0",
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
def _command(
    home: Path, name: str, port: int | None, user: str, *, no_browser: bool
) -> int:
    """Serve the labeler of one set."""
    folder = existing_set(home, name)
    load_settings(folder.settings_file)
    with opened(folder):
        pass  # a catalog that can't be opened is told here, not on the page
    for needed in ("streamlit", "uvicorn", "starlette"):
        if find_spec(needed) is None:
            raise InputError(
                f"the labeler needs {needed}: pip install 'mekiki[ui]'"
                " (or make install)"
            )
    with _listen(port) as listener:
        try:
            serve(folder, listener, user=user, browser=not no_browser)
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0


def serve(
    folder: SetFolder, listener: socket.socket, *, user: str, browser: bool
) -> None:
    """Serve the set's labeler on a listening socket until Done.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the connections were closed.
    """
    import uvicorn  # noqa: PLC0415 - of the extra, looked for above

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _announce(folder.name, listener, browser=browser)

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or ENDING.is_due

    os.environ["MEKIKI_HOME"] = str(folder.home)
    os.environ["MEKIKI_SET"] = folder.name
    os.environ["MEKIKI_USER"] = user
    config = uvicorn.Config(
        _build_app(listener.getsockname()[1]),
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,  # seconds
    )
    Server(config).run(sockets=[listener])


def _build_app(port: int) -> "st.App":
    """Return the page with its last page beside it, for no other Host than ours."""
    import streamlit as st  # noqa: PLC0415 - of the extra
    from starlette.middleware import Middleware  # noqa: PLC0415
    from starlette.middleware.trustedhost import TrustedHostMiddleware  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415
    from streamlit.web import bootstrap  # noqa: PLC0415

    bootstrap.load_config_options({**CONFIG, "server_port": port})
    return st.App(
        Path(__file__).with_name("app.py"),
        routes=[Route(LAST_PAGE, _last_page)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
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


def _listen(port: int | None) -> socket.socket:
    """Listen on ``port``, or on the first free one.

    Raises:
        InputError: It is taken, or all are.
    """
    if port is not None:
        listener = _try_port(port)
        if listener is None:
            raise InputError(
                f"port {port} is taken; choose another with --port, or leave it out"
            )
        return listener
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS):
        listener = _try_port(candidate)
        if listener is not None:
            return listener
    raise InputError(
        f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are all taken;"
        " name a free one with --port"
    )


def _try_port(port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name != "nt":  # there it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        return None
    listener.setblocking(False)
    return listener


def _announce(name: str, listener: socket.socket, *, browser: bool) -> None:
    url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
    click.echo(f"{name}: label at {url} (ends with Done on the page, or Ctrl-C)")
    if browser and _has_screen():
        webbrowser.open(url)


def _has_screen() -> bool:
    """Whether a browser could show itself; a text browser would take the terminal."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
