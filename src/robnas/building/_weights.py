"""Trained networks without their data set: of a folder, or of a file of weights that says what they belong to."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from robnas._content import CONTENT
from robnas._files import write_atomically
from robnas._settings import check_keys
from robnas._tensor_files import SAYS, SUFFIX, read_tensors, tensor_bytes
from robnas.attacks import Answers
from robnas.building._inputs import Inputs
from robnas.building._trial import MALFORMED, TRIAL, Trial, load_described, sealed_trial, unseal_trial
from robnas.errors import DataError, InputError, UnknownNameError, Verbatim, reason
from robnas.networks import GRAPHS, LAYOUTS

BEST, _LAST = _WHICH = ("best", "last")
_PLAIN = "plain"
_REMEDY = "write it again with robnas export-weights, or train again"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained network, and what it belongs to."""

    network: nn.Module
    """In evaluation mode; maps pixels in [0, 1] to logits."""
    trial: Trial
    inputs: Inputs


def load_network(
    place: str | Path,
    *,
    which: str = BEST,
    data_dir: str | Path | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """The trained network of a folder that `robnas train` has written, or of a file of weights.

    The images are not needed, but for folders of versions that did not say there what the data set decides of the
    network: its classes, and size and normalisation of its images.

    Args:
        place: the folder; or a ``.safetensors`` file of `robnas build --keep-weights` or `robnas export-weights`.
        which: ``best``, the result: of a recipe that stops early the weights of its best epoch, of others those of the
            last one; or ``last``, always those of the last epoch, which folders have.
        data_dir: where data sets lie, for such folders.
        device: where the network shall be.

    Returns:
        The network in evaluation mode, on pixels in [0, 1].

    Raises:
        CheckpointError: the training is not finished, its weights are damaged or those of another network.
        DataError: there is no such folder or file, it is damaged, or the data set is needed and not there.
        InputError: `which` is something else, or ``last`` of a file.
    """
    return load_trained(place, which=which, data_dir=data_dir, device=device).network


def load_trained(
    place: str | Path,
    *,
    which: str = BEST,
    data_dir: str | Path | None = None,
    device: torch.device | str = "cpu",
) -> Trained:
    """What `load_network` loads, with the trial and the inputs."""
    check_keys("which weights", [which], _WHICH)
    path, last = Path(place), which == _LAST
    if path.suffix == SUFFIX:
        if last:
            remedy = "give the folder of the training"
            raise InputError("which weights", expected=f"{BEST}, as a file has one kind", got=which, remedy=remedy)
        return _of_file(path, device)
    if path.is_file():
        remedy = "give the folder itself" if (path.parent / TRIAL).exists() else ""
        expected = f"a folder written by robnas train, or a {SUFFIX} file of weights"
        raise DataError(str(path), expected=expected, got=Verbatim("another file"), remedy=remedy)
    trial, inputs = load_described(path)
    if inputs is not None:
        return Trained(network=trial.trained_network(inputs, path, device, last=last), trial=trial, inputs=inputs)
    try:
        data = trial.source.load(data_dir)
    except (InputError, OSError) as error:
        raise DataError(
            f"{path}, whose network was trained by an earlier version",
            expected=f"the data set {trial.source.name}, which says how many classes and which normalisation it has",
            got=Verbatim(error),
            remedy="name its folder by data_dir, or go on with the training there by the same train command",
        ) from None
    network = trial.trained_network(data, path, device, last=last)
    return Trained(network=network, trial=trial, inputs=Inputs.of(data))


def check_layout(layout: str, path: Path) -> None:
    """Raise `InputError` unless there is such a layout, and `path` ends as its files do."""
    known = {**dict.fromkeys(LAYOUTS, (".pt", SUFFIX)), **{name: (suffix,) for name, (suffix, _) in GRAPHS.items()}}
    check_keys("layout", [layout], known)
    if path.suffix not in known[layout]:
        expected = f"a file ending in {' or '.join(known[layout])}, as layout {layout} is written"
        raise InputError("file of weights", expected=expected, got=str(path))


def write_weights(trained: Trained, path: str | Path, layout: str = _PLAIN) -> None:
    """Write weights under the names of a layout, or the network as a graph.

    A file in safetensors says what its weights belong to; one in the plain layout is read by `load_network`.

    Args:
        trained: whose weights.
        path: ending in ``.safetensors``, or in ``.pt``, a dictionary of tensors that `torch.load` reads; of a graph in
            ``.pt2`` or ``.onnx``.
        layout: one of `robnas.networks.LAYOUTS`, or of `robnas.networks.GRAPHS`.

    Raises:
        InputError: there is no such layout, the network has none, or the file is named otherwise.
        WriteError: the file cannot be written.
    """
    check_layout(layout, path := Path(path))
    content = _content(trained, path.suffix, layout)  # into memory first, as errors of a disk may end torch's writers
    write_atomically(path, lambda stream: stream.write(content))


def _content(trained: Trained, suffix: str, layout: str) -> bytes:
    if layout in GRAPHS:
        return GRAPHS[layout][1](trained.network, trained.inputs.image_shape)
    found = LAYOUTS[layout](trained.network)
    state = {name: value.detach().cpu().clone().contiguous() for name, value in found.items()}
    if suffix == SUFFIX:
        return tensor_bytes(state, _facts(trained, layout))
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _facts(trained: Trained, layout: str) -> dict[str, str]:
    """What a file says of its weights, texts all of them."""
    trial, inputs = trained.trial, trained.inputs
    facts = {
        "format": "pt",  # by which other readers know that the tensors are torch's
        "layout": layout,
        "architecture": trial.architecture.text,
        "space": trial.space.key,
        "recipe_hash": trial.recipe.hash,
        "seed": str(trial.seed),
        "dataset_hash": inputs.content_hash,
        SAYS: json.dumps(sealed_trial(trial, inputs)),
    }
    if layout == _PLAIN:
        facts["noise"] = json.dumps(Answers.about_noise(trained.network, inputs.image_shape, trial.seed).to_dict())
    return facts


def _of_file(path: Path, device: torch.device | str) -> Trained:
    facts, state = _read(path)
    if facts["layout"] != _PLAIN:
        remedy = "export it again with --layout plain"
        raise DataError(str(path), expected="weights in the plain layout", got=facts["layout"], remedy=remedy)
    try:
        trial, inputs = unseal_trial(path, json.loads(facts[SAYS]))
        known = Answers.from_dict(json.loads(facts["noise"]))
        assert inputs is not None
        network = trial.network(inputs)
        network.load_state_dict(state)
    except (DataError, UnknownNameError):
        raise
    except (*MALFORMED, RuntimeError) as error:
        expected = f"weights of {facts['architecture']}"
        raise DataError(str(path), expected=expected, got=reason(error), remedy=_REMEDY) from None
    network.to(device).eval()
    asked = partial(Answers.about_noise, network, inputs.image_shape, trial.seed)
    if not known.agree(asked()) and asked().agree(asked()):
        got, remedy = Verbatim("other logits with the same weights"), "use the robnas and the space that wrote it"
        raise DataError(
            str(path), expected="a network that computes what the one that was kept did", got=got, remedy=remedy
        )
    return Trained(network=network, trial=trial, inputs=inputs)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Texts and tensors of a file of weights.

    Raises:
        DataError: there is none, it is damaged, or somebody else has written it.
    """
    facts, state = read_tensors(path)
    if not {CONTENT, "layout", "architecture", SAYS} <= facts.keys():
        raise DataError(
            str(path),
            expected="weights that robnas has written, which say what they belong to",
            got=Verbatim(f"{len(state)} tensors without that"),
            remedy="build the network and give them to its load_state_dict",
        )
    return facts, state
