"""One (space, architecture, data set, recipe, seed): trained in a folder, evaluated there, turned into records."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from robnas._content import CONTENT, note_unverified, seal, unseal
from robnas._files import write_json
from robnas._own import check_facts, facts
from robnas._settings import check_keys
from robnas.building._inputs import Inputs
from robnas.building._records import records_of
from robnas.data import Dataset, load_data
from robnas.errors import CheckpointError, DataError, InputError, UnknownNameError, Verbatim, reason
from robnas.evaluation import Evaluation
from robnas.networks import build_network
from robnas.records import Record
from robnas.spaces import Architecture, Space, space_of
from robnas.spaces.nas_bench_201 import split_recipe
from robnas.training import CHECKPOINT, EpochLog, Measure, Recipe, check_identity, is_finished, restore, train
from robnas.types import Progress, check_count, check_range, silent

TRIAL = "trial.json"
_FORMAT, _VERSION = "robnas trial", 4
_OLD = (2, 3)  # in 2 the size of the network stood in the recipe; neither has the inputs
_REMEDY = "restore the file, or train into another folder"
MALFORMED = (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError)
"""What files raise that describe no trial."""


@final
@dataclass(frozen=True, kw_only=True)
class Source:
    """Which images: the arguments of `load_data` that decide them."""

    name: str
    """Name of a data set or a path."""
    validation: float = 0.1
    """Share of the training images held out."""
    limit_train: int | None = None
    """Use only the first training images."""
    allow_partial: bool = False
    """Accept fewer images than the official data set has."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError("data name", expected="a text", got=self.name)
        if not isinstance(self.allow_partial, bool):
            raise InputError("data allow_partial", expected="true or false", got=self.allow_partial)
        if not isinstance(self.validation, int | float):
            raise InputError("data validation", expected="a number", got=self.validation)
        check_range("data validation", self.validation, 0, 1)
        if self.limit_train is not None:
            check_count("data limit_train", self.limit_train)

    def load(self, data_dir: str | Path | None = None, progress: Progress = silent) -> Dataset:
        """Read the images."""
        data = load_data(
            self.name,
            data_dir=data_dir,
            validation=self.validation,
            allow_partial=self.allow_partial,
            progress=progress,
        )
        return data.limit(train=self.limit_train)


