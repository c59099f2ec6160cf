"""What the networks of a space promise: pixels in, logits out, decided by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from robnas.networks import build_network, count
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import Examiner, global_state

_COUNTED = 5  # architectures among which the smallest are built
_IMAGES, _TOLERANCE = 3, 1e-3


def check_networks(
    space: Space, architectures: Sequence[Architecture], *, count: int, image_size: int, seed: int
) -> None:
    """Whether networks of a space take pixels in [0, 1], give a logit per class, and follow from their seed.

    They are differentiable, also with respect to the pixels, which attacks need; an image's logits do not depend on
    the others of its batch in evaluation mode; `robnas.networks.count` knows their size.

    Args:
        space: registered.
        architectures: among which the smallest of the first few are built.
        count: how many are built.
        image_size: height and width of the images.
        seed: of the weights and images.

    Raises:
        AssertionError: they do not; the line says what has to be mended.
    """
    _Check(space, image_size, seed).all(architectures, count)


def smallest(space: Space, architectures: Sequence[Architecture], number: int, image_size: int) -> list[Architecture]:
    """Those with the fewest parameters among the first few, and the space's first, which often has few."""
    some = dict.fromkeys([space.at([0] * len(space.genes)), *architectures[:_COUNTED]])
    sizes = {arch: count(arch, space=space, input_size=image_size).parameters for arch in some}
    return sorted(some, key=lambda arch: (sizes[arch], arch.text))[:number]


@final
class _Check(Examiner):
    def __init__(self, space: Space, image_size: int, seed: int) -> None:
        super().__init__(f"space {space.name}")
        self.space, self.side, self.seed = space, image_size, seed

    def all(self, archs: Sequence[Architecture], number: int) -> None:
        found = self.attempt("networks.count()", smallest, self.space, archs, number, self.side)
        for place, arch in enumerate(found):
            channels, classes = ((1, 10), (3, 4))[place % 2]
            self._check(arch, channels, classes)

    def _count(self, arch: Architecture, channels: int, classes: int) -> int:
        sizes: Any = {"input_size": self.side, "in_channels": channels, "num_classes": classes, "live": True}
        found = self.attempt(f"networks.count({arch})", count, arch, space=self.space, **sizes)
        return found.parameters

    def _build(self, arch: Architecture, channels: int, classes: int, seed: int) -> nn.Module:
        sizes: Any = {"in_channels": channels, "num_classes": classes, "image_size": self.side}
        what = f"build of {arch} for {channels}×{self.side}×{self.side} images and {classes} classes"
        return self.attempt(what, build_network, arch, space=self.space, seed=seed, **sizes)

    def _check(self, arch: Architecture, channels: int, classes: int) -> None:
        before = global_state(), torch.random.get_rng_state()
        network = self._build(arch, channels, classes, self.seed)
        again = self._build(arch, channels, classes, self.seed)
        other = self._build(arch, channels, classes, self.seed + 1)
        unmoved = global_state() == before[0] and torch.equal(torch.random.get_rng_state(), before[1])
        self.expect(unmoved, "building moves or seeds a global random state")
        self.expect(_same(network, again), f"two builds of {arch} with one seed have different weights")
        drawn = any(one.numel() and one.min() < one.max() for one in network.parameters())
        self.expect(not drawn or not _same(network, other), f"the weights of {arch} do not depend on the seed")
        held = sum(one.numel() for one in network.parameters())
        counted = self._count(arch, channels, classes)
        self.expect(held == counted, f"networks.count({arch}) says {counted:,} parameters, the network has {held:,}")
        generator = torch.Generator().manual_seed(self.seed)
        pixels = torch.rand(_IMAGES, channels, self.side, self.side, generator=generator)
        self._training(arch, network, pixels, classes)
        self._evaluation(arch, network, other, pixels)

    def _training(self, arch: Architecture, network: nn.Module, pixels: Tensor, classes: int) -> None:
        """A step, which leaves running statistics behind."""
        kept, inputs = pixels.clone(), pixels.clone().requires_grad_()
        logits = self.attempt(f"network of {arch} on pixels", network.train(), inputs)
        shape = (_IMAGES, classes)
        right = isinstance(logits, Tensor) and logits.shape == shape
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        self.expect(right, f"the network of {arch} gives {got} for {_IMAGES} images, not logits of shape {shape}")
        self.expect(torch.equal(inputs.detach(), kept), f"the network of {arch} changes the pixels that it is given")
        self.expect(logits.isfinite().all(), f"the network of {arch} gives logits that are not finite")
        if not any(one.requires_grad for one in network.parameters()):
            return
        self.expect(
            logits.requires_grad, f"the logits of {arch} have no gradient, so nothing can be trained or attacked"
        )
        self.attempt(f"backward of {arch}", torch.autograd.backward, logits.sum())
        gradients = [one.grad for one in (inputs, *network.parameters()) if one.grad is not None]
        self.expect(all(one.isfinite().all() for one in gradients), f"gradients of {arch} are not finite")

    @torch.no_grad()
    def _evaluation(self, arch: Architecture, network: nn.Module, other: nn.Module, pixels: Tensor) -> None:
        network.eval()
        logits = network(pixels)
        self.expect(torch.equal(logits, network(pixels)), f"{arch} answers one batch in two ways in evaluation mode")
        alone = self.attempt(f"network of {arch} on one image", network, pixels[:1])
        near = torch.allclose(alone, logits[:1], rtol=_TOLERANCE, atol=_TOLERANCE)
        self.expect(near, f"the logits of {arch} for an image depend on the others of its batch in evaluation mode")
        self.attempt(f"load_state_dict of {arch}", other.load_state_dict, network.state_dict())
        same = torch.equal(other.eval()(pixels), logits)
        self.expect(
            same, f"the state of {arch} in a checkpoint is not all of it: loaded elsewhere it answers otherwise"
        )


def _same(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)
