import csv
import hashlib
import io
from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.catalog import Catalog, Outcome, Part, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.photos import Grouping
from pipeline.errors import InputError
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageFacts, ImageStore, inspect_image
from pipeline.settings import SetSettings
from pipeline.split import SplitSummary, split, write_split
from pipeline.split.parts import (
    held_back,
    parts_of_groups,
    remembered_parts,
    split_by_group,
)

STRICT = (Part.TEST, Part.VAL, Part.TRAIN)


def settings(**split: float) -> SetSettings:
    return SetSettings.model_validate(
        {"category": [{"name": "a"}, {"name": "b"}], "split": split}
    )


def divide(
    labels: dict[int, str],
    before: dict[int, Part] | None = None,
    *,
    val: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    official: dict[int, Part] | None = None,
) -> dict[int, Part]:
    names = {group: f"photo {group}" for group in labels}
    return split_by_group(
        labels,
        before or {},
        names,
        official=official,
        val=val,
        test=test,
        seed=seed,
    )


def in_part(parts: dict[int, Part], part: Part) -> set[int]:
    return {group for group, there in parts.items() if there is part}


_labels = st.lists(st.sampled_from("abc"), min_size=2, max_size=80).map(
    lambda labels: dict(enumerate(labels))
)
_shares = st.sampled_from([0.1, 0.2, 0.35])
_tests = st.sampled_from([0.0, 0.1, 0.25])


@given(_labels, _shares, _tests, st.integers(0, 5))
def test_each_category_is_divided_near_what_was_asked(labels, val, test, seed):
    parts = divide(labels, val=val, test=test, seed=seed)
    assert set(parts) == set(labels)
    for label, photos in Counter(labels.values()).items():
        there = Counter(parts[g] for g in labels if labels[g] == label)
        assert there[Part.TRAIN] >= 1
        assert there[Part.VAL] >= (1 if photos > 1 else 0)
        assert abs(there[Part.VAL] - val * photos) <= 1
        assert abs(there[Part.TEST] - test * photos) <= 1


@given(_labels, st.integers(0, 3))
def test_same_seed_gives_the_same_split_in_any_order(labels, seed):
    backwards = dict(reversed(labels.items()))
    assert divide(labels, seed=seed) == divide(backwards, seed=seed)


def test_another_seed_gives_another_split():
    labels = dict.fromkeys(range(100), "a")
    assert divide(labels, seed=1) != divide(labels, seed=2)


@given(_labels, _labels, _shares, _tests)
def test_growth_moves_no_photo(labels, more, val, test):
    before = divide(labels, val=val, test=test)
    grown = labels | {1000 + group: label for group, label in more.items()}
    after = divide(grown, before, val=val, test=test)
    single = {n for n in labels if list(labels.values()).count(labels[n]) == 1}
    assert {g: p for g, p in after.items() if g in before and g not in single} == {
        g: p for g, p in before.items() if g not in single
    }


@given(_labels, st.data())
def test_nothing_leaves_test_or_val_whatever_changes(labels, data):
    before = divide(labels, val=0.3, test=0.2)
    relabelled = {
        group: data.draw(st.sampled_from("abc"), label=f"label of {group}")
        for group in labels
    }
    val, test = data.draw(_shares), data.draw(_tests)
    after = divide(relabelled, before, val=val, test=test)
    for part in (Part.VAL, Part.TEST):
        assert in_part(before, part) <= in_part(after, part)


@given(
    st.dictionaries(st.integers(0, 40).map(str), st.sampled_from(list(Part))),
    st.integers(1, 12),
)
def test_joined_groups_go_to_the_strictest_part_they_touch(parts, groups):
    group_of = {str(n): n % groups for n in range(38)}
    found = parts_of_groups(parts, group_of)
    for group, part in found.items():
        touched = {p for name, p in parts.items() if group_of.get(name) == group}
        assert part == min(touched, key=STRICT.index)


def test_larger_share_asked_for_later_is_filled_from_train():
    labels = dict.fromkeys(range(100), "a")
    before = divide(labels)
    after = divide(labels, before, test=0.1)
    assert len(in_part(after, Part.TEST)) == 10
    assert in_part(after, Part.VAL) == in_part(before, Part.VAL)


