"""The routes of the Groups page: groups in order, and what is said of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from starlette.applications import Starlette

from labeler.access import ACCESS, HEADER, Curator, Role
from labeler.api.groups import PATH, routes
from pipeline.catalog import Catalog
from pipeline.catalog.ops import Action, Op
from pipeline.home import SetFolder
from pipeline.settings import SetSettings, load_settings
from tests.conftest import NOW
from tests.doubles.asgi import Answer, ask
from tests.test_apart import Shop, jpeg


@dataclass
class Place:
    """What lies behind the routes."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    now: Callable[[], datetime]


class Page:
    """The page of one curator."""

    def __init__(self, shop: Shop) -> None:
        ticks = count(1)
        start = datetime(2026, 1, 2, tzinfo=UTC)
        settings = load_settings(shop.folder.settings_file)
        place = Place(
            shop.folder,
            settings,
            shop.catalog,
            lambda: start + timedelta(seconds=next(ticks)),
        )
        self.app = Starlette(routes=routes(place))

    def ask(
        self,
        what: str = "",
        body: Any = None,
        *,
        user: str = "Ana",
        role: Role = Role.CURATOR,
    ) -> Answer:
        method = "GET" if body is None else "POST"
        headers = {HEADER: ACCESS.mint(Curator(user, role))}
        return ask(
            self.app, method, f"{PATH}{what}", headers, b"" if body is None else body
        )

    def get(self, query: str = "") -> Any:
        answer = self.ask(query)
        assert answer.status == 200, answer.body
        return answer.json()

    def say(self, what: str, group: Any, user: str = "Ana", **more: Any) -> Any:
        shas = [photo["sha256"] for photo in group["photos"]]
        body = {"group": {"stamp": group["stamp"], "shas": shas}, **more}
        answer = self.ask(f"/{what}", body, user=user)
        assert answer.status == 200, answer.body
        return answer.json()

    def undo(self, said: Any, user: str = "Ana") -> Any:
        answer = self.ask("/undo", {"undo": said["undo"]}, user=user)
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture
def shop(folder: SetFolder, catalog: Catalog) -> Shop:
    """A conflict of three copies, two groups of two, and a photo on its own."""
    shop = Shop(folder, catalog)
    shop.add("cat", red=jpeg(1), blue=jpeg(2), blue2=jpeg(2, width=300))
    shop.add("dog", small=jpeg(1, width=300), tiny=jpeg(1, width=200), lone=jpeg(4))
    shop.add("dog", green=jpeg(3), green2=jpeg(3, width=300))
    shop.dedup()
    return shop


@pytest.fixture
def page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(ACCESS, "set_name", shop.folder.name)
    return Page(shop)


def names(shop: Shop, groups: Any) -> list[list[str]]:
    by_sha = {sha256: name for name, sha256 in shop.sha256.items()}
    return [[by_sha[photo["sha256"]] for photo in one["photos"]] for one in groups]


def test_conflicts_come_first_then_large_groups_the_kept_photo_first(page, shop):
    found = page.get()

    assert names(shop, found["groups"]) == [
        ["red", "small", "tiny"],
        ["blue", "blue2"],
        ["green", "green2"],
    ]
    assert (found["total"], found["conflicts"], found["first"]) == (3, 1, 1)
    assert (found["next"], found["has_previous"]) == (None, False)
    first, second, _ = found["groups"]
    assert (first["status"], first["scraped_as"]) == ("conflict", ["cat", "dog"])
    assert (second["status"], second["label"]) == ("scraped", "cat")


def test_a_photo_says_what_tells_it_from_the_others(page):
    kept, copy, _ = page.get()["groups"][0]["photos"]

    assert (kept["kept"], kept["reason"], kept["chosen_by"]) == (True, "", None)
    assert (copy["kept"], copy["reason"]) == (False, "resized")
    assert (copy["width"], copy["height"], copy["format"]) == (300, 250, "JPEG")
    assert copy["bytes"] > 1000
    assert (copy["categories"], copy["source"]) == (["dog"], "folder")
    assert copy["origin"] == "/photos/small.jpg"


def test_pages_lead_through_all_groups_and_back(page, shop):
    first = page.get("?n=2")
    second = page.get(f"?n=2&from={first['next']}")

    assert names(shop, first["groups"] + second["groups"]) == names(
        shop, page.get()["groups"]
    )
    assert (second["first"], second["next"], second["has_previous"]) == (3, None, True)
    back = page.get(f"?n=2&before={second['from']}")
    assert names(shop, back["groups"]) == names(shop, first["groups"])


def test_a_page_stays_where_it_is_when_its_first_group_goes(page, shop):
    last = page.get("?n=1&from=" + page.get("?n=2")["next"])
    page.say("apart", last["groups"][0], shas=[shop.sha256["green2"]])

    again = page.get(f"?n=1&from={last['from']}")

    assert names(shop, again["groups"]) == [["blue", "blue2"]]


