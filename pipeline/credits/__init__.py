"""(placeholder until the real one lands: overwrite this file)."""


def write_credits(*_: object) -> None:
    """Write nothing yet."""
