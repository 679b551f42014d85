"""What a run was answered can be recorded, and the run repeated from that alone."""

import fcntl
import gzip
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipeline import catalog as catalogs
from pipeline.errors import InputError
from pipeline.home import SetFolder, set_folder
from pipeline.images import encode_jpeg
from pipeline.locking import held_alone
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import ScrapeSettings, load_settings
from pipeline.web.answers import FetchError, RefusedError, UnreachableError
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.recording import RecordingTransport
from pipeline.web.replaying import NOT_RECORDED, ReplayTransport
from pipeline.web.transport import Network, Request, Transport
from tests.conftest import NOW, draw_photo
from tests.doubles.fetching import Time
from tests.doubles.services.serving import serve_services
from tests.doubles.services.web import Reply as ServiceReply
from tests.doubles.services.web import Trouble, json_reply, too_many
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


def sent(transport: Transport, url: str) -> bytes | str:
    """Send one request as it is; return the body, or the reason why there is none."""
    try:
        with transport.send(Request(url, {}), 1.0) as response:
            return response.read()
    except FetchError as error:
        return error.reason


def replayed(file: Path, urls: list[str]) -> list[bytes | str]:
    """Send requests to a recording, which may turn out to have no answer at all."""
    try:
        transport = ReplayTransport(file)
    except InputError as error:
        if not str(error).endswith("no answer is in it"):
            raise
        return [NOT_RECORDED] * len(urls)
    return [sent(transport, url) for url in urls]


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


@pytest.mark.parametrize("name", ["answers.warc.gz", "answers.warc"])
def test_a_file_cut_at_any_byte_gives_what_is_whole_before_it(site, tmp_path, name):
    file = tmp_path / name
    urls = [site.add("/a.jpg", b"a" * 60), f"http://127.0.0.1:{closed_port()}/b.jpg"]
    urls.append(site.add("/c.jpg", b"c" * 60))
    recording = RecordingTransport(network(), file)
    bodies, ends = [], []
    for url in urls:
        bodies.append(sent(recording, url))
        ends.append(file.stat().st_size)
    recording.close()
    whole = file.read_bytes()

    for cut in range(1, len(whole)):
        file.write_bytes(whole[:cut])

        told = replayed(file, urls)

        count = sum(end <= cut for end in ends)
        assert told[:count] == bodies[:count]
        assert told[count] in {bodies[count], NOT_RECORDED}  # only its end may lack
        assert set(told[count + 1 :]) <= {NOT_RECORDED}
    file.write_bytes(whole)
    assert replayed(file, urls) == bodies == [b"a" * 60, "can't connect", b"c" * 60]


@pytest.mark.parametrize("name", ["answers.warc.gz", "answers.warc"])
def test_recording_goes_on_where_a_killed_run_left_a_part(site, tmp_path, name):
    file = tmp_path / name
    urls = [site.add(f"/{n}.jpg", bytes([n]) * 60) for n in (1, 2, 3)]
    recording = RecordingTransport(network(), file)
    ends = []
    for url in urls[:2]:
        sent(recording, url)
        ends.append(file.stat().st_size)
    recording.close()
    whole = file.read_bytes()

    for cut in range(ends[0], len(whole), 7):
        file.write_bytes(whole[:cut])
        again = RecordingTransport(network(), file)
        sent(again, urls[2])
        again.close()

        told = replayed(file, urls)

        assert told[0] == b"\1" * 60
        assert told[1] in {b"\2" * 60, NOT_RECORDED}
        assert told[2] == b"\3" * 60


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (b"2026-01-01T00:00:00Z", 1767225600.0),
        (b"2026-01-01T00:00:00.123Z", 1767225600.123),
        (b"2026-01-01T00:00:00.123456789Z", 1767225600.123456),
    ],
    ids=["seconds", "milliseconds", "nanoseconds"],
)
def test_a_replay_begins_at_the_date_of_its_first_answer(site, tmp_path, date, seconds):
    file = tmp_path / "answers.warc"
    ask(RecordingTransport(network(), file), site.add("/a.jpg", b"a"))
    dated = re.sub(rb"(?<=WARC-Date: )\S+", date, file.read_bytes())
    file.write_bytes(dated)

    assert ReplayTransport(file).timing().wall() == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "line", [b"WARC-Date: yester\x00day\r\n", b"WARC-Date:\r\n", b""]
)
def test_a_record_without_a_date_is_refused_and_the_file_named(site, tmp_path, line):
    file = tmp_path / "answers.warc"
    urls = [site.add("/a.jpg", b"a"), site.add("/b.jpg", b"b")]
    ask(RecordingTransport(network(), file), *urls)
    before, last, rest = file.read_bytes().rpartition(b"WARC/1.0\r\n")
    file.write_bytes(before + last + re.sub(rb"WARC-Date: \S+\r\n", line, rest))

    with pytest.raises(InputError, match=r"answers\.warc .*date") as error:
        ReplayTransport(file)

    assert str(error.value).isprintable()


