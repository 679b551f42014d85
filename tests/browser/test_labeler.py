"""The labeler in a real browser, before a real server and a real catalog."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")
pytest.importorskip("playwright", reason="browser tests need the dev extra")

from playwright.sync_api import Browser, Locator, Page, expect

from pipeline.catalog import Outcome, Status, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.journal import Happened
from pipeline.catalog.photos import Grouping, Photo
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image

NOW = "2026-01-02T03:04:05Z"
CATEGORIES = [
    *(f"Model {number}" for number in range(1, 11)),
    "桜の花・ソメイヨシノ",
    "A rather long name of a category",
    "C# *x*",
]
# Found in this order; the two of one seed are one photo under two categories.
PLANTED = [
    ("Model 1", 1, ()),
    ("Model 2", 2, ("tiny",)),
    ("Model 2", 3, ()),
    ("Model 3", 3, ()),
    ("Model 1", 4, ()),
    ("Model 2", 5, ()),
]
ORDER = [3, 2, 1, 4, 5]  # seeds, as the queue shows them

Open = Callable[..., Page]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetFolder:
    """A set of five photos: a conflict, a flagged one and three plain ones."""
    monkeypatch.delenv("MEKIKI_DATABASE_URL", raising=False)
    folder = set_folder(tmp_path, "flowers")
    folder.folder.mkdir(parents=True)
    folder.settings_file.write_text(
        "\n".join(f'[[category]]\nname = "{name}"\n' for name in CATEGORIES),
        encoding="utf-8",
    )
    store = ImageStore(folder.images)
    flags: dict[str, tuple[str, ...]] = {}
    with opened(folder) as catalog:
        catalog.candidates.add(
            [
                Found("folder", category, f"/{number}.jpg", title=f"Photo {seed}")
                for number, (category, seed, _) in enumerate(PLANTED)
            ],
            NOW,
        )
        endings = []
        for candidate, planted in zip(
            catalog.candidates.pending(), PLANTED, strict=True
        ):
            colour = np.random.default_rng(planted[1]).integers(0, 256, 3)
            data = encode_jpeg(np.full((240, 320, 3), colour, np.uint8))
            facts = inspect_image(data)
            store.put(data, facts)
            flags[facts.sha256] = planted[2]
            endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
        catalog.candidates.finish(endings, NOW)
        catalog.journal.start_items(NOW)
        catalog.photos.write_groupings(
            Grouping(s.sha256, s.candidate_id, True, "", "0" * 16, flags[s.sha256])
            for s in catalog.photos.stored()
        )
        catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), NOW)
    return folder


@pytest.fixture
def server(folder: SetFolder) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "labeler.server", "--home", str(folder.home)),
            *("--set", folder.name, "--port", "0", "--no-browser"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            key: os.environ[key] for key in os.environ if not key.startswith("MEKIKI")
        },
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def visit(server: subprocess.Popen[str], browser: Browser) -> Iterator[Open]:
    """Open the page as a curator, each in a browser profile of their own."""
    assert server.stdout is not None
    url = server.stdout.readline().split()[3]
    contexts = []

    def open_page(user: str, *, width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        name = page.get_by_role("textbox", name="Your name")
        name.fill(user)
        page.get_by_role("button", name="Start").click()
        shows(page, ORDER[0])
        return page

    yield open_page
    for context in contexts:
        context.close()


def shows(page: Page, seed: int) -> None:
    """Wait until this seed's photo, and no other, is on the screen with its keys."""
    # While the page is drawn anew, the last photo may be there beside the next one.
    photo = re.compile("^The photo to decide on")
    this = re.compile(f"{photo.pattern}.*: Photo {seed}$")
    expect(page.get_by_alt_text(this)).to_have_count(1)
    expect(page.get_by_alt_text(photo)).to_have_count(1)
    expect(page.locator(".origin b")).to_have_text([f"Photo {seed}"])
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()


def button(page: Page, name: str) -> Locator:
    """Return the button of this text, an icon before it and its key behind it."""
    text = re.escape(name)
    pattern = re.compile(rf"^(?!Fullscreen)(\w+\s)?{text}(\s\S+)*$")
    return page.get_by_role("button", name=pattern)


def said(folder: SetFolder) -> list[Happened]:
    with opened(folder) as catalog:
        return catalog.journal.history()


def photo_of(folder: SetFolder, seed: int) -> Photo:
    with opened(folder) as catalog:
        photos = catalog.photos.photos()
    return next(photo for photo in photos if photo.title == f"Photo {seed}")


