"""Networks of one's own: in place, random, shared, unusual, constant. Scores are right, undefined or refused."""

import copy
import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from robnas.errors import InputError
from robnas.kernels import NTKSettings, empirical_ntk
from robnas.networks import build_network
from robnas.proxies import CHEAP, PROXIES, ROBUSTNESS, CRoZe, Probe, UndefinedScoreError, score_network

LABELS = torch.arange(8) % 4
IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
KERNEL = "ntk-robust-label-alignment"


class Body(nn.Module):
    """Two convolutions around what `step` does to the features of the first; the same weights for every `step`."""

    def __init__(self, step, norm=True):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.head, self.step = nn.Linear(4, 4), step
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)

    def forward(self, x):
        return self.head(self.step(self, x).mean((2, 3)))


def block(self, x):
    x = self.norm(self.first(x))
    return x + self.second(F.relu(x))


def block_in_place(self, x):
    x = self.norm(self.first(x))
    x += self.second(F.relu(x))
    return x


def unused(self, x):
    x = self.first(x)
    self.relu(x)
    return self.second(x)


def used(self, x):
    return self.second(F.relu(self.first(x)))


def twice_in_place(self, x):
    x = self.first(x)
    x.sub_(0.1).relu_()
    x = self.second(x)
    torch.relu_(x)
    return F.relu(x * 1, True)


def twice(self, x):
    x = F.relu(self.first(x) - 0.1)
    return F.relu(F.relu(self.second(x)) * 1)


def on_input_in_place(self, x):
    x -= 0.5
    x.div_(0.25)
    return self.second(F.relu(self.first(x)))


def on_input(self, x):
    return self.second(F.relu(self.first((x - 0.5) / 0.25)))


def before_norm_in_place(self, x):
    x = self.first(x)
    y = self.norm(x)
    y.relu_()
    return x + self.second(y)


def before_norm(self, x):
    x = self.first(x)
    return x + self.second(F.relu(self.norm(x)))


GENERAL = [name for name in (*CHEAP, *ROBUSTNESS) if not hasattr(PROXIES[name], "space")]  # nor of cells alone
PAIRS = [(block_in_place, block), (unused, used), (twice_in_place, twice), (on_input_in_place, on_input),
         (before_norm_in_place, before_norm)]  # fmt: skip


def probe(step, **options):
    return Probe(step if isinstance(step, nn.Module) else Body(step), IMAGES, LABELS, **options)


@pytest.mark.parametrize(("in_place", "apart"), PAIRS)
def test_scores_do_not_change_with_work_in_place(in_place, apart):
    images = IMAGES.clone()
    settings = NTKSettings(batch_norm="train")
    first, second = (
        score_network(Probe(Body(step), images, LABELS, settings=settings, attacks=0), [*GENERAL, "ntk-clean-trace"])
        for step in (in_place, apart)
    )
    assert torch.equal(images, IMAGES)
    for name, one in first.items():
        assert one.value == pytest.approx(second[name].value, rel=1e-5), name
        assert one.value is not None, name


@pytest.mark.parametrize(("in_place", "apart"), PAIRS)
def test_kernels_of_networks_that_work_in_place_are_right_or_refused(in_place, apart):
    images = IMAGES.clone()
    if in_place in (on_input_in_place, unused):
        np.testing.assert_allclose(empirical_ntk(Body(in_place), images), empirical_ntk(Body(apart), images), rtol=1e-5)
        assert torch.equal(images, IMAGES)
        return
    with pytest.raises(InputError, match=r"an output that later .*, got one changed in place; write x = x \+ y"):
        empirical_ntk(Body(in_place), images)


def test_a_layer_whose_input_is_changed_later_is_refused_by_kernels():
    """Its gradient was taken with what the input had become."""

    def late(self, x):
        x = self.first(x) * 1
        y = self.second(x)
        x.mul_(2)
        return x + y

    with pytest.raises(InputError, match="layer Conv2d: expected an input that later operations leave as it is"):
        empirical_ntk(Body(late), IMAGES)


def test_a_relu_module_in_place_whose_result_is_unused_counts_for_kernels():
    torch.manual_seed(0)

    def late(self, x):
        x = self.first(x) * 1
        self.relu(x)
        return self.second(x)

    np.testing.assert_allclose(empirical_ntk(Body(late), IMAGES), empirical_ntk(Body(used), IMAGES), rtol=1e-5)


class Noisy(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


def random_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.5), Noisy(), nn.Conv2d(4, 4, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(4, 4),
    )  # fmt: skip


