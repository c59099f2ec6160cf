"""APGD, Square and AutoAttack: the authors' own code, from the package pyautoattack."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from robnas._randomness import own_randomness
from robnas.attacks._attack import Attack, Labelled, metric_of
from robnas.attacks._checks import check_finite_logits, check_logits, infinite_gradient, no_gradient
from robnas.attacks._witness import Witness
from robnas.errors import InputError, Verbatim
from robnas.types import Progress, ThreatModel, check_count

_NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
_TILES = 5


class AttackWarning(UserWarning):
    """The library doubts that its own result can be relied on."""


class _ContiguousGradient(torch.autograd.Function):
    """Identity whose gradient is finite, and contiguous as the library's calls of `view` need it."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        if not gradient.abs().max().isfinite():
            raise infinite_gradient()
        return gradient.contiguous()


def _adapt(network: nn.Module, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The library computes in float32; the network in its own dtype."""

    def logits(images: Tensor) -> Tensor:
        passed: Tensor = _ContiguousGradient.apply(images)  # type: ignore[no-untyped-call]
        found = check_logits(network(passed.to(dtype)), len(images)).float()
        check_finite_logits(found, " on attacked images")
        if passed.requires_grad and not found.requires_grad:
            raise no_gradient()
        return found

    return logits


class _Relay:
    """Stands in for the library's logger, which others may have disabled: makes progress and warnings of its lines."""

    def __init__(self, progress: Progress, attacks: int = 1, hear: Callable[[str], None] | None = None) -> None:
        self._progress, self._attacks, self._begun, self._hear = progress, attacks, 0, hear

    def debug(self, text: str) -> None:
        """What is going on."""
        if self._hear is not None:
            self._hear(text)
        self._begun += text.startswith("running")
        self._progress(max(self._begun - 1, 0), self._attacks, f"autoattack: {text}")

    info = debug

    def warning(self, text: str) -> None:
        """What the library doubts."""
        warnings.warn(text, AttackWarning, stacklevel=2)


@contextmanager
def _library() -> Iterator[None]:
    """Undo what the library does to global state: random seeds, the trace function, its counts of calls.

    These counts are never reset by the library: one dynamic network would make dynamic ones of all that come later.
    It mixes tensors of the default dtype with its own float32, so that is the default meanwhile.
    """
    from pyautoattack import checks

    with own_randomness():  # by one thread at a time
        trace, counts, default = sys.gettrace(), dict(checks.funcs), torch.get_default_dtype()
        checks.funcs.update(dict.fromkeys(counts, 0))
        torch.set_default_dtype(torch.float32)
        try:
            with torch.enable_grad():
                yield
        except RuntimeError as error:
            if "not have been used in the graph" in str(error):
                raise no_gradient() from None
            raise
        finally:
            torch.set_default_dtype(default)
            checks.funcs.update(counts)
            sys.settrace(trace)


def _in_batches(
    find: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    batch_size: int,
    progress: Progress,
    name: str,
) -> Tensor:
    found: list[Tensor] = []
    for batch, targets in zip(torch.split(images, batch_size), torch.split(labels, batch_size), strict=True):
        found.append(find(batch.contiguous().float(), targets))
        progress(sum(map(len, found)), len(images), name)
    return torch.cat(found).to(images.dtype)


@final
@dataclass(frozen=True)
class APGD(Labelled):
    """Auto-PGD on the cross-entropy, no step size to choose (Croce and Hein 2020, Algorithm 1)."""

    steps: int = 100
    """Gradient steps per start."""
    restarts: int = 1
    """Number of starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "steps", check_count("APGD steps", self.steps))
        object.__setattr__(self, "restarts", check_count("APGD restarts", self.restarts))

    @property
    def name(self) -> str:
        """``apgd``."""
        return "apgd"

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        from pyautoattack.autopgd_base import APGDAttack

        if self.threat.epsilon == 0:
            return images
        attack = APGDAttack(
            _adapt(network, images.dtype),
            n_iter=self.steps,
            n_restarts=self.restarts,
            norm=_norm(self),
            eps=self.threat.epsilon,
            seed=_library_seed(seed),
            device=images.device,
            logger=_Relay(progress),
        )
        with _library():
            return _in_batches(attack.perturb, images, labels, batch_size, progress, self.name)


@final
@dataclass(frozen=True)
class Square(Labelled):
    """Square attack: random search with score queries, no gradients (Andriushchenko et al. 2020)."""

    queries: int = 5000
    """Forward passes per image."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "queries", check_count("Square queries", self.queries))

    @property
    def name(self) -> str:
        """``square``."""
        return "square"

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        from pyautoattack.square import SquareAttack

        if self.threat.epsilon == 0:
            return images
        _check_side("Square", self.threat, images)
        attack = SquareAttack(
            _adapt(network, images.dtype),
            n_queries=self.queries,
            norm=_norm(self),
            eps=self.threat.epsilon,
            seed=_library_seed(seed),
            device=images.device,
            resc_schedule=False,
        )
        _break_ties(attack)
        with _library(), torch.no_grad():
            return _in_batches(attack.perturb, images, labels, batch_size, progress, self.name)


@final
@dataclass(frozen=True)
class AutoAttack(Labelled):
    """Standard AutoAttack: APGD-CE, targeted APGD, targeted FAB, Square (Croce and Hein 2020).

    Images that one of them broke are not given to the next. The targeted attacks try nine wrong classes (in L1 APGD
    five, as the library has it), or all of them if there are fewer.
    """

    parts: ClassVar[tuple[str, ...]] = ("apgd-ce", "apgd-t", "fab-t", "square")
    """Names of the four, in the order in which they run."""

    @property
    def name(self) -> str:
        """``autoattack``."""
        return "autoattack"

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        found, _ = self.in_parts(network, images, labels, seed=seed, batch_size=batch_size, progress=progress)
        return found

    def in_parts(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> tuple[Tensor, Tensor]:
        """Adversarial images, and which of `parts` broke each; see `PartedAttack`."""
        from pyautoattack import AutoAttack as Library

        if self.threat.epsilon == 0:
            return images, torch.full_like(labels, len(self.parts))
        _check_side("AutoAttack", self.threat, images)
        logits = _adapt(network, images.dtype)
        with torch.no_grad():
            classes = logits(images[:1]).shape[1]
        if classes < 4:
            raise InputError(
                "AutoAttack",
                expected="at least 4 classes, which its targeted loss compares",
                got=classes,
                remedy="use the suite few-classes, or the attacks apgd and square",
            )
        with _library():
            attack = Library(
                logits,
                norm=_norm(self),
                eps=self.threat.epsilon,
                seed=_library_seed(seed),
                device=images.device,
            )
            witness = Witness(logits, labels, self.parts)
            attack.get_logits = witness.logits
            attack.apgd.logger = attack.apgd_targeted.logger = _Relay(progress, len(self.parts))
            attack.logger = _Relay(progress, len(self.parts), witness.hear)
            _break_ties(attack.square)
            for targeted in (attack.apgd_targeted, attack.fab):
                targeted.n_target_classes = min(targeted.n_target_classes, classes - 1)
            found, _ = attack.run_standard_evaluation(images.contiguous().float(), labels, batch_size=batch_size)
        return found.to(images.dtype), witness.broken_by


def _break_ties(square: Any) -> None:
    """Logits that tie count as broken at the random start, too: the library goes on with no images and fails."""
    ask = square.margin_and_loss

    def margin_and_loss(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        margin, loss = ask(images, labels)
        return torch.where(margin == 0, -torch.finfo(margin.dtype).tiny, margin), loss

    square.margin_and_loss = margin_and_loss


def _check_side(what: str, threat: ThreatModel, images: Tensor) -> None:
    """The library's random search in L1 and L2 begins with five tiles across the image."""
    if threat.norm != "linf" and images.shape[2] < _TILES:
        raise InputError(
            f"{what} in {threat.norm}",
            expected=f"images of at least {_TILES}×{_TILES} pixels",
            got=Verbatim(f"shape {tuple(images.shape)}"),
            remedy="use the attack apgd",
        )


def _norm(attack: Attack) -> str:
    """The library's name of a norm."""
    if attack.threat.norm not in _NORMS:
        raise InputError(metric_of(attack).key, expected=f"a norm of {', '.join(_NORMS)}", got=attack.threat.norm)
    return _NORMS[attack.threat.norm]


def _library_seed(seed: int) -> int:
    """Small seeds as they are; longer ones cut to the 31 bits that every generator takes."""
    return seed & 0x7FFFFFFF
