"""The labeler's page, run without a browser: what it shows, and what a press writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

import streamlit as st
from streamlit.testing.v1 import AppTest

from labeler.desk import Cursor, open_desk, plain
from labeler.ending import GRACE_S, Ending, farewell
from labeler.shelf import FRESH_S, Shelf
from pipeline.catalog import Outcome, Status, drop, opened
from pipeline.catalog.endings import Ending as CandidateEnding
from pipeline.catalog.finding import Found
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.photos import Grouping, Photo
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image

APP = str(Path(__file__).parents[1] / "labeler" / "app.py")
NOW = "2026-01-02T03:04:05Z"


@dataclass(frozen=True)
class Planted:
    """A photo to put into a set; two of the same seed are the same bytes."""

    category: str
    seed: int
    origin: str = ""
    page: str = ""
    title: str = ""
    flags: tuple[str, ...] = ()


def plant(folder: SetFolder, photos: Sequence[Planted], *, dedup: bool = True) -> None:
    """Fill a set as scrape and dedup would."""
    store = ImageStore(folder.images)
    with opened(folder) as catalog:
        found = [
            Found(
                "folder",
                photo.category,
                photo.origin or f"/photos/{number}.jpg",
                photo.page,
                photo.title,
            )
            for number, photo in enumerate(photos)
        ]
        catalog.candidates.add(found, NOW)
        flags: dict[str, tuple[str, ...]] = {}
        endings = []
        for candidate, photo in zip(catalog.candidates.pending(), photos, strict=True):
            pixels = np.random.default_rng(photo.seed).integers(0, 256, (80, 96, 3))
            data = encode_jpeg(pixels.astype(np.uint8))
            facts = inspect_image(data)
            store.put(data, facts)
            flags[facts.sha256] = photo.flags
            endings.append(CandidateEnding(candidate.id, Outcome.STORED, facts=facts))
        catalog.candidates.finish(endings, NOW)
        catalog.journal.start_items(NOW)
        if dedup:
            stored = catalog.photos.stored()
            catalog.photos.write_groupings(
                Grouping(s.sha256, s.candidate_id, True, "", "0" * 16, flags[s.sha256])
                for s in stored
            )
            groups = catalog.photos.categories_of_groups()
            catalog.journal.mark_conflicts(groups, NOW)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetFolder]:
    """An empty set of three categories, which the page is about to show."""
    folder = set_folder(tmp_path, "flowers")
    folder.folder.mkdir(parents=True)
    write_categories(folder, ["Cherry", "Cosmos", "桜"])
    monkeypatch.setenv("MEKIKI_HOME", str(tmp_path))
    monkeypatch.setenv("MEKIKI_SET", "flowers")
    monkeypatch.setenv("MEKIKI_USER", "Hana")
    monkeypatch.delenv("MEKIKI_DATABASE_URL", raising=False)
    yield folder
    st.cache_resource.clear()  # closes the catalog


def write_categories(folder: SetFolder, names: Sequence[str]) -> None:
    text = "\n".join(f"[[category]]\nname = '{name}'\n" for name in names)
    folder.settings_file.write_text(text, encoding="utf-8")


def show(**params: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=30)
    for key, value in params.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> None:
    [button] = [one for one in page.button if one.label == plain(label)]
    button.click()
    page.run()
    assert not page.exception


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.info, page.success, page.warning)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def origin(page: AppTest) -> str:
    """Return the page's HTML about where the photo came from."""
    pieces = [str(getattr(one, "value", "")) for one in page.get("html")]
    [shown] = [piece for piece in pieces if "class=origin" in piece]
    return shown


def title_of(page: AppTest) -> str:
    return origin(page).partition("<b>")[2].partition("</b>")[0]


def photos_of(folder: SetFolder) -> list[Photo]:
    with opened(folder) as catalog:
        return catalog.photos.photos()


def test_the_name_is_asked_before_anything_can_be_labelled(
    folder: SetFolder, monkeypatch: pytest.MonkeyPatch
):
    plant(folder, [Planted("Cherry", 1)])
    monkeypatch.setenv("MEKIKI_USER", "")
    monkeypatch.setenv("LOGNAME", "kenji")
    page = show()

    assert labels(page) == ["Start"]
    assert page.text_input[0].value == "kenji"
    page.text_input[0].set_value("mekiki")
    press(page, "Start")
    assert "Start" in labels(page)
    page.text_input[0].set_value("  Aiko  Mori ")
    press(page, "Start")
    press(page, "Cosmos")

    with opened(folder) as catalog:
        assert catalog.journal.history()[0].user == "Aiko Mori"


def test_an_empty_set_says_what_to_run(folder: SetFolder):
    page = show()

    assert "mekiki scrape flowers" in words(page)
    assert "Done" in labels(page)


