"""A key of Openverse: what is exchanged for tokens that go with every call.

The exchange is OAuth 2's for clients (RFC 6749, 4.4): the key's id and secret for a
token that holds for some hours. Neither is ever part of a message.
"""

import json

from pipeline.web.answers import DeniedError, FailedError, error_of_status
from pipeline.web.fetch import Fetcher
from pipeline.web.timing import Timing

ID_VARIABLE = "MEKIKI_OPENVERSE_CLIENT_ID"
SECRET_VARIABLE = "MEKIKI_OPENVERSE_CLIENT_SECRET"  # noqa: S105  its name
EARLY_S = 60.0  # a token is renewed so long before its end


class Key:
    """A key, and the token that it was last exchanged for.

    Args:
        fetcher: Sends the exchange.
        token_url: Where it is made.
        client_id: The key's public half.
        client_secret: The other.
        timing: Clocks.
    """

    not_accepted = (
        f"the key is not accepted; correct {ID_VARIABLE} and {SECRET_VARIABLE}, or"
        " unset them to go on without"
    )

    def __init__(
        self,
        fetcher: Fetcher,
        token_url: str,
        client_id: str,
        client_secret: str,
        timing: Timing,
    ) -> None:
        self._fetcher = fetcher
        self._url = token_url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._wall = timing.wall
        self._token = ""
        self._good_until = 0.0

    def headers(self) -> dict[str, str]:
        """Return what goes with a call; asks for a token where there is none.

        Raises:
            DeniedError: The key is not accepted.
            FailedError: There is no token to be had now.
        """
        if not self._token or self._wall() >= self._good_until:
            self._exchange()
        return {"Authorization": f"Bearer {self._token}"}

    def drop(self) -> None:
        """Use the token no more."""
        self._token = ""

    def _exchange(self) -> None:
        answer = self._fetcher.call(self._url, form=self._form)
        if answer.status in {400, 401, 403}:
            raise DeniedError(self.not_accepted, status=answer.status)
        if answer.status != 200:
            raise error_of_status(answer.status, answer.headers, self._wall())
        try:
            token, seconds = _read_token(answer.body)
        except ValueError as error:
            raise FailedError(str(error)) from error
        self._token = token
        self._good_until = self._wall() + seconds - EARLY_S


def without_token(body: bytes) -> bytes:
    """Return what may be written down of an answer: a made-up token, and its time.

    That is nothing where the answer has no token.
    """
    try:
        _, seconds = _read_token(body)
    except ValueError:
        return b""
    return json.dumps({"access_token": "recorded", "expires_in": seconds}).encode()


def _read_token(body: bytes) -> tuple[str, float]:
    """Return an answer's token, and for how many seconds it holds.

    Raises:
        ValueError: There is none.
    """
    try:
        said = json.loads(body)
        return str(said["access_token"]), float(said["expires_in"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("no token in the answer") from error
