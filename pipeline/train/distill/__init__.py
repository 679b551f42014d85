"""Distillation: a finished run's model teaches a small one, on the run's own photos.

A run in, another run out: the student's folder is like any other, with a table of
teacher, student from scratch and student distilled beside its metrics.

    lesson      what the student is to learn: photos and parts as the run had them
    matching    the loss: the student says and sees what its teacher does
    learning    how long, how fast, and the training itself
    standings   the table: accuracy, robustness, size, latency

A student never becomes ``latest``: it is smaller, not better, and whoever distils
chooses where it serves (``--run``).
"""

from dataclasses import dataclass

from pipeline.catalog import Catalog
from pipeline.home import SetFolder
from pipeline.networks.saved import load_model
from pipeline.progress import Progress
from pipeline.runs import Run
from pipeline.settings import SetSettings
from pipeline.train import Now, TrainSummary, carry_out
from pipeline.train.distill.lesson import Asked, plan_lesson
from pipeline.train.job import Job, Material, Say, Trained


@dataclass(frozen=True)
class DistillSummary:
    """The runs that a distillation left behind."""

    teacher: Run
    distilled: TrainSummary
    scratch: TrainSummary | None  # the same student without a teacher
    material: Material
    left_out: int  # photos of the teacher's that are gone or no longer trained

    @property
    def runs(self) -> tuple[Run, ...]:
        """Teacher, student from scratch where there is one, student distilled."""
        scratch = (self.scratch.run,) if self.scratch else ()
        return (self.teacher, *scratch, self.distilled.run)

    @property
    def lines(self) -> tuple[str, ...]:
        """What was trained, a line a run."""
        lines = [self.distilled.line]
        if self.scratch:
            lines.append(self.scratch.line)
        if self.left_out:
            lines.append(
                f"{self.left_out} photos of {self.teacher.name} are gone or no longer"
                " trained, and were left out"
            )
        return tuple(lines)


def distill(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    teacher: Run,
    asked: Asked,
    *,
    progress: Progress,
    now: Now,
    say: Say,
) -> DistillSummary:
    """Train a student on what ``teacher`` says, unless a finished run has done so.

    Args:
        folder: The set, for its photos, cache and runs.
        settings: Of the set.
        catalog: Which knows what the teacher was trained on; both runs are recorded.
        teacher: A finished run.
        asked: Which student, for how long, and whether also from scratch.
        progress: How the work is shown.
        now: The clock.
        say: Told in a line what each training will cost.

    Raises:
        RunError: The teacher can't be loaded, tells other labels, or its photos are
            not known.
        InputError: A photo is missing from the store.
        SettingsError: The student can't be built for the teacher's pictures.
    """
    model = load_model(teacher)
    material, left_out = plan_lesson(settings, catalog, teacher, model, asked)

    def learn(job: Job) -> Trained:
        # Loading Keras takes seconds: only where there is something to train.
        from pipeline.train.distill.learning import learn_lesson  # noqa: PLC0415

        return learn_lesson(job, model)

    def run_of(chosen: Material) -> TrainSummary:
        return carry_out(
            folder,
            settings,
            catalog,
            chosen,
            learn,
            progress=progress,
            now=now,
            say=say,
        )

    distilled = run_of(material)
    scratch = run_of(material.without_teacher) if asked.baseline else None
    return DistillSummary(teacher, distilled, scratch, material, left_out)
