"""Rows that papers report beside Table 2: which architecture of the table has them, or that none has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robnas.benchmarks import Claim, Finding, Table, check_claim

LATER: dict[str, tuple[str, ...]] = {"TRNAS (ICCV 2025)": ("79.6", "69.7", "69.2", "53.5", "48.1")}
"""Rows of one architecture that later papers report, in the order of the metrics of Table 2."""


def notes_on_claims(
    table: Table, dataset: str, split: str, metrics: Sequence[str], recalled: Mapping[str, Sequence[float]]
) -> list[str]:
    """Lines of text; `recalled` are rows of the paper, as fractions of three decimals."""
    printed = {f"{name}, as recalled": [f"{value:.3f}" for value in row] for name, row in recalled.items()}
    claims = [
        Claim.of(name, dict(zip(metrics, row, strict=True)), dataset) for name, row in {**LATER, **printed}.items()
    ]
    return [_line(table, check_claim(table, claim, split=split)) for claim in claims]


def _line(table: Table, found: Finding) -> str:
    numbers = "/".join(number.text for number in found.claim.numbers.values())
    if found.possible:
        who = ", ".join(str(arch) for arch in found.architectures)
        return f"- {found.claim.name}, {numbers}: has within rounding {who}."
    why = "they are the best of each column, which no one architecture has" if found.best_of_each else ""
    if found.beyond:
        why = f"{', '.join(found.beyond)} {'lie' if len(found.beyond) > 1 else 'lies'} beyond the table's values"
    nearest = "/".join(f"{value:.4f}" for value in found.values.values())
    return (
        f"- **{found.claim.name}, {numbers}: no architecture of {table.name} has these numbers**"
        f"{f'; {why}' if why else ''}. The nearest, {found.nearest}, has {nearest}."
    )
