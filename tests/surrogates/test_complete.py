"""A completed table: what was measured stays, the rest is predicted, and nobody takes one for the other."""

import copy
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
import pytest

from robnas.benchmarks import Column, CurveColumn, PredictedValue, Table, Value, measured_only, predicted_rows
from robnas.errors import InputError
from robnas.records import Record
from robnas.spaces import SPACES, Gene, Space
from robnas.surrogates import SURROGATES, ColumnValues, Prediction, Structure, assess, complete
from tests.data.conftest import refused

GENES = [Gene("depth", tuple(range(1, 9)), ordered=True), Gene("width", tuple(range(8)), ordered=True)]
TOY = Space("toy", genes=GENES)
CELLS = SPACES["nas-bench-201"]
PGD = {"dataset": "digits", "metric": "pgd@8/255", "split": "test"}
CLEAN = {**PGD, "metric": "clean"}


@dataclass
class Recorder:
    """A surrogate that keeps what it is given, and says 0.5 ±0.03 of everything."""

    mean: float = 0.5
    seen: list = field(default_factory=list)

    def fit(self, rows, values, noise, *, groups, pool, seed):
        self.seen.append((rows, values, noise, pool))
        return self

    def predict(self, rows, level):
        found, half = np.full(len(rows), self.mean), 0.03 * NormalDist().inv_cdf((1 + level) / 2)
        sd = np.full(len(rows), 0.01)  # the interval is calibrated, this is not
        return Prediction(found, sd, found - half, found + half, level)


@pytest.fixture(autouse=True)
def recorder():
    dict.__setitem__(SPACES, "toy", TOY)
    found = Recorder()
    dict.__setitem__(SURROGATES, "recorder", found)
    yield found
    dict.pop(SURROGATES, "recorder")
    dict.pop(SPACES, "toy")


def truth(architectures):
    return np.array([0.2 + 0.03 * arch.genes["depth"] + 0.04 * arch.genes["width"] for arch in architectures])


def lab(count=20, seeds=2, **changes):
    """Some architectures of the toy space, trained with several seeds; the last of them once."""
    rng = np.random.default_rng(0)
    architectures = TOY.sample(rng, count)
    values = truth(architectures)[:, None] + rng.normal(0, 0.01, (count, seeds))
    values[-1, 1:] = np.nan
    attacked = Column("digits", "test", "pgd@8/255", values / 2, tuple(range(seeds)), facts={"recipe": "abc"})
    return Table("lab", architectures, [replace(attacked, metric="clean", values=values), attacked], **changes)


def test_measured_values_stay_as_they_are_and_all_others_are_predicted():
    table = lab()
    found = complete(table)
    assert len(found) == 64
    assert (found.name, complete(found).name) == ("lab (completed)",) * 2
    assert found.architectures[: len(table)] == table.architectures
    for before, after in zip(table.columns, found.columns, strict=True):
        np.testing.assert_array_equal(after.values[: len(table)], before.values)
        assert after.measured.sum() == len(table)
        assert predicted_rows(after).sum() == 64 - len(table)
        assert (after.sd[~after.measured] > 0).all()
        assert (after.seeds, after.facts["recipe"]) == (before.seeds, "abc")
    for arch in TOY:
        measured = arch in table.architectures
        value = found.query(arch, **PGD, seed="mean")
        assert found.is_measured(arch, **PGD) is measured
        assert type(value) is (Value if measured else PredictedValue)
        if measured:
            assert value == table.query(arch, **PGD, seed="mean")
    column = found.column("digits", "clean", "test")
    assert np.corrcoef(column.mean, truth(found.architectures))[0, 1] > 0.95


def test_the_same_is_predicted_again_and_again_from_measured_values_alone(recorder):
    once = complete(lab(), seed=3)
    for again in (complete(lab(), seed=3), complete(once, seed=3)):
        for first, second in zip(once.columns, again.columns, strict=True):
            np.testing.assert_allclose(first.mean, second.mean, rtol=1e-6)
        assert again.provenance == once.provenance
    complete(once, model="recorder")
    assert {len(values) for _, values, _, _ in recorder.seen} == {20}


def test_a_table_says_what_predicted_it_and_no_date():
    found = complete(lab(provenance={"licence": "CC BY 4.0"}), level=0.8)
    assert found.provenance["licence"] == "CC BY 4.0"
    about = found.provenance["completed"]
    assert about.keys() == {"columns"}
    assert about["columns"].keys() == {"digits test clean", "digits test pgd@8/255"}
    for facts in about["columns"].values():
        assert facts["model"] == "gaussian-process"
        assert (facts["information"], facts["known"], facts["level"]) == (["structure"], 20, 0.8)
    told = "gaussian-process from 20 measured networks (structure)"
    assert {column.facts["predicted_by"] for column in found.columns} == {told}


