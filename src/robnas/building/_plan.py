"""A plan: which architectures are trained on what, with which recipe and seeds, and what is measured."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from robnas._betas import as_beta, beta_text
from robnas._brief import brief
from robnas._files import read_text
from robnas._own import OwnFile, check_facts, facts, load_entries, loaded
from robnas._settings import check_keys, content_hash, settled_metric, to_dict
from robnas.building._designing import Designing
from robnas.building._measuring import Measuring, described
from robnas.building._selection import Extra, Selection, seed_list, sequence
from robnas.building._trial import Source, Trial, sized
from robnas.errors import InputError, Verbatim
from robnas.evaluation import Corrupted
from robnas.records import QueuedTrial, space_facts
from robnas.spaces import Architecture
from robnas.training import Recipe, recipe_of
from robnas.types import Split


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """A benchmark to be built."""

    name: str
    """What people call it; not part of the hash."""
    space: Selection
    """Which architectures of which space."""
    source: Source
    recipe: Recipe
    measuring: Measuring
    seeds: tuple[int, ...]
    """Each architecture is trained once with each; the attacks of its evaluation have the same seed."""
    extra: tuple[Extra, ...] = ()
    design: Designing | None = None
    """Which part of it is trained, chosen as the build goes on; all of it if omitted. It is no part of the hash."""
    imports: tuple[OwnFile, ...] = field(default_factory=loaded)
    """Files of one's own that were imported when the plan was made; not part of the hash, but see `enrol`."""

    def __post_init__(self) -> None:
        space = sized(self.space.of if self.space.said else None, None, self.recipe)
        object.__setattr__(self, "space", replace(self.space, of=space))
        object.__setattr__(self, "recipe", self.recipe.without_size())

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan of a TOML file.

        Raises:
            InputError: the file is missing or no TOML, or an entry is unknown, missing or wrong, or asks for several
                betas.
        """
        found = cls.read_all(path)
        if len(found) > 1:
            got, remedy = Verbatim(f"{len(found)}"), "give beta in place of betas"
            raise InputError(f"plan {path}, recipe betas", expected="one here", got=got, remedy=remedy)
        return found[0]

    @classmethod
    def read_all(cls, path: Path) -> tuple[Plan, ...]:
        """The plans of a TOML file: a plan for each of ``betas`` of its ``[recipe]``, else one.

        Those for several betas differ in the beta of their recipe, and in their name, ``NAME beta=0.5``.

        Raises:
            InputError: the file is missing or no TOML, or an entry is unknown, missing or wrong.
        """
        try:
            values = tomllib.loads(read_text(path))
        except (OSError, ValueError, RecursionError) as error:  # the last one of what is nested too deep
            got = Verbatim(f"{type(error).__name__} ({' '.join(str(error).split())[:120]})")
            raise InputError(f"plan {path}", expected="a TOML file", got=got) from None
        load_entries(f"imports of {path}", values.pop("imports", []), path.parent)  # before any name is looked up
        return cls.all_from_dict(values)

    @classmethod
    def all_from_dict(cls, values: Mapping[str, Any]) -> tuple[Plan, ...]:
        """The same of a TOML document, see `from_dict`."""
        documents = _of_betas(values)
        found = tuple(map(cls.from_dict, documents))
        if documents != [values] and (objective := found[0].recipe.objective) != "mixed":
            raise InputError("plan recipe betas", expected="objective mixed, whose weight it is", got=objective)
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Plan:
        """The plan of a TOML document, whose files of one's own have been imported.

        Raises:
            InputError: an entry is unknown, missing or wrong; a file of one's own was not imported, or has changed.
        """
        known = ("name", "seeds", "space", "data", "recipe", "evaluation", "extra", "design", "imports")
        check_keys("plan entry", values, known)
        check_facts("plan imports", values.get("imports", []))
        for key in ("name", "seeds", "space", "data", "recipe", "evaluation"):
            if key not in values:
                raise InputError("plan", expected=f"an entry {key}", got=Verbatim("none"))
        for key in ("space", "data", "recipe", "evaluation"):
            if not isinstance(values[key], Mapping):
                raise InputError(f"plan {key}", expected=f"a table [{key}]", got=values[key])
        name = values["name"]
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 100:
            raise InputError("plan name", expected="1 to 100 printable characters", got=name)
        given, space = _size_moved(values["recipe"], values["space"])
        recipe = _recipe(given)
        return cls(
            name=name,
            space=Selection.from_dict(space, given.get("preset")),
            source=_source(values["data"]),
            recipe=recipe,
            measuring=Measuring.from_dict(values["evaluation"]),
            seeds=seed_list("plan seeds", values["seeds"]),
            extra=tuple(map(Extra.from_dict, sequence("plan extra", values.get("extra", [])))),
            design=Designing.from_dict(values["design"]) if "design" in values else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, which `from_dict` reads back; presets are written out."""
        imports = {"imports": facts(self.imports)} if self.imports else {}
        return {
            "name": self.name,
            **imports,
            "seeds": list(self.seeds),
            "space": self.space.to_dict(),
            "data": {key: value for key, value in vars(self.source).items() if value is not None},
            "recipe": self.recipe.to_dict(),
            "evaluation": self.measuring.to_dict(),
            "extra": [to_dict(extra) for extra in self.extra],
            **({} if self.design is None else {"design": self.design.to_dict()}),
        }

    @cached_property
    def pairs(self) -> tuple[tuple[Architecture, int], ...]:
        """Architecture and seed of each trial, without repetition.

        Raises:
            InputError: no architectures are selected, or fewer than an extra asks for.
        """
        selected = self.space.architectures()
        pairs = dict.fromkeys((arch, seed) for seed in self.seeds for arch in selected)
        for extra in self.extra:
            if extra.count > len(selected):
                raise InputError(
                    "plan extra count", expected=f"at most the {len(selected)} that the space has", got=extra.count
                )
            rows = np.random.default_rng(extra.seed).permutation(len(selected))[: extra.count]
            pairs |= dict.fromkeys((selected[row], seed) for seed in extra.seeds for row in rows)
        return tuple(pairs)

    def trial(self, architecture: object, seed: int) -> Trial:
        """One trial of the plan."""
        space = self.space.of
        return Trial(
            space=space, architecture=space.parse(architecture), source=self.source, recipe=self.recipe, seed=seed
        )


