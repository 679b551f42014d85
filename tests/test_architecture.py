"""The shape of the code: imports point down, stages do not meet, modules stay small."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    file
    for top in ("pipeline", "labeler")
    for file in (ROOT / top).rglob("*.py")
    if "versions" not in file.parts  # a migration is as long as its tables
)
STAGES = (
    "scrape",
    "forget",
    "dedup",
    "split",
    "train",
    "robustness",
    "check",
    "suspects",
    "suggest",
    "exchange",
    "report",
)
# From the top down: a layer may import those after it. Names within one layer are
# kept apart, but for what ALSO allows.
LAYERS = (
    ("cli", "labeler"),
    ("demo",),
    STAGES,
    ("web", "networks"),
    ("metrics", "runs", "credits", "gallery"),
    ("catalog",),
    ("cutting", "listing", "locking", "pages"),
    ("images", "settings", "home", "progress", "processes"),
    ("licences", "machine", "writing"),
    ("errors",),
)
ALSO = {
    ("train", "report"),  # the pictures of a run are drawn by report.plots
    ("robustness", "report"),
    ("check", "report"),
}
ONLY = {  # a package → the module that owns it
    "sqlalchemy": "pipeline/catalog/",
    "alembic": "pipeline/catalog/",
    "requests": "pipeline/web/",
    "protego": "pipeline/web/",
    "warcio": "pipeline/web/",
    "albumentations": "pipeline/train/augment.py",
    "streamlit": "labeler/",
    "imagehash": "pipeline/dedup/",
    "bs4": "pipeline/scrape/",
}


def layer_of(module: str) -> tuple[int, str] | None:
    """Return the layer and the name of one of our modules, ``None`` of others."""
    parts = module.split(".")
    if parts[0] == "labeler":
        return 0, "labeler"
    if parts[0] != "pipeline" or len(parts) == 1:
        return None
    for depth, layer in enumerate(LAYERS):
        if parts[1] in layer:
            return depth, parts[1]
    raise AssertionError(f"{module} has no layer: add it to LAYERS")


def module_name(file: Path) -> str:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "pipeline":
                yield from (f"pipeline.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down_and_stages_do_not_import_each_other(file):
    mine = layer_of(module_name(file))
    wrong = []
    for name in imports(file):
        other = layer_of(name)
        if mine is None or other is None or other[1] == mine[1]:
            continue
        if other[0] <= mine[0] and (mine[1], other[1]) not in ALSO:
            wrong.append(name)

    assert wrong == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_package_is_imported_by_the_module_that_owns_it_alone(file):
    path = file.relative_to(ROOT).as_posix()
    wrong = [
        name
        for name in imports(file)
        if not path.startswith(ONLY.get(name.split(".")[0], ""))
    ]

    assert wrong == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_is_small_and_its_functions_can_be_read_aloud(file):
    text = file.read_text(encoding="utf-8")
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long == []
    assert text.count("\n") <= 320


def test_help_is_instant_no_heavy_package_is_loaded_for_it():
    code = (
        "import sys, pipeline.cli.exits;"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'cv2', 'requests',"
        " 'matplotlib', 'streamlit', 'albumentations') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_data_folders_hold_no_code():
    assert not list((ROOT / "datasets").rglob("*.py"))
    assert not list((ROOT / "models").rglob("*.py"))
