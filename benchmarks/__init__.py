"""mekiki held against its peers and goals, side by side in one run.

``python -m benchmarks NAME [--quick]``; README.md tells what each one measured.
"""
