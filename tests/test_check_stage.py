"""The check as a shop sees it: a CSV in, the same CSV with verdicts out.

The classifier tells dark photos from light ones, and was made by hand: what it says
of a grey photo can be computed.
"""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.check import CheckSummary, check, predict
from pipeline.errors import InputError, NetworkError, RunError
from pipeline.images import encode_jpeg
from pipeline.progress import silent
from pipeline.runs import Run
from pipeline.settings import SetSettings

pytestmark = pytest.mark.slow

SETTINGS = SetSettings.model_validate(
    {"category": [{"name": "dark"}, {"name": "light"}]}
)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of one number: the mean brightness, made steep."""
    import keras

    inputs = keras.Input((32, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(mean)
    model = keras.Model(inputs, outputs)
    steep = np.array([[-0.01, 0.01]] * 3, np.float32)  # 6 nats from black to white
    model.set_weights([steep, np.array([3.825, -3.825], np.float32)])
    file = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(file)
    return file


@pytest.fixture
def run(tmp_path: Path, model_file: Path) -> Run:
    run = Run(tmp_path / "models" / "things" / "20260102-030405")
    run.folder.mkdir(parents=True)
    shutil.copy(model_file, run.model_file)
    run.write_json("labels.json", ["dark", "light"])
    run.write_json("metrics.json", {"val_accuracy": 1.0})
    lines = ["sha256,label,predicted,p_predicted,p_label"]
    lines += [f"{number:064x},dark,dark,0.99,0.99" for number in range(50)]
    (run.folder / "val_predictions.csv").write_text("\n".join(lines) + "\n")
    return run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a dark, a light and a grey photo, and files that are none."""
    shop = tmp_path / "shop"
    shop.mkdir()
    for name, level in (("dark", 20), ("light", 240), ("grey", 135)):
        pixels = np.full((40, 60, 3), level, np.uint8)
        (shop / f"{name}.jpg").write_bytes(encode_jpeg(pixels))
    (shop / "page.jpg").write_bytes(b"<!doctype html><title>404</title>")
    (shop / "cut.jpg").write_bytes((shop / "light.jpg").read_bytes()[:200])
    (shop / "empty.jpg").write_bytes(b"")
    (shop / "folder.jpg").mkdir()
    return shop


def no_web(url: str) -> bytes:
    raise NetworkError(f"{url} could not be reached: connection refused")


@pytest.fixture
def check_rows(
    run: Run, shop: Path
) -> Callable[..., tuple[CheckSummary, list[dict[str, str]]]]:
    """Return a function that checks rows of ``image,tag`` and returns the output's."""

    def check_them(
        *rows: tuple[str, str], fetch: Callable[[str], bytes] = no_web
    ) -> tuple[CheckSummary, list[dict[str, str]]]:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([("image", "tag"), *rows])
        (shop / "products.csv").write_text(buffer.getvalue(), "utf-8", newline="")
        out = shop / "out" / "verdicts.csv"
        summary = check(
            SETTINGS, run, shop / "products.csv", out, progress=silent, fetch=fetch
        )
        text = out.read_text(encoding="utf-8")
        return summary, list(csv.DictReader(io.StringIO(text, newline="")))

    return check_them


def test_right_wrong_and_doubtful_tags_get_their_verdicts(check_rows, run) -> None:
    summary, rows = check_rows(
        ("dark.jpg", "dark"),
        ("dark.jpg", "light"),
        ("grey.jpg", "dark"),
        ("light.jpg", "LIGHT "),
        ("light.jpg", "green"),
    )

    verdicts = [row["verdict"] for row in rows]
    assert verdicts == ["ok", "mismatch", "unsure", "ok", "unknown_tag"]
    predicted = [row["predicted_tag"] for row in rows]
    assert predicted == ["dark", "dark", "light", "light", "light"]
    assert rows[0]["image"] == "dark.jpg"
    assert rows[3]["tag"] == "LIGHT "
    assert {row["run"] for row in rows} == {run.name}
    assert "the tag was read as 'light'" in rows[3]["reason"]
    assert float(rows[1]["p_predicted"]) > 0.99
    assert rows[4]["p_tag"] == ""
    assert summary.has_findings
    assert summary.line == (
        "check: 5 rows: 2 ok, 1 mismatch, 1 unsure, 0 unusable_image, 1 unknown_tag"
        " (a mismatch looks at least 10 times likelier than its tag, as 0.0% of"
        " 50 validation photos do)"
    )


def test_rows_that_are_all_right_are_no_findings(check_rows) -> None:
    summary, _ = check_rows(("dark.jpg", "dark"), ("light.jpg", "light"))

    assert not summary.has_findings


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("", "the row names no image"),
        ("gone.jpg", "no such file: gone.jpg"),
        ("page.jpg", "not an image: an HTML page"),
        ("cut.jpg", "broken image"),
        ("empty.jpg", "empty file"),
        ("folder.jpg", "not a file: folder.jpg"),
        ("a\0b.jpg", "no such file"),
        ("x" * 5000, "name too long"),
        ("https://shop.invalid/a.jpg", "could not be reached"),
    ],
    ids=lambda text: repr(text)[:24],
)
def test_an_image_that_cannot_be_used_is_a_row_with_its_reason(
    check_rows, image: str, reason: str
) -> None:
    _, rows = check_rows((image, "dark"), ("dark.jpg", "dark"))

    assert rows[0]["verdict"] == "unusable_image"
    assert reason in rows[0]["reason"]
    assert rows[0]["predicted_tag"] == ""
    assert rows[1]["verdict"] == "ok"