def test_the_noise_of_a_training_goes_into_the_fit_and_into_what_is_said_of_one_training(recorder):
    table = lab()
    noise = table.noise("digits", "clean", split="test").run_sd
    column = complete(table, model="recorder").columns[0]
    errors = recorder.seen[0][2]
    np.testing.assert_allclose(errors[:-1], noise / 2**0.5)
    assert errors[-1] == pytest.approx(noise)
    np.testing.assert_allclose(column.sd[predicted_rows(column)], (0.03**2 + noise**2 / 2) ** 0.5)


def test_without_repeated_seeds_the_fit_is_told_of_no_noise(recorder):
    column = complete(lab(seeds=1), model="recorder").columns[0]
    assert np.isnan(recorder.seen[0][2]).all()
    np.testing.assert_allclose(column.sd[predicted_rows(column)], 0.03)


def test_accuracies_are_predicted_within_their_scale_and_costs_in_their_unit(recorder):
    table = lab()
    cost = Column("digits", "test", "latency:pixel3", 100 * table.columns[0].values, unit="ms", direction="minimise",
                  seeds=(0, 1))  # fmt: skip
    recorder.mean = 1.5
    found = complete(Table("lab", table.architectures, [*table.columns, cost]), model="recorder")
    assert [np.nanmax(column.predicted) for column in found.columns] == [1, 1, 1.5]
    assert (found.columns[2].unit, found.columns[2].direction) == ("ms", "minimise")


def test_networks_that_are_one_are_trained_once_and_answer_for_all(recorder):
    identical = CELLS.partition("identical")
    arch = next(arch for arch in CELLS.sample(np.random.default_rng(1), 50) if len(identical.members(arch)) > 2)
    twin, third = [other for other in identical.members(arch) if other != arch][:2]
    others = [one for one in CELLS.sample(np.random.default_rng(0), 8) if not identical.same(one, arch)]
    values = np.linspace(0.1, 0.5, len(others) + 2)
    rows = [arch, twin, *others]
    for seeds in ((0,), ()):
        table = Table("lab", rows, [Column("digits", "test", "clean", values[:, None], seeds)])
        found = complete(table, model="recorder", architectures=[third, "444444"] if seeds else None)
        assert found.partition == "identical"
        assert len(found) == (len(rows) + 1 if seeds else identical.count + 1)  # both twins were trained
        assert found.is_measured(third, **CLEAN)
        assert found.query(third, **CLEAN, seed="mean") == values[0]
        assert found.query(twin, **CLEAN, seed="mean") == values[1]
        assert len(recorder.seen[-1][1]) == len(others) + 1
        assert np.isclose(recorder.seen[-1][1], values[:2].mean()).any()


def test_one_training_of_each_class_that_the_table_declares(recorder):
    official = CELLS.partition("official")
    rows = official.representatives()[100:120]
    published = np.random.default_rng(0).permutation(len(CELLS))
    values = np.linspace(0.1, 0.5, 20)[:, None]
    table = Table("lab", rows, [Column("digits", "test", "clean", values)], partition="official", published=published)
    found = complete(table, model="recorder")
    assert (found.partition, len(found)) == ("official", official.count)
    classes = [int(official.class_of[arch.index]) for arch in found.architectures]
    assert len(set(classes)) == len(classes)
    arch = found.architectures[-1]
    identical = CELLS.partition("identical")
    for other in CELLS:  # a relative that is another network says so, predicted or not
        row = found.row(other)
        if row >= 20 and not identical.same(other, found.at(row)):
            value = found.query(other, **CLEAN, seed="mean")
            assert (type(value), value.identical) == (PredictedValue, False)
            assert copy.copy(value).identical is False
            assert found.query(found.at(row), **CLEAN, seed="mean").identical
            break
    else:
        raise AssertionError("no relative")
    assert published[arch.index] == min(published[other.index] for other in official.members(arch))


