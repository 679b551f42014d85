"""Two labelers on one catalog, as a team may run them: each sees the other's labels.

Both are asked through their own routes; each has its own connections and its own photos
in memory. On PostgreSQL they may stand on two machines.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from starlette.applications import Starlette

from labeler.access import ACCESS, HEADER, Curator, Role
from labeler.office import open_office
from labeler.routes import build_routes
from pipeline.catalog import Catalog
from pipeline.home import SetFolder
from tests.doubles.asgi import Answer, ask


@dataclass(frozen=True)
class Desk:
    """A curator at one of the servers."""

    app: Starlette
    curator: Curator
    client: str

    def get(self, route: str) -> Any:
        answer = self._ask("GET", route)
        assert answer.status == 200, answer.body
        return answer.json()

    def say(self, photo: dict[str, Any], label: str, seq: int = 1) -> Any:
        """Label a photo as it was last seen; return the answer to that op."""
        op = {
            "seq": seq,
            "sha256": photo["sha256"],
            "action": "relabel",
            "label": label,
            "base_version": photo["version"],
        }
        outbox = {"outbox": [{"client": self.client, "ops": [op]}]}
        answer = self._ask("POST", "ops", outbox)
        assert answer.status == 200, answer.body
        (told,) = answer.json()["answers"]
        return told

    def queue(self, number: int) -> list[dict[str, Any]]:
        """Take the next photos, as the page does."""
        route = f"queue?queue=doubtful&n={number}&client={self.client}"
        photos: list[dict[str, Any]] = self.get(route)["photos"]
        return photos

    def _ask(self, method: str, route: str, body: Any = b"") -> Answer:
        token = {HEADER: ACCESS.mint(self.curator)}
        return ask(self.app, method, f"/mekiki/api/{route}", token, body)


Sit = Callable[[str, str], Desk]


@pytest.fixture
def photos(catalog: Catalog, folder: SetFolder, add_photos: Any) -> list[str]:
    """Eight photos in a set of two categories, on each kind of database."""
    pairs = [("cat" if seed % 2 else "dog", seed) for seed in range(8)]
    shas: list[str] = add_photos(catalog, folder, *pairs)
    return shas


@pytest.fixture
def desks(folder: SetFolder, photos: list[str]) -> Iterator[tuple[Desk, Desk]]:
    """Hana at one server, Ken at another."""
    assert photos
    offices = [open_office(folder) for _ in range(2)]
    hana, ken = (Starlette(routes=build_routes(office)) for office in offices)
    yield (
        Desk(hana, Curator("Hana", Role.CURATOR), "client-hana"),
        Desk(ken, Curator("Ken", Role.CURATOR), "client-ken"),
    )
    for office in offices:
        office.close()


def test_a_label_given_at_one_server_is_seen_at_the_other(desks: tuple[Desk, Desk]):
    hana, ken = desks
    before = ken.get("changes?since=1")["event"]
    (photo,) = hana.queue(1)

    assert hana.say(photo, "dog")["accepted"]
    news = ken.get(f"changes?since={before}")

    (seen,) = news["photos"]
    assert (seen["sha256"], seen["label"]) == (photo["sha256"], "dog")
    assert seen["status"] == "labelled"
    assert news["counts"]["decided"] == 1


def test_what_was_seen_before_the_others_word_is_told_and_not_overwritten(
    desks: tuple[Desk, Desk], catalog: Catalog
):
    hana, ken = desks
    seen = ken.get("page?queue=all&n=8")["photos"][0]  # everybody may look
    assert hana.say(seen, "dog")["accepted"]

    told = ken.say(seen, "cat")

    assert not told["accepted"]
    assert (told["label"], told["by"]) == ("dog", "Hana")
    assert ken.say(seen | {"version": told["version"]}, "cat", seq=2)["accepted"]
    words = [one for one in catalog.journal.history(limit=3) if one.accepted]
    assert [(one.user, one.new_label) for one in words] == [
        ("Ken", "cat"),
        ("Hana", "dog"),
    ]


def test_two_servers_hand_out_different_photos(desks: tuple[Desk, Desk]):
    hana, ken = desks

    hers = {photo["sha256"] for photo in hana.queue(4)}
    his = {photo["sha256"] for photo in ken.queue(8)}

    assert len(hers) == 4
    assert len(his) == 4
    assert hers.isdisjoint(his)
