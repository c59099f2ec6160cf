"""Networks that hide from attacks are named: by the scale of their logits, or by drawing random numbers."""

import copy
import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from robnas.attacks import FGSM, PGD, Square
from robnas.data import Dataset, Images
from robnas.evaluation import Evaluation, Flag, Measurement, Suite, evaluate
from robnas.evaluation import _checks as checks
from robnas.evaluation._checks import active_flags, steady_flag
from robnas.evaluation._scale import CHECK as SCALE
from robnas.evaluation._scale import scale_flag
from robnas.types import ThreatModel

WEAK, STRONG, ROUND = ThreatModel.linf("16/255"), ThreatModel.linf("32/255"), ThreatModel.l2(1)
STEADY = "the network answers twice alike"


class Around(nn.Module):
    def __init__(self, network, before=lambda x: x, after=lambda z: z):
        super().__init__()
        self.network, self.before, self.after = network, before, after

    def forward(self, images):
        return self.after(self.network(self.before(images)))


@pytest.fixture(scope="session")
def sample(network, data):
    """The images of the active checks that are classified correctly."""
    part = data.split("test").limit(64)
    images = part.images / 255
    correct = network.eval()(images).argmax(1) == part.labels
    return images[correct], part.labels[correct]


def passes(network, sample, threat):
    flag = scale_flag(network, *sample, threat=threat, seed=0)
    assert flag is not None
    return flag.passed


# the scale of the logits


@pytest.mark.parametrize("threat", [WEAK, STRONG, ROUND], ids=str)
@pytest.mark.parametrize("scale", [10, 30, 1e3, 1e6, 1e30])
def test_large_logits_are_named(scale, threat, network, sample):
    """×10 raises the accuracy under FGSM and PGD although no decision has changed."""
    assert not passes(Around(network, after=lambda z: scale * z), sample, threat)


@pytest.mark.parametrize("threat", [WEAK, STRONG, ROUND], ids=str)
@pytest.mark.parametrize("scale", [1, 0.5, 0.1])
def test_logits_of_usual_size_are_not(scale, threat, network, sample):
    assert passes(Around(network, after=lambda z: scale * z), sample, threat)


@pytest.mark.parametrize("scale", [1e-2, 1e-14, 1e-30])
def test_logits_too_small_for_a_direction_are_named(scale, network, sample):
    assert not passes(Around(network, after=lambda z: scale * z), sample, ROUND)


def test_two_classes_hide_alike(network, data, sample):
    """Odd or even digit."""
    two = Around(network, after=lambda z: torch.stack([z[:, 0::2].logsumexp(1), z[:, 1::2].logsumexp(1)], 1))
    images, labels = sample[0], sample[1] % 2
    assert passes(two, (images, labels), STRONG)
    assert not passes(Around(two, after=lambda z: 30 * z), (images, labels), STRONG)


def test_a_scale_that_depends_on_the_image_is_named(network, sample):
    assert not passes(Around(network, after=lambda z: 30 * z / z.detach().std(1, keepdim=True)), sample, STRONG)


def test_constant_networks_are_no_reason(network, sample):
    assert passes(Around(network, after=lambda z: 0 * z), sample, STRONG)


@pytest.mark.parametrize("count", [0, 7])
def test_a_few_images_tell_nothing_and_no_check_is_claimed(network, sample, count):
    few = tuple(values[:count] for values in sample)
    assert scale_flag(Around(network, after=lambda z: 100 * z), *few, threat=STRONG, seed=0) is None


def test_an_evaluation_of_large_logits_says_so(network, data):
    suite = Suite("s", (FGSM(STRONG),))
    plain, large = (
        evaluate(Around(network, after=lambda z: scale * z), data, suite, split="test", seed=0, limit=40)  # noqa: B023
        for scale in (1, 30)
    )
    assert plain.warnings == ()
    assert large["clean"] == plain["clean"]
    assert large["fgsm@32/255"] > plain["fgsm@32/255"]
    assert not large.checks()[SCALE]
    assert any(text.startswith(f"{SCALE}: one step takes 0.") for text in large.warnings)


# random numbers


def noisy(sigma):
    return lambda x: x + sigma * torch.randn_like(x)


def resized(x):
    size = random.choice([7, 9, 10])
    return nn.functional.interpolate(nn.functional.interpolate(x, size), 8)


