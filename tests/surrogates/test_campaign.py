import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import SPACES, Architecture
from robnas.surrogates import DESIGNS, Campaign, Chooser, assess, choose, classes_of, one_of_each
from tests.surrogates.small import CELLS, OWN, cells, own, worth

TWINS = ("001000", "002000", "003000")
"""No way from the input: cells that give one answer whatever the image shows."""


def test_classes_are_those_of_the_partition_effective():
    archs = [Architecture(code) for code in (*TWINS, "323133")]
    classes = classes_of(archs, CELLS)
    assert len(set(classes[:3])) == 1
    assert classes[3] != classes[0]
    assert one_of_each(classes).tolist() == [0, 3]


def test_where_a_space_has_no_classes_each_architecture_is_its_own():
    archs = [OWN.from_index(place) for place in (3, 1, 3)]
    assert classes_of(archs, OWN).tolist() == [0, 1, 0]


@pytest.mark.parametrize("design", ["random", "spread", "active"])
def test_one_of_each_class_is_proposed_and_none_whose_value_is_known(design):
    archs = [Architecture(code) for code in (*TWINS, "333333", "323133", "123123", "111111", "222222", "121212")]
    campaign = Campaign(archs)
    values = np.full(9, np.nan)
    found = campaign.propose(values, 7, design=design)
    assert len(set(campaign.classes[found])) == 7
    values[1] = 0.1
    assert not {0, 1, 2, 3} & set(campaign.propose(values, 4, design=design, taken=[3]))
    with pytest.raises(InputError, match="candidates for 6 trainings: expected at least as many, got 5"):
        campaign.propose(values, 6, design=design, taken=[3])


def test_active_asks_a_surrogate_once_enough_is_known(monkeypatch):
    table = cells(120)
    campaign = Campaign(table.architectures)
    fit, calls = Campaign.fit, []
    monkeypatch.setattr(Campaign, "fit", lambda self, *given: calls.append(given) or fit(self, *given))
    values = np.full(120, np.nan)
    values[campaign.propose(values, 19)] = 0.3
    assert not calls
    first = campaign.propose(values, 20)
    assert not calls
    values[first] = [worth(table.architectures[place]) for place in first]
    found = campaign.propose(values, 5)
    assert len(calls) == 1
    assert found == campaign.propose(values, 5)


def test_the_best_are_the_lowest_where_less_is_better():
    table = cells(150)
    worths = np.array([worth(arch) for arch in table.architectures])
    start = Campaign(table.architectures).propose(np.full(150, np.nan), 40)
    values = np.full(150, np.nan)
    values[start] = worths[start]
    upward = Campaign(table.architectures).propose(values, 15, focus="top")
    downward = Campaign(table.architectures, direction="minimise").propose(values, 15, focus="top")
    assert worths[upward].mean() > worths[downward].mean()


def test_a_fit_knows_the_values_that_are_there():
    table = own()
    campaign = Campaign(table.architectures, space=OWN)
    values = table.columns[0].mean.copy()
    values[30:] = np.nan
    fitted = campaign.fit(values, 0.01)
    assert len(fitted.architectures) == 30
    found = fitted.predict(campaign.architectures[30:])
    assert np.corrcoef(found.mean, table.columns[0].mean[30:])[0, 1] > 0.9


def test_bad_input_of_a_campaign_is_refused():
    with pytest.raises(InputError, match="architectures of a campaign: expected at least one, got none"):
        Campaign([])
    with pytest.raises(InputError, match="belongs to nas-bench-201"):
        Campaign([SPACES["nas-bench-201"].from_index(5)], space=OWN)
    campaign = Campaign(cells(30).architectures)
    with pytest.raises(InputError, match=r"values of a campaign: expected one for each of 30 .*, got shape \(3,\)"):
        campaign.propose(np.zeros(3), 2)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda one, values: one.fit(values[:9]), r"values of a campaign: expected one for each of 60 .* shape \(9,\)"),
        (lambda one, values: one.fit(["a"] * 60), "values of a campaign: expected rows of numbers"),
        (lambda one, values: one.fit(values, noise=values[:9]), "noise of a surrogate: expected standard errors"),
        (lambda one, values: one.fit([np.inf, *values[1:]]), "nan where it is not known, got infinite ones"),
        (lambda one, values: one.propose(values * np.nan, 3, taken=[-1]), "taken, .*: expected integers from 0 to 59"),
        (lambda one, values: Campaign([*one.architectures] * 2, space=OWN), "each once, got one twice"),
        (lambda one, values: Campaign(one.architectures, space=OWN, direction="up"), "maximise or minimise, got 'up'"),
        (lambda one, values: Campaign(one.architectures, space=OWN, model="no"), "surrogate: expected one of"),
        (lambda one, values: Campaign(one.architectures, space=OWN, information=[]).fit(values), "at least one kind"),
        (lambda one, values: Campaign(one.architectures, space=OWN, information=["structure"]), "information_of"),
    ],
)  # fmt: skip
def test_what_would_be_fitted_wrongly_is_refused(call, text):
    table = own()
    campaign = Campaign(table.architectures, space=OWN)
    with pytest.raises(InputError, match=text):
        call(campaign, table.columns[0].mean)


class Told:
    """A design of one's own, which keeps what it was told."""

    def __init__(self, wrong=()):
        self.wrong, self.seen = list(wrong), []

    def choose(self, ground, candidates, count, *, taken, predicted, focus, rng):
        self.seen.append(predicted)
        return self.wrong or candidates[:count].tolist()


def test_a_design_of_ones_own_is_told_what_is_predicted(monkeypatch):
    design = Told()
    monkeypatch.setitem(DESIGNS, "told", design)
    table = own()
    found = assess(table, dataset="first", metric="clean", split="test", train=30, splits=1, design="told")
    assert found.to_dict()["focus"] == "everywhere"
    start, *rest = design.seen
    assert start is None
    assert [len(one.mean) for one in rest] == [60, 60]
    assert Chooser(design="told").sequential


def test_a_design_that_chooses_what_is_no_candidate_is_refused(monkeypatch):
    design = Told()
    monkeypatch.setitem(DESIGNS, "told", design)
    for design.wrong in ([3, 3], [1], [1, 99]):
        with pytest.raises(InputError, match="what design told chooses: expected 2 candidates, each once, got"):
            choose("told", range(9), 2, rows=np.eye(9))


def test_equal_values_are_no_end_of_choices():
    campaign = Campaign(own().architectures, space=OWN)
    values = np.full(60, np.nan)
    values[:30] = 0.1 + 1e-17 * np.arange(30)
    assert len(campaign.propose(values, 3, design="active")) == 3
