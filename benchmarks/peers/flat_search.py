"""faiss, exact and flat, in a venv of its own: ``flat_search.py HASHES BITS OUT``.

HASHES is a .npy of uint64, BITS the distance that pairs may have; OUT becomes an .npz
with ``i < j`` of the pairs, and the CPU seconds that index and search took, one thread.
"""

import sys
import time

import faiss  # type: ignore[import-not-found]
import numpy as np


def main() -> None:
    """Search, and write the pairs."""
    path, bits, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    hashes = np.load(path)
    faiss.omp_set_num_threads(1)
    began = time.process_time()
    rows = hashes.view(np.uint8).reshape(-1, 8)
    index = faiss.IndexBinaryFlat(64)
    index.add(rows)
    starts, _, found = index.range_search(rows, bits + 1)  # closer than, not up to
    i = np.repeat(np.arange(len(rows)), np.diff(starts.astype(np.int64)))
    ordered = i < found
    i, j = i[ordered], found[ordered]
    np.savez(out, cpu_s=time.process_time() - began, i=i, j=j)


if __name__ == "__main__":
    main()
