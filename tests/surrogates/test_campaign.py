import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import SPACES, Architecture
from robnas.surrogates import DESIGNS, Campaign, assess, classes_of, one_of_each
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


def test_a_design_of_ones_own_is_told_what_is_predicted():
    told = []

    class Mine:
        def choose(self, ground, candidates, count, *, taken, predicted, focus, rng):
            told.append(predicted)
            return candidates[:count].tolist()

    table = cells(60)
    DESIGNS.register("mine", Mine())
    try:
        campaign, values = Campaign(table.architectures), np.full(60, np.nan)
        campaign.propose(values, 5, design="mine")
        values[:25] = [worth(arch) for arch in table.architectures[:25]]
        campaign.propose(values, 5, design="mine")
        found = assess(table, dataset="first", metric="clean", split="test", train=30, splits=1, design="mine")
    finally:
        del DESIGNS["mine"]
    assert [one is None for one in told] == [True, False, True, False, False]  # by assess: 20 values, then five each
    assert len(told[1].mean) == len(one_of_each(campaign.classes))
    assert found.to_dict()["focus"] == "everywhere"


def test_values_that_differ_by_rounding_alone_are_equal():
    """Means of one seed and of three, where all trainings stay at chance."""
    campaign, values = Campaign(cells(60).architectures), np.full(60, np.nan)
    values[:30] = 0.1
    values[5] = np.mean([0.1] * 3)
    assert values[5] != 0.1
    assert campaign.propose(values, 3) == campaign.propose(values, 3, design="spread")
