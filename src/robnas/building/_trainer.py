"""The trainer of plans: trains a network, measures it, makes records."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from robnas._settings import content_hash
from robnas.building._curves import CurveOfTrial
from robnas.building._inputs import Inputs
from robnas.building._keeping import keep_weights
from robnas.building._measuring import Measuring
from robnas.building._trial import Source, Trial, sized
from robnas.building._weights import Trained
from robnas.data import Dataset
from robnas.errors import DataError, Verbatim
from robnas.evaluation import Corrupted, evaluate
from robnas.records import Outcome, QueuedTrial, Record
from robnas.spaces import Space
from robnas.training import Recipe, is_finished, overfitting
from robnas.types import Split


@final
@dataclass(frozen=True, kw_only=True)
class TrainAndEvaluate:
    """A `Trainer` for the trials of one plan."""

    space: Space = field(default=None)  # type: ignore[assignment]
    """With its settings; if omitted the usual one, with the settings that belong to the recipe."""
    source: Source
    recipe: Recipe
    measuring: Measuring
    dataset_hash: str
    """Content of the data set for which the plan was expanded."""
    measurements: tuple[dict[str, Any], ...] = ()
    """`Expansion.measurements` of a plan with corruptions, whose images are compared with these."""
    earlier_setup: str = ""
    """`Expansion.earlier_setup`, under which an earlier version may have begun a training."""
    data_dir: Path | None = None
    """Where data sets lie."""
    work_dir: Path | None = None
    """Each training keeps a checkpoint per epoch in a folder of this one; nothing is kept if omitted."""
    weights_dir: Path | None = None
    """The weights of each finished trial are kept in a file of this folder; they are not if it is omitted."""
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", sized(self.space, None, self.recipe))
        object.__setattr__(self, "recipe", self.recipe.without_size())

    def prepare(self) -> None:
        """Load the data set.

        Raises:
            DataError: its content is not that of the plan, nor that of its corrupted copies.
        """
        data = _load(self.source, self.data_dir, self.device)
        found = data.content_hash
        if found != self.dataset_hash:
            raise DataError(
                f"data set {self.source.name} of the worker",
                expected=f"content {self.dataset_hash}, as the plan was made for",
                got=Verbatim(found),
                remedy="give all machines the same files",
            )
        for split, corrupted in self._corrupted(data).items():
            asked = {metric: content_hash(done) for metric, done, _ in corrupted.described(1)}
            planned = {one["metric"]: one["attack_hash"] for one in self.measurements if one["split"] == split}
            if other := [metric for metric, done in asked.items() if planned.get(metric) != done]:
                raise DataError(
                    f"corrupted copies of {self.source.name} {split} of the worker",
                    expected=f"those that the plan was made for, such as {', '.join(list(planned)[-2:])}",
                    got=Verbatim(f"others, such as {other[0]}"),
                    remedy="give all machines the same files and versions",
                )

    def _corrupted(self, data: Dataset) -> dict[Split, Corrupted]:
        """What is to be compared with the plan, if anything."""
        return corrupted_splits(self.measuring, data, self.source, self.data_dir) if self.measurements else {}

    def __call__(self, queued: QueuedTrial) -> Outcome:
        """Train and evaluate one architecture with one seed, or train it until it is to pause."""
        data = _load(self.source, self.data_dir, self.device)
        arch = self.space.parse(queued.architecture)
        trial = Trial(space=self.space, architecture=arch, source=self.source, recipe=self.recipe, seed=queued.seed)
        with ExitStack() as stack:
            directory = self._folder(queued)
            if directory is None and queued.until is not None:  # it pauses, and begins anew when it is wanted further
                directory = Path(stack.enter_context(TemporaryDirectory()))
            return self._done(trial, queued, data, directory)

    def _done(self, trial: Trial, queued: QueuedTrial, data: Dataset, directory: Path | None) -> Outcome:
        curve = self._curve(trial, data)
        network, history = trial.train(data, directory, device=self.device, measure=curve, until=queued.until)
        curves = () if curve is None else curve.curves(history)
        records: list[Record] = []
        settings: dict[str, dict[str, Any]] = {} if curve is None else curve.settings
        if not is_finished(self.recipe, history):
            return Outcome((), settings, curves=curves, epochs=len(history))
        doubt = overfitting(history)
        warnings = [] if doubt is None else [f"training: {doubt}"]
        for split in self.measuring.splits:
            found = evaluate(
                network,
                data,
                self.measuring.suite,
                split=split,
                seed=queued.seed,
                limit=self.measuring.images.get(split),
                batch_size=self.measuring.batch_size,
                directory=directory,
                device=self.device,
                data_dir=self.data_dir,
                allow_partial=self.source.allow_partial,
            )
            made, described = trial.records(data, found)
            records += made
            settings |= described
            warnings += [f"{split}: {text}" for text in found.warnings]
        if self.weights_dir is not None:
            trained = Trained(network=network, trial=trial, inputs=Inputs.of(data))
            keep_weights(trained, self.weights_dir, queued.hash)
        return Outcome(tuple(records), settings, tuple(warnings), curves=curves)

    def _curve(self, trial: Trial, data: Dataset) -> CurveOfTrial | None:
        if (measuring := self.measuring.curve) is None:
            return None
        size = self.measuring.batch_size
        return CurveOfTrial(trial=trial, measuring=measuring, data=data, batch_size=size, device=self.device)

    def _folder(self, queued: QueuedTrial) -> Path | None:
        """Of a training; one that an earlier version has begun lies under the hash that the trial had then."""
        if self.work_dir is None:
            return None
        folder = self.work_dir / queued.hash
        if self.earlier_setup and not folder.exists():
            begun = QueuedTrial.of(self.earlier_setup, queued.architecture, queued.seed)
            with suppress(OSError):  # there is none
                (self.work_dir / begun.hash).rename(folder)
        return folder


def corrupted_splits(
    measuring: Measuring, data: Dataset, source: Source, data_dir: Path | None
) -> dict[Split, Corrupted]:
    """Split → its corrupted copies that are measured: none for a suite without corruptions, nor of what is not there.

    Raises:
        DataError: official images are there, but damaged.
        InputError: no corruption of the suite means anything on these images.
    """
    if not measuring.suite.corruptions:
        return {}
    given: Any = {"data_dir": data_dir, "allow_partial": source.allow_partial}
    splits = [split for split in measuring.splits if split in data.splits]
    return {split: Corrupted.of(measuring.suite, data, split, **given) for split in splits}


@lru_cache(maxsize=1)
def _load(source: Source, data_dir: Path | None, device: str) -> Dataset:
    """Once per worker, whatever the number of trials."""
    return source.load(data_dir).to(device)
