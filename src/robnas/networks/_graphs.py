"""A network as a graph that other programs run without robnas."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from robnas.errors import InputError, Verbatim, reason


def _traced(network: nn.Module, shape: Sequence[int]) -> ExportedProgram:
    """The graph for any number of images of a shape (channels, height, width)."""
    weight = next(network.parameters())
    images = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0)).to(weight)
    try:
        return torch.export.export(network, (images,), dynamic_shapes=({0: Dim("batch")},))
    except Exception as error:  # whatever the code of others does that no graph can say
        raise InputError("network", expected="one that torch.export can trace", got=reason(error)) from None


def _torch_export(network: nn.Module, shape: Sequence[int]) -> bytes:
    with _silent():
        buffer = io.BytesIO()
        torch.export.save(_traced(network, shape), buffer)
    return buffer.getvalue()


def _onnx(network: nn.Module, shape: Sequence[int]) -> bytes:
    if missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        got = Verbatim(f"no {' and no '.join(missing)}")
        raise InputError("layout onnx", expected="installed packages", got=got, remedy="pip install onnx onnxscript")
    with _silent():
        traced = _traced(network, shape)
        names = {"input_names": ["pixels"], "output_names": ["logits"]}
        try:
            program = torch.onnx.export(traced, dynamo=True, verbose=False, **names)  # type: ignore[arg-type]
        except Exception as error:  # whatever it has no operation for
            raise InputError("network", expected="one that ONNX has operations for", got=reason(error)) from None
        assert program is not None
        content: bytes = program.model_proto.SerializeToString()
    return content


@contextmanager
def _silent() -> Iterator[None]:
    """Without what torch's exporters say of themselves."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


GRAPHS: dict[str, tuple[str, Callable[[nn.Module, Sequence[int]], bytes]]] = {
    "torch-export": (".pt2", _torch_export),
    "onnx": (".onnx", _onnx),
}
"""By name: suffix of its files, and ``graph(network, shape)``, the content of one for images of (channels, height,
width) in any number; the network is in evaluation mode, on a CPU, and takes pixels in [0, 1] as ever."""
