"""What services write of licences in, one understood licence or none out."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.licences import (
    DEFAULT_LICENCES,
    LICENCES,
    UNKNOWN,
    Licence,
    attribution_line,
    is_allowed,
    parse_licence,
    refusal,
)

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("CC BY-SA 4.0", "CC BY-SA 4.0"),
        ("CC-BY-SA-3.0", "CC BY-SA 3.0"),
        ("CC-BY-3.0", "CC BY 3.0"),
        ("cc by 2", "CC BY 2.0"),
        ("cc-by-sa-4.0", "CC BY-SA 4.0"),
        ("cc-by-sa-3.0-de", "CC BY-SA 3.0 DE"),
        ("CC BY-SA 3.0 de", "CC BY-SA 3.0 DE"),
        ("cc-by-2.0-br", "CC BY 2.0 BR"),
        ("cc-by-2.5-scotland", "CC BY 2.5 SCOTLAND"),
        ("CC BY-SA 3.0 igo", "CC BY-SA 3.0 IGO"),
        ("cc-by-sa-2.5,2.0,1.0", "CC BY-SA 2.5"),
        ("CC BY-SA 4.0-3.0-2.5-2.0-1.0", "CC BY-SA 4.0"),
        ("CC BY-SA 1.0+", "CC BY-SA 1.0"),
        ("cc-by-sa-3.0-migrated", "CC BY-SA 3.0"),
        ("cc-by-sa-3.0-migrated-with-disclaimers", "CC BY-SA 3.0"),
        ("cc-by-2.0-stma", "CC BY 2.0"),
        ("cc-by-sa-all", "CC BY-SA"),
        ("ccbysa 4.0", "CC BY-SA 4.0"),
        ("by", "CC BY"),
        ("by-sa 2.0", "CC BY-SA 2.0"),
        ("by-nc-nd 3.0", "CC BY-NC-ND 3.0"),
        ("by-nd-nc 1.0", "CC BY-NC-ND 1.0"),
        ("CC BY-NC 2.0", "CC BY-NC 2.0"),
        ("Attribution 2.0 Generic (CC BY 2.0)", "CC BY 2.0"),
        ("Attribution-ShareAlike 4.0 International", "CC BY-SA 4.0"),
        ("Creative Commons Attribution-Share Alike 3.0 Unported", "CC BY-SA 3.0"),
        (
            "This work is licensed under a Creative Commons"
            " Attribution-NonCommercial-NoDerivatives 4.0 International License.",
            "CC BY-NC-ND 4.0",
        ),
        ("CC0", "CC0 1.0"),
        ("CC0-1.0", "CC0 1.0"),
        ("cc0 1.0", "CC0 1.0"),
        ("cc-zero", "CC0 1.0"),
        ("Creative Commons Zero, Public Domain Dedication", "CC0 1.0"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0 1.0"),
        ("PDM", "Public Domain Mark 1.0"),
        ("pdm 1.0", "Public Domain Mark 1.0"),
        ("Public Domain Mark 1.0", "Public Domain Mark 1.0"),
        ("pd", "Public domain"),
        ("cc-pd", "Public domain"),
        ("PD-self", "Public domain"),
        ("Public domain", "Public domain"),
        (f"{CC}/licenses/by-nc/4.0/", "CC BY-NC 4.0"),
        (f"{CC}/licenses/by-nc-sa/2.0", "CC BY-NC-SA 2.0"),
        ("http://www.creativecommons.org/licenses/by/3.0/deed.en", "CC BY 3.0"),
        ("//creativecommons.org/licenses/by/2.0/br/legalcode", "CC BY 2.0 BR"),
        ("creativecommons.org/licenses/by-nd/4.0", "CC BY-ND 4.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/deed.de", "CC0 1.0"),
        (f"{CC}/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        (f"{CC}/licenses/publicdomain/", "Public domain"),
        (f"{CC}/publicdomain/certification/1.0/us/", "Public domain"),
        (f"CC BY 4.0 ({CC}/licenses/by/4.0/)", "CC BY 4.0"),
        ("GFDL", "GFDL"),
        ("GFDL 1.2+", "GFDL"),
        ("GNU Free Documentation License", "GFDL"),
        ("No restrictions", "No restrictions"),
        ("No known copyright restrictions", "No restrictions"),
        ("Fair use", "Fair use"),
        ("© All rights reserved", "All rights reserved"),
        ("sampling+ 1.0", "CC Sampling+"),
        ("nc-sampling+ 1.0", "CC Sampling+"),
        ("cc-by-nc-foo", "NC or ND"),
        ("cc by nd sa 2.0", "NC or ND"),
        ("CC BY 4.0, for noncommercial use only", "NC or ND"),
        (f"{CC}/licenses/nc-sa/1.0/", "NC or ND"),
    ],
)
def test_a_licence_is_understood_in_every_spelling(written, title):
    licence = parse_licence(written)

    assert licence is not None
    assert licence.title == title


@pytest.mark.parametrize(
    "written",
    [
        "",
        "copyrighted",
        "Copyrighted free use",
        "Attribution",  # a licence of Commons' own
        "Attribution-ShareAlike",
        "FAL",
        "MIT",
        "Creative Commons",
        "zero",
        "not CC BY",
        "CC BY 9.9",
        "CC BY until 2020",
        "no public domain",
        "Photo by Jo",
        "https://unsplash.com/license",
        "https://evil.test/creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org@evil.test/licenses/by/4.0/",
        "https://creativecommons.org.evil.test/licenses/by/4.0/",
        f"{CC}/licenses/by/9.9/",
        f"{CC}/licenses/",
    ],
)
def test_what_is_doubtful_is_no_licence(written):
    assert parse_licence(written) is None
    assert refusal(parse_licence(written)) == UNKNOWN == "licence unknown"


@pytest.mark.parametrize(
    ("stated", "slug"),
    [
        (["GFDL, CC BY-SA 3.0"], "by-sa"),
        (["gfdl", "CC BY-SA 3.0"], "by-sa"),
        (["multi-license with GFDL and Creative Commons CC-BY 2.5"], "by"),
        (["CC BY-NC-SA 2.0 or CC BY-SA 2.0"], "by-sa"),
        ([f"CC BY-NC 4.0 {CC}/licenses/by/4.0/"], "by-nc"),
        (["CC BY-SA 4.0, Fair use"], "fair-use"),
        (["CC BY-SA 4.0", "Non-free"], "non-free"),
        (["by 2.0", f"{CC}/licenses/by-nc/2.0/"], "by-nc"),
        (["CC BY 4.0", "", "https://a.test/terms"], "by"),
        (["cc-by-nc-mine", "CC BY 4.0"], "nc-nd"),
    ],
)
def test_of_what_is_offered_the_allowed_counts_of_contradictions_the_strictest(
    stated, slug
):
    licence = parse_licence(*stated)

    assert licence is not None
    assert licence.slug == slug


def test_an_offer_is_chosen_from_what_the_set_allows():
    offered = "CC BY 4.0 or CC BY-SA 4.0"

    assert parse_licence(offered) == Licence("by", "4.0")
    assert parse_licence(offered, preferred=["by-sa"]) == Licence("by-sa", "4.0")


def test_statements_together_say_the_version():
    assert parse_licence("by-sa", f"{CC}/licenses/by-sa/3.0/at/") == Licence(
        "by-sa", "3.0 AT"
    )


def test_what_a_set_allows_is_taken_and_the_rest_has_a_reason():
    assert is_allowed(Licence("by-sa", "4.0"), DEFAULT_LICENCES)
    assert not is_allowed(Licence("by-nc", "4.0"), DEFAULT_LICENCES)
    assert is_allowed(Licence("by-nc", "4.0"), ["by-nc"])
    assert not is_allowed(None, LICENCES)
    assert refusal(Licence("by-nc", "4.0")) == "licence not allowed: CC BY-NC"
    assert refusal(Licence("gfdl")) == "licence not allowed: GFDL"


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        (Licence("by-sa", "4.0"), f"{CC}/licenses/by-sa/4.0/"),
        (Licence("by", "2.0 BR"), f"{CC}/licenses/by/2.0/br/"),
        (Licence("cc0", "1.0"), f"{CC}/publicdomain/zero/1.0/"),
        (Licence("pdm", "1.0"), f"{CC}/publicdomain/mark/1.0/"),
        (Licence("pdm"), ""),
        (Licence("by"), ""),
        (Licence("gfdl"), ""),
    ],
)
def test_the_address_of_a_licence_is_built_from_its_version(licence, url):
    assert licence.url == url


def test_the_attribution_line_says_what_must_be_said():
    free = attribution_line("Tree", "Jo Li", Licence("by", "2.0"))
    given_up = attribution_line("", "", Licence("cc0", "1.0"))
    old = attribution_line("Tree", "", Licence("pdm"))

    assert free == (
        '"Tree" by Jo Li is licensed under CC BY 2.0. To view a copy of this license,'
        f" visit {CC}/licenses/by/2.0/."
    )
    assert given_up == (
        "This work is marked with CC0 1.0. To view the terms, visit"
        f" {CC}/publicdomain/zero/1.0/."
    )
    assert old == '"Tree" is marked with Public domain.'


WORDS = [
    *["cc", "by", "sa", "nc", "nd", "cc0", "pd", "4.0", "3.0", "de", "gfdl", "or"],
    *["not", "noncommercial", "NoDerivs", "attribution", "fair use", "sampling+"],
    *[f"{CC}/licenses/by/4.0/", f"{CC}/licenses/by-nc/4.0/", "http://a.test/", "-"],
]


@given(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.text())
@example("by nc")
@example("pd 4.0")
def test_a_licence_reads_the_same_from_what_the_catalog_keeps_of_it(written):
    licence = parse_licence(written)
    if licence is not None:
        assert parse_licence(licence.name, licence.url) == licence
        assert parse_licence(licence.title) == licence


@given(
    st.lists(st.sampled_from(WORDS), max_size=6)
    .map(" ".join)
    .filter(lambda text: " or " not in f" {text} ")
)
def test_who_forbids_commerce_or_changes_is_never_taken_for_free(written):
    forbids = written + " noncommercial"
    licence = parse_licence(forbids)

    assert licence is None or licence.slug not in DEFAULT_LICENCES
