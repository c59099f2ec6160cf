"""docs/theory.md: kernels against the published table, and against trained networks."""

from collections.abc import Iterator
from statistics import median

import numpy as np

from tests.evidence.quotes import Quote, quote, results


def quotes() -> Iterator[Quote]:
    """Of every section that files are kept of."""
    sections = (
        figure5,
        claims,
        condition,
        cells,
        cell_orders,
        regression,
        leak,
        twelve,
        tightness,
        errors,
        moving,
        trained,
        betas,
    )
    for part in sections:
        yield from part()


def figure5() -> Iterator[Quote]:
    """Scores of kernels of 300 architectures."""
    file, robust = results("figure5/figure5.csv"), {"metric": "pgd@8/255"}
    columns = (("clean", ""), ("robust", "3/255"), ("robust", "8/255"), ("twice", "3/255"), ("twice", "8/255"))
    for measure in ("lambda-min", "condition", "trace", "frobenius", "mean", "log-determinant", "label-alignment"):
        values = [
            file.one("spearman", measure=measure, kernel=kernel, epsilon=epsilon, **robust)
            for kernel, epsilon in columns
        ]
        clean = file.one("spearman", measure=measure, kernel="clean", metric="clean")
        yield quote(f"| `{measure}` | # | # | # | # | # | # |", values, clean)
    sizes = results("tables/sizes.csv")
    yield quote(
        "where the number of parameters on live edges has # [#, #]; the last column is the clean kernel with clean "
        "accuracy, where parameters have #",
        sizes.several(("spearman", "low_95", "high_95"), **robust), sizes.one("spearman", metric="clean"),
    )  # fmt: skip
    given = file.one("given_parameters", measure="condition", kernel="clean", **robust)
    yield quote("Given the number of parameters the condition number still correlates by #", given)


def claims() -> Iterator[Quote]:
    """Differences of correlations."""
    file = results("figure5/figure5-claims.csv")
    rows = file.where(claim="beats counting parameters")
    lost = [sum(float(row[column]) < 0 for row in rows) for column in ("difference", "high_95", "high")]
    yield quote("All # differences are negative; # of the # intervals lie below 0, # of them also when widened for #",
                lost[0], lost[1], len(rows), lost[2], len(rows))  # fmt: skip
    robust, interval = {"metric": "pgd@8/255"}, ("difference", "low_95", "high_95")
    beats = {"claim": "robust beats clean", "first": "robust 8/255", **robust}
    found = {measure: file.several(interval, measure=measure, **beats) for measure in ("mean", "lambda-min")}
    yield quote("with an interval of [#, #] for the difference", found["mean"][1:])
    yield quote("which the theory is about, the difference is # [#, #]", found["lambda-min"])
    twice = {"claim": "twice beats once", **robust}
    yield quote(
        "for the mean entry at 3/255 (by # [#, #])",
        file.several(interval, measure="mean", first="twice 3/255", **twice),
    )
    yield quote("For the smallest eigenvalue at 8/255 it is # [#, #]",
                file.several(interval, measure="lambda-min", first="twice 8/255", **twice))  # fmt: skip
    larger = file.where(claim="larger radius beats smaller")
    yield quote("# of # intervals lie above 0, # below", sum(float(row["low_95"]) > 0 for row in larger), len(larger),
                sum(float(row["high_95"]) < 0 for row in larger))  # fmt: skip


def condition() -> Iterator[Quote]:
    """The condition number beside the number of parameters."""
    file = results("condition/condition_and_parameters.csv")
    where, interval = {"dataset": "cifar10", "figure": "spearman"}, ("value", "low_95", "high_95")
    yield quote(
        "reach # [#, #] on # architectures that had no part in choosing their weight, where parameters have # [#, #]",
        file.several((*interval, "architectures"), score="condition_and_parameters", **where),
        file.several(interval, score="parameters", **where),
    )


