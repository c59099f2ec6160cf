"""docs/proxies.md: scores against the published table."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results

ENDS = ("", "_low_95", "_high_95")
METRIC = {"metric": "pgd@8/255"}


def quotes() -> Iterator[Quote]:
    """Of every table that files are kept of."""
    for part in (found_by_others, with_parameters, of_320, best_of_320, robust_score, top_score, searches):
        yield from part()


def found_by_others() -> Iterator[Quote]:
    """Scores that others found, of the 320 architectures."""
    file = results("proxies/proxies.csv")
    names = "parameters", "r_score", "condition_and_parameters", "robust_zcp", "hessian", "mean_field_sensitivity"
    for name in names:
        where = {"proxy": name, **METRIC}
        whole = file.several(("spearman", "low_95", "high_95"), **where)
        given = file.several(("given_parameters", "given_low_95", "given_high_95"), **where)
        half = file.one("top_half_spearman", **where)
        tenth = file.several(tuple(f"top_decile_{end}" for end in ("spearman", "low_95", "high_95")), **where)
        regrets = [file.one(f"regret_{first}", 100, **where) for first in (1, 10)]
        beside, values = ("  |", ()) if name == "parameters" else (" # [#, #] |", given)
        yield quote(f"| `{name}` | # [#, #] |{beside} # | # [#, #] | # | # |", whole, values, half, tenth, regrets)
    assert all(file.one("high_95", proxy=name, **METRIC) < 0 for name in names[3:])


def with_parameters() -> Iterator[Quote]:
    """The condition number beside the number of parameters."""
    file = results("condition/condition_and_parameters.csv")
    interval = ("value", "low_95", "high_95")
    for score in ("parameters", "ntk-clean-condition", "condition_and_parameters"):
        values = [
            file.several(interval, dataset="cifar10", score=score, figure=figure)
            for figure in ("spearman", "top_half_spearman", "top_decile_spearman")
        ]
        other = file.several(interval, dataset="imagenet16-120", score=score, figure="spearman")
        yield quote(f"| `{score}` | # [#, #] | # [#, #] | # [#, #] | # [#, #] |", *values, other)


def of_320() -> Iterator[Quote]:
    """Cheap scores of 320 architectures."""
    file = results("proxies/proxies.csv")
    interval = ("spearman", "low_95", "high_95")
    for text, names in (
        ("`parameters`, `macs`", ("parameters", "macs")), ("`croze`, `croze_released`", ("croze",)),
        *((f"`{name}`", (name,)) for name in ("synflow", "nwot", "convolutions", "jacov", "epe_nas", "l2_norm", "snip",
                                               "grad_norm", "grasp", "fisher", "zen", "plain", "jacobian_norm")),
    ):  # fmt: skip
        published = [
            file.one("published_spearman", proxy=name, **METRIC)
            for name in names if file.where(proxy=name, **METRIC)[0]["published_spearman"]
        ]  # fmt: skip
        cells = ", ".join("#" for _ in published)
        yield quote(f"| {text} | # [#, #] | {cells} |", file.several(interval, proxy=names[0], **METRIC), published)


def best_of_320() -> Iterator[Quote]:
    """What they say about the best."""
    file = results("proxies/proxies.csv")

    def one(name: str, column: str, scale: float = 1) -> float:
        return file.one(column, scale, proxy=name, **METRIC)

    yield quote(
        "ρ is # for `parameters`, # for `nwot`, # for `convolutions`, # for `robust_score`",
        [one(name, "top_decile_spearman") for name in ("parameters", "nwot", "convolutions", "robust_score")],
    )
    yield quote(
        "the first choice of `parameters` is # points below the best of the 320 (#, itself # below the table's), that "
        "of `robust_score` #, that of `snip` #",
        one("parameters", "regret_1", 100), one("parameters", "sample_optimum"),
        100 * (one("parameters", "table_optimum") - one("parameters", "sample_optimum")),
        one("robust_score", "regret_1", 100), one("snip", "regret_1", 100),
    )  # fmt: skip


def robust_score() -> Iterator[Quote]:
    """Zero-shot and few-shot on fresh architectures."""
    file, interval = results("proxies/robust_score.csv"), ("spearman", "low", "high")

    def of(detail: str) -> tuple[float, ...]:
        return file.several(interval, detail=detail)

    def spread(detail: str) -> tuple[float, float]:
        value, low, _ = of(f"{detail}, cifar10: mean ± sd of 20 splits")
        return value, value - low

    fresh = "280 architectures"
    yield quote("| `parameters` alone | none | CIFAR-10, 280 fresh | # [#, #] |", of(f"parameters, cifar10, {fresh}"))
    yield quote("| CIFAR-10, 280 fresh | # [#, #] |\n| | the same", of(f"robust_score, cifar10, {fresh}"))
    other, sizes = (of(f"{name}, imagenet16-120, {fresh}") for name in ("robust_score", "parameters"))
    yield quote("| ImageNet16-120, 280 fresh | # [#, #]; `parameters` # |", other, sizes[0])
    both = "values, proxies and shape"
    yield quote("| CIFAR-10, the other fresh ones | # ± # over 20 splits |", spread(f"20 {both}"))
    yield quote("| | 50 | | # ± # |", spread(f"50 {both}"))
    yield quote("| | 100 | | # ± # |", spread(f"100 {both}"))
    yield quote("| few-shot, shape of the cell alone | 20, 50, 100 | | # ± #, # ± #, # ± # |",
                *(spread(f"{count} values, shape alone") for count in (20, 50, 100)))  # fmt: skip
    yield quote("the other half | # [#, #] |", of("cifar10 to imagenet16-120, other half"))
    yield quote("| ceiling of the table's noise | | CIFAR-10, all 6,466 | # |", of("cifar10, whole table")[0])


def top_score() -> Iterator[Quote]:
    """The score for the top."""
    file = results("proxies/top_score.csv")
    tenth = tuple(f"top_decile{end}" for end in ENDS)
    first, tenth_choice = (tuple(f"regret_{n}_points{end}" for end in ENDS) for n in (1, 10))
    fresh, whole = {"sample": "fresh, cifar10"}, {"sample": "whole table, cifar10"}
    cells = "# | # [#, #] | # | # |"
    values = [
        file.several(("all", *tenth, first[0], tenth_choice[0]), score=score, **fresh)
        for score in ("parameters", "robust_score", "top_score")
    ]
    yield quote(
        f"280 fresh architectures, best #: `parameters` | {cells}\n| `robust_score` | {cells}\n| `top_score` | {cells}",
        file.one("optimum", score="parameters", **fresh), *values,
    )  # fmt: skip
    both = ("all", *tenth, *first, *tenth_choice)
    yield quote(
        "| whole table, 6,466, best #: `parameters` | # | # [#, #] | # [#, #] | # [#, #] |\n"
        "| `top_score` | # | # [#, #] | # [#, #] | # [#, #] |",
        file.one("optimum", score="parameters", **whole),
        *(file.several(both, score=score, **whole) for score in ("parameters", "top_score")),
    )
    other = {"sample": "whole table, imagenet16-120"}
    short = ("top_decile", "regret_10_points")
    (top, regret), (sizes, lost) = (file.several(short, score=score, **other) for score in ("top_score", "parameters"))
    yield quote(
        "# against # in the best tenth of the table, regret of the first ten # points against #",
        top,
        sizes,
        regret,
        lost,
    )
    gain = tuple(f"top_decile_over_parameters{end}" for end in ENDS)
    rest = {"sample": "table without the chosen functions, cifar10"}
    yield quote("in their best tenth (# [#, #])", file.several(gain, score="top_score", **fresh))
    yield quote("had no part in the choice do (# [#, #])", file.several(gain, score="top_score", **rest))


def searches() -> Iterator[Quote]:
    """What both save a search."""
    summary, queries = results("proxy-search/summary.csv"), results("proxy-search/queries.csv")
    for text, name in (("`parameters`, the default", ""), ("`top_score`", " (proxy=top_score)")):
        values = []
        for task in ("noiseless", "noisy"):
            where = {"algorithm": f"proxy-search{name}", "task": task}
            values += [summary.one("mean_regret", 100, budget=budget, **where) for budget in (5, 10, 20, 50, 150)]
            values.append(queries.one("queries", **where))
        yield quote(f"| {text} | # · # · # · # · # | # | # · # · # · # · # | # |", values)
