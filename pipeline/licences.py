"""Licences of photos: which there are, and what a service's wording of one means.

The slugs are Openverse's, which are Creative Commons' own in lower case: ``by-sa``,
``cc0`` (given up), ``pdm`` (in the public domain). Read are slugs, names in words,
Wikimedia Commons' codes ("cc-by-sa-3.0-de") and Creative Commons' addresses.
A text counts only where every word of it is understood: "not CC BY" is no CC BY.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

# Slug → the name it is shown by, without a version; from the freest down.
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
UNKNOWN = "licence unknown"  # the reason, where none is stated or it isn't understood

# Never allowed. The first are free in a way of their own, and often offered beside one
# of the above, which then counts; beside the others nothing counts.
_BESIDES = {"gfdl": "GFDL", "no-restrictions": "No restrictions"}
_VETOES = {
    "nc-nd": "NC or ND",  # in a wording that is not understood
    "non-free": "Non-free",
    "sampling": "CC Sampling+",
    "fair-use": "Fair use",
    "reserved": "All rights reserved",
}
_NAMES = {**_BESIDES, **LICENCES, **_VETOES}
_STRICTNESS = {slug: place for place, slug in enumerate(_NAMES)}

# Versions of Creative Commons' licences, and where they were adapted to local law.
_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")
_PLACE = re.compile(
    "am|ar|at|au|az|be|bg|br|ca|ch|cl|cn|co|cr|cz|de|dk|ec|ee|eg|es|fi|fr|ge|gr|gt|hk"
    "|hr|hu|ie|igo|il|in|it|jp|kr|lu|mk|mt|mx|my|ni|nl|no|nz|pe|ph|pl|pr|pt|ro|rs"
    "|scotland|se|sg|si|th|tw|ua|ug|uk|us|ve|vn|za"
)

# Wordings → one word, in this order; texts are in lower case.
_PHRASES = tuple(
    (re.compile(rf"\b(?:{pattern})(?![^\W\d_])"), word)
    for pattern, word in (
        (r"creative[\s-]*commons", " cc "),
        (r"cc[\s-]*(?:zero|0(?![.\d]))|public[\s-]*domain[\s-]*dedication", " cczero "),
        (r"public[\s-]*domain[\s-]*mark", " pdm "),
        (r"public[\s-]*domain", " pd "),
        (r"share[\s-]*alike", " sa "),
        (r"non[\s-]*commercial", " nc "),
        (r"no[\s-]*deriv(?:s|atives?)?(?:[\s-]*works?)?", " nd "),
        (r"gnu[\s-]*free[\s-]*documentation", " gfdl "),
        (r"no[\s-]*(?:known[\s-]*)?(?:copyright[\s-]*)?restrictions", " unrestricted "),
        (r"fair[\s-]*use", " fairuse "),
        (r"non[\s-]*free", " nonfree "),
        (r"all[\s-]*rights[\s-]*reserved", " reserved "),
    )
)
_WHOLE = {  # a word that is a licence by itself → its slug
    "cczero": "cc0",
    "pdm": "pdm",
    "pd": "pdm",
    "gfdl": "gfdl",
    "unrestricted": "no-restrictions",
    "sampling": "sampling",
    "fairuse": "fair-use",
    "nonfree": "non-free",
    "reserved": "reserved",
}
_FILLING = re.compile(
    "a|all|an|and|any|are|deed|disclaimers|dual|file|generic|image|international|is"
    "|later|licen[cs]ed?|licen[cs]es|migrated|multi|of|or|photo|photograph|picture"
    "|public|self|stma|terms|the|this|under|universal|unported|v|version|with|work"
)
_CHOICE = re.compile(r"[,;/|&]|\b(?:or|and|with)\b")  # between what is offered
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_GLUED = re.compile(r"(?:cc)?(?:by)?(?:sa|nc|nd)*")  # "ccbysa"
_ADDRESS = re.compile(r"(?:https?:)?//[^\s()<>]+|\b(?:www\.)?creativecommons\.org/\S+")
_OF_CC = re.compile(
    r"(?:(?:https?:)?//)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)"
    r"/([a-z+-]+)(?:/(\d\.\d))?(?:/([a-z]+)(?![a-z.]))?"
)
_IN_ADDRESS = {
    "zero": "cc0",
    "mark": "pdm",
    "publicdomain": "pdm",
    "certification": "pdm",
    "sampling+": "sampling",
    "nc-sampling+": "sampling",
} | {slug: slug for slug in LICENCES if slug.startswith("by")}


@dataclass(frozen=True)
class Licence:
    """A licence that was understood; only those of ``LICENCES`` can be allowed."""

    slug: str
    version: str = ""  # with where it was adapted to: "4.0", "3.0 DE"

    @property
    def name(self) -> str:
        """The name without the version: "CC BY-SA"."""
        return _NAMES[self.slug]

    @property
    def title(self) -> str:
        """The name with the version: "CC BY-SA 4.0"."""
        if self.slug == "pdm" and self.version:
            return f"Public Domain Mark {self.version}"
        return f"{self.name} {self.version}".rstrip()

    @property
    def url(self) -> str:
        """The address of its text, ``""`` where the version is not known."""
        if not self.version or self.slug not in LICENCES:
            return ""
        kind = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}
        path = kind.get(self.slug, f"licenses/{self.slug}")
        version = self.version.lower().replace(" ", "/")
        return f"https://creativecommons.org/{path}/{version}/"


def parse_licence(
    *stated: str, preferred: Collection[str] = DEFAULT_LICENCES
) -> Licence | None:
    """Return the licence that all statements about one work name together.

    Where one statement offers several licences ("or", a comma), a preferred one counts,
    the freest first. Where what is said contradicts itself, the strictest counts.

    Args:
        stated: Slugs, codes, names, addresses, in any spelling; may be empty.
        preferred: The slugs that are allowed.

    Returns:
        ``None`` where no statement is understood.
    """
    read = [_read(text.lower(), preferred) for text in stated]
    return _strictest(licence for licence in read if licence is not None)


def is_allowed(licence: Licence | None, allowed: Collection[str]) -> bool:
    """Say whether a photo under ``licence`` may be taken."""
    return licence is not None and licence.slug in LICENCES and licence.slug in allowed


def refusal(licence: Licence | None) -> str:
    """Return the reason to record where a photo under ``licence`` is not taken."""
    return f"licence not allowed: {licence.name}" if licence else UNKNOWN


def attribution_line(title: str, author: str, licence: Licence) -> str:
    """Return the line to print beside a photo, worded as Openverse words it."""
    is_given_up = licence.slug in {"cc0", "pdm"}
    work = f'"{title}"' if title else "This work"
    creator = f" by {author}" if author else ""
    how = "is marked with" if is_given_up else "is licensed under"
    line = f"{work}{creator} {how} {licence.title}."
    if licence.url:
        what = "the terms" if is_given_up else "a copy of this license"
        line += f" To view {what}, visit {licence.url}."
    return line


def _strictest(licences: Iterable[Licence]) -> Licence | None:
    """Return the licence that forbids most, as exactly as any of them says it."""
    return max(
        licences,
        key=lambda licence: (_STRICTNESS[licence.slug], len(licence.version)),
        default=None,
    )


def _read(text: str, preferred: Collection[str]) -> Licence | None:
    """Return what one statement, in lower case, comes to."""
    offers = _offers(text)
    if not _CHOICE.search(_ADDRESS.sub(" ", text)):
        return _strictest(offers)

    def order(licence: Licence) -> tuple[bool, bool, int]:
        is_last = licence.slug in _BESIDES
        return is_last, licence.slug not in preferred, _STRICTNESS[licence.slug]

    return min(offers, key=order, default=None)


def _offers(text: str) -> list[Licence]:
    """List the licences that a text names; none where a word is not understood."""
    addresses = _ADDRESS.findall(text)
    rest = _ADDRESS.sub(" ", text)
    for pattern, word in _PHRASES:
        rest = pattern.sub(word, rest)
    words = list(chain.from_iterable(map(_split, _WORD.findall(rest))))
    offers = [*map(_of_address, addresses), *_of_words(words)]
    known = [offer for offer in offers if offer is not None]
    vetoes = [offer for offer in known if offer.slug in _VETOES]
    if None in offers and not vetoes and {"nc", "nd"} & set(words):
        vetoes = [Licence("nc-nd")]
    return vetoes or ([] if None in offers else known)


def _split(word: str) -> list[str]:
    """Take apart what is written as one word: "ccbysa"."""
    if _GLUED.fullmatch(word):
        return re.findall("..", word)
    return [word]


def _of_address(address: str) -> Licence | None:
    found = _OF_CC.match(address)
    if found is None:
        return None
    kind, version, place = found.groups()
    slug = _IN_ADDRESS.get(kind)
    if slug is None:
        return Licence("nc-nd") if {"nc", "nd"} & set(kind.split("-")) else None
    if slug in {"cc0", "pdm"}:  # there is but one version, and an old form without
        return Licence(slug, "1.0" if kind in {"zero", "mark"} else "")
    if slug in _VETOES or not version:
        return Licence(slug)
    if version not in _VERSIONS:
        return None
    is_adapted = place is not None and _PLACE.fullmatch(place)
    return Licence(slug, f"{version} {place.upper()}" if is_adapted else version)


def _of_words(words: list[str]) -> Iterator[Licence | None]:
    """Yield the licences that words name, ``None`` for what is not understood."""
    is_named = "cc" in words
    group = _Group()
    for word in words:
        if word in {"by", "attribution", "cc"} or word in _WHOLE:
            yield from group.close(is_named=is_named)
            group = _Group(word)
        elif not (group.takes(word) or _FILLING.fullmatch(word)):
            yield None
    yield from group.close(is_named=is_named)


class _Group:
    """Words that name one licence: "cc by sa 3.0 de"."""

    def __init__(self, first: str = "cc") -> None:
        self._first = first
        self._elements: set[str] = set()
        self._versions: list[str] = []
        self._place = ""

    def takes(self, word: str) -> bool:
        """Say whether a word belongs here, and keep it if so."""
        if word in {"sa", "nc", "nd"}:
            self._elements.add(word)
            return True
        if word[0].isdecimal():
            version = word if "." in word else f"{word}.0"
            self._versions.append(version)
            return version in _VERSIONS or _WHOLE.get(self._first) in _BESIDES
        if self._versions and not self._place and _PLACE.fullmatch(word):
            self._place = f" {word.upper()}"
            return True
        return False

    def close(self, *, is_named: bool) -> Iterator[Licence | None]:
        """Yield the licence, or ``None`` where the words don't make one."""
        newest = max(self._versions, default="")
        is_bare = not self._elements and not newest
        if self._first == "cc":
            if not is_bare:  # "cc" alone goes before another word
                yield None
        elif self._first in _WHOLE:
            slug = _WHOLE[self._first]
            if self._first in {"cczero", "pdm"}:
                newest = "1.0"  # there is no other
            elif slug == "pdm" and newest != "1.0":
                newest = ""
            yield Licence(slug, newest if slug in LICENCES else "")
            if self._elements:
                yield None
        elif self._first == "attribution" and not (is_named or newest):
            yield None  # a licence of that name is not Creative Commons'
        else:
            order = [one for one in ("nc", "nd", "sa") if one in self._elements]
            slug = "-".join(("by", *order))
            yield Licence(slug, newest + self._place) if slug in LICENCES else None