def cells() -> Iterator[Quote]:
    """Cells of infinite width beside the benchmark's batch-normed networks."""
    file = results("cells/benchmark.csv")
    both = [file.all("relative_difference", 100, scaling=scaling) for scaling in ("centred", "unit", "he")]
    ends = [end for found in both for end in (min(found), max(found))]
    yield quote(
        "differ by # to # % from the limit of `centred`, by # to # % from that of `unit` and by # to # % from that of "
        "`he`", ends,
    )  # fmt: skip
    file = results("cells/widths.csv")
    errors = {width: np.array(file.all("standard_error", width=width)) for width in ("96", "384")}
    off = {width: np.abs(file.all("difference", width=width)) for width in errors}
    ends = [end for pick in (min, max) for end in [100 * pick(float(pick(one)) for one in errors.values())]]
    yield quote(
        "at 96 and 384 is no more than # and # standard errors of the means of # and # networks, which are # to # % of",
        [float((off[width] / errors[width]).max()) for width in errors],
        [file.all("networks", width=width)[0] for width in errors],
        ends,
    )


def cell_orders() -> Iterator[Quote]:
    """Clean kernels of all classes beside two tables."""
    file, interval = results("cells/orders.csv"), ("value", "low_95", "high_95")
    clean, robust, published = (
        {"dataset": dataset, "metric": metric}
        for dataset, metric in (("digits", "clean"), ("digits", "pgd@32/255"), ("cifar10", "pgd@8/255"))
    )
    plain, given, tenth = (
        {"figure": name} for name in ("spearman", "spearman_given_parameters", "top_decile_spearman")
    )
    for text, score in (
        ("λ_min, NTK", "ntk, lambda-min"), ("condition, NTK", "ntk, condition"), ("λ_min, NNGP", "nngp, lambda-min"),
        ("condition, NNGP", "nngp, condition"), ("label alignment, NNGP", "nngp, label-alignment"),
        ("parameters of the cell", "parameters"),
    ):  # fmt: skip
        wanted = [clean | plain, robust | plain, robust | given, robust | tenth, published | plain, published | given]
        size = score == "parameters"
        values = [
            file.several(interval, score=score, **one) for one in wanted if not (size and "given" in one["figure"])
        ]
        cell, last = " # [#, #] |", "  |" if size else " # [#, #] |"
        yield quote(f"| {text} |{2 * cell}{last}{2 * cell}{last}", *values)
    orders = {name: file.one("value", score=name, **robust, **plain) for name in {row["score"] for row in file.rows}}
    assert max(orders, key=lambda name: orders[name]) == "nngp, label-alignment"
    assert len(orders) == 15
    orders = {name: file.one("value", score=name, **published, **plain) for name in orders}
    assert sorted(orders, key=lambda name: -orders[name])[:2] == ["parameters", "ntk, condition"]


def regression() -> Iterator[Quote]:
    """Accuracies of kernels, by how they are fitted."""
    file = results("regression/regression.csv")
    for text, how, settings in (
        ("closed form | # | #", "closed form", "0"),
        ("ridge 0.1, 1 | #, # | #, #", "ridge", "0.1 1"),
        ("time 0.3, 3, 30 | #, #, # | #, #, #", "time", "0.3 3 30"),
        ("K_all(½), K_all(1) of inputs attacked by the closed form | #, # | #, #", "K_all", "0.5 1"),
        ("Adv-NTK, 20 and 50 steps | #, # | #, #", "Adv-NTK steps", "20 50"),
    ):
        values = [
            [file.one(side, how=how, setting=setting) for setting in settings.split()] for side in ("clean", "robust")
        ]
        yield quote(f"| {text} |", *values)


def leak() -> Iterator[Quote]:
    """Terms and scores of attacked inputs beside their controls."""
    file, scores = results("leak/terms.csv"), results("leak/alignment.csv")
    for text, kernel, second in (
        ("true labels", "true labels", False), ("random attacks", "random attacks", False),
        ("random labels", "random labels", False),
        ("true labels, second attack on a second initialisation", "true labels", True),
    ):  # fmt: skip
        where = {"kernel": kernel, "second_init": second}
        values = [file.one(side, rho=rho, **where) for side in ("clean", "robust") for rho in ("0.1", "0.3")]
        yield quote(f"| {text} | # | # | # | # |", values)

    def twice(code: str, epsilon: str, *attacks: str) -> list[float]:
        return [scores.one("twice", code=code, epsilon=epsilon, attacks=one) for one in attacks]

    both = ("true labels", "random attacks")
    clean = [scores.one("clean", code=code, epsilon="8/255", attacks=both[0]) for code in ("323133", "444444")]
    yield quote("from # to # for `323133`, and to # with attacks", clean[0], twice("323133", "32/255", *both))
    yield quote("For `444444` it goes from # to #, and to # at random", clean[1], twice("444444", "32/255", *both))
    yield quote(
        "At 8/255 these are # and #, # and #.", twice("323133", "8/255", *both), twice("444444", "8/255", *both)
    )
    second = (twice(code, "32/255", "second network") for code in ("323133", "444444"))
    yield quote("Attacks on a second initialisation, # and # at 32/255", *second)


