"""Passes are shared, repeats summarised, bad input refused and missing scores explained."""

import random
import statistics

import numpy as np
import pytest
import torch
from torch import nn

import robnas
from robnas.data import Dataset, Images
from robnas.errors import InputError
from robnas.kernels import NTKSettings
from robnas.networks import build_network
from robnas.proxies import (
    CHEAP,
    PROXIES,
    NetworkScore,
    Probe,
    ProxySettings,
    attacks_of,
    probe_architecture,
    score,
    score_network,
    score_settings,
    summary,
)
from robnas.proxies._textbook import layers, textbook
from robnas.spaces import SPACES

SIZES = {"num_classes": 4, "channels": 2, "cells": 1, "in_channels": 1}
LABELS = torch.arange(8) % 4
IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
SETTINGS = ProxySettings(images=8, calibration=16)
SPACE = SPACES["nas-bench-201"].configure(channels=2, cells=1)


@pytest.fixture(scope="module")
def digits():
    return robnas.load_data("digits")


def probe(code="323133", **options):
    return Probe(build_network(code, **SIZES), IMAGES, LABELS, **options)


@pytest.mark.parametrize("code", ["323133", "333333", "444444", "013020", "000000"])
def test_the_textbook_network_computes_the_same(code):
    network = build_network(code, **SIZES).double().train()
    for twice in (False, True):
        twin = textbook(network, twice=twice)
        torch.testing.assert_close(twin(IMAGES.double()), network(IMAGES.double()))
        for ours, theirs in zip(twin.buffers(), textbook(network).buffers(), strict=True):
            assert ours.shape == theirs.shape


def test_the_textbook_network_has_one_convolution_per_edge():
    merged, apart = (sum(isinstance(layer, nn.Conv2d) for layer in layers(part)) for part in (
        build_network("333333", **SIZES), textbook(build_network("333333", **SIZES))
    ))  # fmt: skip
    assert (merged, apart) == (7 + 3 * 3, 7 + 3 * 6)


def test_neither_network_nor_random_state_change():
    network = build_network("323133", **SIZES).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    score_network(Probe(network, IMAGES, LABELS), ["cheap", "ntk-clean-trace"])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_scoring_an_architecture_moves_no_generator(digits):
    states = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    with torch.inference_mode():
        found = score("323133", digits, ["cheap", "ntk-robust-trace"], space=SPACE, settings=SETTINGS)
    assert found == score("323133", digits, ["cheap", "ntk-robust-trace"], space=SPACE, settings=SETTINGS)
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == states[1:]  # noqa: NPY002


def test_in_place_relus_do_no_harm():
    def network(inplace):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=inplace))
        return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4))

    first, second = (score_network(Probe(network(inplace), IMAGES, LABELS), CHEAP) for inplace in (False, True))
    assert first == second


def test_scores_share_one_forward_pass():
    shared = probe()
    passes = []
    shared.textbook.register_forward_hook(lambda *_: passes.append(1))
    names = ["macs", "grad_norm", "plain", "snip", "l2_norm", "fisher", "jacov", "epe_nas", "nwot", "jacobian_norm"]
    together = score_network(shared, names)
    assert len(passes) == 1
    alone = {name: score_network(probe(), [name])[name] for name in names}
    assert {name: one.value for name, one in together.items()} == pytest.approx(
        {name: one.value for name, one in alone.items()}, rel=1e-4
    )


def test_a_score_is_the_mean_over_seeds(digits):
    found = score("323133", digits, ["snip", "zen"], repeats=3, seed=4, space=SPACE, settings=SETTINGS)
    for name, one in found.items():
        probes = [probe_architecture("323133", digits, seed=seed, space=SPACE, settings=SETTINGS) for seed in (4, 5, 6)]
        values = [score_network(probe, [name])[name].value for probe in probes]
        assert one.values == pytest.approx(values, rel=1e-5)
        assert one.mean == pytest.approx(statistics.fmean(values))
        assert one.standard_error == pytest.approx(statistics.stdev(values) / 3**0.5)
        assert len(set(values)) == 3
    assert score("323133", digits, ["snip"], space=SPACE, settings=SETTINGS)["snip"].standard_error is None


def test_all_architectures_see_the_same_images(digits):
    first, second, other = (
        probe_architecture(code, digits, seed=seed, space=SPACE, settings=SETTINGS)
        for code, seed in (("323133", 0), ("444444", 0), ("323133", 1))
    )
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, other.images)


def own_data(labels, size=8):
    """Random grey images with these labels."""
    pixels = torch.randint(256, (len(labels), 1, size, size), generator=torch.Generator().manual_seed(0))
    images = Images(pixels.to(torch.uint8), labels)
    return Dataset("own", int(labels.max()) + 1, {"train": images, "test": images}, (0.5,), (0.25,))


