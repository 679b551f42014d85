"""The labeler in a real browser, before a real server and a real catalog."""

import re
from collections.abc import Callable

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")
pytest.importorskip("playwright", reason="browser tests need the dev extra")

from playwright.sync_api import Locator, Page, expect

from pipeline.catalog import Status, opened
from pipeline.catalog.journal import Happened
from tests.browser.axe import has_axe, serious_findings
from tests.browser.served import Served
from tests.doubles.planting import Planted, photo_of

CATEGORIES = [
    *(f"Model {number}" for number in range(1, 11)),
    "桜の花・ソメイヨシノ",
    "A rather long name of a category",
    "C# *x*",
]
# Found in this order; the two of one seed are one photo under two categories.
PLANTED = [
    Planted("Model 1", 1),
    Planted("Model 2", 2, flags=("tiny",)),
    Planted("Model 2", 3),
    Planted("Model 3", 3),
    *(Planted(f"Model {1 + seed % 2}", seed) for seed in range(4, 30)),
]


@pytest.fixture
def planted() -> tuple[list[str], list[Planted]]:
    return CATEGORIES, PLANTED


def photo(page: Page) -> Locator:
    return page.locator("figure[data-sha256]")


def shows(page: Page, served: Served, seed: int) -> None:
    """Wait until this seed's photo, and no other, is on the screen."""
    expect(photo(page)).to_have_attribute("data-sha256", served.shas[seed])
    expect(photo(page)).not_to_have_attribute("aria-busy", "true")
    expect(photo(page)).to_have_attribute("aria-current", "true")


def turned(page: Page, before: str | None) -> None:
    """Wait until another photo is on the screen."""
    expect(photo(page)).not_to_have_attribute("data-sha256", before or "")
    expect(photo(page)).not_to_have_attribute("aria-busy", "true")


def saved(page: Page) -> None:
    """Wait until the server has answered all that was said."""
    expect(page.locator(".mekiki[data-mekiki]")).to_have_attribute("data-unsaved", "0")


def button(page: Page, name: str) -> Locator:
    """Return the button of this text, whatever key or mark stands beside it."""
    return page.locator(".mekiki button").filter(
        has_text=re.compile(rf"^{re.escape(name)}(\W.*|\S{{1,9}})?$")
    )


def said(served: Served) -> list[tuple[str, str | None]]:
    """List what people said, the oldest first."""
    return [(one.action, one.new_label) for one in reversed(history(served))]


def history(served: Served) -> list[Happened]:
    with opened(served.folder) as catalog:
        return catalog.journal.history(limit=1000)


def test_a_sitting_from_the_first_conflict_to_done(served: Served):
    page = served.visit("Hana")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    shows(page, served, 3)
    expect(page.get_by_text("found under Model 2, Model 3")).to_be_visible()

    button(page, "C# *x*").click()
    shows(page, served, 2)
    button(page, "Undo").click()
    shows(page, served, 3)
    button(page, "桜の花・ソメイヨシノ").click()
    shows(page, served, 2)
    button(page, "Not usable").click()
    shows(page, served, 1)
    page.keyboard.press("Space")  # the label it has is right
    shows(page, served, 4)
    button(page, "Unsure").click()
    expect(page.get_by_text("4 of 29 decided")).to_be_visible()
    saved(page)
    button(page, "Done").click()

    expect(page).to_have_url(re.compile("/mekiki/done$"))
    farewell = "Done. 4 photos decided; you can close this tab."
    expect(page.get_by_text(farewell)).to_be_visible()
    assert served.wait() == 0
    assert said(served) == [
        ("relabel", "C# *x*"),
        ("undo", "Model 2"),
        ("relabel", "桜の花・ソメイヨシノ"),
        ("reject", "Model 2"),
        ("confirm", "Model 1"),
        ("unsure", "Model 1"),
    ]
    assert {one.user for one in history(served)} == {"Hana"}
    assert len(hosts) == 1  # nothing but the server was asked for anything


def test_curators_are_kept_apart_and_who_comes_second_is_told(served: Served):
    hana = served.visit("Hana")
    shows(hana, served, 3)
    kenji = served.visit("Kenji")
    shows(kenji, served, 8)  # past those that are before Hana
    for page in (hana, kenji):
        page.get_by_label("Which photos").select_option("all")
        shows(page, served, 1)

    hana.keyboard.press("3")
    shows(hana, served, 2)
    saved(hana)
    kenji.keyboard.press("2")
    expect(kenji.get_by_text("Hana was first on a photo you answered")).to_be_visible()
    saved(kenji)
    assert photo_of(served.folder, served.shas[1]).label == "Model 3"
    kenji.keyboard.press("ArrowRight")  # it comes back
    shows(kenji, served, 1)
    expect(
        kenji.get_by_text("Hana has meanwhile labelled this as: Model 3")
    ).to_be_visible()
    kenji.keyboard.press("2")  # now that it was seen
    saved(kenji)

    assert photo_of(served.folder, served.shas[1]).label == "Model 2"
    assert [one.accepted for one in reversed(history(served))] == [True, False, True]


