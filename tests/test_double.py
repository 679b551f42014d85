"""The double of Openverse says what its reference says, faults included."""

from collections.abc import Iterator

import pytest
import requests

from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.web import HandClock, Reply, too_many
from tests.doubles.services.world import Photo, World

AGENT = "mekiki/0.1 (https://operator.test; me@operator.test) requests/2"
ITEM_FIELDS = [
    *("id", "title", "indexed_on", "foreign_landing_url", "url", "creator"),
    *("creator_url", "license", "license_version", "license_url", "provider", "source"),
    *("category", "filesize", "filetype", "tags", "attribution", "fields_matched"),
    *("mature", "height", "width", "thumbnail", "detail_url", "related_url"),
    "unstable__sensitivity",
]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def services(clock: HandClock) -> Iterator[Services]:
    world = World.for_queries({"Fender Jaguar": 300, "red apple": 3}, seed=1)
    with serve_services(world, clock=clock) as services:
        yield services


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = AGENT
        yield session


@pytest.fixture
def search(services, client):
    """Search Openverse for the one who asks."""

    def ask(q="Fender Jaguar", token="", **params):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = services.openverse_url + "images/"
        return client.get(url, params={"q": q, **params}, headers=headers)

    return ask


@pytest.fixture
def token(services, client):
    """Return a function that registers a key and gets a token for it."""

    def get(client_id="me", *, verified=True):
        services.openverse.keys.add(client_id, "hush", verified=verified)
        form = {
            "client_id": client_id,
            "client_secret": "hush",
            "grant_type": "client_credentials",
        }
        url = services.openverse_url + "auth_tokens/token/"
        assert client.post(url, json=form).status_code == 415
        answer = client.post(url, data=form).json()
        assert (answer["expires_in"], answer["token_type"]) == (36_000, "Bearer")
        return answer["access_token"]

    return get


def test_a_search_is_answered_with_every_field_in_its_order(search, services):
    answer = search("Red Apples").json()

    first = answer["results"][0]
    assert list(first) == ITEM_FIELDS
    assert (answer["result_count"], answer["page_count"], answer["page"]) == (3, 1, 1)
    assert first["attribution"] == (
        '"red apple 1" by Ana Ruiz is licensed under CC BY 2.0. To view a copy of this'
        " license, visit https://creativecommons.org/licenses/by/2.0/."
    )
    assert (
        "is marked with CC0 1.0. To view the terms"
        in (answer["results"][2]["attribution"])
    )
    assert services.violations == []


def test_a_phrase_in_quotes_is_found_as_it_stands(search):
    assert search('"fender jaguar"').json()["result_count"] == 240
    assert search('"jaguar fender"').json()["result_count"] == 0
    assert search("jaguar fender").json()["result_count"] == 240


def test_a_query_is_cut_at_200_characters(search):
    assert search("apple " * 33 + "? no such thing").json()["result_count"] == 0
    assert search("apple " * 33 + "  no such thing").json()["result_count"] == 3