def test_random_networks_have_one_score_per_seed_in_any_order_and_company():
    names = [*GENERAL, "ntk-clean-trace", KERNEL]

    def scores(names, seed=0):
        torch.manual_seed(random.randrange(2**31))
        return score_network(Probe(random_network(), IMAGES, LABELS, seed=seed), names)

    together = scores(names)
    assert scores(names[::-1]) == together
    for name in ("snip", "zen", "grasp", "croze", KERNEL):
        assert scores([name])[name] == together[name]
        torch.manual_seed(5)
        torch.randn(3)
        assert PROXIES[name](Probe(random_network(), IMAGES, LABELS, attacks=1)) == pytest.approx(together[name].value)
    other, of_network = scores(names, seed=1), ("parameters", "macs", "convolutions", "l2_norm", "nwot")
    of_clean_kernel = ("condition_and_parameters", "ntk-clean-trace")
    assert [name for name in names if other[name] != together[name]] == [
        name for name in names if name not in of_network + of_clean_kernel
    ]


def test_an_own_score_that_draws_is_seeded_and_no_state_moves(monkeypatch):
    monkeypatch.setitem(PROXIES, "dice", lambda probe: torch.rand(()).item() + np.random.rand() + random.random())  # noqa: NPY002
    states = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    network = random_network().eval()
    first, second = (
        score_network(Probe(network, IMAGES, LABELS, seed=3), ["dice", *GENERAL, KERNEL]) for _ in range(2)
    )
    assert first == second
    assert torch.equal(states[0], torch.random.get_rng_state())
    assert states[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002


def test_a_network_is_as_it_was_also_after_an_error():
    network = Body(block).eval()
    network.first.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for labels in (LABELS, LABELS + 6):
        try:
            score_network(Probe(network, IMAGES, labels), [*GENERAL, KERNEL])
        except InputError:
            assert labels is not LABELS
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [parameter.requires_grad for parameter in network.parameters()].count(False) == 1
    assert not any(module.training for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def constant(kind):
    network = Body(lambda self, x: self.second(F.relu(self.first(x * 0))))
    if kind == "bias":
        network = Body(used)
        nn.init.zeros_(network.head.weight)
    elif kind == "cell":
        network = build_network("000000", num_classes=4, channels=2, cells=1, in_channels=1)
    return network


@pytest.mark.parametrize("kind", ["input", "bias", "cell"])
def test_a_network_that_ignores_its_input_is_never_the_best(kind):
    found = score_network(Probe(constant(kind), IMAGES, LABELS), ["all"])
    missing = {"jacobian_norm", "jacov", "epe_nas", "robust_score"}
    if kind != "bias":
        missing |= {"nwot", "zen"}
    assert missing <= {name for name, one in found.items() if one.value is None}
    singular = [name for name in found if name.endswith(("lambda-min", "condition", "log-determinant", "alignment"))]
    undefined = [name for name in singular if found[name].value is None]
    assert undefined in ([], singular)
    assert undefined == singular or kind == "bias"
    for name in ("grad_norm", "snip", "fisher"):
        assert found[name].value >= 0


def test_signed_scores_need_a_gradient():
    network = constant("cell")
    assert PROXIES["grad_norm"](probe(network)) == 0
    for name in ("plain", "grasp"):
        with pytest.raises(UndefinedScoreError, match="no gradient reaches the weights"):
            PROXIES[name](probe(network))


@pytest.mark.parametrize("count", [32, 128, 400])
def test_a_singular_kernel_of_codes_has_no_determinant(count):
    """More images than the ReLUs tell apart: the determinant was the sign of rounding."""
    images = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    with pytest.raises(UndefinedScoreError, match="kernel of ReLU codes is singular"):
        PROXIES["nwot"](Probe(network, images, torch.arange(count) % 2))


def test_codes_of_what_is_not_a_number_are_none():
    network = Body(lambda self, x: F.relu(self.first(x)) + F.relu(self.second(self.first(x).log())).nan_to_num())
    with pytest.raises(UndefinedScoreError, match="input of a ReLU is not a number"):
        PROXIES["nwot"](probe(network))


def test_synflow_says_whether_nothing_flows_or_too_much():
    def stack(factor):
        layers = [nn.Conv2d(1, 1, 1, bias=False) for _ in range(40)]
        for layer in layers:
            nn.init.constant_(layer.weight, factor)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 4))

    assert math.isfinite(PROXIES["synflow"](probe(stack(10))))
    with pytest.raises(UndefinedScoreError, match="flow from the input to the logits overflows"):
        PROXIES["synflow"](probe(stack(1e10)))
    with pytest.raises(UndefinedScoreError, match="nothing flows"):
        PROXIES["synflow"](probe(stack(0)))


