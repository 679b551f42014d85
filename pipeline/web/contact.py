"""Who answers for what we ask: the contact in the User-Agent.

Sites that mind need somebody to write to, so hosts beyond this machine are asked only
where the set (or ``MEKIKI_CONTACT``) gives a real address: of e-mail, of a page, or
several, with ``;`` between them.
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
# What templates write where one's own belongs: you@, your-name@, @your-domain.com.
_YOURS = re.compile(
    r"(?:you|yours?)(?:[-_.]?(?:name|user(?:name)?|e?-?mail|address|contact|bot|page"
    r"|handle|account|id|org|domain|host|site|website|company|shop|store|here))*",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"name|user(?:name)?|e-?mail|first(?:name)?[-_.]last(?:name)?|some(?:body|one)"
    r"|any(?:body|one)|nobody|change[-_.]?(?:me|this)|foo|bar|x+|test(?:er|ing|user)?",
    re.IGNORECASE,
)
_NOWHERE = re.compile(
    r"example|(?:my[-_]?)?domain|change[-_]?(?:me|this)|foo|bar|xx+|website",
    re.IGNORECASE,
)
_SECOND_LEVELS = frozenset({"ac", "co", "com", "go", "ne", "net", "or", "org"})


class ContactError(SettingsError):
    """There is nobody to write to."""


def contact_of(settings: SetSettings) -> str:
    """Return the usable contact of a set, ``""`` where it has none."""
    return next(filter(_is_real, _written(settings)), "")


def require_contact(settings: SetSettings, urls: Iterable[str]) -> None:
    """Make sure that there is a contact, if any URL is of another machine.

    Raises:
        ContactError: There is none, or it is no more than a placeholder.
    """
    if contact_of(settings):
        return
    for url in urls:
        host = host_of(url)
        if host and not is_this_machine(host):
            got = next(filter(None, _written(settings)), "")
            raise ContactError(
                f"contact in categories.toml (or {CONTACT_VARIABLE}) must be an e-mail"
                f" address or web page of yours before {host} is asked for anything;"
                f" got {got!r}"
            )


def user_agent(contact: str) -> str:
    """Return who we say we are, in the form that Wikimedia's policy asks for.

    https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy
    """
    who = f" ({contact})" if contact else ""
    return f"mekiki/{version('mekiki')}{who} requests/{version('requests')}"


def _written(settings: SetSettings) -> tuple[str, str]:
    """Return what the set says, and what the environment does."""
    return settings.contact.strip(), os.environ.get(CONTACT_VARIABLE, "").strip()


def _is_real(contact: str) -> bool:
    return all(map(_is_real_address, re.split(r" *; *", contact)))


def _is_real_address(contact: str) -> bool:
    if email := _EMAIL.fullmatch(contact):
        local = contact.rpartition("@")[0]
        made_up = _YOURS.fullmatch(local) or _NOBODY.fullmatch(local)
        return not made_up and _is_real_host(email[1])
    if page := _PAGE.fullmatch(contact):
        names = re.split(r"[/?&=#@~]+", contact)
        return _is_real_host(page[1]) and not any(map(_YOURS.fullmatch, names))
    return False


def _is_real_host(host: str) -> bool:
    *names, top = host.lower().split(".")
    if top in _NO_HOSTS or "example" in names:
        return False
    if len(names) > 1 and names[-1] in _SECOND_LEVELS:  # shop.co.jp
        names.pop()
    return not (_NOWHERE.fullmatch(names[-1]) or _YOURS.fullmatch(names[-1]))