def test_a_sitting_from_the_first_conflict_to_done(
    visit: Open, folder: SetFolder, server: subprocess.Popen[str]
):
    page = visit("Hana")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    expect(page.get_by_text("found under Model 2 and Model 3")).to_be_visible()

    button(page, "C# *x*").click()
    shows(page, 2)
    assert photo_of(folder, 3).label == "C# *x*"
    button(page, "Undo").click()
    shows(page, 3)
    assert photo_of(folder, 3).status is Status.CONFLICT
    button(page, "桜の花・ソメイヨシノ").click()
    shows(page, 2)
    button(page, "Not usable").click()
    shows(page, 1)
    button(page, "Yes: Model 1").click()
    shows(page, 4)
    button(page, "Unsure").click()
    shows(page, 5)
    expect(page.get_by_text("4 of 5 decided")).to_be_visible()
    button(page, "Done").click()

    expect(page).to_have_url(re.compile("/mekiki/done$"))
    expect(
        page.get_by_text("Done. 4 photos decided; you can close this tab.")
    ).to_be_visible()
    assert server.wait(timeout=15) == 0
    assert server.communicate() == ("", "")
    assert [(one.action, one.new_label) for one in reversed(said(folder))] == [
        ("relabel", "C# *x*"),
        ("undo", "Model 2"),
        ("relabel", "桜の花・ソメイヨシノ"),
        ("reject", "Model 2"),
        ("confirm", "Model 1"),
        ("unsure", "Model 1"),
    ]
    assert {one.user for one in said(folder)} == {"Hana"}
    assert len(hosts) == 1  # nothing but the server was asked for anything


def test_two_browsers_on_one_photo_the_second_is_told(visit: Open, folder: SetFolder):
    hana, kenji = visit("Hana"), visit("Kenji")

    button(hana, "Model 3").click()
    shows(hana, 2)
    button(kenji, "Model 2").click()
    expect(
        kenji.get_by_text("Hana has meanwhile labelled this as: Model 3")
    ).to_be_visible()
    shows(kenji, 3)
    assert photo_of(folder, 3).label == "Model 3"
    button(kenji, "Model 2").click()  # now that it was seen

    shows(kenji, 2)
    assert photo_of(folder, 3).label == "Model 2"
    assert [one.accepted for one in reversed(said(folder))] == [True, False, True]


def test_keys_label_one_photo_a_press_however_long_they_are_held(
    visit: Open, folder: SetFolder
):
    page = visit("Hana")

    page.keyboard.down("3")
    for _ in range(8):
        page.keyboard.down("3")  # the keyboard repeats while the key is held
    shows(page, 2)
    page.keyboard.down("3")
    page.keyboard.up("3")
    page.keyboard.press("x")
    shows(page, 1)
    page.keyboard.press("Backspace")
    shows(page, 2)
    page.keyboard.press("ArrowRight")
    shows(page, 1)

    actions = [(one.action, one.new_label) for one in reversed(said(folder))]
    assert actions == [
        ("relabel", "Model 3"),
        ("reject", "Model 2"),
        ("undo", "Model 2"),
    ]


def test_keys_can_be_switched_off_and_never_act_while_typing(
    visit: Open, folder: SetFolder
):
    page = visit("Hana")
    button(page, "Hana").click()
    page.get_by_role("textbox", name="Your name").press_sequentially("1x")
    page.get_by_text("Keys on the keyboard").click()
    expect(button(page, "Not usable")).to_have_text("Not usable")  # no key beside it
    page.keyboard.press("Escape")
    page.locator(".origin b").click()
    page.keyboard.press("1")
    button(page, "Skip").click()
    shows(page, 2)

    assert said(folder) == []


def test_a_reload_keeps_the_curator_and_the_queue(visit: Open):
    page = visit("Hana")
    page.get_by_role("combobox", name="Which photos").click()
    page.get_by_role("option", name="All, as scraped").click()
    shows(page, 1)
    page.reload()

    shows(page, 1)
    expect(button(page, "Hana")).to_be_visible()


def test_every_button_is_on_the_screen_at_1280_by_800_with_13_categories(visit: Open):
    page = visit("Hana")
    button(page, "Model 1").click()
    shows(page, 2)
    expect(page.get_by_text("Saved: Model 1")).to_be_visible()

    for name in (*CATEGORIES, "Yes: Model 2", "Not usable", "Unsure", "Skip", "Done"):
        expect(button(page, name).last).to_be_in_viewport(ratio=1)
    expect(page.get_by_alt_text(re.compile("^The photo"))).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
