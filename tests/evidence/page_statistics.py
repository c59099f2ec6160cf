"""docs/statistics.md: simulations, and the score for the top."""

from collections.abc import Iterator
from statistics import mean

from tests.evidence.quotes import LEFT_OUT, Quote, quote, results


def quotes() -> Iterator[Quote]:
    """Of every table that the simulations made."""
    simulated = (noise, rank_sets, may_be_best, heavy_tails, ceilings, paired, wilcoxon, regrets, top)
    for part in (*simulated, of_tables, top_score):
        yield from part()


def noise() -> Iterator[Quote]:
    """Coverage of intervals of the noise."""
    file, both = results("statistics/noise.csv"), {"kind": "pooled"}
    for text, name, sizes in (
        ("equal for all", "equal for all", (20, 80, 641)),
        ("falls tenfold from the weakest to the best", "falls tenfold with the accuracy", (20, 80, 641)),
        (
            "68 % of the squares from the weakest 1.6 % of the networks",
            "68 % from the lowest 1.6 %",
            (20, 80, 320, 641),
        ),
    ):
        lines, values = [], []
        for size in sizes:
            lines.append(f"| {f'{text} ' if size == 20 else ''}| {size} | # | # | # | # |")
            where = both | {"noise": name, "networks": size}
            values += [
                file.one("coverage", tails="normal", interval=one, **where)
                for one in ("shown", "percentile", "chi-square")
            ]
            values.append(file.one("coverage", tails="t5", interval="shown", **where))
        yield quote("\n".join(lines), values)


def rank_sets() -> Iterator[Quote]:
    """What sets of ranks hold, and how wide they are."""
    file = results("statistics/ranksets.csv")
    columns = ("one", "true best", "observed best", "all at once", "width", "width of observed best")
    of_all = ("all at once", "width")
    for label, shape, kind, told, size in (
        ("all equal", "equal", "normal", "pooled", 50),
        ("two clusters", "clusters", "normal", "pooled", 50),
        ("normal, 5 sd", "normal", "normal", "pooled", 50),
        ("normal, 5 sd", "normal", "normal", "pooled", 500),
        ("normal, local noise", "normal", "local", "pooled", 500),
        ("normal, local noise", "normal", "local", "local", 500),
        ("published table", "published", "normal", "pooled", 6466),
        ("published, its local noise", "published", "local", "pooled", 6466),
        ("published, its local noise", "published", "local", "local", 6466),
        ("published, t₃ noise", "published", "t3", "pooled", 6466),
        ("published, t₃ noise", "published", "t3", "local", 6466),
    ):
        for method in ("marginal", "stepwise", "simultaneous", "bayes"):
            shown = [one for one in columns if method != "stepwise" or one not in of_all]
            cells = " | ".join("#" if one in shown else "–" for one in columns)
            where = {"shape": shape, "noise": kind, "noise told": told, "architectures": size, "method": method}
            yield quote(f"| {label} | {told} | {size:,} | {method} | {cells} |", file.several(shown, **where))


def may_be_best() -> Iterator[Quote]:
    """How often the best is among those that may be, and how many these are."""
    file = results("statistics/ranksets.csv")
    for label, shape, kind, told, size in (
        ("all equal", "equal", "normal", "pooled", 50),
        ("normal, 5 sd", "normal", "normal", "pooled", 50),
        ("normal, 5 sd", "normal", "normal", "pooled", 500),
        ("normal, local noise", "normal", "local", "local", 500),
        ("normal, t₃ noise", "normal", "t3", "local", 500),
        ("published table", "published", "normal", "pooled", 6466),
        ("published, its local noise", "published", "local", "local", 6466),
        ("published, t₃ noise", "published", "t3", "local", 6466),
    ):
        where = {"shape": shape, "noise": kind, "noise told": told, "architectures": size}
        values = [file.several(("tied holds best", "tied"), method=one, **where) for one in ("marginal", "bayes")]
        yield quote(f"| {label} | {told} | {size:,} | # | # | # | # |\n", *values)


