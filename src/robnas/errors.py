"""What can go wrong, said in one line: what, expected, got, remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Any, final

from robnas import _lazy

_SHOWN = 60  # characters of a wrong value that an error repeats


def shorten(value: Any) -> str:
    """One line that shows `value`, however large it is."""
    if isinstance(value, (str, bytes, bytearray)):
        text = repr(value[:_SHOWN])
        return text if len(value) <= _SHOWN else f"{text}… ({len(value):,} in all)"
    try:
        text = " ".join(repr(value).split())
    except (RecursionError, ValueError):  # nested too deep, or a number with thousands of digits
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def printable(text: str) -> str:
    """One line in which nothing moves the cursor, colours the terminal or turns the direction of writing."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


class RobnasError(Exception):
    """Base of all errors that a user can mend; the command line prints its text and exits with 2."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes as text and attributes, whatever their constructor takes."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[RobnasError], args: tuple[Any, ...], attributes: dict[str, Any]) -> RobnasError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InputError(RobnasError, ValueError):
    """An argument is wrong.

    Args:
        what: the argument, with the position inside it if that helps.
        expected: what is accepted.
        got: the value that came (shown shortened), or omitted.
        remedy: what to do.
    """

    def __init__(self, what: str, *, expected: str, got: Any = ..., remedy: str = "") -> None:
        text = f"{what}: expected {expected}"
        if got is not ...:
            text += f", got {got if isinstance(got, Verbatim) else shorten(got)}"
        super().__init__(printable(f"{text}; {remedy}" if remedy else text))


class UnknownNameError(InputError):
    """A name that nothing has here; a file of one's own may bring it."""


OWN = "if it is your own, give its file with --import"


def unknown_name(what: str, name: Any, known: Iterable[str], *, own: bool = False) -> InputError:
    """The error that lists what there is, and says which name is close.

    Args:
        what: is called so.
        name: that is none of them.
        known: names.
        own: whether people may add to them.
    """
    import difflib

    names = list(known)
    close = difflib.get_close_matches(shorten(name).strip("'"), names, n=1)
    remedy = f"did you mean {close[0]}?" if close else OWN if own else ""
    kind = UnknownNameError if own else InputError
    return kind(what, expected=f"one of {', '.join(names)}", got=name, remedy=remedy)


class MemoryLimitError(InputError):
    """The limit of memory that was given is too low."""


class NonFiniteError(InputError):
    """What a network computes is nan or infinity."""


@final
class Verbatim(str):
    """A `got` text that is shown as it is, without quotes."""

    __slots__ = ()


def reason(error: Exception) -> Verbatim:
    """Kind and text of an error from elsewhere, in one short line."""
    return Verbatim(f"{type(error).__name__} ({printable(str(error)[:200])})")


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WriteError(OSError, InputError):
    """A file cannot be written: the disk is full, or its place allows no writing.

    Args:
        path: of the file or folder.
        error: what the operating system said.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        free = "free some space, or " if error.errno in _FULL else ""
        InputError.__init__(
            self,
            str(path),
            expected="room and permission to write it",
            got=Verbatim(error.strerror or error),
            remedy=f"{free}choose another place",
        )

    __reduce__ = RobnasError.__reduce__


class DataError(InputError):
    """A file of a data set is missing, damaged or hostile."""


class CheckpointError(InputError):
    """A checkpoint does not belong to this training, or cannot be read."""


class StoreError(InputError):
    """A record store cannot be opened, or holds something else under the same key."""


class StoreUnavailableError(StoreError):
    """The database does not answer, is locked, or its disk is full: the same call may succeed later."""


class DivergedError(RobnasError, ArithmeticError):
    """The training loss became infinite or not a number."""

    def __init__(self, epoch: int, step: int, loss: float) -> None:
        self.epoch, self.step, self.loss = epoch, step, loss
        super().__init__(
            f"training diverged: loss is {loss} in epoch {epoch}, step {step}; "
            "lower the recipe's max_lr or check the data for constant images"
        )


__dir__ = _lazy.listing(__name__)
