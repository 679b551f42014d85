"""A person's "not the same": no group joins the two, whatever is done to the set."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from PIL import Image

from pipeline.catalog import Catalog, Outcome, Status
from pipeline.catalog.curators import check_name
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.journal import Action, Op
from pipeline.dedup import DedupSummary, dedup
from pipeline.dedup.apart import ApartSummary, keep_apart, let_join, list_apart
from pipeline.errors import CatalogError, InputError
from pipeline.forget import forget
from pipeline.forget.naming import stored_photo
from pipeline.gallery import gallery_file
from pipeline.home import SetFolder
from pipeline.images import ImageStore, inspect_image
from pipeline.locking import held_alone
from pipeline.progress import silent
from pipeline.settings import SetSettings, load_settings
from pipeline.split import split
from tests.conftest import NOW, draw_photo


def jpeg(seed: int, *, width: int = 600, quality: int = 95) -> bytes:
    """Draw a photo; the same seed in another width or quality is a copy of it."""
    image = Image.fromarray(draw_photo(seed, 600, 500))
    buffer = io.BytesIO()
    image.resize((width, width * 5 // 6)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _now() -> str:
    return NOW


class Shop:
    """A set whose photos are called as they came: ``/photos/<name>.jpg``."""

    def __init__(self, folder: SetFolder, catalog: Catalog) -> None:
        self.folder, self.catalog = folder, catalog
        self.sha256: dict[str, str] = {}

    def add(self, category: str, **photos: bytes) -> None:
        """Store photos, as a scrape would have."""
        origins = {f"/photos/{name}.jpg": data for name, data in photos.items()}
        found = [Found("folder", category, origin) for origin in origins]
        self.catalog.candidates.add(found, NOW)
        for candidate in self.catalog.candidates.pending():
            facts = inspect_image(origins[candidate.origin])
            ImageStore(self.folder.images).put(origins[candidate.origin], facts)
            ending = Ending(candidate.id, Outcome.STORED, facts=facts)
            self.catalog.candidates.finish([ending], NOW)
            name = candidate.origin.removeprefix("/photos/").removesuffix(".jpg")
            self.sha256[name] = facts.sha256

    def dedup(self) -> DedupSummary:
        return dedup(
            self.folder, self._settings, self.catalog, progress=silent, now=_now
        )

    def apart(self, *names: str, user: str = "Ana") -> ApartSummary:
        return keep_apart(
            *(self.folder, self._settings, self.catalog),
            [self.sha256[name] for name in names],
            user=user,
            progress=silent,
            now=_now,
        )

    def undo(self, *names: str) -> ApartSummary:
        return let_join(
            *(self.folder, self._settings, self.catalog),
            [self.sha256[name] for name in names],
            progress=silent,
            now=_now,
        )

    def split(self) -> int:
        """Split the set; return how many photos have a part."""
        counts = split(self._settings, self.catalog).counts
        return sum(sum(by_category.values()) for by_category in counts.values())

    @property
    def groups(self) -> set[frozenset[str]]:
        """The groups, each as the names of its photos."""
        names = {sha256: name for name, sha256 in self.sha256.items()}
        found: dict[int, set[str]] = {}
        for row in self.catalog.photos.groupings():
            found.setdefault(row.group_id, set()).add(names[row.sha256])
        return {frozenset(group) for group in found.values()}

    @property
    def _settings(self) -> SetSettings:
        return load_settings(self.folder.settings_file)


def grouped(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


@pytest.fixture
def shop(folder: SetFolder, catalog: Catalog) -> Shop:
    """Two photos of one guitar, found under two categories, and two of others."""
    shop = Shop(folder, catalog)
    shop.add("cat", red=jpeg(1), blue=jpeg(2))
    shop.add("dog", small=jpeg(1, width=300), green=jpeg(3))
    shop.dedup()
    return shop


def test_undo_that_was_interrupted_is_followed_when_asked_again(shop):
    shop.apart("red", "small")
    pair = sorted((shop.sha256["red"], shop.sha256["small"]))
    shop.catalog.partings.take_back([(pair[0], pair[1])])  # and then Ctrl-C

    with pytest.raises(InputError, match="nothing to take back"):
        shop.undo("red", "small")

    assert shop.groups == grouped("red small", "blue", "green")


def test_photos_that_a_person_keeps_apart_are_two_groups_at_once(shop):
    assert shop.groups == grouped("red small", "blue", "green")

    summary = shop.apart("red", "small")

    assert shop.groups == grouped("red", "small", "blue", "green")
    said, counts = summary.lines
    assert said == "kept apart from now on: 1 pair"
    assert counts.startswith("4 images in 4 groups; 0 copies; 0 conflicts between")
    assert not shop.dedup().is_new


def test_they_stay_apart_without_the_cache_and_when_the_set_grows(shop):
    shop.apart("red", "small")
    shutil.rmtree(shop.folder.cache)
    shop.add("dog", third=jpeg(1, width=300, quality=60), fourth=jpeg(1, quality=60))

    shop.dedup()

    copies = shop.groups - grouped("blue", "green")
    assert len(copies) == 2  # each of the new ones is a copy of both, and is in one
    assert not any({"red", "small"} <= group for group in copies)


def test_every_two_of_several_photos_are_kept_apart(shop):
    shop.add("cat", third=jpeg(1, width=400), fourth=jpeg(1, width=500))
    shop.dedup()
    assert shop.groups == grouped("red small third fourth", "blue", "green")

    summary = shop.apart("red", "small", "third", "fourth")

    assert summary.lines[0] == "kept apart from now on: 6 pairs"
    assert len(shop.groups) == 6


def test_photos_of_no_common_group_are_kept_apart_for_what_comes(shop):
    summary = shop.apart("red", "blue", "small")

    assert summary.lines[0] == (
        "kept apart from now on: 3 pairs;"
        " 2 pairs shared no group: it holds for what later dedups find"
    )
    assert len(shop.catalog.partings.pairs()) == 3


def test_what_was_said_stands_under_who_said_it_first(shop):
    shop.apart("small", "red", user="Ana")
    again = shop.apart("red", "small", user="Bo")

    assert (
        again.lines[0] == "kept apart from now on: 0 pairs; kept apart before: 1 pair"
    )
    first, second = sorted([shop.sha256["red"], shop.sha256["small"]])
    origins = {sha256: f"/photos/{name}.jpg" for name, sha256 in shop.sha256.items()}
    assert list_apart(shop.catalog) == [
        {
            "first": first,
            "second": second,
            "first_origin": origins[first],
            "second_origin": origins[second],
            "user": "Ana",
            "at": NOW,
        }
    ]


def test_taking_it_back_lets_them_share_a_group_again(shop):
    shop.apart("red", "small", "blue")

    summary = shop.undo("small", "red")

    assert shop.groups == grouped("red small", "blue", "green")
    assert (
        summary.lines[0] == "kept apart no longer: 1 pair; sharing a group now: 1 pair"
    )
    rest = shop.undo("red", "small", "blue")
    assert rest.lines[0] == (
        "kept apart no longer: 2 pairs; never were: 1 pair;"
        " sharing a group now: 0 pairs"
    )
    assert shop.catalog.partings.said() == []


def test_there_is_nothing_to_take_back_where_nothing_was_said(shop):
    with pytest.raises(InputError, match="mekiki apart things --list shows what"):
        shop.undo("red", "small")


def test_the_conflict_of_a_group_goes_when_it_is_pulled_apart(shop):
    (disputed,) = [
        p for p in shop.catalog.photos.photos() if p.status is Status.CONFLICT
    ]
    assert disputed.scraped_as == ("cat", "dog")
    assert shop.split() == 2  # the conflict is not trained

    assert shop.apart("red", "small").dedup.conflicts == 0

    photos = {p.sha256: p for p in shop.catalog.photos.photos()}
    told = {
        name: (photos[sha256].label, photos[sha256].status, photos[sha256].scraped_as)
        for name, sha256 in shop.sha256.items()
    }
    assert told["red"] == ("cat", Status.SCRAPED, ("cat",))
    assert told["small"] == ("dog", Status.SCRAPED, ("dog",))
    assert shop.catalog.photos.item_counts() == {"scraped": 4}
    assert shop.split() == 4
    assert shop.undo("red", "small").dedup.conflicts == 1


def test_a_label_stays_with_the_photo_that_it_was_given_to(shop):
    (disputed,) = [
        p for p in shop.catalog.photos.photos() if p.status is Status.CONFLICT
    ]
    word = Op(disputed.sha256, Action.CONFIRM, "cat", disputed.version, "Ana", "tab", 1)
    assert shop.catalog.journal.apply([word], NOW)[0].accepted

    shop.apart("red", "small")

    photos = {p.sha256: (p.label, p.status) for p in shop.catalog.photos.photos()}
    assert photos[disputed.sha256] == ("cat", Status.LABELLED)
    (other,) = {shop.sha256["red"], shop.sha256["small"]} - {disputed.sha256}
    assert photos[other][1] is Status.SCRAPED


def test_a_takedown_takes_what_was_said_of_the_photo_too(shop):
    shop.apart("red", "small", "blue")

    forget(shop.folder, shop.catalog, ["/photos/red.jpg"], now=_now)

    left = tuple(sorted([shop.sha256["small"], shop.sha256["blue"]]))
    assert shop.catalog.partings.pairs() == [left]
    assert shop.dedup().groups == 3


def test_what_a_slower_dedup_found_does_not_join_them_again(shop):
    before = shop.catalog.photos.groupings()
    shop.apart("red", "small")

    with pytest.raises(
        CatalogError, match=r"said meanwhile.*run the same command again"
    ):
        shop.catalog.photos.write_groupings(before)

    assert shop.groups == grouped("red", "small", "blue", "green")


def test_a_photo_that_was_taken_down_meanwhile_is_one_line(shop):
    gone = shop.sha256["green"]
    forget(shop.folder, shop.catalog, [gone], now=_now)

    with pytest.raises(CatalogError, match="was taken down meanwhile"):
        shop.apart("red", "green")


def test_the_set_is_not_touched_while_another_process_holds_it(shop):
    told = f"in use by mekiki scrape \\(process {os.getpid()}\\); wait until that"
    with held_alone(shop.folder, "scrape"), pytest.raises(InputError, match=told):
        shop.apart("red", "small")

    assert shop.catalog.partings.said() == []


def test_the_page_shows_the_digits_that_the_command_takes(shop):
    text = gallery_file(shop.folder).read_text("utf-8")

    assert "mekiki apart things PHOTO PHOTO" in text
    for name in ("red", "small"):
        assert f'<code class="sha">{shop.sha256[name][:10]}</code>' in text
    shop.apart("red", "small")
    assert "mekiki apart" not in gallery_file(shop.folder).read_text("utf-8")


@pytest.mark.parametrize(
    "named",
    [
        "{sha256}",
        " {prefix}",
        "{capitals}",
        "/photos/red.jpg",
        "images/{start}/{sha256}.jpg",
        "/elsewhere/thumbnails/{start}/{sha256}.jpg",
    ],
)
def test_a_photo_is_named_by_its_sha256_its_file_or_where_it_came_from(shop, named):
    sha256 = shop.sha256["red"]
    what = named.format(
        sha256=sha256,
        prefix=sha256[:6],
        capitals=sha256[:12].upper(),
        start=sha256[:2],
    )

    assert stored_photo(what, shop.catalog.takedowns.candidates()) == sha256


def test_an_address_names_the_photo_however_it_is_written(shop):
    shop.catalog.candidates.add([Found("urls", "cat", "https://x.test/a.jpg")], NOW)
    (met,) = shop.catalog.candidates.pending()
    ending = Ending(met.id, Outcome.STORED, facts=inspect_image(jpeg(2)))
    shop.catalog.candidates.finish([ending], NOW)
    known = shop.catalog.takedowns.candidates()

    assert stored_photo("HTTPS://X.test/b/../a.jpg#1", known) == shop.sha256["blue"]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("/photos/none.jpg", "no photo of the set is called '/photos/none.jpg'"),
        ("12345", "first digits of its sha256 \\(6 or more\\)"),
        ("", "no photo of the set is called ''"),
    ],
)
def test_a_name_of_nothing_says_how_photos_are_named(shop, named, told):
    with pytest.raises(InputError, match=told):
        stored_photo(named, shop.catalog.takedowns.candidates())


def test_a_photo_that_is_not_in_the_store_can_not_be_named(shop):
    shop.catalog.candidates.add([Found("urls", "cat", "https://x.test/a.jpg")], NOW)
    forget(shop.folder, shop.catalog, ["/photos/green.jpg"], now=_now)
    known = shop.catalog.takedowns.candidates()

    with pytest.raises(
        InputError, match=r"was met, but no photo of it is in the store"
    ):
        stored_photo("https://x.test/a.jpg", known)
    with pytest.raises(InputError, match=r"was taken down, but no photo of it is in"):
        stored_photo("/photos/green.jpg", known)


def test_digits_that_begin_two_photos_are_asked_for_more(shop):
    known = shop.catalog.takedowns.candidates()
    twins = [
        type(met)(**{**vars(met), "sha256": "abcdef" + met.sha256[6:]}) for met in known
    ]

    with pytest.raises(InputError, match="'abcdef' begins several sha256; give more"):
        stored_photo("abcdef", twins)


def test_an_address_that_was_two_photos_asks_which(shop):
    shop.add("dog", red=jpeg(9))  # the same path under another category, changed since
    known = shop.catalog.takedowns.candidates()

    with pytest.raises(InputError, match=r"was several photos: .*; name one of these"):
        stored_photo("/photos/red.jpg", known)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["red"], "name two photos or more, got 1"),
        ([], "name two photos or more, got 0"),
        (["red", "blue", "red"], "two of the names are the same photo"),
    ],
)
def test_two_photos_that_differ_have_to_be_named(shop, names, told):
    with pytest.raises(InputError, match=told):
        shop.apart(*names)

    assert shop.catalog.partings.said() == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Aiko   Mori ", "Aiko Mori"),
        ("愛子", "愛子"),
        ("", None),
        ("   ", None),
        ("Mekiki", None),
        ("a" * 61, None),
        ("a\u200bb", None),
        ("a\x00", None),
    ],
)
def test_a_curators_name_is_printable_and_no_machines(typed, kept):
    assert check_name(typed) == kept


@pytest.fixture
def mekiki(folder: SetFolder) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line on a set of a photo, a smaller copy and another photo."""
    source = folder.home / "source" / "cat"
    source.mkdir(parents=True)
    for name, data in (("a", jpeg(1)), ("b", jpeg(1, width=300)), ("c", jpeg(2))):
        (source / f"{name}.jpg").write_bytes(data)
    with folder.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'[[source]]\nkind = "folder"\npath = "{source.parent}"\n')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            cwd=folder.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    run("scrape", "things")
    run("dedup", "things")
    return run


