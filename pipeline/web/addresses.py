"""Which addresses may be connected to, and which of them are this machine's.

A *public* address is one that any machine of the internet means the same host by:
not private, loopback, link-local, multicast or reserved, also not inside an address
that carries another one (IPv4 in IPv6, 6to4, NAT64, Teredo).
"""

import ipaddress
from urllib.parse import quote, urldefrag, urljoin, urlsplit

_KEPT_IN_URL = "%/:?#[]@!$&'()*+,;=~|"  # what may stand there, or is encoded already
_LONGEST = 2048  # bytes of a URL; an index of PostgreSQL takes 2704 with the category
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


def host_of(url: str) -> str:
    """Return the host in an http(s) URL, ``""`` where there is none."""
    try:
        parts = urlsplit(url)
        is_odd = any(sign.isspace() for sign in parts.netloc) or parts.port == 0
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


def join_url(base: str, written: str) -> str | None:
    """Return what a link on the page ``base`` leads to, as one would send it.

    Without its fragment, spaces and foreign letters percent-encoded; ``None`` where it
    is no address of the web.
    """
    try:
        url = urldefrag(urljoin(base, written.strip())).url
        return quote(url, safe=_KEPT_IN_URL) if host_of(url) else None
    except ValueError:
        return None
