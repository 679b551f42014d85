"""What Commons says of a photo in ``extmetadata``: values as odd as the real ones."""

from collections.abc import Sequence
from html import escape

from tests.doubles.services.items import licence_url
from tests.doubles.services.world import Photo


def extmetadata(photo: Photo, wanted: Sequence[str] = ()) -> dict[str, object]:
    """Return the values by name, those that are ``wanted``, or all.

    Most are HTML; a value can be a number or one text a language, and a name can be
    absent.
    """
    values: dict[str, object] = {
        "DateTime": "2015-03-04 05:06:07",
        "ObjectName": photo.title,
        "CommonsMetadataExtension": 1.2,
        "Categories": "|".join(photo.tags),
        "Assessments": "",
        "ImageDescription": {"en": f"<b>{escape(photo.title)}</b>", "_type": "lang"},
        "Credit": '<span class="int-own-work" lang="en">Own work</span>',
        "Copyrighted": "False" if photo.licence in ("cc0", "pdm") else "True",
        "Restrictions": "",
        **_licence(photo),
    }
    if photo.creator is not None:
        name = escape(photo.creator)
        values["Artist"] = f'<a href="//commons.wikimedia.org/wiki/User:X">{name}</a>'
    values |= photo.extmetadata
    return {
        name: {"value": value, **_source(name)}
        for name, value in values.items()
        if value is not ... and (not wanted or name in wanted)
    }


def _licence(photo: Photo) -> dict[str, object]:
    slug, version = photo.licence, photo.licence_version
    if slug == "pdm":  # such files have no LicenseUrl
        name = "Public domain"
        return _named(name, "pd", name) | {"AttributionRequired": "false"}
    if slug == "cc0":
        terms = "Creative Commons Zero, Public Domain Dedication"
        values = _named("CC0", "cc0", terms) | {"AttributionRequired": "false"}
        return values | {"LicenseUrl": licence_url(photo)}
    if slug == "fair-use":
        values = _named("Fair use", "fair use", "Fair use of copyrighted material")
        return values | {"NonFree": "true"}
    if slug == "gfdl":
        values = _named("GFDL", "gfdl", "GNU Free Documentation License")
        return values | {"LicenseUrl": "https://www.gnu.org/copyleft/fdl.html"}
    name = f"CC {slug.upper()} {version}"
    terms = f"Creative Commons {slug.upper()} {version}"
    values = _named(name, f"cc-{slug}-{version}", terms)
    return values | {"LicenseUrl": licence_url(photo), "AttributionRequired": "true"}


def _named(short_name: str, code: str, terms: str) -> dict[str, object]:
    return {"LicenseShortName": short_name, "License": code, "UsageTerms": terms}


def _source(name: str) -> dict[str, str]:
    if name == "CommonsMetadataExtension":
        return {"source": "extension", "hidden": ""}
    if name in ("Categories", "Assessments"):
        return {"source": "commons-categories", "hidden": ""}
    return {"source": "commons-desc-page"}
