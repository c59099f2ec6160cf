"""What is said of a score and the best architectures: coverage of its intervals, and the score that was chosen."""

import functools

import numpy as np
import pytest

from robnas.benchmarks import fetch
from robnas.networks import count, top_score
from robnas.statistics._scored import Bootstrap, summarised
from robnas.statistics._top import TOPS, Best, regret_interval
from tests.benchmarks.conftest import PAGE
from tests.conftest import shared_file

SIZE, SAMPLES = 120, 60


@functools.cache
def coverage():
    """By figure how often intervals hold it, over samples of a population crowded below its best."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=20_000)
    truth, score = 0.48 - 0.05 * np.exp(-0.7 * latent), np.minimum(latent, 0.8) + 0.3 * rng.normal(size=20_000)
    whole = {share: Best(truth, np.arange(20_000)[None]).spearman(score, share)[0] for share in TOPS.values()}
    found = {"half": [], "tenth": [], "regret": []}
    for _ in range(SAMPLES):
        drawn = rng.choice(20_000, SIZE, replace=False)
        best = Best(truth[drawn], Bootstrap(SIZE, rng, resamples=150).index(np.ones(SIZE, dtype=bool)))
        for name, share in zip(("half", "tenth"), TOPS.values(), strict=True):
            found[name].append((summarised(best.spearman(score[drawn], share), best.count(share)), whole[share]))
        found["regret"].append((regret_interval(best.regret(score[drawn], 1), SIZE), None))
    mean = np.mean([one.value for one, _ in found["regret"]])
    another = [pair[0].value for pair in found["regret"][1:]] + [found["regret"][0][0].value]
    shares = {
        name: np.mean([one.low <= (mean if aim is None else aim) <= one.high for one, aim in pairs])
        for name, pairs in found.items()
    }
    return shares | {"another": np.mean([one.low <= value <= one.high for (one, _), value in zip(
        found["regret"], another, strict=True)])}  # fmt: skip


@pytest.mark.parametrize("figure", ["half", "tenth"])
def test_intervals_of_correlations_among_the_best_hold_the_one_of_the_population(figure):
    assert coverage()[figure] >= 0.9


def test_intervals_of_regrets_hold_the_mean_regret_but_not_every_other_sample():
    assert coverage()["regret"] >= 0.85
    assert 0.5 < coverage()["another"] < 0.95


def test_a_global_correlation_hides_the_top():
    """A score that is as good as another everywhere but among the best."""
    rng = np.random.default_rng(1)
    latent = rng.normal(size=2000)
    noise = 0.3 * rng.normal(size=2000)
    best = Best(latent, np.arange(2000)[None])
    sharp, blind = latent + 2 * noise, np.minimum(latent, 0.8) + noise
    assert best.spearman(blind, 1.0)[0] > best.spearman(sharp, 1.0)[0] > 0.8
    assert abs(best.spearman(blind, 0.1)[0]) < 0.2 < best.spearman(sharp, 0.1)[0]
    assert best.regret(blind, 10)[0] > 2 * best.regret(sharp, 10)[0]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    source = shared_file("data", "published", PAGE).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return fetch("nas-robbench-201", source)


@pytest.mark.parametrize(
    ("dataset", "tenth", "of_parameters", "regrets"),
    [
        ("cifar10", 0.634, 0.394, (0.38, 0.16, 0.0)),
        ("cifar100", 0.482, 0.235, (0.91, 0.02, 0.0)),
        ("imagenet16-120", 0.476, 0.287, (0.99, 0.06, 0.03)),
    ],
)
def test_the_best_of_the_published_table_are_found_by_the_ways_through_a_cell(
    published, dataset, tenth, of_parameters, regrets
):
    truth = published.column(dataset, "pgd@8/255", "test").mean
    assert len(truth) == 6466
    score = np.array([np.nan if (one := top_score(arch)) is None else one for arch in published.architectures])
    sizes = np.array([count(arch, live=True).parameters for arch in published.architectures], dtype=float)
    best = Best(truth, np.arange(len(truth))[None])
    assert best.spearman(score, 0.1)[0] == pytest.approx(tenth, abs=0.002)
    assert best.spearman(sizes, 0.1)[0] == pytest.approx(of_parameters, abs=0.002)
    assert [100 * best.regret(score, first)[0] for first in (1, 5, 10)] == pytest.approx(regrets, abs=0.006)
    assert 100 * best.regret(sizes, 10)[0] > 0.35
