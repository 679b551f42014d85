"""Licences of photos: which there are, and what a service's wording of one means.

The slugs are Openverse's, which are Creative Commons' own in lower case: ``by-sa``,
``cc0`` (given up), ``pdm`` (in the public domain).
"""

from collections.abc import Mapping
from types import MappingProxyType

# Slug → the name it is shown by, without a version.
LICENCES: Mapping[str, str] = MappingProxyType(
    {
        "cc0": "CC0",
        "pdm": "Public domain",
        "by": "CC BY",
        "by-sa": "CC BY-SA",
        "by-nd": "CC BY-ND",
        "by-nc": "CC BY-NC",
        "by-nc-sa": "CC BY-NC-SA",
        "by-nc-nd": "CC BY-NC-ND",
    }
)
DEFAULT_LICENCES = ("cc0", "pdm", "by", "by-sa")