HELD = "event => document.dispatchEvent(new KeyboardEvent('keydown', event))"


def test_a_press_labels_one_photo_however_it_is_made(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)

    def press(**event: object) -> None:
        before = photo(page).get_attribute("data-sha256")
        page.evaluate(HELD, {"bubbles": True, **event})
        turned(page, before)

    page.keyboard.down("3")
    for _ in range(8):
        page.keyboard.down("3")  # the keyboard repeats while the key is held
    shows(page, served, 2)
    page.keyboard.down("4")  # before the other key is up
    page.keyboard.up("3")
    page.keyboard.up("4")
    shows(page, served, 1)
    press(key="5", code="Numpad5")
    press(key="６", code="Digit6")  # noqa: RUF001  as wide as a kanji
    press(key="&", code="Digit1")  # a French keyboard
    press(key="ц", code="KeyW")
    page.evaluate(HELD, {"key": "1", "code": "Digit1", "isComposing": True})
    page.evaluate(HELD, {"key": "Process", "code": "Digit1", "keyCode": 229})
    saved(page)

    names = [label for _, label in said(served)]
    assert names == [
        *("Model 3", "Model 4", "Model 5", "Model 6", "Model 1"),
        "A rather long name of a category",
    ]


def test_keys_do_nothing_where_they_are_typed_or_switched_off(served: Served):
    with opened(served.folder) as catalog:
        catalog.preferences.write("Kenji", {"keys": False})
    hana = served.visit("Hana")
    shows(hana, served, 3)
    kenji = served.visit("Kenji")
    hana.keyboard.press("f")
    note = hana.get_by_label("What should the reviewer know?")
    note.press_sequentially("1x 3?")
    hana.keyboard.press("Escape")
    expect(note).to_have_count(0)
    hana.keyboard.press("?")
    keys = hana.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    hana.keyboard.press("1")
    hana.keyboard.press("?")
    expect(keys).to_have_count(0)
    hana.keyboard.press("/")  # 13 categories, found by name
    expect(hana.get_by_label("Find a category")).to_be_focused()
    hana.get_by_label("Find a category").press_sequentially("c#")
    hana.keyboard.press("Enter")
    shows(hana, served, 2)
    kenji.get_by_label("Which photos").select_option("all")
    shows(kenji, served, 1)
    kenji.keyboard.press("1")
    saved(hana)

    shows(kenji, served, 1)
    assert said(served) == [("relabel", "C# *x*")]