def test_columns_that_cannot_be_fitted_are_said_and_refused_where_they_are_asked_for():
    table = lab()
    few = np.where(np.arange(len(table))[:, None] < 3, table.columns[0].values, np.nan)
    same = np.full_like(few, 0.1)
    columns = [replace(table.columns[0], metric=name, values=values) for name, values in
               (("fgsm@4/255", few), ("fgsm@8/255", same))]  # fmt: skip
    table = Table("lab", table.architectures, [*table.columns, *columns])
    found = complete(table)
    reasons = found.provenance["completed"]["not_completed"]
    assert reasons.keys() == {"digits test fgsm@4/255", "digits test fgsm@8/255"}
    assert "at least" in reasons["digits test fgsm@4/255"]
    assert found.columns[2].predicted is None
    np.testing.assert_array_equal(found.columns[2].values[: len(table)], few)
    what = "^column digits test fgsm@4/255: expected what a surrogate can be fitted on, got values of a surrogate: "
    with refused(what, InputError):
        complete(table, columns=[table.columns[2]])
    with pytest.raises(InputError, match="at least"):
        complete(Table("lab", table.architectures, [table.columns[2]]))


def test_only_the_columns_that_are_asked_for_are_completed():
    table = lab()
    clean, attacked = complete(table, columns=[table.columns[1]]).columns
    assert clean.predicted is None
    assert len(clean.values) == 64
    assert np.isnan(clean.mean[20:]).all()
    assert attacked.predicted is not None
    with refused("^columns to complete of table lab: expected its own, got 'digits test clean'$", InputError):
        complete(table, columns=[lab().columns[0]])


def test_columns_may_be_completed_one_after_the_other():
    table = lab()
    first = complete(table, columns=[table.columns[1]], level=0.8)
    both = complete(first, columns=[first.columns[0]])
    np.testing.assert_array_equal(both.columns[1].mean, first.columns[1].mean)
    np.testing.assert_array_equal(both.columns[1].sd, first.columns[1].sd)
    about = both.provenance["completed"]["columns"]
    assert {name: facts["level"] for name, facts in about.items()} == {
        "digits test clean": 0.9, "digits test pgd@8/255": 0.8,
    }  # fmt: skip


def test_learning_curves_stay_beside_what_is_predicted():
    table = lab()
    curve = CurveColumn("digits", "test", "clean", (1, 2), np.full((20, 2, 2), 0.5), (0, 1))
    found = complete(Table("lab", table.architectures, table.columns, curves=[curve]))
    assert found.curves[0].values.shape == (64, 2, 2)
    np.testing.assert_array_equal(found.curves[0].values[:20], 0.5)
    assert np.isnan(found.curves[0].values[20:]).all()


def test_a_space_that_cannot_be_listed_needs_a_list():
    huge = Space("huge", genes=[Gene(f"gene_{number}", tuple(range(10)), ordered=True) for number in range(12)])
    dict.__setitem__(SPACES, "huge", huge)
    try:
        architectures = huge.sample(np.random.default_rng(0), 30)
        values = [[sum(arch.genes.values()) / 120] for arch in architectures[:20]]
        table = Table("lab", architectures[:20], [Column("digits", "test", "clean", values)])
        with refused("^architectures to predict of space huge: expected a list of them, because it is too large to "
                     "list, got none; --architectures FILE", InputError):  # fmt: skip
            complete(table)
        found = complete(table, architectures=[*architectures[15:], architectures[29].text])
        assert found.architectures == tuple(architectures)
        assert predicted_rows(found.columns[0]).sum() == 10
    finally:
        dict.pop(SPACES, "huge")


def test_a_table_that_lacks_nothing_is_refused():
    table = lab(64)
    with refused("^table lab: expected architectures without a measured value, got 64 that have one$", InputError):
        complete(table)


def test_a_failed_training_is_predicted_like_one_that_never_began():
    table = lab(64)
    values = table.columns[0].values.copy()
    values[5] = np.nan
    found = complete(Table("lab", table.architectures, [replace(table.columns[0], values=values)]))
    assert found.architectures == table.architectures
    assert np.flatnonzero(predicted_rows(found.columns[0])).tolist() == [5]


def test_measured_only_is_the_table_without_predictions():
    table = lab()
    found = measured_only(complete(table))
    assert [column.predicted for column in found.columns] == [None, None]
    np.testing.assert_array_equal(found.columns[0].values[:20], table.columns[0].values)
    assert measured_only(table) is table


def test_records_are_completed_as_their_table_is():
    table = lab()
    records = [
        Record(
            architecture=arch, space="toy", dataset_hash="d" * 16, split="test", recipe_hash="r" * 16, seed=seed,
            metric="clean", attack_hash="", images=100, dataset="digits", value=float(value), seconds=1.0,
            torch_version="2", device="cpu",
        )
        for arch, runs in zip(table.architectures, table.columns[0].values, strict=True)
        for seed, value in enumerate(runs)
        if not np.isnan(value)
    ]  # fmt: skip
    found = complete(records)
    (column,) = found.columns
    assert predicted_rows(column).sum() == 44
    for arch in table.architectures:
        assert found.query(arch, **CLEAN, seed=0) == table.query(arch, **CLEAN, seed=0)