@final
@dataclass(frozen=True)
class Expansion:
    """A plan on a data set whose content is known: everything has a hash."""

    __repr__ = brief

    plan: Plan
    dataset_hash: str
    measurements: tuple[dict[str, Any], ...]
    """Split, metric, attack hash and number of images of each record of a trial."""
    curve: tuple[dict[str, Any], ...] = ()
    """The same of what is measured after each epoch; not part of the hashes, as it decides nothing else."""

    @cached_property
    def setup(self) -> str:
        """Hash of what all trials of the plan share; names and the place of the data are not part of it."""
        return content_hash(self._identity())

    @property
    def earlier_setup(self) -> str:
        """The hash by which versions knew the setup that had the size of the network in the recipe."""
        recipe = self.plan.recipe.earlier_hash(self.plan.space.of.settings)
        theirs = {key: value for key, value in self._identity().items() if not key.startswith("space")}
        return content_hash(theirs | {"recipe_hash": recipe})

    def _identity(self) -> dict[str, Any]:
        return {
            **space_facts(self.plan.space.of),
            "dataset_hash": self.dataset_hash,
            "recipe_hash": self.plan.recipe.hash,
            "measurements": [{**one, "metric": settled_metric(one["metric"])} for one in self.measurements],
            "batch_size": self.plan.measuring.batch_size,
        }

    def settings(self) -> dict[str, Any]:
        """What the setup's hash stands for."""
        plain = self.plan.to_dict()
        return {**self._identity(), **{key: plain[key] for key in ("data", "recipe", "evaluation")}}

    def facts(self) -> dict[str, Any]:
        """The plan as a store keeps it."""
        return {**self.plan.to_dict(), "space": self.plan.space.facts()}

    @property
    def earlier(self) -> tuple[Expansion, ...]:
        """The same plan with each earlier version of its partition, if it says no version; the latest first."""
        space = self.plan.space
        if space.partition is None or space.partition_version is not None or "@" in space.partition:
            return ()
        present = space.of.partition_facts(space.partition).get("partition_version", 1)
        spaces = (replace(space, partition_version=version) for version in range(present - 1, 0, -1))
        return tuple(replace(self, plan=replace(self.plan, space=one)) for one in spaces)

    @cached_property
    def trials(self) -> tuple[QueuedTrial, ...]:
        """One per trial."""
        return tuple(QueuedTrial.of(self.setup, arch.text, seed) for arch, seed in self.plan.pairs)

    @cached_property
    def hash(self) -> str:
        """Of the whole plan: of its trials, in whatever order."""
        return content_hash({"trials": sorted(trial.hash for trial in self.trials)})


