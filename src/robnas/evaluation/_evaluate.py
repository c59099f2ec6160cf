"""Network + suite of attacks and corruptions → measurements."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robnas._products import products
from robnas._settings import content_hash, to_dict
from robnas._states import update
from robnas.attacks import (
    Answers,
    Attack,
    AttackWarning,
    PartedAttack,
    Victim,
    check_classes,
    frozen,
    parameter_dtype,
    perturb,
    predict,
    seeded_randomness,
    victim_of,
)
from robnas.data import Dataset, Images, to_pixels
from robnas.errors import InputError
from robnas.evaluation._checks import SAMPLE, active_flags, ordering_flags, steady_flag
from robnas.evaluation._corrupted import Corrupted
from robnas.evaluation._ledger import Ledger, attack_code
from robnas.evaluation._measurement import Evaluation, Flag, Measurement, Share, pack
from robnas.evaluation._suite import Suite, check_suite, metric_key
from robnas.types import Progress, Split, ThreatModel, check_count, check_split, silent

EVALUATION = "evaluation"


@dataclass(frozen=True, eq=False)
class _Subject:
    """The network and the images of one evaluation."""

    network: nn.Module
    images: Tensor
    labels: Tensor
    seed: int
    batch_size: int
    classes: tuple[str, ...]
    """A name for each."""
    context: dict[str, Any]
    """What decides a measurement besides the attack."""


@torch.inference_mode(False)
def evaluate(
    network: nn.Module,
    data: Dataset,
    suite: Suite,
    *,
    split: str,
    seed: int,
    limit: int | None = None,
    batch_size: int = 256,
    directory: Path | str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    data_dir: Path | str | None = None,
    allow_partial: bool = False,
) -> Evaluation:
    """Measure clean accuracy and accuracy under each attack and corruption of a suite.

    Images that are misclassified without attack count as broken and are not attacked. Corrupted copies are the official
    ones where they are in `data_dir`, else made from the images of the split, the same for all networks and seeds, and
    then named apart (``brightness:made@3``, see `robnas.data.corruptions`). A network exactly as built is
    asked in its folded form, if that has the same logits on some images; the result says so. With a directory, each
    measurement is kept when it is made, and a repeated call makes the missing ones only; what was kept is made again if
    the network does not answer as it did then about the first images of the split. Whatever the network draws from
    global generators, `seed` decides; they are afterwards as before.

    Args:
        network: maps pixels in [0, 1] to logits; moved to `device`, asked in evaluation mode, otherwise left alone.
        data: the data set.
        suite: the attacks and corruptions.
        split: ``validation`` or ``test`` (or ``train``); there is no default.
        seed: of the attacks.
        limit: take only the first images of the split.
        batch_size: images per forward pass.
        directory: the measurements are kept in its folder ``evaluation``.
        device: where to compute.
        progress: told about the attacks and corruptions done, and the images within each.
        data_dir: where data sets lie, as for `robnas.load_data`: official corrupted images are looked for there.
        allow_partial: accept fewer of these than the official files have.

    Raises:
        DataError: official corrupted images are there, but damaged.
        InputError: no module, no such split, `limit` above its size, AutoAttack with fewer than 4 classes; labels
            outside the classes of the data, a network that does not take the images or has fewer logits; logits or
            gradients that are not finite.
    """
    name = check_split(split)
    seed, batch_size = check_count("seed", seed, 0), check_count("batch_size", batch_size)
    check_suite(suite, data)
    if not isinstance(network, nn.Module):
        raise InputError("network", expected="a torch.nn.Module that maps pixels in [0, 1] to logits", got=network)
    part = data.split(name).limit(limit).to(device)
    corrupted = None
    if suite.corruptions:
        corrupted = Corrupted.of(suite, data, name, data_dir=data_dir, allow_partial=allow_partial)
    network.to(device)
    folder = None if directory is None else Path(directory) / EVALUATION
    with products(part.labels.device), seeded_randomness(seed, part.labels.device):
        pixels = to_pixels(part.images, parameter_dtype(network))
        labels = check_classes(network, pixels[:1], part.labels, count=len(pixels), classes=data.num_classes)
        victim = victim_of(network, pixels[: min(batch_size, Victim.count)])
        context: dict[str, Any] = {
            "weights": weights_hash(network),
            "data": data.content_hash,
            "split": split,
            "seed": seed,
            "batch": batch_size,
        }
        names = data.classes or tuple(map(str, range(data.num_classes)))
        subject = _Subject(victim.network, pixels, labels, seed, batch_size, names, context)
        ledger = Ledger(folder, None if folder is None else _answers(subject, data, name))
        found = _evaluated(subject, suite, name, ledger, progress, corrupted)
    doubts = (Flag("the folded network computes what the network does", passed=False, detail=victim.doubt),)
    flags = found.flags + doubts * bool(victim.doubt)
    return replace(
        found,
        folded=victim.folded,
        flags=flags,
        remeasured=tuple(ledger.replaced),
        weights=context["weights"],
        dataset_hash=data.content_hash,
        left_out={} if corrupted is None else corrupted.left_out,
        notes={} if corrupted is None else corrupted.notes,
    )


def _answers(subject: _Subject, data: Dataset, split: Split) -> Answers:
    """What the network answers about the same images whatever the limit."""
    first = data.split(split).images[: Answers.count].to(subject.labels.device)
    return Answers.of(subject.network, to_pixels(first, subject.images.dtype), subject.seed)


def _evaluated(
    subject: _Subject, suite: Suite, name: Split, ledger: Ledger, progress: Progress, corrupted: Corrupted | None
) -> Evaluation:
    size = len(subject.labels)
    pairs = () if corrupted is None else corrupted.pairs
    total = 1 + len(suite.attacks) + len(pairs)
    clean = _measure(subject, None, size, ledger, _within(progress, 0, total, "clean"))
    measurements = [clean]
    correct = torch.from_numpy(clean.correct).to(subject.labels.device)
    for number, attack in enumerate(suite.attacks, start=1):
        count = suite.images(attack, size)
        report = _within(progress, number, total, metric_key(attack))
        measurements.append(_measure(subject, attack, count, ledger, report, correct[:count]))
    if corrupted is not None:
        reports = (_within(progress, total - len(pairs) + n, total, corrupted.key(*p)) for n, p in enumerate(pairs))
        measurements += _corrupted(subject, corrupted, corrupted.count(suite, size), ledger, reports)
    flags = list(ordering_flags(measurements)) + (_check(subject, suite, correct) if suite.checks else [])
    return Evaluation(suite.name, name, subject.seed, tuple(measurements), tuple(flags))


def _corrupted(
    subject: _Subject, corrupted: Corrupted, count: int, ledger: Ledger, reports: Iterator[Progress]
) -> list[Measurement]:
    """Accuracy on each of the corrupted copies of the first `count` images, then their mean where there is one."""
    found: dict[tuple[str, int], Measurement] = {}
    with frozen(subject.network) as network:  # once for all of them
        for (name, severity), report in zip(corrupted.pairs, reports, strict=True):
            report(0, count, "")
            settings = corrupted.settings(name, severity)
            asked = _Asked(corrupted.key(name, severity), settings, corrupted.seed, count, attack_code(None))
            find = partial(_right, subject, network, partial(corrupted.images, name, severity, count))
            found[name, severity] = _kept(subject, asked, ledger, find)
            report(count, count, "")
    mean = corrupted.mean(found)
    return [*found.values(), *([] if mean is None else [replace(mean, per_class=_per_class(subject, mean))])]


def _right(subject: _Subject, network: nn.Module, copies: Callable[[], Images]) -> tuple[Tensor, dict[str, Tensor]]:
    """Which of other images a frozen network classifies correctly."""
    part = copies().to(subject.labels.device)
    with seeded_randomness(subject.seed, subject.labels.device):
        pixels = to_pixels(part.images, subject.images.dtype)
        return predict(network, pixels, subject.batch_size) == part.labels, {}


def _within(progress: Progress, number: int, total: int, text: str) -> Progress:
    """Report the images of one attack as a share of the whole suite, in thousandths."""
    begun = time.perf_counter()

    def report(done: int, size: int, detail: str) -> None:
        rate = f"{text}, {done / max(time.perf_counter() - begun, 1e-3):,.0f} images/s"
        progress(round(1000 * (number + done / max(size, 1))), 1000 * total, detail if ":" in detail else rate)

    return report


@dataclass(frozen=True)
class _Asked:
    """What is measured."""

    metric: str
    settings: Mapping[str, Any] | None
    seed: int
    count: int
    version: str


def _measure(
    subject: _Subject,
    attack: Attack | None,
    count: int,
    ledger: Ledger,
    progress: Progress,
    correct: Tensor | None = None,
) -> Measurement:
    settings = None if attack is None else {"name": attack.name, **to_dict(attack)}
    seed = 0 if attack is None else subject.seed

    def find() -> tuple[Tensor, dict[str, Tensor]]:
        if attack is None or correct is None:
            return _clean(subject, count), {}
        return _robust(subject, attack, correct, progress)

    found = _kept(subject, _Asked(metric_key(attack), settings, seed, count, attack_code(attack)), ledger, find)
    progress(count, count, "")
    return found


def _kept(
    subject: _Subject, asked: _Asked, ledger: Ledger, find: Callable[[], tuple[Tensor, dict[str, Tensor]]]
) -> Measurement:
    """What the ledger has, or what `find` finds: which images stay correct, and after each part of an attack."""
    settings, count = asked.settings, asked.count
    key = content_hash({**subject.context, "attack": settings, "code": asked.version, "images": count})
    found = ledger.get(key)
    if found is None:
        begun = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AttackWarning)
            remaining, after = find()
        doubts = {str(warning.message) for warning in caught if issubclass(warning.category, AttackWarning)}
        found = Measurement(
            asked.metric,
            settings,
            count,
            time.perf_counter() - begun,
            asked.seed,
            pack(remaining.cpu().numpy()),
            torch.__version__,
            device_name(subject.images.device),
            tuple(sorted(doubts)),
            tuple(Share(name, count, int(left.sum())) for name, left in after.items()),
        )
        ledger.put(key, found)
    return replace(found, per_class=_per_class(subject, found))


def _per_class(subject: _Subject, found: Measurement) -> tuple[Share, ...]:
    labels = np.tile(subject.labels[: found.images].cpu().numpy(), found.times)
    images, right = (
        np.bincount(some, minlength=len(subject.classes)).tolist() for some in (labels, labels[found.correct.ravel()])
    )
    return tuple(map(Share, subject.classes, images, right))


def _clean(subject: _Subject, count: int) -> Tensor:
    with frozen(subject.network) as network, seeded_randomness(subject.seed, subject.labels.device):
        return predict(network, subject.images[:count], subject.batch_size) == subject.labels[:count]


def _robust(subject: _Subject, attack: Attack, correct: Tensor, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
    """Which images stay correct, and after each part of the attack; only those correct before are attacked."""
    index, remaining = correct.nonzero().flatten(), correct.clone()
    after = {name: correct.clone() for name in (attack.parts if isinstance(attack, PartedAttack) else ())}
    if len(index):
        run = partial(perturb, seed=subject.seed, batch_size=subject.batch_size, progress=progress)
        found = run(attack, subject.network, subject.images[index], subject.labels[index])
        remaining[index] = found.correct
        for name, left in found.after.items():
            after[name][index] = left
    return remaining, after


def _check(subject: _Subject, suite: Suite, correct: Tensor) -> list[Flag]:
    """Checks of the network, and of each norm at its largest radius; a check that cannot run has failed."""
    network, seed = subject.network, subject.seed
    images, labels, correct = (values[:SAMPLE] for values in (subject.images, subject.labels, correct))
    flags = [steady_flag(network, images, seed=seed)]
    attacks = [attack.threat for attack in suite.attacks]
    if not (attacks or suite.corruptions):
        attacks = [ThreatModel("linf", 0.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AttackWarning)
        for norm in dict.fromkeys(threat.norm for threat in attacks):
            epsilon = max(threat.epsilon for threat in attacks if threat.norm == norm)
            about = tuple(metric_key(attack) for attack in suite.attacks if attack.threat.norm == norm)
            found = active_flags(network, images, labels, correct, norm=norm, epsilon=epsilon, seed=seed)
            try:
                flags += [replace(flag, metrics=about) for flag in found]
            except InputError as error:
                flags.append(Flag(f"the checks in {norm} can run", passed=False, detail=str(error), metrics=about))
    return flags


def weights_hash(network: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight, buffer, extra state or part of the structure."""
    digest = hashlib.sha256(repr(network).encode())  # weights mean nothing without the structure around them
    update(digest, network.state_dict())
    return digest.hexdigest()[:16]


def device_name(device: torch.device | str) -> str:
    """Model of a GPU, or ``cpu``."""
    kind = torch.device(device)
    return torch.cuda.get_device_name(kind) if kind.type == "cuda" else kind.type