def test_other_columns_help_and_the_predicted_one_is_no_information():
    architectures = tuple(TOY)
    full = truth(architectures)[:, None]
    columns = [Column("digits", "test", name, values) for name, values in (("clean", full), ("pgd@8/255", full**2))]
    whole, rows = Table("whole", architectures, columns), np.arange(0, 64, 6)
    table = Table("lab", [architectures[row] for row in rows], [column.take(rows) for column in columns])
    clean = ColumnValues("columns:whole::digits::clean::test", whole, whole.columns[0])
    found = complete(table, information=[clean])
    about = found.provenance["completed"]
    assert about["columns"]["digits test pgd@8/255"]["information"] == ["columns:whole::digits::clean::test"]
    reason = "information: expected another column than the predicted one, got 'columns:whole::digits::clean::test'"
    assert about["not_completed"] == {"digits test clean": reason}
    column = found.columns[1]
    wanted = [whole.query(arch, **PGD, seed="mean") for arch in found.architectures]
    assert np.abs(column.mean - wanted).max() < 0.07  # the best is beyond all known ones
    few = Table("few", whole.architectures[:40], [column.take(np.arange(40)) for column in whole.columns])
    lacking = ColumnValues("columns:few::digits::clean::test", few, few.columns[0])
    with pytest.raises(InputError, match="features of a surrogate: expected all of them for each architecture, got"):
        complete(table, columns=[table.columns[1]], information=[lacking])


@pytest.mark.parametrize(("gaps", "trainings"), [([], 2), ([(0, 1), (1, 0)], 2), ([(0, 1), (1, 1)], 1)])
def test_twins_that_share_their_seeds_are_no_further_trainings(recorder, gaps, trainings):
    twins = ["000000", "000014"]
    same = CELLS.partition("identical").same
    drawn = CELLS.sample(np.random.default_rng(0), 40)
    others = [arch.text for arch in drawn if not same(arch, twins[0])][:30]
    rng = np.random.default_rng(0)
    values = rng.uniform(0.3, 0.5, (32, 1)) + rng.normal(0, 0.01, (32, 2))
    for gap in gaps:
        values[gap] = np.nan
    table = Table("lab", [*twins, *others], [Column("digits", "test", "clean", values, (0, 1))])
    complete(table, model="recorder", architectures=["444444"])
    _, known, errors, _ = recorder.seen[0]
    assert len(known) < len(table)
    place = int(np.argmin(np.abs(known - np.nanmean(values[:2]))))
    noise = table.noise("digits", "clean", split="test").run_sd
    assert errors[place] == pytest.approx(noise / trainings**0.5)  # of two seeds, not of four trainings


@pytest.mark.parametrize("named", [None, (Structure(CELLS),)])
def test_structure_is_that_of_the_networks_that_were_trained(recorder, named):
    small, large = CELLS.configure(channels=4, cells=1), CELLS.configure(channels=4, cells=3)
    architectures = CELLS.sample(np.random.default_rng(0), 30)
    values = np.linspace(0.1, 0.9, 30)[:, None]
    columns = [Column("digits", "test", "clean", values, space=space.key) for space in (small, large)]
    table = Table("both", architectures[:20], [column.take(np.arange(20)) for column in columns])
    found = complete(table, architectures=architectures, model="recorder", information=named)
    for space, (_, _, _, pool) in zip((small, large), recorder.seen, strict=True):
        np.testing.assert_array_equal(pool, Structure(space).features(found.architectures))
    recorder.seen.clear()
    whole = Table("whole", architectures, columns)
    for space in (small, large):
        assess(whole, dataset="digits", metric="clean", split="test", space=space.key, train=6, splits=1,
               model="recorder", information=named)  # fmt: skip
        np.testing.assert_array_equal(recorder.seen.pop()[3], Structure(space).features(architectures))


def test_a_space_that_is_not_registered_is_completed():
    own = Space("unknown", genes=GENES)
    table = Table("lab", list(own)[::3], [Column("d", "test", "clean", np.linspace(0, 1, 22)[:, None], space=own.key)],
                  space=own)  # fmt: skip
    assert len(complete(table)) == own.size
