"""Any space is scored, written and gone on with; what one space alone has says so at the start."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import robnas
from robnas.benchmarks import Scores, read_scores
from robnas.errors import DataError, InputError, MemoryLimitError
from robnas.kernels import NTKSettings
from robnas.networks import count
from robnas.proxies import (
    CHEAP,
    PROXIES,
    SCALES,
    Probe,
    ProxySettings,
    probe_architecture,
    score,
    score_many,
    score_network,
    score_settings,
    selected,
)
from robnas.spaces import SPACES, Architecture, Gene, Space, TheorySpace
from robnas.surrogates import fit_few_shot, structure
from tests.proxies.toy import GENES, SPACE, build

SETTINGS = ProxySettings(images=8, calibration=16)
TEXTS = ["depth=1,activation=relu,width=2", "depth=3,activation=relu,width=6", "depth=2,activation=gelu,width=3"]
NAMES = ["nwot", "synflow"]


@pytest.fixture(scope="module")
def digits():
    return robnas.load_data("digits")


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(SPACES, "toy", SPACE)
    return SPACE


def many(digits, texts=TEXTS, names=NAMES, **options):
    return score_many(texts, digits, names, **{"space": SPACE, "settings": SETTINGS, **options})


def test_a_space_of_ones_own_has_every_score_but_those_of_another_space(digits):
    found = score(TEXTS[1], digits, ["all", "trained"], space=SPACE, settings=SETTINGS)
    assert list(found) == [name for name in PROXIES if not hasattr(PROXIES[name], "space")]
    undefined = [name for name, one in found.items() if one.mean is None]
    assert all("log-determinant" in name or "condition" in name or "lambda-min" in name for name in undefined)
    smooth = score(TEXTS[2], digits, ["cheap"], space=SPACE, settings=SETTINGS)
    missing = {name: one.reason for name, one in smooth.items() if one.mean is None}
    assert set(missing) == {"nwot", "zen"}
    assert all("no ReLU" in reason for reason in missing.values())


def test_architectures_of_a_registered_space_bring_it(digits, registered):
    arch = SPACE.parse(TEXTS[0])
    assert score(arch, digits, NAMES, settings=SETTINGS) == score(
        TEXTS[0], digits, NAMES, space="toy", settings=SETTINGS
    )
    assert list(score_many([arch], digits, NAMES, settings=SETTINGS)) == [TEXTS[0]]
    with pytest.raises(InputError, match=r"architecture: expected one of space toy, got 323133, which belongs to nas"):
        score_many([arch, Architecture("323133")], digits, NAMES, settings=SETTINGS)


def test_settings_of_the_space_decide_the_network(digits):
    small, named = (
        score("323133", digits, ["parameters"], space=space, settings=SETTINGS)
        for space in (SPACES["nas-bench-201"].configure(channels=4, cells=1), "nas-bench-201:channels=4,cells=1")
    )
    assert small == named
    with pytest.warns(DeprecationWarning, match="the size of the network is a setting of the space: give space="):
        former = ProxySettings(images=8, calibration=16, channels=4, cells=1)
    assert score("323133", digits, ["parameters"], settings=former) == small
    counts = count("323133", live=True, channels=4, cells=1, in_channels=1)
    assert small["parameters"].mean >= counts.parameters
    with pytest.raises(InputError, match="settings of space toy: expected none, because it has none, got channels"):
        score(TEXTS[0], digits, ["parameters"], space=SPACE, settings=former)


def test_sizes_are_those_of_the_network(digits):
    for text in TEXTS:
        found = score(text, digits, ["parameters", "macs", "convolutions"], space=SPACE, settings=SETTINGS)
        network = probe_architecture(text, digits, seed=0, space=SPACE, settings=SETTINGS).network
        counts = count(network, input_size=8, in_channels=1)
        assert (found["parameters"].mean, found["macs"].mean) == (counts.parameters, counts.macs)
        assert found["convolutions"].mean == SPACE.parse(text).genes["depth"]


def test_a_score_of_another_space_is_refused_before_anything_is_computed(digits, tmp_path):
    line = "top_score: expected an architecture of nas-bench-201, got those of toy; score without top_score"
    for call in (
        lambda: score(TEXTS[0], digits, ["nwot", "top_score"], space=SPACE, settings=SETTINGS),
        lambda: many(digits, names=["nwot", "top_score"], out=tmp_path / "scores.parquet"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert str(error.value) == line
    assert not list(tmp_path.iterdir())
    assert "top_score" not in selected(["cheap"], SPACE)
    assert "top_score" in selected(["cheap"], SPACES["nas-bench-201"])
    assert selected(["cheap"]) == list(CHEAP)


def test_a_file_carries_space_and_texts_and_reads_back(digits, tmp_path, registered):
    path = tmp_path / "scores.parquet"
    found = many(digits, out=path)
    kept = read_scores(path)
    assert (kept.space, kept.codes) == (SPACE, tuple(sorted(TEXTS)))
    assert kept.by_code("nwot") == {text: one["nwot"].mean for text, one in found.items() if one["nwot"].mean}
    assert (kept.settings["space"], kept.settings["space_version"]) == ("toy", SPACE.fingerprint)
    assert kept.settings == score_settings(digits, NAMES, 1, 0, SETTINGS, SPACE)
    assert many(digits, [*TEXTS, "depth=1,activation=gelu,width=2"], out=path).keys() > found.keys()


def test_a_file_of_an_unknown_or_changed_space_says_how_to_give_it(digits, tmp_path, monkeypatch):
    path = tmp_path / "scores.parquet"
    many(digits, TEXTS[:1], out=path)
    assert read_scores(path, SPACE).codes == (TEXTS[0],)
    with pytest.raises(DataError, match=r"expected scores in one of nas-.*, got 'toy'; a space .* --import FILE"):
        read_scores(path)
    changed = Space("toy", genes=[*GENES[:2], Gene("width", (2, 3, 4, 8))], build=build)
    monkeypatch.setitem(SPACES, "toy", changed)
    with pytest.raises(DataError, match=r"scores.parquet, version of toy: expected .*, got .*; bring the space as"):
        read_scores(path)
    with pytest.raises(DataError, match=r"version of toy: expected"):
        many(digits, TEXTS[:1], space=changed, out=path)


def test_scores_of_another_space_or_size_are_not_mixed(digits, tmp_path):
    path = tmp_path / "scores.parquet"
    cells = SPACES["nas-bench-201"].configure(channels=2, cells=1)
    many(digits, ["323133"], space=cells, out=path)
    for texts, space in ((["323133"], cells.configure(cells=2)), (TEXTS, SPACE)):
        with pytest.raises(InputError, match=r"scores.parquet, made with space: expected .*, got .*are not mixed"):
            many(digits, texts, space=space, out=path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_finished_is_not_computed_again(digits, tmp_path, overwrite, jobs):
    path, part = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    original, seen = PROXIES["nwot"], []

    def nwot(probe):
        seen.append(1)
        if len(seen) == 3:
            raise MemoryError
        return original(probe)

    overwrite(PROXIES, "nwot", nwot)
    with pytest.raises(MemoryError):
        many(digits, out=path)
    overwrite.undo()
    head, *rows = map(json.loads, part.read_text().splitlines())
    assert [row["architecture"] for row in rows] == TEXTS[:2]
    assert head["settings"]["space"] == "toy"
    found = many(digits, jobs=jobs, out=path)
    assert list(found) == TEXTS
    assert [one["nwot"].values for one in found.values()][:2] == [
        tuple(row["scores"]["nwot"]["values"]) for row in rows
    ]
    assert not part.exists()


def test_files_of_the_version_that_knew_one_space_go_on(digits, tmp_path):
    """They say channels and cells among the settings, and no space."""
    cells = SPACES["nas-bench-201"].configure(channels=2, cells=1)
    settings = score_settings(digits, NAMES, 1, 0, SETTINGS, cells)
    former = {name: value for name, value in settings.items() if name not in ("space", "space_version")}
    former |= {"channels": 2, "cells": 1}
    path, part = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    Scores(("323133",), tuple(NAMES), np.array([[1.5, 2.5]]), np.full((1, 2), np.nan), {}, former).write(path)
    part.write_text(
        json.dumps({"settings": former})
        + "\n"
        + json.dumps({"architecture": "444444", "scores": {name: {"values": [9], "reason": ""} for name in NAMES}})
        + "\n"
    )
    found = many(digits, ["323133", "444444", "000000"], space=cells, out=path)
    assert [found[code]["nwot"].mean for code in ("323133", "444444")] == [1.5, 9]
    assert read_scores(path).settings == settings
    with pytest.raises(
        InputError, match=r"made with space: expected .*channels=16,cells=5.*, got .*channels=2,cells=1"
    ):
        many(digits, ["323133"], space=SPACES["nas-bench-201"], out=path)


def test_a_space_that_cannot_travel_is_scored_by_one_process(digits):
    here = Space("here", genes=GENES, build=lambda genes, **sizes: build(genes, **sizes))
    assert many(digits, TEXTS[:1], space=here)[TEXTS[0]]["nwot"].mean is not None
    with pytest.raises(InputError, match="jobs: expected 1 for a proxy or a space that cannot travel"):
        many(digits, space=here, jobs=2)


def test_a_space_too_large_to_list_is_scored_by_samples(digits):
    layers = [Gene(f"width{place}", tuple(range(1, 11))) for place in range(40)]
    large = Space(
        "large", genes=layers, build=lambda genes, **sizes: build({**SMALL, "width": genes["width0"]}, **sizes)
    )
    archs = large.sample(np.random.default_rng(0), 2)
    found = many(digits, archs, space=large)
    assert list(found) == [arch.text for arch in archs]
    with pytest.raises(InputError, match=r"space large, scoring it all: expected at most 1,000,000 architectures, got"):
        score_many(large, digits, NAMES, settings=SETTINGS)


def test_a_space_itself_stands_for_all_its_architectures(digits):
    few = Space("few", genes=[Gene("depth", (1, 2)), Gene("activation", ("relu",)), Gene("width", (2,))], build=build)
    assert list(score_many(few, digits, NAMES, settings=SETTINGS)) == [arch.text for arch in few]


SMALL = {"depth": 1, "activation": "relu"}


def test_a_few_shot_fit_reads_the_encoding_of_any_space():
    archs = list(SPACE)
    np.testing.assert_array_equal(structure(archs, SPACE), SPACE.encode(archs))
    values = np.array([arch.genes["depth"] + 0.1 * arch.genes["width"] for arch in archs])
    order = np.random.default_rng(0).permutation(len(archs))
    known, others = order[:16], order[16:]
    model = fit_few_shot([archs[place] for place in known], (), values[known], proxies=False, space=SPACE)
    guess = model.predict([archs[place] for place in others])
    assert np.corrcoef(guess, values[others])[0, 1] > 0.9
    rng = np.random.default_rng(1)
    scores = [dict(zip(SCALES, rng.uniform(1, 9, len(SCALES)).tolist(), strict=True)) for _ in archs]
    both = fit_few_shot(archs, scores, values, space=SPACE, pool=(archs, scores))
    assert both.predict(archs, scores).shape == (24,)
    with pytest.raises(InputError, match="expected one of space toy, got 323133, which belongs to nas-bench-201"):
        model.predict([Architecture("323133")])


@pytest.mark.parametrize("text", ["fc:relu,relu:0", "conv3-pool:relu,gelu:1", "fc:silu,sigmoid:1"])
def test_architectures_of_the_theory_space_are_scored_as_classifiers(digits, text, tmp_path):
    space = TheorySpace(depth=3, kernel_sizes=(0, 3), readout="pool")
    found = score_many([text], digits, ["cheap", "ntk-clean-trace"], space=space, settings=SETTINGS,
                       out=tmp_path / "scores.parquet")[text]  # fmt: skip
    assert read_scores(tmp_path / "scores.parquet").space == space
    network = probe_architecture(text, digits, seed=0, space=space, settings=SETTINGS).network
    assert found["macs"].mean == count(network, input_size=8, in_channels=1).macs
    assert found["parameters"].mean == sum(parameter.numel() for parameter in network.parameters())
    assert found["ntk-clean-trace"].mean > 0
    assert {name for name, one in found.items() if one.mean is None} <= {"nwot", "zen", "grasp"}


def test_multiplications_outside_of_layers_count(digits):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.head = nn.Conv2d(1, 4, 1), nn.Linear(4, 10)

        def forward(self, x):
            tokens = self.query(x).flatten(2).transpose(1, 2)  # (n, 64, 4)
            return self.head((tokens @ tokens.mT).softmax(2).matmul(tokens).mean(1))

    images, labels = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 4
    found = score_network(Probe(Attention(), images, labels), ["macs", "robust_score"])
    assert found["macs"].value == 64 * 4 + 2 * 64 * 64 * 4 + 40
    assert found["robust_score"].value is not None


def fragile(genes, **sizes):
    if genes["depth"] == 2:
        raise KeyError("depth")
    network = build(genes, **sizes)
    if genes["depth"] == 3:
        network.insert(0, nn.RMSNorm(sizes["image_size"]))  # which kernels do not know
    return network


FRAGILE = Space("fragile", genes=GENES, build=fragile)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_network_that_cannot_be_built_or_scored_is_missing_and_stops_no_other(digits, tmp_path, jobs):
    path, names = tmp_path / "scores.parquet", ["parameters", "ntk-clean-trace"]
    first, *others = (f"depth={depth},activation=relu,width=2" for depth in (1, 2, 3))
    many(digits, [first], names, space=FRAGILE, out=path)
    found = many(digits, [*others, first], names, space=FRAGILE, out=path, jobs=jobs)
    broken, unknown, fine = (found[text]["ntk-clean-trace"] for text in (*others, first))
    assert broken.reason == f"build of space fragile: expected a network of {others[0]}, got KeyError ('depth')"
    assert "layer 0: expected one of Linear, " in unknown.reason
    assert fine.mean is not None
    kept = read_scores(path, FRAGILE)
    assert kept.by_code("ntk-clean-trace") == {first: fine.mean}
    assert kept.reasons[others[0], "parameters"] == broken.reason


def test_if_the_first_cannot_be_scored_nothing_else_is_tried(digits):
    for depth, line in ((2, "build of space fragile: expected a network of"), (3, "layer 0: expected one of Linear")):
        with pytest.raises(InputError, match=line):
            many(digits, [f"depth={depth},activation=relu,width=2", TEXTS[0]], ["ntk-clean-trace"], space=FRAGILE)


def test_a_limit_of_memory_is_no_property_of_a_network(digits, tmp_path):
    """More memory mends it, so nothing is written of it."""
    tight = ProxySettings(images=8, calibration=16, kernel=NTKSettings(memory_mib=0.001))
    path = tmp_path / "scores.parquet"
    many(digits, TEXTS[:1], ["ntk-clean-trace"], settings=SETTINGS, out=path)
    with pytest.raises(MemoryLimitError, match="memory_mib: expected at least"):
        many(digits, TEXTS[:2], ["ntk-clean-trace"], settings=tight, out=path)
    assert many(digits, TEXTS[:2], ["ntk-clean-trace"], out=path)[TEXTS[1]]["ntk-clean-trace"].mean is not None