def twelve() -> Iterator[Quote]:
    """The same for twelve random architectures; counts that the text spells out are checked here."""
    file = results("leak/twelve.csv")

    def of(kernel: str, side: str, rho: str = "0.3") -> list[float]:
        return file.all(side, kernel=kernel, rho=rho)

    def lower(first: list[float], second: list[float]) -> int:
        return sum(one < other for one, other in zip(first, second, strict=True))

    true, blind, random = "true labels", "random attacks", "random labels"
    counts = [
        [
            lower(of(true, "robust", rho), of(true, "clean", rho)),
            lower(of(blind, "clean", rho), of(blind, "robust", rho)),
            lower(of(true, "clean", rho), of(blind, "clean", rho)),
        ]
        for rho in ("0.1", "0.3")
    ]  # fmt: skip
    assert counts == [[12, 0, 12], [12, 11, 12]]
    shares = [
        median(one / other for one, other in zip(of(first, "robust"), of(second, "robust"), strict=True))
        for first, second in ((true, blind), (random, true))
    ]
    yield quote("in eleven at ρ = .3, where the term of the true labels is # of what it is under random attacks, and "
                "that of random labels # of the true ones (medians)", shares)  # fmt: skip


def tightness() -> Iterator[Quote]:
    """Lower bounds beside the eigenvalue."""
    file = results("tightness/shares.csv")
    middle = ("q50", "q10", "q90")
    schur, hermite = (
        [file.several(middle, bound=bound, task=task) for task in ("digits 3/8", "random points")]
        for bound in ("schur", "hermite")
    )
    yield quote(
        "`schur_bound` is # of the smallest eigenvalue in the median (# to # in the middle four fifths of them) on 50 "
        "digits 3 and 8, and # (# to #) on 50 random points; `hermite_bound` is # and #, and at the least less than",
        *schur, [one[0] for one in hermite],
    )  # fmt: skip
    yield quote("Of # random architectures of depth 3, 4 and 5", file.all("architectures")[0])


def moving() -> Iterator[Quote]:
    """Kernels along trainings of the digits."""
    file, pgd = results("moving/correlations.csv"), {"metric": "pgd@32/255"}
    interval = ("spearman", "low", "high")
    yield quote("in the table, where parameters have # [#, #]", file.several(interval, figure="parameters", **pgd))
    texts = {"clean_accuracy": "clean accuracy on training images", "loss": "−loss",
             "robust_accuracy": "robust accuracy of the training batches"}  # fmt: skip
    for figure in dict.fromkeys(row["figure"] for row in file.where(**pgd) if row["figure"] != "parameters"):
        rows = {row["epoch"]: float(row["spearman"]) for row in file.where(figure=figure, **pgd)}
        cells = " | ".join("#" if str(epoch) in rows else "" for epoch in range(5))
        yield quote(f"| {texts.get(figure, f'`{figure}`')} | {cells} |\n", rows.values())
    medians = results("moving/paths.csv")

    def at(figure: str, *epochs: int) -> list[float]:
        return [medians.one("median", figure=figure, epoch=epoch) for epoch in epochs]

    yield quote("distance from the start is # after one epoch and # after four", at("distance", 1, 4))
    yield quote("overlap by # with those of the start after one epoch and by # after four, where ten at random would "
                "by #", at("overlap", 1, 4), 10 / 64)  # fmt: skip
    yield quote("The trace falls from # to # and #, the alignment with the labels rises from # to # and #",
                at("trace", 0, 1, 4), at("target-alignment", 0, 1, 4))  # fmt: skip
    aligned, beyond = {"figure": "target-alignment", **pgd}, ("beyond", "beyond_low", "beyond_high")
    less = [-file.one(column, epoch=4, **aligned) for column in ("beyond", "beyond_high", "beyond_low")]
    yield quote("after one epoch by # [#, #], # [#, #] more than clean accuracy, the best of these; after two by # "
                "[#, #] more; after four by # [#, #] less",
                file.several(interval, epoch=1, **aligned),
                *(file.several(beyond, epoch=epoch, **aligned) for epoch in (1, 2)), less)  # fmt: skip
    fresh = results("moving/fresh/correlations.csv")
    yield quote("after one epoch the difference is # [#, #], which is none, after two # [#, #], after four # [#, #]",
                *(fresh.several(beyond, epoch=epoch, **aligned) for epoch in (1, 2, 4)))  # fmt: skip
    of = {
        figure: [file.one("spearman", figure=figure, epoch=epoch, **pgd) for epoch in (0, 4)]
        for figure in ("frobenius", "condition")
    }
    yield quote("The norm of the start orders by #, that after four epochs by #; the condition number by # and #",
                *of.values())  # fmt: skip
    yield quote("and its # is the # of the norm at the start",
                file.one("spearman", figure="change", epoch=4, **pgd), of["frobenius"][0])  # fmt: skip


