"""The five encodings of a NAS-Bench-201 architecture, to and from the digit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, NoReturn

from robnas.errors import InputError, Verbatim

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
# Edges of each way from the input to the output, as places in `EDGES`: 0→3, 0→1→3, 0→2→3, 0→1→2→3.
WAYS = ((3,), (0, 4), (1, 5), (0, 2, 5))

# NASLib sorts the edges by source and numbers the operations in an order of its own.
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)
_NASLIB_OPERATIONS = (1, 0, 3, 2, 4)
_HPOBENCH_KEYS = tuple(f"{target}<-{source}" for source, target in EDGES)
_LONGEST = len("|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|")
_LONGEST_LITERAL = 400  # a tuple of names or a dictionary, written out


def parse(given: object, encoding: str | None = None) -> str:
    """The digit code, such as ``323133``, of any encoding.

    Args:
        given: the architecture.
        encoding: what `given` is, a key of `FORMATS`; if None, that is seen from its form.

    Raises:
        InputError: the text names the position and what is accepted there.
    """
    if isinstance(given, str):
        given = _from_text(given)
    elif hasattr(given, "tolist"):  # an array says no more than a list
        given = given.tolist()
    kind = _kind(given)
    if encoding is not None:
        if not isinstance(encoding, str) or encoding not in FORMATS:
            raise InputError("encoding", expected=f"one of {', '.join(FORMATS)}", got=encoding)
        if encoding != kind and not (encoding in _OF_NUMBERS and _has_numbers(given)):
            raise InputError("architecture", expected=f"the encoding {encoding}", got=given)
        kind = encoding
    return _PARSERS[kind](given)


def _kind(given: Any) -> str:
    """The encoding of `given`, a key of `_PARSERS`."""
    if isinstance(given, str):
        return "genotype" if given.startswith("|") else "code"
    if isinstance(given, Mapping):
        return "hpobench"
    if _has_numbers(given):
        return "naslib" if isinstance(given, tuple) else "unknown numbers"
    return "operations" if isinstance(given, Sequence) and not isinstance(given, (bytes, bytearray)) else "unknown"


def _has_numbers(given: Any) -> bool:
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes, bytearray, memoryview)):
        return False
    return all(isinstance(value, Integral) and not isinstance(value, bool) for value in given)


def _refuse(given: object) -> NoReturn:
    raise InputError(
        "architecture",
        expected="a genotype string, a digit code, a tuple of operation names, a NASLib tuple "
        "or an HPOBench dictionary",
        got=given,
        remedy=_remedy(given),
    )


def _remedy(given: object) -> str:
    if isinstance(given, (bytes, bytearray)):
        return "decode bytes to text first"
    if isinstance(given, Integral):
        return (
            "a published index is looked up in a table; Architecture.from_index takes the project's own order; a code "
            "is a text, zeros included"
        )
    return "see robnas.Architecture"


def _refuse_numbers(given: Sequence[int]) -> NoReturn:
    """Six numbers in a list may be NASLib's or the digits of a code, which are other architectures."""
    _six(given)
    raise InputError(
        "architecture",
        expected="a tuple, in round brackets, if the numbers are NASLib's, or the digits as one text such as '323133'",
        got=given,
        remedy='or say which: encoding="naslib" or encoding="code"',
    )


