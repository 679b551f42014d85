"""A person's "keep this one" and "not the same", of one group: followed at once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeler.shelf import Shelf
from pipeline.catalog import Catalog, Status
from pipeline.catalog.choices import Choice
from pipeline.catalog.groups import Said, Saying
from pipeline.catalog.ops import Action, Op
from pipeline.dedup.regroup import Group, OvertakenError, Regrouping, stamp_of
from pipeline.errors import CatalogError, InputError
from pipeline.forget import forget
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.settings import load_settings
from tests.conftest import NOW
from tests.test_apart import Shop, grouped, jpeg


class Wall(Shop):
    """The same set, as a curator sees its groups."""

    def __init__(self, folder: SetFolder, catalog: Catalog) -> None:
        super().__init__(folder, catalog)
        self._times = 0

    @property
    def it(self) -> Regrouping:
        settings = load_settings(self.folder.settings_file)
        return Regrouping(self.folder, settings, self.catalog, self._later)

    def _later(self) -> str:
        self._times += 1
        return f"2026-01-02T03:05:{self._times:02}+00:00"

    def group_of(self, name: str) -> Group:
        """Return the group that a photo is in, as a curator sees it now."""
        seen = self.catalog.groups.around([self.sha256[name]])
        shas = tuple(copy.image.sha256 for copy in seen.copies)
        return Group(shas, stamp_of(seen.copies))

    def keep(self, name: str, user: str = "Ana") -> Said:
        return self.it.keep(self.group_of(name), self.sha256[name], user).said

    def part(self, *names: str, user: str = "Ana") -> Said:
        shas = [self.sha256[name] for name in names]
        return self.it.part(self.group_of(names[0]), shas, user).said

    @property
    def kept(self) -> dict[frozenset[str], str]:
        """Which photo each group of several keeps."""
        names = {sha256: name for name, sha256 in self.sha256.items()}
        found: dict[int, list[tuple[str, bool]]] = {}
        for row in self.catalog.photos.groupings():
            found.setdefault(row.group_id, []).append((names[row.sha256], row.kept))
        return {
            frozenset(name for name, _ in members): next(
                name for name, kept in members if kept
            )
            for members in found.values()
            if len(members) > 1
        }


@pytest.fixture
def wall(folder: SetFolder, catalog: Catalog) -> Wall:
    """Three photos of one guitar, one under another category; and two of others."""
    wall = Wall(folder, catalog)
    wall.add("cat", red=jpeg(1), blue=jpeg(2))
    wall.add("dog", small=jpeg(1, width=300), tiny=jpeg(1, width=200), green=jpeg(3))
    wall.dedup()
    return wall


TRIO = frozenset({"red", "small", "tiny"})


def test_the_chosen_photo_is_kept_at_once_and_after_every_later_dedup(wall):
    assert wall.kept == {TRIO: "red"}

    wall.keep("tiny")

    assert wall.kept == {TRIO: "tiny"}
    at_once = wall.catalog.photos.groupings()
    wall.dedup()
    assert wall.catalog.photos.groupings() == at_once
    wall.add("dog", huge=jpeg(1, width=600, quality=99))
    wall.dedup()
    assert wall.kept == {TRIO | {"huge"}: "tiny"}


def test_reasons_are_told_beside_the_photo_that_is_kept_now(wall):
    wall.keep("tiny")

    reasons = {row.sha256: row.reason for row in wall.catalog.photos.groupings()}
    assert reasons[wall.sha256["tiny"]] == ""
    assert reasons[wall.sha256["red"]] == reasons[wall.sha256["small"]] == "resized"


def test_of_two_choices_the_newer_holds_and_the_older_again_without_it(wall):
    wall.keep("tiny", user="Ana")
    newer = wall.keep("small", user="Bo")
    assert wall.kept == {TRIO: "small"}
    assert [choice.user for choice in wall.catalog.choices.said()] == ["Ana", "Bo"]

    wall.it.undo(newer, "Bo")

    assert wall.kept == {TRIO: "tiny"}


def test_undo_leaves_the_groups_as_they_were(wall):
    before = wall.catalog.photos.groupings()

    wall.it.undo(wall.keep("tiny"), "Ana")
    wall.it.undo(wall.part("tiny"), "Ana")

    assert wall.catalog.photos.groupings() == before
    assert wall.catalog.choices.said() == []
    assert wall.catalog.partings.said() == []


def test_what_is_not_the_same_leaves_the_group_as_a_dedup_of_all_would_have_it(wall):
    said = wall.part("tiny")

    assert wall.groups == grouped("red small", "tiny", "blue", "green")
    assert len(said.partings) == 2  # of the rest, each
    at_once = wall.catalog.photos.groupings()
    wall.dedup()
    assert wall.catalog.photos.groupings() == at_once


def test_several_that_are_not_the_same_as_the_rest_stay_together(wall):
    wall.part("tiny", "small")

    assert wall.groups == grouped("red", "small tiny", "blue", "green")
    assert wall.kept == {frozenset({"small", "tiny"}): "small"}


def test_without_the_cache_the_photos_are_compared_again(wall):
    for file in wall.folder.cache.iterdir():
        file.unlink()

    wall.part("tiny")

    assert wall.groups == grouped("red small", "tiny", "blue", "green")


def test_a_photo_that_can_not_be_read_any_more_leaves_the_group(wall):
    (wall.folder.cache / "dedup.npz").unlink()
    sha256 = wall.sha256["tiny"]
    ImageStore(wall.folder.images).path(sha256, "jpg").write_bytes(b"no picture")

    wall.keep("small")

    assert wall.groups == grouped("red small", "tiny", "blue", "green")
    assert wall.kept == {frozenset({"red", "small"}): "small"}


def test_a_photo_that_was_held_back_by_another_joins_the_group_it_belongs_to(wall):
    wall.part("red")
    wall.add("cat", big=jpeg(1, width=500))
    wall.dedup()
    home = next(group for group in wall.groups if "big" in group)
    assert home in grouped("red big", "small tiny big")

    wall.it.undo(Said(partings=_pairs_of(wall, "red")), "Ana")

    assert wall.groups == grouped("red small tiny big", "blue", "green")


def _pairs_of(wall: Wall, name: str) -> tuple[tuple[str, str], ...]:
    pairs = wall.catalog.partings.pairs()
    return tuple(pair for pair in pairs if wall.sha256[name] in pair)


def test_the_conflict_goes_with_the_photo_that_caused_it_and_comes_back(wall):
    assert wall.catalog.photos.item_counts() == {"conflict": 3, "scraped": 2}

    said = wall.part("red")

    assert wall.catalog.photos.item_counts() == {"scraped": 5}
    wall.it.undo(said, "Ana")
    assert wall.catalog.photos.item_counts() == {"conflict": 3, "scraped": 2}


def test_the_label_of_the_group_holds_whichever_photo_is_kept(wall):
    (photo,) = [p for p in wall.catalog.photos.photos() if p.copies]
    word = Op(photo.sha256, Action.RELABEL, "dog", photo.version, "Bo", "tab", 1)
    assert wall.catalog.journal.apply([word], NOW)[0].accepted

    wall.keep("tiny")

    (now,) = [p for p in wall.catalog.photos.photos() if p.copies]
    assert now.sha256 == wall.sha256["tiny"]
    assert (now.label, now.status) == ("dog", Status.LABELLED)


def test_what_is_said_of_a_group_that_changed_meanwhile_is_refused(wall):
    seen = wall.group_of("red")
    wall.part("tiny", user="Bo")

    with pytest.raises(OvertakenError, match="changed meanwhile"):
        wall.it.keep(seen, wall.sha256["small"], "Ana")

    assert wall.catalog.choices.said() == []


def test_a_choice_of_somebody_else_is_not_taken_back(wall):
    said = wall.keep("tiny", user="Ana")

    with pytest.raises(OvertakenError):
        wall.it.undo(said, "Bo")
    wall.it.undo(said, "Ana")
    with pytest.raises(OvertakenError):
        wall.it.undo(said, "Ana")


def test_a_parting_of_somebody_else_is_not_taken_back(wall):
    said = wall.part("tiny", user="Ana")

    with pytest.raises(OvertakenError):
        wall.it.undo(said, "Bo")

    assert wall.groups == grouped("red small", "tiny", "blue", "green")


@pytest.mark.parametrize("names", [(), ("red", "small", "tiny"), ("blue",)])
def test_some_and_not_all_of_the_group_are_named(wall, names):
    group = wall.group_of("red")

    with pytest.raises(InputError, match="and not all of them"):
        wall.it.part(group, [wall.sha256[name] for name in names], "Ana")


def test_a_photo_of_another_group_is_not_kept(wall):
    with pytest.raises(InputError, match="is no photo of that group"):
        wall.it.keep(wall.group_of("red"), wall.sha256["blue"], "Ana")


def test_what_a_slower_dedup_found_does_not_undo_a_choice(wall):
    before = wall.catalog.photos.groupings()
    wall.keep("tiny")

    with pytest.raises(CatalogError, match="chose meanwhile"):
        wall.catalog.photos.write_groupings(before)

    assert wall.kept == {TRIO: "tiny"}


def test_nothing_is_written_where_the_group_is_not_as_it_was(wall):
    was = wall.catalog.groups.around([wall.sha256["red"]])
    wall.part("tiny")
    rows = [copy.grouping for copy in was.copies]
    saying = Saying(chosen=wall.sha256["small"])

    assert wall.catalog.groups.rewrite(was, rows, saying, "Ana", NOW) is None

    assert wall.catalog.choices.said() == []


def test_a_takedown_takes_the_choice_too_and_another_chosen_photo_is_kept(wall):
    wall.keep("small")
    wall.keep("tiny")

    forget(wall.folder, wall.catalog, ["/photos/tiny.jpg"], now=lambda: NOW, only=True)

    assert [choice.sha256 for choice in wall.catalog.choices.said()] == [
        wall.sha256["small"]
    ]
    left = {row.sha256 for row in wall.catalog.photos.groupings() if row.kept}
    assert wall.sha256["small"] in left


def test_groups_come_conflicts_first_then_larger_ones(wall):
    wall.add("cat", blue2=jpeg(2, width=300), green2=jpeg(3, width=300))
    wall.add("dog", green3=jpeg(3, width=200), blue3=jpeg(2, width=200, quality=50))
    wall.add("dog", blue4=jpeg(2, width=400))
    wall.dedup()
    wall.part("blue", "blue2")  # two groups without a conflict

    ranks = wall.catalog.groups.ranks()

    assert [(rank.is_settled, -rank.negative_size) for rank in ranks] == [
        (False, 3),
        (False, 3),
        (True, 2),
        (True, 2),
    ]
    assert ranks == sorted(ranks)


def test_a_choice_tells_who_and_when(wall):
    said = wall.keep("tiny", user="Ana Ruiz")

    (choice,) = wall.catalog.choices.said()
    assert said.choice == choice
    assert choice == Choice(1, wall.sha256["tiny"], "Ana Ruiz", choice.at)
    assert choice.at.startswith("2026-01-02T03:05:")


def test_shelves_show_the_photo_that_is_kept_now(wall):
    shelf = Shelf(wall.catalog)
    shelf.follow()
    assert shelf.entry(wall.sha256["tiny"]) is None

    wall.keep("tiny")
    shelf.follow()

    entry = shelf.entry(wall.sha256["tiny"])
    assert entry is not None
    assert entry.copies == 2
    assert shelf.entry(wall.sha256["red"]) is None
    assert shelf.counts().photos.total == 3


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=st.lists(
        st.tuples(st.sampled_from(["part", "keep"]), st.sampled_from("abcdef")),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_said_the_groups_are_those_of_a_dedup_of_all(crowd, words):
    said = []
    for word, name in words:
        if len(crowd.group_of(name).sha256s) > 1:
            said.append(crowd.part(name) if word == "part" else crowd.keep(name))
        at_once = crowd.catalog.photos.groupings()
        crowd.dedup()
        assert crowd.catalog.photos.groupings() == at_once
    for one in reversed(said):
        crowd.it.undo(one, "Ana")
    assert crowd.kept == {frozenset("abcde"): "a"}


@pytest.fixture
def crowd(folder: SetFolder, sqlite_catalog: Catalog) -> Wall:
    """Five photos of one thing in other sizes and brightness, and one of another."""
    wall = Wall(folder, sqlite_catalog)
    wall.add("cat", a=jpeg(1), b=jpeg(1, width=400), f=jpeg(2))
    wall.add("dog", c=jpeg(1, width=300), d=jpeg(1, quality=60), e=jpeg(1, width=250))
    wall.dedup()
    return wall
