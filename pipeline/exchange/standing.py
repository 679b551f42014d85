"""What the catalog knows now, as handing labels out and taking them in ask for it."""

from dataclasses import dataclass

from pipeline.catalog import Catalog
from pipeline.catalog.opinions import IMPORT
from pipeline.catalog.photos import Photo
from pipeline.catalog.sayings import Saying
from pipeline.catalog.tables import DECIDED
from pipeline.errors import InputError
from pipeline.exchange.deciding import Known, Names, Present
from pipeline.exchange.matching import Finder
from pipeline.exchange.rows import Handed, Sheet
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.settings import SetSettings


@dataclass(frozen=True)
class Standing:
    """The photos of a set, and who said what of them last."""

    photos: list[Photo]
    group_of: dict[str, int]  # of every grouped image, by sha256
    newest: dict[int, tuple[str, Saying]]  # by group: the image spoken of, and how


def read_standing(folder: SetFolder, catalog: Catalog) -> Standing:
    """Read what is true now.

    Raises:
        InputError: The set has no photos, or they are not grouped yet.
    """
    photos = catalog.photos.photos()
    if not photos:
        raise InputError(
            f"{folder.name} has no photos yet that are grouped: run `mekiki scrape"
            f" {folder.name}` first, or `mekiki dedup {folder.name}`"
        )
    group_of = {row.sha256: row.group_id for row in catalog.photos.groupings()}
    newest: dict[int, tuple[str, Saying]] = {}
    for sha256, saying in catalog.sayings.newest().items():
        group = group_of.get(sha256)
        if group is None:
            continue
        if group not in newest or saying.event_id > newest[group][1].event_id:
            newest[group] = (sha256, saying)
    return Standing(photos, group_of, newest)


def handed_out(
    folder: SetFolder, standing: Standing, *, only_decided: bool
) -> list[Handed]:
    """Return the photos to hand out, in the order found."""
    store = ImageStore(folder.images.absolute())
    handed = []
    for photo in standing.photos:
        is_decided = photo.status in DECIDED
        if only_decided and not is_decided:
            continue
        said = standing.newest.get(photo.group_id) if is_decided else None
        saying = said[1] if said else None
        handed.append(
            Handed(
                place=store.path(photo.sha256, photo.extension),
                sha256=photo.sha256,
                origin=photo.origin,
                scraped_as=photo.scraped_as,
                label=photo.label,
                status=photo.status,
                by=saying.user if saying else "",
                at=saying.at if saying else "",
                note=saying.note if saying else "",
                version=photo.version,
            )
        )
    return handed


def known_now(
    catalog: Catalog, settings: SetSettings, standing: Standing, sheet: Sheet
) -> Known:
    """Return what deciding about a file's rows needs."""
    kept_of = {photo.group_id: photo.sha256 for photo in standing.photos}
    kept = {
        sha256: kept_of[group]
        for sha256, group in standing.group_of.items()
        if group in kept_of
    }
    told = catalog.sayings.spoken(client_of(sheet))
    return Known(
        finder=Finder(catalog.takedowns.candidates(), kept),
        names=Names(category.name for category in settings.category),
        present={
            photo.sha256: Present(
                photo.label,
                photo.status,
                photo.version,
                standing.newest.get(photo.group_id),
            )
            for photo in standing.photos
        },
        scraped={image.sha256: image.category for image in catalog.photos.stored()},
        told={word.seq for word in told},
        read_before={
            word.seq for word in told if word.accepted and not word.is_cancelled
        },
    )


def client_of(sheet: Sheet, version: int | None = None) -> str:
    """Return what the journal calls a file; also with the version a word is said of.

    A row that the journal has already is said anew under the latter.
    """
    name = f"{IMPORT}{sheet.digest}"
    return name if version is None else f"{name}-{version}"
