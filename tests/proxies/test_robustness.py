"""Scores that others made for robustness: closed forms, literal references, and what has no such score."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robnas.errors import InputError
from robnas.kernels import NTKSettings, signal_propagation
from robnas.networks import build_network
from robnas.proxies import (
    CHEAP,
    CONDITION_WEIGHT,
    PROXIES,
    ROBUSTNESS,
    MeanFieldSensitivity,
    Probe,
    RobustZCP,
    RScore,
    UndefinedScoreError,
    score_network,
)
from robnas.proxies import _r_score as r_score
from robnas.proxies._hessian import largest_eigenvalue
from tests.proxies.test_proxies import IMAGES, LABELS, PIXELS, SIZES, X, chain, convolution, linear, literal
from tests.reference import robustness as reference
from tests.reference.jacobian import full_ntk

ROOT = Path(__file__).parents[2]
FOUND = ("robust_zcp", "r_score", "hessian")
SMALL, FEW = IMAGES[:2, :, :4, :4].contiguous(), LABELS[:2]


def plain():
    """Two convolutions with batch norm and ReLU."""
    torch.manual_seed(0)
    body = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).double()


def logistic():
    """Logits (w x, 0) of one pixel x: L' = w (p − y), L'' = w² p (1 − p), by w x (p − y)."""
    return chain(convolution(3.0), nn.Flatten(), linear([1.0], [0.0]))


def test_the_largest_eigenvalue_in_closed_form():
    p = (3 * X).sigmoid()
    assert PROXIES["hessian"](logistic()) == pytest.approx(-(9 * p * (1 - p)).max().item())


def test_robust_zcp_in_closed_form():
    """Logits (3 a x, 3 b x), a = 1, b = 0; the weights are 3, a and b; the direction is the sign of the slope."""
    target = torch.tensor([1.0, 0.0], dtype=torch.float64)  # y = 0 is the first logit

    def slope(x):
        return 3 * ((3 * x).sigmoid() - target)

    step, before = 0.25, slope(X)
    curvature = (((slope(X + step * before.sign()) - before) / step) ** 2).mean().item()
    error = (3 * X).sigmoid() - target
    gradients = torch.stack([error * X, error * 3 * X, -error * 3 * X], 1)  # by 3, a and b
    product = (gradients[0] @ gradients[1]).item()
    expected = -2.0 * product - math.log(curvature)
    assert RobustZCP(time=2.0, step=step)(logistic()) == pytest.approx(expected)


def test_r_score_in_closed_form():
    """Without an attack nothing changes: consistency is the number of layers; codes are those of x and −x."""
    images = torch.tensor([[1.0, 0.0], [0.5, 1.0]], dtype=torch.float64).view(2, 1, 1, 2)
    body = (convolution(1.0), nn.ReLU(), nn.Flatten(), linear([1.0, -3.0], [2.0, 1.0]))
    still = RScore(step=0, weight_step=0, draws=40)(chain(*body, images=images))
    # a positive weight gives the codes 11 and 01, a negative one 00 alone, as pixels 0 stay 0
    patterns = math.expm1((still / math.log1p(2)) ** 2)
    assert 1 < patterns < 2
    assert patterns == pytest.approx(round(40 * patterns) / 40)
    labels = torch.tensor([0, 1])
    assert RScore()(chain(*body, images=images, labels=labels)) < math.sqrt(math.log1p(2)) * math.log1p(2)


@pytest.mark.parametrize("code", ["323133", "114222"])
def test_robust_zcp_is_that_of_a_literal_implementation(code):
    network, slow = literal(code)
    expected = reference.robust_zcp(slow, IMAGES, LABELS, time=1.0, step=0.75)
    assert -math.exp(-PROXIES["robust_zcp"](Probe(network, IMAGES, LABELS))) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("code", ["323133", None])