def trained() -> Iterator[Quote]:
    """Scores of kernels after a short training."""
    file, pgd = results("moving/scores.csv"), {"metric": "pgd@32/255"}
    interval = ("spearman", "low_95", "high_95")
    aligned, frobenius = {"proxy": "ntk-trained-target-alignment", **pgd}, {"proxy": "ntk-clean-frobenius", **pgd}
    yield quote(
        "`ntk-trained-target-alignment` # [#, #], given parameters # [#, #], where parameters have # [#, #], "
        "`ntk-clean-condition` # [#, #] and the negative of `ntk-clean-frobenius` # [#, #]",
        file.several((*interval, "given_parameters", "given_low_95", "given_high_95"), **aligned),
        *(file.several(interval, proxy=proxy, **pgd) for proxy in ("parameters", "ntk-clean-condition")),
        file.several(("spearman", "high_95", "low_95"), -1, **frobenius),
    )  # fmt: skip
    yield quote("is # points below the best of the sample, that of parameters #",
                file.one("regret_1", 100, **aligned), file.one("regret_1", 100, proxy="parameters", **pgd))  # fmt: skip


def errors() -> Iterator[Quote]:
    """Terms beside measured errors, and how much of the order is leaked labels."""
    file, tasks = results("bounds/correlations.csv"), ("digits 3/8", "digits 4/9", "CIFAR-10 airplane/frog",
                                                       "CIFAR-10 automobile/deer")  # fmt: skip

    def of(name: str, error: str, task: str, beta: str = "0.5") -> tuple[float, ...]:
        columns = [f"{name}{end}" for end in ("", "_low_95", "_high_95")]
        return file.several(columns, error=error, beta=beta, inputs=200, task=task)

    for task in tasks:
        yield quote(
            f"| {task} | # [#, #] | # [#, #] |", *(of("spearman", error, task) for error in ("clean", "robust"))
        )
    clean, robust = ([of("control", error, task)[0] for task in tasks] for error in ("clean", "robust"))
    assert max(of("difference", "clean", task)[0] for task in tasks) < 0.01
    yield quote("order clean errors of the four tasks by #, #, # and #", clean)
    yield quote(
        "and robust errors by #, #, # and #, which is # [#, #], # [#, #], # [#, #] and # [#, #] less", robust,
        [value for task in tasks for value in of("difference", "robust", task)],
    )  # fmt: skip
    yield quote("contains no attacked input and orders by # [#, #]", of("spearman", "clean", tasks[0], "0.0"))
    falls = results("bounds/falls.csv")
    shares = [falls.all("lower", what=f"{kind}_{what}") for what in ("error", "bound") for kind in ("clean", "robust")]
    yield quote("in # and # of cases (clean) and # and # (robust); the clean term does in # and #, the robust one in # "
                "and #", *shares)  # fmt: skip


