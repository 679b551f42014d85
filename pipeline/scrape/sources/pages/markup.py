"""A page's bytes → its text, its elements and the addresses in it."""

import codecs
import re
import warnings
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from bs4.exceptions import ParserRejectedMarkup

from pipeline.errors import InputError
from pipeline.web.addresses import is_recordable, join_url

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What pages call by these names is, in truth, the wider Windows one (WHATWG).
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932"}
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Markup:
    """A parsed page; ``base`` is what its relative addresses start from."""

    soup: BeautifulSoup
    url: str
    base: str

    def address(self, written: object) -> str | None:
        """Return an attribute's address as an absolute http(s) URL, else ``None``.

        ``None`` also where it is longer than a catalog can hold.
        """
        if not isinstance(written, str) or not written.strip():
            return None
        url = join_url(self.base, re.sub(r"[\t\r\n]", "", written))
        return url if url and is_recordable(url) else None


def read_markup(body: bytes, url: str, content_type: str = "") -> Markup:
    """Parse a page.

    Args:
        body: HTML in whatever encoding.
        url: Where it came from, after redirects.
        content_type: As the server says; its charset counts before the page's own.

    Raises:
        InputError: It can't be parsed as HTML.
    """
    text = decode_page(body, content_type)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # XML, or a lone file name, in HTML's place
            soup = BeautifulSoup(text, "html.parser")
    except (ParserRejectedMarkup, RecursionError, ValueError) as error:
        raise InputError("not an HTML page that can be parsed") from error
    plain = Markup(soup, url, url)
    tag = soup.find("base", href=True)
    base = plain.address(tag["href"]) if isinstance(tag, Tag) else None
    return Markup(soup, url, base or url)


def decode_page(body: bytes, content_type: str) -> str:
    """Decode a page: byte order mark, then header, then the page's own word."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    in_header = _IN_HEADER.search(content_type)
    declared = in_header[1] if in_header else _declared(body)
    for said in (declared, "utf-8"):
        try:
            if said:
                known = codecs.lookup(said).name
                return body.decode(_MEANT.get(known, known), "strict")
        except (LookupError, UnicodeError):  # some codecs of Python decode nothing
            continue
    return _decode_anyhow(body, declared)


def plain_text(words: object) -> str:
    """Return words for people on one line, and such that a catalog can hold them.

    Pages contain NUL characters, and escapes of half a character in their JSON.
    """
    whole = str(words or "").encode("utf-8", "replace").decode("utf-8")
    return " ".join(whole.replace("\0", " ").split())


def _declared(body: bytes) -> str | None:
    found = EncodingDetector.find_declared_encoding(body[:4096], is_html=True)
    name = str(found or "").lower()
    # A page that can be read so far as ASCII is not UTF-16, whatever it says.
    return None if not name or name.startswith("utf-16") else name


def _decode_anyhow(body: bytes, declared: str | None) -> str:
    """Decode with what was declared, wrong bytes replaced."""
    try:
        known = codecs.lookup(declared or "cp1252").name
        return body.decode(_MEANT.get(known, known), "replace")
    except (LookupError, UnicodeError):
        return body.decode("utf-8", "replace")
