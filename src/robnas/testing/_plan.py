"""What plans promise in every space: the selection they name, and a hash that follows from what is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from robnas.building import Expansion, Plan, Trial, expand
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import Examiner, registered, some, stranger

_SIZES = {"train": 64, "validation": 30, "test": 60}
_MOST = 2_000  # architectures of a plan of a whole space


def plan_values(space: Space, selection: Mapping[str, Any], *, name: str = "made-up") -> dict[str, Any]:
    """A plan on the bundled digits as a TOML file would give it; nothing of it is trained here."""
    return {
        "name": name,
        "seeds": [0, 3],
        "space": {**space.to_dict(), **selection},
        "data": {"name": "digits"},
        "recipe": {"preset": "digits", "epochs": 1},
        "evaluation": {"splits": ["test"], "checks": False, "attacks": [{"name": "fgsm", "epsilon": "16/255"}]},
    }


def expansion_of(plan: Plan) -> Expansion:
    """The plan on made-up data."""
    return expand(plan, "d" * 16, _SIZES)


def check_plan(space: Space, folder: Path, *, count: int = 5, seed: int = 0) -> None:
    """Whether plans select from a space, read back from plain values and files, and are told apart by their hash.

    Args:
        space: registered or not.
        folder: for a file of a plan.
        count: architectures of a plan.
        seed: of the drawing.

    Raises:
        AssertionError: they do not; the line says what has to be mended.
    """
    with registered(space):
        _Check(space, some(space, count, seed), seed).all(folder)


@final
class _Check(Examiner):
    def __init__(self, space: Space, archs: list[Architecture], seed: int) -> None:
        super().__init__(f"plans of space {space.name}")
        self.space, self.archs, self.seed = space, archs, seed

    def all(self, folder: Path) -> None:
        space, texts = self.space, [arch.text for arch in self.archs]
        listed = {"kind": "list", "architectures": texts}
        self._selects(listed, self.archs)
        genes = {"kind": "list", "architectures": [dict(arch.genes) for arch in self.archs]}
        self._selects(genes, self.archs)
        sample = {"kind": "sample", "count": len(texts), "seed": self.seed}
        self._selects(sample, None)
        if not space.listable:
            self.refused("a plan of all of a space that cannot be listed", self._pairs, {"kind": "all"})
        elif (space.size or 0) <= _MOST:
            self._selects({"kind": "all"}, list(space))
        other = stranger(space)
        line = self.refused(f"a plan with {other}", self._plan, {"kind": "list", "architectures": [other.text]})
        self.expect(
            f"belongs to {other.space}" in line, f"a plan with {other.text} is refused without its space's name"
        )
        if not space.partitions:
            chosen = {"kind": "representatives", "partition": "no-such-partition"}
            self.refused("a plan of a partition that the space lacks", self._pairs, chosen)
        self._hashes(listed)
        self._trials(self._plan(listed))
        self._file(folder / "plan.toml", listed)

    def _plan(self, selection: Mapping[str, Any]) -> Plan:
        return Plan.from_dict(plan_values(self.space, selection))

    def _pairs(self, selection: Mapping[str, Any]) -> tuple[tuple[Architecture, int], ...]:
        return self._plan(selection).pairs

    def _selects(self, selection: Mapping[str, Any], wanted: list[Architecture] | None) -> None:
        kind = selection["kind"]
        plan = self.attempt(f"a plan of kind {kind}", self._plan, selection)
        self.expect(plan.space.of == self.space, f"a plan of kind {kind} is of {plan.space.of}")
        pairs = self.attempt(f"trials of a plan of kind {kind}", self._pairs, selection)
        archs = list(dict.fromkeys(arch for arch, _ in pairs))
        if wanted is not None:
            self.expect(archs == wanted, f"a plan of kind {kind} selects other architectures than it names")
        count = selection.get("count", len(archs))
        self.expect(len(archs) == count, f"a plan of kind {kind} selects {len(archs)} architectures, not {count}")
        self.expect(all(arch in self.space for arch in archs), f"a plan of kind {kind} leaves the space")
        plain = json.loads(json.dumps(plan.to_dict()))
        again = self.attempt(f"to_dict() of a plan of kind {kind}", Plan.from_dict, plain)
        self.expect(again == plan and again.pairs == pairs, f"a plan of kind {kind} does not read back")

    def _hashes(self, selection: Mapping[str, Any]) -> None:
        plan = expansion_of(self._plan(selection))
        self.expect(plan.hash == expansion_of(self._plan(selection)).hash, "one plan has two hashes")
        settings = plan.settings()
        said = (settings["space"], settings["space_fingerprint"])
        self.expect(said == (self.space.key, self.space.fingerprint), f"a plan says its space is {said[0]}")
        texts = [trial.architecture for trial in plan.trials]
        self.expect(set(texts) == {arch.text for arch in self.archs}, "trials in the queue have other texts")
        self.expect(len({trial.hash for trial in plan.trials}) == len(texts), "two trials have one hash")

    def _trials(self, plan: Plan) -> None:
        for arch, seed in plan.pairs[:3]:
            trial = self.attempt(f"the trial of {arch}", plan.trial, arch.text, seed)
            self.expect((trial.architecture, trial.space) == (arch, self.space), f"the trial of {arch} is of another")
            plain = json.loads(json.dumps(trial.to_dict()))
            again = self.attempt(f"to_dict() of the trial of {arch}", Trial.from_dict, plain)
            self.expect(again == trial, f"the trial of {arch} does not read back")

    def _file(self, path: Path, selection: Mapping[str, Any]) -> None:
        path.write_text(_toml(plan_values(self.space, selection)), encoding="utf-8")
        found = self.attempt("reading a plan's file", Plan.read, path)
        self.expect(found == self._plan(selection), "a plan's file gives another plan than its values")


def _toml(values: Mapping[str, Any]) -> str:
    """Plain values as TOML."""
    return "".join(f"{name} = {_inline(value)}\n" for name, value in values.items())


def _inline(value: Any) -> str:
    """Texts, numbers and lists are written as in JSON; tables are not."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_inline(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