# A set that changes: photos come (a label each), groups join and part (the list names
# each photo's group, over and over), curators speak, settings change.
_change = st.fixed_dictionaries(
    {
        "new": st.lists(st.sampled_from("abc"), max_size=9),
        "groups": st.lists(st.integers(0, 12), min_size=1, max_size=12),
        "said": st.lists(
            st.tuples(st.integers(0, 60), st.sampled_from(["a", "b", "c", "reject"])),
            max_size=5,
        ),
        "val": st.sampled_from([0.1, 0.2, 0.5, 1, 3]),
        "test": st.sampled_from([0, 0.1, 0.3, 2]),
        "seed": st.integers(0, 2**32),
    }
)
_changes = st.lists(_change, min_size=2, max_size=6)


def regrouped(photos: list[str], groups: list[int]) -> dict[str, int]:
    """Put photos into groups; a group is named by the number of its first photo."""
    keys = [groups[number % len(groups)] for number in range(len(photos))]
    return {name: keys.index(key) for name, key in zip(photos, keys, strict=True)}


def check_no_group_crosses(parts: dict[str, Part], group_of: dict[str, int]) -> None:
    sides: dict[int, set[Part]] = {}
    for name, part in parts.items():
        sides.setdefault(group_of[name], set()).add(part)
    assert all(len(there) == 1 for there in sides.values())


def check_nothing_is_let_go(before: dict[str, Part], after: dict[str, Part]) -> None:
    """A photo stays where it is, or goes to a stricter part."""
    assert set(before) <= set(after)
    for name, part in before.items():
        assert STRICT.index(after[name]) <= STRICT.index(part)


@given(_changes)
def test_no_group_crosses_the_split_whatever_the_seed_and_growth(changes):
    labels: dict[str, str] = {}
    parts: dict[str, Part] = {}
    for change in changes:
        labels |= {f"photo {len(labels) + n}": x for n, x in enumerate(change["new"])}
        photos = list(labels)
        group_of = regrouped(photos, change["groups"])
        said = {photos[n]: word for n, word in change["said"] if n < len(photos)}
        labels |= {name: word for name, word in said.items() if word != "reject"}
        rejected = {group_of[name] for name, word in said.items() if word == "reject"}
        trained = {group_of[n]: n for n in photos if group_of[n] not in rejected}
        before = parts
        divided = split_by_group(
            {number: labels[name] for number, name in trained.items()},
            parts_of_groups(before, group_of),
            trained,
            val=change["val"],
            test=change["test"],
            seed=change["seed"],
        )
        parts = remembered_parts(divided, before, group_of)

        assert set(divided) == set(trained)
        assert {parts[name] for name in photos if group_of[name] in divided} == set(
            divided.values()
        )
        check_no_group_crosses(parts, group_of)
        check_nothing_is_let_go(before, parts)


_official = st.sampled_from([Part.TEST, Part.TRAIN, Part.TRAIN, None])


@given(_labels, _shares, _tests, st.data())
def test_official_parts_are_kept_and_val_is_drawn_from_the_rest(
    labels, val, test, data
):
    said = {group: data.draw(_official) for group in labels}
    official = {group: part for group, part in said.items() if part}
    held, trained = in_part(official, Part.TEST), in_part(official, Part.TRAIN)

    parts = divide(labels, val=val, test=test, official=official)

    assert held <= in_part(parts, Part.TEST)
    if held:
        assert not trained & in_part(parts, Part.TEST)
    for label in set(labels.values()):
        rest = {g for g in labels if labels[g] == label} - held
        there = Counter(parts[g] for g in rest)
        assert there[Part.TRAIN] >= (1 if rest else 0)
        assert there[Part.VAL] >= (1 if len(rest) > 1 else 0)
        if not test:
            assert abs(there[Part.VAL] - val * len(rest)) <= 1


def test_of_a_mixed_set_the_other_photos_are_divided_as_asked():
    labels = dict.fromkeys(range(200), "a")
    official = dict.fromkeys(range(80), Part.TRAIN)
    official |= dict.fromkeys(range(80, 100), Part.TEST)

    parts = divide(labels, val=0.2, test=0.1, official=official)

    assert in_part(official, Part.TEST) <= in_part(parts, Part.TEST)
    drawn = in_part(parts, Part.TEST) - in_part(official, Part.TEST)
    assert len(drawn) == 10
    assert not drawn & set(official)
    assert len(in_part(parts, Part.VAL)) == 36


