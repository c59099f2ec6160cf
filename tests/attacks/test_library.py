"""What the package of AutoAttack does to the process around it, and what others do to the package."""

import logging
import logging.config
import sys
import threading
import warnings

import pytest
import torch
from pyautoattack import checks
from torch import nn

from robnas.attacks import APGD, AttackWarning, AutoAttack, Square, _library, perturb
from robnas.errors import InputError
from robnas.types import ThreatModel, silent

LINF, L1 = ThreatModel.linf("8/255"), ThreatModel.l1(10)


class Flat(nn.Module):
    """Says class 0 of everything, as a probability, without a slope: the library doubts both."""

    def forward(self, images):
        zero = torch.zeros(len(images), dtype=torch.int64)
        return nn.functional.one_hot(zero, 10) + 0.0 * images.sum((1, 2, 3))[:, None]


class Dynamic(nn.Module):
    """Takes a gradient on its way forward."""

    def forward(self, images):
        with torch.enable_grad():
            point = images.detach().requires_grad_()
            (slope,) = torch.autograd.grad(point.square().sum(), point)
        return -9 + torch.arange(10.0) + 0.0 * (images + slope).sum((1, 2, 3))[:, None]


class Plain(nn.Module):
    def forward(self, images):
        return -9 + torch.arange(10.0) + 0.0 * images.sum((1, 2, 3))[:, None]


def attack(network, label):
    """Quick where `label` is wrong: nothing is left to attack after the library's checks."""
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return perturb(AutoAttack(LINF), network, images, torch.full((2,), label), seed=0)


@pytest.fixture(params=["dictConfig", "disable", "handlers"])
def hostile_logging(request):
    """As applications set it up: all loggers that exist are switched off, or every message is."""
    logger = logging.getLogger("auto-attack")
    before = logger.disabled, logger.level, logger.propagate, list(logger.handlers)
    if request.param == "dictConfig":
        logging.config.dictConfig({"version": 1})
    elif request.param == "disable":
        logging.disable(logging.CRITICAL)
    else:
        logger.setLevel(logging.CRITICAL)
        logger.filters.append(lambda record: False)
    yield
    logging.disable(logging.NOTSET)
    logger.filters.clear()
    logger.disabled, logger.level, logger.propagate, logger.handlers = before


@pytest.mark.usefixtures("hostile_logging")
def test_warnings_of_the_library_do_not_depend_on_how_logging_is_set_up():
    with pytest.warns(AttackWarning, match="probability distribution"):
        attack(Flat(), 1)


@pytest.mark.usefixtures("hostile_logging")
def test_progress_does_not_depend_on_how_logging_is_set_up():
    seen = []
    images = torch.rand(2, 3, 8, 8)
    perturb(
        AutoAttack(LINF), Plain(), images, torch.zeros(2, dtype=torch.int64), seed=0, progress=lambda *a: seen.append(a)
    )
    assert (0, 4, "autoattack: running apgd-ce") in seen


def test_logging_is_left_as_it_was():
    logger = logging.getLogger("auto-attack")
    logger.disabled = True
    try:
        attack(Plain(), 1)
        assert (logger.disabled, logger.handlers, logger.level) == (True, [], logging.NOTSET)
    finally:
        logger.disabled = False


