"""The labeler as a process: what it says, what it lets in, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from starlette.applications import Starlette
from starlette.routing import Route

from labeler.access import ACCESS, HEADER, Access, Curator, Role
from labeler.ending import ENDING
from labeler.office import open_office
from labeler.routes import build_routes
from pipeline.home import existing_set
from tests.doubles import asgi
from tests.doubles.shop_site import serve_site

SETTINGS = '[[category]]\nname = "Cherry"\n\n[[category]]\nname = "Cosmos"\n'

TEAM = """
public_url = "https://label.example.com"
[oidc]
client_id = "mekiki"
server_metadata_url = "https://login.example.com/.well-known/openid-configuration"
[people]
"hana@example.com" = "curator"
"""
LOOSE = """
[server]
enableXsrfProtection = false
enableCORS = false
allowedHosts = ["*"]
baseUrlPath = "sub"
scriptHealthCheckEnabled = true
"""
SECRET = {"MEKIKI_OIDC_CLIENT_SECRET": "s3cret"}

Start = Callable[..., subprocess.Popen[str]]


def make_home(at: Path) -> Path:
    """Make a home folder with an empty set, ``flowers``."""
    folder = at / "datasets" / "flowers"
    folder.mkdir(parents=True)
    (folder / "categories.toml").write_text(SETTINGS, encoding="utf-8")
    return at


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@contextmanager
def starting(home: Path) -> Iterator[Start]:
    """Start labelers with the given arguments; end what is still running."""
    started: list[subprocess.Popen[str]] = []
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("MEKIKI")
    }

    def run(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "labeler.server", "--home", str(home), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | variables,
            cwd=home,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start labelers of a home of this test's own."""
    with starting(home) as start:
        yield start


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A labeler for all tests that only ask it something."""
    with starting(make_home(tmp_path_factory.mktemp("calm"))) as start:
        yield announced(start("--set", "flowers", "--port", "0", "--no-browser"))


def announced(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for the one line, and return the host and port in it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("flowers: label at http://127.0.0.1:"), line
    url = urlsplit(line.split()[3])
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


def test_it_listens_where_its_line_says_and_ctrl_c_ends_it_with_130(start: Start):
    process = start("--set", "flowers", "--port", "0", "--no-browser")
    address = announced(process)

    assert status_of(address, "/_stcore/health") == 200
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=20)

    assert (process.returncode, rest, errors) == (130, "", "")


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_command_ends_the_page_ends_with_it(
    home: Path, tmp_path: Path, way: signal.Signals
):
    order = [sys.executable, "-m", "pipeline.cli", "--home", str(home)]
    command = subprocess.Popen(
        [*order, "label", "flowers", "--serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"BROWSER": "true"},
        start_new_session=True,
    )
    assert command.stdout is not None
    announced(command)

    command.send_signal(way)  # to it alone, as nobody at a terminal can

    # the page holds the other end of the pipe, until it ends
    assert command.stdout.read() == ""
    assert command.wait() in {130, -way}
    command.stdout.close()


def ask(
    address: tuple[str, int], path: str, *, method: str = "GET", **headers: str
) -> tuple[int, HTTPMessage, bytes]:
    """Return the status, the headers and the body of an answer.

    An underscore in a header's name stands for a hyphen.
    """
    connection = HTTPConnection(*address, timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, text in headers.items():
        connection.putheader(name.replace("_", "-"), text)
    connection.endheaders()
    answer = connection.getresponse()
    body = b"" if answer.status == 101 else answer.read()
    connection.close()
    return answer.status, answer.headers, body


def status_of(address: tuple[str, int], path: str, **headers: str) -> int:
    return ask(address, path, **headers)[0]


def status_of_socket(address: tuple[str, int], **headers: str) -> int:
    """Return how the wish for a WebSocket to the page is answered; 101 opens it."""
    wish = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec_WebSocket_Protocol": "streamlit",
    }
    return status_of(address, "/_stcore/stream", **wish, **headers)


def test_another_host_name_is_refused_and_the_last_page_ends_nothing(
    address: tuple[str, int],
):
    assert status_of(address, "/", Host="evil.example") == 400
    assert status_of(address, "/mekiki/done", Host="evil.example") == 400
    assert status_of(address, "/mekiki/api/mine", Host="evil.example") == 400
    assert status_of(address, "/mekiki/done", Host="localhost") == 307  # to the page
    assert status_of(address, "/_stcore/health", Host="localhost") == 200


def test_another_sites_page_gets_no_answer_and_no_socket(address: tuple[str, int]):
    own = f"127.0.0.1:{address[1]}"
    other_port = f"http://localhost:{address[1] - 1}"

    assert status_of_socket(address, Origin=f"http://{own}") == 101
    assert status_of_socket(address, Origin="http://evil.example") == 403
    assert status_of_socket(address, Origin=other_port) == 403
    assert status_of_socket(address, Origin="null") == 403
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert status_of_socket(address, **rebound) == 400
    assert status_of(address, "/", Origin="http://evil.example") == 403
    assert status_of(address, "/mekiki/api/mine", Origin=other_port) == 403
    upload = "/_stcore/upload_file/a/b"
    assert status_of(address, upload, method="PUT", Content_Length="0") == 403
    assert status_of(address, "/app/static/../") == 400


def test_every_answer_carries_the_headers_and_does_not_name_the_server(
    address: tuple[str, int],
):
    for path in ("/", "/_stcore/health", "/mekiki/done", "/mekiki/api/mine", "/none"):
        for host in ("localhost", "evil.example"):
            _, headers, _ = ask(address, path, Host=host)

            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["Permissions-Policy"]
            assert "Server" not in headers


def test_own_routes_open_with_a_token_of_this_server_alone(address: tuple[str, int]):
    foreign = Access(b"k" * 32, "flowers").mint(Curator("Hana", Role.ADMIN))

    for headers in ({}, {"X_Mekiki_Token": foreign}):
        status, _, body = ask(address, "/mekiki/api/mine", **headers)
        assert status == 401
        assert b"reload the page" in body
        headers["Content_Length"] = "0"
        assert status_of(address, "/mekiki/api/done", method="POST", **headers) == 401
    assert status_of(address, "/_stcore/health") == 200  # it has not ended


def test_no_route_of_a_set_answers_without_a_token(home: Path):
    with closing(open_office(existing_set(home, "flowers"))) as office:
        routes = build_routes(office)
        app = Starlette(routes=routes)
        asked = [
            (method, re.sub(r"{.*?}", "x", route.path))
            for route in routes
            if isinstance(route, Route) and not route.path.startswith("/mekiki/assets/")
            for method in route.methods or ()
        ]
        statuses = {one: asgi.ask(app, *one).status for one in asked}

    assert len(asked) > 10
    assert set(statuses.values()) == {401}, statuses


def test_a_config_file_of_streamlits_where_it_was_started_loosens_nothing(
    start: Start, home: Path
):
    (home / ".streamlit").mkdir()
    (home / ".streamlit" / "config.toml").write_text(LOOSE, encoding="utf-8")
    address = announced(start("--set", "flowers", "--port", "0", "--no-browser"))

    assert status_of(address, "/") == 200
    assert status_of(address, "/", Host="evil.example") == 400
    assert status_of_socket(address, Origin="http://evil.example") == 403
    upload = "/_stcore/upload_file/a/b"
    assert status_of(address, upload, method="PUT", Content_Length="0") == 403
    assert b"healthy" not in ask(address, "/_stcore/script-health-check")[2]


@pytest.mark.parametrize(
    ("role", "route", "status"),
    [
        (Role.OPERATOR, "ops", 403),
        (Role.CURATOR, "ops", 400),  # nothing was said
        (Role.CURATOR, "done", 403),
        (Role.REVIEWER, "done", 403),
        (Role.ADMIN, "done", 200),
    ],
)
def test_to_say_something_takes_a_curator_and_to_end_it_an_admin(
    home: Path, monkeypatch: pytest.MonkeyPatch, role: Role, route: str, status: int
):
    monkeypatch.setattr(ENDING, "decided", None)
    with closing(open_office(existing_set(home, "flowers"))) as office:
        app = Starlette(routes=build_routes(office))
        token = {HEADER: ACCESS.mint(Curator("Hana", role))}
        answer = asgi.ask(app, "POST", f"/mekiki/api/{route}", token, {})

    assert answer.status == status
    assert (ENDING.decided is not None) is (route == "done" and status == 200)


def test_with_a_team_file_the_line_says_where_it_listens_and_what_people_type(
    start: Start, home: Path
):
    (home / "team.toml").write_text(TEAM, encoding="utf-8")
    process = start(
        *("--set", "flowers", "--port", "0", "--no-browser"),
        **SECRET,
    )
    assert process.stdout is not None
    line = process.stdout.readline()

    said = re.fullmatch(
        r"flowers: label at https://label\.example\.com \(listens at 127\.0\.0\.1:"
        r"(\d+); ends with Done on the page, or Ctrl-C\)\n",
        line,
    )
    assert said, line
    address = ("127.0.0.1", int(said[1]))
    public = {"Host": "label.example.com"}
    assert status_of(address, "/", **public) == 200
    assert status_of(address, "/", Host="other.example.com") == 400
    assert (
        status_of_socket(address, **public, Origin="https://label.example.com") == 101
    )
    assert status_of_socket(address, **public, Origin="https://evil.example") == 403
    _, headers, _ = ask(address, "/_stcore/health", **public)
    (cookie,) = headers.get_all("Set-Cookie", [])
    assert cookie.startswith("_streamlit_xsrf=")
    assert cookie.endswith("; Secure")


def test_whose_page_asks_is_judged_without_asking_anybody_outside(
    start: Start, home: Path
):
    (home / "team.toml").write_text(TEAM, encoding="utf-8")
    with serve_site() as outside:
        proxies = {"http_proxy": outside.url, "https_proxy": outside.url}
        process = start("--set", "flowers", "--port", "0", **SECRET, **proxies)
        assert process.stdout is not None
        said = re.search(r"listens at 127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert said
        address = ("127.0.0.1", int(said[1]))
        # behind a proxy that names its own target the two differ, and that is right
        assert status_of_socket(address, Origin="https://label.example.com") == 101
        assert status_of_socket(address, Origin="https://evil.example") == 403

        assert outside.connections == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            [],
            {},
            "team.toml asks for a login: set MEKIKI_OIDC_CLIENT_SECRET to the secret"
            " that the provider gave for mekiki\n",
        ),
        (
            ["--user", "Hana"],
            SECRET,
            "--user names nobody where HOME/team.toml asks for a login: leave it out\n",
        ),
    ],
    ids=["no secret", "a name"],
)
def test_a_team_that_could_not_log_in_is_one_line_and_exit_2(
    start: Start, home: Path, arguments, environment, message: str
):
    (home / "team.toml").write_text(TEAM, encoding="utf-8")
    process = start("--set", "flowers", "--no-browser", *arguments, **environment)
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == message.replace("HOME", str(home))


def test_an_address_that_is_not_this_machines_is_one_line_and_exit_2(
    start: Start, home: Path
):
    text = TEAM.replace("[oidc]", 'listen = "192.0.2.1"\n[oidc]')
    (home / "team.toml").write_text(text, encoding="utf-8")
    process = start("--set", "flowers", "--no-browser", **SECRET)
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == "192.0.2.1 is no address of this machine\n"


def test_two_labelers_find_a_free_port_each(start: Start):
    first = announced(start("--set", "flowers", "--no-browser"))
    second = announced(start("--set", "flowers", "--no-browser"))

    assert first != second


def test_a_port_that_is_taken_is_one_line_and_exit_2(start: Start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--set", "flowers", "--port", str(port), "--no-browser")
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"port {port} is taken; choose another with --port, or leave it out\n"
    )


def test_an_unknown_set_is_one_line_and_exit_2(start: Start, home: Path):
    process = start("--set", "trees", "--no-browser")
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"no category set 'trees' in {home / 'datasets'} (there: flowers);"
        " write one with `mekiki new trees`\n"
    )


def test_a_wrong_argument_is_one_line_and_exit_2(start: Start):
    process = start("--set", "flowers", "--port", "many")
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors.count("\n") == 1
    assert "--port" in errors


def test_without_streamlit_one_line_names_the_extra(start: Start, home: Path):
    hide = (
        "import sys\n"
        "sys.modules['streamlit'] = None\n"
        "from labeler.server import main\n"
        f"sys.exit(main(['--home', {str(home)!r}, '--set', 'flowers']))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, check=False
    )

    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == (
        "the labeler needs streamlit: pip install 'mekiki[ui]' (or make install)\n"
    )
