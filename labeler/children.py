"""Child processes beside the server: ``python -m labeler.… --home DIR --set SET``.

Each ends when its standard input does, so that it never outlives the server, however
that ends. The page comes first: they are nice, and leave it half of the processors.
"""

import os
import subprocess
import sys
from typing import IO

from pipeline.home import SetFolder
from pipeline.machine import usable_cores

NICENESS = 10  # the page comes first
# What looks asks for nothing outside: Keras would fetch weights that are not there.
NO_NETWORK = {
    **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
}


def start_module(
    module: str,
    folder: SetFolder,
    out: IO[bytes] | int,
    errors: IO[bytes],
    *,
    is_alone: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a module of ours for a set; its standard input is a pipe.

    Args:
        module: Its dotted name; it takes ``--home`` and ``--set``.
        folder: The set.
        out: Where its standard output goes: a file, or ``subprocess.PIPE``.
        errors: Where its standard error goes.
        is_alone: Whether the network is out of its reach.
    """
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    looking = {"TF_NUM_INTRAOP_THREADS": str(max(1, usable_cores() // 2))}
    order = [sys.executable, "-m", module]
    order += ["--home", str(folder.home), "--set", folder.name]
    return subprocess.Popen(  # noqa: S603  our own module
        order,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=errors,
        env={**os.environ, **one, **looking, **(NO_NETWORK if is_alone else {})},
    )
