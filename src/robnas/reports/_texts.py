"""Accuracies, their errors, architectures and ranks as people read them."""

from __future__ import annotations

import math

from robnas.statistics import Accuracy, Row


def cell_text(accuracy: Accuracy, most: int | None = None) -> str:
    """``48.1 ±1.2`` in percent, see `error_text`, with a star if it rests on fewer than `most` images.

    ``~48.1 ±0.4`` where it is predicted.
    """
    if math.isnan(accuracy.value):
        return "–"
    text = f"{100 * accuracy.value:.1f}{error_text(accuracy)}"
    if not accuracy.measured:
        return f"~{text}"
    star = "*" if most is not None and accuracy.images is not None and accuracy.images < most else ""
    return text + star


def error_text(accuracy: Accuracy, digits: int = 1) -> str:
    """`` ±1.2`` in percentage points; `` +1.2 −0.4`` where a bar to both sides would leave the scale."""
    if math.isnan(accuracy.error):
        return ""
    above, below = (f"{100 * part:.{digits}f}" for part in (accuracy.above, accuracy.below))
    return f" ±{above}" if above == below else f" +{above} −{below}"


def code_text(row: Row) -> str:
    """The text of the architecture, marked where the network is constant."""
    return f"{row.architecture.text} †" if row.constant else row.architecture.text


def rank_text(row: Row) -> str:
    """``4``, or ``4=`` where others share the rank."""
    return "–" if row.rank is None else f"{row.rank:,}{'=' * (row.sharing > 1)}"
