"""Files of weights: tensors in safetensors, or a dictionary that ``torch.save`` wrote; nothing else is unpickled."""

from __future__ import annotations

import hashlib
import importlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robnas._content import CONTENT, check_content
from robnas._states import update
from robnas.errors import DataError, InputError, Verbatim, reason

SUFFIX = ".safetensors"
SAYS = "trial"
"""Among the texts of a file that robnas has written, what its weights belong to."""


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Texts that a file says of its weights, none of one that ``torch.save`` wrote, and the weights by name.

    Raises:
        DataError: there is no such file, it is damaged or holds something else.
        InputError: the package safetensors is missing, which reads it.
    """
    if not os.path.isfile(path):
        raise DataError(str(path), expected="a file of weights", got=Verbatim("no such file"))
    return _safetensors(path) if path.suffix == SUFFIX else ({}, _pickled(path))


def tensor_bytes(state: Mapping[str, Tensor], facts: Mapping[str, str]) -> bytes:
    """The content of a file in safetensors, with texts that say what it is and the hash of everything.

    Raises:
        InputError: the package safetensors is missing, which writes it.
    """
    content: bytes = _package(SUFFIX, ".torch").save(state, {**facts, CONTENT: _digest(facts, state)})
    return content


def _safetensors(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    package = _package(str(path))
    try:
        with package.safe_open(path, framework="pt") as stream:
            facts: dict[str, str] = dict(stream.metadata() or {})
            state = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (it is no mapping)
    except Exception as error:  # a damaged file can raise almost anything
        remedy = "write it again"
        raise DataError(
            str(path), expected="a file of weights in safetensors", got=reason(error), remedy=remedy
        ) from None
    if {CONTENT, SAYS} <= facts.keys():
        said = {key: value for key, value in facts.items() if key != CONTENT}
        check_content(path, facts[CONTENT], _digest(said, state), "write it again")
    return facts, state


def _pickled(path: Path) -> dict[str, Any]:
    remedy = "write it by torch.save(network.state_dict(), path)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged files
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise almost anything
        got = Verbatim(f"{type(error).__name__}: {' '.join(str(error).split())[:80]}")
        raise DataError(str(path), expected="a state_dict of tensors", got=got, remedy=remedy) from None
    if not isinstance(state, Mapping) or not any(isinstance(value, Tensor) for value in state.values()):
        keys = ", ".join(map(str, list(state)[:8])) if isinstance(state, Mapping) else ""
        got = Verbatim(f"a dictionary of {keys}" if keys else type(state).__name__)
        raise DataError(str(path), expected="a state_dict of tensors", got=got, remedy=remedy)
    return dict(state)


def _digest(facts: Mapping[str, str], state: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    update(found, {"facts": facts, "state": state})
    return found.hexdigest()


def _package(what: str, part: str = "") -> Any:
    """Imported where it is needed, as machines that train need not have it."""
    try:
        return importlib.import_module(f"safetensors{part}")
    except ModuleNotFoundError:
        remedy = "pip install safetensors, or take a .pt file"
        raise InputError(
            what, expected="the package safetensors", got=Verbatim("no such package"), remedy=remedy
        ) from None
