"""The team file: who may label here, as what, and who says who they are.

``team.toml`` lies in the home folder, beside ``datasets``, and holds for all its sets.
Where there is none, the labeler is one person's, on this machine alone. Login is by
OpenID Connect (Authorization Code with PKCE); what is secret comes from the
environment, never from the file:

    MEKIKI_OIDC_CLIENT_SECRET   the provider's secret for this client
    MEKIKI_COOKIE_SECRET        signs the login cookie; random at each start if not set

Everything is read once, at the start: somebody who is taken out of the file is out,
with every token, when the labeler starts again.
"""

import difflib
import ipaddress
import secrets
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from labeler.access import Curator, Role
from pipeline.catalog.curators import check_name
from pipeline.errors import SettingsError
from pipeline.settings.values import Frozen, Name, web_address

TEAM_FILE = "team.toml"
CLIENT_SECRET = "MEKIKI_OIDC_CLIENT_SECRET"  # noqa: S105  the variable's name
COOKIE_SECRET = "MEKIKI_COOKIE_SECRET"  # noqa: S105
SHORTEST = 32  # letters of a cookie secret
CALLBACK = "/oauth2callback"  # Streamlit's own route
EMAIL = "email"
_USUAL_PORTS = {"https": ":443", "http": ":80"}
_UNKNOWN_KEY = "extra_forbidden"  # as pydantic calls it


def _safe_address(url: str) -> str:
    parts = urlsplit(web_address(url))
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https:// (http:// on this machine alone)")
    return url


def _origin(url: str) -> str:
    parts = urlsplit(_safe_address(url))
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("must be a scheme, a host and perhaps a port, no more")
    host = parts.netloc.lower()  # as browsers tell an Origin: without the usual port
    return f"{parts.scheme}://{host.removesuffix(_USUAL_PORTS[parts.scheme])}"


def _ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError("must be an IP address of this machine") from error


def _person(written: object) -> object:
    return {"role": written} if isinstance(written, str) else written


class Person(Frozen):
    """What somebody may do, and the name that the journal keeps."""

    role: Role
    name: str = ""  # the address, where none is given


class Oidc(Frozen):
    """Who says who somebody is."""

    client_id: Name
    server_metadata_url: Annotated[str, AfterValidator(_safe_address)]
    claim: Name = EMAIL  # what people are listed by; email must be verified


class Team(Frozen):
    """The file, checked."""

    public_url: Annotated[str, AfterValidator(_origin)]  # what people type
    listen: Annotated[str, AfterValidator(_ip_address)] = "127.0.0.1"
    contact: str = ""  # whom to ask, for those who are turned away
    oidc: Oidc
    people: dict[str, Annotated[Person, BeforeValidator(_person)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        names: set[str] = set()
        for address, person in self.people.items():
            name = check_name(person.name or address)
            if name is None:
                raise ValueError(
                    f"[people] {address}: the name must be 1 to 60 printable letters,"
                    f" other than mekiki, got {person.name or address!r}"
                )
            if name.casefold() in names:
                raise ValueError(f"[people] two people are called {name!r}")
            names.add(name.casefold())
        if len({address.casefold() for address in self.people}) < len(self.people):
            raise ValueError("[people] an address stands there twice")
        return self

    @property
    def public_host(self) -> str:
        """The host name that people type, without a port."""
        return urlsplit(self.public_url).hostname or ""

    def identify(self, claims: Mapping[str, Any]) -> str:
        """Return the address that a login is known by; empty where it proves none.

        An e-mail address counts only where the provider says that it was verified:
        elsewhere anybody may type anybody's.
        """
        if self.oidc.claim == EMAIL and claims.get("email_verified") is not True:
            return ""
        said = claims.get(self.oidc.claim)
        return said if isinstance(said, str) else ""

    def find(self, address: str) -> Curator | None:
        """Return who an address belongs to; ``None`` if it is not on the list."""
        for listed, person in self.people.items():
            if address and listed.casefold() == address.casefold():
                name = check_name(person.name or listed)
                assert name is not None  # noqa: S101  seen to by _tell_apart
                return Curator(name, person.role)
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_team(home: Path) -> Team | None:
    """Read the home folder's team file; ``None`` where there is none.

    Raises:
        SettingsError: One line naming the file, the key and what was expected.
    """
    file = home / TEAM_FILE
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} must be UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    try:
        return Team.model_validate(written)
    except ValidationError as error:
        problems = sorted(  # a key that is missing may be one that is misspelt
            error.errors(include_url=False), key=lambda one: one["type"] != _UNKNOWN_KEY
        )
        raise SettingsError(f"{_explain(problems[0])} ({file})") from error


def take_secrets(team: Team, environment: MutableMapping[str, str]) -> dict[str, str]:
    """Return what Streamlit's login is told; the secrets leave the environment.

    Raises:
        SettingsError: The client's secret is missing, or the cookie's too short.
    """
    client_secret = environment.pop(CLIENT_SECRET, "")
    if not client_secret:
        raise SettingsError(
            f"{TEAM_FILE} asks for a login: set {CLIENT_SECRET} to the secret that"
            f" the provider gave for {team.oidc.client_id}"
        )
    cookie_secret = environment.pop(COOKIE_SECRET, "") or secrets.token_urlsafe(48)
    if len(cookie_secret) < SHORTEST:
        raise SettingsError(
            f"{COOKIE_SECRET} must be {SHORTEST} letters or more, got"
            f" {len(cookie_secret)}; `openssl rand -hex 32` makes one"
        )
    return {
        "redirect_uri": team.public_url + CALLBACK,
        "cookie_secret": cookie_secret,
        "client_id": team.oidc.client_id,
        "client_secret": client_secret,
        "server_metadata_url": team.oidc.server_metadata_url,
    }


_KNOWN: dict[str, type[Frozen]] = {"": Team, "oidc": Oidc, "people": Person}


def _explain(problem: ErrorDetails) -> str:
    """Say one of pydantic's findings in the words of the file."""
    *where, last = [str(step) for step in problem["loc"]] or [""]
    table = f"[{where[0]}] " if where else ""
    table += f"{where[1]}: " if len(where) > 1 else ""
    if problem["type"] == _UNKNOWN_KEY:
        known = sorted(_KNOWN[where[0] if where else ""].model_fields)
        close = difflib.get_close_matches(last, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{table}unknown key {last!r}; {hint}known: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"{table}{last} is missing"
    if problem["type"] == "too_short":
        return (
            f"[{last}] is empty: list who may label, such as"
            ' "hana@example.com" = "curator"'
        )
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = message.replace("should be", "must be").partition(", unable to")[0]
    if not last:
        return message
    return f"{table}{last} {message}, got {problem['input']!r}"
