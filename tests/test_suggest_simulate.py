"""A known truth replayed: what our order saves, and what is said where it can't be."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline import catalog as catalogs
from pipeline.catalog.entries import Entry
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.tables import Status
from pipeline.cli.exits import cli
from pipeline.errors import InputError
from pipeline.suggest.replay import Curve, Order, Part, mean_curve, replay
from pipeline.suggest.simulate import gather, part, reached, steps_to
from pipeline.suggest.space import fit_space

NOW = "2026-01-02T03:04:05+00:00"


def photos() -> Part:
    """Draw ten kinds of photos, half of which are rare."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (10, 24))
    y_true = np.repeat(np.arange(10), (120,) * 5 + (25,) * 5)
    drawn = centres[y_true] + rng.normal(0, 0.8, (len(y_true), 24))
    embeddings = drawn.astype(np.float32)
    return Part(fit_space(embeddings).project(embeddings), y_true)


def curve(order: Order, seed: int) -> Curve:
    pool, held_out = part(photos(), np.random.default_rng(seed))
    return replay(
        pool,
        held_out,
        10,
        order=order,
        rng=np.random.default_rng(seed),
        steps=steps_to(len(pool.y_true), 10, 10),
    )


def test_our_order_needs_fewer_labels_than_chance():
    ours = [curve(Order.OURS, seed) for seed in range(3)]
    random = [curve(Order.RANDOM, seed) for seed in range(3)]

    found = reached(ours, random, 0.95)

    assert found.ratio < 0.65
    assert ours[0].accuracies[-1] == random[0].accuracies[-1]  # all is known to both
    assert len(found.ours_by_seed) == 3
    assert np.isfinite(found.random_by_seed).all()


def test_the_same_seed_gives_the_same_curve():
    one, other = curve(Order.OURS, 1), curve(Order.OURS, 1)
    assert one.labels.tolist() == other.labels.tolist()
    assert one.accuracies.tolist() == other.accuracies.tolist()
    assert one.accuracies.tolist() != curve(Order.OURS, 2).accuracies.tolist()


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [(0.4, 10), (0.5, 10), (0.6, 15), (0.7, 20), (0.75, 35), (0.9, np.inf)],
)
def test_between_two_points_a_curve_is_straight(wanted, labels):
    found = Curve(np.array([10, 20, 30, 40]), np.array([0.5, 0.7, 0.6, 0.9 - 1e-9]))
    if wanted == 0.75:
        assert found.labels_for(wanted) == pytest.approx(35)
    else:
        assert found.labels_for(wanted) == pytest.approx(labels)


def test_the_mean_of_curves_is_taken_where_all_have_a_point():
    found = mean_curve(
        [
            Curve(np.array([10, 20, 30]), np.array([0.2, 0.4, 0.6])),
            Curve(np.array([20, 30]), np.array([0.6, 0.6])),
        ]
    )
    assert found.labels.tolist() == [20, 30]
    assert found.accuracies.tolist() == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize("total", [5, 12, 40, 1000])
def test_the_steps_go_up_to_all_labels_and_grow(total):
    steps = steps_to(total, 6, 10)
    assert steps[-1] == total
    assert steps == sorted(set(steps))
    assert steps[0] == min(12, total)


def test_a_fifth_of_every_category_is_held_out():
    pool, held_out = part(photos(), np.random.default_rng(0))
    counts = np.bincount(held_out.y_true)
    assert counts.tolist() == [24] * 5 + [5] * 5
    assert len(pool.y_true) + len(held_out.y_true) == 725


def entry(number: int, label: str | None, status: Status = Status.SCRAPED) -> Entry:
    scraped = (label,) if label else ()
    return Entry(f"{number:064x}", ".jpg", number, 0, scraped, label, status, 0, ())


def test_what_takes_part_is_what_has_a_label_to_believe():
    entries = [
        *[entry(number, "cat") for number in range(10)],
        *[entry(number, "dog", Status.LABELLED) for number in range(10, 22)],
        *[entry(number, "eel") for number in range(30, 39)],
        entry(40, "cat", Status.CONFLICT),
        entry(41, "cat", Status.REJECTED),
        entry(42, None),
    ]
    chosen, names, left_out = gather(entries, ("cat", "dog", "eel"))
    assert len(chosen) == 22
    assert names == ("cat", "dog")
    assert left_out == ("eel",)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "got cat 0, dog 0"),
        (["cat"] * 30, "got cat 30, dog 0"),
        (["cat"] * 9 + ["dog"] * 9, "got cat 9, dog 9"),
    ],
    ids=["no photos", "one category", "too few"],
)
def test_too_little_to_simulate_with_is_one_line(labels, said):
    entries = [entry(number, label) for number, label in enumerate(labels)]
    with pytest.raises(InputError, match=said) as caught:
        gather(entries, ("cat", "dog"))
    assert "\n" not in str(caught.value)


def test_options_of_the_simulation_need_it(folder):
    done = CliRunner().invoke(
        cli, ["--home", str(folder.home), "label", "things", "--json"]
    )
    assert "go with --simulate" in str(done.exception)


def write_settings(folder, weights: str) -> None:
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
        '[[category]]\nname = "eel"\n[train]\nbackbone = "MobileNet"\n'
        f"weights = {json.dumps(weights)}\nimage_size = 32\n",
        encoding="utf-8",
    )


@pytest.mark.slow
def test_the_command_prints_a_table_draws_the_curves_and_repeats_itself(
    folder, add_photos, tmp_path
):
    from pipeline.networks.backend import keras

    file = tmp_path / "notop.weights.h5"
    keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(file)
    write_settings(folder, str(file))
    with catalogs.opened(folder) as catalog:
        shas = add_photos(
            catalog,
            folder,
            *[("cat", seed) for seed in range(12)],
            *[("dog", seed) for seed in range(20, 32)],
            ("eel", 40),
            size=64,
        )
        word = Op(shas[0], Action.CONFIRM, "cat", 0, "ann", "tab", 1)
        catalog.journal.apply([word], NOW)
    order = ["--home", str(folder.home), "label", "things", "--simulate"]
    order += ["--seeds", "2", "--steps", "4"]

    told = CliRunner().invoke(cli, order)
    first = CliRunner().invoke(cli, [*order, "--json"])
    again = CliRunner().invoke(cli, [*order, "--json"])

    assert told.exit_code == first.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].startswith(
        "things: 24 photos, labels 1 given by people, the rest as scraped; with all"
    )
    assert "ours ÷ random" in lines[1]
    assert [line.split()[0] for line in lines[2:5]] == ["90%", "95%", "99%"]
    assert lines[5] == "too few photos, left out: eel"
    picture = folder.folder / "learning.png"
    assert lines[6] == f"curves: {picture}"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert first.stdout == again.stdout
    facts = json.loads(first.stdout)
    assert facts["photos"] == 24
    assert facts["labels_by_people"] == 1
    assert facts["curves"]["ours"][-1] == facts["curves"]["random"][-1]


@pytest.mark.slow
def test_without_weights_or_a_run_the_way_on_is_said(folder, add_photos):
    write_settings(folder, "none")
    with catalogs.opened(folder) as catalog:
        add_photos(
            catalog,
            folder,
            *[("cat", seed) for seed in range(10)],
            *[("dog", seed) for seed in range(20, 30)],
        )
    done = CliRunner().invoke(
        cli, ["--home", str(folder.home), "label", "things", "--simulate"]
    )
    assert "no network knows anything of photos" in str(done.exception)