def test_not_the_same_shows_what_became_of_the_group_at_once(page, shop):
    group = page.get()["groups"][0]

    said = page.say("apart", group, shas=[shop.sha256["red"]])

    assert not said["refused"]
    assert names(shop, said["groups"]) == [["small", "tiny"], ["red"]]
    assert [one["status"] for one in said["groups"]] == ["scraped", "scraped"]
    (parting, _) = shop.catalog.partings.said()
    assert (parting.user, parting.at[:10]) == ("Ana", "2026-01-02")
    assert page.get()["conflicts"] == 0


def test_keep_this_one_changes_which_is_kept_and_says_who_chose(page, shop):
    group = page.get()["groups"][0]

    said = page.say("keep", group, sha256=shop.sha256["tiny"])

    assert names(shop, said["groups"]) == [["tiny", "red", "small"]]
    assert said["groups"][0]["photos"][0]["chosen_by"] == "Ana"


def test_the_label_of_the_group_holds_whichever_is_kept(page, shop):
    (photo,) = [p for p in shop.catalog.photos.photos() if p.copies == 2]
    word = Op(photo.sha256, Action.RELABEL, "dog", photo.version, "Bo", "tab", 1)
    shop.catalog.journal.apply([word], NOW)
    (group,) = [one for one in page.get()["groups"] if one["status"] == "labelled"]

    (said,) = page.say("keep", group, sha256=shop.sha256["tiny"])["groups"]

    assert (said["label"], said["status"]) == ("dog", "labelled")
    assert page.get()["conflicts"] == 0


def test_undo_takes_back_one_after_the_other(page, shop):
    before = page.get()
    parted = page.say("apart", before["groups"][0], shas=[shop.sha256["tiny"]])
    kept = page.say("keep", parted["groups"][0], sha256=shop.sha256["small"])

    assert not page.undo(kept)["refused"]
    undone = page.undo(parted)

    assert names(shop, undone["groups"]) == [["red", "small", "tiny"]]
    assert page.get() == before


def test_what_was_undone_already_is_told_with_how_it_is_now(page, shop):
    said = page.say("keep", page.get()["groups"][0], sha256=shop.sha256["tiny"])
    page.undo(said)

    again = page.undo(said)

    assert again["refused"]
    assert names(shop, again["groups"]) == [["red", "small", "tiny"]]


def test_nobody_takes_back_what_somebody_else_said(page, shop):
    said = page.say("keep", page.get()["groups"][0], sha256=shop.sha256["tiny"])

    assert page.undo(said, user="Bo")["refused"]

    assert len(shop.catalog.choices.said()) == 1


def test_two_curators_at_once_the_second_is_told_who_was_first(page, shop):
    seen = page.get()["groups"][0]
    page.say("apart", seen, user="Hana", shas=[shop.sha256["tiny"]])

    said = page.say("keep", seen, user="Ana", sha256=shop.sha256["tiny"])

    assert (said["refused"], said["by"], said["undo"]) == (True, "Hana", None)
    assert names(shop, said["groups"]) == [["red", "small"], ["tiny"]]
    assert shop.catalog.choices.said() == []


def test_a_set_without_copies_has_no_groups(folder, sqlite_catalog, monkeypatch):
    monkeypatch.setattr(ACCESS, "set_name", folder.name)

    found = Page(Shop(folder, sqlite_catalog)).get()

    assert found["groups"] == []
    assert (found["total"], found["next"], found["has_previous"]) == (0, None, False)


@pytest.mark.parametrize("what", ["/apart", "/keep", "/undo"])
def test_who_may_only_look_says_nothing(page, what):
    assert page.ask(what, {}, role=Role.OPERATOR).status == 403
    assert page.ask(role=Role.OPERATOR).status == 200


def test_without_a_token_nothing_is_shown(page):
    assert ask(page.app, "GET", PATH).status == 401


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("/apart", {}),
        ("/apart", []),
        ("/apart", {"group": {"stamp": "x", "shas": []}, "shas": 3}),
        ("/keep", {"group": "x", "sha256": "y"}),
        ("/undo", {"undo": {"partings": [["a"]], "choice": None}}),
        ("/undo", {"undo": {"partings": [], "choice": {"evil": 1}}}),
        ("/undo", {"undo": None}),
        ("?from=nothing", None),
        ("?n=many", None),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(page, what, body):
    answer = page.ask(what, body)

    assert answer.status == 400
    assert re.fullmatch(
        "not understood: .+|expected a JSON object", answer.json()["error"]
    )


def test_naming_all_photos_of_a_group_is_explained(page):
    group = page.get()["groups"][1]
    shas = [photo["sha256"] for photo in group["photos"]]

    answer = page.ask(
        "/apart", {"group": {"stamp": group["stamp"], "shas": shas}, "shas": shas}
    )

    assert answer.status == 409
    assert "not all of them" in answer.json()["error"]
