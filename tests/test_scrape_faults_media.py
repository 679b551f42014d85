"""All that hosts of photos may do wrong: what a scrape asked, and what it kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from pipeline.catalog import Outcome
from pipeline.images import decode_image
from pipeline.web.addresses import host_of, is_this_machine
from pipeline.web.transport import Network
from tests.doubles.scraping import (
    Time,
    candidates,
    counts,
    endings,
    make_set,
    played,
    run,
)
from tests.doubles.services import spoiled
from tests.doubles.services.media import photo_site_path
from tests.doubles.services.serving import Services
from tests.doubles.services.web import Reply, too_many
from tests.doubles.services.world import World

QUERIES = {"cat": "cat", "dog": "dog"}
FULL = {"cat": 10, "dog": 10}
BROKEN_OFF = ("failed", "connection broken off")
STORED = ("stored", "")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def serve(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Return a function that plays the services, with 15 works a query and site."""
    with ExitStack() as opened:

        def start(*sites: Any, **more: Any) -> Services:
            works = dict.fromkeys(QUERIES, 15)
            world = World.for_queries(works, sites=sites or ("flickr",), **more)
            return opened.enter_context(played(world, time, monkeypatch))

        yield start


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the set; it wants 10 photos a category."""

    def make(*kinds, more=""):
        kinds = kinds or ("openverse",)
        return make_set(tmp_path, QUERIES, *kinds, per_category=10, more=more)

    return make


def put(services, *replies):
    """Let the photo site answer these where the fourth cat lies; return its path."""
    path = photo_site_path(services.world.photos[3])
    services.photo_site.put(path, *replies)
    return path


# Answers, by how they are spoiled: how the candidate ends, how often it was asked for.
SPOILED = {
    "cut": (BROKEN_OFF, 4),
    "cut by reset": (BROKEN_OFF, 4),
    "reset": (BROKEN_OFF, 4),
    "claims less": (("refused", "broken image: image file is truncated"), 1),
    "claims more": (BROKEN_OFF, 4),
    "truncated file": (("refused", "broken image: image file is truncated"), 1),
    "endless": (("refused", "more than 0.3 MB"), 1),
    "page": (("refused", "not an image: an HTML page"), 1),
    "svg": (("refused", "not an image of pixels: SVG or XML"), 1),
    "gif": (STORED, 1),
    "tiff": (STORED, 1),
    "cmyk": (STORED, 1),
    "turned": (STORED, 1),
    "bomb": (
        ("refused", "more than 100,000,000 pixels are refused"),
        1,
    ),
    "grey": (STORED, 1),
    "nothing": (("refused", "empty file"), 1),
}


@pytest.mark.parametrize("name", spoiled.SPOILED)
def test_a_spoiled_answer_ends_as_it_should_and_another_fills(serve, make, time, name):
    services = serve()
    body = services.world.photos[3].jpeg()
    path = put(services, spoiled.SPOILED[name](body))

    summary = run(make(more="max_megabytes = 0.3\n"), time)

    ending, times = SPOILED[name]
    assert endings(make())["cat 4"] == ending
    assert len(services.photo_site.asked(path)) == times
    assert summary.stored == FULL
    assert services.violations == []


def test_what_drips_in_for_ever_is_left(serve, make, time):
    services = serve()
    put(services, spoiled.endless(b"\xff\xd8 a byte or two"))

    summary = run(make(more="timeout_s = 0.5\nretries = 0\n"), time)

    assert endings(make())["cat 4"] == ("failed", "timed out")
    assert summary.stored == FULL
    assert services.violations == []


def test_what_comes_slowly_comes(serve, make, time):
    services = serve()
    body = services.world.photos[3].jpeg()
    put(services, spoiled.slow(body, lambda: time.sleep(10)))

    summary = run(make(), time)

    assert endings(make())["cat 4"] == STORED
    assert summary.stored == FULL
    assert services.violations == []


def test_what_breaks_off_once_is_had_whole_at_the_next_attempt(serve, make, time):
    services = serve()
    body = services.world.photos[3].jpeg()
    cuts = [spoiled.cut(body), spoiled.reset(), spoiled.claims_more(body)]
    path = put(services, *cuts, body)

    run(make(), time)

    assert endings(make())["cat 4"] == STORED
    assert len(services.photo_site.asked(path)) == 4
    assert services.violations == []


def test_a_photo_on_its_side_is_stored_as_it_came_and_read_upright(serve, make, time):
    services = serve()
    turned = spoiled.turned(services.world.photos[3].jpeg())
    put(services, turned)

    run(make(), time)

    stored = {file.read_bytes(): file for file in make().images.glob("*/*")}
    assert decode_image(stored[turned.body]).shape == (160, 120, 3)


@pytest.mark.parametrize(
    ("reply", "least_s"),
    [
        (too_many(30, status=503), 30),
        (too_many(40, status=503, as_date=True), 40),
        (too_many(50), 50),
        (Reply(b"down", 503), 1),
        (Reply(b"too many", 429), 1),
    ],
    ids=["503", "503 until a date", "429", "503 without a time", "429 without a time"],
)
def test_a_host_that_cannot_now_is_asked_again(serve, make, time, reply, least_s):
    services = serve()
    reply = reply if isinstance(reply, Reply) else reply(time())
    path = put(services, reply, services.world.photos[3].jpeg())

    summary = run(make(), time)

    first, second = (one.at for one in services.photo_site.asked(path))
    assert second - first >= least_s
    assert endings(make())["cat 4"] == STORED
    assert summary.stored == FULL
    assert services.violations == []


def test_a_host_that_never_can_is_tried_again_by_the_next_run(serve, make, time):
    services = serve()
    put(services, Reply(b"down", 503))
    assert run(make(), time).stored == FULL
    assert endings(make())["cat 4"] == ("failed", "HTTP 503")

    put(services, services.world.photos[3].jpeg())
    wider = make_set(make().home, QUERIES, "openverse", per_category=12)
    summary = run(wider, time)

    assert summary.stored == {"cat": 12, "dog": 12}
    assert endings(wider)["cat 4"] == STORED
    assert len(services.openverse.asked()) == 2
    assert services.violations == []


# Redirects


def test_a_redirect_is_followed_and_where_it_led_is_kept(serve, make, time):
    services = serve()
    site = services.photo_site
    end = site.put("/moved/end.jpg", services.world.photos[3].jpeg())
    site.put("/moved/on", spoiled.moved("end.jpg", 307))
    put(services, spoiled.moved("/moved/on", 301))

    summary = run(make(), time)

    fourth = candidates(make())[3]
    assert (fourth.ending, fourth.final_url) == (STORED, end)
    assert summary.stored == FULL
    assert services.violations == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (spoiled.PRIVATE_URL, "private address"),
        ("http://[::1]/photo.jpg", "private address"),
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("file:///etc/passwd", "not a web address"),
        ("/round", "too many redirects"),
        ("/gone.jpg", "HTTP 404"),
        ("/hidden/1.jpg", "robots.txt forbids it"),
    ],
    ids=str,
)
def test_a_redirect_may_lead_nowhere_we_may_go(serve, make, time, target, reason):
    services = serve()
    services.photo_site.set_robots("User-agent: *\nDisallow: /hidden/\n")
    services.photo_site.put("/round", spoiled.moved("/round"))
    services.photo_site.put("/hidden/1.jpg", services.world.photos[3].jpeg())
    put(services, spoiled.moved(target))

    summary = run(make(), time, OnlyTheServices(services))

    assert endings(make())["cat 4"] == ("refused", reason)
    assert summary.stored == FULL
    assert services.violations == []


class OnlyTheServices:
    """A network where the services alone are reached as if they were public."""

    def __init__(self, services: Services) -> None:
        self._ports = {one.origin.rpartition(":")[2] for one in played_by(services)}
        self._open = Network(per_host=8, allow_private=True)
        self._guarded = Network(per_host=8, allow_private=False)

    def send(self, request, timeout_s):
        url = request.url
        is_played = is_this_machine(host_of(url)) and any(
            f":{port}/" in url for port in self._ports
        )
        network = self._open if is_played else self._guarded
        return network.send(request, timeout_s)

    def close(self):
        self._open.close()
        self._guarded.close()


def played_by(services):
    return [services.openverse, services.photo_site]


# Wikimedia


def test_hosts_of_wikimedia_never_see_more_than_two_connections(serve, make, time):
    services = serve("commons", shared_every=2)

    summary = run(make("openverse", "commons", more="per_host = 16\n"), time)

    assert summary.stored == FULL
    for host in (services.upload, services.thumbs):
        assert host.asked()
        assert host.most_connections <= 2
    assert services.violations == []


def test_a_dead_host_costs_a_few_tries_and_another_fills(serve, make, time):
    services = serve("flickr", "commons")
    for photo in services.world.photos:
        if photo.site == "flickr":
            nowhere = {"url": f"http://127.0.0.1:9/{photo.number}.jpg"}
            services.world.add(replace(photo, fields=nowhere))

    summary = run(make("openverse", "commons"), time)

    assert counts(make())["failed"] == {"can't connect": 30}
    assert summary.stored == FULL
    assert "not reached: 127.0.0.1:9" in summary.line
    assert summary.outcomes[Outcome.FAILED] == 30
    assert services.violations == []
