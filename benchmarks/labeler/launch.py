"""Our labeler with tokens for simulated curators: ``launch.py FOLDER OPTION...``.

Before it serves, it writes ``FOLDER/tokens.json``: a token for each of them. The rest
is ``python -m labeler.server OPTION...``.
"""

import json
import sys
from pathlib import Path

from labeler.access import ACCESS, Curator, Role
from labeler.server import main

CURATORS = tuple(f"Curator {number}" for number in range(1, 21))
TOKENS = "tokens.json"

if __name__ == "__main__":
    where, *options = sys.argv[1:]
    ACCESS.set_name = options[options.index("--set") + 1]
    minted = {name: ACCESS.mint(Curator(name, Role.CURATOR)) for name in CURATORS}
    Path(where, TOKENS).write_text(json.dumps(minted), encoding="utf-8")
    sys.exit(main(options))
