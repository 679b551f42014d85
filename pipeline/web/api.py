"""Asking a service's API for JSON: one call at a time, within its quota.

What passes (no connection, HTTP 429 and 5xx, a lagged database) is waited out, as long
as the service says or doubling, and asked again; what does not is refused in the
service's own words. MediaWiki's errors come with HTTP 200 and are told by their code.
"""

import json
import re
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from pipeline.web.addresses import join_url
from pipeline.web.answers import (
    PRIVATE,
    Answer,
    DeniedError,
    FailedError,
    RefusedError,
    UnreachableError,
    error_of_status,
    seconds_until,
)
from pipeline.web.contact import CONTACT_VARIABLE
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.quota import Quota, QuotaSpentError
from pipeline.web.timing import Timing

ATTEMPTS = 5
UNREACHED_ATTEMPTS = 3  # where not even a connection came about
FIRST_WAIT_S = 2.0  # doubled with every further attempt
LAG_S = 5.0  # what Wikimedia asks to wait where its databases lag
SLOW_S = 1.0  # a call that takes longer than this ...
REST_S = 5.0  # ... is followed by so long a rest, where the service wants one
NO_JSON = "answer is no JSON"
STRANGER = (
    f"HTTP 403: not let in; {CONTACT_VARIABLE} or the set's contact says who asks"
)
BEHIND = f"{PRIVATE}; allow_private = true under [scrape] lets it be asked"
ELSEWHERE = "leads to another site"
_LAGGED = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?) seconds lagged")
_PASSING_CODES = ("maxlag", "ratelimited", "readonly", "internal_api_error")
_LONGEST = 120  # characters of a service's own words


class Api:
    """The API of one service; safe to use from several threads.

    Args:
        fetcher: Sends the calls.
        quota: What the service grants.
        timing: Clocks.
        key: Goes with every call, where there is one.
        rests: Whether a slow call is followed by a rest.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        quota: Quota,
        timing: Timing,
        *,
        key: Key | None = None,
        rests: bool = False,
    ) -> None:
        self._fetcher = fetcher
        self._quota = quota
        self._timing = timing
        self._key = key
        self._rests = rests
        self._one_at_a_time = threading.Lock()

    def get_json(self, url: str) -> Mapping[str, object]:
        """Return what the service answers to ``url``.

        Raises:
            QuotaSpentError: It grants no more calls for long.
            DeniedError: It answers nothing, until the key or the contact is right.
            RefusedError: It will not answer this, for good.
            FailedError: It does not answer now.
        """
        with self._one_at_a_time:
            trouble = FailedError(NO_JSON)
            for attempt in range(ATTEMPTS):
                try:
                    return self._ask(url)
                except (QuotaSpentError, DeniedError):
                    raise
                except UnreachableError as error:
                    trouble = error
                    if attempt == UNREACHED_ATTEMPTS - 1:
                        break
                except FailedError as error:
                    trouble = error
                is_last = attempt == ATTEMPTS - 1
                self._rest(trouble, 0.0 if is_last else FIRST_WAIT_S * 2**attempt)
            raise trouble

    def _rest(self, error: FailedError, seconds: float) -> None:
        """Let nothing be asked for ``seconds``, or longer where the service says so."""
        if error.retry_after_s is None:
            self._fetcher.wait(seconds)
        else:
            self._quota.hold(max(error.retry_after_s, seconds))

    def _ask(self, url: str) -> Mapping[str, object]:
        """Make one call, or two where a redirect or a new token takes another."""
        answer = self._call(url)
        if answer.status in {301, 302, 307, 308}:
            target = join_url(url, answer.headers.get("Location", ""))
            if target is None or _without_slash(target) != _without_slash(url):
                raise RefusedError(ELSEWHERE, status=answer.status)
            url = target
            answer = self._call(url)
        if self._key is not None and _is_about_key(answer):
            self._key.drop()
            answer = self._call(url)
            if _is_about_key(answer):
                raise DeniedError(self._key.not_accepted, status=401)
        return self._read(answer)

    def _call(self, url: str) -> Answer:
        self._quota.take()
        headers = {} if self._key is None else self._key.headers()
        started = self._timing.clock()
        try:
            answer = self._fetcher.call(url, headers=headers)
        except RefusedError as error:
            if error.reason != PRIVATE:
                raise
            raise DeniedError(BEHIND) from error
        self._quota.obey(answer.headers)
        if self._rests and self._timing.clock() - started > SLOW_S:
            self._quota.hold(REST_S)
        return answer

    def _read(self, answer: Answer) -> Mapping[str, object]:
        """Return the JSON of an answer, or raise what it amounts to."""
        said = _parsed(answer.body)
        if answer.status == 403:
            raise DeniedError(STRANGER, status=403)
        if answer.status != 200:
            error = error_of_status(answer.status, answer.headers, self._timing.wall())
            words = "" if isinstance(error, FailedError) else _words(said)
            if not words:
                raise error
            raise RefusedError(f"{error.reason}: {words}", status=answer.status)
        if said is None:
            raise FailedError(NO_JSON, status=200)
        error_of = said.get("error")
        if isinstance(error_of, Mapping):
            code = _plain(error_of.get("code", "unknown"))
            if not code.startswith(_PASSING_CODES):
                raise RefusedError(f"error {code}", status=200)
            wait_s = self._lag(answer, error_of)
            raise FailedError(f"error {code}", status=200, retry_after_s=wait_s)
        return said

    def _lag(self, answer: Answer, error: Mapping[str, object]) -> float:
        """Return how long to wait for MediaWiki's databases, in seconds."""
        written = answer.headers.get("Retry-After", "")
        lag = _LAGGED.search(str(error.get("info", "")))
        return max(
            LAG_S,
            seconds_until(written, self._timing.wall()) or 0.0,
            float(lag[1]) if lag else 0.0,
        )


def _parsed(body: bytes) -> Mapping[str, object] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _words(said: Mapping[str, object] | None) -> str:
    """Return what a service says of its refusal, short."""
    detail = (said or {}).get("detail")
    if isinstance(detail, Mapping):
        detail = ", ".join(f"{name}: {_first(why)}" for name, why in detail.items())
    return _plain(_first(detail)) if detail else ""


def _plain(words: object) -> str:
    """Return a service's words as one short line that every catalog takes."""
    shown = (sign if sign.isprintable() else " " for sign in str(words))
    return " ".join("".join(shown).split())[:_LONGEST]


def _is_about_key(answer: Answer) -> bool:
    """Tell a 401 over the key from Openverse's other one, over size and depth."""
    return answer.status == 401 and "may not exceed" not in _words(_parsed(answer.body))


def _without_slash(url: str) -> SplitResult:
    """Return a URL's parts, the same with and without a slash at its path's end."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/"))


def _first(why: object) -> object:
    return why[0] if isinstance(why, list) and why else why
