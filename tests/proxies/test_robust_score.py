import math

import pytest
import torch

from robnas.errors import InputError
from robnas.networks import build_network, top_score
from robnas.proxies import PROXIES, SCALES, Probe, UndefinedScoreError, proxy_features

SIZES = {"num_classes": 4, "channels": 2, "cells": 1, "in_channels": 1}
IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_the_robust_score_is_a_product_of_powers():
    probe = Probe(build_network("323133", **SIZES), IMAGES, torch.arange(8) % 4)
    expected = math.log(PROXIES["macs"](probe)) + 3.135 * math.log(PROXIES["epe_nas"](probe))
    assert PROXIES["robust_score"](probe) == pytest.approx(expected)


def test_features_follow_the_scales_and_keep_what_is_missing():
    (row,) = proxy_features([dict.fromkeys(SCALES, 10.0) | {"jacov": -10.0, "jacobian_norm": -10.0, "nwot": None}])
    found = dict(zip(SCALES, row, strict=True))
    assert found["snip"] == found["jacobian_norm"] == -found["jacov"] == math.log(10)
    assert found["synflow"] == 10
    assert math.isnan(found["nwot"])


def test_scores_that_no_predictor_reads_are_refused():
    with pytest.raises(InputError, match=r"scores of an architecture, for a predictor: .* got 'parameters'"):
        proxy_features([{"nwot": 1.0}])
    with pytest.raises(InputError, match=r"for a predictor: expected finite scores, None or nan for .*, got inf"):
        proxy_features([dict.fromkeys(SCALES, 1.0) | {"zen": math.inf}])


def test_the_top_score_is_that_of_the_cell_whatever_the_images():
    for images in (IMAGES, IMAGES[:2]):
        probe = Probe(build_network("323133", **SIZES), images, torch.arange(len(images)) % 4)
        assert PROXIES["top_score"](probe) == top_score("323133")
    with pytest.raises(UndefinedScoreError, match="nothing flows from the input to the output of the cell"):
        PROXIES["top_score"](Probe(build_network("000000", **SIZES), IMAGES, torch.arange(8) % 4))


def test_a_network_that_is_not_made_from_a_cell_has_no_top_score():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 4)
    )
    with pytest.raises(UndefinedScoreError, match="the network was not built from an architecture of nas-bench-201"):
        PROXIES["top_score"](Probe(network, IMAGES, torch.arange(8) % 4))
