"""docs/surrogates.md: how much few trainings tell."""

from collections.abc import Iterator
from itertools import product

from tests.evidence.quotes import Quote, quote, results

SIZES = (20, 50, 100, 200, 500)
SPREAD = {"design": "spread", "model": "gaussian-process"}
CIFAR10, CIFAR100, IMAGENET = "cifar10", "cifar100", "imagenet16-120"


def quotes() -> Iterator[Quote]:
    """Of every table that was assessed."""
    for part in (structure, other_models, clean, other_data, designs, genes):
        yield from part()


def known(column: str, part: str, dataset: str, sizes: tuple[int, ...], scale: float = 1) -> list[float]:
    """A figure at each number of known values."""
    file = results("surrogates/assessments.csv")
    return [file.one(column, scale, part=part, dataset=dataset, known=size, **SPREAD) for size in sizes]


def rows(dataset: str, *shown: tuple[str, str, tuple[str, ...], float]) -> Quote:
    """Rows of robust accuracies from the structure, a cell for each number of known values."""
    lines, values = [], []
    for text, shape, columns, scale in shown:
        lines.append(f"| {text} | {' | '.join([shape] * len(SIZES))} |")
        values += zip(*(known(column, "structure", dataset, SIZES, scale) for column in columns), strict=True)
    return quote("\n".join(lines), *values)


def structure() -> Iterator[Quote]:
    """Robust accuracies from the structure alone."""
    coverage = ("coverage_90", "coverage_90_min")
    start = (
        ("within the top decile", "#", ("top_decile_spearman",), 1), ("mean absolute error", "#", ("mae",), 100)
    )  # fmt: skip
    yield rows(
        CIFAR10, ("CIFAR-10, ρ over all", "#", ("spearman",), 1), *start, ("regret", "#", ("regret_top10",), 100),
        ("coverage of 90 % intervals, lowest split", "#, #", coverage, 1),
        ("median width", "#", ("median_width_90",), 100),
    )  # fmt: skip
    yield rows(
        CIFAR100,
        ("CIFAR-100, ρ over all", "#", ("spearman",), 1),
        *start,
        ("coverage, lowest split", "#, #", coverage, 1),
    )
    yield rows(
        IMAGENET, ("ImageNet16-120, ρ over all", "#", ("spearman",), 1), *start,
        ("coverage, lowest split", "#, #", coverage, 1),
        ("coverage in the predicted top decile", "#", ("coverage_90_top",), 1),
    )  # fmt: skip
    ceiling = results("surrogates/ceilings.csv")
    best = [
        (
            ceiling.one("spearman", **where),
            ceiling.one("top_decile_spearman", **where),
            ceiling.one("mae", 100, **where),
        )
        for where in ({"dataset": name, "metric": "pgd@8/255"} for name in (CIFAR10, CIFAR100, IMAGENET))
    ]
    yield quote("at best ρ = # over all, # within the top decile, and an error of # on CIFAR-10 (#, # and # on "
                "CIFAR-100; #, # and # on ImageNet16-120)", *best)  # fmt: skip


def other_models() -> Iterator[Quote]:
    """The other models on the same splits."""
    file = results("surrogates/assessments.csv")
    digits = known("spearman", "digits", "digits", (200,)), known("coverage_90", "digits", "digits", (200,), 100)
    yield quote("validation images) 200 values give ρ = # at # % coverage", *digits)
    ridge, trees, ensemble = (
        [file.one("spearman", part="models", model=model, known=size) for size in sizes]
        for model, sizes in (("ridge", (20, 50, 100)), ("trees", (20, 50, 100)), ("ensemble", (20, 50, 100)))
    )
    text = "`ridge` ρ = #, # and # from 20, 50 and 100 values, `trees` #, # and #, `ensemble` #, # and #"
    yield quote(text, ridge, trees, ensemble)


def clean() -> Iterator[Quote]:
    """Clean accuracies."""
    ceiling, cells = results("surrogates/ceilings.csv"), len(SIZES)
    for dataset, text in ((CIFAR10, "CIFAR-10"), (CIFAR100, "CIFAR-100"), (IMAGENET, "ImageNet16-120")):
        where = {"dataset": dataset, "metric": "clean"}
        correlations = [known(one, "clean", dataset, SIZES) for one in ("spearman", "top_decile_spearman")]
        errors = known("mae", "clean", dataset, SIZES, 100), known("coverage_90", "clean", dataset, SIZES)
        yield quote(
            f"| {text}, ρ over all, top decile |{cells * ' #, # |'} #, # |\n"
            f"| mean absolute error; coverage |{cells * ' #; # |'} # |",
            *zip(*correlations, strict=True), ceiling.several(("spearman", "top_decile_spearman"), **where),
            *zip(*errors, strict=True), ceiling.one("mae", 100, **where),
        )  # fmt: skip


def other_data() -> Iterator[Quote]:
    """Values of other data sets as information."""
    cells = len(SIZES)
    for dataset, text in ((CIFAR10, "CIFAR-10 from CIFAR-100"), (IMAGENET, "ImageNet16-120 from both")):
        correlations = [known(one, "others", dataset, SIZES) for one in ("spearman", "top_decile_spearman")]
        errors = (known("mae", "others", dataset, SIZES, 100), known("coverage_90", "others", dataset, SIZES),
                  known("coverage_90_min", "others", dataset, SIZES))  # fmt: skip
        yield quote(
            f"| {text}, ρ over all, top decile |{cells * ' #, # |'}\n"
            f"| mean absolute error; coverage, lowest split |{cells * ' #; #, # |'}",
            *zip(*correlations, strict=True), *zip(*errors, strict=True),
        )  # fmt: skip
    hold = known("coverage_90_top", "others", IMAGENET, SIZES)
    yield quote("ImageNet16-120 intervals hold #, #, #, # and #", hold)


def designs() -> Iterator[Quote]:
    """Designs against random choice."""
    file, interval = results("surrogates/designs.csv"), ("difference", "low_95", "high_95")
    figures = (("spearman", 1), ("top_decile_spearman", 1), ("mae", 100), ("regret_top10", 100))
    for size, design in ((20, "spread"), *product((50, 100), ("spread", "active, everywhere", "active, top"))):
        cells = [file.several(interval, scale, known=size, design=design, figure=figure) for figure, scale in figures]
        yield quote(f"| {size} | {design} | # [#, #] | # [#, #] | # [#, #] | # [#, #] |", *cells)
    top = results("surrogates/assessments.csv").one(
        "top_decile_spearman", part="designs", design="active, top", known=50
    )
    yield quote("order the true top decile with ρ = #, as 200 spread ones do (#)", top,
                known("top_decile_spearman", "structure", CIFAR10, (200,)))  # fmt: skip


def genes() -> Iterator[Quote]:
    """Spaces of many genes, from few values."""
    file = results("surrogates/genes.csv")
    for count, kind in product((6, 12, 20), ("ordered", "not ordered")):
        held = [file.one("held", genes=count, kind=kind, known=known) for known in (10, 20, 30, 60)]
        yield quote(f"| {count}, {kind} | # | # | # | # |", held)
