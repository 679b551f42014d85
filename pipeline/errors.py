"""What can go wrong, as the user is told it.

    MekikiError                 the user's mistake or the world's: one line, exit 2
    ├── SettingsError           categories.toml or the environment says something wrong
    ├── InputError              a file, a photo or a row handed to us can't be used
    │   └── ImageError          bytes that can't become a picture; carries the reason
    ├── CatalogError            the catalog can't be opened, or is too new
    ├── NetworkError            a host could not be reached, or said no
    ├── WeightsError            a network's weights can't be had
    └── RunError                a run folder is missing, unfinished or damaged

Every message says what was expected, what came, and what to do. Our own mistakes
are ``ValueError`` and the like: they keep their traceback, in a log file.
"""


class MekikiError(Exception):
    """The user's mistake or the world's; its text is the one line to print."""


class SettingsError(MekikiError):
    """A category set or the environment says something that can't be followed."""


class InputError(MekikiError):
    """A file, a photo or a row that can't be used."""


class ImageError(InputError):
    """Bytes that can't become a picture; the text is the reason to record."""


class CatalogError(MekikiError):
    """The catalog can't be opened, or was written by a newer mekiki."""


class NetworkError(MekikiError):
    """A host could not be reached, or refused."""


class WeightsError(MekikiError):
    """A network's weights can't be had."""


class RunError(MekikiError):
    """A run folder is missing, unfinished or damaged."""
