"""What a run was answered can be recorded, and the run repeated from that alone."""

import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import catalog as catalogs
from pipeline.errors import InputError
from pipeline.home import SetFolder, set_folder
from pipeline.images import encode_jpeg
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import ScrapeSettings, load_settings
from pipeline.web.answers import FailedError, FetchError, RefusedError
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.recording import RecordingTransport
from pipeline.web.replaying import NOT_RECORDED, ReplayTransport
from pipeline.web.transport import Network, Request, Transport
from tests.conftest import NOW, draw_photo
from tests.doubles.fetching import Time
from tests.doubles.services.serving import serve_services
from tests.doubles.services.world import World
from tests.doubles.shop_site import Reply, Site, moved, photo, serve_site
from tests.test_kill import tables

SETTINGS = ScrapeSettings(allow_private=True, timeout_s=2.0, retries=1)


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.warc.gz"


def network() -> Network:
    return Network(per_host=8, allow_private=True)


def fetcher(transport: Transport) -> Fetcher:
    return Fetcher(SETTINGS, timing=Time().timing, transport=transport)


def ask(transport: Transport, *urls: str) -> list[str | bytes]:
    """Ask for URLs; return each body, or the reason why there is none."""
    opened = fetcher(transport)
    answers: list[str | bytes] = []
    for url in urls:
        try:
            answers.append(opened.fetch(url).body)
        except FetchError as error:
            answers.append(f"{type(error).__name__}: {error.reason}")
    opened.close()
    return answers


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_answer_and_every_failure_is_replayed_as_it_was(site, file):
    packed = gzip.compress(b"text " * 1000)
    flaky = Reply(b"busy", 503), photo(b"in the end")
    urls = [
        site.add("/plain.jpg", photo(b"bytes\0\xff")),
        site.add("/packed", Reply(packed, headers={"Content-Encoding": "gzip"})),
        site.add("/flaky.jpg", *flaky),
        site.add("/moved.jpg", moved("/plain.jpg")),
        site.add("/gone.jpg", Reply(b"no", 404)),
        site.add("/cut.jpg", Reply(b"half", claimed_length=100)),
        site.add("/empty.jpg", photo(b"")),
        site.add("/noai.jpg", Reply(b"no", headers={"X-Robots-Tag": "noai"})),
        site.add("/möbel.jpg", moved("/gitarre ü.jpg")),
        f"http://127.0.0.1:{closed_port()}/a.jpg",
        "http://[broken/a.jpg",
    ]

    told = ask(RecordingTransport(network(), file), *urls)
    asked = len(site.requests)
    again = ask(ReplayTransport(file), *urls)

    assert again == told
    assert told[:3] == [b"bytes\0\xff", b"text " * 1000, b"in the end"]
    assert told[5] == "FailedError: connection broken off"
    assert told[7] == "RefusedError: X-Robots-Tag: noai"
    assert told[9] == "UnreachableError: can't connect"
    assert len(site.requests) == asked


def test_what_is_too_large_is_refused_again(site, file):
    large = ScrapeSettings(allow_private=True, max_megabytes=0.1)
    url = site.add("/large.jpg", photo(bytes(200_000)))

    def refused(transport: Transport) -> None:
        opened = Fetcher(large, transport=transport)
        with pytest.raises(RefusedError, match=r"more than 0\.1 MB"):
            opened.fetch(url)
        opened.close()

    refused(RecordingTransport(network(), file))
    refused(ReplayTransport(file))


def test_what_was_not_asked_then_fails_with_that_reason(site, file):
    ask(RecordingTransport(network(), file), site.add("/a.jpg", b"a"))

    (told,) = ask(ReplayTransport(file), "http://elsewhere.net/b.jpg")

    assert told == "RefusedError: leaves this machine, and no contact is set"
    (told,) = ask(ReplayTransport(file), site.url + "/b.jpg")
    assert told == f"FailedError: {NOT_RECORDED}"


def test_recording_goes_on_at_the_end_of_a_file_that_is_there(site, file):
    first, second = site.add("/a.jpg", b"a"), site.add("/b.jpg", b"b")
    ask(RecordingTransport(network(), file), first)
    ask(RecordingTransport(network(), file), second)

    assert ask(ReplayTransport(file), first, second) == [b"a", b"b"]


