from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.grouping import (
    Member,
    Traits,
    choose_kept,
    group_links,
    reason_of_copy,
)
from pipeline.dedup.links import Link

PLAIN = Traits(
    path=Path("photo"),
    candidate_id=1,
    width=600,
    height=400,
    size=60_000,
    content=(1.0, 1.0),
    is_coloured=True,
)


def copies(first: int, second: int, *, mirrored: bool = False, left: float = 1) -> Link:
    return Link(first, second, True, mirrored, left)


def strangers(first: int, second: int) -> Link:
    return Link(first, second, False, False, 1.0)


def groups(
    count: int, links: list[Link], apart: Sequence[tuple[int, int]] = ()
) -> list[int]:
    return [place.group for place in group_links(count, links, apart)]


def reason(copy: Traits, kept: Traits = PLAIN, *, mirrored=False, same=False) -> str:
    return reason_of_copy(
        copy, kept, mirrored=mirrored, has_same_pixels=lambda *_: same
    )


def test_copies_of_copies_share_a_group_named_by_its_first():
    assert groups(5, [copies(1, 2), copies(2, 4)]) == [0, 1, 1, 3, 1]


def test_strangers_never_share_a_group_even_through_a_third():
    links = [copies(0, 1, left=2), copies(1, 2, left=1), strangers(0, 2)]
    assert groups(3, links) == [0, 1, 1]


def test_which_way_round_a_picture_is_follows_the_chain():
    links = [copies(0, 1, mirrored=True), copies(1, 2, mirrored=True), copies(1, 3)]
    assert group_links(4, links) == [
        Member(0, mirrored=False),
        Member(0, mirrored=True),
        Member(0, mirrored=False),
        Member(0, mirrored=True),
    ]


_pairs = st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])


def test_no_chain_joins_what_a_person_keeps_apart():
    links = [copies(0, 1), copies(1, 2), copies(0, 3, left=9)]
    assert groups(4, links) == [0, 0, 0, 0]
    assert groups(4, links, [(3, 2)]) == [0, 0, 0, 3]
    assert groups(4, links, [(3, 2), (1, 0)]) == [0, 1, 1, 0]


@given(
    st.dictionaries(_pairs, st.tuples(st.booleans(), st.integers(0, 5)), max_size=25),
    st.sets(_pairs, max_size=12),
    st.randoms(use_true_random=False),
)
def test_whatever_the_links_no_group_holds_two_that_a_person_keeps_apart(
    found, apart, random
):
    links = [Link(a, b, ok, False, left) for (a, b), (ok, left) in found.items()]
    places = groups(10, links, sorted(apart))
    assert all(places[first] != places[second] for first, second in apart)
    shuffled = random.sample(links, len(links))
    turned = [(b, a) for a, b in random.sample(sorted(apart), len(apart))]
    assert places == groups(10, shuffled, turned)


@given(
    st.dictionaries(_pairs, st.tuples(st.booleans(), st.integers(0, 5)), max_size=25),
    st.randoms(use_true_random=False),
)
def test_order_of_links_changes_nothing_and_strangers_stay_apart(found, random):
    links = [Link(a, b, ok, False, left) for (a, b), (ok, left) in found.items()]
    shuffled = random.sample(links, len(links))
    places = groups(10, links)
    assert places == groups(10, shuffled)
    assert all(
        places[link.first] != places[link.second] for link in links if not link.is_copy
    )
    assert all(
        places[group] == group == min(n for n in range(10) if places[n] == group)
        for group in places
    )


def test_largest_then_least_compressed_then_first_found_is_kept():
    small = replace(PLAIN, width=300, height=200)
    squeezed = replace(PLAIN, size=20_000)
    later = replace(PLAIN, candidate_id=7)
    assert choose_kept([small, squeezed, later, PLAIN], [False] * 4) == 3


def test_bordered_grey_and_mirrored_copies_are_not_preferred():
    bordered = replace(
        PLAIN, width=700, height=500, size=90_000, content=(600 / 700, 400 / 500)
    )
    grey = replace(PLAIN, size=90_000, is_coloured=False)
    mirrored = replace(PLAIN, size=90_000)
    again = replace(PLAIN, candidate_id=9)
    traits = [bordered, grey, mirrored, PLAIN, again]
    assert choose_kept(traits, [False, False, True, False, False]) == 3


def test_tiny_preview_is_not_preferred_to_a_bordered_original():
    bordered = replace(PLAIN, content=(0.8, 0.8))
    preview = replace(PLAIN, width=120, height=80)
    assert choose_kept([preview, bordered], [False, False]) == 1


def test_reasons_say_how_a_copy_differs_from_the_kept_picture():
    framed = replace(PLAIN, width=720, height=480, content=(600 / 720, 400 / 480))
    assert reason(PLAIN, same=True) == "same pixels"
    assert reason(PLAIN) == "recompressed"
    assert reason(PLAIN, mirrored=True, same=True) == "mirrored"
    assert reason(framed) == "bordered"
    assert reason(replace(PLAIN, is_coloured=False)) == "greyscale"
    assert reason(replace(PLAIN, width=300, height=200), same=True) == "resized"
    assert reason(replace(PLAIN, content=(0.9, 1.0))) == "recompressed"
