"""Who is at the page where there is no team: whoever types a name."""

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from streamlit.testing.v1 import AppTest


def page() -> None:
    """Draw what a page begins with; then who is there, and the way out."""
    import streamlit as st

    from labeler.entrance import draw_leave, enter

    curator = enter("flowers")
    if curator is not None:
        st.text(f"{curator.name}, {curator.role}")
        draw_leave("en")


@pytest.fixture(autouse=True)
def _nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEKIKI_USER", raising=False)


@pytest.fixture
def visit() -> AppTest:
    return AppTest.from_function(page, default_timeout=30)


def texts(visit: AppTest) -> list[str]:
    assert not visit.exception
    return [text.value for text in visit.text]


def start_as(visit: AppTest, name: str) -> AppTest:
    visit.text_input[0].set_value(name)
    visit.button[0].click()
    return visit.run()


def test_a_name_is_asked_for_and_goes_into_the_address(visit: AppTest):
    visit.run()
    assert texts(visit) == []
    assert visit.subheader[0].value == "Label flowers"

    start_as(visit, "  Hana   Ito ")

    assert texts(visit) == ["Hana Ito, admin"]
    assert visit.query_params["user"] == "Hana Ito"


@pytest.mark.parametrize("typed", ["", "   ", "Mekiki", "a\tb\x07c"])
def test_what_is_no_name_is_refused_in_words(visit: AppTest, typed: str):
    start_as(visit.run(), typed)

    assert texts(visit) == []
    assert "other than mekiki" in visit.error[0].value


def test_a_name_in_the_address_is_not_asked_for_again(visit: AppTest):
    visit.query_params["user"] = "花子"

    assert texts(visit.run()) == ["花子, admin"]


def test_another_page_of_the_visit_knows_the_name_still(visit: AppTest):
    start_as(visit.run(), "Hana")
    del visit.query_params["user"]  # as going to another page does

    assert texts(visit.run()) == ["Hana, admin"]
    assert visit.query_params["user"] == "Hana"


def test_whoever_leaves_is_forgotten_on_every_page(visit: AppTest):
    start_as(visit.run(), "Hana")
    visit.button[0].click().run()
    del visit.query_params["user"]

    assert texts(visit.run()) == []


def test_a_name_given_at_the_start_counts_until_it_is_changed(
    visit: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MEKIKI_USER", "Hana")
    assert texts(visit.run()) == ["Hana, admin"]

    visit.button[0].click().run()
    assert texts(visit) == []
    start_as(visit, "Ken")

    assert texts(visit) == ["Ken, admin"]
