"""The state of a training on disk: complete or absent."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robnas._content import CONTENT, check_content, note_unverified
from robnas._files import write_atomically
from robnas._states import update
from robnas.errors import CheckpointError, InputError, Verbatim

_VERSION = 2
_KINDS = {"identity": dict, "network": Mapping, "optimizer": Mapping, "history": list}
_UNHASHED = {"version", *_KINDS}  # what a checkpoint of version 1 holds, no more
_REMEDY = "delete it to train from the beginning"


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write `state` of the training that `identity` describes, atomically."""
    # Into memory first: an exception of the file, a full disk or Ctrl-C in the middle of a write, may end the process
    # when it passes through torch's writer.
    buffer, whole = io.BytesIO(), {"version": _VERSION, "identity": identity, **state}
    torch.save({**whole, CONTENT: _digest(whole)}, buffer)
    write_atomically(path, lambda stream: stream.write(buffer.getbuffer()))


def check_readable(network: nn.Module) -> None:
    """Raise `InputError` if a checkpoint of `network` could be written but not read.

    That is so for extra state of other types than a file may bring back.
    """
    extra = {name: value for name, value in network.state_dict().items() if not isinstance(value, Tensor)}
    if not extra:
        return
    try:
        buffer = io.BytesIO()
        torch.save(extra, buffer)
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    except Exception as error:  # whatever the objects ask for
        raise InputError(
            f"extra state of the network, {', '.join(extra)}",
            expected="tensors, numbers, texts, lists and dictionaries, which a checkpoint brings back",
            got=Verbatim(type(error).__name__),
            remedy="let get_extra_state return these, or train without a directory",
        ) from None


def load(path: Path, device: torch.device | str) -> dict[str, Any]:
    """Read a checkpoint; nothing but tensors and plain values is unpickled.

    One of version 1, which has no hash of its content, is said to be unverified.

    Raises:
        CheckpointError: the file is damaged or of another version.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged files
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        version = state["version"]
        old = version == 1 and state.keys() <= _UNHASHED
    except Exception as error:  # damaged bytes raise what they happen to ask for
        raise _not_ours(path, f"{type(error).__name__}: {' '.join(str(error).split())[:80]}") from None
    if not old and version != _VERSION:
        raise CheckpointError(
            str(path), expected=f"version {_VERSION}", got=version, remedy="read it with the robnas that wrote it"
        )
    if wrong := [key for key, kind in _KINDS.items() if not isinstance(state.get(key), kind)]:
        raise _not_ours(path, f"no {wrong[0]}")
    if old:
        note_unverified(path)
    else:
        check_content(path, state.pop(CONTENT, None), _digest(state), _REMEDY, CheckpointError)
    return state


def _digest(state: Mapping[str, Any]) -> str:
    """Of everything in the state: keys, plain values, and type, shape and bytes of each tensor."""
    found = hashlib.sha256()
    update(found, state)
    return found.hexdigest()


def _not_ours(path: Path, got: str) -> CheckpointError:
    return CheckpointError(str(path), expected="a checkpoint written by robnas", got=Verbatim(got), remedy=_REMEDY)


def check_identity(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise `CheckpointError` unless what the file at `path` says of its training is what is `wanted` of it."""
    for key, value in wanted.items():
        if found.get(key) != value:
            raise CheckpointError(
                f"{path}, {key}",
                expected=str(value),
                got=Verbatim(found.get(key)),
                remedy="this folder holds another training: choose another one or the same settings",
            )
