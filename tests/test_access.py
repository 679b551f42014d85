"""Who may do what: roles, tokens, and the guard before own routes."""

import base64
import json

import pytest

pytest.importorskip("starlette", reason="the labeler needs the ui extra")

from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeler.access import (
    HEADER,
    LIFE_S,
    Access,
    AccessError,
    Curator,
    Role,
    guarded,
)
from tests.doubles.asgi import ask

SECRET = b"s" * 32
NOON = 1_800_000_000.0
HANA = Curator("Hana", Role.CURATOR)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    return Access(SECRET, "flowers", clock)


@pytest.fixture
def doors(access: Access) -> Starlette:
    """An app with a door for curators and one for administrators."""

    @guarded(Role.CURATOR, access)
    async def label(_request: Request, curator: Curator) -> Response:
        return JSONResponse({"name": curator.name, "role": curator.role})

    @guarded(Role.ADMIN, access)
    async def done(_request: Request, curator: Curator) -> Response:
        return JSONResponse({"ended by": curator.name})

    routes = [Route("/label", label), Route("/done", done, methods=["POST"])]
    return Starlette(routes=routes)


@pytest.mark.parametrize(
    ("role", "least", "may"),
    [
        (Role.OPERATOR, Role.OPERATOR, True),
        (Role.OPERATOR, Role.CURATOR, False),
        (Role.CURATOR, Role.OPERATOR, True),
        (Role.CURATOR, Role.REVIEWER, False),
        (Role.REVIEWER, Role.CURATOR, True),
        (Role.REVIEWER, Role.ADMIN, False),
        (Role.ADMIN, Role.REVIEWER, True),
        (Role.ADMIN, Role.ADMIN, True),
    ],
)
def test_a_role_includes_those_below_it(role: Role, least: Role, may: bool):
    assert role.may(least) is may


@given(
    name=st.text(min_size=1, max_size=60),
    role=st.sampled_from(Role),
    set_name=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,40}", fullmatch=True),
)
def test_a_token_brings_back_whoever_it_was_minted_for(name, role, set_name):
    access = Access(SECRET, set_name)

    assert access.check(access.mint(Curator(name, role))) == Curator(name, role)


def test_a_token_can_stand_in_a_header_and_an_address(access: Access):
    token = access.mint(Curator("目利き | 花子", Role.REVIEWER))

    assert token.isascii()
    assert set(token) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


def test_a_token_lasts_for_a_working_day(access: Access, clock: Clock):
    token = access.mint(HANA)

    clock.now = NOON + LIFE_S - 1
    assert access.check(token) == HANA
    clock.now = NOON + LIFE_S
    with pytest.raises(AccessError, match="too old"):
        access.check(token)


def test_a_token_of_another_set_opens_nothing(access: Access, clock: Clock):
    other = Access(SECRET, "guitars", clock)

    with pytest.raises(AccessError, match="for the set guitars, not flowers"):
        access.check(other.mint(HANA))


def test_a_token_of_another_server_opens_nothing(access: Access, clock: Clock):
    other = Access(b"t" * 32, "flowers", clock)

    with pytest.raises(AccessError, match="not from this server"):
        access.check(other.mint(HANA))


def test_a_token_whose_role_was_changed_opens_nothing(access: Access):
    version, payload, signature = access.mint(HANA).split(".")
    facts = json.loads(base64.urlsafe_b64decode(payload + "=="))
    facts[1] = "admin"
    forged = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")

    with pytest.raises(AccessError, match="not from this server"):
        access.check(f"{version}.{forged}.{signature}")


@given(st.text())
def test_whatever_else_is_no_token(text: str):
    with pytest.raises(AccessError):
        Access(SECRET, "flowers").check(text)


@given(place=st.integers(0, 400), letter=st.characters())
def test_a_token_with_one_letter_changed_is_none(place: int, letter: str):
    access = Access(SECRET, "flowers", lambda: NOON)
    token = access.mint(HANA)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]

    if changed != token:
        with pytest.raises(AccessError):
            access.check(changed)


def test_with_a_token_of_that_role_the_endpoint_learns_who_asks(
    doors: Starlette, access: Access
):
    answer = ask(doors, "GET", "/label", {HEADER: access.mint(HANA)})

    assert (answer.status, answer.json()) == (
        200,
        {"name": "Hana", "role": "curator"},
    )


def test_without_a_token_the_answer_is_401_in_words(doors: Starlette):
    answer = ask(doors, "GET", "/label")

    assert answer.status == 401
    assert answer.json() == {
        "error": "this token is not from this server: reload the page"
    }
    assert answer.headers["cache-control"] == "no-store"


def test_a_token_in_the_address_or_a_cookie_counts_for_nothing(
    doors: Starlette, access: Access
):
    token = access.mint(HANA)
    cookie = {"Cookie": f"{HEADER}={token}"}

    assert (
        ask(doors, "GET", f"/label?token={token}&{HEADER}={token}", cookie).status
        == 401
    )


def test_letters_beyond_ascii_in_the_header_are_401(doors: Starlette):
    answer = ask(doors, "GET", "/label", {HEADER: "v1.é.ü"})

    assert answer.status == 401


def test_a_lower_role_is_403_and_told_what_it_takes(doors: Starlette, access: Access):
    answer = ask(doors, "POST", "/done", {HEADER: access.mint(HANA)})

    assert answer.status == 403
    assert answer.json() == {"error": "this takes the role admin; yours: curator"}


def test_an_old_token_is_401_before_its_role_is_looked_at(
    doors: Starlette, access: Access, clock: Clock
):
    token = access.mint(HANA)
    clock.now += LIFE_S

    assert ask(doors, "POST", "/done", {HEADER: token}).status == 401