def test_an_address_without_its_slash_is_moved(services, client):
    url = services.openverse_url + "images"

    moved = client.get(url, params={"q": "a"}, allow_redirects=False)

    assert (moved.status_code, moved.headers["Location"]) == (301, "/v1/images/?q=a")


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({"license": "by,cc0"}, ["red apple 1", "red apple 3"]),
        ({"license_type": "modification,all-cc"}, ["red apple 1", "red apple 2"]),
        ({"creator": "bo ek"}, ["red apple 2"]),
        ({"source": "wikimedia"}, []),
        ({"source": "wikimedia,unheard-of,flickr", "page_size": 1}, ["red apple 1"]),
        ({"source": "unheard-of", "page": 2, "page_size": 2}, ["red apple 3"]),
        ({"excluded_source": "flickr"}, []),
        ({"extension": "png"}, []),
        ({"aspect_ratio": "tall,square"}, []),
        ({"size": "large"}, []),
        ({"category": "illustration"}, []),
        (
            {"aspect_ratio": "wide", "size": "small", "category": "photograph"},
            ["red apple 1", "red apple 2", "red apple 3"],
        ),
    ],
    ids=str,
)
def test_filters_narrow_the_results(search, params, titles):
    answer = search("red apple", **params).json()

    assert [item["title"] for item in answer["results"]] == titles


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"license": "by,none"}, "license"),
        ({"license_type": "free"}, "license_type"),
        ({"source": "flickr", "excluded_source": "flickr"}, "excluded_source"),
        ({"page": 0}, "page"),
        ({"page_size": "many"}, "page_size"),
        ({"tags": "apple"}, "tags"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named_in_both_shapes_of_error(
    services, search, params, field
):
    new = search(**params)
    services.openverse.old_error_shape = True
    old = search(**params)

    assert (new.status_code, old.status_code) == (400, 400)
    assert list(new.json()["detail"]) == [field]
    assert (old.json()["error"], old.json()["fields"]) == ("InputError", [field])


def test_pages_hold_20_works_without_and_50_with_a_token(services, search, token):
    mine = token()

    assert search(page_size=20).status_code == 200
    refused = search(page_size=21)
    assert refused.status_code == 401
    assert refused.json()["detail"] == (
        "page_size may not exceed 20 for anonymous requests"
    )
    assert len(search(page_size=50, token=mine).json()["results"]) == 50
    assert search(page_size=51, token=mine).status_code == 401
    assert len(services.violations) == 2


def test_only_240_works_can_be_paged_to(services, search):
    first, last = search().json(), search(page=12).json()

    assert (first["result_count"], first["page_count"]) == (240, 12)
    assert len(last["results"]) == 20
    assert services.violations == []
    assert search(page=13).status_code == 401
    assert "work 260" in services.violations[0]


def test_headers_count_down_and_the_call_beyond_the_burst_gets_a_429(
    services, search, clock
):
    answers = [search(page=1 + turn % 12) for turn in range(20)]
    clock.now += 10
    refused = search()

    headers = answers[0].headers
    assert headers["X-RateLimit-Limit-anon_burst"] == "20/min"
    assert headers["X-RateLimit-Available-anon_burst"] == "19"
    assert headers["X-RateLimit-Limit-anon_sustained"] == "200/day"
    assert answers[19].headers["X-RateLimit-Available-anon_sustained"] == "180"
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "50"
    assert "throttled" in refused.json()["detail"]
    clock.now += 50
    assert search().status_code == 200
    assert services.violations == [
        "openverse: call beyond 20/min: /v1/images/?q=Fender+Jaguar"
    ]


def test_days_pass_by_the_clock(services, search, clock):
    for _ in range(200):
        clock.now += 3
        assert search().status_code == 200
    clock.now += 3
    assert search().status_code == 429
    assert services.violations[0].startswith("openverse: call beyond 200/day")

    clock.now += 86_400 - 3 * 200
    assert search().status_code == 200
    assert len(services.violations) == 1


def test_asking_before_retry_after_is_over_is_written_down(services, search, clock):
    services.openverse.answers_next(too_many(30), None)
    assert search().status_code == 429

    clock.now += 29
    search()

    assert services.violations == [
        "openverse: 1.00 s before Retry-After was over: /v1/images/?q=Fender+Jaguar"
    ]


def test_repeated_queries_can_come_from_a_cache_that_counts_nothing(services, search):
    services.openverse.caches = True

    first, again = search(), search()

    assert again.headers["cf-cache-status"] == "HIT"
    left = "X-RateLimit-Available-anon_burst"
    assert first.headers[left] == again.headers[left] == "19"


def test_a_token_has_limits_of_its_own_and_ends_by_the_clock(search, token, clock):
    mine = token()

    answer = search(token=mine)

    scope = "oauth2_client_credentials"
    assert answer.headers[f"X-RateLimit-Limit-{scope}_burst"] == "100/min"
    assert answer.headers[f"X-RateLimit-Limit-{scope}_sustained"] == "10000/day"
    clock.now += 36_000
    assert search(token=mine).status_code == 401
    assert search(token=mine + "?").status_code == 401


def test_a_token_can_end_in_the_middle_of_a_run(services, search, token):
    services.openverse.keys.calls = 2
    mine = token()

    assert [search(token=mine).status_code for _ in range(3)] == [200, 200, 401]


def test_a_key_that_was_never_verified_has_the_limits_of_anybody(
    services, search, token, client
):
    mine = token(verified=False)
    answer = search(token=mine)

    url = services.openverse_url + "rate_limit/"
    facts = client.get(url, headers={"Authorization": f"Bearer {mine}"}).json()

    assert answer.headers["X-RateLimit-Limit-anon_burst"] == "20/min"
    assert facts == {
        "requests_this_minute": 1,
        "requests_today": 1,
        "rate_limit_model": "standard",
        "verified": False,
    }
    assert client.get(url).status_code == 401


def test_a_key_can_be_registered(services, client):
    url = services.openverse_url + "auth_tokens/register/"
    wanted = {"name": "me", "description": "photos", "email": "me@operator.test"}

    answer = client.post(url, json=wanted)

    assert sorted(answer.json()) == ["client_id", "client_secret", "msg"]
    assert client.post(url, json={"name": "x" * 151}).status_code == 400


def test_works_are_known_by_their_id_and_sources_by_their_numbers(
    services, search, client
):
    item = search().json()["results"][0]
    images = services.openverse_url + "images/"

    assert client.get(item["detail_url"]).json() == item
    assert client.get(images + "no-such/").json() == {"detail": "Not found."}
    assert client.get(images + "stats/").json()[0]["media_count"] == 303


def test_openverse_lists_works_with_faults(services, search, client):
    services.world.add(
        Photo(9_001, "<b>A</b> kiwi", creator=None, filetype="png"),
        Photo(9_002, "Dead kiwi", dead=True),
        Photo(9_003, "Kiwi twice", listed_twice=True),
        Photo(9_004, "Kiwi", site="commons", also_on_openverse=True),
        Photo(9_005, "Kiwi unknown", fields={"license_version": None, "width": ...}),
    )

    first, second = (
        search("kiwi", page_size=4, page=page).json()["results"] for page in (1, 2)
    )
    html, dead, twice, twin = first
    assert (html["title"], html["creator"], html["filetype"]) == (
        "<b>A</b> kiwi",
        None,
        "png",
    )
    assert " by " not in html["attribution"]
    assert client.get(html["url"]).headers["Content-Type"] == "image/jpeg"
    assert client.get(dead["url"]).status_code == 404
    assert twice in second
    assert twin["source"] == "wikimedia"
    assert twin["foreign_landing_url"].endswith("/w/index.php?curid=9004")
    assert "/wikipedia/commons/" in twin["url"]
    assert client.get(twin["url"]).status_code == 200
    assert second[0]["license_version"] is None
    assert "width" not in second[0]


def test_the_log_holds_every_request(services, search, clock, token):
    mine = token()
    search("red apple", token=mine)
    services.openverse.answers_next(Reply(b"down", 503))
    search("red apple")

    with_token, down = services.log[-2:]
    assert (with_token.server, with_token.method) == ("openverse", "GET")
    assert with_token.target == "/v1/images/?q=red+apple"
    assert (with_token.agent, with_token.at) == (AGENT, clock.now)
    assert (with_token.authorized, with_token.status) == (True, 200)
    assert (down.authorized, down.status) == (False, 503)
    assert services.openverse.asked("/v1/images/") == [with_token, down]
