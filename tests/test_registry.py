"""Dictionaries of what has a name: a taken one is refused, an unknown one is an error that lists what there is."""

import copy
import pickle
from collections.abc import Callable

import pytest

from robnas import _registry
from robnas._registry import Registry, all_or_nothing
from robnas._settings import check_keys
from robnas.errors import InputError


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch):
    monkeypatch.setattr(_registry, "_discovered", True)


@pytest.fixture
def fruit():
    return Registry("fruit", {"apple": len, "pear": max}, Callable)


def test_reading_is_a_dictionarys(fruit):
    assert fruit["apple"] is len
    assert (list(fruit), len(fruit), "pear" in fruit, "fig" in fruit) == (["apple", "pear"], 2, True, False)
    assert (fruit.get("fig"), fruit.get("fig", 3), fruit.get("pear")) == (None, 3, max)
    assert {**fruit} == fruit == {"apple": len, "pear": max}
    assert fruit.names() == ["apple", "pear"]


def test_unknown_names_list_what_there_is(fruit):
    with pytest.raises(InputError, match=r"fruit: expected one of apple, pear, got 'aple'; did you mean apple\?"):
        fruit["aple"]
    with pytest.raises(InputError, match=r"got 'fig'; if it is your own, give its file with --import"):
        fruit["fig"]
    with pytest.raises(InputError, match=r"dessert: expected one of apple, pear, got 'fig'; if it is your own"):
        check_keys("dessert", ["apple", "fig"], fruit)


@pytest.mark.parametrize(
    "add",
    [
        lambda registry, name: registry.__setitem__(name, min),
        lambda registry, name: registry.register(name, min),
        lambda registry, name: registry.register(name)(min),
        lambda registry, name: registry.update({name: min}),
        lambda registry, name: registry.__ior__({name: min}),
    ],
)
def test_a_taken_name_is_refused_whichever_way_it_is_given(fruit, add):
    add(fruit, "fig")
    assert fruit["fig"] is min
    with pytest.raises(InputError, match=r"fruit name: expected one that is free, got 'pear'; .*overwrite=True"):
        add(fruit, "pear")
    assert fruit["pear"] is max
    assert fruit.setdefault("pear", min) is max
    assert fruit.setdefault("plum", min) is fruit["plum"] is min


def test_a_name_is_replaced_on_demand_and_keeps_its_place(fruit):
    @fruit.register("apple", overwrite=True)
    def mine():
        """A function that keeps its own name."""

    assert list(fruit.items()) == [("apple", mine), ("pear", max)]


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a=b", "a\nb", 3, None])
def test_a_name_that_a_command_could_not_carry_is_refused(fruit, name):
    with pytest.raises(InputError, match="fruit name: expected letters and digits, no space, comma or =, got "):
        fruit[name] = min


def test_a_value_of_another_kind_is_refused(fruit):
    with pytest.raises(InputError, match="fruit 'fig': expected a callable, got 3"):
        fruit["fig"] = 3


def test_copies_and_pickles_are_plain_dictionaries(fruit):
    for copied in (copy.copy(fruit), copy.deepcopy(fruit), pickle.loads(pickle.dumps(fruit)), fruit | {}):
        assert type(copied) is dict
        assert copied == fruit


def test_what_a_failed_import_registered_is_undone(fruit):
    other = Registry("stone", {"flint": 1})
    with all_or_nothing():
        other["slate"] = 2

    def imported():
        fruit["fig"] = min
        fruit.register("fig", len, overwrite=True)
        fruit.register("apple", min, overwrite=True)
        del other["flint"]
        with all_or_nothing():
            other["gneiss"] = 3  # of another file, which succeeded
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), all_or_nothing():
        imported()
    assert fruit == {"apple": len, "pear": max}
    assert other == {"slate": 2, "gneiss": 3, "flint": 1}


def test_who_brought_a_value_is_known(fruit):
    with all_or_nothing("/home/me/fig.py"):
        fruit["fig"] = min
    assert (fruit.origin("fig"), fruit.origin("apple")) == ("/home/me/fig.py", None)
    seen = []

    def fails():
        fruit.register("fig", max, overwrite=True)
        fruit.register("apple", max, overwrite=True)
        seen.append(fruit.origin("apple"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), all_or_nothing("/home/me/other.py"):
        fails()
    assert seen == ["/home/me/other.py"]
    assert (fruit.origin("fig"), fruit.origin("apple")) == ("/home/me/fig.py", None)
    fruit.register("fig", len, overwrite=True)
    assert fruit.origin("fig") is None
