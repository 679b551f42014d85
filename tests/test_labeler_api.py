"""The labeler's own routes: what comes next, what is said, who may ask."""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from starlette.applications import Starlette

from labeler.access import ACCESS, HEADER, Curator, Role
from labeler.ending import ENDING
from labeler.office import Office, open_office
from labeler.routes import build_routes
from pipeline.catalog import Status
from pipeline.home import SetFolder
from pipeline.images import ImageStore, inspect_image
from tests.doubles.asgi import Answer, ask
from tests.doubles.planting import Planted, photo_of, plant, write_categories

PHOTOS = [
    Planted("cat", 1, page="https://example.org/1", title="One"),
    Planted("dog", 2, flags=("tiny",)),
    Planted("dog", 3),
    Planted("bird", 3),
    *(Planted("cat", seed) for seed in range(4, 10)),
]


class Server:
    """The routes of a set, asked as a curator's page does."""

    def __init__(self, office: Office, shas: dict[int, str]) -> None:
        self.office = office
        self.shas = shas
        self.seeds = {sha: seed for seed, sha in shas.items()}
        self.app = Starlette(routes=build_routes(office))
        self.seq = 0

    def get(self, path: str, user: str = "Hana", role: Role = Role.ADMIN) -> Answer:
        token = ACCESS.mint(Curator(user, role))
        return ask(self.app, "GET", f"/mekiki/api/{path}", {HEADER: token})

    def post(
        self, path: str, body: Any, user: str = "Hana", role: Role = Role.ADMIN
    ) -> Answer:
        token = ACCESS.mint(Curator(user, role))
        return ask(self.app, "POST", f"/mekiki/api/{path}", {HEADER: token}, body)

    def queue(self, query: str = "queue=doubtful&client=a", user: str = "Hana"):
        """Return the seeds of a queue's next photos."""
        photos = self.get(f"queue?{query}", user).json()["photos"]
        return [self.seeds[photo["sha256"]] for photo in photos]

    def op(self, seed: int, action: str, label: str | None = None, **more: Any):
        """Return an op on a photo as it is now."""
        self.seq += 1
        entry = self.office.shelf.entry(self.shas[seed])
        assert entry is not None
        usual = {"seq": self.seq, "sha256": entry.sha256, "action": action}
        return usual | {"label": label, "base_version": entry.version} | more

    def say(self, *ops: Any, user: str = "Hana", client: str = "a") -> list[Any]:
        """Send ops; return the answers."""
        body = {"outbox": [{"client": client, "ops": list(ops)}]}
        answer = self.post("ops", body, user)
        assert answer.status == 200
        return list(answer.json()["answers"])