OWN = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (noisy(0.1), lambda z: z),
        (noisy(0.05), lambda z: z),
        (noisy(1e-3), lambda z: z),
        (lambda x: nn.functional.dropout(x, 0.1, training=True), lambda z: z),
        (resized, lambda z: z),
        (lambda x: x + 0.05 * torch.from_numpy(np.random.randn(*x.shape)).float(), lambda z: z),  # noqa: NPY002
        (lambda x: x + 0.05 * torch.randn(x.shape, generator=OWN), lambda z: z),
        (lambda x: x, lambda z: z + 0.01 * torch.rand_like(z)),
        (lambda x: x.flip(3) if random.random() < 0.5 else x, lambda z: z),
    ],
    ids=[
        "noise",
        "less noise",
        "little noise",
        "dropout",
        "resizing",
        "numpy",
        "own generator",
        "logits",
        "one in two",
    ],
)
def test_random_networks_are_named(before, after, network, sample):
    flag = steady_flag(Around(network, before, after), sample[0], seed=0)
    assert not flag.passed
    assert flag.detail.startswith("logits up to ")


def test_an_evaluation_of_a_random_network_says_so(network, data):
    suite = Suite("s", (FGSM(WEAK),))
    result = evaluate(Around(network, noisy(1e-3)), data, suite, split="test", seed=0, limit=20)
    assert not result.checks("fgsm@16/255")[STEADY]
    assert any(text.startswith(f"{STEADY}: logits up to ") for text in result.warnings)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_networks_of_any_dtype_answer_twice_alike(dtype, network, sample):
    for asked in (network, Around(network)):
        flag = steady_flag(copy.deepcopy(asked).to(dtype), sample[0].to(dtype), seed=0)
        assert flag.passed
        assert "differ by up to 0, 0 of 64 predictions are others" in flag.detail.replace("63", "64")


