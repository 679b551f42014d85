"""Where the search services are, and what they grant; both can be elsewhere.

``MEKIKI_OPENVERSE_URL`` and ``MEKIKI_COMMONS_URL`` move them: to a mirror, or to what
plays them in a test.
"""

import os
from urllib.parse import urlsplit

from pipeline.errors import SettingsError
from pipeline.web.addresses import host_of
from pipeline.web.rates import DAY_S, Rate

OPENVERSE_VARIABLE = "MEKIKI_OPENVERSE_URL"
COMMONS_VARIABLE = "MEKIKI_COMMONS_URL"
# What is granted as far as is known; the answers correct it.
ANONYMOUS = (Rate(20, 60.0), Rate(200, DAY_S))
REGISTERED = (Rate(100, 60.0), Rate(10_000, DAY_S))
WIKIMEDIA = (Rate(200, 60.0),)
WIKIMEDIA_SPACING_S = 0.25  # less than five calls a second


def openverse_url() -> str:
    """Return the address below which Openverse's API lies; it ends in a slash.

    Raises:
        SettingsError: The variable that moves it holds no web address.
    """
    url = _address(OPENVERSE_VARIABLE, "https://api.openverse.org/v1/")
    return f"{url if urlsplit(url).path.strip('/') else url.rstrip('/') + '/v1'}/"


def commons_url() -> str:
    """Return the address of Wikimedia Commons' API.

    Raises:
        SettingsError: The variable that moves it holds no web address.
    """
    url = _address(COMMONS_VARIABLE, "https://commons.wikimedia.org/w/api.php")
    return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/w/api.php"


def _address(variable: str, default: str) -> str:
    url = os.environ.get(variable, "").strip() or default
    if not host_of(url) or set(url) & set("?#"):
        raise SettingsError(
            f"{variable} must be an http(s) address without a query, got {url!r};"
            f" unset it to ask {default}"
        )
    return url.rstrip("/")
