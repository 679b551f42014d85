"""Groups, Progress and Settings in a real browser, before a real server."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")
pytest.importorskip("playwright", reason="browser tests need the dev extra")

from playwright.sync_api import Browser, Locator, Page, expect

from pipeline.catalog import opened
from pipeline.home import SetFolder
from tests.browser.axe import has_axe, serious_findings
from tests.browser.served import Served
from tests.doubles.planting import write_categories
from tests.test_apart import Shop, jpeg

CATEGORIES = [
    "cat",
    "dog",
    "A category with a name that is long, and longer " * 3 + "still",
]
PAIRS = range(10, 32)  # seeds of groups of two


@pytest.fixture
def shas() -> dict[str, str]:
    """The sha256 of each photo's name; filled when the set is."""
    return {}


@pytest.fixture
def groups(
    folder: SetFolder, browser: Browser, shas: dict[str, str]
) -> Iterator[Served]:
    """Serve a set of 23 groups: one of three, in conflict, and 22 of two."""
    write_categories(folder, CATEGORIES)
    with opened(folder) as catalog:
        shop = Shop(folder, catalog)
        shop.add("cat", red=jpeg(1), **{f"a{n}": jpeg(n, width=200) for n in PAIRS})
        shop.add("dog", small=jpeg(1, width=300), tiny=jpeg(1, width=200))
        shop.add("cat", **{f"b{n}": jpeg(n, width=160) for n in PAIRS})
        shop.dedup()
        shas |= shop.sha256
    served = Served(folder, {}, browser)
    served.start()
    yield served
    served.close()


def card(page: Page, number: int = 0) -> Locator:
    return page.locator(".g-group").nth(number)


def sizes(page: Page) -> list[int]:
    """Count the photos of each group on the page."""
    return [one.locator(".g-photo").count() for one in page.locator(".g-group").all()]


def current(page: Page) -> Locator:
    return page.locator('.g-photo[aria-current="true"]')


def current_is(page: Page, sha256: str) -> None:
    expect(current(page)).to_have_attribute("data-sha256", sha256)


def standing(served: Served) -> tuple[int, list[str]]:
    """Return how many pairs are kept apart, and who chose photos."""
    with opened(served.folder) as catalog:
        users = [choice.user for choice in catalog.choices.said()]
        return len(catalog.partings.pairs()), users