def test_a_file_is_compressed_if_its_name_says_so(site, tmp_path):
    packed, plain = tmp_path / "answers.warc.gz", tmp_path / "answers.warc"
    urls = [
        site.add("/a.jpg", photo(b"WARC/1.0\r\n\r\n" * 3000)),
        site.add("/gone.jpg", Reply(b"no", 404)),
        f"http://127.0.0.1:{closed_port()}/a.jpg",
    ]

    told = [ask(RecordingTransport(network(), file), *urls) for file in (packed, plain)]

    assert gzip.decompress(packed.read_bytes()).startswith(b"WARC/1.0\r\n")
    assert plain.read_bytes().startswith(b"WARC/1.0\r\n")
    assert [ask(ReplayTransport(file), *urls) for file in (packed, plain)] == told


@pytest.mark.parametrize(
    ("first", "then"),
    [("a.warc.gz", "a.warc"), ("a.warc", "a.warc.gz"), ("a.warc", "a.warc")],
)
def test_recording_goes_on_as_the_file_began_whatever_its_name(
    site, tmp_path, first, then
):
    urls = [site.add("/a.jpg", b"a"), site.add("/b.jpg", b"b")]
    ask(RecordingTransport(network(), tmp_path / first), urls[0])
    file = (tmp_path / first).rename(tmp_path / then)
    ask(RecordingTransport(network(), file), urls[1])

    assert ask(ReplayTransport(file), *urls) == [b"a", b"b"]


