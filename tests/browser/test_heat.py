"""What the newest run looks at, laid over the photo by the key H."""

import re

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")
pytest.importorskip("playwright", reason="browser tests need the dev extra")

from playwright.sync_api import Locator, Page, Route, expect

from pipeline.catalog import opened
from pipeline.catalog.journal import Action, Op
from tests.browser.served import Served
from tests.doubles.colours import finish_run
from tests.doubles.planting import Planted, photo_of

CATEGORIES = ["cat", "dog", "bird"]
NOW = "2026-01-02T03:04:05Z"


@pytest.fixture
def planted() -> tuple[list[str], list[Planted]]:
    return CATEGORIES, [Planted("cat", seed) for seed in range(1, 5)]


def photo(page: Page) -> Locator:
    return page.locator("figure[data-sha256]:not([aria-busy])")


def overlay(page: Page) -> Locator:
    return page.locator("figure[data-sha256]:not([aria-busy]) img.mekiki-heat")


def line(page: Page) -> Locator:
    return page.locator(".mekiki-heatline")


def next_photo(page: Page, key: str) -> None:
    before = photo(page).get_attribute("data-sha256")
    page.keyboard.press(key)
    expect(page.locator("figure[data-sha256]")).not_to_have_attribute(
        "data-sha256", before or ""
    )
    expect(photo(page)).to_have_count(1)


def lies_on_the_photo(page: Page) -> None:
    """Wait until the overlay is where the photo's pixels are, and nowhere else."""
    page.wait_for_function(
        "() => { const i = document.querySelector('figure img');"
        " const h = document.querySelector('img.mekiki-heat');"
        " const [b, o] = [i.getBoundingClientRect(), h.getBoundingClientRect()];"
        " const s = Math.min(b.width / i.naturalWidth, b.height / i.naturalHeight);"
        " const [w, t] = [i.naturalWidth * s, i.naturalHeight * s];"
        " const wanted = [b.x + (b.width - w) / 2, b.y + (b.height - t) / 2, w, t];"
        " return [o.x, o.y, o.width, o.height].every("
        "(found, at) => Math.abs(found - wanted[at]) < 1) }"
    )


@pytest.mark.slow
def test_h_lays_what_the_run_looks_at_over_each_photo_until_h_again(served: Served):
    finish_run(served.folder, "20260102-030405", CATEGORIES)
    page = served.visit("Hana")
    expect(photo(page)).to_have_count(1)
    expect(overlay(page)).to_have_count(0)

    page.keyboard.press("h")
    expect(overlay(page)).to_be_visible()
    expect(overlay(page)).to_have_attribute("aria-hidden", "true")
    expect(line(page)).to_have_text(
        re.compile(r"^(cat|dog|bird) \d+ %, run 20260102-030405")
    )
    expect(line(page)).to_have_attribute("aria-live", "polite")
    for width, height in [(1280, 800), (900, 800), (700, 900), (1280, 500)]:
        page.set_viewport_size({"width": width, "height": height})
        lies_on_the_photo(page)
    next_photo(page, "ArrowRight")
    expect(overlay(page)).to_be_visible()  # it stays on
    lies_on_the_photo(page)
    page.keyboard.press("g")
    expect(page.locator("[data-mekiki=grid]")).to_have_count(1)
    page.keyboard.press("g")
    expect(overlay(page)).to_be_visible()
    page.keyboard.press("h")
    expect(overlay(page)).to_have_count(0)
    expect(line(page)).to_have_text("")
    next_photo(page, "1")
    expect(overlay(page)).to_have_count(0)


@pytest.mark.slow
def test_a_label_waits_for_no_heatmap_and_what_comes_late_is_dropped(served: Served):
    finish_run(served.folder, "20260102-030405", CATEGORIES)
    page = served.visit("Hana")
    expect(photo(page)).to_have_count(1)
    held: list[Route] = []
    asked: list[str] = []

    def hold_first(route: Route) -> None:
        asked.append(route.request.url.split("/")[-1].split("?")[0])
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/cam/**", hold_first)
    first = str(photo(page).get_attribute("data-sha256"))

    page.keyboard.press("h")
    expect(line(page)).to_have_text("Loading the network…")
    next_photo(page, "2")
    next_photo(page, "3")
    third = str(photo(page).get_attribute("data-sha256"))
    held[0].continue_()
    expect(overlay(page)).to_be_visible()
    expect(line(page)).to_have_text(re.compile(r"^(cat|dog|bird) \d+ %"))
    expect(page.locator(".mekiki[data-mekiki]")).to_have_attribute("data-unsaved", "0")

    assert asked == [first, third]  # of those passed meanwhile none is asked about
    assert photo_of(served.folder, first).label == "dog"


def test_without_a_run_the_line_says_how_to_get_one(served: Served):
    page = served.visit("Hana")
    expect(photo(page)).to_have_count(1)
    page.keyboard.press("h")

    expect(line(page)).to_have_text(re.compile("^no finished run yet: `mekiki train"))
    expect(overlay(page)).to_have_count(0)


def test_a_second_opinion_is_given_without_a_heatmap(served: Served):
    with opened(served.folder) as catalog:
        word = Op(served.shas[1], Action.CONFIRM, "cat", 0, "Kenji", "k", 1)
        catalog.journal.apply([word], NOW)
    page = served.visit("Hana")
    expect(photo(page)).to_have_count(1)
    page.keyboard.press("h")
    expect(line(page)).to_have_text(re.compile("^no finished run yet"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Review").click()
    page.get_by_label("Which photos").select_option("second")
    expect(photo(page)).to_have_attribute("data-sha256", served.shas[1])
    page.keyboard.press("h")

    expect(page.get_by_text("a second opinion is your own").first).to_be_visible()
    expect(line(page)).to_have_text("")
    assert not [url for url in asked if "/cam/" in url]
