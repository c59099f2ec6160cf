"""Scores of kernels after a short training."""

import copy

import numpy as np
import pytest
import torch

import robnas
from robnas.data import load_data
from robnas.errors import DivergedError, InputError
from robnas.kernels import MEASURES, PATH_MEASURES, NTKSettings, empirical_ntk
from robnas.networks import build_network
from robnas.proxies import PROXIES, TRAINED, Probe, ProxySettings, probe_architecture, score, score_network
from robnas.proxies._short_training import short_recipe
from robnas.training import Recipe

LABELS = torch.arange(16) % 4
IMAGES = torch.randint(256, (16, 1, 8, 8), generator=torch.Generator().manual_seed(0)) / 255
THREAT = robnas.ThreatModel.linf("32/255")


def probe(code="323133", images=IMAGES, **others):
    network = build_network(code, num_classes=4, channels=2, cells=1, in_channels=1, seed=0)
    return Probe(network, images[:8], LABELS[:8], threat=THREAT, seed=5, attacks=0, **others)


def test_names_are_those_of_all_figures():
    assert set(TRAINED) == {f"ntk-trained-{measure}" for measure in (*PATH_MEASURES, *MEASURES)}
    assert set(TRAINED) < set(PROXIES)


def test_scores_are_of_a_copy_that_was_trained_on_the_images_of_calibration():
    asked = probe(calibration=IMAGES, calibration_labels=LABELS)
    before = copy.deepcopy(asked.network.state_dict())
    found = score_network(asked, TRAINED)
    assert all(torch.equal(value, before[name]) for name, value in asked.network.state_dict().items())
    twin = copy.deepcopy(asked.network)
    part = robnas.data.Images((IMAGES * 255).round().to(torch.uint8), LABELS)
    data = robnas.data.Dataset("any", 4, {"train": part}, (0.0,), (1.0,))
    robnas.train(twin, data, short_recipe(THREAT), seed=5)
    start, end = (empirical_ntk(network, IMAGES[:8], calibration=IMAGES) for network in (asked.network, twin))
    for name, measure in MEASURES.items():
        assert found[f"ntk-trained-{name}"].value == pytest.approx(measure(end, LABELS[:8].numpy()))
    change = np.linalg.norm(end - start) / np.linalg.norm(start)
    assert found["ntk-trained-change"].value == pytest.approx(change)
    assert 0 < found["ntk-trained-target-alignment"].value < 1


def test_all_scores_of_a_probe_share_one_training(monkeypatch):
    from robnas.proxies import _probe

    calls, wanted = [], _probe.short_training
    monkeypatch.setattr(_probe, "short_training", lambda *given: calls.append(given) or wanted(*given))
    score_network(probe(), TRAINED)
    assert len(calls) == 1
    assert torch.equal(calls[0][1], IMAGES[:8])  # those of the kernel, as no others are known with labels


def test_batches_know_the_labels_of_their_calibration():
    data = load_data("digits")
    asked = probe_architecture("323133", data, seed=0, settings=ProxySettings(images=16, calibration=32), attacks=0)
    train = data.split("train")
    images = [image.tobytes() for image in train.images.numpy()]
    for image, label in zip(asked.calibration, asked.calibration_labels, strict=True):
        place = images.index((image * 255).round().to(torch.uint8).numpy().tobytes())
        assert label == train.labels[place]


def test_the_short_recipe_is_that_of_the_digits_at_the_radius_of_the_probe():
    assert short_recipe(THREAT).hash == Recipe.digits().replace(epochs=2).hash
    assert short_recipe(robnas.ThreatModel.linf("8/255")).attack.threat.epsilon == pytest.approx(8 / 255)


def test_a_network_that_does_not_depend_on_its_input_has_no_alignment():
    found = score_network(probe("000000"), TRAINED)
    for measure in ("target-alignment", "lambda-min", "condition", "log-determinant", "label-alignment", "overlap"):
        assert found[f"ntk-trained-{measure}"].value is None, measure
        assert found[f"ntk-trained-{measure}"].reason
    assert np.isfinite(found["ntk-trained-change"].value)


def test_what_cannot_be_trained_on_or_diverges_is_missing_with_the_reason(monkeypatch):
    outside = score_network(probe(images=IMAGES + 0.5), TRAINED)
    assert {one.value for one in outside.values()} == {None}
    assert outside["ntk-trained-change"].reason == "some images are outside [0, 1], and nothing is trained on those"

    def diverge(*_, **__):
        raise DivergedError(1, 2, float("nan"))

    monkeypatch.setattr("robnas.proxies._short_training.train_with_kernels", diverge)
    assert "training diverged" in score_network(probe(), ["ntk-trained-change"])["ntk-trained-change"].reason


def test_labels_of_calibration_belong_to_its_images():
    with pytest.raises(InputError, match="calibration labels: expected one per image of calibration"):
        probe(calibration=IMAGES, calibration_labels=LABELS[:3])
    with pytest.raises(InputError, match="calibration labels"):
        probe(calibration_labels=LABELS)


def test_equal_seeds_give_equal_scores():
    space = robnas.spaces.SPACES["nas-bench-201"].configure(channels=2, cells=1)
    settings = ProxySettings(images=16, calibration=32, kernel=NTKSettings(reduction="sum"))
    names = ["ntk-trained-change", "ntk-trained-target-alignment"]
    first, second, other = (
        score("323133", load_data("digits"), names, space=space, settings=settings, seed=seed) for seed in (0, 0, 1)
    )
    assert first == second != other
