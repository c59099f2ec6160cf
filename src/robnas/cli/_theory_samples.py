"""What `robnas theory` computes kernels of: images of some classes, attacked on random networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from robnas.data import Dataset
    from robnas.kernels import RobustKernels, SphereAttack
    from robnas.spaces import TheoryArchitecture

    Labels = npt.NDArray[Any]
    Accuracies = Callable[[float], tuple[float, float]]

_TESTED = 100


@final
@dataclass(frozen=True, eq=False)
class Attacked:
    """Images attacked once, and the kernels of the images, of these and of the twice attacked ones."""

    robust: Tensor
    kernels: RobustKernels


@final
@dataclass(frozen=True, eq=False)
class Pictures:
    """Images of the training and of the test split, pixels in [0, 1], and their classes."""

    train: Tensor
    labels: Labels
    test: Tensor
    wanted: Labels

    @classmethod
    def of(cls, data: Dataset, classes: list[int], count: int, tested: int | None, seed: int) -> Pictures:
        """As equally many of each of the classes as possible; 100 test images, or all, if `tested` is None."""
        from robnas.errors import InputError
        from robnas.types import check_range

        train, labels = _balanced(data, "train", classes, count, seed)
        if len(set(labels.tolist())) < len(classes):
            raise InputError("--inputs", expected=f"at least {2 * len(classes)}, two of each class", got=count)
        if tested == 0:
            return cls(train, labels, train[:0], labels[:0])
        there = len(_of_classes(data, "test", classes))
        wanted = min(_TESTED, there) if tested is None else tested
        check_range("--test", wanted, 2, there)
        return cls(train, labels, *_balanced(data, "test", classes, wanted, seed))


class Sample(Protocol):
    """Images and labels in the form that the networks of a space take, and how they are attacked."""

    @property
    def classes(self) -> str:
        """Their numbers with commas between."""
        ...

    @property
    def labels(self) -> Labels:
        """Of the training images, shape (n,)."""
        ...

    @property
    def noise(self) -> Labels:
        """The same in a random order."""
        ...

    @property
    def tested(self) -> int:
        """Number of test images."""
        ...

    @property
    def width(self) -> int:
        """Of the networks that are attacked."""
        ...

    @property
    def seed(self) -> int:
        """Of these and of what is chosen at random."""
        ...

    @property
    def radius(self) -> dict[str, Any]:
        """Of the attack, by its name."""
        ...

    @property
    def radius_text(self) -> str:
        """The same for people."""
        ...

    def attacked(self, arch: Any, labels: Labels) -> Attacked:
        """Attacks aimed at these labels, on random networks of an architecture, and the kernels of infinite width."""
        ...

    def accuracies(self, arch: Any, hit: Attacked, ridge: float, time: float) -> Accuracies:
        """Clean and attacked accuracy on test images of regression with K_all(β), by β; nan for a singular kernel."""
        ...

    def lower_bounds(self, arch: Any) -> dict[str, float]:
        """Of the smallest eigenvalue of the clean kernel, where there are any."""
        ...


def _balanced(data: Dataset, split: str, classes: list[int], count: int, seed: int) -> tuple[Tensor, Labels]:
    from robnas.kernels import balanced_batch

    part, chosen = data.split(split), _of_classes(data, split, classes)
    chosen = chosen[balanced_batch(part.labels[chosen], count, seed)]
    return part.images[chosen].double() / 255, part.labels[chosen].numpy()


def _of_classes(data: Dataset, split: str, classes: list[int]) -> Tensor:
    """Which images are of these, as numbers."""
    import torch

    return torch.isin(data.split(split).labels, torch.tensor(classes)).nonzero().squeeze(1)


@final
@dataclass(frozen=True, eq=False)
class SphereSample:
    """Two classes on the unit sphere, for architectures of the theory space."""

    train: Tensor
    labels: Labels
    """±1."""
    noise: Labels
    test: Tensor
    wanted: Labels
    attack: SphereAttack
    classes: str
    width: int
    seed: int
    second_init: bool
    memory: float

    @classmethod
    def of(cls, pictures: Pictures, data: Dataset, *, classes: str, seed: int, **settings: Any) -> SphereSample:
        """Images centred by the mean of the training images and brought to the sphere; the second class is +1."""
        import numpy as np

        from robnas.kernels import random_labels

        high = int(classes.split(",")[1])
        labels, wanted = (np.where(one == high, 1.0, -1.0) for one in (pictures.labels, pictures.wanted))
        train, test = (_on_sphere(one, data) for one in (pictures.train, pictures.test))
        noise = random_labels(labels, seed=seed)
        return cls(train, labels, noise, test, wanted, classes=classes, seed=seed, **settings)

    @property
    def tested(self) -> int:
        """See `Sample`."""
        return len(self.wanted)

    @property
    def radius(self) -> dict[str, Any]:
        """See `Sample`."""
        return {"rho": self.attack.rho}

    @property
    def radius_text(self) -> str:
        """See `Sample`."""
        return f"ρ = {self.attack.rho:g}"

    def attacked(self, arch: TheoryArchitecture, labels: Labels) -> Attacked:
        """See `Sample`."""
        import torch

        from robnas.kernels import infinite_kernels
        from robnas.networks import build_theory_network

        size, aims = self.train.shape[1:], torch.from_numpy(labels)
        first, second = (
            build_theory_network(arch, input_shape=size, width=self.width, seed=seed, dtype=torch.float64)
            for seed in seeds_of(self.seed, self.second_init)
        )
        robust = self.attack(first, self.train, aims)
        stack = self.train, robust, self.attack(second, robust, aims)
        return Attacked(robust, infinite_kernels(arch, *(part.numpy() for part in stack), memory_mib=self.memory))

    def accuracies(self, arch: TheoryArchitecture, hit: Attacked, ridge: float, time: float) -> Accuracies:
        """See `Sample`; attacks are those on the kernel's own predictions."""
        import numpy as np

        from robnas.kernels import InfiniteKernel

        five, kernel = hit.kernels, InfiniteKernel(arch, memory_mib=self.memory)
        matrix = np.block([[five.clean, five.cross], [five.cross.T, five.robust]])
        given = self.train.numpy(), hit.robust.numpy(), self.labels
        return regression_accuracies(kernel, matrix, given, (self.test.numpy(), self.wanted), self.attack, ridge, time)

    def lower_bounds(self, arch: TheoryArchitecture) -> dict[str, float]:
        """See `Sample`."""
        from robnas.kernels import hermite_bound, schur_bound

        flat, bounds = self.train.flatten(1).numpy(), {"schur": schur_bound, "hermite": hermite_bound}
        return {} if arch.convolutional else {name: function(arch, flat) for name, function in bounds.items()}


