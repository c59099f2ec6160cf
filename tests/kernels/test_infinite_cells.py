"""Kernels of infinitely wide networks of cells: against a slow reference, against networks of finite width, by hand."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.kernels import (
    InfiniteCellKernel,
    NTKSettings,
    RobustKernels,
    empirical_ntk,
    infinite_cell_kernels,
    infinite_cell_ntk,
)
from robnas.kernels.nas_bench_201._program import Program
from robnas.networks import build_wide_cell_network
from robnas.spaces import SIZE, CellArchitecture, partition
from tests.reference.infinite_cells import infinite_cell_kernels as written_out

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "neural_tangents_cells_0_6_5.json").read_text())
CODES = (
    "000000", "000100", "000400", "000300", "000200", "111111", "444444", "333333", "323133", "441414", "314141",
    "301011", "330011", "344141", "433134", "011011", "140313",
)  # fmt: skip


def images(*shape, count=3, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, *shape))
    found[1] += 0.7 * found[0]
    return found


@pytest.mark.parametrize("scaling", ["unit", "centred", "he"])
@pytest.mark.parametrize(("shape", "cells"), [((2, 4, 4), 1), ((1, 5, 3), 2), ((3, 1, 2), 1)])
def test_cells_that_share_steps_equal_the_reference(shape, cells, scaling):
    x = images(*shape)
    x[0, :, 0] = 0  # as the borders of digits
    found = dict(infinite_cell_kernels(CODES, x, cells=cells, scaling=scaling))
    for code in CODES:
        ntk, nngp = written_out(code, x, cells=cells, scaling=scaling)
        kernels = found[CellArchitecture(code)]
        for mine, wanted in ((kernels.ntk, ntk), (kernels.nngp, nngp)):
            np.testing.assert_allclose(mine, wanted, atol=1e-8 * np.abs(wanted).max())


def test_cells_where_no_map_meets_itself_agree_with_neural_tangents():
    for arch, found in infinite_cell_kernels(GOLDEN["cases"], GOLDEN["inputs"], cells=1, scaling="he"):
        case = GOLDEN["cases"][arch.code]
        np.testing.assert_allclose(found.ntk, case["ntk"], rtol=1e-9)
        np.testing.assert_allclose(found.nngp, case["nngp"], rtol=1e-9)


def finite(code, x, width, draws, scaling="unit", cells=1):
    """Kernels and covariances of the outputs, given all weights but the read-out's, of random networks."""
    inputs, kernels, covariances = torch.tensor(x), [], []
    for seed in range(draws):
        network = build_wide_cell_network(
            code, width=width, in_channels=x.shape[1], cells=cells, scaling=scaling, calibration=inputs, seed=seed,
            dtype=torch.float64,
        )  # fmt: skip
        kernels.append(empirical_ntk(network, inputs, settings=NTKSettings(reduction="sum")))
        read = []
        handle = network.readout.register_forward_pre_hook(lambda _, given, read=read: read.append(given[0]))
        network(inputs)
        handle.remove()
        covariances.append((read[0] @ read[0].T).detach().numpy())
    return [(np.mean(one, axis=0), np.std(one, axis=0, ddof=1) / draws**0.5) for one in (kernels, covariances)]


def limit(code, x, scaling, width=8, draws=24):
    """What the kernels of widths m and 2m tend to, and its standard error: the difference falls as 1/m."""
    narrow, wide = (finite(code, x, m, draws, scaling) for m in (width, 2 * width))
    return [(2 * b - a, np.hypot(2 * e, f)) for (a, f), (b, e) in zip(narrow, wide, strict=True)]


@pytest.mark.parametrize(("code", "scaling"), [("301341", "unit"), ("414141", "he"), ("301341", "centred")])
def test_wide_networks_have_the_kernels_of_the_recursion(code, scaling):
    """A convolution, and the input, that arrive on several ways, some of them pooled."""
    x = images(2, 4, 4)
    ((_, wanted),) = infinite_cell_kernels([code], x, cells=1, scaling=scaling)
    for (mean, error), kernel in zip(limit(code, x, scaling), (wanted.ntk, wanted.nngp), strict=True):
        assert (np.abs(mean - kernel) < 4 * error).all()
        assert (error < 0.5 * np.abs(kernel).max()).all()


def test_one_convolution_that_is_used_twice_is_not_two_convolutions():
    x = images(2, 4, 4)
    found = dict(infinite_cell_kernels(["301011", "330011"], x, cells=1, scaling="he"))
    shared, two = (kernels.nngp for kernels in found.values())
    mean, error = limit("301011", x, "he")[1]
    assert (np.abs(mean - shared) < 4 * error).all()
    assert (np.abs(mean - two) > 4 * error).any()


