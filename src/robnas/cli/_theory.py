"""The command about infinitely wide networks: their kernels, and what these bound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import AllowPartial, DataDir, Json, print_json, progress_bar
from robnas.cli._space import SpaceName, named_space, with_settings

if TYPE_CHECKING:
    from robnas.data import Dataset
    from robnas.kernels import RobustKernels, SphereAttack
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
    second_init: Annotated[
        bool, typer.Option("--second-init", help="Make the second attack on an independent second initialisation.")
    ] = False,
    control: Annotated[
        bool, typer.Option(help="Each term of attacked inputs under random labels too, for twice the time.")
    ] = True,
    memory: Annotated[float, typer.Option(help="Limit of the working memory of a kernel in MiB.")] = 1024,
    data_dir: DataDir = None,
    allow_partial: AllowPartial = False,
    as_json: Json = False,
) -> None:
    """Kernels of infinitely wide networks, and what they bound: eigenvalues, clean and robust error."""
    from robnas.data import load_data
    from robnas.kernels import SphereAttack
    from robnas.types import check_count, check_range

    found = [_parsed(text, space) for text in dict.fromkeys(architectures)]
    check_range("beta", beta, 0, 1)
    attack, setting = SphereAttack(rho), {"beta": beta, "memory": memory}
    check_count("width", width)
    rows = []
    with progress_bar(as_json) as progress:
        source = load_data(data, data_dir=data_dir, allow_partial=allow_partial, progress=progress)
        x, y = _binary_task(source, classes, inputs, seed)
        noise = _noise(y, seed) if control else None
        steps = 1 if noise is None else 2
        for done, arch in enumerate(found):
            progress(steps * done, steps * len(found), str(arch))
            attacks = _Attacks(attack, *_victims(arch, x, width, seed, second_init))
            row = _theory_row(arch, x, y, attacks, **setting)
            if noise is not None:
                progress(steps * done + 1, steps * len(found), f"{arch}, control")
                row["random_labels"] = _control(arch, x, y, noise, attacks, **setting)
            rows.append(row)
            if not as_json:
                if not done:
                    print(f"{source.name} {classes}, N = {inputs}, ρ = {rho:g}, β = {beta:g}")
                _print_theory(row)
        progress(steps * len(found), steps * len(found), str(found[-1]))
    if as_json:
        facts = {"data": source.name, "classes": classes, "inputs": inputs, "rho": rho, "beta": beta}
        print_json({**facts, "second_init": second_init, "rows": [_finite(row) for row in rows]})
        return
    print("bounds hold up to factors that do not depend on the kernel; they are no probabilities")
    if control:
        print("attacks tell kernels their labels: a term far below that of random attacks is small because of this")


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


def _noise(y: Any, seed: int) -> Any:
    import torch

    from robnas.kernels import random_labels

    return torch.from_numpy(random_labels(y.numpy(), seed=seed))


def _victims(arch: TheoryArchitecture, x: Any, width: int, seed: int, second_init: bool) -> tuple[Any, Any]:
    """The networks of the first and of the second attack."""
    import torch

    from robnas._seeds import derive_seed
    from robnas.networks import build_theory_network

    first = build_theory_network(arch, input_shape=x.shape[1:], width=width, seed=seed, dtype=torch.float64)
    if not second_init:
        return first, first
    other = derive_seed(seed, "second initialisation")
    return first, build_theory_network(arch, input_shape=x.shape[1:], width=width, seed=other, dtype=torch.float64)


@dataclass(frozen=True)
class _Attacks:
    """What moves inputs, once and again."""

    attack: SphereAttack
    first: Any
    second: Any

    def kernels(self, arch: TheoryArchitecture, x: Any, labels: Any, memory: float) -> RobustKernels:
        """The five kernels where attacks are aimed at these labels."""
        from robnas.kernels import infinite_kernels

        robust = self.attack(self.first, x, labels)
        twice = self.attack(self.second, robust, labels)
        return infinite_kernels(arch, *(part.numpy() for part in (x, robust, twice)), memory_mib=memory)


def _theory_row(
    arch: TheoryArchitecture, x: Any, y: Any, attacks: _Attacks, *, beta: float, memory: float
) -> dict[str, Any]:
    from robnas import kernels

    five = attacks.kernels(arch, x, y, memory)
    bound = five.bound(y.numpy(), beta)
    flat = x.flatten(1).numpy()
    lower = {"schur": kernels.schur_bound, "hermite": kernels.hermite_bound}
    below = {} if arch.convolutional else {name: function(arch, flat) for name, function in lower.items()}
    return {
        "architecture": str(arch),
        "lambda_min": _smallest(five, y, beta),
        "lower_bounds_clean": below,
        "lower_bounds_mixed": {
            "weyl": kernels.weyl_bound(five, beta), "perturbation": kernels.perturbation_bound(five, beta)
        },
        "bound": asdict(bound),
    }  # fmt: skip


def _smallest(five: RobustKernels, y: Any, beta: float) -> dict[str, float]:
    from robnas.kernels import MEASURES

    matrices = {
        "clean": five.clean, "robust": five.robust, "twice": five.twice,
        "mixed": five.mixed(beta), "mixed-twice": five.mixed_twice(beta),
    }  # fmt: skip
    return {name: MEASURES["lambda-min"](matrix, y.numpy()) for name, matrix in matrices.items()}


def _control(
    arch: TheoryArchitecture, x: Any, y: Any, noise: Any, attacks: _Attacks, *, beta: float, memory: float
) -> dict[str, Any]:
    """What contains attacked inputs, where attacks are aimed at random labels.

    ``lambda_min`` and ``bound`` of the true labels, to which such attacks are blind, and ``noise``, the same of the
    random labels, which the kernels know and nothing else does.
    """
    five = attacks.kernels(arch, x, noise, memory)
    bound, of_noise = (asdict(five.bound(labels.numpy(), beta)) for labels in (y, noise))
    if not beta:  # K_all is K
        for terms in (bound, of_noise):
            del terms["clean"], terms["clean_spectral"]
    lowest = _smallest(five, y, beta)
    untouched = ("clean", "mixed") if not beta else ("clean",)
    return {
        "lambda_min": {name: value for name, value in lowest.items() if name not in untouched},
        "bound": bound,
        "noise": {side: value for side, value in of_noise.items() if not side.endswith("_spectral")},
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """With null for what is infinite, which JSON has not."""
    kept: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            kept[key] = _finite(value)
        else:
            kept[key] = None if isinstance(value, float) and not isfinite(value) else value
    return kept


def _print_theory(row: dict[str, Any]) -> None:
    def listed(values: dict[str, float]) -> str:
        return "  ".join(
            f"{name} {value:.4g}" if isfinite(value) else f"{name} singular" for name, value in values.items()
        )

    bound, control = row["bound"], row.get("random_labels")
    print(row["architecture"])
    print(f"  smallest eigenvalue  {listed(row['lambda_min'])}")
    if control:
        print(f"    random attacks     {listed(control['lambda_min'])}")
    if row["lower_bounds_clean"]:
        print(f"  clean at least       {listed(row['lower_bounds_clean'])}")
    print(f"  mixed at least       {listed(row['lower_bounds_mixed'])}")
    for side in ("clean", "robust"):
        print(f"  {side + ' error ~':<20} {bound[side]:.4g}  (by the eigenvalue alone {bound[side + '_spectral']:.4g})")
        if control and side in control["bound"]:
            blind = control["bound"]
            print(
                f"    random attacks     {blind[side]:.4g}  (by the eigenvalue alone {blind[side + '_spectral']:.4g})"
            )
            print(f"    random labels      {control['noise'][side]:.4g}", flush=True)
