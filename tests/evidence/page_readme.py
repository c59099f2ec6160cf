"""README.md: what surrogates and scores reach."""

from collections.abc import Iterator

from tests.evidence.page_surrogates import CIFAR10, known
from tests.evidence.quotes import Quote, quote, results

FIGURES = (("spearman", 1), ("mae", 100), ("coverage_90", 100), ("top_decile_spearman", 1))


def quotes() -> Iterator[Quote]:
    """Of surrogates, then of scores."""
    yield from surrogates()
    yield from scores()


def surrogates() -> Iterator[Quote]:
    """From 100, 20 and 500 values of the published table."""
    hundred, twenty, many = (
        [known(name, "structure", CIFAR10, (size,), scale)[0] for name, scale in FIGURES] for size in (100, 20, 500)
    )
    noise = results("surrogates/ceilings.csv").one("mae", 100, dataset=CIFAR10, metric="pgd@8/255")
    yield quote(
        "is predicted with Spearman's ρ = # (means of 20 choices of the 100) and a mean absolute error of # points "
        "(noise of trainings: #), and # % are in their 90 % intervals; within the true best tenth ρ is #",
        hundred[:2], noise, hundred[2:],
    )  # fmt: skip
    yield quote("From 20 values they are # and # points, from 500 # and #", twenty[:2], many[:2])


def scores() -> Iterator[Quote]:
    """On fresh architectures."""
    file, few = results("proxies/top_score.csv"), results("proxies/robust_score.csv")
    robust, sizes, top = (
        file.several(("all", "top_decile", "regret_1_points"), sample="fresh, cifar10", score=score)
        for score in ("robust_score", "parameters", "top_score")
    )
    fifty = few.one("spearman", detail="50 values, proxies and shape, cifar10: mean ± sd of 20 splits")
    yield quote("orders accuracy under PGD 8/255 with Spearman's ρ = #, the number of parameters with #, and a "
                "predictor that knows 50 table values with #", robust[0], sizes[0], fifty)  # fmt: skip
    yield quote("in the best tenth of the same 280 architectures both have ρ = #, and its first choice is # points "
                "below their best, that of the parameters #", robust[1:], sizes[2])  # fmt: skip
    gain = tuple(f"top_decile_over_parameters{end}" for end in ("", "_low_95", "_high_95"))
    yield quote("other architectures of the table: # in that tenth (28 architectures: the gain of # [#, #]", top[1],
                file.several(gain, sample="fresh, cifar10", score="top_score"))  # fmt: skip
