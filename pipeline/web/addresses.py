"""Which addresses may be connected to, and which of them are this machine's.

A *public* address is one that any machine of the internet means the same host by:
not private, loopback, link-local, multicast or reserved, also not inside an address
that carries another one (IPv4 in IPv6, 6to4, NAT64, Teredo).
"""

import ipaddress
import re
import unicodedata
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from requests import PreparedRequest, RequestException

_ROUNDS = 8  # one encoding lies within another only so often where nobody means harm
_PORTS = {"http": ":80", "https": ":443"}
_LONGEST = 2048  # bytes of a URL; an index of PostgreSQL takes 2704 with the category
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")  # a percent sign that encodes nothing
_SLASHES = re.compile("//+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


def is_public(address: str) -> bool:
    """Say whether an IP address, as text, is one of the public internet's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])  # without the IPv6 zone
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo is not None:
            carried = ip.teredo[1]
        if carried is not None:
            return is_public(str(carried))
        if ip.is_site_local:  # fec0::/10, a private network's of old
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_this_machine(host: str) -> bool:
    """Say whether a URL's host names the machine we run on."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_known_private(host: str) -> bool:
    """Say whether a URL's host is not of the internet, as far as its name tells."""
    if is_this_machine(host):
        return True
    try:
        return not is_public(str(ipaddress.ip_address(host.strip("[]"))))
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Return the host in an http(s) URL, ``""`` where there is none."""
    try:
        parts = urlsplit(url)
        is_odd = any(map(_is_odd, parts.netloc)) or parts.port == 0
    except ValueError:  # brackets that don't match, a port that is no number
        return ""
    is_web = parts.scheme in {"http", "https"} and not is_odd
    return (parts.hostname or "") if is_web else ""


def is_recordable(url: str) -> bool:
    """Say whether a URL is short enough for every catalog."""
    return len(url.encode("utf-8", "replace")) <= _LONGEST


def netloc_of(url: str) -> str:
    """Return the host in a URL, with the port where it is written."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def names_user(url: str) -> bool:
    """Say whether a URL with a host names a user, with or without a password."""
    return bool(host_of(url)) and "@" in urlsplit(url).netloc


def canonical_url(url: str) -> str | None:
    """Return an http(s) address as it is sent; ``None`` where it is none of the web.

    What is judged must be what is sent, so everything that sending would change is
    changed here, until nothing changes any more: no fragment, no default port, scheme
    and host in lower case, the host's name and all foreign letters encoded, nothing
    encoded that needs no encoding, no ``.`` and ``..`` (RFC 3986, 6.2.2). A ``..`` that
    only a server would see, behind an encoded slash, makes it none; so does a password,
    which would be published beside the photo.
    """
    request = PreparedRequest()
    try:
        for _ in range(_ROUNDS):
            url.encode()  # half a sign, as broken JSON has them, can't be sent
            if not host_of(url) or names_user(url):
                return None
            url = _STRAY.sub("%25", url)
            request.prepare_url(urldefrag(url).url, None)
            sent = _without_default_port(str(request.url))
            if sent == url:
                return None if _climbs(url) else url
            url = sent
    except (ValueError, RequestException):
        return None
    return None  # it never ends changing


def join_url(base: str, written: str) -> str | None:
    """Return what a link on the page ``base`` leads to, as it is sent.

    ``None`` where it is no address of the web.
    """
    try:
        return canonical_url(urljoin(base, written.strip()))
    except ValueError:
        return None


def readings_of(url: str) -> set[str]:
    """Return a sent address, and what some servers take it for.

    Many read several slashes as one (nginx does, unless told otherwise), others don't.
    """
    parts = urlsplit(url)
    return {url, parts._replace(path=_SLASHES.sub("/", parts.path)).geturl()}


def _without_default_port(url: str) -> str:
    """Drop the port that goes without saying."""
    parts = urlsplit(url)
    netloc = parts.netloc.removesuffix(_PORTS[parts.scheme]).removesuffix(":")
    return parts._replace(netloc=netloc).geturl()


def _climbs(url: str) -> bool:
    return ".." in unquote(urlsplit(url).path).replace("\\", "/").split("/")


def _is_odd(sign: str) -> bool:
    """Say whether a sign stands in no host: others may read another host there."""
    return sign == "\\" or sign.isspace() or unicodedata.category(sign) == "Cc"
