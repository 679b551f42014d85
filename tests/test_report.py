"""The report: one page that needs nothing but itself, whatever is there or missing."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.catalog import Catalog, Outcome, Part
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.catalog.training import RunPhoto
from pipeline.errors import RunError
from pipeline.home import SetFolder
from pipeline.report import DASH, duration, percent, write_report
from pipeline.runs import Run, make_run

NOW = "2026-01-02T03:04:05+00:00"
METRICS = {
    "val_accuracy": 0.9375,
    "val_accuracy_interval": [0.71, 0.99],
    "selected_on": "val",
    "measured_on": "val",
    "num_train": 4,
    "num_val": 16,
    "seconds": 754.0,
    "recipe": "small-cnn",
    "image_size": 32,
    "epochs": 7,
    "best_epoch": 5,
    "per_category": {
        "cat": {"precision": 1.0, "recall": 0.875, "num_photos": 8},
        "dog": {"precision": None, "recall": 1.0, "num_photos": 8},
    },
}


class Page(HTMLParser):
    """What a page shows and what it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "img", "br", "col", "link"}:
            self._open.append(tag)
        found = dict(attrs)
        self.fetched += [
            found[key] or "" for key in ("src", "srcset", "poster") if key in found
        ]
        if tag in {"link", "script", "iframe", "object"}:
            self.fetched.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)
        if self._open and self._open[-1] in {"h1", "h2"}:
            self.headings.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split()).replace("\u202f", " ")


@pytest.fixture
def run(
    folder: SetFolder,
    sqlite_catalog: Catalog,
    add_photos: Callable[..., list[str]],
) -> Run:
    """A finished run of four photos, with nothing in its folder but the least."""
    shas = add_photos(
        sqlite_catalog, folder, ("cat", 1), ("cat", 2), ("dog", 3), ("dog", 4)
    )
    run = make_run(folder, "20260102-030405-small-cnn")
    run.write_json("labels.json", ["cat", "dog"])
    run.write_json("metrics.json", METRICS)
    run.write_toml(
        "settings.toml",
        {
            "fingerprint": "f" * 64,
            "set": folder.name,
            "settings": {"train": {"recipe": "small-cnn", "batch_size": 32}},
        },
    )
    parts = (Part.TRAIN, Part.VAL, Part.TRAIN, Part.VAL)
    labels = ("cat", "cat", "dog", "dog")
    sqlite_catalog.training.start_run(
        run.name,
        "f" * 64,
        [RunPhoto(*photo) for photo in zip(shas, labels, parts, strict=True)],
        NOW,
    )
    return run


@pytest.fixture
def page(folder: SetFolder, sqlite_catalog: Catalog, run: Run) -> Callable[[], Page]:
    """Return a function that writes the report and reads it."""

    def write() -> Page:
        out = write_report(folder, sqlite_catalog, run)
        assert out == run.folder / "report.html"
        return Page(out.read_text(encoding="utf-8"))

    return write


def write_picture(file: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file)


def write_robustness(run: Run) -> None:
    lines = ["corruption,severity,accuracy,flip_rate,num_photos", "clean,0,0.9,0.0,16"]
    lines += [
        f"{name},{severity},{0.9 - severity / 10},{severity / 10},16"
        for name in ("gaussian_noise", "scribble")
        for severity in range(1, 6)
    ]
    (run.folder / "robustness.csv").write_text("\n".join(lines) + "\n")


def test_the_accuracy_leads_with_its_interval_and_what_it_was_selected_on(
    page,
) -> None:
    text = page().text

    assert "93.8 %" in text
    assert "of 16 validation photos" in text
    assert "95 % interval: 71.0 % to 99.0 %" in text
    assert "chosen on these same photos" in text
    assert "12 min 34 s" in text


def test_a_test_part_leads_and_validation_stands_beside_it(page, run) -> None:
    run.write_json(
        "metrics.json",
        {
            **METRICS,
            "test_accuracy": 0.8,
            "test_accuracy_interval": [0.6, 0.9],
            "measured_on": "test",
            "num_test": 20,
        },
    )

    text = page().text

    assert "of 20 test photos" in text
    assert "On the 16 validation photos it is 93.8 % (71.0 % to 99.0 %)." in text
    assert "these had no part in it" in text


def test_out_of_fold_accuracy_stands_beside_where_it_was_measured(page, run) -> None:
    run.write_json(
        "metrics.json",
        {
            **METRICS,
            "selected_on": "nothing",
            "out_of_fold_accuracy": 0.9,
            "out_of_fold_accuracy_interval": [0.85, 0.93],
            "num_out_of_fold": 200,
        },
    )

    text = page().text

    assert "Out of fold it is 90.0 % (85.0 % to 93.0 %) of 200" in text
    assert "No snapshot was chosen" in text


def test_what_the_curves_show_is_said_in_words(page, run) -> None:
    run.write_json(
        "metrics.json",
        {**METRICS, "diagnosis": {"kind": "overfitted", "words": "Overfitted: so."}},
    )

    assert "Overfitted: so." in page().text


def test_curves_of_a_run_from_before_there_were_words_are_read_anew(page, run) -> None:
    write_picture(run.folder / "curves.png")
    (run.folder / "history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy\n"
        "1,0.7,0.5,0.7,0.5\n2,0.3,0.9,0.9,0.5\n3,0.1,1.0,1.2,0.5\n"
    )

    text = page().text

    assert "training accuracy 100 %, validation 50 %" in text
    assert "learned these photos by heart" in text
    assert "Of the 16 validation photos the kept snapshot has 93.8 % right" in text


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,much\n", "\x00"])
def test_a_damaged_history_is_as_good_as_none(page, run, text) -> None:
    (run.folder / "history.csv").write_text(text)

    assert "How it learnt" in page().headings