def test_photos_that_were_not_compared_yet_are_sent_to_dedup(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1)], dedup=False)

    assert "mekiki dedup flowers" in words(show())


def test_a_settings_file_gone_wrong_is_told_on_the_page(folder: SetFolder):
    folder.settings_file.write_text("contact = 5", encoding="utf-8")

    assert "contact" in show().error[0].value


def test_a_conflict_names_the_categories_it_was_found_under(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2), Planted("Cosmos", 2)])
    page = show()

    assert "Conflict" in words(page)
    assert "found under Cherry and Cosmos" in words(page)
    assert not any(label.startswith("Yes") for label in labels(page))


def test_confirming_writes_a_confirm_and_shows_the_next(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cosmos", 2)])
    page = show()
    press(page, "Yes: Cherry")

    assert plain("Yes: Cosmos") in labels(page)
    with opened(folder) as catalog:
        [happened] = catalog.journal.history()
    assert (happened.action, happened.new_label) == ("confirm", "Cherry")


def test_every_button_is_bound_to_the_photo_and_its_version(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1)])
    page = show()
    [photo] = photos_of(folder)

    bound = [button.key for button in page.button if button.label != "Done"]

    assert bound
    assert all(str(key).endswith(f"-{photo.sha256}-0") for key in bound)


def test_a_stale_press_changes_nothing_and_tells_who_was_first(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2)])
    page = show()
    first, _ = photos_of(folder)
    with opened(folder) as catalog:
        op = Op(first.sha256, Action.RELABEL, "桜", 0, "Kenji", "other-tab", 1)
        catalog.journal.apply(op, NOW)
    press(page, "Cosmos")

    assert "Kenji has meanwhile labelled this as" in words(page)
    assert "Now: **桜**" in words(page)
    assert photos_of(folder)[0].label == "桜"
    press(page, "Cosmos")  # seen now, and said again
    assert photos_of(folder)[0].label == "Cosmos"


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_a_press_after_the_catalog_went_away_is_not_called_saved(
    folder: SetFolder, is_replaced: bool
):
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2)])
    page = show()
    drop(folder)
    if is_replaced:
        plant(folder, [Planted("Cosmos", 3)])

    press(page, "Yes: Cherry")

    assert "Not saved" in page.error[0].value
    assert "Saved" not in words(page)
    page = show()
    assert ("Cosmos" if is_replaced else "No photos yet") in words(page)


def test_two_of_one_mind_are_no_conflict(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cosmos", 2)])
    page = show()
    first, _ = photos_of(folder)
    with opened(folder) as catalog:
        op = Op(first.sha256, Action.REJECT, None, 0, "Kenji", "other-tab", 1)
        catalog.journal.apply(op, NOW)
    press(page, "Not usable")

    assert "meanwhile" not in words(page)
    assert plain("Yes: Cosmos") in labels(page)


def test_presses_before_the_browser_could_show_the_next_photo_are_dropped(
    folder: SetFolder,
):
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2)])
    desk = open_desk(folder.home, "flowers", Cursor(), "Hana")
    first, second = desk.photos()
    desk.show(first)

    desk.say(first, Action.RELABEL, "Cosmos")
    desk.say(first, Action.REJECT)
    desk.show(second)
    desk.skip(first)
    desk.say(first, Action.RELABEL, "桜")

    assert [(one.action, one.accepted) for one in desk.catalog.journal.history()] == [
        ("relabel", True)
    ]
    assert desk.cursor.pinned is None


def test_the_shelf_shows_at_all_times_what_the_catalog_holds(folder: SetFolder):
    plant(folder, [Planted("Cherry", seed) for seed in range(4)])
    time = [0.0]
    rng = np.random.default_rng(7)
    with opened(folder) as catalog:
        shelf = Shelf(catalog, clock=lambda: time[0])
        for seq in range(1, 60):
            photo = shelf.photos()[int(rng.integers(4))]
            user = ("Hana", "Kenji")[int(rng.integers(2))]
            match int(rng.integers(5)):
                case 0:
                    catalog.journal.undo(user, "tab", seq, NOW)
                case kind:
                    version = photo.version - int(rng.integers(4) == 0)  # some stale
                    action = list(Action)[kind - 1]
                    op = Op(photo.sha256, action, "桜", version, user, "tab", seq)
                    catalog.journal.apply(op, NOW)

            if rng.integers(3):  # else the next look finds two events at once
                assert shelf.photos() == catalog.photos.photos()
        catalog.photos.write_groupings([])
        time[0] += FRESH_S
        assert shelf.photos() == []