def _from_text(text: str) -> Any:
    """A text as it is, or the tuple, list or dictionary that is written in it; nothing is evaluated."""
    text = text.strip() if len(text) < 2 * _LONGEST_LITERAL else text
    brackets = text[:1] + text[-1:]
    longest = _LONGEST_LITERAL if brackets in ("()", "[]", "{}") else _LONGEST
    if len(text) > longest:
        raise InputError(
            "architecture", expected=f"at most {longest} characters", got=Verbatim(f"{len(text):,} characters")
        )
    if longest == _LONGEST:
        return text
    inside = text[1:-1].rstrip().removesuffix(",")
    try:
        plain = f"{{{inside}}}" if brackets == "{}" else f"[{inside}]"
        found = json.loads(plain.replace("'", '"'), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        _refuse(text)
    return tuple(found) if brackets == "()" else found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _parse_code(text: str) -> str:
    for position, character in enumerate(text[: len(EDGES)], start=1):
        if character not in "01234":
            raise InputError(
                f"architecture, character {position}",
                expected="one of the digits 0 to 4, or a genotype that starts with |",
                got=character,
            )
    if len(text) != len(EDGES):
        raise InputError(
            "architecture",
            expected="6 digits, one per edge in the order 0→1 0→2 1→2 0→3 1→3 2→3",
            got=Verbatim(f"{len(text)} characters"),
        )
    return text


def _parse_genotype(text: str) -> str:
    """``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, read left to right."""
    code, at = "", 0

    def wrong(expected: str) -> NoReturn:
        found: Any = text[at : at + 20] or Verbatim("the end")
        raise InputError(f"architecture, character {at + 1}", expected=expected, got=found)

    for source, target in EDGES:
        if source == 0:
            separator = "|" if target == 1 else "+|"
            if not text.startswith(separator, at):
                wrong(repr(separator))
            at += len(separator)
        end = text.find("~", at)
        operation = text[at:end] if end >= 0 else text[at:]
        if operation not in OPERATIONS:
            wrong(f"one of {', '.join(OPERATIONS)} (edge {source}→{target})")
        code += str(OPERATIONS.index(operation))
        at += len(operation)
        if not text.startswith(f"~{source}|", at):
            wrong(f"'~{source}|' (edge {source}→{target})")
        at += len(f"~{source}|")
    if at != len(text):
        wrong("the end")
    return code


def _six(values: Sequence[Any]) -> Sequence[Any]:
    if len(values) != len(EDGES):
        raise InputError(
            "architecture",
            expected=f"{len(EDGES)} operations, one per edge",
            got=Verbatim(f"{len(values)}"),
        )
    return values


def _parse_operations(values: Sequence[object]) -> str:
    return "".join(
        _digit(value, f"architecture, element {position} of 6 (edge {source}→{target})")
        for position, (value, (source, target)) in enumerate(zip(_six(values), EDGES, strict=True), start=1)
    )


def _parse_digits(given: str | Sequence[int]) -> str:
    if isinstance(given, str):
        return _parse_code(given)
    for position, value in enumerate(_six(given), start=1):
        if not 0 <= value < len(OPERATIONS):
            raise InputError(f"architecture, element {position} of 6", expected="a number from 0 to 4", got=value)
    return "".join(str(int(value)) for value in given)


def _parse_naslib(values: Sequence[int]) -> str:
    digits = [""] * len(EDGES)
    for position, (value, edge) in enumerate(zip(_six(values), _NASLIB_EDGES, strict=True), start=1):
        if not 0 <= value < len(OPERATIONS):
            raise InputError(
                f"architecture, element {position} of 6 of a NASLib tuple",
                expected="0 skip_connect, 1 none, 2 nor_conv_3x3, 3 nor_conv_1x1 or 4 avg_pool_3x3",
                got=value,
            )
        digits[edge] = str(_NASLIB_OPERATIONS.index(int(value)))
    return "".join(digits)


def _parse_hpobench(values: Mapping[Any, Any]) -> str:
    if unknown := [key for key in values if key not in _HPOBENCH_KEYS]:
        raise InputError("architecture, key", expected=f"the keys {', '.join(_HPOBENCH_KEYS)}", got=unknown[0])
    if missing := [key for key in _HPOBENCH_KEYS if key not in values]:
        raise InputError(
            "architecture", expected=f"the keys {', '.join(_HPOBENCH_KEYS)}", got=Verbatim(f"no {missing[0]!r}")
        )
    return "".join(_digit(values[key], f"architecture, key {key!r}") for key in _HPOBENCH_KEYS)


def _digit(operation: object, what: str) -> str:
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise InputError(what, expected=f"one of {', '.join(OPERATIONS)}", got=operation)
    return str(OPERATIONS.index(operation))


def to_operations(code: str) -> tuple[str, ...]:
    """The six operation names, in edge order."""
    return tuple(OPERATIONS[int(digit)] for digit in code)


def to_genotype(code: str) -> str:
    """The NAS-Bench-201 string."""
    terms = [f"{name}~{source}|" for name, (source, _) in zip(to_operations(code), EDGES, strict=True)]
    return f"|{terms[0]}+|{''.join(terms[1:3])}+|{''.join(terms[3:])}"


def to_naslib(code: str) -> tuple[int, ...]:
    """NASLib's operation numbers, edges sorted by source."""
    return tuple(_NASLIB_OPERATIONS[int(code[edge])] for edge in _NASLIB_EDGES)


def to_hpobench(code: str) -> dict[str, str]:
    """HPOBench's dictionary of edges."""
    return dict(zip(_HPOBENCH_KEYS, to_operations(code), strict=True))


FORMATS: dict[str, Callable[[str], Any]] = {
    "genotype": to_genotype,
    "code": str,
    "operations": to_operations,
    "naslib": to_naslib,
    "hpobench": to_hpobench,
}

_OF_NUMBERS = ("code", "naslib")
_PARSERS: dict[str, Callable[[Any], str]] = {
    "genotype": _parse_genotype,
    "code": _parse_digits,
    "operations": _parse_operations,
    "naslib": _parse_naslib,
    "hpobench": _parse_hpobench,
    "unknown numbers": _refuse_numbers,
    "unknown": _refuse,
}
