"""The command that writes the weights of a trained network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robnas.cli._common import DataDir, Json, print_json, say
from robnas.cli._space import SpaceName, check_agrees


def export_weights(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a finished training, or .safetensors file.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="New file: .pt or .safetensors; .pt2 for torch-export, .onnx for onnx.")],
    layout: Annotated[
        str, typer.Option(help="plain (our own names), nas-bench-201 (the published ones), torch-export or onnx.")
    ] = "plain",
    which: Annotated[str, typer.Option(help="best (the result) or last, of a recipe that stops early.")] = "best",
    space: SpaceName = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write the weights of a trained network, or the network itself, for other programs."""
    from robnas._files import check_writable
    from robnas.building import check_layout, load_trained, write_weights
    from robnas.errors import InputError, Verbatim
    from robnas.networks import NORMALISED

    check_layout(layout, out)
    if out.exists():
        raise InputError("--out", expected="a new file", got=Verbatim(f"{out}, which exists"), remedy="remove it first")
    check_writable(out)
    trained = load_trained(folder, which=which, data_dir=data_dir)
    trial, inputs = trained.trial, trained.inputs
    check_agrees(space, trial.space.key, str(folder))
    write_weights(trained, out, layout)
    facts = {
        "path": str(out),
        "layout": layout,
        "space": trial.space.key,
        "architecture": trial.architecture.text,
        "image_shape": inputs.image_shape,
        "num_classes": inputs.num_classes,
        "mean": inputs.mean,
        "std": inputs.std,
        "normalises": layout not in NORMALISED,
    }
    if as_json:
        print_json(facts)
        return
    shape = "×".join(map(str, inputs.image_shape))
    say(f"{trial.architecture} for {inputs.num_classes} classes and images of {shape}, layout {layout}: {out}")
    if not facts["normalises"]:
        print("the published network normalises nothing itself: give it (pixel − mean) / std, per channel with")
        print(f"  mean {' '.join(f'{value}' for value in inputs.mean)}")
        print(f"  std  {' '.join(f'{value}' for value in inputs.std)}")
