"""The search services of a set: how each is read, asked, and what it grants."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.home import SetFolder
from pipeline.scrape.filling import Service
from pipeline.scrape.plan import Allowance
from pipeline.scrape.sources.commons import Commons
from pipeline.scrape.sources.openverse import Openverse
from pipeline.scrape.sources.search import Search
from pipeline.settings import SEARCHES, SetSettings
from pipeline.web.addresses import host_of, is_known_private, netloc_of
from pipeline.web.api import Api
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import ID_VARIABLE, SECRET_VARIABLE, Key
from pipeline.web.quota import Quota
from pipeline.web.services import (
    ANONYMOUS,
    COMMONS_VARIABLE,
    OPENVERSE_VARIABLE,
    REGISTERED,
    WIKIMEDIA,
    WIKIMEDIA_SPACING_S,
    commons_url,
    openverse_url,
)
from pipeline.web.timing import Timing


def planned_searches(
    folder: SetFolder, settings: SetSettings, timing: Timing
) -> Mapping[str, tuple[Search, Allowance]]:
    """Return the searches that a set asks, by kind, and what they grant now."""
    planned = {}
    for search in _searches(settings):
        quota = _quota(search, quotas_of(folder), timing, lambda _seconds: None)
        allowance = Allowance(quota.per_day, quota.left_today)
        planned[search.kind] = (search, allowance)
    return planned


def quotas_of(folder: SetFolder) -> Path:
    """Return where the calls made are kept: they are granted to us, not to a set."""
    return folder.home / "datasets" / ".quotas"


def open_services(
    settings: SetSettings, fetcher: Fetcher, timing: Timing, quotas: Path | None
) -> list[Service]:
    """Return the services that a set asks, in the order of its file.

    ``quotas`` keeps the calls; ``None`` where none is really made.
    """
    return [
        Service(search, _api(search, quotas, fetcher, timing).get_json)
        for search in _searches(settings)
    ]


def asked_services(settings: SetSettings) -> list[str]:
    """Return the kinds of search that a set asks, in the order of its file."""
    kinds = dict.fromkeys(source.kind for source in settings.source)
    return [kind for kind in kinds if kind in SEARCHES]


def check_addresses(settings: SetSettings) -> None:
    """Make sure that the services lie where the set may go.

    Raises:
        SettingsError: One was moved to a private address, and those are not allowed.
    """
    places = {"commons": (COMMONS_VARIABLE, commons_url)}
    places["openverse"] = (OPENVERSE_VARIABLE, openverse_url)
    for kind in asked_services(settings):
        variable, url_of = places[kind]
        host = host_of(url := url_of())
        if not settings.scrape.allow_private and is_known_private(host):
            raise SettingsError(
                f"{variable} leads to a private address ({url}); set allow_private ="
                " true under [scrape] in categories.toml, or unset the variable"
            )


def _searches(settings: SetSettings) -> list[Search]:
    return [_search(kind, settings) for kind in asked_services(settings)]


def _search(kind: str, settings: SetSettings) -> Search:
    licences = settings.scrape.licences
    if kind == "commons":
        return Commons(commons_url(), licences, settings.train.image_size)
    return Openverse(openverse_url(), licences, is_registered=bool(_credentials()))


def _api(search: Search, quotas: Path | None, fetcher: Fetcher, timing: Timing) -> Api:
    quota = _quota(search, quotas, timing, fetcher.wait)
    if isinstance(search, Commons):
        return Api(fetcher, quota, timing, rests=True)
    key = None
    if credentials := _credentials():
        token_url = f"{openverse_url()}auth_tokens/token/"
        key = Key(fetcher, token_url, *credentials, timing)
    return Api(fetcher, quota, timing, key=key)


def _quota(
    search: Search, quotas: Path | None, timing: Timing, wait: Callable[[float], None]
) -> Quota:
    if isinstance(search, Commons):
        file = _kept_in(quotas, "commons", commons_url())
        spacing_s = WIKIMEDIA_SPACING_S
        return Quota("commons", WIKIMEDIA, file, timing, wait, spacing_s=spacing_s)
    name = "openverse-key" if _credentials() else "openverse"
    rates = REGISTERED if _credentials() else ANONYMOUS
    file = _kept_in(quotas, name, openverse_url())
    return Quota("openverse", rates, file, timing, wait)


def _kept_in(quotas: Path | None, name: str, url: str) -> Path | None:
    """Return the file of a service's calls; of another host they are others."""
    host = netloc_of(url).replace(":", "_")
    return quotas / f"{name}-{host}.json" if quotas else None


def _credentials() -> tuple[str, str] | None:
    """Return the id and the secret of Openverse's key, where they are given.

    Raises:
        SettingsError: Only one of them is.
    """
    given = os.environ.get(ID_VARIABLE, ""), os.environ.get(SECRET_VARIABLE, "")
    if any(given) and not all(given):
        raise SettingsError(
            f"{ID_VARIABLE} and {SECRET_VARIABLE} belong together: one of them is not"
            " set; set both, or neither to ask Openverse as a stranger"
        )
    return given if all(given) else None
