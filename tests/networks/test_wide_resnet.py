import itertools

import pytest
import torch
from torch import nn

from robnas.attacks import FGSM, perturb, predict
from robnas.data import load_data, to_pixels
from robnas.errors import InputError
from robnas.evaluation import Suite, evaluate
from robnas.networks import Counts, build_wide_resnet, count, wide_resnet_counts
from robnas.training import Recipe, train
from robnas.types import ThreatModel
from tests.reference.wide_resnet import wide_resnet

NAMES = ("D1", "W1", "D2", "W2", "D3", "W3")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
DEPTHS, WIDTHS = (4, 5, 7, 9, 11), (8, 10, 12, 14, 16)
PUBLISHED = {
    "WRN-28-10": ((4, 10) * 3, 36_479_194, 5_243_328_768),
    "WRN-34-10": ((5, 10) * 3, 46_160_474, 6_658_906_368),
    "WRN-70-16": ((11, 16) * 3, 266_796_506, 38_764_210_176),
}


def genes(*values):
    return dict(zip(NAMES, values, strict=True))


def on_meta(values, **options):
    with torch.device("meta"):
        return build_wide_resnet(genes(*values), **{"num_classes": 10, **options})


def randomize(network):
    """Weights and statistics of a batch norm that tell it from the identity."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5)):
                tensor.data.copy_(low + torch.rand(tensor.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
    return network.double().eval()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameters_to_the_digit(name):
    values, parameters, macs = PUBLISHED[name]
    network = on_meta(values)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert wide_resnet_counts(genes(*values)) == count(network) == Counts(parameters, macs)


def test_closed_form_has_the_parameters_of_the_module_for_all_widths():
    for place, widths in enumerate(itertools.product(WIDTHS, repeat=3)):
        depths = [1 + (place // 5**stage + stage) % 3 for stage in range(3)]
        values = [value for pair in zip(depths, widths, strict=True) for value in pair]
        found = sum(p.numel() for p in on_meta(values).parameters())
        assert wide_resnet_counts(genes(*values)).parameters == found, values


def test_closed_form_adds_up_over_the_blocks_of_the_module():
    """With the test above: of all 15,625 architectures, because a stage's further blocks are all alike."""
    for depth, stage in itertools.product(DEPTHS, (0, 2, 4)):
        values = [1, 8, 1, 10, 1, 8]
        values[stage] = depth
        found = sum(p.numel() for p in on_meta(values).parameters())
        assert wide_resnet_counts(genes(*values)).parameters == found


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ((4, 16, 5, 8, 7, 14), {}),
        ((2, 8, 1, 16, 1, 8), {"image_size": 33}),
        ((1, 1, 2, 1, 1, 1), {"image_size": 7, "in_channels": 1, "num_classes": 3}),
        ((1, 2, 1, 1, 1, 1), {"image_size": 1, "in_channels": 4, "num_classes": 1}),
    ],
)
def test_closed_form_has_the_macs_of_the_module(values, options):
    network = on_meta(values, **options)
    assert wide_resnet_counts(genes(*values), **options) == count(network, input_size=options.get("image_size", 32))


@pytest.mark.parametrize(
    "values",
    [(1, 1, 1, 1, 1, 1), (2, 1, 1, 2, 2, 1), (1, 2, 2, 1, 1, 1), (1, 1, 1, 2, 3, 1), (2, 3, 2, 1, 1, 2)],
    ids=str,
)
@pytest.mark.parametrize("size", [8, 5])
def test_network_equals_the_literal_reference(values, size):
    network = randomize(build_wide_resnet(genes(*values), num_classes=4, mean=MEAN, std=STD))
    images = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    images.requires_grad_()
    widths = [width << (4 + stage) for stage, width in enumerate(values[1::2])]
    wanted = wide_resnet(network.state_dict(), images, values[::2], widths)
    found = network(images)
    torch.testing.assert_close(found, wanted)
    grads = [torch.autograd.grad(logits.square().sum(), images)[0] for logits in (found, wanted)]
    torch.testing.assert_close(*grads)
    assert grads[0].is_contiguous()