@pytest.fixture
def server(folder: SetFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    write_categories(folder, ["cat", "dog", "bird"])
    shas = plant(folder, PHOTOS)
    monkeypatch.setattr(ACCESS, "set_name", folder.name)
    office = open_office(folder)
    office.shelf.follow()
    yield Server(office, shas)
    office.close()


def test_the_queue_gives_conflicts_then_flagged_then_the_rest(server: Server):
    answer = server.get("queue?queue=doubtful&client=a").json()

    assert server.queue("queue=doubtful&client=a&n=3") == [3, 2, 1]
    assert server.queue() == [3, 2, 1, 4, 5]
    first = answer["photos"][0]
    assert first["status"] == "conflict"
    assert first["scraped_as"] == ["dog", "bird"]
    assert answer["photos"][2]["about"]["page"] == "https://example.org/1"


def test_what_one_curator_looks_at_is_not_given_to_another(server: Server):
    mine = server.queue("queue=doubtful&client=a&n=3")
    theirs = server.queue("queue=doubtful&client=b&n=3", "Kenji")
    again = server.queue("queue=doubtful&client=a&n=3")
    server.post("release", {"client": "a"})

    assert (mine, theirs) == ([3, 2, 1], [4, 5, 6])
    assert again == mine
    assert server.queue("queue=doubtful&client=b&n=4", "Kenji") == [3, 2, 1, 4]


def test_what_a_closed_tab_held_goes_to_the_next_one_of_its_curator(server: Server):
    clock = [datetime(2026, 1, 2, tzinfo=UTC)]
    server.office.now = lambda: clock[-1]
    held = server.queue("queue=doubtful&client=a&n=3")
    clock.append(clock[-1] + timedelta(seconds=20))
    theirs = server.queue("queue=doubtful&client=b&n=3", "Kenji")
    again = server.queue("queue=doubtful&client=c&n=3")

    assert (held, theirs, again) == ([3, 2, 1], [4, 5, 6], [3, 2, 1])


def test_one_curator_is_never_given_all_of_a_short_queue(server: Server):
    mine, theirs = server.queue(), server.queue("queue=doubtful&client=b", "Kenji")

    assert (mine, theirs) == ([3, 2, 1, 4, 5], [6, 7, 8, 9])


def test_pages_are_turned_forth_and_back_and_to_the_end(server: Server):
    def page(where: str) -> tuple[list[int], int]:
        answer = server.get(f"page?queue=doubtful&client=a&n=4{where}").json()
        seeds = [server.seeds[photo["sha256"]] for photo in answer["photos"]]
        return seeds, answer["first"]

    name = server.get("page?queue=doubtful&client=a&n=4").json()["line"]

    assert page(f"&line={name}") == ([3, 2, 1, 4], 0)
    assert page(f"&line={name}&after={server.shas[4]}") == ([5, 6, 7, 8], 4)
    assert page(f"&line={name}&before={server.shas[5]}") == ([3, 2, 1, 4], 0)
    assert page(f"&line={name}&last=1") == ([6, 7, 8, 9], 5)


def test_a_page_comes_in_one_piece_with_nothing_for_what_can_not_be_shown(
    server: Server,
):
    known, broken = server.shas[1], server.shas[4]
    store = ImageStore(server.office.folder.images)
    store.path(broken, "jpg").write_bytes(b"\xff\xd8\xff cut off")

    body = server.post("pack", {"shas": [known, "0" * 64, broken]}).body

    number, *sizes = struct.unpack("<4I", body[:16])
    assert number == 3
    assert sizes[1:] == [0, 0]
    assert inspect_image(body[16:]).width == 96
    assert len(body) == 16 + sizes[0]


def test_a_small_photo_is_sent_byte_for_byte(server: Server):
    sha256 = server.shas[1]
    answer = server.get(f"image/{sha256}")

    stored = ImageStore(server.office.folder.images).path(sha256, "jpg")
    assert answer.body == stored.read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert server.get(f"image/{'0' * 64}").status == 404


def test_what_is_said_is_kept_and_sent_twice_changes_nothing(server: Server):
    op = server.op(1, "relabel", "bird", shown_ms=700)
    [first], [again] = server.say(op), server.say(op)

    assert first["accepted"]
    assert (again["accepted"], again["version"]) == (True, first["version"])
    photo = photo_of(server.office.folder, server.shas[1])
    assert (photo.label, photo.status) == ("bird", Status.LABELLED)
    assert (
        server.get("queue?queue=mine&client=a").json()["photos"][0]["label"] == "bird"
    )


def test_the_second_of_two_curators_is_told_and_changes_nothing(server: Server):
    hers, his = server.op(1, "relabel", "bird"), server.op(1, "relabel", "dog")
    server.say(hers)
    [answer] = server.say(his, user="Kenji", client="b")

    assert not answer["accepted"]
    assert (answer["by"], answer["label"]) == ("Hana", "bird")


def test_an_op_that_makes_no_sense_never_stops_the_others(server: Server):
    wrong = [
        server.op(1, "relabel", "no such category"),
        server.op(1, "paint", "cat"),
        server.op(1, "relabel", None),
        server.op(1, "undo"),
        server.op(1, "relabel", "cat") | {"base_version": "0"},
        server.op(1, "relabel", "cat") | {"sha256": "0" * 64},
        server.op(1, "relabel", "cat") | {"sha256": "\ud800"},
        server.op(1, "flag", note="half a letter: \ud800"),
        server.op(1, "undo", undoes=["a"]),
    ]
    good = server.op(2, "reject")
    answers = server.say(*wrong, good)

    accepted = {answer["seq"]: answer["accepted"] for answer in answers}
    assert accepted == {op["seq"]: op is good for op in [*wrong, good]}
    assert photo_of(server.office.folder, server.shas[2]).status is Status.REJECTED


@pytest.mark.parametrize(
    "body",
    [b"no JSON", b"[]", {}, {"outbox": 1}, {"outbox": [{"client": "", "ops": []}]}],
    ids=str,
)
def test_a_request_of_another_form_is_refused_in_a_line(server: Server, body):
    answer = server.post("ops", body)

    assert answer.status == 400
    assert answer.json()["error"].startswith("expected")


def test_undo_takes_back_a_bulk_from_the_journal(server: Server):
    bulk = [server.op(seed, "relabel", "bird") for seed in (4, 5)]
    server.say(*(op | {"batch": bulk[0]["seq"]} for op in bulk))
    told = server.get("mine?limit=10").json()

    undo = [
        server.op(server.seeds[word["sha256"]], "undo")
        | {"undoes": [word["client"], word["seq"]]}
        for word in told["words"]
    ]
    answers = server.say(*undo, client="another tab")

    assert {word["batch"] for word in told["words"]} == {bulk[0]["seq"]}
    assert [answer["accepted"] for answer in answers] == [True, True]
    assert photo_of(server.office.folder, server.shas[4]).status is Status.SCRAPED


def test_a_second_opinion_is_blind_and_a_difference_goes_to_review(server: Server):
    server.say(server.op(1, "relabel", "bird"))
    [photo] = server.get("queue?queue=second&client=b", "Kenji").json()["photos"]
    second = server.op(1, "second", "dog", status="labelled")
    server.say(second, user="Kenji", client="b")
    [differs] = server.get("queue?queue=disagree&client=c", "Rin").json()["photos"]

    assert (photo["label"], photo["scraped_as"], photo["suggested"]) == (None, [], None)
    assert "about" not in photo
    assert server.queue("queue=second&client=a") == []
    said = [(one["by"], one["label"]) for one in differs["opinions"]]
    assert said == [("Hana", "bird"), ("Kenji", "dog")]
    assert photo_of(server.office.folder, server.shas[1]).label == "bird"


def test_what_others_said_meanwhile_is_told(server: Server):
    since = server.get("changes?since=0&client=a").json()["event"]
    server.say(server.op(5, "unsure"), user="Kenji", client="b")
    told = server.get(f"changes?since={since}&client=a").json()

    assert [server.seeds[photo["sha256"]] for photo in told["photos"]] == [5]
    assert told["counts"]["decided"] == 1
    assert server.queue("queue=noted&client=c") == [5]


def test_queues_and_categories_that_are_none_are_named(server: Server):
    assert "doubtful" in server.get("queue?queue=best").json()["error"]
    assert (
        "no category 'x'"
        in server.get("queue?queue=category&category=x").json()["error"]
    )
    assert server.get("queue?queue=all&n=999999").status == 400
    assert server.get(f"changes?since={'9' * 5000}").status == 400


def test_an_order_is_gone_through_by_its_own_queue_alone(server: Server):
    name = server.get("page?queue=random&client=a&n=2").json()["line"]
    answer = server.get(f"page?queue=flagged&client=a&line={name}").json()

    assert [server.seeds[photo["sha256"]] for photo in answer["photos"]] == [2]


def test_going_through_all_photos_comes_to_an_end_while_they_are_labelled(
    server: Server,
):
    seen: list[int] = []
    query = "queue=all&client=a&n=2"
    answer = server.get(f"queue?{query}").json()
    while answer["photos"]:
        seeds = [server.seeds[photo["sha256"]] for photo in answer["photos"]]
        seen += seeds
        server.say(*(server.op(seed, "unsure") for seed in seeds))
        last = f"&line={answer['line']}&after={server.shas[seeds[-1]]}"
        answer = server.get(f"queue?{query}{last}").json()

    assert seen == list(range(1, 10))
    at = server.get(f"queue?{query}&at={server.shas[7]}").json()["photos"]
    assert [server.seeds[photo["sha256"]] for photo in at] == [7, 8]


@pytest.mark.parametrize("queue", ["second", "disagree", "noted"])
def test_review_is_for_reviewers(server: Server, queue: str):
    asked = f"queue?queue={queue}&client=a"
    assert server.get(asked, role=Role.CURATOR).status == 403
    assert server.get(asked, role=Role.REVIEWER).status == 200


def test_pages_that_were_turned_are_given_back_to_others(server: Server):
    server.queue("queue=doubtful&client=a&n=2")
    server.post("release", {"client": "a", "shas": [server.shas[3]]})

    assert server.queue("queue=doubtful&client=b&n=2", "Kenji") == [3, 1]


def test_the_end_is_asked_for_by_admins_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ENDING, "decided", None)
    refused = server.post("done", {}, role=Role.CURATOR)
    assert (refused.status, ENDING.decided) == (403, None)

    assert server.post("done", {}).status == 200
    assert ENDING.decided == 0


def test_who_ends_the_labeling_is_told_of_others_who_are_there(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ENDING, "decided", None)
    server.queue("queue=doubtful&client=a&n=1", "Hana")
    server.queue("queue=doubtful&client=b&n=1", "Kenji")

    assert server.post("done", {}).json() == {"others": ["Kenji"]}
    assert ENDING.decided is None
    assert server.post("done", {"sure": True}).json() == {}
    assert ENDING.decided == 0


def test_without_a_token_nothing_is_told(server: Server):
    for path in ("queue", "page", "mine", "changes", f"image/{server.shas[1]}"):
        assert ask(server.app, "GET", f"/mekiki/api/{path}").status == 401
    assert ask(server.app, "POST", "/mekiki/api/ops", {}, {"outbox": []}).status == 401


def test_a_catalog_that_was_deleted_takes_no_labels(server: Server):
    server.office.folder.catalog_file.unlink()
    body = {"outbox": [{"client": "a", "ops": [server.op(1, "confirm", "cat")]}]}
    answer = server.post("ops", body)

    assert answer.status == 503
    assert "deleted or replaced" in answer.json()["error"]