def heavy_tails() -> Iterator[Quote]:
    """Critical values drawn from residuals with heavy tails."""
    file = results("statistics/ranksets.csv")
    for label, shape in (
        ("published table", "published"), ("all equal", "equal"), ("normal, 2 sd", "narrow"), ("normal, 5 sd", "normal")
    ):  # fmt: skip
        where = {"shape": shape, "noise": "t3", "noise told": "pooled", "architectures": 6466}
        values = [
            file.one(column, method=f"{method}, the best only", **where)
            for column in ("true best", "observed best", "width of observed best")
            for method in ("marginal", "bootstrap")
        ]
        yield quote(f"| {label} | # | # | # | # | # | # |", values)


def ceilings() -> Iterator[Quote]:
    """Errors of the highest correlation."""
    file = results("statistics/ceiling.csv")
    for label, shape, sd, local in (
        ("normal", "normal", 0.6, True), ("skewed left", "skewed left", 0.6, True),
        ("two clusters, noise twice their width", "two clusters", 0.25, False),
        ("two clusters, noise five times their width", "two clusters", 0.6, True),
        ("heavy tails", "heavy tails", 0.6, True), ("uniform", "uniform", 0.6, True),
        ("equal blocks", "equal blocks", 0.6, True),
    ):  # fmt: skip
        where = {"true_means": shape, "sd": sd}
        twins = {"repeated": "twins", "noise": "normal", **where}
        values = [file.several(("truth", "shrunken_values", "estimate", "error"), **twins)]
        values.append(file.several(["error"], repeated="seeds", noise="normal", **where))
        if local:
            values += [file.several(["error"], repeated=one, noise="local", **where) for one in ("twins", "seeds")]
        yield quote(f"| {label} | # | # | # | # | # |" + (" # | # |" if local else " | |"), *values)


def paired() -> Iterator[Quote]:
    """Coverage of intervals of differences."""
    file, claim = results("statistics/paired.csv"), "coverage of the paired interval of 0.95"
    for runs, text, share in (
        (200, "1 %", 0.01), (200, "2 %", 0.02), (200, "5 %", 0.05), (200, "30 %", 0.3), (200, "all", 1.0),
        (20, "5 %", 0.05), (20, "10 %", 0.1), (20, "all", 1.0),
    ):  # fmt: skip
        where = {"claim": claim, "shape": "exponential", "runs": runs, "differ": share}
        student = file.several(("robnas", "usual"), **where, **{"usual method": "Student"})
        bootstrap = file.one("usual", **where, **{"usual method": "bootstrap"})
        wider = file.one("wider", **where, **{"usual method": "Student"})
        yield quote(f"| {runs} | {text} | # | # | # | # |", student, bootstrap, wider)
    searches = results("search/tests.csv")
    first = {"first": "local-search (improvement=first)", "second": "regularized-evolution"}
    better, high, low = (
        -searches.one(column, 100, task="noiseless", budget=150, **first) for column in ("difference", "low", "high")
    )
    yield quote("with first improvement is better than regularized evolution by # points [#, #]", better, low,
                high)  # fmt: skip
    unpaired = file.all("robnas", claim="coverage of the unpaired interval of 0.95")
    yield quote("It covers in # to # in the same simulation", min(unpaired), max(unpaired))


def wilcoxon() -> Iterator[Quote]:
    """Errors of tests where nothing differs."""
    file, claim = results("statistics/paired.csv"), "error of Wilcoxon's test at 0.05"
    for text, shape, share in (
        ("4 differ", "4 of 200 differ", 0.02), ("2 % differ", "symmetric", 0.02), ("10 % differ", "symmetric", 0.1),
        ("all differ, equal sizes", "equal sizes", 1.0), ("all differ", "symmetric", 1.0),
    ):  # fmt: skip
        where = {"claim": claim, "shape": shape, "runs": 200, "differ": share}
        yield quote(f"| {text} | # | # |", file.several(("robnas", "usual"), **where))
    yield quote("the exact test errs in at most # of 1,000", max(file.all("robnas", claim=claim)))
    friedman = [file.all(one, claim="error of Friedman's test at 0.05") for one in ("robnas", "usual")]
    ends = [end for both in friedman for end in (min(both), max(both))]
    yield quote("p ≤ .05 came in # to # (250 to 1,000 repeats; the limit: # to #)", ends)
    nemenyi = file.all("robnas", claim="error of Nemenyi's test at 0.05")
    yield quote("it tells any two apart in # at most", max(nemenyi))