def test_one_dynamic_network_does_not_make_dynamic_ones_of_those_after_it():
    with pytest.warns(AttackWarning, match="dynamic defense"):
        attack(Dynamic(), 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        attack(Plain(), 1)
    assert [str(warning.message) for warning in caught] == []


def test_calls_counted_before_by_others_count_neither_and_are_given_back(monkeypatch):
    monkeypatch.setitem(checks.funcs, "grad", 7)
    attack(Plain(), 1)  # warnings are errors
    assert checks.funcs["grad"] == 7


def test_state_is_restored_after_an_error(monkeypatch):
    class Broken(Plain):
        asked = 0

        def forward(self, images):
            self.asked += 1
            if sys.gettrace() is checks.tracefunc:
                raise RuntimeError("in the traced call")
            return super().forward(images)

    monkeypatch.setitem(checks.funcs, "backward", 3)
    trace, generator = sys.gettrace(), torch.get_rng_state()
    with pytest.raises(RuntimeError, match="in the traced call"):
        attack(Broken(), 1)
    assert sys.gettrace() is trace
    assert checks.funcs["backward"] == 3
    assert torch.equal(torch.get_rng_state(), generator)


def test_attacks_in_several_threads_find_what_they_find_alone():
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 10)).eval()
    labels = network(images).argmax(1)

    def run(found, place):
        attack = Square(LINF, queries=30)
        found[place] = attack(network, images, labels, seed=place, batch_size=4, progress=silent)

    alone, together = {}, {}
    for place in range(3):
        run(alone, place)
    threads = [threading.Thread(target=run, args=(together, place)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(alone[place], together[place]) for place in range(3))


def test_the_library_attacks_in_l1_too():
    images = torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(25, 4)).eval()
    labels = network(images).argmax(1)
    for tried in (APGD(L1, steps=10), Square(L1, queries=100), AutoAttack(L1)):
        found = perturb(tried, network, images, labels, seed=0)
        assert (found.images.double() - images.double()).abs().sum((1, 2, 3)).max() <= L1.epsilon
        assert not found.correct.all()
        images, labels = images[~found.correct], labels[~found.correct]  # what stays robust takes seconds to attack


@pytest.mark.parametrize("threat", [LINF, L1, ThreatModel.l2(0.5)], ids=str)
def test_logits_that_tie_are_broken_by_square_in_any_norm(threat):
    network = nn.Sequential(nn.Flatten(), nn.Linear(25, 4))
    nn.init.zeros_(network[1].weight)
    nn.init.zeros_(network[1].bias)
    images, labels = torch.rand(2, 1, 5, 5), torch.zeros(2, dtype=torch.int64)
    assert perturb(Square(threat, queries=5), network, images, labels, seed=0).correct.all()


@pytest.mark.parametrize(("classes", "targets"), [(10, (5, 9)), (8, (5, 7)), (4, (3, 3))])
def test_autoattack_in_l1_tries_as_many_targets_as_the_library_wants_or_all(classes, targets, monkeypatch):
    from pyautoattack import AutoAttack as Library

    seen = []

    def look(self, x, y, *, batch_size):
        seen.append((self.apgd_targeted.n_target_classes, self.fab.n_target_classes))
        return x, y

    monkeypatch.setattr(Library, "run_standard_evaluation", look)
    network = nn.Sequential(nn.Flatten(), nn.Linear(25, classes))
    perturb(AutoAttack(L1), network, torch.rand(1, 1, 5, 5), torch.zeros(1, dtype=torch.int64), seed=0)
    assert seen == [targets]


@pytest.mark.parametrize("threat", [L1, ThreatModel.l2(0.5)], ids=str)
@pytest.mark.parametrize("kind", [Square, AutoAttack])
def test_images_too_small_for_the_librarys_random_search_are_refused(kind, threat):
    images = torch.zeros(1, 1, 4, 4)
    with pytest.raises(InputError, match=r"in l[12]: expected images of at least 5×5 pixels, got shape \(1, 1, 4, 4\)"):
        perturb(kind(threat), Plain(), images, torch.zeros(1, dtype=torch.int64), seed=0)


@pytest.mark.parametrize("attack", [APGD(L1), Square(L1), AutoAttack(L1)], ids=lambda attack: attack.name)
def test_a_norm_that_the_library_lacks_is_an_error(attack, monkeypatch):
    monkeypatch.delitem(_library._NORMS, "l1")
    text = f"{attack.name}-l1@10: expected a norm of linf, l2, got 'l1'"
    with pytest.raises(InputError, match=text):
        perturb(attack, Plain(), torch.rand(1, 3, 8, 8), torch.zeros(1, dtype=torch.int64), seed=0)
