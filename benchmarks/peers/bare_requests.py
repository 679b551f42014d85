"""The least a downloader can do: ``python bare_requests.py URLS.txt OUT THREADS``.

A requests session shared by threads; the bytes that come are written to files. No
robots.txt, no limit of size, no check of what came.
"""

import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

TIMEOUT_S = 20


def main() -> None:
    """Download every address of the list."""
    urls, out, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    out.mkdir(parents=True)
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))

    def download(numbered: tuple[int, str]) -> None:
        number, url = numbered
        answer = session.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        (out / f"{number:05}.jpg").write_bytes(answer.content)

    with ThreadPool(threads) as pool:
        pool.map(download, enumerate(urls.read_text("utf-8").split()), chunksize=1)


main()
