"""Who answers for what we ask: the contact in the User-Agent.

Sites that mind need somebody to write to, so hosts beyond this machine are asked only
where the set (or ``MEKIKI_CONTACT``) gives a real address: of e-mail, or of a page.
"""

import os
import re
from collections.abc import Iterable
from importlib.metadata import version

from pipeline.errors import SettingsError
from pipeline.settings import SetSettings
from pipeline.web.addresses import host_of, is_this_machine

CONTACT_VARIABLE = "MEKIKI_CONTACT"
_EMAIL = re.compile(r"[!-~]+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
_PAGE = re.compile(
    r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:[:/][!-~]*)?", re.IGNORECASE
)
# Names that no host has (RFC 2606, RFC 6761): they stand where a real one belongs.
_NO_HOSTS = ("example", "invalid", "test", "localhost", "local")
_PLACEHOLDERS = re.compile(r"(?:.*\.)?example\.[a-z]+", re.IGNORECASE)


def contact_of(settings: SetSettings) -> str:
    """Return the usable contact of a set, ``""`` where it has none."""
    written = _written(settings)
    return written if _is_real(written) else ""


def require_contact(settings: SetSettings, urls: Iterable[str]) -> None:
    """Make sure that there is a contact, if any URL is of another machine.

    Raises:
        SettingsError: There is none, or it is no more than a placeholder.
    """
    if contact_of(settings):
        return
    for url in urls:
        host = host_of(url)
        if host and not is_this_machine(host):
            raise SettingsError(
                f"contact in categories.toml (or {CONTACT_VARIABLE}) must be an e-mail"
                f" address or web page of yours before {host} is asked for anything;"
                f" got {_written(settings)!r}"
            )


def user_agent(contact: str) -> str:
    """Return who we say we are."""
    return f"mekiki/{version('mekiki')}" + (f" (+{contact})" if contact else "")


def _written(settings: SetSettings) -> str:
    return (settings.contact or os.environ.get(CONTACT_VARIABLE, "")).strip()


def _is_real(contact: str) -> bool:
    found = _EMAIL.fullmatch(contact) or _PAGE.fullmatch(contact)
    if found is None:
        return False
    domain = found[1].lower()
    return domain.rpartition(".")[2] not in _NO_HOSTS and not (
        _PLACEHOLDERS.fullmatch(domain)
    )
