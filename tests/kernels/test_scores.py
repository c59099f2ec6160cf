import numpy as np
import pytest
import torch
from torch import nn

import robnas
from robnas.attacks import FGSM
from robnas.errors import InputError
from robnas.kernels import (
    KERNELS,
    MEASURES,
    SCORES,
    KernelProbe,
    NonFiniteKernelError,
    NTKSettings,
    SphereAttack,
    balanced_batch,
    empirical_ntk,
    label_alignment,
    robust_ntk,
    unit_sphere,
)
from robnas.kernels._robust import attack_twice, default_attack
from robnas.networks import build_network, build_theory_network
from robnas.spaces import TheorySpace

SIZES = {"num_classes": 4, "channels": 2, "cells": 1, "in_channels": 1}
LABELS = torch.arange(8) % 4
IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
THREAT = robnas.ThreatModel.linf("8/255")


def network(code="323133"):
    return build_network(code, **SIZES).double()


def test_robust_kernels_are_those_of_images_attacked_once_and_again():
    found = robust_ntk(network(), IMAGES, LABELS, threat=THREAT, seed=3)
    clean, robust, twice = attack_twice(
        network(), IMAGES, LABELS, default_attack(THREAT), settings=NTKSettings(), seed=3
    )
    assert (robust - clean).abs().max() <= THREAT.epsilon
    assert THREAT.epsilon < (twice - clean).abs().max() <= 2 * THREAT.epsilon
    assert (twice - robust).abs().max() <= THREAT.epsilon
    np.testing.assert_allclose(found.robust, empirical_ntk(network(), robust, calibration=clean), rtol=1e-10)
    np.testing.assert_allclose(found.twice, empirical_ntk(network(), twice, calibration=clean), rtol=1e-10)
    again = robust_ntk(network(), IMAGES, LABELS, threat=THREAT, seed=3)
    np.testing.assert_array_equal(found.twice, again.twice)


def test_the_attack_raises_the_loss_of_the_network_as_the_kernel_sees_it():
    from robnas.kernels._batch_norm import prepared

    stack = attack_twice(network(), IMAGES, LABELS, default_attack(THREAT), settings=NTKSettings())
    victim = prepared(network(), IMAGES, "calibrated-eval", None)
    losses = [nn.functional.cross_entropy(victim(part), LABELS).item() for part in stack]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("mode", ["calibrated-eval", "eval-raw", "train"])
def test_no_radius_gives_five_equal_kernels(mode):
    found = robust_ntk(
        network(), IMAGES[:4], LABELS[:4], threat=robnas.ThreatModel.linf(0), settings=NTKSettings(batch_norm=mode)
    )
    for other in (found.cross, found.robust, found.cross_twice, found.twice):
        np.testing.assert_allclose(other, found.clean, rtol=1e-10)


@pytest.mark.parametrize("reduction", ["trace", "label"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.uint16, torch.int32])
def test_labels_of_any_width_mean_the_same(dtype, reduction):
    """Of 8 bits, they would be a mask that chooses rows."""
    settings, labels = NTKSettings(reduction=reduction), torch.tensor([0, 1, 1, 0])
    wanted, found = (
        robust_ntk(network(), IMAGES[:4], given, threat=THREAT, settings=settings)
        for given in (labels, labels.to(dtype))
    )
    assert np.array_equal(found.clean, wanted.clean)
    assert np.array_equal(found.twice, wanted.twice)


def test_inference_mode_changes_nothing():
    wanted, tested = robust_ntk(network(), IMAGES[:4], LABELS[:4], threat=THREAT), network()
    with torch.inference_mode():
        images, labels = IMAGES[:4].clone(), LABELS[:4].clone()
        found = robust_ntk(tested, images, labels, threat=THREAT, calibration=images)
    assert np.array_equal(found.twice, wanted.twice)


