"""The double's hosts of files: every way in which a photo, its host or the connection
can be spoiled, and what is written down of a client that breaks their rules."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import pytest
import requests
from PIL import Image

from tests.doubles.services import spoiled
from tests.doubles.services.media import FORBID_ALL
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.web import HandClock, Reply, too_many
from tests.doubles.services.world import World

AGENT = "mekiki/0.1 (https://operator.test; me@operator.test) requests/2"
PATH = "/photo.jpg"
KILLED_CLIENT = """
import sys, requests
with requests.get(sys.argv[1], stream=True, headers={"User-Agent": sys.argv[2]}) as got:
    for piece in got.iter_content(100):
        print(len(piece), flush=True)
"""


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1_700_000_000)


@pytest.fixture
def services(clock: HandClock) -> Iterator[Services]:
    with serve_services(World.for_queries({"lamp": 3}), clock=clock) as services:
        yield services


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = AGENT
        yield session


@pytest.fixture
def body(services: Services) -> bytes:
    return services.world.photos[0].jpeg()


@pytest.fixture
def get(services, client):
    """Put replies on the photo site's path, then ask for it."""

    def ask(*replies, **options):
        if replies:
            services.photo_site.put(PATH, *replies)
        url = services.photo_site.url + PATH
        return client.get(url, allow_redirects=False, **options)

    return ask


def opened(answer: requests.Response) -> Image.Image:
    return Image.open(BytesIO(answer.content))


def test_photos_lie_where_the_services_say_each_another_picture(services, client):
    bodies = [
        client.get(services.file_url(photo)).content for photo in services.world.photos
    ]

    assert len(set(bodies)) == 6
    assert [Image.open(BytesIO(one)).size for one in bodies] == (
        [(160, 120)] * 3 + [(640, 480)] * 3
    )
    assert World.for_queries({"lamp": 3}).photos[0].jpeg() == bodies[0]
    assert World.for_queries({"lamp": 3}, seed=1).photos[0].jpeg() != bodies[0]
    assert services.violations == []
    assert services.media_asked() == [
        services.file_url(photo) for photo in services.world.photos
    ]


def test_some_photos_of_commons_can_be_on_openverse_too():
    world = World.for_queries({"lamp": 5}, shared_every=2)

    shared = [photo.title for photo in world.photos if photo.also_on_openverse]

    assert shared == ["lamp 1", "lamp 3", "lamp 5"]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (spoiled.cut, requests.exceptions.ChunkedEncodingError),
        (spoiled.cut_by_reset, requests.exceptions.ChunkedEncodingError),
        (spoiled.reset, requests.exceptions.ConnectionError),
        (spoiled.claims_more, requests.exceptions.ChunkedEncodingError),
    ],
)
def test_an_answer_can_break_off(get, body, spoil, error):
    with pytest.raises(error):
        get(spoil(body))

    assert get(body).content == body