def expand(
    plan: Plan, dataset_hash: str, sizes: Mapping[str, int], corrupted: Mapping[Split, Corrupted] | None = None
) -> Expansion:
    """The plan on a data set with that content.

    Args:
        plan: what is to be built.
        dataset_hash: content hash of the data set.
        sizes: split → number of images.
        corrupted: split → its corrupted copies, of a plan that measures corruptions.

    Raises:
        InputError: the data set has no such split, or fewer images than the plan asks for; a curve needs a validation
            split.
    """
    if plan.recipe.stopping is not None and "validation" not in sizes:
        raise InputError(
            "plan recipe stopping", expected="a data set with a validation split", got=Verbatim(", ".join(sizes)),
            remedy="set validation of [data] above 0, or train without stopping",
        )  # fmt: skip
    if plan.measuring.suite.corruptions and corrupted is None:
        got, remedy = Verbatim("none"), "load_and_expand finds them"
        raise InputError("plan evaluation corruptions", expected="the corrupted copies", got=got, remedy=remedy)
    measurements = []
    for split in plan.measuring.splits:
        if split not in sizes:
            raise InputError("plan evaluation splits", expected=f"of {', '.join(sizes)}", got=split)
        count = plan.measuring.images.get(split, sizes[split])
        if count > sizes[split]:
            raise InputError(f"plan evaluation images of {split}", expected=f"at most {sizes[split]}", got=count)
        measurements += described(plan.measuring.suite, split, count, (corrupted or {}).get(split))
    return Expansion(plan, dataset_hash, tuple(measurements), tuple(_curve(plan, sizes)))


def _curve(plan: Plan, sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    if (curve := plan.measuring.curve) is None:
        return []
    if not (size := sizes.get("validation", 0)):
        raise InputError(
            "plan evaluation curve",
            expected="a data set with validation images",
            got=Verbatim("none"),
            remedy="hold some out by validation = 0.1 in [data], or leave [evaluation.curve] out",
        )
    count = size if curve.images is None else curve.images
    if count > size:
        raise InputError("plan evaluation curve images", expected=f"at most {size}", got=count)
    return described(curve.suite(plan.recipe.attack.threat), "validation", count)


def _source(values: Mapping[str, Any]) -> Source:
    known = {entry.name: entry.type for entry in fields(Source)}
    check_keys("plan data", values, known)
    if not isinstance(values.get("name"), str):
        raise InputError("plan data name", expected="the name of a data set or a path", got=values.get("name"))
    for key, kinds in (("validation", (int, float)), ("limit_train", (int,)), ("allow_partial", (bool,))):
        value = values.get(key, 0.0 if key == "validation" else 0 if key == "limit_train" else False)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f"plan data {key}", expected="true or false" if bool in kinds else "a number", got=value)
    return Source(**values)


def _size_moved(recipe: Mapping[str, Any], space: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Recipe and space of a plan, with the size of the network where it belongs; earlier plans had it in the recipe."""
    if not (size := {what: recipe[what] for what in ("channels", "cells") if what in recipe}):
        return recipe, space
    for what, value in size.items():
        if space.get(what, value) != value:
            raise InputError(f"plan recipe {what}", expected=f"{space[what]}, as [space] says, or none", got=value)
    return {key: value for key, value in recipe.items() if key not in size}, {**space, **size}


def _of_betas(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The document of a plan for each of its betas; the document itself where it asks for none."""
    recipe, name = values.get("recipe"), values.get("name")
    if not isinstance(recipe, Mapping) or "betas" not in recipe:
        return [values]
    what, betas = "plan recipe betas", sequence("plan recipe betas", recipe["betas"])
    found = {as_beta(what, beta): beta for beta in betas}
    if not found or len(found) < len(betas):
        raise InputError(what, expected="at least one, each once", got=list(betas))
    rest = {key: value for key, value in recipe.items() if key != "betas"}
    if "beta" in rest:
        raise InputError("plan recipe beta", expected="none beside betas", got=rest["beta"])
    return [
        {**values, "name": f"{name} {beta_text(beta)}", "recipe": {**rest, "beta": beta}} for beta in found.values()
    ]


def _recipe(values: Mapping[str, Any]) -> Recipe:
    """The preset with changes, or all settings written out."""
    found = recipe_of(values)
    if found.attack.threat.epsilon == 0 and found.attacks:
        raise InputError(
            "plan recipe attack epsilon", expected="above 0", got=0, remedy="train without attack by beta = 0"
        )
    return found
