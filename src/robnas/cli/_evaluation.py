"""What ``robnas evaluate`` says of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robnas.cli._common import say
from robnas.reports import error_text
from robnas.statistics import Accuracy
from robnas.types import ALL_CORRUPTIONS, SEVERITIES, Metric, is_one_corruption

if TYPE_CHECKING:
    from robnas.evaluation import Evaluation, Share

_CLASSES = 10  # that are printed


def evaluation_facts(result: Evaluation) -> dict[str, Any]:
    """For machines."""
    return {
        "suite": result.suite,
        "split": result.split,
        "seed": result.seed,
        "measurements": [
            {
                "metric": found.metric,
                "value": found.value,
                "standard_error": found.standard_error,
                "images": found.images,
                "seconds": found.seconds,
                "attack": found.attack,
                "checks": result.checks(found.metric),
                "per_class": [_share_facts(share) for share in found.per_class],
                "per_attack": [_share_facts(share) for share in found.per_attack],
            }
            for found in result.measurements
        ],
        "corruptions": {name: {str(s): v for s, v in of.items()} for name, of in result.corruptions.items()},
        "left_out": result.left_out,
        "notes": result.notes,
        "weights_hash": result.weights,
        "dataset_hash": result.dataset_hash,
        "folded": result.folded,
        "remeasured": result.remeasured,
        "flags": result.flags,
        "warnings": result.warnings,
    }


def _share_facts(share: Share) -> dict[str, Any]:
    return {"name": share.name, "images": share.images, "correct": share.correct, "value": share.value}


def _percent(share: Share) -> str:
    return "–" if share.value is None else f"{100 * share.value:.2f} %"


def _print_classes(result: Evaluation) -> None:
    """A line per class, or the weakest of many, by the last attack."""
    shown_metrics = [found for found in result.measurements if not is_one_corruption(found.metric)]
    last = shown_metrics[-1].per_class
    there = [place for place, share in enumerate(last) if share.images]
    shown = there
    if len(there) > _CLASSES:
        shown = sorted(there, key=lambda place: last[place].correct / last[place].images)[:_CLASSES]
        print(f"  the {_CLASSES} weakest of {len(there)} classes by {shown_metrics[-1].metric}:")
    width = max((len(last[place].name[:20]) for place in shown), default=0)
    for place in shown:
        values = ", ".join(f"{found.metric} {_percent(found.per_class[place])}" for found in shown_metrics)
        name, images = last[place].name[:20], result.measurements[0].per_class[place].images
        say(f"  class {name:<{width}}  {images:>5,} images  {values}")


def _print_corruptions(result: Evaluation) -> None:
    """Accuracy by corruption and severity, in percent."""
    if not (by_name := result.corruptions):
        return
    single = [found for found in result.measurements if is_one_corruption(found.metric)]
    made = ", made from the images" if Metric.parse(single[0].metric).label else ", official images"
    width = max(map(len, by_name))
    print(f"  {'corruption':<{width}}  {''.join(f'{severity:>8}' for severity in SEVERITIES)}    mean")
    for name, of in by_name.items():
        cells = "".join(f"{100 * value:8.2f}" for value in (*of.values(), sum(of.values()) / len(of)))
        say(f"  {name:<{width}}  {cells}" + (f"  {result.notes[name]}" if name in result.notes else ""))
    print(f"  by severity, in %, {single[0].images:,} images each{made}")
    for name, why in result.left_out.items():
        say(f"  left out: {name}, {why}")
    if all(Metric.parse(found.metric).attack != ALL_CORRUPTIONS for found in result.measurements):
        print("  no mean: it is over all common corruptions, and some of these were not measured")


def print_evaluation(result: Evaluation, architecture: str, data: str) -> None:
    """For people."""
    say(f"{architecture} on {data} {result.split}, suite {result.suite}")
    _print_corruptions(result)
    for found in result.measurements:
        if is_one_corruption(found.metric):
            continue
        error = error_text(Accuracy(found.value, found.standard_error, 1, found.images), digits=2)
        print(
            f"  {found.metric:<18} {100 * found.value:6.2f} %{error}  {found.images:>6,} images  {found.seconds:8.1f} s"
        )
        if found.per_attack:
            print(f"    after {', '.join(f'{share.name} {_percent(share)}' for share in found.per_attack)}")
    _print_classes(result)
    passed = sum(flag.passed for flag in result.flags)
    print(f"  sanity checks: {passed} of {len(result.flags)} passed; asked: the network{', folded' * result.folded}")
    if result.remeasured:
        print(f"  measured again, as they were not kept of this network: {', '.join(result.remeasured)}")
    for check, passed in result.checks().items():
        print(f"    {'passed' if passed else 'FAILED'}  {check}")
    for text in result.warnings:
        say(f"  warning: {text}")