def test_correlations_of_a_jacobian_that_is_constant_up_to_rounding_are_undefined():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 4)).double()
    nn.init.constant_(network[2].weight, 0.1)
    found = score_network(Probe(network, IMAGES.double(), LABELS), ["jacov", "epe_nas"])
    assert {one.value for one in found.values()} == {None}


def test_a_module_that_stands_in_two_places_loses_its_batch_norm_in_both():
    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.norm, self.head = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 4)
            self.again = self.norm

        def forward(self, x):
            return self.head(self.again(self.norm(self.conv(x))).mean((2, 3)))

    network, plain = Twin(), Twin()
    plain.norm = plain.again = nn.Identity()
    for name in ("synflow", "croze"):
        assert PROXIES[name](probe(network)) == pytest.approx(PROXIES[name](probe(plain)))


def test_linear_layers_over_tokens_count_for_each():
    class Tokens(nn.Module):
        def __init__(self, mix):
            super().__init__()
            torch.manual_seed(0)
            self.patch, self.head = nn.Conv2d(1, 6, 4, 4), nn.Linear(5, 4)
            linear = nn.Linear(6, 5)
            self.mix = mix if mix is not None else linear
            self.mix.weight.data = linear.weight.data.view(self.mix.weight.shape)
            self.mix.bias.data = linear.bias.data

        def forward(self, x):
            x = self.patch(x)
            if isinstance(self.mix, nn.Linear):
                return self.head(self.mix(x.flatten(2).transpose(1, 2)).mean(1))
            return self.head(self.mix(x).mean((2, 3)))

    tokens, maps = (probe(Tokens(mix)) for mix in (None, nn.Conv2d(6, 5, 1)))
    assert PROXIES["macs"](tokens) == PROXIES["macs"](maps) == 4 * 6 * 16 + 4 * 6 * 5 + 5 * 4
    assert PROXIES["fisher"](tokens) == pytest.approx(PROXIES["fisher"](maps))


@pytest.mark.parametrize(
    ("network", "images", "labels", "text"),
    [
        (Body(used), (IMAGES * 255).to(torch.uint8), LABELS, "images: expected floating point pixels, got torch.uint8"),
        (Body(used), IMAGES / 0, LABELS, "images: expected finite pixels, got nan or infinity"),
        (Body(used), IMAGES, LABELS.float(), "labels: expected whole numbers, got torch.float32"),
        (Body(used), IMAGES, LABELS - 1, "network: expected logits"),
        (
            nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 8)), IMAGES, LABELS,
            r"network: expected layers whose weight is a parameter, got .* that computes it; remove",
        ),
        (nn.LazyConv2d(4, 8), IMAGES, LABELS, "network: expected one that copy.deepcopy copies, got ValueError"),
    ],
)  # fmt: skip
def test_what_scores_cannot_take_is_refused_in_one_line(network, images, labels, text):
    with pytest.raises(InputError, match=text) as error:
        score_network(Probe(network, images, labels), ["snip"])
    assert "\n" not in str(error.value)


def test_shared_weights_and_other_outputs_are_refused():
    shared = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 4))
    shared[1].weight = shared[0].weight
    with pytest.raises(InputError, match="expected a weight of its own for every layer, got one that 0 and 1 share"):
        probe(shared)

    class Two(Body):
        def forward(self, x):
            return super().forward(x), x

    for name in ("snip", "grasp", "croze", "zen", "synflow", "ntk-clean-trace"):
        with pytest.raises(InputError, match=r"network: expected a tensor of (logits|outputs), got tuple"):
            PROXIES[name](probe(Two(used), attacks=0))


def changed(how):
    network = build_network("323133", num_classes=4, channels=2, cells=1, in_channels=1)
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 1.0, 0.5)
    part = network.stages[0][0].fans["0"].convolutions[-1]
    if how == "reflect":
        part.conv.padding_mode, part.conv._reversed_padding_repeated_twice = "reflect", [1, 1, 1, 1]
    elif how == "eps":
        part.norm.eps = 1.0
    elif how == "hook":
        network.stages[0][0].fans["0"].register_forward_hook(lambda _, __, terms: ((to, -term) for to, term in terms))
    elif how == "forward":
        part.conv.forward = lambda x: F.conv2d(-x, part.conv.weight, padding=1)
    elif how == "norm":
        part.norm = nn.InstanceNorm2d(part.conv.out_channels)
    elif how == "statistics":
        norm = nn.BatchNorm2d(part.conv.out_channels, track_running_stats=False)
        norm.weight, norm.bias = part.norm.weight, part.norm.bias
        part.norm = norm
    return network