def test_keys_part_a_group_keep_a_photo_and_take_both_back(groups, shas):
    page = groups.visit("Hana", path="groups")
    current_is(page, shas["red"])
    expect(card(page)).to_contain_text("Conflict, found under cat, dog")
    expect(page.get_by_text("Groups 1–20 of 23")).to_be_visible()  # noqa: RUF001

    page.keyboard.press("ArrowRight")
    current_is(page, shas["small"])
    page.keyboard.press("k")
    expect(card(page).locator(".g-kept")).to_have_attribute(
        "data-sha256", shas["small"]
    )
    expect(card(page)).to_contain_text("chosen by Hana")
    current_is(page, shas["small"])
    page.keyboard.press("Home")  # means nothing here
    page.locator(f'[data-sha256="{shas["red"]}"] .g-picture').focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("n")  # the focused one, where nothing is selected
    expect(page.locator(".g-note", has_text="no group will join it")).to_be_visible()
    assert sizes(page)[:3] == [2, 1, 2]
    parted, chosen = standing(groups)
    assert (parted, chosen) == (2, ["Hana"])

    page.reload()
    expect(page.get_by_text("of 23")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.locator(".g-note", has_text="Taken back")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(card(page).locator(".g-kept")).to_have_attribute("data-sha256", shas["red"])
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert standing(groups) == (0, [])


def test_a_selection_is_parted_with_the_mouse(groups, shas):
    page = groups.visit("Hana", path="groups")
    parting = card(page).get_by_role("button", name="Not the same")
    expect(page.get_by_text("1 conflict")).to_be_visible()
    expect(parting).to_be_disabled()

    for name in ("small", "tiny"):
        page.locator(f'[data-sha256="{shas[name]}"]').get_by_label("Select").check()
    expect(card(page)).to_contain_text("2 selected")
    parting.click()

    expect(page.locator(".g-group").nth(1).locator(".g-photo")).to_have_count(1)
    assert sizes(page)[:3] == [2, 1, 2]
    expect(card(page)).not_to_contain_text("Conflict")
    expect(page.get_by_text("1 conflict")).to_have_count(0)
    expect(page.locator(".g-selected")).to_have_count(0)
    assert standing(groups)[0] == 2


def test_a_photo_is_shown_large_and_flips_through_its_group(groups, shas):
    page = groups.visit("Hana", path="groups")
    current_is(page, shas["red"])

    page.keyboard.press("Enter")
    large = page.get_by_role("dialog", name="The photo, large")
    expect(large).to_contain_text("Photo 1 of 3, found under cat: Kept · 600")
    page.keyboard.press("ArrowRight")
    expect(large).to_contain_text("Photo 2 of 3, found under dog: resized · 300")
    page.keyboard.press("n")  # the page's keys rest
    page.keyboard.press("Escape")

    expect(large).to_have_count(0)
    current_is(page, shas["small"])
    assert standing(groups)[0] == 0


def test_pages_turn_and_a_visit_elsewhere_comes_back_to_the_same(groups):
    page = groups.visit("Hana", path="groups")
    expect(page.locator(".g-group")).to_have_count(20)

    page.keyboard.press("PageDown")
    expect(page.get_by_text("Groups 21–23 of 23")).to_be_visible()  # noqa: RUF001
    page.get_by_role("link", name="Progress").click()
    expect(page.get_by_role("heading", name="Progress")).to_be_visible()
    page.get_by_role("link", name="Groups").click()

    expect(page.get_by_text("Groups 21–23 of 23")).to_be_visible()  # noqa: RUF001
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Previous").click()
    expect(page.locator(".g-group")).to_have_count(20)


def test_of_two_curators_the_second_is_told_and_shown_how_it_is_now(groups, shas):
    hana, ken = groups.visit("Hana", path="groups"), groups.visit("Ken", path="groups")
    current_is(hana, shas["red"])
    current_is(ken, shas["red"])

    hana.keyboard.press("n")
    expect(hana.locator(".g-note", has_text="no group will join it")).to_be_visible()
    ken.keyboard.press("k")

    expect(
        ken.locator(".g-note", has_text="Hana has changed this group")
    ).to_be_visible()
    assert sizes(ken)[:3] == [2, 1, 2]
    assert standing(groups) == (2, [])
    expect(ken.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_server_that_is_gone_is_told_and_nothing_is_lost(groups, shas):
    page = groups.visit("Hana", path="groups")
    current_is(page, shas["red"])
    groups.kill()

    page.keyboard.press("n")
    expect(page.get_by_role("alert").filter(has_text="Not saved")).to_be_visible()
    assert sizes(page)[0] == 3

    groups.start()
    expect(page.locator(".g-problem")).to_be_visible()
    assert standing(groups)[0] == 0


def test_a_set_without_copies_says_how_they_are_looked_for(served: Served):
    page = served.visit("Hana", path="groups")

    expect(page.get_by_text("There are no groups of copies")).to_be_visible()
    expect(page.get_by_text("mekiki dedup things")).to_be_visible()


def test_progress_counts_what_was_said(served: Served):
    page = served.visit("Hana")
    expect(page.locator("figure[data-sha256]")).to_have_attribute(
        "aria-current", "true"
    )
    expect(page.locator("figure[aria-busy]")).to_have_count(0)  # it is painted
    page.keyboard.press("Space")
    expect(page.get_by_text("1 of 2 decided")).to_be_visible()
    expect(page.locator(".mekiki[data-mekiki]")).to_have_attribute("data-unsaved", "0")

    page.get_by_role("link", name="Progress").click()

    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    expect(page.get_by_text("1 confirmed, 0 relabelled")).to_be_visible()
    expect(page.get_by_text("Not measured yet")).to_be_visible()
    expect(page.locator("tr", has_text="Hana").locator("td")).to_have_text(
        ["1", "1", "1"]
    )
    expect(page.locator(".p-days li").last).to_contain_text(re.compile("^1"))


def key_of(page: Page, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


def test_keys_are_changed_and_what_would_mean_two_things_is_refused(served: Served):
    page = served.visit("Hana", path="settings")
    field = key_of(page, "Not usable")
    expect(field).to_have_value("X")

    for typed, told in (
        ("u", "U already means “Unsure”"),
        ("c", "C belongs to the page itself"),
        ("xx", "“xx” is no key"),
    ):
        field.fill(typed)
        page.get_by_role("button", name="Save keys").click()
        expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    field.fill("d")
    page.get_by_role("button", name="Save keys").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.get_by_role("link", name="Label").click()
    expect(page.locator("figure[data-sha256]")).to_have_attribute(
        "aria-current", "true"
    )
    page.keyboard.press("x")
    page.keyboard.press("d")
    expect(page.get_by_text("1 of 2 decided")).to_be_visible()
    expect(page.locator(".mekiki[data-mekiki]")).to_have_attribute("data-unsaved", "0")
    with opened(served.folder) as catalog:
        assert [one.action for one in catalog.journal.history()] == ["reject"]
        assert catalog.preferences.read("Hana")["keymap"] == {"reject": "D"}

    page.get_by_role("link", name="Settings and help").click()
    page.get_by_role("button", name="Back to the usual keys").click()
    expect(key_of(page, "Not usable")).to_have_value("X")


def test_keys_are_switched_off_and_buttons_go_on(groups, shas):
    page = groups.visit("Hana", path="settings")
    page.get_by_text("Keys on").click()
    page.get_by_role("link", name="Groups").click()
    current_is(page, shas["red"])

    page.keyboard.press("n")
    page.keyboard.press("ArrowRight")
    current_is(page, shas["red"])
    expect(page.locator(".g-button kbd")).to_have_count(0)
    photo = page.locator(f'[data-sha256="{shas["tiny"]}"]')
    photo.get_by_role("button", name="Keep this one").click()
    expect(card(page).locator(".g-kept")).to_have_attribute("data-sha256", shas["tiny"])

    assert standing(groups) == (0, ["Hana"])


def test_the_language_is_the_browsers_until_another_is_chosen(served: Served):
    page = served.visit("Hana", path="settings", locale="ja-JP")
    expect(page.get_by_role("heading", name="設定とヘルプ")).to_be_visible()

    page.get_by_text("English").click()

    expect(page.get_by_role("heading", name="Settings and help")).to_be_visible()
    expect(page.get_by_role("link", name="Progress")).to_be_visible()
    again = served.visit("Hana", path="progress", locale="ja-JP")
    expect(again.get_by_role("heading", name="Progress")).to_be_visible()


SHOWN = {"groups": ".g-photo img[src]", "progress": "h1", "settings": "h1"}


def shown(served: Served, path: str, **options: int | str) -> Page:
    """Open one of the pages, and wait until it is drawn."""
    page = served.visit("Hana", path=path, **options)  # type: ignore[arg-type]
    expect(page.locator(SHOWN[path]).first).to_be_visible()
    return page


@pytest.mark.skipif(not has_axe(), reason="axe-core comes with the dev extra")
def test_axe_finds_nothing_serious_light_or_dark_in_either_language(groups):
    found = {}
    looks: list[tuple[str, Literal["light", "dark"]]]
    looks = [("en-US", "light"), ("ja-JP", "dark")]
    for locale, scheme in looks:
        for path in SHOWN:
            page = shown(groups, path, locale=locale)
            page.emulate_media(color_scheme=scheme)
            if path == "groups":
                page.locator(".g-box input").first.check()
            found[path, scheme] = serious_findings(page)

    assert not any(found.values()), found


def test_nothing_sticks_out_from_zoomed_in_to_a_large_screen(groups):
    for path in SHOWN:
        page = shown(groups, path)
        for width in (512, 1024, 3840):  # 512: 1024 at 200 %
            page.set_viewport_size({"width": width, "height": 700})
            page.wait_for_function(f"innerWidth === {width}")
            sizes = page.evaluate(
                "[document.scrollingElement, ...document.querySelectorAll('.g-list')]"
                ".map(box => box.scrollWidth - box.clientWidth)"
            )
            assert max(sizes) <= 0, (path, width)