def regrets() -> Iterator[Quote]:
    """Errors of both kinds of regret."""
    file = results("statistics/regret.csv")
    for shape in dict.fromkeys(row["shape"] for row in file.rows):
        for text, choice in (
            ("the highest of the table", "highest table value"),
            ("best of 150, noise of one training", "best of 150, noise of one training"),
        ):
            values = file.several(("true_regret", "table_bias", "expected_bias"), shape=shape, choice=choice)
            yield quote(f"| {shape} | {text} | # | # | # |", values)


def top() -> Iterator[Quote]:
    """Coverage of figures of the top, means over tables and scores."""
    file = results("statistics/topscore.csv")
    kept = [
        row for row in file.rows
        if not row["figure"].startswith("regret") or float(row["mean_of_samples"]) > 0.1
    ]  # fmt: skip
    said = {
        "top_half": "ρ, top half",
        "top_decile": "ρ, top decile",
        "regret_1": "regret of the first, mean above .1 points",
        "regret_5": "of the first 5",
        "regret_10": "of the first 10",
    }
    small = []
    for figure, text in said.items():
        covered, another = (
            [float(row[one]) for row in kept if row["figure"] == figure and row["architectures"] == "320"]
            for one in ("covered", "another")
        )
        values = [(mean(one), min(one), max(one)) for one in (covered, another)]
        yield quote(f"| {text} | # (# to #) | # (# to #) |", *values)
        small.append(
            mean(float(row["covered"]) for row in kept if row["figure"] == figure and row["architectures"] == "100")
        )
    yield quote("With 100 architectures: #, #, #, # and #.", small)


def of_tables() -> Iterator[Quote]:
    """What the tables themselves decide."""
    noise, ceiling, expected = (results(f"tables/{name}.csv") for name in ("noise", "ceilings", "expected"))
    interval, ends = ("sd", "low_95", "high_95"), ("ceiling", "low_95", "high_95")
    for metric in ("clean", "pgd@8/255", "autoattack@8/255"):
        pooled, local = (
            [
                noise.several(interval, 100, metric=metric, kind=kind),
                noise.several(("rank", "rivals"), metric=metric, kind=kind),
            ]
            for kind in ("pooled", "local")
        )
        values = [pooled[0], local[0], local[1][0], pooled[1][0], local[1][1], pooled[1][1]]
        yield quote(f"| {metric} | # | # to # | # | # to # | 1 to # (#) | # (#) |", *values)
    published, imagenet = "nas-robbench-201", "imagenet16-120"
    for text, table, dataset, metric in (
        ("CIFAR-10 clean", published, "cifar10", "clean"), ("CIFAR-10 PGD 8/255", published, "cifar10", "pgd@8/255"),
        ("CIFAR-10 AutoAttack 8/255, one training", published, "cifar10", "autoattack@8/255"),
        ("CIFAR-100 PGD 8/255", published, "cifar100", "pgd@8/255"),
        ("ImageNet16-120 PGD 8/255", published, imagenet, "pgd@8/255"),
        ("`digits` test PGD 32/255, one training", "digits", "digits", "pgd@32/255"),
    ):  # fmt: skip
        where = {"table": table, "dataset": dataset, "metric": metric}
        values = expected.several(("highest", "of_it", "best", "regret"), 100, **where)
        yield quote(f"| {text} | # | # | # | # |", values)
    roots = ("root_of_seeds", "root_low_95", "root_high_95")
    for text, dataset, metric in (("clean", "digits", "clean"), ("PGD 32/255", "digits", "pgd@32/255")):
        both = (ceiling.several(names, dataset=dataset, metric=metric) for names in (ends, roots))
        yield quote(f"| `digits`, {text}, test | # [#, #] (before: {LEFT_OUT}) | # [#, #] |", *both)
    for text, dataset, metric in (
        ("`nas-robbench-201`, CIFAR-10, clean | # [#, #] | no seeds |", "cifar10", "clean"),
        ("PGD 8/255 | # [#, #] | |", "cifar10", "pgd@8/255"),
        ("AutoAttack, one training | # [#, #] | |", "cifar10", "autoattack@8/255"),
        ("ImageNet16-120, PGD 8/255 | # [#, #] | |", imagenet, "pgd@8/255"),
        ("ImageNet16-120, AutoAttack, one training | # [#, #] | |", imagenet, "autoattack@8/255"),
    ):
        yield quote(f"| {text}", ceiling.several(ends, dataset=dataset, metric=metric))


