"""A network of one's own: made by a function of a Python file, with weights from a file."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from robnas._own import load_file
from robnas._tensor_files import read_tensors
from robnas.errors import DataError, InputError, Verbatim, reason

_SHOWN = 3  # names of weights in an error
_CLASSES = "num_classes"


def load_module(place: str, num_classes: int) -> nn.Module:
    """The network that ``my_model.py:build`` makes.

    Args:
        place: a Python file, which is run, and the name of a function or class in it that takes no arguments, or
            `num_classes`.
        num_classes: given to the function if it has a parameter of this name.

    Raises:
        InputError: there is no such file or function, it needs other arguments, fails, or returns no network.
    """
    path, separator, name = place.rpartition(":")
    if not separator or not name.isidentifier():
        raise InputError("module", expected="FILE.py:FUNCTION, such as my_model.py:build", got=place)
    module = sys.modules[load_file(path).module]
    build = getattr(module, name, None)
    if not callable(build):
        there = [key for key, value in vars(module).items() if inspect.isroutine(value) or inspect.isclass(value)]
        got = Verbatim(f"only {', '.join(there[:8]) or 'none'}" if build is None else type(build).__name__)
        raise InputError(f"module {place}", expected=f"a function {name}", got=got)
    given = _arguments(place, build, num_classes)
    try:
        network = build(**given)
    except Exception as error:  # of somebody else's code
        raise InputError(f"module {place}", expected="a function that returns a network", got=reason(error)) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"module {place}", expected="a function that returns a torch.nn.Module", got=network)
    return network


def _arguments(place: str, build: Callable[..., Any], num_classes: int) -> dict[str, int]:
    try:
        parameters = inspect.signature(build).parameters
    except (ValueError, TypeError):  # of a builtin
        return {}
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [one.name for one in parameters.values() if one.default is one.empty and one.kind not in kinds]
    if other := [name for name in needed if name != _CLASSES]:
        raise InputError(
            f"module {place}",
            expected=f"a function of no arguments, or {_CLASSES}",
            got=Verbatim(f"one that needs {', '.join(other)}"),
            remedy="write one that gives them",
        )
    return {_CLASSES: num_classes} if _CLASSES in parameters else {}


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Give a network the weights of a file: a ``.safetensors``, or a state_dict written by ``torch.save``.

    Nothing but tensors and plain values is unpickled.

    Raises:
        DataError: the file is missing or damaged, holds something else, or the weights of another network.
    """
    file = Path(path).expanduser()
    _, state = read_tensors(file)
    _check_fits(file, state, network)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:  # its own hooks, extra state
        raise DataError(str(file), expected="weights of the network", got=reason(error)) from None


def _check_fits(file: Path, given: Mapping[str, Any], network: nn.Module) -> None:
    """Raise `DataError` that names what is missing, unexpected or of another shape."""
    wanted = network.state_dict()
    doubts = [
        _listed("missing", [name for name in wanted if name not in given]),
        _listed("unexpected", [str(name) for name in given if name not in wanted]),
        _listed(
            "of another shape",
            [
                f"{name} {tuple(there.shape)} for {tuple(value.shape)}"
                for name, value in wanted.items()
                if isinstance(value, Tensor) and not is_lazy(value)
                if isinstance(there := given.get(name), Tensor) and there.shape != value.shape
            ],
        ),
    ]
    if any(doubts):
        got = Verbatim("; ".join(filter(None, doubts)))
        raise DataError(str(file), expected="the weights of this network", got=got)


def _listed(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} {', '.join(names[:_SHOWN])}{more}" if names else ""