def test_where_nothing_is_officially_test_a_test_part_is_drawn_from_all():
    labels = dict.fromkeys(range(100), "a")
    official = dict.fromkeys(labels, Part.TRAIN)

    assert divide(labels, test=0.1, official=official) == divide(labels, test=0.1)


def test_what_turns_out_to_be_officially_test_leaves_train_and_val():
    labels = dict.fromkeys(range(100), "a")
    before = divide(labels)

    after = divide(labels, before, official=dict.fromkeys(range(50), Part.TEST))

    assert in_part(after, Part.TEST) == set(range(50))
    kept = {group for group in in_part(before, Part.VAL) if group >= 50}
    assert kept <= in_part(after, Part.VAL)


@pytest.mark.parametrize(
    ("photos", "val", "test", "expected"),
    [
        (250, 50, 0, (50, 0)),
        (100, 0.2, 0, (20, 0)),
        (30, 50, 0, (15, 0)),
        (30, 20, 20, (8, 7)),
        (2, 0.01, 0, (1, 0)),
        (2, 50, 50, (1, 0)),
        (1, 0.2, 0, (0, 0)),
        (0, 0.2, 0.1, (0, 0)),
        (2, 0.6, 0.3, (1, 0)),
        (10, 0.9, 0, (9, 0)),
        (5, 1, 0, (1, 0)),
    ],
)
def test_held_back_counts(photos, val, test, expected):
    held = held_back(photos, val, test)
    assert (held[Part.VAL], held[Part.TEST]) == expected


# the stage, on a catalog


def now() -> str:
    return "2024-05-01T12:00:00+00:00"


def add(
    folder: SetFolder,
    catalog: Catalog,
    category: str,
    seeds: range,
    part: Part | None = None,
) -> list[str]:
    store = ImageStore(folder.images)
    found, endings, names = [], [], []
    photos = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(buffer, "PNG")
        photos[f"{category}/{seed}"] = buffer.getvalue()
        found.append(Found("folder", category, f"{category}/{seed}", part=part))
    catalog.candidates.add(found, now())
    for candidate in catalog.candidates.pending():
        facts = inspect_image(photos[candidate.origin])
        store.put(photos[candidate.origin], facts)
        endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
        names.append(facts.sha256)
    catalog.candidates.finish(endings, now())
    catalog.journal.start_items(now())
    return names


def group(catalog: Catalog, joined: dict[str, str] | None = None) -> None:
    """Write groups as dedup would: alone, but for copies given as copy → kept."""
    joined = joined or {}
    images = catalog.photos.stored()
    ids = {image.sha256: image.candidate_id for image in images}
    first = {
        name: min([ids[kept], *(ids[c] for c, k in joined.items() if k == kept)])
        for name, kept in ((i.sha256, joined.get(i.sha256, i.sha256)) for i in images)
    }
    catalog.photos.write_groupings(
        Grouping(
            image.sha256,
            first[image.sha256],
            image.sha256 not in joined,
            "resized" if image.sha256 in joined else "",
            "0" * 16,
            (),
        )
        for image in images
    )


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "shop")


@pytest.fixture
def catalog(folder):
    with opened(folder) as catalog:
        yield catalog


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_stage_divides_the_catalogs_photos_and_lists_them(folder, catalog, tmp_path):
    names = add(folder, catalog, "a", range(20)) + add(
        folder, catalog, "b", range(100, 130)
    )
    group(catalog, {names[1]: names[0]})
    summary = split(settings(val=0.2), catalog)
    assert summary.line == "39 train, 10 val photos in 2 categories"
    assert summary.counts[Part.VAL] == {"a": 4, "b": 6}

    rows = (
        read(tmp_path / "s.csv")
        if write_split(folder, catalog, tmp_path / "s.csv")
        else []
    )
    assert len(rows) == 49
    assert list(rows[0]) == ["image", "sha256", "origin", "label", "group", "split"]
    assert {row["sha256"] for row in rows} == set(names) - {names[1]}
    assert Counter(row["split"] for row in rows) == {"train": 39, "val": 10}
    assert all(row["origin"].startswith(row["label"]) for row in rows)
    assert all(Path(row["image"]).is_file() for row in rows)
    before = catalog.training.split()
    assert split(settings(val=0.2), catalog) == summary
    assert catalog.training.split() == before


