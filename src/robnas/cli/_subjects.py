"""What ``robnas evaluate`` measures: what a training left, or a network of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final

from robnas.building import TRIAL, Trial, load_trial, module_records
from robnas.cli._space import check_agrees
from robnas.data import load_data
from robnas.errors import InputError, Verbatim
from robnas.evaluation import load_module, load_weights
from robnas.spaces import MODULES

if TYPE_CHECKING:
    from torch import nn

    from robnas.data import Dataset
    from robnas.evaluation import Evaluation
    from robnas.records import Record
    from robnas.types import Progress

Records = tuple["list[Record]", "dict[str, dict[str, Any]]"]


class Subject(Protocol):
    """A network, the images on which it is measured, and what its records are."""

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """For machines."""
        ...

    @property
    def allow_partial(self) -> bool:
        """Whether fewer images than the official ones will do."""
        ...

    def load(self, data_dir: Path | None, device: str, progress: Progress) -> tuple[Dataset, nn.Module]:
        """The images and the network."""
        ...

    def records(self, data: Dataset, result: Evaluation) -> Records:
        """Records and the settings that they name."""
        ...


@final
@dataclass(frozen=True)
class TrialSubject:
    """What a finished training left in a folder."""

    trial: Trial
    directory: Path

    @classmethod
    def of(cls, directory: Path, space: str | None) -> TrialSubject:
        """The training of a folder; `space` is the option, which agrees if it is given."""
        trial = load_trial(directory)
        check_agrees(space, trial.space.key, str(directory))
        return cls(trial, directory)

    @property
    def title(self) -> str:
        """For people."""
        return self.trial.architecture.text

    @property
    def facts(self) -> dict[str, Any]:
        """For machines."""
        return {"space": self.trial.space.key, "architecture": self.trial.architecture.text}

    @property
    def allow_partial(self) -> bool:
        """Whether fewer images than the official ones will do."""
        return self.trial.source.allow_partial

    def load(self, data_dir: Path | None, device: str, progress: Progress) -> tuple[Dataset, nn.Module]:
        """The images and the network."""
        data = self.trial.source.load(data_dir, progress)
        return data, self.trial.trained_network(data, self.directory, device)

    def records(self, data: Dataset, result: Evaluation) -> Records:
        """Records and the settings that they name."""
        return self.trial.records(data, result)


@final
@dataclass(frozen=True)
class ModuleSubject:
    """A network of one's own."""

    module: str
    weights: Path | None
    data: str
    name: str
    allow_partial: bool

    @classmethod
    def of(
        cls, module: str, weights: Path | None, data: str, name: str | None, kept: Path | None, allow_partial: bool
    ) -> ModuleSubject:
        """What the options mean; `kept` is for measurements, but is not that of a training."""
        if kept is not None and (kept / TRIAL).exists():
            got, remedy = Verbatim("that of a training"), "leave out the folder, or --module"
            raise InputError(str(kept), expected="a folder for measurements alone", got=got, remedy=remedy)
        if name is not None:
            MODULES.check_name(name)
        return cls(module, weights, data, name or Path(module.rpartition(":")[0]).stem, allow_partial)

    @property
    def title(self) -> str:
        """For people."""
        return self.module

    @property
    def facts(self) -> dict[str, Any]:
        """For machines."""
        return {"module": self.module, "weights": None if self.weights is None else str(self.weights)}

    def load(self, data_dir: Path | None, device: str, progress: Progress) -> tuple[Dataset, nn.Module]:
        """The images and the network."""
        data = load_data(self.data, data_dir=data_dir, allow_partial=self.allow_partial, progress=progress)
        network = load_module(self.module, data.num_classes)
        if self.weights is not None:
            load_weights(network, self.weights)
        return data, network.to(device)

    def records(self, data: Dataset, result: Evaluation) -> Records:
        """Records and the settings that they name."""
        return module_records(self.name, data, result)