def _on_sphere(pixels: Tensor, data: Dataset) -> Tensor:
    import torch

    from robnas.kernels import unit_sphere

    centred = pixels - torch.tensor(data.mean, dtype=torch.float64).view(1, -1, 1, 1)
    return torch.tensor(unit_sphere(centred.numpy())) if len(pixels) else pixels


def seeds_of(seed: int, second_init: bool) -> tuple[int, int]:
    """Of the networks of the first and of the second attack."""
    from robnas._seeds import derive_seed

    return seed, derive_seed(seed, "second initialisation") if second_init else seed


def regression_accuracies(
    kernel: Any, matrix: Any, given: Any, tested: Any, attack: Any, ridge: float, time: float
) -> Accuracies:
    """What `Sample.accuracies` says, by regression with K_all(β) of a kernel.

    Args:
        kernel: a `DifferentiableKernel`.
        matrix: what it is of training images and attacked ones, shape (2n, 2n).
        given: training images, attacked ones and labels.
        tested: test images and labels.
        attack: as of `robnas.kernels.attack_regression`.
        ridge: in units of the kernel.
        time: of the gradient flow.
    """
    from robnas.kernels import SingularKernelError, attack_regression, mixed_regression

    def at(beta: float) -> tuple[float, float]:
        try:
            found = mixed_regression(kernel, *given, beta=beta, ridge=ridge, time=time, matrix=matrix)
        except SingularKernelError:  # and no ridge was given
            return float("nan"), float("nan")
        right = found.correct(*tested)
        attacked = attack_regression(found, tested[0], tested[1], attack)
        return float(right.mean()), float((right & found.correct(attacked, tested[1])).mean())

    return at