def test_images_are_found_by_url_absolute_path_and_as_other_systems_spell_them(
    check_rows, shop: Path
) -> None:
    data = (shop / "dark.jpg").read_bytes()
    (shop / "写真").mkdir()
    (shop / "写真" / "か\u3099.jpg").write_bytes(data)  # decomposed

    _, rows = check_rows(
        ("HTTP://shop.invalid/a.jpg", "dark"),
        (str(shop / "dark.jpg"), "dark"),
        ("写真\\が.jpg", "dark"),
        ("写真/が.jpg", "dark"),
        (" dark.jpg ", "dark"),
        fetch=lambda url: data,
    )

    assert [row["verdict"] for row in rows] == [
        "ok",
        "ok",
        "unusable_image",
        "ok",
        "ok",
    ]


def test_a_url_that_stands_in_many_rows_is_fetched_once(check_rows, shop: Path) -> None:
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return (shop / "dark.jpg").read_bytes()

    _, rows = check_rows(*[("http://shop.invalid/a.jpg", "dark")] * 5, fetch=fetch)

    assert fetched == ["http://shop.invalid/a.jpg"]
    assert [row["verdict"] for row in rows] == ["ok"] * 5


def test_more_rows_than_a_batch_keep_their_order(check_rows, shop: Path) -> None:
    for number in range(150):
        shutil.copy(
            shop / ("light.jpg" if number % 3 else "dark.jpg"), shop / f"{number}.jpg"
        )

    _, rows = check_rows(*[(f"{number}.jpg", "light") for number in range(150)])

    assert [row["verdict"] for row in rows] == [
        "ok" if number % 3 else "mismatch" for number in range(150)
    ]


def test_a_header_alone_gives_a_header_alone(check_rows, shop: Path) -> None:
    summary, rows = check_rows()

    assert rows == []
    assert summary.num_rows == 0
    header = (shop / "out" / "verdicts.csv").read_text(encoding="utf-8")
    assert header.strip() == (
        "image,tag,verdict,predicted_tag,p_predicted,p_tag,reason,run"
    )


def test_ragged_rows_each_get_a_verdict(run: Run, shop: Path) -> None:
    (shop / "p.csv").write_bytes(
        b"image,tag\r\ndark.jpg\r\n\r\ndark.jpg,dark,x,y\r\ndark.jpg,dark\r\n"
    )

    check(SETTINGS, run, shop / "p.csv", shop / "o.csv", progress=silent, fetch=no_web)

    lines = (shop / "o.csv").read_bytes().split(b"\r\n")
    assert lines[0].startswith(b"image,tag,,,verdict,")
    assert lines[1].startswith(b"dark.jpg,,,,unknown_tag,dark,")
    assert lines[2] == b""
    assert lines[3].startswith(b"dark.jpg,dark,x,y,ok,")
    assert lines[4].startswith(b"dark.jpg,dark,,,ok,")


def test_the_input_is_never_written_over(run: Run, shop: Path) -> None:
    (shop / "p.csv").write_text("image,tag\ndark.jpg,dark\n")

    with pytest.raises(InputError, match="is the input"):
        check(
            SETTINGS, run, shop / "p.csv", shop / "p.csv", progress=silent, fetch=no_web
        )


def test_an_input_that_is_not_there_is_one_line(run: Run, shop: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv can't be read: No such file"):
        check(
            SETTINGS, run, shop / "none.csv", shop / "o", progress=silent, fetch=no_web
        )


def test_an_output_that_cannot_be_written_is_one_line(run: Run, shop: Path) -> None:
    (shop / "p.csv").write_text("image,tag\ndark.jpg,dark\n")

    with pytest.raises(InputError, match="can't be written"):
        check(
            SETTINGS,
            run,
            shop / "p.csv",
            shop / "dark.jpg" / "o.csv",
            progress=silent,
            fetch=no_web,
        )


def test_a_run_without_validation_predictions_says_what_to_do(
    run: Run, shop: Path
) -> None:
    (run.folder / "val_predictions.csv").unlink()
    (shop / "p.csv").write_text("image,tag\ndark.jpg,dark\n")

    with pytest.raises(RunError, match="train again, or choose another run"):
        check(
            SETTINGS, run, shop / "p.csv", shop / "o.csv", progress=silent, fetch=no_web
        )


def test_predict_says_what_photos_show_in_their_order(run: Run, shop: Path) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(shop / "clear.png")  # laid on white

    answers = predict(run, [shop / "light.jpg", shop / "gone.jpg", shop / "clear.png"])

    light, gone, clear = answers
    assert light["image"] == str(shop / "light.jpg")
    assert light["predicted_tag"] == "light"
    assert light["p_predicted"] == light["probabilities"]["light"]
    assert sum(light["probabilities"].values()) == pytest.approx(1)
    assert gone == {
        "image": str(shop / "gone.jpg"),
        "error": "no such file: gone.jpg",
    }
    assert clear["predicted_tag"] == "light"