def test_a_run_with_nothing_but_its_metrics_says_what_is_missing(page) -> None:
    shown = page()

    assert "Not measured yet: mekiki robustness things" in shown.text
    assert "No confusion matrix was drawn." in shown.text
    assert "Found against planted" not in shown.headings
    assert "img" not in shown.tags


def test_a_run_whose_metrics_hold_nothing_still_has_its_page(page, run) -> None:
    run.write_json("metrics.json", {})

    assert "The run holds no accuracy" in page().text


def test_pictures_travel_inside_the_page_and_nothing_is_fetched(page, run) -> None:
    names = ("curves", "confusion", "samples", "predictions", "robustness", "flips")
    for name in names:
        write_picture(run.folder / f"{name}.png")
    write_robustness(run)

    shown = page()

    assert len(shown.fetched) == len(names)
    assert all(url.startswith("data:image/png;base64,") for url in shown.fetched)
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|https?://", html)


def test_the_robustness_table_holds_every_figure(page, run) -> None:
    write_robustness(run)

    text = page().text

    assert "gaussian noise 80.0 70.0 60.0 50.0 40.0" in text
    assert "scribble 10.0 20.0 30.0 40.0 50.0" in text
    assert "Untouched, 90.0 % are right (64.0 % to 96.5 % with 95 %)" in text


def test_a_damaged_robustness_table_is_as_good_as_none(page, run) -> None:
    (run.folder / "robustness.csv").write_text("corruption,severity\nclean,0\n")

    assert "Not measured yet" in page().text


def test_photos_are_counted_by_category_and_part(page) -> None:
    text = page().text

    assert "cat 1 1" in text
    assert "in all 2 2" in text


def test_what_was_met_and_why_it_was_left_out_is_counted(
    page, sqlite_catalog: Catalog
) -> None:
    candidates = sqlite_catalog.candidates
    candidates.add([Found("pages", "cat", "http://x/private.jpg")], NOW)
    (new,) = candidates.pending()
    candidates.finish([Ending(new.id, Outcome.REFUSED, "robots.txt")], NOW)
    one, copy, *others = sqlite_catalog.photos.stored()
    sqlite_catalog.photos.write_groupings(
        [
            Grouping(one.sha256, one.candidate_id, True, "", "0" * 16, ("blank",)),
            Grouping(copy.sha256, one.candidate_id, False, "mirrored", "0" * 16, ()),
            *(
                Grouping(image.sha256, image.candidate_id, True, "", "0" * 16, ())
                for image in others
            ),
        ]
    )

    text = page().text

    assert "refused robots.txt 1" in text
    assert "stored new photo 4" in text
    assert "mirrored 1" in text
    assert "blank 1" in text
    assert "No photo waits for a person" in text


def test_what_the_demo_found_is_held_against_what_it_planted(page, run) -> None:
    run.write_json(
        "demo.json",
        {
            "duplicates": {
                "planted": 66,
                "found": 65,
                "missed": 1,
                "wrongly_merged": 0,
            },
            "wrong_tags": {
                "planted": 20,
                "found": 18,
                "missed": 2,
                "false_alarms": 3,
                "checked": 150,
            },
            "val_accuracy": 0.97,
            "forbidden_fetched": 0,
            "seconds": {"train": 60.5, "total": 99.0},
        },
    )

    shown = page()

    assert "Found against planted" in shown.headings
    assert "65 of 66 copies found" in shown.text
    assert "18 of 20 wrong tags found" in shown.text
    assert "3 false alarms of 130 right tags" in shown.text
    assert "train 60.5, total 99.0" in shown.text


def test_names_are_text_whatever_they_hold(page, run, folder) -> None:
    name = '<script>alert("&")</script> ギター'
    run.write_json("labels.json", [name, "dog"])
    run.write_json(
        "metrics.json",
        {**METRICS, "per_category": {name: {"precision": 0.5, "recall": 0.5}}},
    )

    shown = page()

    assert name in shown.text
    assert "script" not in shown.tags


def test_the_weakest_category_comes_first(page) -> None:
    text = page().text.split("Category by category")[1]

    assert text.index("cat") < text.index("dog")
    assert f"dog 1 100.0 % {DASH} " in text  # no precision: nothing was called so


def test_the_most_confused_pairs_come_first(page, run) -> None:
    run.write_json("metrics.json", {**METRICS, "confusion": [[6, 2], [3, 5]]})

    text = page().text

    assert "dog cat 3 of 8 cat dog 2 of 8" in text


def test_a_run_that_is_not_finished_has_no_report(page, run) -> None:
    (run.folder / "metrics.json").unlink()

    with pytest.raises(RunError, match=r"has no metrics\.json"):
        page()


def test_a_run_the_catalog_never_saw_still_has_its_page(page, run, sqlite_catalog):
    sqlite_catalog.training.forget_run(run.name)

    assert "cat 0 0" in page().text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(41.6, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (None, DASH)],
)
def test_durations_are_written_as_people_say_them(
    seconds: float | None, text: str
) -> None:
    assert duration(seconds) == text


def test_percentages_keep_their_sign_beside_them() -> None:
    assert percent(0.9712) == "97.1\u202f%"
    assert percent(None) == DASH
