"""Verdicts: the tag against the probabilities, with a reason a person can read."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.check.thresholds import (
    FLOOR,
    Thresholds,
    ValPrediction,
    choose_thresholds,
    format_times,
)
from pipeline.check.verdict import Verdict, judge, known_tags, unusable

LABELS = ("Flying V", "Jazzmaster", "ギター")
KNOWN = known_tags(LABELS)
THRESHOLDS = Thresholds(20.0, 0.5, 0.01, 90)


def probs(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("values", "verdict", "reason"),
    [
        (
            (0.9, 0.06, 0.04),
            Verdict.OK,
            "looks like Flying V (90.0%), as tagged",
        ),
        (
            (0.4, 0.35, 0.25),
            Verdict.UNSURE,
            "looks most like Flying V, as tagged, but only 40.0% sure (50% needed)",
        ),
        (
            (0.02, 0.96, 0.02),
            Verdict.MISMATCH,
            "looks like Jazzmaster (96.0%), 48 times likelier than Flying V (2.0%);"
            " 20 needed",
        ),
        (
            (0.2, 0.6, 0.2),
            Verdict.UNSURE,
            "looks rather like Jazzmaster (60.0%), but only 3 times likelier than"
            " Flying V (20.0%); 20 needed",
        ),
    ],
    ids=["ok", "torn", "mismatch", "doubt"],
)
def test_a_tag_is_held_against_what_the_photo_looks_like(
    values: tuple[float, ...], verdict: Verdict, reason: str
) -> None:
    finding = judge("Flying V", probs(*values), KNOWN, THRESHOLDS)

    assert (finding.verdict, finding.reason) == (verdict, reason)
    assert finding.p_tag == pytest.approx(values[0])
    assert finding.p_predicted == pytest.approx(max(values))


@pytest.mark.parametrize(
    ("tag", "label", "said"),
    [
        ("Flying V", "Flying V", False),
        ("  Flying V\t", "Flying V", False),
        ("flying v", "Flying V", True),
        ("FLYING V ", "Flying V", True),
        ("キ\u3099ター", "ギター", False),  # decomposed, as macOS writes it
    ],
)
def test_a_tag_is_matched_exactly_then_regardless_of_case(
    tag: str, label: str, said: bool
) -> None:
    index, remark = KNOWN.find(tag)

    assert index == LABELS.index(label)
    assert (f"the tag was read as {label!r}" in remark) is said


def test_a_tag_that_two_classes_fit_but_for_case_is_unknown() -> None:
    known = known_tags(("Rock", "rock"))

    assert known.find("rock")[0] == 1
    assert known.find("ROCK")[0] is None


def test_an_unknown_tag_still_says_what_the_photo_looks_like() -> None:
    finding = judge("Banjo", probs(0.9, 0.05, 0.05), KNOWN, THRESHOLDS)

    assert finding.verdict is Verdict.UNKNOWN_TAG
    assert finding.reason == (
        "the tag 'Banjo' is none of the classes: Flying V, Jazzmaster, ギター;"
        " it looks like Flying V (90.0%)"
    )
    assert finding.predicted_tag == "Flying V"
    assert finding.p_tag is None


def test_a_missing_tag_is_said_to_be_missing() -> None:
    finding = judge("  ", probs(0.9, 0.05, 0.05), KNOWN, THRESHOLDS)

    assert finding.verdict is Verdict.UNKNOWN_TAG
    assert finding.reason.startswith("the row has no tag;")


def test_a_photo_that_cannot_be_seen_comes_before_an_unknown_tag() -> None:
    assert unusable("Flying V", "no such file: a.jpg", KNOWN).reason == (
        "no such file: a.jpg"
    )
    finding = unusable("Banjo", "no such file: a.jpg", KNOWN)
    assert finding.verdict is Verdict.UNUSABLE_IMAGE
    assert finding.reason.startswith("no such file: a.jpg; also, the tag 'Banjo'")


def right(times: int = 1) -> list[ValPrediction]:
    return [ValPrediction("a", "a", 0.99, 0.99)] * times


def wrong(p_label: float) -> ValPrediction:
    return ValPrediction("a", "b", 1 - p_label, p_label)


def test_a_network_that_never_erred_gets_the_careful_floor() -> None:
    thresholds = choose_thresholds(right(90), 0.02)

    assert thresholds.mismatch_from == FLOOR
    assert (thresholds.false_alarms, thresholds.num_val) == (0.0, 90)


def test_no_more_right_labels_are_called_a_mismatch_than_was_allowed() -> None:
    doubts = [wrong(p) for p in (0.001, 0.002, 0.01, 0.02)]

    thresholds = choose_thresholds([*right(96), *doubts], 0.02)

    called = [row.times >= thresholds.mismatch_from for row in doubts]
    assert called == [True, True, False, False]
    assert thresholds.false_alarms == 0.02


def test_few_validation_photos_allow_no_false_alarm_at_all() -> None:
    thresholds = choose_thresholds([*right(20), wrong(0.001)], 0.02)

    assert thresholds.mismatch_from > 998
    assert thresholds.false_alarms == 0.0


def test_equal_doubts_are_not_split() -> None:
    thresholds = choose_thresholds([*right(97), *[wrong(0.001)] * 3], 0.02)

    assert thresholds.false_alarms == 0.0


def test_without_validation_photos_the_floor_holds() -> None:
    assert choose_thresholds([], 0.02).mismatch_from == FLOOR


def test_the_thresholds_can_be_said_in_a_line() -> None:
    line = choose_thresholds([*right(96), *[wrong(0.001)] * 4], 0.1).line

    assert line == (
        "a mismatch looks at least 10 times likelier than its tag, as 4.0% of"
        " 100 validation photos do"
    )


@pytest.mark.parametrize(
    ("times", "text"), [(1.0, "1"), (3.44, "3.4"), (12.3, "12"), (1234.0, "1,234")]
)
def test_ratios_are_written_as_people_say_them(times: float, text: str) -> None:
    assert format_times(times) == text
