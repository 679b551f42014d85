"""``mekiki label SET --simulate``: a known truth replayed on the set's own photos.

The truth is what people said of the photos, and of all others the category they were
found under. One photo of each duplicate group takes part. For each seed a fifth of
every category is held out; of the rest, labels are revealed in our order and in random
order, from nothing, without a look at what was scraped. The classifier is the same.
*Full accuracy* is that of all labels that may be revealed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.catalog import Catalog, Status
from pipeline.catalog.entries import Entry
from pipeline.catalog.photos import SHOWN_FLAGS
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.progress import Progress
from pipeline.settings import SetSettings
from pipeline.suggest.looking import Choose, Looking
from pipeline.suggest.replay import FIRST, Curve, Order, Part, mean_curve, replay

HELD_OUT = 5  # every fifth photo of a category
SHARES = (0.9, 0.95, 0.99)  # of full accuracy
LEAST = 10  # photos a category that takes part has at least
MOST = 5000  # photos that take part
STEP = 10  # labels between two points of a curve, ...
GROWTH = 0.05  # ... or so much more, where that is more


@dataclass(frozen=True)
class Reached:
    """How many labels a share of full accuracy takes."""

    share: float
    ours: float  # on the mean curve of all seeds
    random: float
    ours_by_seed: tuple[float, ...]
    random_by_seed: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours ÷ random order's."""
        return self.ours / self.random


@dataclass(frozen=True)
class Simulation:
    """What came of it."""

    name: str  # of the set
    photos: int
    said: int  # of them, labelled by people
    seeds: int
    full_accuracy: float  # mean over the seeds, 0..1
    ours: Curve  # means over the seeds
    random: Curve
    reached: tuple[Reached, ...]
    left_out: tuple[str, ...]  # categories with too few photos

    @property
    def truth(self) -> str:
        """Where the truth is from."""
        if self.said == 0:
            return "as scraped, none confirmed by people"
        if self.said == self.photos:
            return "given by people"
        return f"{self.said:,} given by people, the rest as scraped"

    def as_json(self) -> dict[str, object]:
        """Return everything but the picture."""
        return {
            "set": self.name,
            "photos": self.photos,
            "labels_by_people": self.said,
            "seeds": self.seeds,
            "full_accuracy": round(self.full_accuracy, 4),
            "left_out": list(self.left_out),
            "labels_needed": [
                {
                    "share": row.share,
                    "ours": round(row.ours),
                    "random": round(row.random),
                    "ratio": round(row.ratio, 3),
                    "ours_by_seed": [round(one) for one in row.ours_by_seed],
                    "random_by_seed": [round(one) for one in row.random_by_seed],
                }
                for row in self.reached
            ],
            "curves": {
                str(order): [
                    [int(number), round(float(share), 4)]
                    for number, share in zip(
                        curve.labels, curve.accuracies, strict=True
                    )
                ]
                for order, curve in (
                    (Order.OURS, self.ours),
                    (Order.RANDOM, self.random),
                )
            },
        }


def simulate(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    choose: Choose,
    seeds: int,
    step: int = STEP,
    progress: Progress,
    say: Callable[[str], None],
) -> Simulation:
    """Replay what is known of a set.

    Raises:
        InputError: There is too little to simulate with.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: No network that knows anything of photos can be had.
        RunError: The newest run is damaged.
    """
    entries, names, left_out = gather(catalog.photos.entries(), settings.category_names)
    looking = Looking(folder, choose(folder, settings.train, say))
    with progress("looking at photos", len(entries)) as advance:
        looking.see(entries, advance)
    seen, features = looking.features(entries)
    # photos that can't be read any more may have left too few
    seen, names, left_out = gather(seen, names, left_out)
    rows = {entry.sha256: row for row, entry in enumerate(looking.there(entries))}
    features = features[[rows[entry.sha256] for entry in seen]]
    places = {name: place for place, name in enumerate(names)}
    y_true = np.array([places[str(entry.label)] for entry in seen], np.int64)
    curves = _replayed(Part(features, y_true), len(names), seeds, step, progress)
    ours, random = curves[Order.OURS], curves[Order.RANDOM]
    return Simulation(
        name=folder.name,
        photos=len(seen),
        said=sum(entry.status is Status.LABELLED for entry in seen),
        seeds=seeds,
        full_accuracy=_full(ours),
        ours=mean_curve(ours),
        random=mean_curve(random),
        reached=tuple(reached(ours, random, share) for share in SHARES),
        left_out=left_out,
    )