def test_undo_reaches_back_through_everything_this_curator_said(folder: SetFolder):
    plant(folder, [Planted("Cherry", seed) for seed in range(3)])
    page = show()
    for label in ("Cosmos", "Not usable", "Unsure"):
        press(page, label)
    for _ in range(3):
        press(page, "Undo")

    assert {photo.status for photo in photos_of(folder)} == {Status.SCRAPED}
    press(page, "Undo")
    assert "nothing left to undo" in words(page)


def test_skip_leaves_a_photo_for_later_and_back_returns_to_it(folder: SetFolder):
    plant(folder, [Planted("Cherry", seed, title=f"No {seed}") for seed in range(3)])
    page = show()

    seen = [title_of(page)]
    for move in ("Skip", "Skip", "Yes: Cherry", "Skip", "Back", "Back"):
        press(page, move)
        seen.append(title_of(page))

    assert seen == ["No 0", "No 1", "No 2", "No 0", "No 1", "No 0", "No 2"]
    statuses = [photo.status for photo in photos_of(folder)]
    assert statuses == [Status.SCRAPED, Status.SCRAPED, Status.LABELLED]


def test_one_category_can_be_gone_through(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cosmos", 2)])
    page = show(queue="One category")
    page.selectbox(key="category").set_value("Cosmos")
    page.run()

    assert plain("Yes: Cosmos") in labels(page)


def test_decided_by_me_shows_my_own_newest_first(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2)])
    page = show()
    press(page, "Cosmos")
    press(page, "桜")
    page.selectbox(key="queue").set_value("Decided by me")
    page.run()

    assert "Now: **桜**" in words(page)
    press(page, "Skip")
    assert "Now: **Cosmos**" in words(page)


def test_a_queue_at_its_end_says_how_to_go_on(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1)])
    page = show(queue="Flagged only")

    assert "Nothing left under “Flagged only”; undecided elsewhere: 1." in words(page)
    assert labels(page).count("Done") == 2
    assert "mekiki train flowers" in words(page)


def test_when_all_is_decided_the_page_says_so(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1)])
    page = show()
    press(page, "Unsure")

    assert "Every photo is decided." in words(page)


def test_a_broken_photo_shows_its_reason_and_can_still_be_rejected(folder: SetFolder):
    plant(folder, [Planted("Cherry", 1)])
    [photo] = photos_of(folder)
    ImageStore(folder.images).path(photo.sha256, "jpg").write_bytes(b"<html>gone")
    page = show()

    assert "not an image: an HTML page" in page.warning[0].value.replace("\\", "")
    press(page, "Not usable")
    assert photos_of(folder)[0].status is Status.REJECTED


def test_forty_categories_of_any_name_have_a_button_each(folder: SetFolder):
    odd = ["C# *bold* [x](http://a) :red[z] $x$ <b>", ":smile:", "- 1. `list`"]
    names = [*odd, *(f"日本語の長いカテゴリー名 {number}" for number in range(37))]
    write_categories(folder, names)
    plant(folder, [Planted(odd[0], 1)])
    page = show()

    assert {plain(name) for name in names} <= set(labels(page))
    press(page, odd[1])
    assert photos_of(folder)[0].label == odd[1]


def test_only_web_pages_become_links_and_titles_are_text(folder: SetFolder):
    planted = Planted(
        "Cherry",
        1,
        origin="javascript:alert(1)",
        page='https://example.com/?a="><script>',
        title="<img src=x onerror=alert(1)>",
    )
    plant(folder, [planted])

    shown = origin(show())

    assert shown.count("href=") == 1
    assert 'href="https://example.com/?a=&quot;&gt;&lt;script&gt;"' in shown
    assert "&lt;img src=x" in shown


def test_done_asks_for_the_end_with_the_number_decided(
    folder: SetFolder, monkeypatch: pytest.MonkeyPatch
):
    ending = Ending()
    monkeypatch.setattr("labeler.bar.ENDING", ending)
    plant(folder, [Planted("Cherry", 1), Planted("Cherry", 2)])
    page = show()
    press(page, "Cosmos")
    press(page, "Done")

    assert ending.decided == 1
    assert page.success[0].value == "Done. 1 photo decided; you can close this tab."


def test_the_end_is_due_once_seen_or_after_a_grace():
    time = [100.0]
    ending = Ending(clock=lambda: time[0])
    is_due = [ending.is_due]
    ending.ask(3)
    is_due.append(ending.is_due)
    time[0] += GRACE_S + 0.1
    is_due.append(ending.is_due)
    assert is_due == [False, False, True]

    seen = Ending(clock=lambda: 0.0)
    seen.ask(0)
    seen.see()
    assert seen.is_due
    assert farewell(1234) == "Done. 1,234 photos decided; you can close this tab."
