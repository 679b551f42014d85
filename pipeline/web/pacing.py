"""How far apart a host is asked: a delay that follows how it copes.

While it answers well, requests are spread over half of the time that they would be
apart by themselves (the latency over the connections), so that a healthy host is never
held up, nor asked in bursts. A host that answers "not now", late or not at all is asked
at half the pace, again and again; good answers alone make that sink, slowly. An error
never does, however fast it comes.
"""

import math

FIRST_PENALTY_S = 0.5
MAX_DELAY_S = 60.0
_SPREAD = 0.5  # of the time between requests that flow freely
_SMOOTHING = 0.125  # what the newest latency weighs
_SINKING = 0.7  # of the penalty is left after a good answer
_GONE_S = 0.01  # a penalty that need not be kept any more


class Pace:
    """The delay between the starts of two requests to one host, in seconds."""

    def __init__(self) -> None:
        self._latency_s = 0.0  # smoothed
        self._penalty_s = 0.0
        self._raised_at = -math.inf

    def delay_s(self, least_s: float, connections: int) -> float:
        """Return the delay; ``least_s`` is what the site wishes."""
        spread_s = self._latency_s / connections * _SPREAD
        return min(max(least_s, spread_s, self._penalty_s), MAX_DELAY_S)

    def note_good(self, latency_s: float) -> None:
        """Note an answer that came as it should, so long after it was asked for."""
        self._latency_s += (latency_s - self._latency_s) * _SMOOTHING
        self._penalty_s *= _SINKING
        if self._penalty_s < _GONE_S:
            self._penalty_s = 0.0

    def note_bad(self, delay_s: float, started: float, now: float) -> None:
        """Double the delay; of requests that ran side by side, one alone does so.

        Args:
            delay_s: As it is now.
            started: When the request that failed was sent.
            now: When it failed.
        """
        if started >= self._raised_at:
            self._penalty_s = min(max(2 * delay_s, FIRST_PENALTY_S), MAX_DELAY_S)
            self._raised_at = now