def test_cells_with_equal_functions_have_one_kernel():
    program, classes, seen = Program(1), partition("effective"), {}
    for index in np.random.default_rng(0).permutation(SIZE)[:4000]:
        step = program.add(CellArchitecture.from_index(int(index)))
        assert seen.setdefault(classes.class_of[index], step) == step


def test_architectures_come_in_the_order_of_digits_each_as_often_as_it_is_given():
    x = images(1, 3, 3)
    found = list(infinite_cell_kernels(["323133", "000000", "323133"], x, cells=1))
    assert [arch.code for arch, _ in found] == ["000000", "323133", "323133"]
    assert not found[0][1].ntk.any()
    found[1][1].ntk[:] = 0
    assert found[2][1].ntk.all()
    assert list(infinite_cell_kernels([], x)) == []


@pytest.mark.parametrize("memory", [4, 1])
def test_memory_decides_nothing_but_the_blocks(memory):
    codes, x = ("323133", "414141", "000300"), images(1, 4, 4, count=9)
    wanted = dict(infinite_cell_kernels(codes, x, cells=1))
    for arch, found in infinite_cell_kernels(codes, x, cells=1, memory_mib=memory):
        np.testing.assert_allclose(found.ntk, wanted[arch].ntk, rtol=1e-12)
        np.testing.assert_allclose(found.nngp, wanted[arch].nngp, rtol=1e-12)
        assert np.linalg.eigvalsh(found.ntk)[0] > 0
    order = np.random.default_rng(1).permutation(9)
    permuted = infinite_cell_ntk("323133", x[order], cells=1)
    np.testing.assert_allclose(permuted, wanted[CellArchitecture("323133")].ntk[np.ix_(order, order)], rtol=1e-12)


@pytest.mark.parametrize("memory", [2, 5])
def test_working_memory_stays_below_the_limit(memory):
    codes, x = ("323133", "341414"), images(1, 6, 6, count=10)
    list(infinite_cell_kernels(codes, x[:2], cells=1))  # what is imported or made once
    tracemalloc.start()
    try:
        list(infinite_cell_kernels(codes, x, cells=1, scaling="he", memory_mib=memory))
        assert tracemalloc.get_traced_memory()[1] < memory * 2**20
    finally:
        tracemalloc.stop()


def test_the_least_memory_is_said_and_is_enough():
    x = images(1, 8, 8, count=6)
    with pytest.raises(InputError, match=r"memory_mib: expected at least 2\.\d+, got 1$") as error:
        infinite_cell_ntk("323133", x, cells=1, memory_mib=1)
    least = float(str(error.value).split("at least ")[1].split(",")[0])
    assert infinite_cell_ntk("323133", x, cells=1, memory_mib=1.001 * least).shape == (6, 6)


@pytest.mark.parametrize("scaling", ["unit", "centred"])
def test_blocks_between_other_images_are_of_the_same_network(scaling):
    x, code = images(2, 4, 4, count=7), "433134"
    same = {"cells": 1, "calibration": x[:4], "scaling": scaling}
    whole = infinite_cell_ntk(code, x, **same)
    np.testing.assert_allclose(infinite_cell_ntk(code, x[2:4], x[4:], **same), whole[2:4, 4:], rtol=1e-9)
    assert np.linalg.eigvalsh(whole)[0] > 0
    kernel = InfiniteCellKernel(code, **same)
    np.testing.assert_allclose(kernel(x[4:], x), whole[4:], rtol=1e-7)
    np.testing.assert_allclose(kernel(x[:1]), whole[:1, :1], rtol=1e-9)
    np.testing.assert_allclose(kernel.diagonal(x), np.diag(whole), rtol=1e-9)


def test_kernels_of_a_kind_are_functions_of_images():
    x, code = images(2, 4, 4, count=4), "433134"
    nngp = InfiniteCellKernel(code, cells=1, scaling="he", kind="nngp")
    ((_, both),) = infinite_cell_kernels([code], x, cells=1, scaling="he")
    np.testing.assert_allclose(nngp(x), both.nngp, rtol=1e-12)
    np.testing.assert_allclose(nngp.diagonal(x), np.diag(both.nngp), rtol=1e-12)


def test_five_kernels_of_images_that_no_attack_moved_are_equal():
    x = images(1, 4, 4, count=4)
    stack = np.concatenate([x, x, x])
    five = RobustKernels.from_stack(infinite_cell_ntk("323133", stack, cells=1, calibration=x))
    for other in (five.cross, five.robust, five.cross_twice, five.twice):
        np.testing.assert_allclose(other, five.clean, rtol=1e-9)
    np.testing.assert_allclose(five.clean, infinite_cell_ntk("323133", x, cells=1), rtol=1e-9)


