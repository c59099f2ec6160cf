"""What an evaluation is given: wrong things are one clear line, odd but right ones give the same numbers."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from robnas.attacks import APGD, FGSM, PGD, Square
from robnas.data import Dataset, Images, load_data
from robnas.errors import InputError
from robnas.evaluation import Suite, evaluate, weights_hash
from robnas.networks import build_network
from robnas.types import ThreatModel

WEAK = ThreatModel.linf("16/255")
LIGHT = Suite("light", (FGSM(WEAK), PGD(WEAK, 3, 8 / 255)), checks=False)


@pytest.fixture(scope="module")
def data():
    whole = load_data("digits")
    return replace(whole, splits={"train": whole.split("train").limit(40), "test": whole.split("test").limit(40)})


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)).eval()


class Behind(nn.Module):
    def __init__(self, network, after):
        super().__init__()
        self.network, self.after = network, after

    def forward(self, images):
        return self.after(self.network(images), images)


def test_what_is_no_module_is_one_clear_line(data):
    with pytest.raises(
        InputError, match=r"network: expected a torch\.nn\.Module that maps pixels in \[0, 1\] to logits"
    ):
        evaluate(lambda images: images, data, LIGHT, split="test", seed=0)


def outcomes(result):
    return [found.outcomes for found in result.measurements]


def relabelled(data, change):
    test = data.split("test")
    return replace(data, splits={**data.splits, "test": Images(test.images, change(test.labels.clone()))})


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (lambda z, x: z[:, :1], r"network: expected logits of shape \(1, 2 or more\)"),
        (lambda z, x: z[:, :5], "network: expected 10 logits, one per class of the data, got 5"),
        (
            lambda z, x: z[:, :, None, None],
            r"network: expected logits of shape .* got torch.float32 of shape \(1, 10,",
        ),
        (lambda z, x: (z,), "network: expected logits of shape .* got tuple; let forward return the logits alone"),
        (lambda z, x: z + torch.nan, "network: expected finite logits, got nan or infinity; train it again"),
        (lambda z, x: z + 0 / (x.amax((1, 2, 3)) < 1)[:, None], "network: expected finite logits, got nan or inf"),
    ],
)
def test_logits_of_another_kind_are_refused(after, text, network, data):
    with pytest.raises(InputError, match=text):
        evaluate(Behind(network, after), data, LIGHT, split="test", seed=0)


def test_the_first_batch_tells_that_logits_are_not_finite(network, data):
    asked = []
    victim = Behind(network, lambda z, x: asked.append(len(x)) or z + torch.nan)
    with pytest.raises(InputError, match="finite logits"):
        evaluate(victim, data, LIGHT, split="test", seed=0, batch_size=5)
    assert asked == [1, 5]


def test_more_logits_than_classes_are_fine(network, data):
    evaluate(Behind(network, lambda z, x: torch.cat([z, z - 1], 1)), data, LIGHT, split="test", seed=0)


@pytest.mark.parametrize("bad", [-1, -100, 10])
def test_labels_outside_the_classes_are_refused(bad, network, data):
    wrong = relabelled(data, lambda labels: labels.index_fill(0, torch.tensor([3]), bad))
    with pytest.raises(InputError, match=rf"labels: expected numbers of classes, from 0 to 9, got {bad}"):
        evaluate(network, wrong, LIGHT, split="test", seed=0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda y: y[:30], r"labels: expected shape \(40,\), one per image, got shape \(30,\)"),
        (lambda y: torch.cat([y, y]), r"labels: expected shape \(40,\), one per image, got shape \(80,\)"),
        (lambda y: y[:, None], r"labels: expected shape \(40,\), one per image, got shape \(40, 1\)"),
    ],
)
def test_as_many_labels_as_images_are_needed(change, text, network, data):
    with pytest.raises(InputError, match=text):
        evaluate(network, relabelled(data, change), LIGHT, split="test", seed=0)


def test_a_split_without_images_is_refused(network, data):
    empty = replace(data, splits={**data.splits, "test": Images(data.split("test").images[:0], torch.zeros(0).long())})
    with pytest.raises(InputError, match="images: expected at least one, got 0"):
        evaluate(network, empty, LIGHT, split="test", seed=0)


def test_the_first_parameter_may_be_an_integer(network, data):
    expected = outcomes(evaluate(network, data, LIGHT, split="test", seed=0))
    other = Behind(network, lambda z, x: z)
    other.register_parameter("count", nn.Parameter(torch.zeros(3, dtype=torch.int8), requires_grad=False))
    assert next(other.parameters()).dtype == torch.int8
    assert outcomes(evaluate(other, data, LIGHT, split="test", seed=0)) == expected


def test_labels_are_integers_of_any_width(network, data):
    expected = outcomes(evaluate(network, data, LIGHT, split="test", seed=0))
    for dtype in (torch.int32, torch.uint8):
        found = evaluate(network, relabelled(data, lambda y: y.to(dtype)), LIGHT, split="test", seed=0)  # noqa: B023
        assert outcomes(found) == expected
    with pytest.raises(InputError, match=r"labels: expected a tensor of integers, got torch\.float32"):
        evaluate(network, relabelled(data, torch.Tensor.float), LIGHT, split="test", seed=0)


def test_images_of_another_scale_are_refused_and_left_alone(network, data):
    test = data.split("test")
    scaled = Images(test.images / 255, test.labels)
    before = scaled.images.clone()
    with pytest.raises(InputError, match=r"images of a data set: .* uint8, 0 to 255, got torch\.float32"):
        evaluate(network, replace(data, splits={**data.splits, "test": scaled}), LIGHT, split="test", seed=0)
    assert torch.equal(scaled.images, before)


def test_other_channels_than_those_of_the_network_are_refused(data):
    network = build_network("323143", num_classes=10, channels=2, cells=1)
    with pytest.raises(InputError, match=r"images: expected 3 channels, .* got images of shape \(1, 8, 8\)"):
        evaluate(network, data, LIGHT, split="test", seed=0)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_evaluations_work_where_gradients_are_off(mode, network, data):
    suite = Suite("light", (*LIGHT.attacks, APGD(WEAK, 2), Square(WEAK, 3)))
    built = build_network("323143", num_classes=10, channels=2, cells=1, in_channels=1)
    for asked in (network, built):
        expected = outcomes(evaluate(asked, data, suite, split="test", seed=0))
        with mode():
            made = Dataset(
                data.name, 10, {n: Images(p.images + 0, p.labels + 0) for n, p in data.splits.items()}, (0.0,), (1.0,)
            )
            assert outcomes(evaluate(asked, made, suite, split="test", seed=0)) == expected


def test_the_default_dtype_changes_nothing(network, data):
    suite = Suite("light", (*LIGHT.attacks, APGD(WEAK, 2), Square(WEAK, 3)))
    built = build_network("323143", num_classes=10, channels=2, cells=1, in_channels=1)
    expected = [outcomes(evaluate(asked, data, suite, split="test", seed=0)) for asked in (network, built)]
    torch.set_default_dtype(torch.float64)
    try:
        found = [outcomes(evaluate(asked, data, suite, split="test", seed=0)) for asked in (network, built)]
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == expected


class Stateful(nn.Linear):
    def __init__(self, state):
        super().__init__(2, 2)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        self.state = state

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


def test_extra_state_belongs_to_the_weights():
    states = [
        1, 2, "1", 1.0, None, b"1", {"a": 1}, {"a": 2}, {"b": 1}, [1], [1, 1], [[1], 1], torch.zeros(2), torch.ones(2),
        torch.zeros(2, dtype=torch.bfloat16), {"a": torch.zeros(1)}, {"a": [torch.zeros(1), torch.ones(1)]},
        torch.zeros(2).numpy(), torch.zeros((), dtype=torch.complex64),
    ]  # fmt: skip
    found = [weights_hash(Stateful(state)) for state in states]
    assert len(set(found)) == len(states)
    assert [weights_hash(Stateful(copy.deepcopy(state))) for state in states] == found