@pytest.mark.parametrize(
    "content",
    [
        b"my notes\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        gzip.compress(b"my notes\n"),
        gzip.compress(b""),
        b"WARC is the name of a format",
        b"\n",
    ],
    ids=["text", "picture", "packed text", "packed nothing", "nearly", "empty line"],
)
@pytest.mark.parametrize("name", ["notes.gz", "notes"])
def test_a_file_that_is_no_recording_is_never_added_to(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(InputError, match="choose another name") as error:
        RecordingTransport(network(), file)

    assert file.read_bytes() == content
    assert str(file) in str(error.value)
    assert str(error.value).isprintable()


def test_an_empty_file_may_be_recorded_into(site, file):
    file.touch()
    ask(RecordingTransport(network(), file), site.add("/a.jpg", b"a"))

    assert ask(ReplayTransport(file), site.url + "/a.jpg") == [b"a"]


def all_said(file: Path) -> bytes:
    """Return all that can be read in a recording, compressed or not."""
    with file.open("rb") as opened:
        bodies = [one.content_stream().read() for one in ArchiveIterator(opened)]
    whole = file.read_bytes()
    return b"\n".join(
        [gzip.decompress(whole) if file.suffix == ".gz" else whole, *bodies]
    )


def token_of(key: Key) -> tuple[str, float | None]:
    """Return what a key sends, or why it has nothing to send and until when."""
    try:
        return key.headers()["Authorization"], None
    except FetchError as error:
        return f"{type(error).__name__}: {error.reason}", error.retry_after_s


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

    said = all_said(file)

    token = headers["Authorization"].removeprefix("Bearer ")
    for hidden in (b"our-id", b"PASSWORD", b"COOKIE", token.encode(), b"Bearer"):
        assert hidden not in said
    again = fetcher(ReplayTransport(file))
    assert token_of(Key(again, token_url, "", "", Time().timing))[0] == (
        "Bearer recorded"
    )
    again.close()


TOKENS = {"access_token": "HIDE-1", "refresh_token": "HIDE-2", "scope": "HIDE-3"}
EXCHANGES: dict[str, tuple[ServiceReply | Trouble, str]] = {
    "tokens": (json_reply(TOKENS | {"expires_in": 60}), "Bearer recorded"),
    "headers": (
        json_reply(
            TOKENS | {"expires_in": 60},
            headers={"Set-Cookie": "HIDE-4", "X-Token": "HIDE-5", "ETag": '"HIDE-6"'},
        ),
        "Bearer recorded",
    ),
    "a token that has to be escaped": (
        json_reply({"access_token": 'a"HIDE-1', "expires_in": "60"}),
        "Bearer recorded",
    ),
    "a time that is none": (
        json_reply(TOKENS | {"expires_in": "HIDE-4"}),
        "FailedError: no token in the answer",
    ),
    "a time without end": (
        json_reply(TOKENS | {"expires_in": 10**400}),
        "FailedError: no token in the answer",
    ),
    "no JSON": (
        ServiceReply(b"access_token=HIDE-1"),
        "FailedError: no token in the answer",
    ),
    "a refusal": (
        json_reply({"detail": "HIDE-1"}, 401),
        f"DeniedError: {Key.not_accepted}",
    ),
    "too many": (too_many(30, body=b"HIDE-1"), "FailedError: HTTP 429"),
    "cut": (
        replace(json_reply(TOKENS | {"expires_in": 60}), cut_at=70),
        "FailedError: connection broken off",
    ),
}


@pytest.mark.parametrize(("reply", "told"), EXCHANGES.values(), ids=EXCHANGES)
def test_of_an_exchange_of_a_key_only_what_it_came_to_is_written(file, reply, told):
    with serve_services(World()) as services:
        services.openverse.answers_next(reply)
        token_url = f"{services.openverse_url}auth_tokens/token/"
        opened = fetcher(RecordingTransport(network(), file))
        first = token_of(Key(opened, token_url, "id", "secret", Time().timing))
        opened.close()

    assert b"HIDE" not in all_said(file)
    again = fetcher(ReplayTransport(file))
    second = token_of(Key(again, token_url, "id", "secret", Time().timing))
    again.close()
    assert second[0] == told
    assert first[0] == told or first[0].startswith("Bearer")
    assert first[1] == second[1]


@pytest.mark.parametrize("name", ["answers.warc.gz", "answers.warc"])
def test_a_file_that_is_recorded_into_is_left_alone_by_others(site, tmp_path, name):
    file = tmp_path / name
    urls = [site.add("/a.jpg", b"a"), site.add("/b.jpg", b"b")]
    recording = RecordingTransport(network(), file)
    sent(recording, urls[0])
    so_far = file.read_bytes()
    file.write_bytes(so_far + so_far[:20])  # it is in the middle of a record

    with pytest.raises(InputError, match=r"in use.*wait.*another file") as error:
        RecordingTransport(network(), file)

    assert str(file) in str(error.value)
    assert file.read_bytes() == so_far + so_far[:20]
    file.write_bytes(so_far)
    sent(recording, urls[1])
    recording.close()
    assert replayed(file, urls) == [b"a", b"b"]
    RecordingTransport(network(), file).close()


def test_a_file_that_was_refused_is_not_held(tmp_path):
    file = tmp_path / "notes"
    file.write_text("my notes\n")
    with pytest.raises(InputError, match="choose another name"):
        RecordingTransport(network(), file)

    with file.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_keeps_nothing_may_be_recorded_into_by_many(site):
    url = site.add("/a.jpg", b"a")
    many = [RecordingTransport(network(), Path("/dev/null")) for _ in range(2)]

    assert [ask(one, url) for one in many] == [[b"a"], [b"a"]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive at all",
        gzip.compress(b"x"),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        gzip.compress(bytes(range(256))),
        b"a b c d 5\nARC!!",
        gzip.compress(b"WARC/1.0\r\nContent-Length: 1\r\n\r\nx\r\n\r\n" * 2),
    ],
    ids=["empty", "text", "gzip", "picture", "packed bytes", "ARC", "packed as one"],
)
def test_a_file_that_is_no_recording_is_refused_in_one_line(file, content):
    file.write_bytes(content)

    with pytest.raises(InputError, match="no recording") as error:
        ReplayTransport(file)

    reason = str(error.value).removeprefix(str(file))
    assert reason.isprintable()
    assert len(reason) < 100


def test_a_recording_with_something_else_in_it_is_refused(site, file):
    ask(RecordingTransport(network(), file), site.add("/a.jpg", b"a"))
    file.write_bytes(file.read_bytes() + b"my notes")

    with pytest.raises(InputError, match="no recording"):
        ReplayTransport(file)


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


@pytest.mark.parametrize("content", [None, b"", b"WARC/1.0\r\nWARC-Ty"])
def test_a_scrape_that_is_refused_leaves_the_recording_alone(tmp_path, file, content):
    if content is not None:
        file.write_bytes(content)
    with serve_site() as site:
        folder = make_set(tmp_path, site)

        with (
            held_alone(folder, "scrape"),
            pytest.raises(InputError, match="things is in use by mekiki scrape"),
        ):
            run(folder, record=file, replay=None)

    assert (file.read_bytes() if file.exists() else None) == content


def test_a_failure_that_was_recorded_is_of_the_same_kind(file):
    url = f"http://127.0.0.1:{closed_port()}/a.jpg"
    recording = RecordingTransport(network(), file)
    assert sent(recording, url) == "can't connect"
    recording.close()

    with pytest.raises(UnreachableError, match="can't connect"):
        ReplayTransport(file).send(Request(url, {}), 1.0)


def test_a_disk_that_is_full_is_one_line(site):
    with pytest.raises(InputError, match=r"/dev/full can't be written: No space left"):
        ask(RecordingTransport(network(), Path("/dev/full")), site.url)
