from dataclasses import dataclass

import pytest

from robnas.attacks import FGSM, PGD
from robnas.building import Source, Trial
from robnas.data import load_data
from robnas.errors import InputError
from robnas.evaluation import Suite, evaluate, metric_key
from robnas.records import RecordStore
from robnas.spaces import Architecture
from robnas.training import Recipe
from robnas.types import ThreatModel

LINF, L1 = ThreatModel.linf("32/255"), ThreatModel.l1(2)
SHORT, LONG = PGD(LINF, 1, 0.1, label="1"), PGD(LINF, 3, 0.05, label="3")


@dataclass(frozen=True)
class Own:
    """Somebody's own attack, as the Protocol asks for it and no more."""

    name: str
    threat: ThreatModel = LINF

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        return images


class Loose:
    """An attack whose settings nobody can store."""

    name, threat, __call__ = "own", LINF, Own.__call__


def test_two_attacks_of_one_key_are_told_to_take_a_label():
    with pytest.raises(
        InputError,
        match=r'got clean, pgd@32/255, pgd@32/255; tell them apart by a label, such as label="100" for pgd:100',
    ):
        Suite("twice", (PGD(LINF, 1, 0.1), PGD(LINF, 20, 0.01)))
    with pytest.raises(InputError, match="suite attacks: expected one per metric key"):
        Suite("twice", (SHORT, PGD(LINF, 20, 0.01, label="1")))
    both = Suite("both", (PGD(LINF, 5, 0.1), SHORT, LONG, PGD(L1, 5, 1, label="3")))
    assert both.metrics == ("clean", "pgd@32/255", "pgd:1@32/255", "pgd:3@32/255", "pgd:3-l1@2")


@pytest.mark.parametrize(
    ("attack", "text"),
    [
        (Own("mi-fgsm"), "attack name: .* got 'mi-fgsm'"),
        (Own("clean"), "attack name"),
        (Own("own", "8/255"), "metric threat: expected a ThreatModel, got '8/255'"),
        (Own("own", None), "metric: expected clean, an attack with a threat model"),
        (PGD, "attack: expected an object with name and threat"),
        ("pgd", "attack: expected an object with name and threat"),
        (Loose(), "suite attack own@32/255: expected a frozen dataclass, whose settings can be stored"),
    ],
)
def test_what_cannot_be_measured_is_refused_when_the_suite_is_made(attack, text):
    with pytest.raises(InputError, match=text):
        Suite("own", (FGSM(LINF), attack))


@dataclass(frozen=True)
class Holding(Own):
    """An attack with a setting of any kind."""

    setting: object = None


@pytest.mark.parametrize("setting", [object(), {1, 2}, b"x", {"a": object()}])
def test_settings_that_cannot_be_stored_are_refused_when_the_suite_is_made(setting):
    with pytest.raises(InputError, match="suite attack own@32/255: expected settings that JSON can hold, got Type"):
        Suite("s", (Holding("own", setting=setting),))


def test_a_suite_wants_a_tuple_of_attacks_and_whole_numbers_as_limits():
    with pytest.raises(InputError, match=r"suite attacks: expected a tuple of attacks, got FGSM\("):
        Suite("s", FGSM(LINF))
    for limits in (None, 5, ["fgsm"]):
        with pytest.raises(InputError, match="suite limits: expected attack name → images, got"):
            Suite("s", (FGSM(LINF),), limits=limits)
    for limit in (0, 1.5, True, "5"):
        with pytest.raises(InputError, match="suite limit of fgsm: expected"):
            Suite("s", (FGSM(LINF),), limits={"fgsm": limit})


@pytest.mark.parametrize("threat", [ThreatModel.l2(128), ThreatModel.l1(255)], ids=str)
def test_radii_of_another_unit_fail_before_the_work(threat):
    data = load_data("digits").limit(train=64)
    text = f"model epsilon: expected at most .* the {threat.norm} distance of a black from a white image"
    with pytest.raises(InputError, match=text):
        evaluate(None, data, Suite("s", (FGSM(LINF), FGSM(threat))), split="test", seed=0)
    recipe = Recipe.digits().replace(attack=PGD(threat, 1, threat.epsilon))
    trial = Trial(architecture=Architecture("323133"), source=Source(name="digits"), recipe=recipe, seed=1)
    with pytest.raises(InputError, match=text):
        trial.train(data, None)


def test_attacks_of_others_need_no_label():
    assert metric_key(Own("own")) == "own@32/255"
    assert Suite("own", [Own("own")]).attacks == (Own("own"),)


def test_limits_are_of_a_name_or_of_one_label():
    suite = Suite("s", (FGSM(LINF), SHORT, LONG), limits={"pgd": 20, "pgd:3": 5})
    assert [suite.images(attack, 50) for attack in suite.attacks] == [50, 20, 5]
    assert [suite.images(attack, 3) for attack in suite.attacks] == [3, 3, 3]
    with pytest.raises(InputError, match="suite limit: expected one of fgsm, pgd:1, pgd, pgd:3, got 'pgd:9'"):
        Suite("s", (FGSM(LINF), SHORT, LONG), limits={"pgd:9": 5})


def test_labelled_attacks_and_l1_reach_the_table_and_are_asked_for_by_their_keys(tmp_path):
    from robnas import load

    recipe = Recipe.digits().replace(epochs=1)
    trial = Trial(architecture=Architecture("323133"), source=Source(name="digits"), recipe=recipe, seed=1)
    data = load_data("digits").limit(train=64)
    suite = Suite("s", (FGSM(L1), SHORT, LONG, PGD(L1, 2, 1, label="2")), limits={"pgd:3": 30})
    found = evaluate(trial.network(data), data, suite, split="test", seed=1, limit=40, directory=tmp_path)
    again = evaluate(trial.network(data), data, suite, split="test", seed=1, limit=40, directory=tmp_path)
    assert again.measurements == found.measurements
    assert [m.images for m in found.measurements] == [40, 40, 40, 30, 40]
    assert found.measurements[2].attack["label"] == "1"
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store:
        assert store.add(*trial.records(data, found)) == 5
        assert {record.metric for record in store.records(attack="pgd", norm="linf")} == {
            "pgd:1@32/255",
            "pgd:3@32/255",
        }
    table = load(url)
    for metric in suite.metrics:
        asked = table.query("323133", dataset="digits", metric=metric, split="test", seed=1)
        assert asked == found[metric], metric
