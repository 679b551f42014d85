"""imagededup's PHash, in a venv of its own: ``phash_pairs.py TASK WHAT OUT.json``.

    hash FILES.txt     encodes every file that the list names, one after the other
    files FILES.txt    encodes them, and finds the pairs among them
    folder FOLDER      its whole process on a folder, one core

Pairs are those at most 10 bits apart, its default. Writes the CPU seconds that the task
took, without the start of Python, and the pairs of file names.

imagededup imports torch and torchvision whatever it is used for. Its hashes and its
search need neither, so that a stand-in takes their place; nothing else is touched.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

MAX_DISTANCE = 10
_STANDS_IN = (
    "torch",
    "torch.nn",
    "torch.utils",
    "torch.utils.data",
    "torchvision",
    "torchvision.models",
    "torchvision.models.vision_transformer",
    "torchvision.transforms",
)


class _AnyClass(type):
    """The class of a class that has every attribute."""

    def __getattr__(cls, name: str) -> "type[Anything]":
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything


class Anything(metaclass=_AnyClass):
    """What imports, base classes and calls at import time are content with."""

    def __init__(self, *args: object, **named: object) -> None:
        del args, named


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> type[Anything]:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything


def main() -> None:
    """Do one task and write what it cost and found."""
    task, what, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    sys.modules |= {name: _StandIn(name) for name in _STANDS_IN}
    from imagededup.methods import PHash  # type: ignore[import-not-found]

    encoder = PHash(verbose=False)
    found: dict[str, list[str]] = {}
    files = what.read_text("utf-8").splitlines() if task != "folder" else []
    began = _cpu_s()
    if task == "folder":
        found = encoder.find_duplicates(
            image_dir=what,
            max_distance_threshold=MAX_DISTANCE,
            search_method="brute_force_cython",
            num_enc_workers=0,
            num_dist_workers=0,
        )
    else:
        hashes = {file: encoder.encode_image(image_file=file) for file in files}
        if task == "files":
            found = encoder.find_duplicates(
                encoding_map=hashes,
                max_distance_threshold=MAX_DISTANCE,
                search_method="brute_force_cython",
                num_dist_workers=0,
            )
    cpu_s = _cpu_s() - began
    pairs = sorted({(min(a, b), max(a, b)) for a in found for b in found[a]})
    out.write_text(json.dumps({"cpu_s": cpu_s, "pairs": pairs}), "utf-8")


def _cpu_s() -> float:
    """Return what was spent so far; asked for no worker, it starts one all the same."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
