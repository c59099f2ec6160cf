"""The state of a training on disk: complete or absent."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from robnas._files import write_atomically
from robnas.errors import CheckpointError, Verbatim

_VERSION = 1


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write `state` of the training that `identity` describes, atomically."""
    # Into memory first: an exception of the file, a full disk or Ctrl-C in the middle of a write, may end the process
    # when it passes through torch's writer.
    buffer = io.BytesIO()
    torch.save({"version": _VERSION, "identity": identity, **state}, buffer)
    write_atomically(path, lambda stream: stream.write(buffer.getbuffer()))


def load(path: Path, device: torch.device | str) -> dict[str, Any]:
    """Read a checkpoint; nothing but tensors and plain values is unpickled.

    Raises:
        CheckpointError: the file is damaged or of another version.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        version = state["version"]
    except (
        pickle.UnpicklingError,
        RuntimeError,
        OSError,
        EOFError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise CheckpointError(
            str(path),
            expected="a checkpoint written by robnas",
            got=Verbatim(f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"),
            remedy="delete it to train from the beginning",
        ) from None
    if version != _VERSION:
        raise CheckpointError(
            str(path), expected=f"version {_VERSION}", got=version, remedy="read it with the robnas that wrote it"
        )
    return state


def check_identity(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise `CheckpointError` unless the checkpoint belongs to the training that is asked for."""
    for key, value in wanted.items():
        if found.get(key) != value:
            raise CheckpointError(
                f"{path}, {key}",
                expected=str(value),
                got=Verbatim(found.get(key)),
                remedy="this folder holds another training: choose another one or the same settings",
            )