def test_a_stage_without_more_channels_still_has_a_convolution_as_its_shortcut():
    """The 1,250 architectures with W1 = 2·W2 or W2 = 2·W3."""
    network = build_wide_resnet(genes(2, 2, 2, 1, 2, 1), num_classes=3)
    shapes = [[None if b.shortcut is None else tuple(b.shortcut.weight.shape[:2]) for b in s] for s in network.stages]
    assert shapes == [[(32, 16), None], [(32, 32), None], [(64, 32), None]]
    assert [block.shortcut is not None for block in build_wide_resnet(genes(1, 1, 1, 1, 1, 1), num_classes=3).stages[0]]
    architectures = itertools.product(DEPTHS, WIDTHS, DEPTHS, WIDTHS, DEPTHS, WIDTHS)
    assert sum(w1 == 2 * w2 or w2 == 2 * w3 for _, w1, _, w2, _, w3 in architectures) == 1_250


def test_weights_follow_the_seed_and_nothing_else():
    def build(seed):
        return build_wide_resnet(genes(1, 1, 1, 2, 1, 1), num_classes=10, seed=seed)

    state = torch.random.get_rng_state()
    first, again, other = build(0), build(0), build(1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(first.stem.weight, other.stem.weight)
    block = first.stages[1][0]
    assert block.conv_b.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)
    assert block.shortcut.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert not first.head.linear.bias.any()


def test_it_is_trained_attacked_and_evaluated():
    data = load_data("digits")
    tiny = genes(1, 1, 1, 1, 1, 1)
    network = build_wide_resnet(tiny, num_classes=10, in_channels=1, image_size=8, mean=data.mean, std=data.std)
    train(network, data, Recipe.digits().replace(epochs=1), seed=0)
    threat = ThreatModel.linf("32/255")
    suite = Suite("light", (FGSM(threat),), checks=False)
    result = evaluate(network, data, suite, split="test", seed=0, batch_size=400)
    part = data.split("test")
    assert result["clean"] == (predict(network, to_pixels(part.images), 400) == part.labels).double().mean().item()
    assert 0 < result["fgsm@32/255"] < result["clean"]
    assert result["clean"] > 0.3


def test_images_with_other_channels_are_refused():
    network = build_wide_resnet(genes(1, 1, 1, 1, 1, 1), num_classes=10)
    attack = FGSM(ThreatModel.linf("8/255"))
    with pytest.raises(InputError, match="images: expected 3 channels, as the network takes"):
        perturb(attack, network, torch.rand(2, 1, 8, 8), torch.tensor([0, 1]), seed=0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"genes": {"D1": 4, "W1": 8}}, "genes of wide-resnet: expected D1, W1, D2, W2, D3, W3, got D1, W1$"),
        ({"genes": {**genes(*[4] * 6), "D4": 4}}, "expected D1, W1, D2, W2, D3, W3, got D1, W1, D2, W2, D3, W3, D4"),
        ({"genes": genes(0, 8, 4, 8, 4, 8)}, "gene D1: expected at least 1, got 0"),
        ({"genes": genes(4, "8", 4, 8, 4, 8)}, "gene W1: expected a whole number, got '8'"),
        ({"num_classes": 0}, "num_classes: expected at least 1, got 0"),
        ({"image_size": 0}, "image_size: expected at least 1, got 0"),
        ({"mean": (0.5,)}, r"mean: expected 3 values, one per channel, got \(0.5,\)"),
        ({"std": (0.5, 0.0, 0.5)}, "std: expected values above 0"),
    ],
)
def test_bad_input(changes, text):
    with pytest.raises(InputError, match=text):
        build_wide_resnet(**{"genes": genes(1, 1, 1, 1, 1, 1), "num_classes": 10, **changes})
