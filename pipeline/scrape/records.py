"""Published data → stored photos: records are kept and recorded in batches.

The pictures lie in the files that a source names, so there is nothing to fetch. Of each
batch the files are written and safe on the disk before one transaction records the
candidates with their endings. A run that was killed anywhere is gone on with by the
next; the catalog ends the same, ids in the order of the records.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.catalog import Outcome
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.tables import TAKEN_DOWN
from pipeline.images import ImageFacts, encode_png
from pipeline.scrape.keeping import Keeper
from pipeline.scrape.sources.cifar import read_cifar
from pipeline.scrape.sources.discovery import Discovered, Discovery
from pipeline.scrape.sources.mnist import read_mnist
from pipeline.scrape.sources.parquet import read_parquet
from pipeline.scrape.sources.records import CHUNK, CHUNK_BYTES, Record
from pipeline.settings import CifarSource, MnistSource, ParquetSource
from pipeline.web.addresses import is_recordable
from pipeline.web.answers import RefusedError

# Each yields its records in an order that is always the same; it is given the bytes
# beyond which a file is too large, and need not read further.
RECORDS: Mapping[str, Callable[..., Iterator[Record]]] = {
    "mnist": read_mnist,
    "cifar": read_cifar,
    "parquet": read_parquet,
}
_NAMED = 5  # labels of no category that a note names


def store_records(
    source: MnistSource | CifarSource | ParquetSource,
    discovery: Discovery,
    keeper: Keeper,
) -> Discovered:
    """Keep the pictures of a source, and record how each ended.

    Raises:
        InputError: The source's files are missing, damaged or of another format; what
            was read before stays.
        CatalogError: The catalog or the store can't be written.
    """
    sorting = _Sorting(
        {_normal(name): name for name in discovery.settings.category_names}
    )
    new = 0
    records = RECORDS[source.kind](source, keeper.max_bytes)
    for batch in _batches(sorting.wanted(records)):
        new += _store(batch, source.kind, discovery, keeper)
        discovery.advance(len(batch))
    return Discovered(new=new, notes=tuple(sorting.notes(str(source.path))))


@dataclass
class _Sorting:
    """Tells the records of the set's categories from others, and counts these."""

    names: Mapping[str, str]  # the set's categories, by normalised name
    strangers: Counter[str] = field(default_factory=Counter)  # by label
    unnamed: int = 0  # records whose origin can't be recorded
    met: set[str] = field(default_factory=set)

    def wanted(self, records: Iterable[Record]) -> Iterator[tuple[str, Record]]:
        """Yield the records of a category of the set, with the category."""
        for record in records:
            category = self.names.get(_normal(record.label))
            if category is None:
                self.strangers[record.label] += 1
            elif not _is_text(record.origin):
                self.unnamed += 1
            else:
                self.met.add(category)
                yield category, record

    def notes(self, path: str) -> Iterator[str]:
        """Say what was left out."""
        if self.strangers:
            labels = sorted(self.strangers)
            more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
            yield (
                f"{self.strangers.total():,} records of no category in {path}:"
                f" {', '.join(map(_printed, labels[:_NAMED]))}{more}"
            )
        if self.unnamed:
            yield f"left out for names that can't be recorded: {self.unnamed} in {path}"
        missing = [name for name in self.names.values() if name not in self.met]
        if missing:
            yield f"no record of {', '.join(map(repr, missing))} in {path}"


def _batches(
    records: Iterable[tuple[str, Record]],
) -> Iterator[list[tuple[str, Record]]]:
    """Gather what is worth waiting for the disk once, and fits into memory."""
    batch: list[tuple[str, Record]] = []
    size = 0
    for category, record in records:
        batch.append((category, record))
        size += record.size
        if len(batch) >= CHUNK or size >= CHUNK_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _store(
    batch: Sequence[tuple[str, Record]],
    kind: str,
    discovery: Discovery,
    keeper: Keeper,
) -> int:
    """Keep a batch, but for what has ended before; return the new candidates."""
    candidates = discovery.catalog.candidates
    settled = candidates.ended({record.origin for _, record in batch})
    ended: list[tuple[Found, Ending]] = []
    photos: list[tuple[bytes, ImageFacts]] = []
    for category, record in batch:
        if (category, record.origin) in settled:
            continue
        found = Found(kind, category, record.origin, part=record.part)
        try:
            photo = _examine(record, keeper)
        except RefusedError as error:
            ended.append((found, Ending(0, Outcome.REFUSED, error.reason)))
        else:
            photos.append(photo)
            ended.append((found, Ending(0, Outcome.STORED, facts=photo[1])))
    if not ended:
        return 0
    keeper.keep_all(photos)
    return candidates.add_ended(ended, discovery.now())


def _examine(record: Record, keeper: Keeper) -> tuple[bytes, ImageFacts]:
    """Return a record's file, which is what came where it is one, and its facts.

    Raises:
        RefusedError: It is not wanted, with the reason.
    """
    if keeper.forgotten.has_origin(record.origin):
        raise RefusedError(TAKEN_DOWN)
    content = record.content
    data = content if isinstance(content, bytes) else encode_png(content)
    return data, keeper.examine(data)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _is_text(origin: str) -> bool:
    """Say whether every catalog can hold a file's name."""
    try:
        origin.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in origin and is_recordable(origin)


def _printed(label: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in label)[:80] or "none"
