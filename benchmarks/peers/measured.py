"""Run a command and write what it cost: ``python measured.py OUT.json COMMAND...``.

A process of its own, and a small one: what a process reports as its peak of memory
begins with that of the process which started it.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the command, and end with its exit code."""
    out, *command = sys.argv[1:]
    began = time.monotonic()
    code = subprocess.call(command)
    wall_s = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "code": code,
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }
    Path(out).write_text(json.dumps(cost), "utf-8")
    sys.exit(code)


main()
