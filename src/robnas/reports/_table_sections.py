"""The report of a table: its numbers as sections of a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robnas._betas import beta_text
from robnas.benchmarks import Column, Table, measured_only
from robnas.reports._corruptions import corruption_blocks
from robnas.reports._genes import gene_blocks
from robnas.reports._page import Block, Bullets, Grid, Picture, Section, Text, elided
from robnas.reports._scatter import clean_versus_robust, ranks_name_points
from robnas.reports._table_facts import MetricFacts, SplitFacts, TableFacts
from robnas.reports._table_figures import histogram, noise_curves
from robnas.reports._texts import cell_text, code_text, rank_text
from robnas.spaces import Space
from robnas.statistics import Correlation, Row, leaderboard, tells_identical
from robnas.types import format_epsilon, parse_epsilon

_LONGEST = 600  # characters of a value of the provenance
_GENES = 12  # that are listed beside an architecture
_OWN = ("images", "attack", "majority", "predicted_by")  # facts that each metric of a split may have to itself
_ERRORS = {
    "similar": "± is the standard error of the mean over trainings, from repeated trainings of similar accuracy",
    "trainings": "± is the standard error of the mean over trainings, from the pooled noise of repeated trainings",
    "images": "± is the binomial standard error of the number of images; another training seed adds its own",
    "unknown": "no error is known: the table holds too few repeated trainings and no number of images",
}
_OF_NOISE = {"local": ", that of repeated trainings of similar accuracy", "pooled": ", pooled over repeated trainings"}
_OF_TWINS = " or, where no seeds are named, over isomorphic twins that are one network"
_PREDICTED = (
    "Values with ~ are predicted, not measured; ± is then the standard deviation of what one training would measure. "
    "They stand in the rankings only: noise, correlations, fronts, pictures and data quality are of measured values."
)
_CONSTANT = "a network that gives one answer whatever the image shows, or learned nothing, as far as accuracies tell"


def table_sections(table: Table, facts: TableFacts) -> list[Section]:
    """What a report says about a table.

    Args:
        table: the benchmark.
        facts: its numbers.
    """
    sections, measured = [], measured_only(table)
    for number, split in enumerate(facts.splits, start=1):
        source = f"{split.source}: " if split.source else ""
        title = source + ", ".join(
            filter(None, (split.dataset, split.split, split.space, beta_text(split.beta).replace("=", " ")))
        )
        sections.append(Section(title, tuple(_split_blocks(measured, split, number))))
    if facts.between:
        rows = tuple((pair.first, pair.second, _interval(pair.spearman)) for pair in facts.between)
        grid = Grid("Spearman correlation [95 %] of the ranking metric", ("one", "other", "ρ"), rows, texts=(1,))
        sections.append(Section("Between data sets and splits", (grid,)))
    return [*sections, _quality(facts)]


def table_lead(table: Table, facts: TableFacts) -> list[Block]:
    """What the table is, and what its authors want to have known."""
    space = table.space
    of_space = "" if space.families else f" of space {space.name}"
    each = f"one per class of {facts.partition}" if facts.partition else "each standing for itself"
    plural = "" if facts.architectures == 1 else "s"
    measured = "; ".join(f"{part.name}: {len(part.metrics)} metrics" for part in facts.splits)
    blocks: list[Block] = [Text(f"{facts.architectures:,} architecture{plural}{of_space}, {each}. {measured}.")]
    if others := [table.column_name(column) for column in table.columns if not column.is_accuracy]:
        blocks.append(Text(f"Left out, for they are no accuracies: {elided(', '.join(others))}."))
    if any(split.predicted for split in facts.splits):
        blocks.append(Text(_PREDICTED, strong=True))
    notes = table.provenance.get("notes")
    return [*blocks, Text(short(str(notes)), strong=True)] if notes else blocks


def _split_blocks(table: Table, facts: SplitFacts, number: int) -> Iterator[Block]:
    by = facts.ranked_by
    yield Text(_best(facts))
    only = " Of measured values only." if facts.predicted else ""
    count = facts.architectures - facts.predicted
    has_clean = any(metric.metric == "clean" and metric.architectures for metric in facts.metrics)
    if has_clean and by != "clean" and facts.architectures:
        rows = leaderboard(table, facts.dataset, facts.split, facts.qualified(by), facts.space, facts.beta)
        figure = clean_versus_robust(rows, "clean", by, [point for _, point in facts.front], table.space)
        named = " Numbers beside points are ranks." if ranks_name_points(rows, "clean", by) else ""
        alt = f"Scatter of clean against {by} accuracy of {count:,} architectures; {_best(facts)}"
        yield Picture(f"clean-vs-robust-{number}", alt, figure, f"Clean against {by} accuracy.{named}{only}")
    yield _ranking(facts)
    if facts.left_out or facts.unmeasured:
        columns = _columns(table, facts)
        listed = ", ".join(metric.metric for metric in facts.metrics)
        alt = f"Histogram of the accuracies of {count:,} architectures under {listed}"
        yield Picture(f"histogram-{number}", alt, histogram(columns), f"How the accuracies are spread.{only}")
    if facts.front:
        yield _pareto(facts, table.space)
    if facts.genes and count > len(facts.genes):
        yield from gene_blocks(table, facts, number)
    yield _metrics(facts)
    for corruptions in facts.corruptions:
        if corruptions.corruptions and facts.architectures:
            yield from corruption_blocks(corruptions, by, "-".join(filter(None, (str(number), corruptions.label))))
    if any(metric.noise for metric in facts.metrics):
        yield _noise(facts, twins=tells_identical(table))
        if (figure_of_noise := noise_curves(table, _columns(table, facts))) is not None:
            alt = "Standard deviation of one training against the accuracy, a curve per metric"
            yield Picture(f"noise-{number}", alt, figure_of_noise, "The noise floor changes with the accuracy.")
    else:
        yield Text(
            "Noise floor unknown: repeated trainings have fewer than five degrees of freedom, or do not differ."
            + " Isomorphic twins that share a seed are no repetitions." * tells_identical(table)
        )
    if facts.correlations and facts.architectures > 2:
        yield _correlations(facts)


def _columns(table: Table, facts: SplitFacts) -> list[Column]:
    names = [facts.qualified(metric.metric) for metric in facts.metrics]
    return [table.column(facts.dataset, name, facts.split, facts.space, facts.beta) for name in names]


def _best(facts: SplitFacts) -> str:
    if not facts.architectures:
        return f"No architecture has a value of {facts.ranked_by}."
    first = facts.best[0]
    value = cell_text(first.entries[facts.ranked_by])
    text = f"Best under {facts.ranked_by}: {elided(first.architecture.text)} with {value} %"
    if facts.predicted:
        how = "measured" if first.entries[facts.ranked_by].measured else "predicted"
        text += f", {how}; {facts.predicted:,} of {facts.architectures:,} values are predicted"
    if first.sharing > 1:
        text += f", which {_counted(first.sharing - 1, 'another one has', 'others have')} too"
    if first.constant:
        text += ". It gives one answer whatever the image shows, or learned nothing: no attack can harm it"
    if facts.predicted:
        return f"{text}. Which one is the best cannot be told from predictions."
    if facts.tied is None:
        return f"{text}; how certain that is, is not known without repeated trainings."
    if facts.tied == 1:
        return f"{text}; no other one may be the best (at least 95 %)."
    return f"{text}; {facts.tied:,} of {facts.architectures:,} architectures may be the best (at least 95 %)."


def _counted(count: int, one: str, several: str) -> str:
    return one if count == 1 else f"{count:,} {several}"


def _ranking(facts: SplitFacts) -> Grid:
    metrics = [metric.metric for metric in facts.metrics]
    sets = ("95 %",) if facts.ranks else ()
    most = max((metric.images for metric in facts.metrics if metric.images is not None), default=None)
    rows = [_ranking_row(row, metrics, facts, most) for row in facts.best]
    if facts.left_out:
        rows.append(("…", f"{facts.left_out:,} more", *("…" for _ in (*sets, *metrics))))
    rows += [_ranking_row(row, metrics, facts, most) for row in facts.worst]
    if facts.unmeasured:
        rows.append(("–", f"{facts.unmeasured:,} without a value", *("–" for _ in (*sets, *metrics))))
    caption = f"Accuracy in %, ranked by {facts.ranked_by}; {_ERRORS[facts.errors]}"
    if facts.predicted:
        caption += "; ~: predicted, with the standard deviation of what one training would measure around it"
    if any(row.constant for row in (*facts.best, *facts.worst)):
        caption += f"; †: {_CONSTANT}"
    if any(row.sharing > 1 for row in (*facts.best, *facts.worst)):
        caption += "; =: others share the rank, which is 1 plus the number of those that are better"
    if sets:
        caption += "; 95 %: ranks that the noise leaves possible, at least 95 %, for one architecture"
        caption += _OF_NOISE[facts.noise or "pooled"]
    fewer = sorted({m.images for m in facts.metrics if m.images is not None and most is not None and m.images < most})
    if fewer:
        caption += f"; * on the first {', '.join(map(str, fewer))} of {most} images"
    return Grid(caption, ("rank", "architecture", *sets, *metrics), tuple(rows), label=1, architectures=(1,))


def _ranking_row(row: Row, metrics: Sequence[str], facts: SplitFacts, most: int | None) -> tuple[str, ...]:
    text = row.architecture.text
    bounds: tuple[str, ...] = ()
    if facts.ranks:
        bounds = ("–" if text not in facts.ranks else "{:,} to {:,}".format(*facts.ranks[text]),)
    return rank_text(row), code_text(row), *bounds, *(cell_text(row.entries[metric], most) for metric in metrics)


def _pareto(facts: SplitFacts, space: Space) -> Grid:
    of_measured = " of measured values" if facts.predicted else ""
    caption = f"Pareto front of clean and {facts.ranked_by} accuracy in %{of_measured}"
    if facts.front_size > len(facts.front):
        caption += f", the first {len(facts.front)} of {facts.front_size}"
    if any(text in facts.front_constant for text, _ in facts.front):
        caption += f"; †: {_CONSTANT}"
    spelled = [_spelled(text, space) for text, _ in facts.front]
    rows = tuple(
        (_marked(text, facts), f"{100 * clean:.2f}", f"{100 * robust:.2f}", *more.values())
        for (text, (clean, robust)), more in zip(facts.front, spelled, strict=True)
    )
    header = ("architecture", "clean", facts.ranked_by, *spelled[0])
    forms = tuple(range(3, len(header))) if space.spellings(space.parse(facts.front[0][0])) else ()
    return Grid(caption, header, rows, texts=forms, architectures=(0,))


def _spelled(text: str, space: Space) -> Mapping[str, str]:
    """Other forms of an architecture by name or, where it has none, its genes if they fit beside it."""
    arch = space.parse(text)
    if (forms := space.spellings(arch)) or len(space.genes) > _GENES:
        return forms
    places = space.positions(arch)
    return {gene.name: gene.texts[place] for gene, place in zip(space.genes, places, strict=True)}


def _marked(text: str, facts: SplitFacts) -> str:
    return f"{text} †" if text in facts.front_constant else text


def _metrics(facts: SplitFacts) -> Grid:
    guessed = any(metric.predicted for metric in facts.metrics)
    more = ("predicted",) if guessed else ()
    header = ("metric", "architectures", *more, "trainings", "images", "best", "median", "lowest", "attack")
    rows = tuple(
        (
            metric.metric, f"{metric.architectures:,}", *((f"{metric.predicted:,}",) if guessed else ()),
            f"{metric.runs}",
            "–" if metric.images is None else f"{metric.images:,}",
            *(_percent(value) for value in (metric.best, metric.median, metric.lowest)),
            str(metric.settings.get("attack", "–")),
        )
        for metric in facts.metrics
    )  # fmt: skip
    settings = dict.fromkeys(text for metric in facts.metrics if (text := _settings(metric)))
    with_what = f"; measured with {' or '.join(settings)}" if settings else ""
    told = dict.fromkeys(str(m.settings["predicted_by"]) for m in facts.metrics if "predicted_by" in m.settings)
    with_what += f"; predicted by {' or '.join(told)}" if told else ""
    return Grid(f"What was measured, accuracies in %{with_what}", header, rows, texts=(len(header) - 1,))


def _settings(metric: MetricFacts) -> str:
    """Recipe, version of the data and number of classes, which the metrics of a split share as a rule."""
    shown = {key: value for key, value in metric.settings.items() if key not in _OWN}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in shown.items())


def _noise(facts: SplitFacts, *, twins: bool) -> Grid:
    by_seeds = any(metric.root_of_seeds for metric in facts.metrics)
    header = (
        "metric", "sd of one training", "of the best", "from", "networks", "trainings", "highest ρ",
        *(("√ρ of two seeds",) if by_seeds else ()), f"ρ with {facts.ranked_by}",
    )  # fmt: skip
    rows = tuple(
        (
            metric.metric,
            _sd(metric),
            "–" if metric.best_sd is None else f"{100 * metric.best_sd:.2f}",
            "–" if metric.noise is None else {"seeds": "seeds", "duplicates": "twins"}[metric.noise.source],
            "–" if metric.noise is None else f"{metric.noise.groups:,}",
            "–" if metric.noise is None else f"{metric.noise.members:,}",
            "–" if metric.ceiling is None else _interval(metric.ceiling),
            *(("–" if metric.root_of_seeds is None else _interval(metric.root_of_seeds),) if by_seeds else ()),
            "–" if metric.with_ranking is None else _interval(metric.with_ranking),
        )
        for metric in facts.metrics
    )
    caption = (
        "Noise floor: standard deviation of one training in percentage points [95 %], pooled over repeated trainings "
        f"with other seeds{_OF_TWINS if twins else ''}, and that of networks as accurate as the best, where enough "
        "were repeated; the Spearman correlation that a "
        f"predictor of the true means would reach; {'√ of that between two seeds; ' if by_seeds else ''}and that of "
        "the metric with the ranking one, which was measured on the same trainings, shares their noise and so may be "
        "higher [95 %]"
    )
    return Grid(caption, header, rows, texts=(3,))


def _sd(metric: MetricFacts) -> str:
    if metric.noise is None or metric.noise_interval is None:
        return "–"
    low, high = metric.noise_interval
    return f"{100 * metric.noise.run_sd:.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def _correlations(facts: SplitFacts) -> Grid:
    names = [metric.metric for metric in facts.metrics]
    values = {(first, second): value for first, second, value in facts.correlations}
    rows = tuple(
        (first, *("1" if first == second else _rho(values.get((first, second))) for second in names)) for first in names
    )
    return Grid("Spearman correlations between metrics", ("", *names), rows)


def _rho(value: float | None) -> str:
    return "" if value is None else "–" if math.isnan(value) else f"{value:.3f}"


def _quality(facts: TableFacts) -> Section:
    blocks: list[Block] = []
    if facts.findings:
        rows = tuple(
            (found.check, found.column, f"{found.count:,}", f"{100 * found.worst:.2f}", _listed(found.examples))
            for found in facts.findings
        )
        header = ("what is doubtful", "where", "architectures", "worst", "examples, worst first")
        blocks.append(Grid("Doubtful values; the worst violation in percentage points", header, rows, texts=(1, 4)))
    else:
        blocks.append(Text("Nothing looks wrong in what was checked."))
    if facts.unchecked:
        blocks += [Text("Not checked:"), Bullets(facts.unchecked)]
    if facts.ambiguous:
        blocks += [Text("Left out, because it was measured in several ways:"), Bullets(facts.ambiguous)]
    return Section("Data quality", tuple(blocks))


def _listed(texts: Sequence[str]) -> str:
    """Texts of architectures, which may have commas themselves."""
    return ("; " if any("," in text for text in texts) else ", ").join(map(elided, texts))


def provenance_grid(caption: str, facts: Mapping[str, Any]) -> Grid:
    """Facts as a table of names and values."""
    rows = tuple((str(key).replace("_", " "), short(_shown(str(key), value))) for key, value in facts.items())
    return Grid(caption, ("entry", "value"), rows, texts=(1,))


def _shown(key: str, value: Any) -> str:
    """A value in one line; distances in pixels as fractions."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_bracketed(str(name), entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_bracketed(key, entry) for entry in value)
    if key in ("step_size", "epsilon") and isinstance(value, float):
        return format_epsilon(parse_epsilon(value))
    return str(value)


def _bracketed(key: str, value: Any) -> str:
    return f"({_shown(key, value)})" if isinstance(value, Mapping | list | tuple) else _shown(key, value)


def short(text: str) -> str:
    """A text that is not longer than a paragraph."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.2f}"


def _interval(found: Correlation) -> str:
    return "–" if math.isnan(found.value) else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