def test_brighter_images_have_larger_kernels_unless_branches_are_scaled():
    x = images(1, 4, 4)
    for scaling, factor in (("he", 9), ("unit", 1), ("centred", 1)):
        found, brighter = (infinite_cell_ntk("341414", one, cells=2, scaling=scaling) for one in (x, 3 * x))
        np.testing.assert_allclose(brighter, factor * found, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"inputs": np.ones((3, 8, 8))}, r"inputs: expected shape \(n, channels, height, width\), got \(3, 8, 8\)"),
        ({"inputs": np.full((3, 1, 4, 4), np.nan)}, "inputs: expected finite numbers, got nan or infinity"),
        ({"others": images(1, 4, 4)}, "calibration: expected images that fix the scales, as all entries .* got none"),
        ({"others": images(1, 4, 3), "scaling": "he"}, "images of a kernel: expected one shape of an image, got"),
        ({"calibration": images(1, 4, 3)}, "images of a kernel: expected one shape of an image, got"),
        ({"scaling": "batch-norm"}, "scaling of branches: expected one of unit, centred, he, got 'batch-norm'"),
        (
            {"inputs": np.ones((2, 1, 1, 1)), "scaling": "centred"},
            "calibration: expected images that differ, got a map that does not",
        ),
        ({"cells": 0}, "cells: expected at least 1, got 0"),
        ({"memory_mib": -1}, "memory_mib: expected at least 0, got -1"),
        ({"architecture": "32313"}, "architecture"),
        ({"inputs": 1e-90 * images(1, 4, 4), "scaling": "he"}, "variance in front of a ReLU: expected zero or between"),
        ({"inputs": 1e90 * images(1, 4, 4), "scaling": "he"}, "variance in front of a ReLU: expected zero or between"),
    ],
)
def test_bad_inputs(arguments, text):
    with pytest.raises(InputError, match=text):
        infinite_cell_ntk(**({"architecture": "323133", "inputs": images(1, 4, 4), "cells": 1} | arguments))


def test_bad_kernels():
    arch = CellArchitecture("323133")
    with pytest.raises(InputError, match="architecture"):
        InfiniteCellKernel("32313", scaling="he")
    with pytest.raises(InputError, match="calibration: expected images that fix the scales"):
        InfiniteCellKernel(arch)
    with pytest.raises(InputError, match="kind of a kernel: expected one of ntk, nngp, got 'k'"):
        InfiniteCellKernel(arch, scaling="he", kind="k")


def test_units_are_measured_when_the_network_is_built():
    x = torch.tensor(images(2, 4, 4))
    network = build_wide_cell_network("323133", width=8, in_channels=2, cells=1, calibration=x, dtype=torch.float64)
    seen = []
    for module in network.modules():
        if type(module).__name__ == "Scaled":
            module.register_forward_hook(lambda _, given, result: seen.append(float(result.detach().square().mean())))
    network(x)
    np.testing.assert_allclose(seen, 1, rtol=1e-12)
    assert len(seen) == 1 + 3 * 5 + 2 * 2 + 1
    torch.testing.assert_close(network(x[:1]), network(x)[:1])  # images do not see each other
    centred = build_wide_cell_network(
        "323133", width=8, in_channels=2, cells=1, scaling="centred", calibration=x, dtype=torch.float64
    )
    first = centred.stem_scaled(centred.stem(x / 18**0.5)).detach()
    assert float(first.mean(dim=(0, 2, 3)).abs().max()) < 1e-12
    assert float(first.square().mean()) == pytest.approx(1)
    he = build_wide_cell_network("323133", width=8, in_channels=2, cells=1, scaling="he", dtype=torch.float64)
    torch.testing.assert_close(he(3 * x), 3 * he(x))


def test_bad_networks():
    with pytest.raises(InputError, match=r"calibration: expected images of shape \(n, 3, height, width\), got none"):
        build_wide_cell_network("323133", width=8)
    with pytest.raises(InputError, match=r"calibration: expected images of shape .* got \(1, 1, 4, 4\)"):
        build_wide_cell_network("323133", width=8, calibration=torch.ones(1, 1, 4, 4))
    with pytest.raises(InputError, match="scaling of branches: expected one of unit, centred, he, got 'no'"):
        build_wide_cell_network("323133", width=8, scaling="no")
    with pytest.raises(InputError, match="calibration: expected images that differ, got a map that does not"):
        build_wide_cell_network("323133", width=8, scaling="centred", calibration=torch.ones(2, 3, 1, 1))
    with pytest.raises(InputError, match="width: expected at least 1, got 0"):
        build_wide_cell_network("323133", width=0, scaling="he")
