"""Bytes → the store, or the reason why not: the same for every kind of source."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Semaphore

from pipeline.catalog.forgetting import Forgotten
from pipeline.catalog.tables import TAKEN_DOWN
from pipeline.errors import CatalogError, ImageError
from pipeline.home import SetFolder
from pipeline.images import ImageFacts, ImageStore, inspect_image
from pipeline.machine import usable_cores
from pipeline.settings import SetSettings
from pipeline.web.answers import RefusedError
from pipeline.web.fetch import MEGABYTE

# Decoding takes cores and memory: as many photos at once as there are cores, while the
# other threads fetch and write.
_DECODING = Semaphore(usable_cores())


@dataclass(frozen=True)
class Keeper:
    """Judges photos by their bytes and keeps them; safe to use from several threads."""

    store: ImageStore
    min_side: int  # pixels
    max_bytes: int
    forgotten: Forgotten

    def examine(self, data: bytes) -> ImageFacts:
        """Return the facts of a photo that is wanted.

        Raises:
            RefusedError: It is not, with the reason.
        """
        if len(data) > self.max_bytes:
            raise RefusedError(f"more than {self.max_bytes / MEGABYTE:g} MB")
        try:
            with _DECODING:
                facts = inspect_image(data)
        except ImageError as error:
            raise RefusedError(str(error)) from error
        if self.forgotten.has_sha256(facts.sha256):
            raise RefusedError(TAKEN_DOWN)
        if min(facts.width, facts.height) < self.min_side:
            raise RefusedError(f"smaller than {self.min_side} px")
        return facts

    def keep(self, data: bytes) -> ImageFacts:
        """Put a photo into the store, if it is one that is wanted.

        Raises:
            RefusedError: It is not, with the reason.
            CatalogError: The store can't be written.
        """
        facts = self.examine(data)
        try:
            self.store.put(data, facts)
        except OSError as error:
            raise self._unwritable(error) from error
        return facts

    def keep_all(self, photos: Sequence[tuple[bytes, ImageFacts]]) -> None:
        """Put photos that were examined into the store, all at once.

        Raises:
            CatalogError: The store can't be written.
        """
        try:
            self.store.put_all(photos)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"{self.store.root} can't be written: {error.strerror}; what is stored is"
            " kept, and the same command goes on"
        )


def keeper_for(
    folder: SetFolder, settings: SetSettings, forgotten: Forgotten
) -> Keeper:
    """Return what keeps the photos of a set, within its limits."""
    return Keeper(
        ImageStore(folder.images),
        settings.scrape.min_side,
        int(settings.scrape.max_megabytes * MEGABYTE),
        forgotten,
    )
