"""What `robnas theory` is to compute kernels of, from its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robnas.cli._theory_samples import Sample
    from robnas.data import Dataset
    from robnas.spaces import Space

_RHO, _EPSILON, _STEPS = 0.1, "8/255", 10
_WIDTH = {True: 16, False: 512}  # of cells, of the theory space


def sample_of(
    space: Space | None, data: Dataset, *, classes: str | None, inputs: int, tested: int | None, rho: float | None,
    epsilon: str | None, width: int | None, seed: int, second_init: bool, memory: float,
) -> Sample:  # fmt: skip
    """The sample that the options mean, for cells where that is the space, else for the theory space.

    Raises:
        InputError: an option that the other one has, or a value out of its range.
    """
    from robnas.attacks import PGD
    from robnas.cli._theory_samples import Pictures, SphereSample
    from robnas.cli.nas_bench_201 import CELLS, CellSample
    from robnas.errors import InputError
    from robnas.kernels import SphereAttack
    from robnas.types import ThreatModel, check_count

    cells = space is not None and space.name == CELLS
    if epsilon is not None and not cells:
        raise InputError("--epsilon", expected="--rho, as attacks move inputs on the unit sphere", got=epsilon)
    if rho is not None and cells:
        raise InputError("--rho", expected="--epsilon for cells, whose pixels are attacked", got=rho)
    chosen = _classes(data, classes, cells)
    common: dict[str, Any] = {
        "classes": ",".join(map(str, chosen)), "width": check_count("width", _WIDTH[cells] if width is None else width),
        "seed": check_count("seed", seed, 0), "second_init": second_init, "memory": memory,
    }  # fmt: skip
    if not cells:
        attack = SphereAttack(_RHO if rho is None else rho)
        return SphereSample.of(Pictures.of(data, chosen, inputs, tested, seed), data, attack=attack, **common)
    threat = ThreatModel.linf(epsilon or _EPSILON)
    steps = PGD(threat, steps=_STEPS, step_size=2.5 * threat.epsilon / _STEPS)
    return CellSample.of(Pictures.of(data, chosen, inputs, tested, seed), data, space=space, attack=steps, **common)


def _classes(data: Dataset, text: str | None, cells: bool) -> list[int]:
    from robnas.errors import InputError

    known = {str(number): number for number in range(data.num_classes)}
    usual = "3,8" if data.num_classes > 8 else "0,1"
    if text is None:
        text = ",".join(known) if cells else usual
    found = [known.get(part.lstrip("0") or part[:1]) for part in map(str.strip, text.split(","))]
    numbers = [number for number in dict.fromkeys(found) if number is not None]
    if len(numbers) != len(found) or (len(found) < 2 if cells else len(found) != 2):
        expected = f"{'several' if cells else 'two'} numbers below {data.num_classes}, such as {usual}"
        raise InputError("--classes", expected=expected, got=text)
    return numbers
