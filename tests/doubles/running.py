"""Whether a process that nobody here waits for still runs."""

from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended may still await its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
