"""docs/search.md: what trainings cost, and algorithms on the published table."""

from collections.abc import Iterator

from tests.evidence.quotes import LEFT_OUT, Quote, quote, results

TASKS = ("noiseless", "noisy", "noisy, against the expected best", "transfer to ImageNet16-120")
OBJECTIVES = "clean, robust, MACs"
FIRST, PROXY = "local-search (improvement=first)", "proxy-search"


def quotes() -> Iterator[Quote]:
    """Of both."""
    yield from costs()
    yield from comparison()
    yield from differences()


def costs() -> Iterator[Quote]:
    """Errors of the cost model."""
    file = results("cost/models.csv")
    quantiles = tuple(f"error_q{share}" for share in (50, 90, 99, 100))
    for text, model in (
        ("in proportion to MACs, as before", "macs"),
        ("MACs, and maps read or written, and a constant", "macs + passes + constant"),
        ("seconds per operation", "operations"),
        ("the same, live edges only", "operations on live edges + constant"),
    ):
        yield quote(
            f"| {text} | # | # % | # % | # % | # % | # |",
            file.one("parameters", model=model), file.several(quantiles, 100, model=model),
            file.one("spearman", model=model),
        )  # fmt: skip
    cells = results("cost/extremes.csv")
    yield quote(
        "(# of the mean measured, # modelled); `444444` is # and #, `333333` # and #",
        *(cells.several(("measured", "training_hours"), code=code) for code in ("111111", "444444", "333333")),
    )


def comparison() -> Iterator[Quote]:
    """Regrets of the algorithms that take seconds; the others are not kept."""
    file = results("search/summary.csv")
    for name in (PROXY, "regularized-evolution", FIRST, "local-search (improvement=best)", "random-search"):
        noiseless, noisy, expected, other = (
            [file.one("mean_regret", 100, task=task, algorithm=name, budget=budget) for budget in (20, 50, 150)]
            for task in TASKS
        )
        found = [file.one("found_best", 100, task=task, algorithm=name, budget=150) for task in TASKS[:2]]
        error = file.one("standard_error", 100, task=TASKS[1], algorithm=name, budget=150)
        yield quote(f"| {name} | # · # · # | # % | # · # · # ±# | # % | # · # · # | # · # · # |",
                    noiseless, found[0], noisy, error, found[1], expected, other)  # fmt: skip
    for name in ("mo-regularized-evolution", "nsga2", "random-search"):
        values = [
            file.several(("mean_regret", "standard_error"), 100, task=OBJECTIVES, algorithm=name, budget=budget)
            for budget in (20, 50, 150)
        ]
        yield quote(f"| {name} | # ±# · # ±# · # ±# |", *values)


def differences() -> Iterator[Quote]:
    """Of mean regrets, with their intervals."""
    file = results("search/tests.csv")

    def lost(task: str, budget: int, first: str, second: str = PROXY) -> tuple[float, ...]:
        where = {"task": task, "budget": budget}
        names, sign = {"first": first, "second": second}, 1
        if not file.where(**where, **names):
            names, sign = {"first": second, "second": first}, -1
        value, low, high = file.several(("difference", "low", "high"), 100 * sign, **where, **names)
        return value, min(low, high), max(low, high)

    noiseless, noisy, _, other = TASKS
    evolution = "regularized-evolution"
    yield quote(
        f"equivalent to regularized evolution ({LEFT_OUT}; # [#, #], p = 1)", lost(noisy, 150, FIRST, evolution)
    )
    yield quote("behind proxy search (0.18; # [#, #], p < 0.0001", lost(noisy, 150, FIRST))
    yield quote(
        "regularized evolution by # [#, #] after 20 queries and # [#, #] after 50 without noise, # [#, #] and # [#, #] "
        "with it; first-improvement local search, the closest, by # [#, #] and # [#, #], with noise # [#, #] and # "
        "[#, #], on transfer # [#, #] and # [#, #]",
        *(lost(task, budget, evolution) for task in (noiseless, noisy) for budget in (20, 50)),
        *(lost(task, budget, FIRST) for task in (noiseless, noisy, other) for budget in (20, 50)),
    )  # fmt: skip
