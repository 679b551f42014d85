"""Files → groups of copies by our own means, and what it cost; on one core if wanted.

    python -m benchmarks.dedup.groups FILES.txt CACHE OUT.json

is the same as ``group_files`` in a process of its own, whose memory can be measured.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.dedup.features import describe
from pipeline.dedup.grouping import group_links
from pipeline.dedup.matching import Picture, find_links
from pipeline.progress import silent

MAX_DISTANCE = 10  # of a set, unless it says otherwise


def group_files(files: Sequence[Path], cache: Path) -> list[int]:
    """Return the index of the first file of the group that each file is in.

    Args:
        files: The photos.
        cache: The folder that keeps what was worked out of each file, by its path.
    """
    seen = describe({str(file): file for file in files}, cache, progress=silent)
    pictures = [Picture(file, seen.get(str(file))) for file in files]
    links = find_links(pictures, MAX_DISTANCE, progress=silent)
    return [place.group for place in group_links(len(files), links)]


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and those it starts, to one core: they start but one worker."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    """Group the files that a list names, and write their groups."""
    listed, cache, out = map(Path, sys.argv[1:])
    files = [Path(line) for line in listed.read_text("utf-8").splitlines()]
    out.write_text(json.dumps(group_files(files, cache)), "utf-8")


if __name__ == "__main__":
    main()