@pytest.mark.parametrize("classes", [2, 40, 120])
def test_scores_that_compare_images_of_a_class_have_pairs_of_any_data(classes):
    """With one image per class every architecture had the same epe_nas, up to rounding."""
    data, archs = own_data(torch.arange(classes).repeat_interleave(5)), ["323133", "333333", "131131", "222222"]
    found = [score(arch, data, ["epe_nas", "robust_score"], space=SPACE, settings=SETTINGS) for arch in archs]
    values = [one["epe_nas"].mean for one in found]
    assert min(values) > 1
    assert max(values) - min(values) > 0.01 * max(values)
    assert None not in [one["robust_score"].mean for one in found]
    settings = score_settings(data, ["epe_nas"], 1, 0, SETTINGS, SPACE)
    # scores of an earlier draw are not mixed with these
    assert settings.get("drawn") == (None if classes == 2 else "pairs of a class")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (torch.tensor([0, 0, 1, 2, 3, 4, 5, 6]), None),
        (
            torch.arange(8),
            "takes 2 or more of a class; the batch has 8, at most 1 of each of 8 classes: draw 4 or more",
        ),
    ],
)
def test_without_a_pair_of_one_class_the_number_needed_is_said(labels, text):
    network = build_network("323133", **{**SIZES, "num_classes": 8})
    found = score_network(Probe(network, IMAGES, labels), ["epe_nas", "robust_score", "jacov"])
    assert found["jacov"].value is not None
    for name in ("epe_nas", "robust_score"):
        assert (found[name].value is None) == (text is not None)
        assert (text or "") in found[name].reason


def test_one_class_alone_says_nothing_where_classes_are_compared():
    """With more than 100 outputs epe_nas is a difference between classes, which one class makes 0 for every network."""
    network = build_network("323133", **{**SIZES, "num_classes": 120})
    found = score_network(Probe(network, IMAGES, LABELS * 0), ["epe_nas"])["epe_nas"]
    assert found.value is None
    assert "takes 2 or more of several classes; the batch has 8, at most 8 of each of 1 classes" in found.reason


def test_names_may_be_groups():
    assert list(score_network(probe(), ["nwot", "cheap", "nwot"])) == [
        "nwot",
        *(name for name in CHEAP if name != "nwot"),
    ]
    assert attacks_of(CHEAP) == 0
    assert attacks_of(["snip", "ntk-robust-trace"]) == 1
    assert attacks_of(PROXIES) == 2


def test_a_missing_score_is_never_a_number():
    broken = build_network("323133", **SIZES)
    broken.head.linear.weight.data.fill_(float("nan"))
    found = score_network(Probe(broken, IMAGES, LABELS), ["all"])
    sizes = {"parameters", "macs", "convolutions", "nwot", "zen", "top_score", "mean_field_sensitivity"}
    # which ask nothing of the last layer
    for name, one in found.items():
        assert (one.value is None) == (name not in sizes), name
        assert bool(one.reason) == (one.value is None), name
    assert "nan" in found["snip"].reason
    assert "kernel: expected finite entries, got nan or infinity" in found["ntk-twice-label-alignment"].reason
    disconnected = score_network(probe("000000"), ["jacov", "grad_norm"])
    assert disconnected["grad_norm"] == NetworkScore(0.0)
    assert disconnected["jacov"].value is None
    assert "constant" in disconnected["jacov"].reason


def test_a_score_that_is_missing_once_has_no_mean():
    found = summary([NetworkScore(1.0), NetworkScore(None, "overflow"), NetworkScore(3.0)])
    assert (found.mean, found.standard_error, found.values) == (None, None, (1.0, None, 3.0))
    assert found.reason == "overflow"


def test_bad_input_is_refused_in_one_line(digits):
    network = build_network("323133", **SIZES)
    with pytest.raises(InputError, match=r"images: expected at least 2 .*, got shape \(1, 1, 8, 8\); batch norm and"):
        Probe(network, IMAGES[:1], LABELS[:1])
    with pytest.raises(InputError, match=r"labels: expected shape \(8,\), one per image, got shape \(7,\)"):
        Probe(network, IMAGES, LABELS[:7])
    with pytest.raises(InputError, match=r"network: expected logits \(8, at least 10\).*got logits \(8, 4\); build it"):
        score_network(Probe(network, IMAGES, LABELS + 6), ["snip"])
    with pytest.raises(InputError, match=r"network: expected at least one nn.Conv2d or nn.Linear, got none"):
        Probe(nn.Sequential(nn.Flatten(), nn.ReLU()), IMAGES, LABELS)
    with pytest.raises(InputError, match=r"proxy: expected one of .*, got 'nwott'; did you mean nwot\?"):
        score("323133", digits, ["nwott"])
    with pytest.raises(InputError, match="images: expected at least 2, got 1"):
        ProxySettings(images=1)
    with pytest.raises(InputError, match=r"reduction: expected trace, sum, label or proj for scores, .* got full"):
        ProxySettings(kernel=NTKSettings("full"))
    with pytest.raises(InputError, match="repeats: expected at least 1, got 0"):
        score("323133", digits, ["snip"], repeats=0)


@pytest.mark.parametrize("name", ["grasp", "croze"])
def test_proxies_with_passes_of_their_own_check_the_classes_too(name):
    with pytest.raises(InputError, match="at least 10"):
        score_network(probe(), ["snip"]) and PROXIES[name](Probe(build_network("323133", **SIZES), IMAGES, LABELS + 6))
