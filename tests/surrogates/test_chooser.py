"""What a build is told to train next."""

from dataclasses import replace

import numpy as np
import pytest

import robnas
from robnas.building import Chosen, Measured
from robnas.errors import InputError
from robnas.spaces import SPACES, space_of
from robnas.surrogates import Chooser, Structure, classes_of, fit

SPACE = space_of(None)


@pytest.fixture(scope="module")
def table():
    return robnas.load("digits")


def measured(table, rows, *, of=300, closed=(), seeds=1):
    """Some of every twentieth architecture of a table, as a build would have measured them."""
    column = table.column("digits", "pgd@32/255", "validation")
    rows = tuple(sorted(rows))
    values = np.repeat(column.mean[::20][list(rows)][:, None], seeds, axis=1)
    return Measured(tuple(table.architectures[::20][:of]), rows, values, tuple(closed))


@pytest.mark.parametrize("design", ["random", "spread", "active"])
def test_choices_are_open_each_of_another_class_and_always_the_same(table, design):
    known = measured(table, range(0, 300, 12), closed=(1, 2))
    first, again = (Chooser(design).choose(known, 6) for _ in range(2))
    assert (first.rows, first.error) == (again.rows, again.error)
    assert len(first.rows) == 6
    assert not {*first.rows} & {*known.rows, *known.closed}
    classes = classes_of(known.candidates, SPACE)
    assert len(np.unique(classes[[*first.rows, *known.rows]])) == len(first.rows) + len(
        np.unique(classes[[*known.rows]])
    )


def test_the_start_needs_no_measurement_and_knows_no_error(table):
    chosen = Chooser("active").choose(measured(table, ()), 5)
    assert len(chosen.rows) == 5
    assert chosen.error is None


@pytest.mark.parametrize("design", ["random", "spread", "active"])
def test_equal_values_are_no_end(table, design):
    """As where the first trainings all stay at chance."""
    known = measured(table, range(25))
    equal = Measured(known.candidates, known.rows, np.full((25, 1), 0.5))
    chosen = Chooser(design).choose(equal, 5)
    assert len(chosen.rows) == 5
    assert chosen.error is None


def test_the_structure_is_that_of_the_networks_that_are_trained(table):
    known, small = measured(table, range(0, 300, 12)), table.space
    usual, trained = known, replace(known, space=small)
    assert usual.candidates[0].space == small.name
    assert small != SPACE
    seen = []
    for one in (usual, trained):
        chooser = Chooser("spread")
        chooser.choose(one, 1)
        (campaign,) = chooser._campaigns.values()
        seen.append(campaign.information[0].rows)
    np.testing.assert_array_equal(seen[0], Structure(SPACE).features(known.candidates))
    np.testing.assert_array_equal(seen[1], Structure(small).features(known.candidates))
    assert not np.array_equal(*seen)


def test_the_error_is_near_the_truth_and_falls(table):
    """To a third, either way; 320 architectures are predicted from every sixteenth and from every fourth."""
    truth, errors = table.column("digits", "pgd@32/255", "validation").mean[::20][:320], []
    for step in (16, 4):
        known = measured(table, range(0, 320, step), of=320)
        fitted = fit([known.candidates[row] for row in known.rows], known.values[:, 0], pool=known.candidates)
        found = np.abs(fitted.predict(known.candidates).mean - truth)[np.arange(320) % step != 0].mean()
        errors.append(Chooser("spread").choose(known, 0).error)
        assert 0.67 < errors[-1] / found < 1.5
    assert errors[1] < errors[0]


def test_a_focus_on_the_top_tells_the_error_there(table):
    known = measured(table, range(0, 300, 6))
    everywhere, top = (Chooser("active", focus=focus).choose(known, 0).error for focus in ("everywhere", "top"))
    assert 0 < top < everywhere


def test_only_one_of_a_class_is_worth_a_training():
    """Of a plan that lists networks several times, there is nothing to choose once each is known."""
    candidates = tuple(SPACE.parse(text) for text in ("000000", "000001", "444444"))
    classes = classes_of(candidates, SPACE)
    assert len(np.unique(classes)) < 3
    chosen = Chooser("random").choose(Measured(candidates, (0,), np.array([[0.5]])), 2)
    assert len(chosen.rows) == len(np.unique(classes)) - 1


def test_what_is_the_same_network_as_a_measured_one_is_no_error():
    candidates = tuple(SPACE.parse(text) for text in ("000000", "000001", "444444", "323133", "333333", "111111"))
    values = np.array([[0.1], [0.6], [0.5], [0.4], [0.3]])
    assert Chooser().choose(Measured(candidates, (0, 2, 3, 4, 5), values), 1) == Chosen((), 0.0)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"design": "clever"}, "design: expected one of random, spread, active"),
        ({"model": "oracle"}, "gaussian-process"),
        ({"focus": "bottom"}, "focus: expected one of everywhere, top"),
    ],
)
def test_unknown_names_are_refused(given, text):
    with pytest.raises(InputError, match=text):
        Chooser(**given)


def test_repeated_seeds_tell_the_noise(table):
    """Twins that differ make the values of single trainings less sure."""
    known = measured(table, range(0, 300, 12), seeds=2)
    rng = np.random.default_rng(0)
    apart = known.values + rng.normal(0, 0.1, known.values.shape)
    sure = Chooser("spread").choose(known, 0).error
    unsure = Chooser("spread").choose(Measured(known.candidates, known.rows, apart), 0).error
    assert unsure > sure


def test_information_that_lacks_architectures_is_refused_before_anything_is_trained(table):
    class Scores:
        text, groups = "scores:mine", ("flops",)

        def features(self, architectures):
            return np.array([[np.nan if arch.text == lacking.text else 1.0] for arch in architectures])

    known = measured(table, ())
    lacking = known.candidates[7]
    text = f"expected all of them for each architecture, got 1 of 300 without, the first {lacking.text}"
    with pytest.raises(InputError, match=text):
        Chooser("spread", information=[Scores()]).choose(known, 5)


@pytest.mark.parametrize("design", ["spread", "active"])
def test_settings_of_a_space_may_change_its_genes(design):
    space = SPACES["theory"].configure(depth=3)
    assert len(space.genes) != len(SPACES["theory"].genes)
    candidates, values = tuple(space)[:40], np.linspace(0.1, 0.9, 25)[:, None]
    chosen = Chooser(design).choose(Measured(candidates, tuple(range(25)), values, space=space), 5)
    assert len(chosen.rows) == 5
    assert chosen.error > 0
