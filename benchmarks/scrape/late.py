"""A file server that answers each request so many seconds after it came.

``python late.py ROOT PORT SECONDS LOG``: GET and HEAD over HTTP/1.1 on loopback,
connections kept, many requests at a time. LOG gets a line ``STATUS PATH`` a request.
"""

import asyncio
import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

_TYPES = {".jpg": "image/jpeg", ".txt": "text/plain"}


async def serve(root: Path, port: int, latency_s: float, log: TextIO) -> None:
    """Serve until the process is ended."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while await _answer_one(reader, writer, root, latency_s, log):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has what it wanted
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


async def _answer_one(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    root: Path,
    latency_s: float,
    log: TextIO,
) -> bool:
    """Answer a request; say whether the connection is kept for another."""
    loop = asyncio.get_running_loop()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    due = loop.time() + latency_s
    method, path, _ = head.split(" ", 2)
    file = root / unquote(path.partition("?")[0]).lstrip("/")
    is_there = file.is_file() and root in file.resolve().parents
    status = "200 OK" if is_there else "404 Not Found"
    size = file.stat().st_size if is_there else 0
    kind = _TYPES.get(file.suffix, "application/octet-stream")
    log.write(f"{status[:3]} {path}\n")
    await asyncio.sleep(due - loop.time())
    writer.write(
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n"
        "\r\n".encode("latin-1")
    )
    if is_there and method == "GET":
        await writer.drain()
        with file.open("rb") as body:
            await loop.sendfile(writer.transport, body)
    await writer.drain()
    return "connection: close" not in head.lower()


def main() -> None:
    """Serve as the command line says."""
    root, port, latency_s, log = sys.argv[1:]
    with Path(log).open("a", buffering=1, encoding="utf-8") as file:
        asyncio.run(serve(Path(root).resolve(), int(port), float(latency_s), file))


if __name__ == "__main__":
    main()
