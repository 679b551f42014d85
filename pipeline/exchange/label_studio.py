"""Labels as Label Studio's JSON: tasks with annotations, as it reads and writes them.

A person's label is an annotation that chooses it; *rejected* and *unsure* are choices
of a second question. What was scraped, and conflicts, have no annotation: their task
is still to be done. ``data`` says what a task is about; predictions are never read.

Read: of each task the annotations that were not cancelled, a ground truth before the
others; where several people chose differently, the task has several labels. Skipped
tasks and those without an annotation say nothing.

The format is described at https://labelstud.io/guide/tasks and /guide/export.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pipeline.catalog import Status
from pipeline.errors import InputError
from pipeline.exchange.documents import (
    is_object,
    number_in,
    read_json,
    text_in,
    write_json,
)
from pipeline.exchange.rows import Handed, Row
from pipeline.writing import write_atomically

_LABEL = "label"  # the control that asks for the category
_STATE = "mekiki_state"  # the one for photos that show none
_IMAGE = "image"  # what both are about
_STATES = {Status.REJECTED: "not usable", Status.UNSURE: "unsure"}
_STATUS_OF = {choice: status for status, choice in _STATES.items()}
_ADDRESSES = (_IMAGE, "img", "url", "photo", "picture")  # where a task may have it


def write_tasks(
    out: Path, photos: Sequence[Handed], categories: Sequence[str], root: Path
) -> Path:
    """Write the tasks, and beside them the configuration of a project for them.

    Args:
        out: The JSON file.
        photos: What is handed out.
        categories: The choices.
        root: The folder that Label Studio serves files from.

    Returns:
        The configuration's file.

    Raises:
        InputError: One of them can't be written.
    """
    config = out.with_suffix(".xml")
    write_json(out, [_task(photo, root) for photo in photos])
    try:
        write_atomically(config, project_config(categories).encode())
    except OSError as error:
        raise InputError(f"{config} can't be written: {error.strerror}") from error
    return config


def project_config(categories: Iterable[str]) -> str:
    """Return the labeling configuration of a project, as XML."""
    lines = ["<View>", f'  <Image name="{_IMAGE}" value="$image"/>']
    for control, choices in ((_LABEL, categories), (_STATE, _STATES.values())):
        lines.append(f'  <Choices name="{control}" toName="{_IMAGE}" choice="single">')
        lines += [f"    <Choice value={quoteattr(choice)}/>" for choice in choices]
        lines.append("  </Choices>")
    return "\n".join([*lines, "</View>", ""])


def read_tasks(data: bytes, name: str) -> list[Row]:
    """Read tasks that Label Studio exported as JSON, or that ``write_tasks`` wrote.

    Raises:
        InputError: It is another JSON, or none.
    """
    tasks = read_json(data, name)
    if is_object(tasks):
        tasks = [tasks]
    if not isinstance(tasks, list) or not all(is_object(task) for task in tasks):
        raise InputError(f"{name} must be a list of Label Studio's tasks")
    if tasks and not any(is_object(task.get("data")) for task in tasks):
        hint = "annotator" in tasks[0] or "annotation_id" in tasks[0]
        raise InputError(
            f"{name} has no task with data"
            + (": it is a JSON-MIN; export it as JSON" if hint else "")
        )
    return [_row(number, task) for number, task in enumerate(tasks, start=1)]


def _task(photo: Handed, root: Path) -> dict[str, object]:
    place = photo.place.relative_to(root).as_posix()
    state = _STATES.get(photo.status)
    chosen = (_STATE, state) if state else (_LABEL, photo.label or "")
    is_decided = state is not None or photo.status is Status.LABELLED
    return {
        "data": {
            "image": f"/data/local-files/?d={quote(place)}",
            "sha256": photo.sha256,
            "origin": photo.origin,
            "scraped_as": list(photo.scraped_as),
            "was": photo.status,  # not "status", nor "label": its CSV has columns so
            "by": photo.by,
            "at": photo.at,
            "note": photo.note,
            "version": photo.version,
        },
        "annotations": [{"result": [_choice(*chosen)]}] if is_decided else [],
        "predictions": [],
    }


def _choice(control: str, choice: str) -> dict[str, object]:
    return {
        "from_name": control,
        "to_name": _IMAGE,
        "type": "choices",
        "value": {"choices": [choice]},
    }


def _row(number: int, task: Mapping[str, object]) -> Row:
    where = f"task {number}"
    if (known := number_in(task, "id")) is not None:
        where = f"task {number} (id {known})"
    data = task.get("data")
    if not is_object(data):
        return Row(number, where, fault="it has no data")
    annotation, labels = _chosen(task)
    if len(labels) > 1:
        told = ", ".join(repr(label) for label in sorted(labels))
        return Row(number, where, fault=f"it has several labels: {told}")
    status = None
    for control, choice in labels:
        is_state = control == _STATE and choice in _STATUS_OF
        status = _STATUS_OF[choice] if is_state else Status.LABELLED
    return Row(
        number,
        where,
        sha256=text_in(data, "sha256").lower(),
        image=_address(data),
        origin=text_in(data, "origin"),
        label="".join(choice for _, choice in labels),
        status=status,
        version=number_in(data, "version"),
        at=text_in(annotation, "updated_at") or text_in(annotation, "created_at"),
        note=text_in(data, "note") if "sha256" in data else "",  # of our tasks alone
    )


def _address(data: Mapping[str, object]) -> str:
    """Return where a task's picture is, under whatever name the project has it."""
    for name in _ADDRESSES:
        if text := text_in(data, name):
            return text
    texts = [value for value in data.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else ""


def _chosen(
    task: Mapping[str, object],
) -> tuple[Mapping[str, object], set[tuple[str, str]]]:
    """Return the annotation that counts, and what was chosen in all that count."""
    annotations = task.get("annotations", task.get("completions"))
    valid = [
        annotation
        for annotation in (annotations if isinstance(annotations, list) else [])
        if is_object(annotation)
        and not (annotation.get("was_cancelled") or annotation.get("skipped"))
        and _choices(annotation)
    ]
    valid = [one for one in valid if one.get("ground_truth")] or valid
    if not valid:
        return {}, set()
    newest = max(valid, key=lambda one: text_in(one, "updated_at"))
    return newest, {choice for one in valid for choice in _choices(one)}


def _choices(annotation: Mapping[str, object]) -> set[tuple[str, str]]:
    """Return what an annotation chose: the state, where it has one, and no label."""
    chosen = set()
    results = annotation.get("result")
    for result in results if isinstance(results, list) else []:
        if not is_object(result) or result.get("type") != "choices":
            continue
        value = result.get("value")
        choices = value.get("choices") if is_object(value) else None
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, str):
                is_state = result.get("from_name") == _STATE
                chosen.add((_STATE if is_state else _LABEL, choice))
    return {one for one in chosen if one[0] == _STATE} or chosen