def test_hessian_is_that_of_every_second_derivative(code):
    network, slow = literal(code) if code else (plain(), plain())
    expected = reference.hessian(slow.train(), SMALL, FEW)
    assert PROXIES["hessian"](Probe(network, SMALL, FEW)) == pytest.approx(expected, rel=0.02)
    assert PROXIES["hessian"](Probe(network.float(), SMALL.float(), FEW)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("code", ["323133", "114222"])
def test_r_score_is_that_of_a_literal_implementation(code, monkeypatch):
    monkeypatch.setattr(r_score, "_draw", lambda network, source: None)
    network, slow = literal(code)
    many, consistency = reference.patterns(slow, IMAGES), reference.consistency(slow, IMAGES, LABELS)
    expected = math.sqrt(math.log1p(many)) * math.log1p(consistency)
    found = PROXIES["r_score"](Probe(network, IMAGES, LABELS))
    assert found == pytest.approx(expected, rel=1e-9)


def test_patterns_are_of_standard_normal_weights_whatever_the_network_has():
    network, images = build_network("323133", **SIZES).double(), torch.cat([IMAGES, 1 - IMAGES])
    labels = torch.cat([LABELS, LABELS])
    first = RScore(draws=2)._patterns(Probe(network, images, labels), images)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.constant_(module.weight, 0.1)
    assert RScore(draws=2)._patterns(Probe(network, images, labels), images) == first
    assert RScore(draws=2)._patterns(Probe(network, images, labels, seed=1), images) != first


def test_condition_and_parameters_are_their_logarithms():
    network = plain()
    probes = [
        Probe(network, IMAGES, LABELS, settings=NTKSettings(reduction, batch_norm="eval-raw"), attacks=0)
        for reduction in ("sum", "trace")  # it is the sum that its weight belongs to
    ]
    values = np.linalg.eigvalsh(full_ntk(plain(), IMAGES).sum(dim=(1, 3)).numpy())
    size = sum(parameter.numel() for parameter in network.parameters())
    expected = math.log(size) - CONDITION_WEIGHT * math.log(values[-1] / values[0])
    for probe in probes:
        assert PROXIES["condition_and_parameters"](probe) == pytest.approx(expected, rel=1e-7)
    alike = Probe(network, IMAGES[:1].expand(4, -1, -1, -1), LABELS[:4], attacks=0)
    with pytest.raises(UndefinedScoreError, match="the kernel is singular, so it has no condition number"):
        PROXIES["condition_and_parameters"](alike)


@pytest.mark.parametrize("spectrum", [[3.0, 2.9, 0.0, -8.0], [-1.0, -2.0, -5.0, -5.0], [2.0, 2.0, 2.0, 2.0], [0.0] * 4])
def test_the_largest_eigenvalue_is_the_largest_and_not_the_largest_in_size(spectrum):
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    matrix = basis @ torch.diag(torch.tensor(spectrum, dtype=torch.float64)) @ basis.T
    found = largest_eigenvalue(lambda vector: matrix @ vector, torch.ones(4, dtype=torch.float64), 20, 1e-9)
    assert found == pytest.approx(spectrum[0], abs=1e-12)
    assert math.isnan(largest_eigenvalue(lambda vector: vector * math.nan, torch.ones(4, dtype=torch.float64), 9, 0.1))


@pytest.mark.parametrize("name", FOUND)
def test_a_loss_that_does_not_depend_on_the_images_has_no_such_score(name):
    """Two of them would be the best of all."""
    blind = chain(convolution(0.0), nn.ReLU(), nn.Flatten(), linear([1.0], [0.0]))
    dead = Probe(build_network("000000", **SIZES), IMAGES.float(), LABELS)
    for probe in (blind, dead):
        with pytest.raises(UndefinedScoreError, match=r"in the images$|does not depend on the images"):
            PROXIES[name](probe)


def test_what_scores_need_is_said():
    with pytest.raises(UndefinedScoreError, match="no ReLU whose patterns could be counted"):
        PROXIES["r_score"](logistic())
    with pytest.raises(UndefinedScoreError, match="images are attacked within"):
        PROXIES["r_score"](chain(convolution(1.0), nn.ReLU(), nn.Flatten(), linear([1.0], [2.0]), images=4 * PIXELS))
    with pytest.raises(InputError, match=r"images: expected a number in \[2, 16\], got 17"):
        RScore(images=17)
    with pytest.raises(InputError, match="step: expected at least 1e-12, got 0"):
        RobustZCP(step=0)


def test_the_figures_in_the_docs_are_those_of_the_file():
    with (ROOT / "experiments/results/condition/condition_and_parameters.csv").open() as file:
        found = {(row["dataset"], row["score"], row["figure"]): row for row in csv.DictReader(file)}
    text = (ROOT / "docs/proxies.md").read_text()
    figures = [("cifar10", "spearman", 3), ("cifar10", "top_half_spearman", 3), ("cifar10", "top_decile_spearman", 2),
               ("imagenet16-120", "spearman", 3)]  # fmt: skip
    for score in ("parameters", "ntk-clean-condition", "condition_and_parameters"):
        cells = [[f"{float(found[data, score, name][key]):.{digits}f}" for key in ("value", "low_95", "high_95")]
                 for data, name, digits in figures]  # fmt: skip
        line = f"| `{score}` | " + " | ".join(f"{value} [{low}, {high}]" for value, low, high in cells) + " |"
        assert line.replace("0.", ".").replace("-.", "−.") in text.replace("*", "")


def test_the_groups_do_not_overlap_and_cheap_stays_cheap():
    assert not set(CHEAP) & set(ROBUSTNESS)
    assert set(FOUND) < set(ROBUSTNESS) <= set(PROXIES)
    assert len(CHEAP) == 19


def test_only_the_first_sixteen_images_matter_where_that_is_said():
    images = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = torch.arange(20) % 3
    network = plain()
    all_of_them, first = Probe(network, images, labels), Probe(network, images[:16], labels[:16])
    for name in ("r_score", "hessian"):
        assert PROXIES[name](all_of_them) == PROXIES[name](first)


def test_scores_of_one_network_are_the_same_alone_and_together():
    together = score_network(Probe(plain(), IMAGES, LABELS), [*ROBUSTNESS, "snip", "nwot"])
    for name in ROBUSTNESS:
        if hasattr(PROXIES[name], "space"):  # of cells alone
            continue
        alone = score_network(Probe(plain(), IMAGES, LABELS, attacks=0), [name])[name]
        assert alone.value == pytest.approx(together[name].value, rel=1e-6), name


def test_the_predicted_sensitivity_is_of_the_architecture_alone():
    network = build_network("323133", **SIZES).double()
    predicted = signal_propagation(["323133"], cells=SIZES["cells"], size=0.125, shape=IMAGES.shape[1:])
    expected = -math.log(predicted.sensitivity[0])
    assert PROXIES["mean_field_sensitivity"](Probe(network, IMAGES, LABELS)) == pytest.approx(expected)
    assert MeanFieldSensitivity(size=0.5)(Probe(network, IMAGES, LABELS)) < expected
    with pytest.raises(UndefinedScoreError, match="nothing flows from the input"):
        PROXIES["mean_field_sensitivity"](Probe(build_network("000000", **SIZES).double(), IMAGES, LABELS))
    with pytest.raises(UndefinedScoreError, match="not built from an architecture of nas-bench-201"):
        PROXIES["mean_field_sensitivity"](Probe(plain(), IMAGES, LABELS))
    with pytest.raises(InputError, match="size: expected"):
        MeanFieldSensitivity(size=0)
