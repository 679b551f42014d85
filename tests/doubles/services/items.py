"""A photo as Openverse's API shows it."""

from tests.doubles.services.world import Photo

LICENCES = (
    "by",
    "by-sa",
    "by-nd",
    "by-nc",
    "by-nc-sa",
    "by-nc-nd",
    "cc0",
    "pdm",
    "sampling+",
    "nc-sampling+",
)


def item(photo: Photo, api_url: str, file_url: str) -> dict[str, object]:
    """Return the fields of one result, in the order in which they come."""
    on_commons = photo.site == "commons"
    source = "wikimedia" if on_commons else "flickr"
    detail = f"{api_url}images/{photo.uuid}/"
    fields: dict[str, object] = {
        "id": photo.uuid,
        "title": photo.title,
        "indexed_on": "2024-05-06T07:08:09.123456Z",
        "foreign_landing_url": _landing_url(photo),
        "url": file_url,
        "creator": photo.creator,
        "creator_url": _creator_url(photo),
        "license": photo.licence,
        "license_version": photo.licence_version,
        "license_url": licence_url(photo),
        "provider": source,
        "source": source,
        "category": "photograph",
        "filesize": None,
        "filetype": photo.filetype,
        "tags": [
            {"name": tag, "accuracy": None, "unstable__provider": source}
            for tag in photo.tags
        ],
        "attribution": attribution(photo),
        "fields_matched": ["title"],
        "mature": False,
        "height": photo.height,
        "width": photo.width,
        "thumbnail": f"{detail}thumb/",
        "detail_url": detail,
        "related_url": f"{detail}related/",
        "unstable__sensitivity": [],
    }
    return {
        name: photo.fields.get(name, value)
        for name, value in fields.items()
        if photo.fields.get(name, value) is not ...
    }


def licence_url(photo: Photo) -> str:
    """Return the address of the licence's deed."""
    base = "https://creativecommons.org"
    if photo.licence == "cc0":
        return f"{base}/publicdomain/zero/{photo.licence_version}/"
    if photo.licence == "pdm":
        return f"{base}/publicdomain/mark/{photo.licence_version}/"
    return f"{base}/licenses/{photo.licence}/{photo.licence_version}/"


def licence_name(photo: Photo) -> str:
    names = {"cc0": "CC0", "pdm": "Public Domain Mark"}
    name = names.get(photo.licence, f"CC {photo.licence.upper()}")
    return f"{name} {photo.licence_version}"


def attribution(photo: Photo) -> str:
    """Return the line that is to stand beside the photo."""
    by = f" by {photo.creator}" if photo.creator else ""
    free = photo.licence in ("cc0", "pdm")
    verb = "is marked with" if free else "is licensed under"
    to_view = "view the terms" if free else "view a copy of this license"
    name, url = licence_name(photo), licence_url(photo)
    return f'"{photo.title}"{by} {verb} {name}. To {to_view}, visit {url}.'


def _landing_url(photo: Photo) -> str:
    if photo.site == "commons":
        return f"https://commons.wikimedia.org/w/index.php?curid={photo.number}"
    return f"https://www.flickr.com/photos/{_slug(photo)}/{photo.number}"


def _creator_url(photo: Photo) -> str | None:
    if photo.creator is None:
        return None
    if photo.site == "commons":
        return f"https://commons.wikimedia.org/wiki/User:{_slug(photo)}"
    return f"https://www.flickr.com/photos/{_slug(photo)}"


def _slug(photo: Photo) -> str:
    return f"{sum((photo.creator or '').encode()):x}"