def test_copy_that_joins_train_and_val_takes_the_group_to_val(folder, catalog):
    names = add(folder, catalog, "a", range(20))
    add(folder, catalog, "b", range(100, 120))
    group(catalog)
    split(settings(), catalog)
    before = catalog.training.split()
    trained = next(name for name in names if before[name] is Part.TRAIN)
    held = next(name for name in names if before[name] is Part.VAL)

    group(catalog, {held: trained})
    split(settings(), catalog)
    after = catalog.training.split()
    assert after[trained] is after[held] is Part.VAL
    untouched = set(before) - {trained}
    assert {n for n in untouched if before[n] is Part.VAL} <= {
        n for n in untouched if after[n] is Part.VAL
    }

    group(catalog)  # and apart again: neither goes back
    split(settings(), catalog)
    assert catalog.training.split()[trained] is Part.VAL
    assert catalog.training.split()[held] is Part.VAL


def test_a_group_with_copies_in_both_official_parts_goes_to_test(folder, catalog):
    names = add(folder, catalog, "a", range(20), Part.TRAIN)
    (copy,) = add(folder, catalog, "a", range(50, 51), Part.TEST)
    add(folder, catalog, "b", range(100, 120))
    group(catalog, {copy: names[3]})

    summary = split(settings(test=0.1), catalog)

    assert catalog.training.split()[names[3]] is Part.TEST
    assert summary.counts[Part.TEST] == {"a": 1, "b": 2}
    assert summary.counts[Part.VAL] == {"a": 4, "b": 4}


def test_better_copy_found_later_takes_over_the_part(folder, catalog):
    names = add(folder, catalog, "a", range(10))
    add(folder, catalog, "b", range(100, 110))
    group(catalog)
    split(settings(), catalog)
    held = next(n for n in names if catalog.training.split()[n] is Part.VAL)
    (better,) = add(folder, catalog, "a", range(50, 51))
    group(catalog, {held: better})
    split(settings(), catalog)
    assert catalog.training.split()[better] is Part.VAL


def test_rejected_photo_has_its_part_again_when_it_is_taken_back(
    folder, catalog, tmp_path
):
    names = add(folder, catalog, "a", range(10))
    add(folder, catalog, "b", range(100, 110))
    group(catalog)
    split(settings(), catalog)
    held = next(n for n in names if catalog.training.split()[n] is Part.VAL)
    catalog.journal.apply([Op(held, Action.REJECT, None, 0, "mia", "tab", 1)], now())
    split(settings(), catalog)
    write_split(folder, catalog, tmp_path / "s.csv")
    assert held not in {row["sha256"] for row in read(tmp_path / "s.csv")}
    undo = Op(held, Action.UNDO, None, 1, "mia", "tab", 2, undoes=("tab", 1))
    catalog.journal.apply([undo], now())
    split(settings(), catalog)
    assert catalog.training.split()[held] is Part.VAL


def test_relabelled_photo_keeps_its_part(folder, catalog):
    names = add(folder, catalog, "a", range(10))
    add(folder, catalog, "b", range(100, 110))
    group(catalog)
    split(settings(), catalog)
    held = next(n for n in names if catalog.training.split()[n] is Part.VAL)
    catalog.journal.apply([Op(held, Action.RELABEL, "b", 0, "mia", "tab", 1)], now())
    assert split(settings(), catalog).counts[Part.VAL] == {"a": 2, "b": 3}
    assert catalog.training.split()[held] is Part.VAL


def test_photos_of_no_category_of_the_set_are_left_out(folder, catalog):
    add(folder, catalog, "a", range(4))
    add(folder, catalog, "b", range(100, 104))
    add(folder, catalog, "gone", range(200, 203))
    group(catalog)
    summary = split(settings(), catalog)
    assert summary.left_out == 3
    assert "3 of no category of the set left out" in summary.line


def test_categories_too_small_for_the_count_are_named(folder, catalog):
    add(folder, catalog, "a", range(60))
    add(folder, catalog, "b", range(100, 108))
    group(catalog)
    summary = split(settings(val=10), catalog)
    assert summary.counts[Part.VAL] == {"a": 10, "b": 4}
    assert summary.line == (
        "54 train, 14 val photos in 2 categories; fewer than asked:"
        " 'b' has 4 of 10 val (8 photos)"
    )