def betas() -> Iterator[Quote]:
    """Kernels of infinite width beside networks that were trained with each β."""
    file, weights, interval = results("beta/orders.csv"), ("0", "0.25", "0.5", "0.75", "1"), " | # [#, #]" * 5
    order, given = ("spearman", "low_95", "high_95"), ("given_parameters", "given_low_95", "given_high_95")
    gain = ("gain", "gain_low", "gain_high")

    def of(score: str, columns: tuple[str, ...] = order) -> list[float]:
        return [one for beta in weights for one in file.several(columns, score=score, beta=beta)]

    for text, score, columns in (
        ("K̃_all(β)", "robust, term", order), ("K_all(0)", "robust, term of K", order),
        ("difference", "robust, term", gain),
        ("K̃_all(β), random attacks", "robust, term under random attacks", order),
        ("difference to K_all(0)", "robust, term under random attacks", gain),
        ("K̃_all(β), given parameters", "robust, term", given), ("λ_min of K̃_all(β)", "robust, λ_min", order),
        ("difference to λ_min of K", "robust, λ_min", gain),
        ("λ_min of K̃_all(β), given parameters", "robust, λ_min", given), ("parameters", "robust, parameters", order),
        ("K_all(β)", "clean, term", order), ("K_all(0), clean", "clean, term of K", order),
        ("λ_min of K_all(β)", "clean, λ_min", order), ("K_all(β), given parameters", "clean, term", given),
        ("parameters, clean", "clean, parameters", order),
    ):  # fmt: skip
        yield quote(f"| {text}{interval} |", of(score, columns))
    cells = " | #" * 5
    yield quote(f"| a perfect score, by noise{cells} |", of("robust, term", ("ceiling",)))
    yield quote(f"| a perfect score, clean{cells} |", of("clean, term", ("ceiling",)))
    assert max(file.all("gain_high", score="robust, term")) < 0
    random = "robust, term under random attacks"
    open_ = [float(one["gain_low"]) < 0 < float(one["gain_high"]) for one in file.where(score=random)]
    assert open_ == [False, True, True, True, False]
    lost = [file.all("gain", score=score) for score in ("robust, term", random)]
    assert [round(least / most, 1) for most, least in zip(*lost, strict=True) if round(least / most, 1) > 0.2] == [
        0.5,
        0.3,
    ]
    lows = {name: file.all("given_low_95", score=f"robust, {name}") for name in ("term", "λ_min")}
    assert [[low > 0 for low in found] for found in lows.values()] == [[True] + 4 * [False], 5 * [True]]
    eigenvalue = [file.several(gain, score="robust, λ_min", beta=beta) for beta in weights]
    assert [low > 0 for _, low, _ in eigenvalue] == [False, True, True, False, False]
    yield quote("than that of the clean kernel, by # and #.", eigenvalue[1][0], eigenvalue[2][0])
    clean = [file.several(gain, score="clean, term", beta=beta) for beta in weights]
    assert [(low > 0, high < 0) for _, low, high in clean] == [
        (False, False), (True, False), (True, False), (False, clean[3][2] < 0), (False, True)
    ]  # fmt: skip
    yield quote("at β = ¼ and ½, by at most #, and worse at β = 1", max(one for one, _, _ in clean))
    first = [file.all("spearman", score=f"robust, {name}") for name in ("parameters", "λ_min", "term")]
    assert all(many > least > term for many, least, term in list(zip(*first, strict=True))[1:])
    assert abs(first[0][0] - first[1][0]) < 0.02
    assert first[1][0] > first[2][0]
    yield quote(
        "trained with β = 1 by #, K̃_all(1) by #",
        [file.one("spearman", score=score, beta="1") for score in ("robust, term of β = 0.25", "robust, term")],
    )
    ends = [of(f"{side}, regression", (end,)) for side in ("clean", "robust") for end in ("low_95", "given_low_95")]
    assert min(map(min, ends)) > 0
    robust = [file.all("given_parameters", score=f"robust, {name}") for name in ("regression", "λ_min")]
    assert all(ours > theirs for ours, theirs in zip(*robust, strict=True))
    regression = [("robust", "spearman"), ("robust", "given_parameters"), ("clean", "spearman")]
    yield quote(
        "computed for the first # of them. Attacked ones order robust accuracy by #, #, #, # and #, given parameters "
        "by #, #, #, # and #; clean ones clean accuracy by #, #, #, # and #. All their intervals lie above 0: [#, #] "
        "for attacked ones at β = 1, [#, #] given parameters",
        file.one("architectures", score="robust, regression", beta="1"),
        *(of(f"{side}, regression", (column,)) for side, column in regression),
        file.several(order[1:], score="robust, regression", beta="1"),
        file.several(given[1:], score="robust, regression", beta="1"),
    )  # fmt: skip
