"""``python -m pipeline.cli``: the same command line."""

from pipeline.cli import main

main()
