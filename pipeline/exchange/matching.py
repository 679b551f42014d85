"""Which photo of the set a file means, however it names it.

In this order: the sha256 of its bytes; the address or path it came from; an address or
a path whose last name is that sha256, as in our store; the name of the file it came
from. Where several photos have that name, the one whose folders agree the longest is
meant. An address of the web is never taken for another that ends alike.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.catalog.forgetting import Met
from pipeline.exchange.rows import Row

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCAL_FILES = "/data/local-files/"  # Label Studio's address of a file it serves
_UPLOAD = "/data/upload/"  # and of one that was uploaded to it
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # what it makes of the file's name


@dataclass(frozen=True, slots=True)
class Meant:
    """The photo a row means: the image that it names, and the one kept of its group."""

    named: str  # sha256
    kept: str  # sha256


class Finder:
    """Looks photos up by what files call them."""

    def __init__(self, met: Iterable[Met], kept: Mapping[str, str]) -> None:
        """Take what is known of a set.

        Args:
            met: Every candidate.
            kept: The sha256 of every grouped image → that of its group's kept one.
        """
        self._kept = kept
        self._origins: dict[str, set[str]] = {}
        self._names: dict[str, dict[str, set[str]]] = {}  # file name → path → sha256s
        for one in met:
            if one.sha256 not in kept:
                continue
            for origin in {one.origin, one.final_url} - {""}:
                self._origins.setdefault(origin, set()).add(one.sha256)
            path = _path_of_origin(one.origin)
            paths = self._names.setdefault(_last(path), {})
            paths.setdefault(path, set()).add(one.sha256)

    def find(self, row: Row) -> Meant | str:
        """Return the photo that a row means, or why none can be told."""
        if row.sha256:
            if row.sha256 in self._kept:
                return Meant(row.sha256, self._kept[row.sha256])
            return f"sha256 {row.sha256[:12]}"
        for name in (row.image, row.origin):
            for said in dict.fromkeys((name, name.strip())):
                found = self._named(said) if said else set()
                kept = {self._kept[sha256] for sha256 in found}
                if len(kept) == 1:
                    return Meant(min(found), kept.pop())
                if kept:
                    return f"{said!r}, which {len(kept)} photos are called"
        return repr(row.image.strip() or row.origin.strip())

    def _named(self, said: str) -> set[str]:
        if exact := self._origins.get(said):
            return exact
        path = path_of(said)
        stem = PurePosixPath(path).stem.lower()
        if _SHA256.fullmatch(stem) and stem in self._kept:
            return {stem}
        if _is_web(said) and path == urlsplit(said).path and _UPLOAD not in path:
            return set()
        for tried in _readings(path):
            if paths := self._names.get(_last(tried)):
                return _closest(tried, paths)
        return set()


def path_of(said: str) -> str:
    """Return the path in an address or a path: Label Studio's own are undone."""
    parts = urlsplit(said) if "?" in said or "://" in said else None
    if parts is not None and parts.path.endswith(_LOCAL_FILES):
        asked = parse_qs(parts.query).get("d", [""])
        return asked[0].replace("\\", "/")
    if parts is not None and parts.scheme and parts.netloc:
        return unquote(parts.path) if not _is_web(said) else parts.path
    return said.replace("\\", "/")


def _readings(path: str) -> list[str]:
    """Return a path as it is, unquoted, and as it was before an upload."""
    readings = [path, unquote(path)]
    if _UPLOAD in f"/{path}":
        readings += [
            found[1]
            for found in map(_UPLOADED.fullmatch, map(_last, readings[:2]))
            if found
        ]
    return list(dict.fromkeys(readings))


def _closest(path: str, paths: Mapping[str, set[str]]) -> set[str]:
    """Return the photos whose path agrees with one the longest, from its end."""
    if len(paths) == 1:
        return next(iter(paths.values()))
    agreeing: dict[int, set[str]] = {}
    mine = path.split("/")[::-1]
    for other, sha256s in paths.items():
        agreed = 0
        for one, two in zip(mine, other.split("/")[::-1], strict=False):
            if one != two:
                break
            agreed += 1
        agreeing.setdefault(agreed, set()).update(sha256s)
    return agreeing[max(agreeing)]


def _path_of_origin(origin: str) -> str:
    return unquote(urlsplit(origin).path) if _is_web(origin) else origin


def _is_web(said: str) -> bool:
    return said.lower().startswith(("http://", "https://"))


def _last(path: str) -> str:
    return path.rpartition("/")[2]
