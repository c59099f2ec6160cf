import numpy as np
import pytest
import torch

import robnas
from robnas.cli._theory_options import sample_of
from robnas.errors import InputError
from robnas.kernels import (
    KernelProbe,
    NTKSettings,
    SphereAttack,
    balanced_batch,
    infinite_kernels,
    label_alignment,
    random_labels,
    robust_ntk,
)
from robnas.networks import build_network, build_theory_network

HALF = [0] * 10 + [1] * 10


@pytest.mark.parametrize(
    "labels", [HALF, [1, -1] * 8, [0, 1, 2] * 4, [0] * 6 + [1] * 12, np.array(HALF, dtype=np.uint8), [1.0, -1.0] * 4]
)
def test_random_labels_are_as_frequent_in_every_class_as_among_all(labels):
    given = np.asarray(labels)
    found = random_labels(labels, seed=1)
    assert found.dtype == given.dtype
    assert sorted(found) == sorted(given)
    for true in np.unique(given):
        for label in np.unique(given):
            share = (found[given == true] == label).sum() / (given == true).sum()
            assert abs(share - (given == label).mean()) < 2 / (given == true).sum()


def test_random_labels_are_random_and_seeded():
    found = [random_labels(HALF, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    random_labels(HALF)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([1, 1, 1], "labels: expected at least two classes, got all equal"),
        ([], "labels: expected at least two classes, got none"),
        ([[0, 1]], r"labels: expected shape \(n,\), got \(1, 2\)"),
    ],
)
def test_bad_labels(labels, text):
    with pytest.raises(InputError, match=text):
        random_labels(labels)


@pytest.fixture(scope="module")
def digits():
    """Digits 3 and 8 on the unit sphere."""
    sample = sample_of(
        None, robnas.load_data("digits"), classes="3,8", inputs=60, tested=0, rho=None, epsilon=None, width=None,
        seed=0, second_init=False, memory=64,
    )  # fmt: skip
    return sample.train, torch.from_numpy(sample.labels)


def attacked(arch, x, labels, rho):
    network = build_theory_network(arch, input_shape=x.shape[1:], width=64, dtype=torch.float64)
    attack = SphereAttack(rho)
    robust = attack(network, x, labels)
    return infinite_kernels(arch, *(part.numpy() for part in (x, robust, attack(network, robust, labels))))


@pytest.mark.parametrize("arch", ["fc:relu,relu:1", "fc:tanh,silu:0"])
def test_the_robust_term_falls_with_the_attack_because_it_knows_the_labels(digits, arch):
    x, y = digits
    noise = torch.from_numpy(random_labels(y.numpy()))
    known, blind = ([attacked(arch, x, labels, rho) for rho in (0.1, 0.3)] for labels in (y, noise))
    true, control, of_noise = (
        [five.bound(labels.numpy(), 0.5) for five in kernels]
        for kernels, labels in ((known, y), (blind, y), (blind, noise))
    )
    for k in (0, 1):
        assert true[k].robust < true[k].clean  # as if attacked images were easier
        assert control[k].robust > 1.15 * true[k].robust
    assert true[1].robust < 0.7 * true[0].robust
    assert true[1].clean < true[0].clean
    assert control[1].robust > 0.9 * control[0].robust
    assert of_noise[1].robust < 1.3 * true[1].robust  # labels that are noise are nearly as good
    assert of_noise[1].robust < 0.5 * known[1].bound(noise.numpy(), 0.5).robust


def test_label_alignment_of_attacked_kernels_knows_the_labels_that_attacks_were_aimed_at(digits):
    x, y = digits
    noise = torch.from_numpy(random_labels(y.numpy()))
    five = attacked("fc:relu,relu:1", x, noise, 0.3)
    clean, robust, twice = (label_alignment(kernel, noise.numpy()) for kernel in (five.clean, five.robust, five.twice))
    assert twice < robust < clean
    assert twice < 0.1 * clean


def test_attacks_are_aimed_at_the_labels_that_are_given_and_made_on_the_victim():
    data = robnas.load_data("digits").split("train")
    chosen = balanced_batch(data.labels, 8, seed=0)
    images, labels = data.images[chosen] / 255, data.labels[chosen]
    sizes = {"num_classes": 10, "in_channels": 1, "channels": 2, "cells": 1}
    network, other = build_network("323133", **sizes, seed=0), build_network("323133", **sizes, seed=1)
    given = {"threat": robnas.ThreatModel.linf("8/255"), "settings": NTKSettings("sum")}
    plain = robust_ntk(network, images, labels, **given)
    same = robust_ntk(network, images, labels, attack_labels=labels, victim=network, **given)
    np.testing.assert_array_equal(same.twice, plain.twice)
    for changed in ({"attack_labels": random_labels(labels)}, {"victim": other}):
        found = robust_ntk(network, images, labels, **changed, **given)
        np.testing.assert_array_equal(found.clean, plain.clean)
        assert np.abs(found.robust / plain.robust - 1).max() > 1e-3
        probe = KernelProbe(network, images, labels, settings=given["settings"], attacks=1, **changed)
        np.testing.assert_allclose(probe.blocks[1, 1], found.robust, rtol=1e-10)
