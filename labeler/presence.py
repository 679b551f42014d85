"""Which pages are open: each is heard of every few seconds, as long as it is."""

from datetime import datetime, timedelta

SILENT = timedelta(seconds=12)  # after which a page is taken for closed


class Presence:
    """The pages that were heard of, each by its client's name."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[str, datetime]] = {}  # user, when

    def hear(self, client: str, user: str, now: datetime) -> None:
        """Note that a curator's page is open."""
        self._heard[client] = (user, now)

    def forget_closed(self, user: str, now: datetime) -> list[str]:
        """Forget a curator's pages that are heard of no more; name their clients."""
        closed = [
            client
            for client, (whose, at) in list(self._heard.items())
            if whose == user and now - at > SILENT
        ]
        for client in closed:
            self._heard.pop(client, None)
        return closed

    def others(self, user: str, now: datetime) -> list[str]:
        """Name the other curators whose pages are open, sorted."""
        heard = list(self._heard.values())
        return sorted({whose for whose, at in heard if now - at <= SILENT} - {user})
