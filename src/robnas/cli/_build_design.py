"""``robnas build --design``: which part of a plan is trained, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from robnas.building import Chooser, DesignResult, Estimate, Plan
    from robnas.records import DesignStatus

DesignName = Annotated[
    str | None,
    typer.Option("--design", help="Train a part only: random, spread over the space, or active, what tells most."),
]
Budget = Annotated[int | None, typer.Option(help="With a design: architectures that are known at the end at most.")]
UntilMae = Annotated[
    float | None,
    typer.Option(help="With a design: stop at this estimated mean absolute error, such as 0.005 for half a point."),
]
FocusOn = Annotated[str | None, typer.Option("--focus", help="With a design: everywhere (if omitted), or top.")]
LooksAt = Annotated[
    str | None, typer.Option("--metric", help="That a design looks at; PGD at its largest radius if omitted.")
]
LooksOn = Annotated[str | None, typer.Option("--split", help="That a design looks at; validation if omitted.")]


def with_design(plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan with what the options say of its design.

    Args:
        plan: as it was read.
        given: option → value, None where it was not given.

    Raises:
        InputError: an option without a design, a wrong one, or an unknown design or model.
    """
    from robnas.building import Designing
    from robnas.errors import InputError, Verbatim

    said = {name: value for name, value in given.items() if value is not None}
    if plan.design is None and "kind" not in said:
        for name in said:
            option = f"--{name.replace('_', '-')}"
            raise InputError(option, expected="--design beside it, or [design] in the plan", got=Verbatim("none"))
        return plan
    if plan.design is None:
        return replace(plan, design=Designing.from_dict(said))
    return replace(plan, design=replace(plan.design, **said))


def chooser_of(plan: Plan) -> Chooser | None:
    """What chooses the trainings of a plan, if it has a design.

    Raises:
        InputError: an unknown design, model or kind of information, or information that cannot be read.
    """
    if (design := plan.design) is None:
        return None
    from robnas.surrogates import Chooser, information_of

    information = information_of(design.information, plan.space.of)
    return Chooser(design.kind, focus=design.focus, model=design.model, information=information, seed=design.seed)


def estimate_lines(found: Estimate, plan: Plan) -> list[str]:
    """What a dry run says of the design."""
    if plan.design is None or found.known is None or found.budget is None:
        return []
    lines = [
        f"design {plan.design.kind}: {found.known:,} of at most {found.budget:,} architectures are known; it looks at "
        f"{found.looks_at} (--metric and --split choose another)"
    ]
    if found.pool is not None:
        lines.append(f"its choices are among {found.pool:,} architectures, drawn at random")
    return lines


def result_line(design: DesignResult) -> str:
    """What a build with a design says at its end."""
    failed = f", {design.failed:,} failed" if design.failed else ""
    return f"{design.known:,} architectures are known{failed}{_error(design.error)}: {design.reason}"


def status_line(design: DesignStatus) -> str:
    """What ``status`` says of a design."""
    until = "" if design.until_mae is None else f", or an error of {design.until_mae:g}"
    state = f": {design.reason}" if design.reason else ""
    return (
        f"  design {design.kind} on {design.metric}, {design.split}: {design.chosen:,} chosen, {design.known:,} known "
        f"of {design.budget:,} architectures{until}{_error(design.error)}{state}"
    )


def _error(error: float | None) -> str:
    return "" if error is None else f", estimated mean absolute error {100 * error:.2f} points"
