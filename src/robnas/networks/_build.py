"""The network of an architecture of any space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from robnas._randomness import seeded_randomness
from robnas.errors import InputError, reason
from robnas.networks._located import located
from robnas.networks._theory import build_theory_classifier
from robnas.networks._wide_resnet import build_wide_resnet
from robnas.networks.nas_bench_201 import NAME, build_cell_network
from robnas.spaces import Architecture, Space
from robnas.types import check_count

BUILDERS: dict[str, Callable[..., nn.Module]] = {
    NAME: lambda arch, space, *, image_size, **sizes: build_cell_network(arch, **space.settings, **sizes),
    "theory": lambda arch, space, **sizes: build_theory_classifier(arch, **sizes),
    "wide-resnet": lambda arch, space, **sizes: build_wide_resnet(arch.genes, **sizes),
}
"""Of the spaces that come with robnas: ``builder(arch, space, *, num_classes, in_channels, image_size, mean, std,
seed)``. Others bring their own, `robnas.spaces.Space.build`."""


def build_network(
    arch: object,
    *,
    num_classes: int,
    channels: int | None = None,
    cells: int | None = None,
    in_channels: int = 3,
    image_size: int = 32,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    space: Space | None = None,
) -> nn.Module:
    """The network of an architecture, with the initial weights that `seed` decides.

    Args:
        arch: an architecture, or one of NAS-Bench-201 in any encoding.
        num_classes: number of classes.
        channels: of NAS-Bench-201, channels C of the first stage; those of the space if omitted, usually the paper's
            16.
        cells: of NAS-Bench-201, cells N per stage; those of the space if omitted, usually the paper's 5.
        in_channels: channels of the images.
        image_size: height and width of the images; most networks are the same for all.
        mean: mean of the data set per channel in pixels, shape ``(in_channels,)``; no normalisation if omitted. A space
            of one's own, whose `build` takes pixels, does without.
        std: standard deviation likewise.
        seed: of the initial weights. They do not depend on the device or on other random numbers drawn, and the global
            generators are left as they were.
        space: of the architecture, where it is not registered or has other settings than usual; `arch` may then be a
            text.

    Raises:
        InputError: a malformed architecture, a space that has no such setting or nothing to build with, a size below 1,
            mean and std that do not fit, or a `build` that fails or returns no module.
    """
    found, space = located(arch, space, channels=channels, cells=cells)
    sizes = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    sizes = {what: check_count(what, value) for what, value in sizes.items()}
    if space.build is None and space.name in BUILDERS:
        return BUILDERS[space.name](found, space, mean=mean, std=std, seed=seed, **sizes)
    return _own(found, space, check_count("seed", seed, 0), sizes)


def _own(arch: Architecture, space: Space, seed: int, sizes: dict[str, int]) -> nn.Module:
    if space.build is None:
        raise InputError(
            f"space {space.name}",
            expected="one whose networks can be built",
            got=space,
            remedy="give it build=, a function that returns a torch.nn.Module",
        )
    try:
        with seeded_randomness(seed):
            network = space.build(arch.genes, **sizes)
    except InputError:
        raise
    except Exception as error:  # whatever the code of others raises
        raise InputError(f"build of space {space.name}", expected=f"a network of {arch}", got=reason(error)) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"build of space {space.name}", expected="to return a torch.nn.Module", got=network)
    return network
