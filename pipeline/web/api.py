"""Asking a service's API for JSON: one call at a time, within its quota.

What passes (no connection, HTTP 429 and 5xx, a lagged database) is waited out, as long
as the service says or doubling, and asked again; what does not is refused in the
service's own words. MediaWiki's errors come with HTTP 200 and are told by their code.
"""

import json
import threading
from collections.abc import Mapping

from pipeline.web.addresses import join_url, netloc_of
from pipeline.web.answers import (
    Answer,
    FailedError,
    RefusedError,
    UnreachableError,
    error_of_status,
    seconds_until,
)
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.quota import MAX_WAIT_S, Quota, QuotaSpentError
from pipeline.web.timing import Timing

ATTEMPTS = 5
UNREACHED_ATTEMPTS = 3  # where not even a connection came about
FIRST_WAIT_S = 2.0  # doubled with every further attempt
LAG_S = 5.0  # what Wikimedia asks to wait where its databases lag
SLOW_S = 1.0  # a call that takes longer than this ...
REST_S = 5.0  # ... is followed by so long a rest, where the service wants one
NO_JSON = "answer is no JSON"
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
            RefusedError: It will not answer this, for good.
            FailedError: It does not answer now.
        """
        with self._one_at_a_time:
            trouble = FailedError(NO_JSON)
            for attempt in range(ATTEMPTS):
                try:
                    return self._ask(url)
                except QuotaSpentError:
                    raise
                except UnreachableError as error:
                    trouble = error
                    if attempt == UNREACHED_ATTEMPTS - 1:
                        break
                except FailedError as error:
                    trouble = error
                if attempt < ATTEMPTS - 1:
                    self._rest(trouble, FIRST_WAIT_S * 2**attempt)
            raise trouble

    def _rest(self, error: FailedError, seconds: float) -> None:
        """Wait as long as the service says, or ``seconds``."""
        if error.retry_after_s is not None:
            seconds = max(error.retry_after_s, LAG_S if error.status == 200 else 0.0)
            self._quota.hold(seconds)
        if seconds <= MAX_WAIT_S:  # for longer, the quota ends the run
            self._fetcher.wait(seconds)

    def _ask(self, url: str) -> Mapping[str, object]:
        """Make one call, or two where a redirect or a new token takes another."""
        answer = self._call(url)
        if answer.status in {301, 302, 307, 308}:
            target = join_url(url, answer.headers.get("Location", ""))
            if target is None or netloc_of(target) != netloc_of(url):
                raise RefusedError("leads to another site", status=answer.status)
            answer = self._call(target)
        if answer.status == 401 and self._key is not None:
            self._key.drop()
            answer = self._call(url)
            if answer.status == 401:
                raise RefusedError(self._key.not_accepted, status=401)
        return self._read(answer)

    def _call(self, url: str) -> Answer:
        headers = {} if self._key is None else self._key.headers()
        self._quota.take()
        started = self._timing.clock()
        answer = self._fetcher.call(url, headers=headers)
        self._quota.obey(answer.headers)
        if self._rests and self._timing.clock() - started > SLOW_S:
            self._quota.hold(REST_S)
        return answer

    def _read(self, answer: Answer) -> Mapping[str, object]:
        """Return the JSON of an answer, or raise what it amounts to."""
        said = _parsed(answer.body)
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
            code = str(error_of.get("code", "unknown"))
            if not code.startswith(_PASSING_CODES):
                raise RefusedError(f"error {code}"[:_LONGEST], status=200)
            waiting = seconds_until(
                answer.headers.get("Retry-After", ""), self._timing.wall()
            )
            raise FailedError(
                f"error {code}", status=200, retry_after_s=waiting or LAG_S
            )
        return said


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
    return " ".join(str(_first(detail)).split())[:_LONGEST] if detail else ""


def _first(why: object) -> object:
    return why[0] if isinstance(why, list) and why else why
