"""docs/build.md: how far the architectures of the bundled tables stand apart, and what β does."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results

BETAS = ("0", "0.25", "0.5", "0.75", "1")


def quotes() -> Iterator[Quote]:
    """Of both tables."""
    yield from spread()
    yield from several_betas()


def spread() -> Iterator[Quote]:
    """Of each column of the digits."""
    file = results("tables/spread.csv")
    percent = ("q0", "q5", "q50", "q95", "q100", "sd", "noise")
    for row in file.rows:
        where = {"split": row["split"], "metric": row["metric"]}
        cells = " | ".join("#" for _ in (*percent, "reliability"))
        yield quote(f"| {row['split']} | {row['metric']} | {cells} |", file.several(percent, 100, **where),
                    file.one("reliability", **where))  # fmt: skip


def several_betas() -> Iterator[Quote]:
    """Accuracies, ranks, the best and searches at each β."""
    file = results("digits-beta/accuracies.csv")
    cells = " | ".join("#" for _ in BETAS)
    mean_clean, best_clean, mean_pgd, best_pgd = (
        [file.one(column, metric=metric, beta=beta) for beta in BETAS]
        for metric in ("clean", "pgd@32/255") for column in ("mean", "highest")
    )  # fmt: skip
    yield quote(f"| clean, mean over architectures | {cells} |\n| highest | {cells} |", mean_clean, best_clean)
    yield quote(f"| PGD 32/255, mean | {cells} |\n| highest | {cells} |", mean_pgd, best_pgd)
    yield quote("accuracy under PGD rises by # points", mean_pgd[1] - mean_pgd[0])
    ranks = results("digits-beta/ranks.csv")

    def ends(metric: str, column: str, *, zero: bool) -> tuple[float, float]:
        found = [float(row[column]) for row in ranks.where(metric=metric) if (row["beta"] == "0") is zero]
        return min(found), max(found)

    pgd, noise = "pgd@32/255", "noise alone"
    clean = [
        (min(found), max(found))
        for found in (ranks.all(column, metric="clean") for column in ("spearman", noise))
    ]  # fmt: skip
    yield quote(
        "is # to # under PGD, where an unchanged order and the noise of trainings alone would leave # to #; between "
        "β = 0 and the others # to # and # to #. Clean ranks correlate by # to #, noise alone leaves # to #",
        *(ends(pgd, column, zero=zero) for zero in (False, True) for column in ("spearman", noise)), *clean,
    )  # fmt: skip
    best = results("digits-beta/best.csv")
    yield quote("# of the 500 by clean accuracy, # under PGD",
                [best.one("may be the best", metric=metric, beta="all") for metric in ("clean", pgd)])  # fmt: skip
    lost = results("digits-beta/losses.csv").all("points lost")
    yield quote("best at another loses # to # points", min(lost), max(lost))
    searches = results("digits-beta/searches.csv")

    def fifty(column: str, beta: str) -> float:
        return searches.one(column, trainings=50, of=beta)

    gain = "gain of random beta"
    yield quote(
        "at β = 0.75 find a front of hypervolume # on test images, at 0.5 #, at 1 #, at 0.25 #, at 0 #; with a random "
        "β each # [#, #]", [fifty("hypervolume", f"beta {beta}") for beta in ("0.75", "0.5", "1", "0.25", "0")],
        [fifty(column, "random beta") for column in ("hypervolume", "low", "high")],
    )  # fmt: skip
    yield quote("gains # over β = 0.5 or 1 and loses # to β = 0.75", fifty(gain, "beta 0.5"), -fifty(gain, "beta 0.75"))