def test_a_length_can_be_claimed_too_short(get, body, client):
    assert get(spoiled.claims_less(body)).content == body[: len(body) // 2]
    client.close()  # what is left of the photo must not pass for the next answer
    assert get(body).content == body


def test_a_photo_can_drip_in_for_ever_while_a_clock_moves(get, body, clock):
    def ten_seconds():
        clock.now += 10

    start = clock.now
    with get(spoiled.endless(body, ten_seconds), stream=True) as answer:
        pieces = answer.iter_content(len(body))
        while clock.now < start + 60:
            next(pieces)

    assert "Content-Length" not in answer.headers


def test_a_photo_can_come_whole_yet_slowly(get, body, clock):
    def ten_seconds():
        clock.now += 10

    start = clock.now
    assert get(spoiled.slow(body, ten_seconds, len(body) // 10)).content == body
    assert clock.now - start >= 90


def test_what_comes_is_not_always_a_photo(get, body):
    assert get(spoiled.page()).headers["Content-Type"] == "image/jpeg"
    assert b"<title>" in get().content
    assert get(spoiled.svg()).content.startswith(b"<svg")
    assert get(spoiled.nothing()).content == b""
    assert opened(get(spoiled.grey())).getextrema() == (128, 128)
    with pytest.raises(OSError, match="truncated"):
        opened(get(spoiled.truncated_file(body))).load()


def test_photos_come_in_awkward_formats(get, body):
    moving = opened(get(spoiled.gif(body)))
    assert (moving.format, getattr(moving, "n_frames", 1)) == ("GIF", 2)
    assert opened(get(spoiled.tiff(body))).format == "TIFF"
    assert opened(get(spoiled.cmyk(body))).mode == "CMYK"
    assert opened(get(spoiled.turned(body))).getexif()[0x0112] == 6
    with pytest.raises(Image.DecompressionBombError):
        opened(get(spoiled.bomb()))
    assert len(get().content) < 200_000


def test_every_spoiled_answer_has_a_name(get, body):
    for spoil in spoiled.SPOILED.values():
        assert isinstance(spoil(body), Reply)


def test_redirects_lead_on_round_and_to_private_places(services, get, client, body):
    site = services.photo_site
    site.put("/end.jpg", body)
    site.put("/middle", spoiled.moved("/end.jpg", 307))
    site.put("/round", spoiled.moved("/round"))

    assert client.get(site.put("/start", spoiled.moved("/middle"))).content == body
    with pytest.raises(requests.exceptions.TooManyRedirects):
        client.get(site.url + "/round")
    private = get(spoiled.moved(spoiled.PRIVATE_URL))
    assert (private.status_code, private.headers["Location"]) == (
        302,
        "http://10.0.0.1/photo.jpg",
    )


@pytest.mark.parametrize(
    "tag", ["noai", "noimageai", "noindex", "img2dataset: noai", "otherbot: noindex"]
)
def test_photos_carry_robots_tags(get, body, tag):
    answer = get(spoiled.marked(body, tag))

    assert (answer.headers["X-Robots-Tag"], answer.content) == (tag, body)
    several = get(spoiled.marked(body, "noarchive", tag)).raw.headers
    assert several.getlist("X-Robots-Tag") == ["noarchive", tag]


def test_mining_is_reserved_by_header_and_by_file(services, get, client, body):
    headers = get(spoiled.reserved(body, "https://owner.test/policy")).headers
    rules = services.photo_site.put(
        "/.well-known/tdmrep.json", spoiled.tdmrep(("/photos/*", 1), ("/free/*", 0))
    )

    assert headers["TDM-Reservation"] == "1"
    assert headers["TDM-Policy"] == "https://owner.test/policy"
    assert client.get(rules).json()[0] == {
        "location": "/photos/*",
        "tdm-reservation": 1,
    }


def test_replies_come_in_turn_and_the_last_stays(services, get, body, clock):
    busy = too_many(30, status=503)(clock.now)

    assert get(busy, body).headers["Retry-After"] == "30"
    clock.now += 30
    assert [get().status_code for _ in range(2)] == [200, 200]
    assert services.violations == []


def test_asking_for_a_busy_file_too_early_is_written_down(
    services, get, client, body, clock
):
    get(too_many(30, as_date=True)(clock.now), body)
    client.get(services.photo_site.url + "/other.jpg")
    assert services.violations == []

    clock.now += 10
    get()

    assert services.violations == [
        "photo site: 20.00 s before Retry-After was over: /photo.jpg"
    ]


def test_what_robots_txt_forbids_is_written_down(services, get, client, body):
    site = services.photo_site
    site.set_robots("User-agent: mekiki\nDisallow: /private/\nCrawl-delay: 2\n")

    assert "Crawl-delay: 2" in client.get(site.url + "/robots.txt").text
    get(body)
    client.get(site.put("/private/1.jpg", body))

    assert services.violations == [
        "photo site: forbidden by robots.txt: /private/1.jpg"
    ]


@pytest.mark.parametrize(
    ("status", "allowed"), [(404, True), (403, True), (503, False)]
)
def test_robots_txt_that_cannot_be_had_allows_all_or_nothing(
    services, client, status, allowed
):
    site = services.photo_site
    site.set_robots(FORBID_ALL, status=status)

    assert client.get(site.url + "/robots.txt").status_code == status
    client.get(site.url + PATH)
    assert (services.violations == []) == allowed


def test_robots_txt_can_lie_elsewhere(services, get, client, body):
    services.photo_site.set_robots(FORBID_ALL, moved_to="/rules.txt")

    answer = client.get(services.photo_site.url + "/robots.txt")
    assert answer.text == FORBID_ALL
    get(body)
    assert "forbidden by robots.txt: /photo.jpg" in services.violations[-1]


def test_robots_txt_that_never_ends_forbids_what_the_test_says(services, get, body):
    site = services.photo_site
    site.put("/robots.txt", Reply(b"# \n", drip=True))
    site.judge_by(FORBID_ALL)

    get(body)

    assert len(services.violations) == 1


def test_a_third_request_at_a_time_is_refused_and_written_down(services, client):
    inside, go_on = threading.Barrier(3), threading.Event()

    def hold(_asked):
        inside.wait()
        go_on.wait()

    url = services.file_url(services.world.photos[-1])
    services.upload.before = hold
    with ThreadPoolExecutor(2) as threads:
        first = [
            threads.submit(requests.get, url, headers={"User-Agent": AGENT})
            for _ in range(2)
        ]
        inside.wait()
        services.upload.before = lambda _asked: None
        refused = client.get(url)
        go_on.set()

    assert [one.result().status_code for one in first] == [200, 200]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert "upload: 3 requests at a time" in services.violations[0]
    assert services.upload.most_seen_at_once == 3
    assert services.upload.most_connections == 3


def test_who_hung_up_is_not_counted_as_waiting(services, client, body):
    services.upload.put(PATH, spoiled.endless(body))
    for _ in range(5):
        with client.get(services.upload.url + PATH, stream=True) as answer:
            next(answer.iter_content(10))

    assert services.violations == []


def test_a_killed_client_does_no_harm(services, client, body):
    url = services.upload.put(PATH, spoiled.endless(body))
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED_CLIENT, url, AGENT], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)

    photo = services.world.photos[-1]
    assert client.get(services.file_url(photo)).content == photo.jpeg()
    assert services.violations == []


def test_thousands_of_photos_are_served_over_a_few_connections():
    world = World.for_queries({"lamp": 1_000}, sites=["flickr"])
    with serve_services(world) as services, ThreadPoolExecutor(4) as threads:
        sessions = [requests.Session() for _ in range(4)]

        def fetch(turn):
            photos = world.photos[turn::4]
            agent = {"User-Agent": AGENT}
            return [
                len(sessions[turn].get(services.file_url(one), headers=agent).content)
                for one in photos
            ]

        sizes = [size for some in threads.map(fetch, range(4)) for size in some]
        for session in sessions:
            session.close()

    assert len(sizes) == 1_000
    assert max(sizes) < 20_000
    assert services.photo_site.most_connections <= 4
    assert services.violations == []


def test_the_shop_has_what_it_is_given(services, client, body):
    page = Reply(b"<img src=/1.jpg>", content_type="text/html")
    services.shop.put("/", page)
    services.shop.put("/1.jpg", body)

    assert client.get(services.shop.url + "/").headers["Content-Type"] == "text/html"
    assert client.get(services.shop.url + "/1.jpg?size=2").content == body
    assert services.shop.asked("/1.jpg")[0].target == "/1.jpg?size=2"


def test_the_head_of_an_answer_can_be_had_alone(services, client):
    url = services.file_url(services.world.photos[0])

    assert client.head(url).content == b""
    assert client.get(url).status_code == 200


def test_a_mistake_of_the_double_itself_is_raised_at_the_end(client):
    def broken(_asked):
        return Reply(json.dumps(object()).encode())

    def run():
        with serve_services(World()) as services:
            services.shop.files = broken
            with pytest.raises(requests.exceptions.ConnectionError):
                client.get(services.shop.url + "/x")

    with pytest.raises(TypeError, match="not JSON serializable"):
        run()


def test_the_world_takes_a_photo_in_place_of_another(services, client):
    photo = services.world.photos[0]
    services.world.add(replace(photo, dead=True))

    assert client.get(services.file_url(photo)).status_code == 404
    assert len(services.world.photos) == 6
