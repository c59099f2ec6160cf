"""Fits on known values: all models, all spaces, values of any kind, and what is refused."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import SPACES, CellArchitecture, Gene, Space
from robnas.surrogates import SURROGATES, Fitted, Prediction, Structure, fit, gather
from robnas.surrogates._calibration import stretch, stretched
from tests.surrogates.small import OWN

CELLS = SPACES["nas-bench-201"]
MODELS = ["gaussian-process", "ridge", "trees", "ensemble"]
ODD = Space(
    "odd-surrogates",
    genes=[
        Gene("width", (8, 16, 64), ordered=True), Gene("act", ("relu", "gelu", None)), Gene("bias", (True, False)),
        Gene("only", ("one",)),
    ],
)  # fmt: skip


def known(count, seed=0):
    architectures = CELLS.sample(np.random.default_rng(seed), count)
    return architectures, np.array([arch.code.count("3") - arch.code.count("0") for arch in architectures]) / 10


@pytest.mark.parametrize("model", MODELS)
def test_every_model_predicts_a_mean_inside_its_interval(model):
    architectures, values = known(60)
    others, truth = known(100, seed=1)
    found = fit(architectures, values, model=model, pool=others).predict(others)
    assert np.corrcoef(found.mean, truth)[0, 1] > 0.7
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert (found.sd > 0).all()
    assert found.level == 0.9
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.7


@pytest.mark.parametrize("model", MODELS)
def test_the_same_fit_is_the_same_to_the_bit(model):
    architectures, values = known(30)
    first, second = (fit(architectures, values, model=model, seed=3).predict(architectures) for _ in range(2))
    assert (first.mean == second.mean).all()
    assert (first.low == second.low).all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scale", [1.0, -3e4])
def test_values_may_have_any_unit_and_direction(model, scale):
    architectures, values = known(40)
    plain = fit(architectures, values, model=model).predict(architectures)
    other = fit(architectures, 7 + scale * values, model=model).predict(architectures)
    assert (other.mean - 7) / scale == pytest.approx(plain.mean, abs=0.01)  # ties of trees
    assert other.sd / abs(scale) == pytest.approx(plain.sd, rel=0.06)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", [20, 110])
def test_values_and_features_may_be_very_small(model, count):
    architectures, values = known(count)
    given = {"model": model, "noise": 0.01}
    plain = fit(architectures, values, information=[Sizes(1.0)], **given).predict(architectures)
    given["noise"] *= 1e-15
    small = fit(architectures, 1e-15 * values, information=[Sizes(1e-15)], **given).predict(architectures)
    for name in ("mean", "sd", "low", "high"):
        assert getattr(small, name) * 1e15 == pytest.approx(getattr(plain, name), rel=1e-3)


class Sizes:
    text, groups = "sizes", ("size",)

    def __init__(self, unit):
        self.unit = unit

    def features(self, architectures):
        return np.array([[self.unit * arch.code.count("3")] for arch in architectures])


@pytest.mark.parametrize("model", MODELS)
def test_a_space_of_ones_own_is_fitted_by_its_genes(model):
    every = list(ODD)
    values = np.array([arch.genes["width"] / 64 + (arch.genes["act"] == "relu") for arch in every])
    found = fit(every, values, model=model, space=ODD).predict(every)
    assert np.corrcoef(found.mean, values)[0, 1] > 0.9
    assert np.isfinite(found.high).all()
    assert fit(every, values, model=model, space=ODD).predict([]).mean.shape == (0,)


class Encoded(Space):
    """A space that knows what tells most of its architectures: the sum of all genes, and its parity."""

    @property
    def encodings(self):
        return {"sum": self._sums, **super().encodings}

    def _sums(self, architectures):
        sums = np.array([sum(arch.genes.values()) for arch in architectures], dtype=float)
        return np.stack([sums, sums % 2], axis=1)


class Unsteady(Encoded):
    def position_array(self, architectures):
        return np.zeros((len(architectures), 7), dtype=np.int64)


def test_an_encoding_that_a_space_offers_is_looked_at():
    space = Encoded("encoded", genes=OWN.genes)
    every = list(space)
    values = np.array([sum(arch.genes.values()) % 2 for arch in every]) + 0.0
    assert Structure(space).groups == ("encoding sum", "encoding sum", "g0", "g1", "g2")
    found = fit(every[::8], values[::8], space=space).predict(every)
    assert np.corrcoef(found.mean, values)[0, 1] > 0.9
    assert Structure(Unsteady("unsteady", genes=OWN.genes)).groups == ("encoding sum", "encoding sum")


def test_genes_are_numbers_where_their_order_means_something():
    space = Structure(ODD)
    assert space.groups == ("width", "act", "act", "act", "bias", "bias", "only")
    arch = ODD.from_genes({"width": 16, "act": None, "bias": True, "only": "one"})
    assert space.features([arch]).tolist() == [[0.5, 0, 0, 1, 1, 0, 1]]


def test_a_cell_is_known_by_its_network():
    groups = Structure(CELLS).groups
    assert dict.fromkeys(groups) == dict.fromkeys(["cell", "network", "counts", "ways", "sequences", "merged"])
    small = CELLS.configure(channels=8, cells=1)
    one, other = (Structure(space).features([CellArchitecture("323133")])[0] for space in (CELLS, small))
    assert {group for group, changed in zip(groups, one != other, strict=True) if changed} == {"network"}


@pytest.mark.parametrize("model", MODELS)
def test_values_that_are_nearly_all_equal_are_fitted(model):
    architectures, values = known(40)
    values = np.where(np.arange(40) == 7, 0.2, 0.1)
    found = fit(architectures, values, model=model).predict(known(30, seed=1)[0])
    assert np.isfinite([found.mean, found.sd, found.low, found.high]).all()
    assert np.abs(found.mean - 0.1).max() < 0.1


def test_a_known_noise_widens_intervals_of_new_values():
    architectures, values = known(40)
    quiet, loud = (fit(architectures, values, noise=noise).predict(architectures) for noise in (1e-3, 0.2))
    assert (loud.sd > 0.2).all()
    assert (quiet.sd < loud.sd).all()


def test_intervals_are_calibrated_from_a_hundred_values_on():
    rng = np.random.default_rng(0)
    architectures, values = known(120)
    values = values + rng.normal(0, 0.05, 120)
    fitted = fit(architectures, values, model="ridge")
    assert fitted.stretch != 1
    assert fit(architectures[:99], values[:99], model="ridge").stretch == 1
    fresh, truth = known(300, seed=1)
    found = fitted.predict(fresh)
    assert ((found.low <= truth + rng.normal(0, 0.05, 300)) & (truth <= found.high)).mean() > 0.8


def test_intervals_that_are_too_narrow_are_stretched_to_hold_their_share():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(500)
    narrow = Prediction(np.zeros(500), np.full(500, 0.5), np.full(500, -0.8), np.full(500, 0.8), 0.9)
    wide = stretched(narrow, stretch(narrow, values))
    assert 0.89 < (np.abs(values) <= wide.high).mean() < 0.92
    assert wide.sd[0] / narrow.sd[0] == pytest.approx(wide.high[0] / narrow.high[0])


def test_a_model_of_ones_own_that_cannot_leave_out_is_calibrated_by_folds(monkeypatch):
    class Mean:
        def predict(self, rows, level):
            count = len(rows)
            return Prediction(np.zeros(count), np.ones(count), np.full(count, -1e-3), np.full(count, 1e-3), level)

    class Own:
        fits = 0

        def fit(self, rows, values, noise, *, groups, pool, seed):
            Own.fits += 1
            return Mean()

    monkeypatch.setitem(SURROGATES, "own", Own())
    architectures, values = known(100)
    assert fit(architectures, values, model="own").stretch > 10
    assert Own.fits == 6


def test_what_was_used_is_told():
    fitted = fit(*known(20), seed=2)
    assert isinstance(fitted, Fitted)
    assert fitted.to_dict() == {
        "model": "gaussian-process", "information": ["structure"], "known": 20, "level": 0.9, "seed": 2, "stretch": 1.0,
    }  # fmt: skip


class Holes:
    text, groups = "holes", ("a",)

    def features(self, architectures):
        return np.array([[np.nan if arch.code.startswith("0") else 1.0] for arch in architectures])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (lambda archs, values: fit(archs[:4], values[:4]), "one finite value for each of at least 5 architectures"),
        (lambda archs, values: fit(archs, values[:-1]), "one finite value for each of at least 5 architectures"),
        (lambda archs, values: fit(archs, [np.nan, *values[1:]]), "one finite value for each"),
        (lambda archs, values: fit(archs, [np.inf, *values[1:]]), "one finite value for each of .*, got inf"),
        (lambda archs, values: fit(archs, ["a"] * 20), "values of a surrogate: expected rows of numbers"),
        (lambda archs, values: fit(archs, values, seed=-1), "seed: expected at least 0"),
        (lambda archs, values: fit(archs, values, level="a"), "level of a surrogate: expected .* between 0 and 1"),
        (lambda archs, values: fit(archs, values, information=["structure"]), "information_of makes it of texts"),
        (lambda archs, values: fit(archs, np.full(20, 0.1)), "at least two different ones, got 0.1"),
        (lambda archs, values: fit(archs, 0.1 + 1e-16 * np.arange(20)), "at least two different ones, got 0.1"),
        (lambda archs, values: fit(archs, 1e-300 * np.array(values)), "a sensible range"),
        (lambda archs, values: fit(archs, values, model="gp"), "one of gaussian-process, ridge, trees, ensemble"),
        (lambda archs, values: fit(archs, values, level=1.5), "level of a surrogate: expected .* between 0 and 1"),
        (lambda archs, values: fit(archs, values, noise=-1.0), "noise of a surrogate: expected"),
        (lambda archs, values: fit(archs, values, noise=[0.1, 0.2]), "noise of a surrogate: expected"),
        (lambda archs, values: fit(archs, values, information=[]), "information of a surrogate: expected at least one"),
        (lambda archs, values: fit(archs, values, information=[Structure(), Structure()]), "each once"),
        (lambda archs, values: fit([*archs[:-1], archs[0]], values), "each architecture once"),
        (lambda archs, values: fit(archs, values, information=[Holes()]), "features of a surrogate: expected all"),
        (
            lambda archs, values: fit(archs, values, information=[Sizes(np.inf)]),
            r"information sizes: expected features of at most 1e\+100, nan where one is missing, got inf",
        ),
        (lambda archs, values: fit(archs, values, information=[Sizes(1e200)]), "give their logarithms"),
        (lambda archs, values: fit([next(iter(ODD)), *archs[1:]], values, space=CELLS), "expected"),
        (lambda archs, values: fit(archs, values).predict([next(iter(ODD))]), "expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_in_one_line(given, text):
    architectures, values = known(20)
    with pytest.raises(InputError, match=text) as caught:
        given(list(architectures), list(values))
    assert "\n" not in str(caught.value)


def test_all_features_side_by_side_keep_their_groups():
    found = gather([Structure(ODD)], list(ODD)[:3])
    assert found.rows.shape == (3, 7)
    assert found.groups[0] == "structure/width"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scale", [2.0**-50, 2.0**-120, 2.0**40])
def test_information_may_have_any_unit(model, scale):
    """The condition of a kernel may be some 1e-11; powers of 2 change no digit."""
    rng = np.random.default_rng(0)
    architectures = CELLS.sample(rng, 60)
    worth = dict(zip(architectures, rng.normal(size=60), strict=True))

    class Mine:
        text, groups = "mine", ("worth", "none")

        def __init__(self, scale):
            self.scale = scale

        def features(self, archs):
            return np.array([[self.scale * worth[arch], 7.0] for arch in archs])  # nothing of no architectures

    values = np.array([worth[arch] for arch in architectures[:40]])
    plain, other = (
        fit(architectures[:40], values, model=model, information=[Mine(one)]).predict(architectures)
        for one in (1.0, scale)
    )
    assert np.corrcoef(plain.mean[40:], [worth[arch] for arch in architectures[40:]])[0, 1] > 0.9
    assert other.mean == pytest.approx(plain.mean, abs=1e-6)
