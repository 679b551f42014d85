"""CIFAR's python batches, read without letting them build anything but plain values.

A batch is a pickle of a dict: ``data``, a ``uint8`` array of one row a picture (1,024
red, then green, then blue values), and ``labels`` or ``fine_labels``, its classes by
number (https://www.cs.toronto.edu/~kriz/cifar.html). A pickle may call any function
that it can name. Here it gets stand-ins of ours for the few that a batch needs;
whatever else it names is refused.
"""

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.scrape.sources.cifar.members import Member

_MOST = 512_000_000  # bytes of a batch; CIFAR-100's largest has 155 million
_SIDE = 32  # pixels


def read_batch(member: Member) -> tuple[NDArray[np.uint8], Sequence[int]]:
    """Return the pictures, ``(number, 32, 32, 3)`` RGB, and their labels.

    Raises:
        InputError: It is no batch, or it names what a batch has no need of.
    """
    values = _load(member)
    array = values.get("data")
    labels = values.get("fine_labels", values.get("labels"))
    pixels = array.pixels if isinstance(array, _Array) else None
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] != 3 * _SIDE * _SIDE:
        raise InputError(f"{member.origin} holds no rows of 3 x 32 x 32 pixels")
    if not isinstance(labels, list) or len(labels) != len(pixels):
        raise InputError(f"{member.origin} has not one label for each picture")
    if not all(type(label) is int for label in labels):
        raise InputError(f"{member.origin} has labels that are no whole numbers")
    rows = pixels.reshape(-1, 3, _SIDE, _SIDE)
    return rows.transpose(0, 2, 3, 1), labels  # (number, height, width, channel)


def read_names(member: Member) -> Sequence[str]:
    """Return the names of the classes, from ``batches.meta`` or ``meta``.

    Raises:
        InputError: It holds none.
    """
    values = _load(member)
    names = values.get("fine_label_names", values.get("label_names"))
    if not isinstance(names, list):
        raise InputError(f"{member.origin} holds no names of classes")
    return [_text(name) for name in names]


def _load(member: Member) -> Mapping[str, object]:
    data = member.read(_MOST + 1)
    if len(data) > _MOST:
        raise InputError(f"{member.origin} is too large for a batch of CIFAR")
    try:
        values = _PlainUnpickler(io.BytesIO(data), encoding="bytes").load()
    except _RefusedNameError as error:
        raise InputError(
            f"{member.origin} is refused: it asks for {error}, and a batch of CIFAR"
            " has no need of that"
        ) from error
    # What a damaged pickle raises is anything at all.
    except Exception as error:
        raise InputError(
            f"{member.origin} is no python batch of CIFAR, or damaged"
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"{member.origin} is no python batch of CIFAR: no dict")
    return {_text(key): value for key, value in values.items()}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _RefusedNameError(Exception):
    """A pickle names what it may not have."""


class _Array:
    """Stands in for a numpy array: takes its values if they are bytes."""

    pixels: NDArray[np.uint8] | None = None

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _version, shape, kind, is_fortran, values = state
        if not isinstance(kind, _Kind) or is_fortran or not isinstance(values, bytes):
            raise _RefusedNameError("an array of something else than bytes")
        if not isinstance(shape, tuple):
            raise TypeError("a shape is a tuple")
        self.pixels = np.frombuffer(values, np.uint8).reshape(shape)


class _Kind:
    """Stands in for the numpy type of a byte."""

    def __setstate__(self, state: object) -> None:
        """Take byte order and alignment, which a byte has no use for."""


class _MakeArray:
    __slots__ = ()

    def __call__(self, *_: object) -> _Array:
        return _Array()


class _MakeKind:
    __slots__ = ()

    def __call__(self, name: object, *_: object) -> _Kind:
        if name not in {"u1", b"u1", "|u1", b"|u1"}:
            raise _RefusedNameError(f"an array of {_text(name)!r}, not of bytes")
        return _Kind()


class _ArrayName:
    """Stands in for ``numpy.ndarray``, which is only ever named."""

    __slots__ = ()


_ALLOWED: Mapping[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _MakeArray,
    ("numpy._core.multiarray", "_reconstruct"): _MakeArray,
    ("numpy", "ndarray"): _ArrayName,
    ("numpy", "dtype"): _MakeKind,
}


# What a pickle may do here: begin and end, values, containers, remembering, naming.
_STEPS = """
    PROTO FRAME MARK STOP
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE
    BINBYTES SHORT_BINBYTES BINBYTES8
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_LIST LIST APPEND APPENDS
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    GLOBAL STACK_GLOBAL REDUCE BUILD
"""


# The one written in Python: that in C sets aside memory for as many values as a
# pickle says that it will remember, which may be all there is.
class _PlainUnpickler(pickle._Unpickler):
    """Builds numbers, text, lists, dicts, tuples and arrays of bytes."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        code: pickle._Unpickler.dispatch[code]
        for code in (getattr(pickle, step)[0] for step in _STEPS.split())
    }

    def find_class(self, module: str, name: str) -> object:
        """Return the stand-in for what a pickle names; there are few."""
        if (module, name) not in _ALLOWED:
            raise _RefusedNameError(f"{module}.{name}")
        return _ALLOWED[module, name]()