@pytest.mark.parametrize("categories", [(), ("a",)], ids=["none", "one"])
def test_fewer_than_two_categories_are_refused_in_one_line(folder, catalog, categories):
    for category in categories:
        add(folder, catalog, category, range(5))
    group(catalog)
    with pytest.raises(InputError, match="at least 2 categories") as refused:
        split(settings(), catalog)
    assert "\n" not in str(refused.value)
    assert catalog.training.split() == {}


def test_summary_names_a_test_part_where_there_is_one():
    counts = {Part.TRAIN: {"a": 3}, Part.VAL: {"a": 1}, Part.TEST: {"a": 2}}
    assert SplitSummary(counts, (), 0).line == (
        "3 train, 1 val, 2 test photos in 1 categories"
    )


@given(changes=_changes)
@hypothesis.settings(
    max_examples=25,
    deadline=None,
    phases=[hypothesis.Phase.generate],  # to shrink what fails takes minutes
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_no_group_crosses_the_split_of_a_catalog(tmp_path, changes):
    folder = set_folder(tmp_path, f"set{len(list(tmp_path.iterdir()))}")
    folder.folder.mkdir(parents=True)
    (tmp_path / folder.name).mkdir()  # counts the sets
    out = tmp_path / "split.csv"
    said = 0
    with opened(folder) as catalog:
        for change in changes:
            add_rows(catalog, change["new"])
            photos = [image.sha256 for image in catalog.photos.stored()]
            group_of = regrouped(photos, change["groups"])
            write_groups(catalog, group_of)
            for number, word in change["said"]:
                said += say(catalog, number, word, seq=said + 1)
            before = catalog.training.split()
            shares = {key: change[key] for key in ("val", "test", "seed")}
            try:
                split(settings(**shares), catalog)
            except InputError:  # fewer than two categories are left
                assert catalog.training.split() == before
                continue
            parts = catalog.training.split()
            write_split(folder, catalog, out)

            check_no_group_crosses(parts, group_of)
            check_nothing_is_let_go(before, parts)
            listed = [row["group"] for row in read(out)]
            assert len(listed) == len(set(listed))
            assert all(parts[r["sha256"]] == r["split"] for r in read(out))


def add_rows(catalog: Catalog, labels: list[str]) -> None:
    """Add photos to a catalog alone; the split opens none of them."""
    number = len(catalog.photos.stored())
    origins = [f"{label}/{number + n}" for n, label in enumerate(labels)]
    catalog.candidates.add([Found("folder", o[0], o) for o in origins], now())
    catalog.candidates.finish(
        [
            Ending(
                candidate.id,
                Outcome.STORED,
                facts=ImageFacts(
                    hashlib.sha256(candidate.origin.encode()).hexdigest(),
                    "PNG",
                    ".png",
                    8,
                    8,
                    100,
                ),
            )
            for candidate in catalog.candidates.pending()
        ],
        now(),
    )
    catalog.journal.start_items(now())


def write_groups(catalog: Catalog, group_of: dict[str, int]) -> None:
    """Write groups as dedup would; the last photo of each is kept."""
    kept = {group: name for name, group in group_of.items()}
    catalog.photos.write_groupings(
        Grouping(name, group, kept[group] == name, "", "0" * 16, ())
        for name, group in group_of.items()
    )
    catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), now())


def say(catalog: Catalog, number: int, word: str, seq: int) -> bool:
    """Let a curator relabel or reject one of the photos, where there are so many."""
    photos = catalog.photos.photos()
    if number >= len(photos):
        return False
    photo = photos[number]
    action = Action.REJECT if word == "reject" else Action.RELABEL
    label = None if word == "reject" else word
    op = Op(photo.sha256, action, label, photo.version, "mia", "tab", seq)
    assert catalog.journal.apply([op], now())[0].accepted
    return True


def test_copy_that_is_parted_from_its_group_stays_held_back(folder, catalog):
    names = add(folder, catalog, "a", range(40))
    add(folder, catalog, "b", range(100, 140))
    copies = dict(zip(names[20:], names[:20], strict=True))
    group(catalog, copies)
    split(settings(val=0.5), catalog)
    held = {n for n in names[:20] if catalog.training.split()[n] is Part.VAL}

    group(catalog)  # a curator says that none is a copy
    split(settings(val=0.1), catalog)

    after = catalog.training.split()
    assert len(held) == 10
    assert {copy for copy in names if after[copy] is Part.VAL} == held | {
        copy for copy, kept in copies.items() if kept in held
    }