def top_score() -> Iterator[Quote]:
    """The score for the top on fresh architectures and on the whole table."""
    file, choice = results("proxies/top_score.csv"), results("proxies/top_score_choice.csv")
    forms = ("gains+pooled+fewest+pools", "gains", "gains+epe_nas", "gains+pooled+identity+log_parameters")
    yield quote("the chosen one held out #, the gains alone #, `epe_nas` beside the gains #",
                [choice.one("held_out", form=form) for form in forms[:3]])  # fmt: skip
    start = ("all", "top_half", "top_quarter", "top_decile")
    regret = tuple(f"regret_{first}_points" for first in (1, 5, 10))
    tail, last = ("top_decile_low_95", "top_decile_high_95"), ("regret_10_points_low_95", "regret_10_points_high_95")
    fresh, whole, rest = (f"{name}, cifar10" for name in ("fresh", "whole table", "table without the chosen functions"))
    for text, sample, score, columns in (
        ("| 280 fresh (best #): `parameters` | # | # | # | # [#, #] | # | # | # |", fresh, "parameters",
         ("optimum", *start, *tail, *regret)),
        ("| `robust_score` | # | # | # | # [#, #] | # | # | # |", fresh, "robust_score", (*start, *tail, *regret)),
        ("| `synflow` | # | # | # | # [#, #] | # | # | # |", fresh, "synflow", (*start, *tail, *regret)),
        ("| `top_score` | # | # | # | # [#, #] | # | # | # |\n| whole table (6,466, best #): `parameters`", fresh,
         "top_score", (*start, *tail, *regret, "table_optimum")),
        ("best .4811): `parameters` | # | # | # | # [#, #] | # | # | # [#, #] |\n", whole, "parameters",
         (*start, *tail, *regret, *last)),
        ("| `top_score` | # | # | # | # [#, #] | # | # | # [#, #] |\n", whole, "top_score",
         (*start, *tail, *regret, *last)),
        ("| table without the tuning functions (#): `parameters` | # | # | # | # [#, #] | # | # | # |", rest,
         "parameters", ("size", *start, *tail, *regret)),
        ("| `top_score` | # | # | # | # [#, #] | # | # | # |\n\n", rest, "top_score", (*start, *tail, *regret)),
    ):  # fmt: skip
        yield quote(text, file.several(columns, sample=sample, score=score))
    gain = tuple(f"top_decile_over_parameters{end}" for end in ("", "_low_95", "_high_95"))
    yield quote(
        "the top-decile ρ gains # [#, #] there, and # [#, #] without the tuning functions, which are the architectures "
        "that had no part in the choice; the 28 best of the fresh ones alone do not show it (# [#, #])",
        *(file.several(gain, sample=sample, score="top_score") for sample in (whole, rest, fresh)),
    )
    for text, data in (("CIFAR-100 (its tuning values had a part in the choice)", "cifar100"),
                       ("ImageNet16-120 (no part)", "imagenet16-120")):  # fmt: skip
        where = {"sample": f"whole table, {data}"}
        yield quote(
            f"| {text} | # | # [#, #] | #, #, # | #; #, #, # |",
            file.several(("all", "top_decile", *tail, *regret), score="top_score", **where),
            file.several(("top_decile", *regret), score="parameters", **where),
        )
