"""How the page tells the server that the curator is done.

The page runs in the server's own process, in threads of Streamlit's. Done asks for the
end; the browser then fetches a last, plain page; once it has that, or a few seconds
have passed, the server ends.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

GRACE_S = 5.0  # for a browser that never fetches the last page


@dataclass
class Ending:
    """Whether the end was asked for, and whether the curator has seen it."""

    clock: Callable[[], float] = field(default=time.monotonic)  # seconds
    decided: int | None = None  # photos, where the end was asked for
    asked_at: float = 0.0
    is_seen: bool = False

    def ask(self, decided: int) -> None:
        """End the server soon; ``decided`` photos is what the last page tells."""
        self.asked_at = self.clock()
        self.decided = decided

    def see(self) -> None:
        """Note that the last page has been delivered."""
        self.is_seen = True

    @property
    def is_due(self) -> bool:
        """Whether the server may end now."""
        if self.decided is None:
            return False
        return self.is_seen or self.clock() - self.asked_at > GRACE_S


ENDING = Ending()  # one a process, as the server is


def farewell(decided: int) -> str:
    """Return what the curator reads last."""
    photos = "photo" if decided == 1 else "photos"
    return f"Done. {decided:,} {photos} decided; you can close this tab."