@pytest.mark.parametrize("before", [noisy(0.05), resized], ids=["noise", "resizing"])
def test_a_random_network_is_measured_alike_twice_and_nobody_notices(before, network, data):
    suite = Suite("s", (FGSM(WEAK), PGD(WEAK, 3, 8 / 255), Square(WEAK, 5)), checks=False)
    victim = Around(network, before)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (evaluate(victim, data, suite, split="test", seed=3, limit=64) for _ in range(2))
    assert [m.outcomes for m in first.measurements] == [m.outcomes for m in again.measurements]
    assert first.flags == again.flags
    one = evaluate(victim, data, Suite("s", suite.attacks[2:], checks=False), split="test", seed=3, limit=64)
    assert one.measurements[1].outcomes == first.measurements[3].outcomes  # whatever was measured before
    with pytest.raises(ZeroDivisionError):
        evaluate(Around(victim, after=lambda z: 1 // 0), data, suite, split="test", seed=3, limit=64)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()  # noqa: NPY002


def test_random_networks_are_measured_alike_in_several_threads(network, data):
    def run(place):
        suite = Suite("s", (PGD(WEAK, 2, 8 / 255),), checks=False)
        victim = Around(copy.deepcopy(network), noisy(0.05))
        result = evaluate(victim, data, suite, split="test", seed=place, limit=30)
        return [found.outcomes for found in result.measurements]

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(run, range(3))) == [run(place) for place in range(3)]


# what is checked, and how it is told


def attacks_of_the_checks(monkeypatch, network, data, suite):
    seen = []
    perturb = checks.perturb

    def spy(attack, *args, **options):
        seen.append(attack)
        return perturb(attack, *args, **options)

    monkeypatch.setattr(checks, "perturb", spy)
    evaluate(network, data, suite, split="test", seed=0, limit=10)
    return seen


def test_the_checks_attack_at_the_largest_epsilon_of_each_norm(monkeypatch, network, data):
    suite = Suite("s", (FGSM(STRONG), FGSM(WEAK), FGSM(ThreatModel.l2(0.5)), FGSM(ThreatModel.l2(0.25))))
    seen = attacks_of_the_checks(monkeypatch, network, data, suite)
    for norm, epsilon, everything in (("linf", 32 / 255, 1.0), ("l2", 0.5, 8.0)):
        still, gone, gradient, free = seen[:4]
        del seen[:4]
        assert still.threat == ThreatModel(norm, 0)
        assert (gone.threat, gone.steps) == (ThreatModel(norm, everything), 20)
        assert gone.step_size == pytest.approx(everything / 8)
        assert (gradient.threat, gradient.steps) == (ThreatModel(norm, epsilon), 20)
        assert gradient.step_size == pytest.approx(epsilon / 8)  # 2.5 ε / 20
        assert (free.threat, free.queries) == (ThreatModel(norm, epsilon), 100)
    assert not seen


def test_a_suite_without_attacks_is_checked_without_a_radius(monkeypatch, network, data):
    seen = attacks_of_the_checks(monkeypatch, network, data, Suite("s", ()))
    assert [attack.threat.epsilon for attack in seen] == [0.0, 1.0]


def test_accuracies_carry_what_was_checked(network, data):
    suite = Suite("s", (FGSM(WEAK), FGSM(ThreatModel.l2(0.25))))
    result = evaluate(network, data, suite, split="test", seed=0, limit=10)
    flags = {metric: [flag.check for flag in result.flags if metric in flag.metrics] for metric in suite.metrics}
    assert result.checks().keys() == result.checks("fgsm@16/255").keys() == result.checks("fgsm-l2@0.25").keys()
    assert SCALE in flags["fgsm@16/255"]
    assert SCALE not in flags["clean"]
    assert SCALE not in result.checks("clean")
    assert STEADY in result.checks("clean")
    off = evaluate(network, data, Suite("s", suite.attacks, checks=False), split="test", seed=0, limit=20)
    assert off.checks() == {"accuracy does not rise with epsilon": True}


def test_a_check_fails_where_one_of_its_name_does():
    flags = (
        Flag("a", True, "", ("x",)),
        Flag("a", False, "", ("y",)),
        Flag("a", True, "", ("y",)),
        Flag("b", True, ""),
    )
    result = Evaluation("s", "test", 0, (), flags)
    assert result.checks() == {"a": False, "b": True}
    assert result.checks("x") == {"a": True, "b": True}
    assert result.checks("y") == {"a": False, "b": True}
    assert result.checks("z") == {"b": True}


def test_checks_that_cannot_run_have_failed(network, data):
    suite = Suite("s", (Square(WEAK, 5),))
    result = evaluate(Around(network, torch.Tensor.detach), data, suite, split="test", seed=0, limit=20)
    assert not result.checks("square@16/255")["the checks in linf can run"]
    assert any("expected logits with a gradient" in text for text in result.warnings)


def test_flags_at_a_radius_of_zero(network, sample):
    correct = torch.ones(len(sample[1]), dtype=torch.bool)
    assert len(list(active_flags(network, *sample, correct, norm="linf", epsilon=0.0, seed=0))) == 2


@pytest.mark.parametrize("classes", [2, 3])
def test_few_classes_are_checked(classes, network, data):
    test = data.split("test").limit(24)
    labels = test.labels % classes
    few = Dataset("few", classes, {"train": test, "test": Images(test.images, labels)}, data.mean, data.std)
    groups = Around(network, after=lambda z: torch.stack([z[:, c::classes].logsumexp(1) for c in range(classes)], 1))
    result = evaluate(groups, few, Suite("s", (FGSM(WEAK),)), split="test", seed=0)
    assert result.checks()[SCALE]
    json.dumps(result.checks())


def test_the_command_tells_what_was_checked(capsys):
    from robnas.cli._evaluation import evaluation_facts, print_evaluation

    found = Measurement("fgsm@16/255", {"name": "fgsm"}, 8, 1.0, 0, "ff", "2", "cpu")
    flags = Flag("a", True, "", ("fgsm@16/255",)), Flag("b", False, "1 > 0", ("clean",))
    result = Evaluation("s", "test", 0, (found,), flags, remeasured=("fgsm@16/255",))
    print_evaluation(result, "323133", "digits")
    told = capsys.readouterr().out
    assert "sanity checks: 1 of 2 passed" in told
    assert "\n    passed  a\n    FAILED  b\n" in told
    assert "measured again, as they were not kept of this network: fgsm@16/255" in told
    facts = evaluation_facts(result)
    assert facts["measurements"][0]["checks"] == {"a": True}
    assert facts["remeasured"] == ("fgsm@16/255",)
