"""Figures of kernels that move."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.kernels import MEASURES, PATH_MEASURES, KernelPath

LABELS = np.arange(12) % 3


def random_kernels(count, size=12, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, size, 20))
    return rows @ rows.transpose(0, 2, 1)


def test_the_start_has_not_moved():
    path = KernelPath(random_kernels(3), LABELS)
    assert path.change[0] == path.distance[0] == 0
    assert path.overlap()[0] == pytest.approx(1)
    assert (path.change[1:] > 0.1).all()
    assert (path.distance[1:] > 0.01).all()
    assert (path.overlap()[1:] < 0.9).all()


def test_figures_are_their_definitions():
    path = KernelPath(random_kernels(4), LABELS)
    one_hot = np.eye(3)[LABELS]
    centre = np.eye(12) - 1 / 12
    for number, kernel in enumerate(path.kernels):
        start, norm = path.kernels[0], np.linalg.norm
        assert path.change[number] == pytest.approx(norm(kernel - start) / norm(start))
        cosine = np.trace(kernel @ start.T) / norm(kernel) / norm(start)
        assert path.distance[number] == pytest.approx(1 - cosine, abs=1e-14)
        centred, wanted = centre @ kernel @ centre, centre @ one_hot @ one_hot.T @ centre
        assert path.target_alignment[number] == pytest.approx((centred * wanted).sum() / norm(centred) / norm(wanted))
        tops = [np.linalg.svd(each)[0][:, :2] for each in (start, kernel)]
        cosines = np.linalg.svd(tops[0].T @ tops[1], compute_uv=False)
        assert path.overlap(2)[number] == pytest.approx((cosines**2).mean())
        assert path.measured("label-alignment")[number] == MEASURES["label-alignment"](kernel, LABELS)
        np.testing.assert_allclose(path.eigenvalues[number], np.linalg.eigvalsh(kernel)[::-1])
    for name, figure in PATH_MEASURES.items():
        np.testing.assert_array_equal(path.measured(name), figure(path))


def test_lists_will_do():
    kernels = random_kernels(2)
    path, wanted = KernelPath([one.tolist() for one in kernels], LABELS.tolist()), KernelPath(kernels, LABELS)
    np.testing.assert_array_equal(path.overlap(), wanted.overlap())
    np.testing.assert_array_equal(path.target_alignment, wanted.target_alignment)


def test_scale_changes_the_kernel_and_not_its_shape():
    start = random_kernels(1)[0]
    path = KernelPath(np.stack([start, 3 * start]), LABELS)
    assert path.change[1] == pytest.approx(2)
    assert path.distance[1] == pytest.approx(0, abs=1e-15)
    assert path.target_alignment[1] == pytest.approx(path.target_alignment[0])
    assert path.overlap()[1] == pytest.approx(1)


def test_the_kernel_of_the_labels_is_aligned_with_them_wholly():
    one_hot = np.eye(3)[LABELS]
    for shift in (0, 5):  # a constant, such as that of a bias, is no alignment
        path = KernelPath([random_kernels(1)[0], one_hot @ one_hot.T + shift], LABELS)
        assert path.target_alignment[1] == pytest.approx(1)
    two = np.where(LABELS == 0, "cat", "dog")
    assert KernelPath([np.outer(two == "cat", two == "cat") * 1.0], two).target_alignment[0] == pytest.approx(1)


def test_top_eigenvectors_keep_their_direction_from_epoch_to_epoch():
    start = random_kernels(1)[0]
    drift = random_kernels(1, seed=1)[0]
    path = KernelPath([start + step * 0.01 * drift for step in range(6)], LABELS)
    top = path.eigenvectors(3)
    assert top.shape == (6, 12, 3)
    assert ((top[1:] * top[:-1]).sum(1) > 0.9).all()
    for kernel, values, vectors in zip(path.kernels, path.eigenvalues, top, strict=True):
        np.testing.assert_allclose(kernel @ vectors, vectors * values[:3])
    assert path.eigenvectors().shape == (6, 12, 3)


def test_an_eigenspace_that_is_not_defined_overlaps_with_nothing():
    kernel = random_kernels(1)[0]
    flat = np.diag([3.0, 2, 2, 1, *[0.5] * 8])
    path = KernelPath([kernel, flat], LABELS)
    assert np.isnan(path.overlap(2)[1])  # the second and the third eigenvalue are equal
    assert np.isfinite(path.overlap(3)[1])
    low = np.outer(np.arange(12.0), np.arange(12.0))  # of rank one
    path = KernelPath([kernel, low], LABELS)
    assert np.isfinite(path.overlap(1)[1])
    assert np.isnan(path.overlap(2)[1])
    assert np.isnan(KernelPath([low, kernel], LABELS).overlap(2)).all()


def test_figures_of_zero_and_infinite_kernels_are_missing_and_warn_of_nothing():
    kernel, zero = random_kernels(1)[0], np.zeros((12, 12))
    broken = kernel.copy()
    broken[0, 1] = broken[1, 0] = np.inf
    path = KernelPath([kernel, zero, broken, np.full((12, 12), 7.0)], LABELS)
    assert path.change[1] == 1
    assert np.isnan(path.change[2])
    assert np.isnan(path.distance[1:3]).all()
    assert np.isnan(path.target_alignment[1:]).all()
    assert np.isnan(path.overlap()[1:]).all()
    assert np.isnan(path.eigenvectors()[2]).all()
    assert np.isnan(path.measured("trace")[2])
    assert path.measured("lambda-min")[1] == -np.inf
    nowhere = KernelPath([zero, kernel], LABELS)
    assert np.isnan([nowhere.change, nowhere.distance, nowhere.overlap()]).all()


@pytest.mark.parametrize(
    ("kernels", "labels", "said"),
    [
        (np.ones((3, 3)), LABELS, "kernels: expected shape (1 + epochs, n, n), got (3, 3)"),
        (np.ones((0, 3, 3)), LABELS, "kernels: expected shape (1 + epochs, n, n), got (0, 3, 3)"),
        (random_kernels(2), LABELS[:5], "labels: expected 12, one per row of a kernel, got 5"),
        (random_kernels(2), np.zeros(12), "labels: expected at least two classes, got all equal"),
        (np.triu(random_kernels(1)[0])[None], LABELS, "kernel: expected a symmetric matrix"),
    ],
)
def test_what_is_no_path_is_refused(kernels, labels, said):
    with pytest.raises(InputError) as error:
        KernelPath(kernels, labels)
    assert said in str(error.value)


def test_unknown_measures_and_too_many_eigenvectors_are_refused():
    path = KernelPath(random_kernels(2), LABELS)
    with pytest.raises(InputError, match="expected one of"):
        path.measured("speed")
    with pytest.raises(InputError, match="eigenvectors: expected"):
        path.overlap(13)
    with pytest.raises(InputError, match="history: expected 1 epochs"):
        KernelPath(random_kernels(2), LABELS, (None, None, None))