@final
@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is trained: with the content of the data set it decides every number that comes out.

    Raises:
        InputError: an architecture of another space, or a seed out of range.
    """

    architecture: Architecture
    source: Source
    recipe: Recipe
    seed: int
    space: Space = field(default=None)  # type: ignore[assignment]
    """With its settings; if omitted that of the architecture, with the settings that belong to the recipe."""

    def __post_init__(self) -> None:
        name = self.architecture.space if isinstance(self.architecture, Architecture) else None
        object.__setattr__(self, "space", sized(self.space, name, self.recipe))
        object.__setattr__(self, "recipe", self.recipe.without_size())
        object.__setattr__(self, "architecture", self.space.parse(self.architecture))
        object.__setattr__(self, "seed", check_count("seed", self.seed, -(2**63)))
        check_range("seed", self.seed, 0, 2**63 - 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {
            "space": self.space.to_dict(),
            "architecture": self.architecture.text,
            "source": vars(self.source),
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Trial:
        """The trial of `to_dict`.

        Raises:
            InputError: a malformed entry.
        """
        check_keys("trial entry", values, ("space", "architecture", "source", "recipe", "seed"))
        recipe, space = values["recipe"], None if "space" not in values else space_of(values["space"])
        if space is None:  # of an earlier version
            recipe, space = split_recipe(recipe)
        return cls(
            space=space,
            architecture=space.parse(values["architecture"]),
            source=Source(**values["source"]),
            recipe=Recipe.from_dict(recipe),
            seed=values["seed"],
        )

    def network(self, data: Dataset | Inputs) -> nn.Module:
        """The untrained network; its weights depend on the seed."""
        return build_network(
            self.architecture,
            space=self.space,
            num_classes=data.num_classes,
            in_channels=data.image_shape[0],
            image_size=data.image_shape[1],
            mean=data.mean,
            std=data.std,
            seed=self.seed,
        )

    def train(
        self,
        data: Dataset,
        directory: Path | None,
        *,
        device: torch.device | str = "cpu",
        progress: Progress = silent,
        on_epoch: Callable[[EpochLog], None] | None = None,
        measure: Measure | None = None,
        until: int | None = None,
    ) -> tuple[nn.Module, list[EpochLog]]:
        """Train in `directory`, or go on with what is there; without one nothing is kept.

        Raises:
            CheckpointError: the folder holds another trial.
        """
        if directory is not None:
            if (directory / TRIAL).exists():
                check_identity(directory / TRIAL, _identity(load_trial(directory)), _identity(self))
            else:
                self._describe(directory, data)
        network = self.network(data)
        history = train(
            network,
            data,
            self.recipe,
            seed=self.seed,
            directory=directory,
            device=device,
            progress=progress,
            on_epoch=on_epoch,
            measure=measure,
            until=until,
        )
        if directory is not None:
            self._describe(directory, data)  # the data may lie elsewhere than when the training began
        return network, history

    def _describe(self, directory: Path, data: Dataset) -> None:
        write_json(directory / TRIAL, sealed_trial(self, Inputs.of(data)))

    def trained_network(
        self, data: Dataset | Inputs, directory: Path, device: torch.device | str = "cpu", *, last: bool = False
    ) -> nn.Module:
        """The network that a finished training left in `directory`; of the data set the inputs suffice.

        It has the weights that are the result, or with `last` those of the last epoch, see `restore`.

        Raises:
            CheckpointError: the training is not finished, or the folder holds another one.
        """
        network = self.network(data).to(device)
        known = data.content_hash if isinstance(data, Inputs) else data
        history = restore(network, known, self.recipe, seed=self.seed, directory=directory, device=device, last=last)
        if not is_finished(self.recipe, history):
            raise CheckpointError(
                str(directory / CHECKPOINT),
                expected=f"a finished training of {self.recipe.epochs} epochs",
                got=Verbatim(f"{len(history)}"),
                remedy="finish it by the same train command",
            )
        return network

    def records(self, data: Dataset, evaluation: Evaluation) -> tuple[list[Record], dict[str, dict[str, Any]]]:
        """Records of an evaluation, and the settings that their hashes stand for."""
        return records_of(
            evaluation,
            data,
            architecture=self.architecture,
            space=self.space.key,
            recipe=self.recipe.to_dict(),
            recipe_hash=self.recipe.hash,
            seed=self.seed,
        )


def sized(space: Space | None, name: str | None, recipe: Recipe) -> Space:
    """The space in which a recipe trains.

    Args:
        space: as somebody gave it; None for that of this `name` with the settings that belong to the recipe.
        name: of the space, see `space_of`.
        recipe: may carry the size of the network, as those of earlier versions did.

    Raises:
        InputError: the recipe carries another size, or one that the space does not have.
    """
    found = space_of(name).for_recipe(recipe.preset) if space is None else space
    asked = found.configure(**recipe.size) if recipe.size else found
    if space is not None and asked != space:
        raise InputError("recipe size", expected=f"that of the space {space.key}, or none", got=recipe.size)
    return asked


def load_trial(directory: Path) -> Trial:
    """The trial that `directory` was made for; a file of version 1, which has no hash, is said to be unverified.

    Raises:
        DataError: there is none, or its description is damaged.
    """
    return load_described(directory)[0]


def load_described(directory: Path) -> tuple[Trial, Inputs | None]:
    """The trial of `load_trial`, and the inputs of its network; None where an earlier version has written it.

    Raises:
        DataError: there is none, or its description is damaged.
    """
    path = directory / TRIAL
    if not os.path.isfile(path):
        raise DataError(
            str(path), expected="a folder written by robnas train", got=Verbatim("no such file"), remedy="train first"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if CONTENT in values:
            return unseal_trial(path, values)
        trial = Trial.from_dict(values)
    except (DataError, UnknownNameError):
        raise
    except MALFORMED as error:
        expected = "the description of a trial"
        raise DataError(str(path), expected=expected, got=reason(error), remedy=_REMEDY) from None
    note_unverified(path)
    return trial, None


def sealed_trial(trial: Trial, inputs: Inputs) -> dict[str, Any]:
    """A trial, its inputs and the files of one's own that were imported, for JSON; `unseal_trial` reads it back."""
    imports = {"imports": own} if (own := facts()) else {}
    return seal(_FORMAT, {"version": _VERSION, **imports, **trial.to_dict(), "inputs": inputs.to_dict()})


def unseal_trial(path: Path, values: Mapping[str, Any]) -> tuple[Trial, Inputs | None]:
    """What `sealed_trial` has written into the file at `path`.

    Raises:
        DataError: it is damaged, of another version, or needs files of one's own.
        InputError, ValueError, KeyError, TypeError, AttributeError: it describes no trial.
    """
    values = unseal(path, _FORMAT, values, _REMEDY)
    if (version := values.pop("version")) not in (*_OLD, _VERSION):
        remedy = "read it with the robnas that wrote it"
        raise DataError(str(path), expected=f"version {_VERSION}", got=version, remedy=remedy)
    check_facts(str(path), values.pop("imports", []), DataError)
    inputs = values.pop("inputs", None)
    return Trial.from_dict(values), None if inputs is None else Inputs.from_dict(inputs)


def _identity(trial: Trial) -> dict[str, Any]:
    """Names do not count, nor where the data lie: their content is compared with that of the checkpoint."""
    settings = {f"recipe {key}": value for key, value in trial.recipe.to_dict().items() if key != "name"}
    space = {f"space {key}": value for key, value in trial.space.to_dict().items()}
    return {**space, "architecture": trial.architecture.text, **settings, "seed": trial.seed}