@pytest.mark.parametrize("how", ["", "reflect", "eps", "hook", "forward", "norm", "statistics"])
def test_a_changed_network_of_ours_is_asked_as_it_is(how):
    network, plain = changed(how), changed("")
    probe_ = Probe(network, IMAGES, LABELS)
    expected = copy.deepcopy(network).train()(IMAGES)
    torch.testing.assert_close(probe_.clean.logits, expected)
    assert torch.allclose(expected, plain.train()(IMAGES), atol=1e-3) == (how in ("", "statistics"))
    assert None not in [one.value for one in score_network(probe_, ["snip", "jacov"]).values()]


def test_layers_may_be_called_by_keyword():
    def named(self, x):
        return self.second(input=F.relu(input=self.first(input=x)))

    names = [*GENERAL, "ntk-clean-trace", "ntk-clean-lambda-min"]
    assert score_network(probe(named, attacks=0), names) == score_network(probe(used, attacks=0), names)


def test_instance_norms_go_where_batch_norms_go():
    network, plain = Body(block), Body(block)
    network.norm, plain.norm = nn.InstanceNorm2d(4), nn.Identity()
    for name in ("synflow", "croze"):
        assert PROXIES[name](probe(network)) == pytest.approx(PROXIES[name](probe(plain)))


def test_a_network_that_fails_is_named_in_one_line():
    def spoilt(self, x):
        return F.relu(self.first(x)).add_(1)  # which torch cannot differentiate

    with pytest.raises(
        InputError,
        match=r"network: expected one that takes the images and snip differentiates, got RuntimeError \(one of",
    ) as error:
        score_network(probe(spoilt), ["snip"])
    with pytest.raises(
        InputError,
        match=r"network: expected one that takes the images and zen differentiates, got RuntimeError \(mat1 and mat2",
    ):
        score_network(probe(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(3, 4))), ["zen"])
    assert "\n" not in str(error.value)


def test_a_network_that_is_not_finite_under_attack_keeps_its_clean_kernels():
    network = Body(lambda self, x: self.first((x - x.detach()).sqrt() ** 2 + x))  # the slope of the root is infinite
    found = score_network(probe(network), ["ntk-clean-trace", KERNEL, "ntk-twice-trace", "jacobian_norm", "snip"])
    assert None not in (found["ntk-clean-trace"].value, found["snip"].value)
    assert found[KERNEL].reason == "kernel: expected finite entries, got nan or infinity"
    assert "nan" in found["ntk-twice-trace"].reason
    assert "nan" in found["jacobian_norm"].reason


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_scores_inside_no_grad_and_inference_mode_are_the_same(mode):
    names, settings = [*GENERAL, KERNEL], NTKSettings(batch_norm="train")
    expected = score_network(probe(block), names), score_network(probe(block, settings=settings), [KERNEL])
    network = Body(block)
    with mode():
        images = IMAGES.clone()
        found = (
            score_network(Probe(network, images, LABELS), names),
            score_network(Probe(network, images, LABELS, settings=settings), [KERNEL]),
        )
    assert found == expected


def test_scores_do_not_depend_on_the_default_dtype():
    expected = score_network(probe(block), GENERAL)
    network = Body(block)
    torch.set_default_dtype(torch.float64)
    try:
        found = score_network(probe(network), GENERAL)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == expected


@pytest.mark.parametrize(("returned", "value"), [(torch.tensor(2.0), 2.0), (np.float32(2), 2.0), (None, None)])
def test_an_own_score_may_be_any_number_or_none(monkeypatch, returned, value):
    monkeypatch.setitem(PROXIES, "mine", lambda probe: returned)
    found = score_network(probe(block), ["mine"])["mine"].value
    assert found == value
    assert value is None or type(found) is float


def test_an_own_score_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setitem(PROXIES, "mine", lambda probe: "high")
    with pytest.raises(InputError, match="proxy mine: expected a number, got 'high'"):
        score_network(probe(block), ["mine"])


def test_an_attack_within_the_pixel_range_needs_pixels_in_it():
    found = score_network(Probe(Body(block), 4 * IMAGES - 2, LABELS), ["croze", "snip"])
    assert found["croze"].reason == "images are attacked within [0, 1], and some are outside"
    assert found["snip"].value is not None


def test_labels_of_any_whole_type_are_the_same():
    first, second = (Probe(Body(used), IMAGES, LABELS.to(kind)) for kind in (torch.int64, torch.int32))
    assert score_network(first, ["cheap", KERNEL]) == score_network(second, ["cheap", KERNEL])
    assert CRoZe()(first) == CRoZe()(second)