def test_the_network_is_left_as_it_is():
    tested = network().train()
    before = {name: value.clone() for name, value in tested.state_dict().items()}
    state = torch.random.get_rng_state()
    robust_ntk(tested, IMAGES, LABELS, threat=THREAT)
    assert tested.training
    assert all(torch.equal(value, before[name]) for name, value in tested.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_every_score_is_a_measure_of_its_kernel():
    probe = KernelProbe(network(), IMAGES, LABELS, threat=THREAT, beta=0.25)
    five = robust_ntk(network(), IMAGES, LABELS, threat=THREAT)
    matrices = {
        "clean": five.clean, "cross": five.cross_symmetric, "robust": five.robust, "twice": five.twice,
        "mixed": five.mixed(0.25), "mixed-twice": five.mixed_twice(0.25),
    }  # fmt: skip
    assert set(matrices) == set(KERNELS)
    assert len(SCORES) == 5 * len(MEASURES) + 3
    for name, score in SCORES.items():
        wanted = MEASURES[score.measure](matrices[score.kernel], LABELS.numpy())
        assert score(probe) == pytest.approx(wanted, rel=1e-6), name


def test_only_the_attacks_that_are_needed_are_run(monkeypatch):
    def none(*_, **__):
        raise AssertionError("no attack is needed")

    monkeypatch.setattr("robnas.kernels._robust.perturb", none)
    assert np.isfinite(SCORES["ntk-clean-trace"](KernelProbe(network(), IMAGES, LABELS, attacks=0)))
    with pytest.raises(AssertionError):
        SCORES["ntk-robust-trace"](KernelProbe(network(), IMAGES, LABELS, attacks=1))


def test_a_network_without_a_path_is_the_worst_where_that_is_undefined():
    probe = KernelProbe(network("000000"), IMAGES, LABELS, attacks=0)
    for measure in ("lambda-min", "condition", "log-determinant", "label-alignment"):
        assert SCORES[f"ntk-clean-{measure}"](probe) == -np.inf


def test_scores_of_the_theory_space_with_inputs_that_are_attacked_already():
    x = torch.tensor(unit_sphere(np.random.default_rng(0).normal(size=(6, 5))))
    y, attack = torch.tensor([1.0, -1, 1, -1, 1, -1], dtype=torch.float64), SphereAttack(0.2, 3)
    for arch in TheorySpace(3).sample(np.random.default_rng(1), 3):
        tested = build_theory_network(arch, input_shape=(5,), width=16, dtype=torch.float64)
        robust = attack(tested, x, y)
        twice = attack(tested, robust, y)
        probe = KernelProbe(tested, x, y, attacked=(robust, twice))
        assert np.isfinite([score(probe) for name, score in SCORES.items() if "trace" in name]).all()
        wanted = np.trace(empirical_ntk(tested, twice)) / 6
        assert SCORES["ntk-twice-trace"](probe) == pytest.approx(wanted)


def test_a_batch_is_balanced_and_random():
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 3)
    found = balanced_batch(labels, 15, seed=0)
    assert torch.bincount(labels[found]).tolist() == [6, 6, 3]
    assert len(set(found.tolist())) == 15
    assert not torch.equal(found, balanced_batch(labels, 15, seed=1))
    assert torch.equal(found, balanced_batch(labels, 15, seed=0))


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_of_a_kernel_that_is_not_finite_says_so(measure):
    broken = network()
    broken.head.linear.weight.data.fill_(float("nan"))
    with pytest.raises(NonFiniteKernelError, match="kernel: expected finite entries, got nan or infinity"):
        SCORES[f"ntk-clean-{measure}"](KernelProbe(broken, IMAGES, LABELS, attacks=0))


def test_labels_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="labels: expected finite numbers, got nan or infinity"):
        label_alignment(np.eye(3), [1.0, np.nan, -1.0])


@pytest.mark.parametrize(
    ("count", "classes", "most"),
    [(2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 2, 3), (64, 32, 2), (199, 99, 3), (200, 100, 2), (201, 100, 3)],
)
def test_every_class_that_is_used_has_two_images(count, classes, most):
    found = balanced_batch(torch.arange(100).repeat_interleave(3), count, seed=0)
    counts = torch.bincount(torch.arange(100).repeat_interleave(3)[found])
    assert len(set(found.tolist())) == count
    assert (len(counts[counts > 0]), counts.max()) == (classes, most)
    assert count < 4 or counts[counts > 0].min() == 2


def test_pairs_come_from_classes_that_have_them():
    labels = torch.tensor([*range(50), *([50] * 5), *([51] * 3)])  # most classes have a single image
    assert torch.bincount(labels[balanced_batch(labels, 8, seed=0)]).tolist()[50:] == [5, 3]
    assert torch.bincount(labels[balanced_batch(labels, 20, seed=0)]).tolist()[50:] == [5, 3]
    lonely = torch.tensor([0, 0, 0, *range(1, 40)])  # pairs of two classes are not to be had
    assert len(labels[balanced_batch(lonely, 8, seed=0)].unique()) == 8


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: robust_ntk(network(), IMAGES * float("nan"), LABELS, threat=THREAT),
            r"images: expected finite pixels in \[0, 1\]",
        ),
        (lambda: robust_ntk(network(), IMAGES[:0], LABELS[:0], threat=THREAT), "images: expected floating point"),
        (lambda: robust_ntk(network(), IMAGES, LABELS[:3], threat=THREAT), r"labels: expected shape \(8,\)"),
        (lambda: robust_ntk(network(), IMAGES, LABELS + 2, threat=THREAT), "labels: expected from 0 to 3, got 5"),
        (
            lambda: robust_ntk(network(), IMAGES, LABELS, threat=THREAT, attack=FGSM(robnas.ThreatModel.l2(3))),
            f"threat: expected that of the attack, l2 3, got {THREAT}; write threat=attack.threat",
        ),
        (
            lambda: SCORES["ntk-robust-trace"](KernelProbe(network(), IMAGES, LABELS - 1, attacks=1)),
            "labels: expected numbers of classes, from 0, got -1",
        ),
        (lambda: robnas.ThreatModel.linf("-1/255"), "epsilon: expected a number ≥ 0"),
        (lambda: KernelProbe(network(), IMAGES, LABELS, beta=1.1), r"beta: expected a number in \[0, 1\], got 1.1"),
        (
            lambda: SCORES["ntk-clean-label-alignment"](KernelProbe(network(), IMAGES, LABELS * 0, attacks=0)),
            "labels: expected at least two classes, got all equal",
        ),
        (lambda: balanced_batch(LABELS, 9, 0), "images: expected from 2 to 8, got 9"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InputError, match=text):
        call()
