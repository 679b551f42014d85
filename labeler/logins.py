"""What goes wrong with logins: told in one line to whoever runs the server.

Streamlit shows the person a bare page, or the login again; why stands in its log alone,
as a traceback. Here it is a line on stderr; a browser can't put anything else into it.
"""

import logging
from collections.abc import Callable

_LOGGER = "streamlit.web.server.starlette.starlette_auth_routes"
_LONGEST = 300  # letters


class _OneLine(logging.Filter):
    """Takes what Streamlit says of logins, and passes nothing on to its handlers."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            said += f" {type(error).__name__}: {error}"
        line = "".join(letter if letter.isprintable() else " " for letter in said)
        self._tell(f"login: {line[:_LONGEST]}")
        return False


def tell_failures(tell: Callable[[str], None]) -> None:
    """Call ``tell`` with a line for each login that fails.

    Streamlit sets its loggers up with its options: this comes after that.
    """
    logger = logging.getLogger(_LOGGER)
    logger.setLevel(logging.WARNING)
    logger.filters = [_OneLine(tell)]