def _replayed(
    photos: Part, num_classes: int, seeds: int, step: int, progress: Progress
) -> dict[Order, list[Curve]]:
    """Return a curve a seed, for each order."""
    curves: dict[Order, list[Curve]] = {order: [] for order in Order}
    total = seeds * len(Order) * len(steps_to(len(photos.y_true), num_classes, step))
    # many short fits: several threads would only wait for each other
    with (
        threadpool_limits(1),
        progress("labelling, simulated", total) as advance,
    ):
        for seed in range(seeds):
            pool, held_out = part(photos, np.random.default_rng(seed))
            for order in Order:
                curve = replay(
                    pool,
                    held_out,
                    num_classes,
                    order=order,
                    rng=np.random.default_rng([seed, 1]),
                    steps=steps_to(len(pool.y_true), num_classes, step),
                    on_step=advance,
                )
                curves[order].append(curve)
    return curves


def gather(
    entries: Sequence[Entry], names: Sequence[str], left_out: Sequence[str] = ()
) -> tuple[list[Entry], tuple[str, ...], tuple[str, ...]]:
    """Return the photos that take part, their categories, and those left out.

    Raises:
        InputError: They are too few.
    """
    known = [entry for entry in entries if _is_known(entry)]
    counts = Counter(entry.label for entry in known)
    there = tuple(name for name in names if counts[name] >= LEAST)
    if len(there) < 2:
        most = ", ".join(f"{name} {counts[name]}" for name in names[:5])
        raise InputError(
            f"simulating needs two categories with {LEAST} labelled photos each, got"
            f" {most or 'none'}: scrape or label more"
        )
    chosen = [entry for entry in known if entry.label in there]
    if len(chosen) > MOST:
        drawn = np.random.default_rng(0).permutation(len(chosen))[:MOST]
        chosen = [chosen[place] for place in np.sort(drawn)]
        if min(Counter(entry.label for entry in chosen).values()) < LEAST:
            return gather(chosen, there, left_out)
    absent = [name for name in names if name not in there]
    return chosen, there, tuple(dict.fromkeys([*left_out, *absent]))


def part(photos: Part, rng: np.random.Generator) -> tuple[Part, Part]:
    """Return what may be labelled, and what is held out: a fifth of each category."""
    shuffled = rng.permutation(len(photos.y_true))
    shuffled = shuffled[np.argsort(photos.y_true[shuffled], kind="stable")]
    is_held: NDArray[np.bool_] = np.zeros(len(shuffled), np.bool_)
    is_held[shuffled[::HELD_OUT]] = True
    return photos.take(np.flatnonzero(~is_held)), photos.take(np.flatnonzero(is_held))


def steps_to(total: int, num_classes: int, step: int) -> list[int]:
    """Return the numbers of labels at which is measured, up to all."""
    numbers = [min(FIRST * num_classes, total)]
    while numbers[-1] < total:
        more = max(step, round(GROWTH * numbers[-1]))
        numbers.append(min(total, numbers[-1] + more))
    return numbers


def reached(ours: Sequence[Curve], random: Sequence[Curve], share: float) -> Reached:
    """Return how many labels a share of full accuracy takes in either order.

    In the means over seeds, and seed by seed against the seed's own full accuracy.
    """
    wanted = share * _full(ours)

    def by_seed(curves: Sequence[Curve]) -> tuple[float, ...]:
        return tuple(
            curve.labels_for(share * float(curve.accuracies[-1])) for curve in curves
        )

    return Reached(
        share,
        mean_curve(ours).labels_for(wanted),
        mean_curve(random).labels_for(wanted),
        by_seed(ours),
        by_seed(random),
    )


def _full(curves: Sequence[Curve]) -> float:
    return float(np.mean([curve.accuracies[-1] for curve in curves]))


def _is_known(entry: Entry) -> bool:
    if entry.label is None:
        return False
    if entry.status is Status.LABELLED:
        return True
    return entry.status is Status.SCRAPED and SHOWN_FLAGS.issuperset(entry.flags)
