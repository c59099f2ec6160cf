"""The command about infinitely wide networks: their kernels, and what these bound."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import AllowPartial, DataDir, Json, print_json, progress_bar
from robnas.cli._space import SpaceName, named_space, with_settings

if TYPE_CHECKING:
    from robnas.data import Dataset
    from robnas.spaces import TheoryArchitecture

Data = Annotated[str, typer.Option(help="digits, cifar10, cifar100, imagenet16-120, an .npz file or a folder.")]


def theory(
    architectures: Annotated[
        list[str],
        typer.Argument(
            help="Of the theory space, such as fc:relu,tanh:1 or conv3-flat:relu,relu:1.", show_default=False
        ),
    ],
    space: SpaceName = None,
    data: Data = "digits",
    classes: Annotated[str, typer.Option(help="The two classes of the task, as numbers.")] = "3,8",
    inputs: Annotated[int, typer.Option(help="Training inputs N, balanced over the two classes.")] = 100,
    rho: Annotated[float, typer.Option(help="Radius of the attack on the unit sphere.")] = 0.1,
    beta: Annotated[float, typer.Option(help="Weight of the robust loss in training.")] = 0.5,
    width: Annotated[int, typer.Option(help="Of the random network that is attacked.")] = 512,
    seed: Annotated[int, typer.Option(help="Of that network and of the choice of inputs.")] = 0,
    memory: Annotated[float, typer.Option(help="Limit of the working memory of a kernel in MiB.")] = 1024,
    data_dir: DataDir = None,
    allow_partial: AllowPartial = False,
    as_json: Json = False,
) -> None:
    """Kernels of infinitely wide networks, and what they bound: eigenvalues, clean and robust error."""
    from robnas.data import load_data
    from robnas.types import check_range

    found = [_parsed(text, space) for text in dict.fromkeys(architectures)]
    check_range("beta", beta, 0, 1)
    with progress_bar(as_json) as progress:
        source = load_data(data, data_dir=data_dir, allow_partial=allow_partial, progress=progress)
        x, y = _binary_task(source, classes, inputs, seed)
        rows = []
        for done, arch in enumerate(found, start=1):
            rows.append(_theory_row(arch, x, y, rho=rho, beta=beta, width=width, seed=seed, memory=memory))
            progress(done, len(found), str(arch))
    if as_json:
        for row in rows:  # JSON has no infinity
            for key in ("bound", "lambda_min"):
                row[key] = {name: term if isfinite(term) else None for name, term in row[key].items()}
        print_json({"data": source.name, "classes": classes, "inputs": inputs, "rho": rho, "beta": beta, "rows": rows})
    else:
        print(f"{source.name} {classes}, N = {inputs}, ρ = {rho:g}, β = {beta:g}")
        for row in rows:
            _print_theory(row)
        print("bounds hold up to factors that do not depend on the kernel; they are no probabilities")


def _parsed(text: str, given: str | None) -> TheoryArchitecture:
    """An architecture of any depth or, where the option says settings, of the space with these."""
    from robnas.errors import InputError
    from robnas.spaces import TheoryArchitecture, TheorySpace

    space = named_space(given)
    if space is not None and not isinstance(space, TheorySpace):
        raise InputError("--space", expected=f"{TheorySpace().name}, whose networks may be infinitely wide", got=given)
    if space is not None and with_settings(given):
        return space.parse(text)
    return TheoryArchitecture.parse(text)


def _binary_task(data: Dataset, classes: str, count: int, seed: int) -> tuple[Any, Any]:
    """Inputs centred by the training images' mean, on the unit sphere, (n, channels, height, width); labels ±1."""
    import torch

    from robnas.errors import InputError
    from robnas.kernels import balanced_batch, unit_sphere

    parts = classes.split(",")
    if len(set(parts)) != 2 or not all(part.strip().isdecimal() and int(part) < data.num_classes for part in parts):
        raise InputError("--classes", expected=f"two numbers below {data.num_classes}, such as 3,8", got=classes)
    low, high = (int(part) for part in parts)
    train = data.split("train")
    chosen = torch.isin(train.labels, torch.tensor([low, high])).nonzero().squeeze(1)
    chosen = chosen[balanced_batch(train.labels[chosen], count, seed)]
    pixels = train.images[chosen].double() / 255
    centred = pixels - torch.tensor(data.mean, dtype=torch.float64).view(1, -1, 1, 1)
    labels = torch.where(train.labels[chosen] == high, 1.0, -1.0)
    return torch.tensor(unit_sphere(centred.numpy())), labels.double()


def _theory_row(
    arch: Any, x: Any, y: Any, *, rho: float, beta: float, width: int, seed: int, memory: float
) -> dict[str, Any]:
    import torch

    from robnas import kernels
    from robnas.networks import build_theory_network

    attack = kernels.SphereAttack(rho)
    network = build_theory_network(arch, input_shape=x.shape[1:], width=width, seed=seed, dtype=torch.float64)
    robust = attack(network, x, y)
    twice = attack(network, robust, y)
    five = kernels.infinite_kernels(arch, *(part.numpy() for part in (x, robust, twice)), memory_mib=memory)
    bound = five.bound(y.numpy(), beta)
    matrices = {
        "clean": five.clean, "robust": five.robust, "twice": five.twice,
        "mixed": five.mixed(beta), "mixed-twice": five.mixed_twice(beta),
    }  # fmt: skip
    flat, smallest = x.flatten(1).numpy(), kernels.MEASURES["lambda-min"]
    lower = {"schur": kernels.schur_bound, "hermite": kernels.hermite_bound}
    below = {} if arch.convolutional else {name: function(arch, flat) for name, function in lower.items()}
    return {
        "architecture": str(arch),
        "lambda_min": {name: smallest(matrix, y.numpy()) for name, matrix in matrices.items()},
        "lower_bounds_clean": below,
        "lower_bounds_mixed": {
            "weyl": kernels.weyl_bound(five, beta), "perturbation": kernels.perturbation_bound(five, beta)
        },
        "bound": asdict(bound),
    }  # fmt: skip


def _print_theory(row: dict[str, Any]) -> None:
    def listed(values: dict[str, float]) -> str:
        return "  ".join(
            f"{name} {value:.4g}" if isfinite(value) else f"{name} singular" for name, value in values.items()
        )

    bound = row["bound"]
    print(row["architecture"])
    print(f"  smallest eigenvalue  {listed(row['lambda_min'])}")
    if row["lower_bounds_clean"]:
        print(f"  clean at least       {listed(row['lower_bounds_clean'])}")
    print(f"  mixed at least       {listed(row['lower_bounds_mixed'])}")
    for side in ("clean", "robust"):
        print(f"  {side + ' error ~':<20} {bound[side]:.4g}  (by the eigenvalue alone {bound[side + '_spectral']:.4g})")