def test_the_command_says_lists_and_takes_back(mekiki, folder):
    photos = [str(folder.home / "source" / "cat" / f"{name}.jpg") for name in "ab"]

    said = mekiki("apart", "things", *photos, "--user", "Ana Ruiz")
    listed = mekiki("apart", "things", "--list")
    (row,) = json.loads(mekiki("apart", "things", "--json").stdout)
    undone = mekiki("apart", "things", row["first"][:10], row["second"], "--undo")

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(
        "kept apart from now on: 1 pair\n3 images in 3 groups; 0 copies; 0 conflicts"
    )
    assert {row["first_origin"], row["second_origin"]} == set(photos)
    assert row["user"] == "Ana Ruiz"
    assert listed.stdout == (
        f"{row['first'][:10]} {row['second'][:10]}  Ana Ruiz, {row['at']}"
        f"  {row['first_origin']} | {row['second_origin']}\n"
    )
    assert undone.stdout.startswith(
        "kept apart no longer: 1 pair; sharing a group now: 1 pair\n"
        "3 images in 2 groups; 1 copies; 0 conflicts"
    )
    assert mekiki("apart", "things", "--list").stdout == (
        "nothing is kept apart; `mekiki apart things PHOTO PHOTO` does that\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.jpg", "b.jpg", "--list"], "name no photos with it"),
        (["--list", "--undo"], "name no photos with it"),
        (["a.jpg", "b.jpg"], "no photo of the set is called 'a.jpg'"),
        (["a.jpg", "b.jpg", "--user", "mekiki"], "add --user NAME"),
        ([], "name two photos or more, got 0"),
    ],
    ids=["photos to list", "undo of a list", "unknown", "no name", "no photos"],
)
def test_a_mistake_is_one_line_and_exit_2(folder, arguments, told):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "apart", "things", *arguments],
        cwd=folder.home,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