def test_a_file_that_was_cut_gives_what_is_whole_in_it(site, file):
    urls = [site.add(f"/{n}.jpg", bytes([n]) * 5000) for n in range(1, 6)]
    ask(RecordingTransport(network(), file), *urls)
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])

    told = ask(ReplayTransport(file), *urls)

    assert told[:4] == [bytes([n]) * 5000 for n in range(1, 5)]
    assert told[4] == f"FailedError: {NOT_RECORDED}"


def test_no_key_token_or_cookie_is_written(site, file):
    with serve_services(World()) as services:
        services.openverse.keys.add("our-id", "PASSWORD")
        opened = fetcher(RecordingTransport(network(), file))
        token_url = f"{services.openverse_url}auth_tokens/token/"
        key = Key(opened, token_url, "our-id", "PASSWORD", Time().timing)
        headers = key.headers()
        opened.call(f"{services.openverse_url}images/?q=cat", headers=headers)
        site.add("/a.jpg", Reply(b"a", headers={"Set-Cookie": "id=COOKIE"}))
        opened.fetch(site.url + "/a.jpg")
        opened.close()

    unpacked = gzip.decompress(file.read_bytes())

    token = headers["Authorization"].removeprefix("Bearer ")
    assert b'"access_token": "recorded"' in unpacked
    for hidden in (b"PASSWORD", b"COOKIE", token.encode()):
        assert hidden not in unpacked
    again = fetcher(ReplayTransport(file))
    assert Key(again, token_url, "", "", Time().timing).headers() == {
        "Authorization": "Bearer recorded"
    }
    again.close()


@pytest.mark.parametrize("content", [b"", b"no archive at all", gzip.compress(b"x")])
def test_a_file_that_is_no_recording_is_refused_in_one_line(file, content):
    file.write_bytes(content)

    with pytest.raises(InputError, match="no recording") as error:
        ReplayTransport(file)

    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_is_named(file):
    with pytest.raises(InputError, match="No such file"):
        ReplayTransport(file)


def test_many_threads_may_record_and_replay(site, file):
    urls = [site.add(f"/{n}.jpg", bytes([n]) * 3000) for n in range(60)]

    def gather(transport: Transport) -> dict[str, bytes]:
        opened, found = fetcher(transport), {}

        def work(own: list[str]) -> None:
            found.update({url: opened.fetch(url).body for url in own})

        threads = [threading.Thread(target=work, args=(urls[n::6],)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        opened.close()
        return found

    told = gather(RecordingTransport(network(), file))

    assert len(told) == 60
    assert gather(ReplayTransport(file)) == told


def make_set(home: Path, site: Site) -> SetFolder:
    folder = set_folder(home, "things")
    folder.folder.mkdir(parents=True)
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
        f'[[source]]\nkind = "pages"\nurl = "{site.url}/of/{{category}}"\n'
        "[scrape]\nallow_private = true\n",
        encoding="utf-8",
    )
    return folder


def run(folder: SetFolder, *, record: Path | None, replay: Path | None) -> None:
    with catalogs.opened(folder) as catalog:
        scrape(
            folder,
            load_settings(folder.settings_file),
            catalog,
            progress=silent,
            now=lambda: NOW,
            timing=Time().timing,
            record=record,
            replay=replay,
        )


def test_a_scrape_is_repeated_from_its_recording_alone(tmp_path, file):
    with serve_site() as site:
        for category in ("cat", "dog"):
            pictures = []
            for number in range(6):
                seed = number + 10 * (category == "dog")
                path = f"/{category}/{number}.jpg"
                site.add(path, encode_jpeg(draw_photo(seed)))
                pictures.append(f'<img src="{path}">')
            site.add(f"/{category}/2.jpg", Reply(b"gone", 404))
            good = photo(encode_jpeg(draw_photo(40)))
            site.add(f"/{category}/3.jpg", Reply(b"busy", 503), good)
            site.add(f"/of/{category}", "".join(pictures))
        calm = make_set(tmp_path / "recorded", site)
        run(calm, record=file, replay=None)
        again = make_set(tmp_path / "replayed", site)

    run(again, record=None, replay=file)

    assert tables(again) == tables(calm)
    names = [sorted(p.name for p in one.images.glob("*/*")) for one in (calm, again)]
    assert names[0] == names[1] != []


def test_a_failure_that_was_recorded_is_of_the_same_kind(site, file):
    url = f"http://127.0.0.1:{closed_port()}/a.jpg"
    ask(RecordingTransport(network(), file), url)

    with pytest.raises(FailedError):
        ReplayTransport(file).send(Request(url, {}), 1.0)
