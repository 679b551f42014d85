"""Which photo is in which part, and what each run was trained on and said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from pipeline.catalog.engine import Database
from pipeline.catalog.tables import PREDICTION, RUN, RUN_PHOTO, SPLIT, Part


@dataclass(frozen=True, slots=True)
class RunPhoto:
    """A photo as a run used it."""

    sha256: str
    label: str
    part: Part


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run said of a photo it was measured on."""

    sha256: str
    label: str
    confidence: float  # 0..1


@dataclass(frozen=True)
class RunRow:
    """A run, as the catalog knows it."""

    name: str
    fingerprint: str
    started_at: str
    finished_at: str | None


class Training:
    """Reading and writing splits, runs and predictions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def split(self) -> dict[str, Part]:
        """Return the part of every photo that is in one, by sha256."""
        with self._database.read() as connection:
            rows = connection.execute(select(SPLIT).order_by(SPLIT.c.sha256))
            return {row.sha256: Part(row.part) for row in rows}

    def write_split(self, parts: Mapping[str, Part]) -> None:
        """Replace the split, in one transaction."""
        rows = [{"sha256": key, "part": part} for key, part in sorted(parts.items())]
        with self._database.write() as connection:
            connection.execute(delete(SPLIT))
            if rows:
                connection.execute(insert(SPLIT), rows)

    def start_run(
        self, name: str, fingerprint: str, photos: Iterable[RunPhoto], now: str
    ) -> None:
        """Record a run and exactly what it is trained and measured on."""
        rows = [
            {
                "run": name,
                "sha256": photo.sha256,
                "label": photo.label,
                "part": photo.part,
            }
            for photo in photos
        ]
        with self._database.write() as connection:
            connection.execute(
                insert(RUN).values(name=name, fingerprint=fingerprint, started_at=now)
            )
            if rows:
                connection.execute(insert(RUN_PHOTO), rows)

    def finish_run(
        self, name: str, predictions: Iterable[Prediction], now: str
    ) -> None:
        """Record that a run ended, and what it said."""
        rows = [
            {
                "run": name,
                "sha256": row.sha256,
                "label": row.label,
                "confidence": row.confidence,
            }
            for row in predictions
        ]
        with self._database.write() as connection:
            connection.execute(delete(PREDICTION).where(PREDICTION.c.run == name))
            if rows:
                connection.execute(insert(PREDICTION), rows)
            connection.execute(
                update(RUN).where(RUN.c.name == name).values(finished_at=now)
            )

    def forget_run(self, name: str) -> None:
        """Remove a run's rows: its folder is gone."""
        with self._database.write() as connection:
            connection.execute(delete(PREDICTION).where(PREDICTION.c.run == name))
            connection.execute(delete(RUN_PHOTO).where(RUN_PHOTO.c.run == name))
            connection.execute(delete(RUN).where(RUN.c.name == name))

    def runs(self) -> list[RunRow]:
        """List the runs, oldest first."""
        query = select(RUN).order_by(RUN.c.started_at, RUN.c.name)
        with self._database.read() as connection:
            return [
                RunRow(row.name, row.fingerprint, row.started_at, row.finished_at)
                for row in connection.execute(query)
            ]

    def run_photos(self, name: str) -> list[RunPhoto]:
        """List what a run was trained and measured on, by sha256."""
        query = (
            select(RUN_PHOTO)
            .where(RUN_PHOTO.c.run == name)
            .order_by(RUN_PHOTO.c.sha256)
        )
        with self._database.read() as connection:
            return [
                RunPhoto(row.sha256, row.label, Part(row.part))
                for row in connection.execute(query)
            ]

    def predictions(self, name: str) -> dict[str, Prediction]:
        """Return what a run said, by sha256."""
        query = select(PREDICTION).where(PREDICTION.c.run == name)
        with self._database.read() as connection:
            return {
                row.sha256: Prediction(row.sha256, row.label, row.confidence)
                for row in connection.execute(query)
            }