def test_a_reload_keeps_the_curator_the_queue_and_the_place(served: Served):
    page = served.visit("Hana")
    with page.expect_response(lambda answer: "queue=random" in answer.url):
        page.get_by_label("Which photos").select_option("random")
    expect(photo(page)).to_be_visible()  # blank while the queue was asked for
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    before = photo(page).get_attribute("data-sha256")
    assert before is not None
    page.reload()

    expect(photo(page)).to_have_attribute("data-sha256", before)
    expect(page.get_by_label("Which photos")).to_have_value("random")


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 800), (3840, 2160)])
def test_everything_is_on_the_screen_with_13_categories(served: Served, width, height):
    page = served.visit("Hana", width=width, height=height)
    shows(page, served, 3)

    for name in (*CATEGORIES, "Not usable", "Unsure", "Skip", "Back", "Undo", "Done"):
        expect(button(page, name).first).to_be_in_viewport(ratio=1)
    expect(photo(page).locator("img")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.documentElement.scrollHeight") == height


def test_labels_said_while_the_line_is_cut_arrive_when_it_is_back(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    page.context.set_offline(True)
    for key in "34567":
        before = photo(page).get_attribute("data-sha256")
        page.keyboard.press(key)
        turned(page, before)
    expect(page.locator("[data-unsaved='5']")).to_be_attached()
    expect(page.get_by_text("offline, 5 unsaved")).to_be_visible()
    assert said(served) == []
    page.context.set_offline(False)

    saved(page)
    assert [label for _, label in said(served)] == [f"Model {n}" for n in range(3, 8)]


def test_labels_outlive_a_killed_server_and_a_closed_tab(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    served.kill()
    for key in "34":
        before = photo(page).get_attribute("data-sha256")
        page.keyboard.press(key)
        turned(page, before)
    context = page.context
    expect(page.locator("[data-unsaved='2']")).to_be_attached()
    page.close(run_before_unload=False)
    served.start()
    # what tells of a living tab is not needed any more: the next one takes over
    other = served.visit("Hana", context=context, storage="mekiki/alive/")

    saved(other)
    expect(other.get_by_text("2 of 29 decided")).to_be_visible()
    assert [label for _, label in said(served)] == ["Model 3", "Model 4"]


def test_a_page_goes_on_after_the_server_was_started_again(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    served.kill()
    page.keyboard.press("3")
    shows(page, served, 2)
    served.start()
    saved(page)
    page.keyboard.press("4")
    shows(page, served, 1)
    saved(page)

    assert [label for _, label in said(served)] == ["Model 3", "Model 4"]


def test_two_tabs_of_one_curator_lose_nothing_and_share_no_photo(served: Served):
    one = served.visit("Hana")
    shows(one, served, 3)
    one.keyboard.press("g")
    expect(one.locator("[role=listbox]:not([aria-busy])")).to_be_attached()
    expect(tiles(one)).to_have_count(29)
    one.keyboard.press("3")
    other = served.visit("Hana", context=one.context)
    other.get_by_label("Which photos").select_option("all")
    shows(other, served, 1)
    other.keyboard.press("4")
    one.keyboard.press("5")
    for page in (one, other):
        saved(page)

    assert sorted(str(label) for _, label in said(served)) == [
        "Model 3",
        "Model 4",
        "Model 5",
    ]


def test_going_to_another_page_and_back_loses_nothing(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    page.keyboard.press("3")
    page.keyboard.press("ArrowRight")
    expect(photo(page)).to_have_attribute("data-sha256", served.shas[1])
    page.get_by_role("link", name="Settings and help").click()
    expect(photo(page)).to_have_count(0)
    page.get_by_role("link", name="Label", exact=True).click()

    shows(page, served, 1)
    page.keyboard.press("Backspace")  # what was said before is still known
    shows(page, served, 3)
    saved(page)
    assert said(served) == [("relabel", "Model 3"), ("undo", "Model 2")]


def test_coming_from_the_menu_enter_and_space_label_at_once(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    page.get_by_role("link", name="Groups").click()
    expect(photo(page)).to_have_count(0)
    page.get_by_role("link", name="Label", exact=True).click()
    shows(page, served, 3)
    page.keyboard.press("ArrowRight")
    turned(page, served.shas[3])

    page.keyboard.press("Space")
    saved(page)

    assert [action for action, _ in said(served)] == ["confirm"]


def test_done_asks_once_more_where_others_are_labelling(served: Served):
    kenji, hana = served.visit("Kenji"), served.visit("Hana")
    for page in (kenji, hana):
        expect(photo(page)).not_to_have_attribute("aria-busy", "true")

    button(hana, "Done").click()
    asked = hana.get_by_role("dialog")
    expect(asked).to_contain_text("Labeling just now, too: Kenji.")
    hana.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    button(hana, "Done").click()
    asked.get_by_role("button", name="End it for everybody").click()

    expect(hana).to_have_url(re.compile("/mekiki/done$"))
    assert served.wait() == 0


def tiles(page: Page) -> Locator:
    return page.locator("[role=option][data-sha256]")


def selected(page: Page) -> list[int]:
    """Return the places of the tiles that are selected."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('[role=option]')].flatMap((tile, place) =>"
            " tile.getAttribute('aria-selected') === 'true' ? [place] : [])"
        )
    )


@pytest.fixture
def grid(served: Served) -> Page:
    page = served.visit("Hana")
    shows(page, served, 3)
    page.keyboard.press("g")
    expect(page.locator("[data-mekiki=grid]")).to_be_attached()
    expect(page.locator("[role=listbox]:not([aria-busy])")).to_be_attached()
    expect(tiles(page)).to_have_count(29)
    return page


def test_tiles_are_selected_by_mouse_and_keyboard(grid: Page):
    tiles(grid).nth(2).click()
    assert selected(grid) == [2]
    tiles(grid).nth(6).click(modifiers=["Shift"])
    assert selected(grid) == [2, 3, 4, 5, 6]
    tiles(grid).nth(4).click(modifiers=["Control"])
    assert selected(grid) == [2, 3, 5, 6]
    expect(grid.get_by_text("4 selected")).to_be_visible()
    grid.keyboard.press("Escape")
    assert selected(grid) == []
    for key in ("Home", "ArrowRight", "Space", "Shift+ArrowRight", "Shift+ArrowRight"):
        grid.keyboard.press(key)
    assert selected(grid) == [1, 2, 3]
    expect(grid.locator("[role=option][aria-current=true]")).to_have_count(1)

    first, last = (tiles(grid).nth(place).bounding_box() for place in (0, 2))
    assert first is not None
    assert last is not None
    grid.mouse.move(first["x"] + 8, first["y"] + 8)
    grid.mouse.down()
    grid.mouse.move(last["x"] + 8, last["y"] + 20, steps=4)
    grid.mouse.up()
    assert selected(grid) == [0, 1, 2]
    grid.keyboard.press("Control+a")
    assert selected(grid) == list(range(29))


def test_a_bulk_is_said_at_once_and_undone_as_one(grid: Page, served: Served):
    tiles(grid).nth(0).click()
    tiles(grid).nth(4).click(modifiers=["Shift"])
    grid.keyboard.press("7")
    expect(grid.get_by_text("5 of 29 decided")).to_be_visible()
    saved(grid)
    assert [label for _, label in said(served)] == ["Model 7"] * 5
    grid.keyboard.press("Control+z")
    expect(grid.get_by_text("0 of 29 decided")).to_be_visible()
    saved(grid)
    assert photo_of(served.folder, served.shas[3]).status is Status.CONFLICT
    grid.keyboard.press("Control+Shift+z")
    saved(grid)
    grid.reload()  # what was said before the page was opened can be undone, too
    expect(tiles(grid).first).to_be_visible()
    grid.keyboard.press("Control+z")

    expect(grid.get_by_text("0 of 29 decided")).to_be_visible()
    saved(grid)
    assert [action for action, _ in said(served)].count("undo") == 10


def test_accepting_a_page_takes_the_labels_that_are_there(grid: Page, served: Served):
    grid.keyboard.press("Control+a")
    button(grid, "Accept").click()

    expect(grid.get_by_text("1 photo has no label to accept")).to_be_visible()
    saved(grid)
    assert {action for action, _ in said(served)} == {"confirm"}
    assert len(said(served)) == 28  # all but the conflict


def test_what_was_not_on_the_screen_gets_no_label(served: Served):
    with opened(served.folder) as catalog:
        catalog.preferences.write("Hana", {"thumb": 320})
    page = served.visit("Hana")
    shows(page, served, 3)
    page.keyboard.press("g")
    expect(tiles(page)).to_have_count(29)
    expect(page.locator("[role=listbox]:not([aria-busy])")).to_be_attached()
    page.keyboard.press("Control+a")
    page.keyboard.press("1")

    expect(page.get_by_text("not on the screen yet")).to_be_visible()
    saved(page)
    seen = len(said(served))
    assert 0 < seen < 29
    assert len(selected(page)) == 29 - seen


def test_a_grid_is_turned_page_by_page(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    page.keyboard.press("g")
    page.get_by_label("Photos a page").select_option("120")
    page.reload()
    expect(tiles(page)).to_have_count(29)
    page.keyboard.press("PageDown")
    expect(
        page.get_by_role("status").filter(has_text="last page").first
    ).to_be_attached()
    page.keyboard.press("End")
    expect(tiles(page)).to_have_count(29)
    tiles(page).nth(5).dblclick()
    expect(page.locator("[data-mekiki=one]")).to_be_attached()
    expect(photo(page)).to_be_visible()


def test_a_blind_opinion_that_differs_comes_before_a_reviewer(served: Served):
    hana = served.visit("Hana")
    shows(hana, served, 3)
    hana.keyboard.press("3")
    shows(hana, served, 2)
    saved(hana)
    kenji = served.visit("Kenji", path="review")
    expect(kenji.get_by_text("Nothing is waiting here").first).to_be_visible()
    kenji.get_by_label("Which photos").select_option("second")
    shows(kenji, served, 3)
    expect(kenji.get_by_text("What do you see?")).to_be_visible()
    expect(kenji.locator(".mekiki-held, .mekiki-suggested")).to_have_count(0)
    kenji.keyboard.press("4")
    saved(kenji)
    assert photo_of(served.folder, served.shas[3]).label == "Model 3"
    kenji.get_by_label("Which photos").select_option("disagree")
    shows(kenji, served, 3)
    expect(kenji.get_by_text("Hana: Model 3")).to_be_visible()
    expect(kenji.get_by_text("Kenji: Model 4")).to_be_visible()
    kenji.keyboard.press("4")
    saved(kenji)

    assert photo_of(served.folder, served.shas[3]).label == "Model 4"


def test_saying_again_never_overwrites_what_somebody_said_meanwhile(served: Served):
    hana = served.visit("Hana")
    shows(hana, served, 3)
    kenji = served.visit("Kenji")
    hana.keyboard.press("3")
    shows(hana, served, 2)
    hana.keyboard.press("Backspace")
    shows(hana, served, 3)
    hana.keyboard.press("ArrowRight")
    shows(hana, served, 2)
    saved(hana)
    kenji.get_by_label("Which photos").select_option("all")
    for seed in (1, 2):
        shows(kenji, served, seed)
        kenji.keyboard.press("ArrowRight")
    shows(kenji, served, 3)
    kenji.keyboard.press("4")
    saved(kenji)
    hana.keyboard.press("Control+Shift+z")
    expect(hana.get_by_text("Kenji was first")).to_be_visible()
    saved(hana)

    assert photo_of(served.folder, served.shas[3]).label == "Model 4"


def test_a_button_that_is_held_down_labels_one_photo(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    button(page, "Unsure").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    shows(page, served, 2)
    saved(page)

    assert [action for action, _ in said(served)] == ["unsure"]


def test_pictures_that_did_not_come_are_asked_for_again(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    failures = iter([True, True])
    page.route(
        "**/mekiki/api/pack",
        lambda route: route.abort() if next(failures, False) else route.continue_(),
    )
    page.keyboard.press("g")
    expect(page.get_by_text("The server can't be reached").first).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.press("1")

    expect(tiles(page)).to_have_count(29)
    expect(tiles(page).locator("img")).to_have_count(29)
    saved(page)
    assert said(served) == []


def test_another_choice_counts_while_a_page_is_on_its_way(served: Served):
    page = served.visit("Hana")
    shows(page, served, 3)
    page.keyboard.press("g")
    page.get_by_label("Photos a page").select_option("120")
    page.get_by_label("Which photos").select_option("flagged")

    expect(tiles(page)).to_have_count(1)
    expect(tiles(page)).to_have_attribute("data-sha256", served.shas[2])


def test_the_page_speaks_japanese_to_a_browser_that_does(served: Served):
    page = served.visit("はな", locale="ja-JP")
    shows(page, served, 3)
    expect(button(page, "使えない")).to_be_visible()
    expect(page.get_by_text("29 枚中 0 枚 判定済み")).to_be_visible()
    expect(page.get_by_role("link", name="ラベル付け")).to_be_visible()
    button(page, "完了").click()

    expect(page).to_have_url(re.compile("/mekiki/done$"))
    assert served.wait() == 0


Evaluate = Callable[[str], object]


def test_parts_of_the_page_alone(served: Served):
    """What a press could not show: bounces, ranges, a page fitted into a window."""
    page = served.visit("Hana")
    shows(page, served, 3)
    files = page.evaluate(
        "[...document.querySelectorAll('link[href$=\"style.css\"]')].at(-1).href"
    ).removesuffix("style.css")

    def with_(module: str, code: str) -> object:
        return page.evaluate(
            f"async () => {{ const m = await import('{files}{module}'); {code} }}"
        )

    assert with_("selection.js", "return m.range(5, 2)") == [2, 3, 4, 5]
    assert with_("selection.js", "return m.moved(2, 'down', 4, 6)") == 2
    fitted = "return m.fitted(240, 1400, 800)"
    size = with_("selection.js", fitted)
    assert isinstance(size, dict)
    rows = -(-240 // size["columns"])
    assert size["columns"] * (size["side"] + 4) <= 1404
    assert rows * (size["side"] + 20) <= 804
    presses = (
        "const p = new m.Presses(); return [[0, 'A'], [30, 'A'], [31, 'B'], [200, 'A']]"
        ".map(([timeStamp, name]) => p.isMeant({timeStamp}, name))"
    )
    assert with_("keys.js", presses) == [True, False, True, True]


@pytest.mark.skipif(not has_axe(), reason="axe-core comes with the dev extra")
@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
def test_axe_finds_nothing_serious_in_a_short_window(served: Served, locale: str):
    page = served.visit("Hana", locale=locale)
    page.set_viewport_size({"width": 1024, "height": 560})
    shows(page, served, 3)
    found = {"label": serious_findings(page)}
    for key, told in (("i", served.shas[3]), ("?", "Enter")):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_contain_text(told)
        page.evaluate("() => document.fonts.ready")  # letters of another size, too
        found[key] = serious_findings(page)
        page.keyboard.press("Escape")

    assert not any(found.values()), found
