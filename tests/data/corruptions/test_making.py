"""What is made depends on pixels, seed, index, corruption and severity alone; names and sizes that mean nothing."""

import threading

import numpy as np
import pytest
import torch

from robnas.data import corrupt, corruptions_of, left_out, load_data
from robnas.data._corruptions import _making
from robnas.data._corruptions._draws import Draws
from robnas.errors import InputError
from robnas.types import CORRUPTIONS
from tests.data.conftest import refused
from tests.data.corruptions.conftest import smooth_images

IMAGES = smooth_images(7)
EACH = pytest.mark.parametrize("name", CORRUPTIONS)


def changes(images, name, seed=0):
    """Root mean square change per severity, in grey levels, averaged over images."""
    made = (corrupt(images, name, severity, seed=seed).astype(float) for severity in range(1, 6))
    return np.array([np.sqrt(((one - images) ** 2).mean((1, 2, 3))).mean() for one in made])


# random numbers


def test_numbers_are_the_bits_of_the_counter_based_generator_alone():
    from scipy.special import ndtri

    from robnas._seeds import derive_seed

    key = derive_seed(3, "corruption", "fog", 2)
    raw = np.random.Philox(key=[key, 41]).random_raw(12).reshape(3, 4)
    wanted = (raw >> np.uint64(11)) * 2.0**-53 + 2.0**-54
    assert np.array_equal(Draws(3, "fog", 2, [40, 41]).uniform(3, 4)[1], wanted)
    assert np.array_equal(Draws(3, "fog", 2, [41]).normal(3, 4)[0], ndtri(wanted))
    np.testing.assert_allclose(
        Draws(3, "fog", 2, [41]).uniform(3, 4, low=-2, high=1)[0], 3 * wanted - 2, rtol=0, atol=1e-15
    )


def test_numbers_differ_between_seeds_corruptions_severities_and_images():
    found = [Draws(*what).uniform(1)[0, 0] for what in (
        (0, "fog", 1, [0]), (1, "fog", 1, [0]), (0, "snow", 1, [0]), (0, "fog", 2, [0]), (0, "fog", 1, [1]),
    )]  # fmt: skip
    assert len(set(found)) == 5


def test_uniform_numbers_never_reach_their_ends():
    assert np.isfinite(Draws(0, "fog", 1, range(50)).normal(1000)).all()


# independence


@EACH
def test_an_image_is_changed_alike_in_every_batch_order_and_thread(name, monkeypatch):
    whole = corrupt(IMAGES, name, 4, seed=9)
    assert np.array_equal(corrupt(IMAGES[2:5], name, 4, seed=9, first=2), whole[2:5])
    assert np.array_equal(corrupt(IMAGES[5:6], name, 4, seed=9, first=5), whole[5:6])
    monkeypatch.setattr(_making, "_VALUES", 2 * IMAGES[0].size)  # two at a time
    found = {}
    thread = threading.Thread(target=lambda: found.update(made=corrupt(IMAGES, name, 4, seed=9)))
    thread.start()
    thread.join()
    assert np.array_equal(found["made"], whole)


def test_seeds_change_what_is_random_and_nothing_else():
    for name in CORRUPTIONS:
        same = np.array_equal(corrupt(IMAGES, name, 3, seed=0), corrupt(IMAGES, name, 3, seed=1))
        fixed = name in {
            "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "gaussian_blur",
            "saturate",
        }  # fmt: skip
        assert same == fixed, name


def test_images_and_global_generators_stay_as_they_were():
    before, state = IMAGES.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    for name in CORRUPTIONS:
        corrupt(IMAGES, name, 5, seed=0)
    assert np.array_equal(IMAGES, before)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# types and shapes


@EACH
def test_floats_and_tensors_are_changed_like_grey_levels(name):
    made = corrupt(IMAGES[:2], name, 2, seed=0)
    assert made.dtype == np.uint8
    for kind in (np.float32, np.float64):
        floats = corrupt(IMAGES[:2] / kind(255), name, 2, seed=0)
        assert floats.dtype == kind
        assert np.array_equal(floats, (made / 255).astype(kind))
    tensor = corrupt(torch.from_numpy(IMAGES[:2]), name, 2, seed=0)
    assert tensor.dtype == torch.uint8
    assert np.array_equal(tensor, made)
    half = corrupt(torch.from_numpy(IMAGES[:2] / 255).bfloat16(), "contrast", 2, seed=0)
    assert half.dtype == torch.bfloat16


def test_floats_become_the_nearest_grey_level_first():
    exact = IMAGES[:1] / 255
    assert np.array_equal(corrupt(exact * (1 + 1e-7), "fog", 1, seed=0), corrupt(exact, "fog", 1, seed=0))
    assert np.array_equal(
        corrupt(exact + 0.4 / 255 * (exact < 0.9), "fog", 1, seed=0), corrupt(exact, "fog", 1, seed=0)
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 16, 16), (3, 24, 40), (3, 64, 64), (1, 5, 9)], ids=str)
def test_every_size_is_changed_and_no_value_is_lost(shape):
    images = smooth_images(2, *shape)
    for name in corruptions_of(shape):
        made = corrupt(images, name, 5, seed=0)
        assert made.shape == images.shape
        assert not np.array_equal(made, images), name
        assert np.abs(made.astype(float) - images).mean() < 120, name


@pytest.mark.parametrize("level", [0, 255, 128])
def test_images_of_one_grey_level_stay_finite(level):
    images = np.full((2, 3, 32, 32), level, dtype=np.uint8)
    for name in CORRUPTIONS:
        made = corrupt(images, name, 5, seed=0)
        if name in ("defocus_blur", "motion_blur", "zoom_blur", "contrast", "elastic_transform", "pixelate"):
            assert np.array_equal(made, images), name


def test_numbers_of_numpy_are_numbers():
    assert np.array_equal(
        corrupt(IMAGES, np.str_("fog"), np.int64(2), seed=np.int64(3), first=np.int64(1)),
        corrupt(IMAGES, "fog", 2, seed=3, first=1),
    )


# severity


NOT_GROWING = {"elastic_transform", "glass_blur", "motion_blur", "frost", "spatter", "saturate"}
"""As published: the affine part of elastic_transform shrinks while its local part grows; glass_blur has more rounds at
severity 4 but less blur in them; motion_blur has at severity 4 the weights of 3 on a longer line, whose end they do not
reach; frost darkens the image more as it whitens it; spatter is mud from 4 on; saturate takes colour away at 1 and 2
and adds it from 3 on."""


def check_growth(images):
    for name in corruptions_of(images.shape[1:]):
        found = changes(images, name)
        assert (found > 0.5).all(), name
        assert name in NOT_GROWING or (np.diff(found) > 0).all(), (name, found)


def test_images_of_cifar10_change_more_the_higher_the_severity(cifar10):
    check_growth(cifar10[:50])


def test_digits_change_more_the_higher_the_severity():
    check_growth(load_data("digits").split("test").images[:50].numpy())


def test_motion_blur_is_alike_at_severities_3_and_4_as_published(cifar10):
    _, _, third, fourth, _ = changes(cifar10[:100], "motion_blur")
    assert third == pytest.approx(fourth, rel=0.05)


# what is left out, what is refused


def test_what_means_nothing_is_left_out_with_a_reason():
    assert left_out((3, 32, 32)) == {}
    assert corruptions_of((3, 32, 32)) == CORRUPTIONS
    assert left_out((3, 16, 16)) == {}
    missing = left_out((1, 8, 8))
    assert list(missing) == ["pixelate", "saturate"]
    assert "7, 7, 6, 6, 5 pixels" in missing["pixelate"]
    assert missing["saturate"] == "grey images have no saturation"
    assert set(corruptions_of((1, 8, 8))) == set(CORRUPTIONS) - set(missing)
    assert left_out((3, 7, 7))["jpeg_compression"] == "a JPEG block has 8 pixels, the image 7"
    assert corruptions_of((4, 32, 32)) == ()


def test_what_cannot_be_made_is_refused_in_one_line():
    digits = smooth_images(1, 1, 8, 8)
    with refused("means something for images of 1×8×8, got saturate: grey images have no saturation", InputError):
        corrupt(digits, "saturate", 1, seed=0)
    with refused("4 channels", InputError):
        corrupt(smooth_images(1, 4), "fog", 1, seed=0)
    with refused("did you mean gaussian_noise", InputError):
        corrupt(digits, "gausian_noise", 1, seed=0)
    with refused("one of gaussian_noise, ", InputError):
        corrupt(digits, ["fog"], 1, seed=0)
    for severity in (0, 6, 1.5, "1", True, None):
        with refused("severity", InputError):
            corrupt(digits, "fog", severity, seed=0)
    for seed in (-1, 0.5, None):
        with refused("seed", InputError):
            corrupt(digits, "fog", 1, seed=seed)
    with refused("first image", InputError):
        corrupt(digits, "fog", 1, seed=0, first=-1)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES[0], IMAGES[:0], IMAGES.astype(np.int64), IMAGES > 0, IMAGES.astype(float), IMAGES / 255 - 0.1,
        np.ma.masked_equal(IMAGES, 7),
        np.full((1, 1, 8, 8), np.nan), np.full((1, 1, 8, 8), "a"), [[1]], None, torch.zeros(1, 1, 8, 8).long(),
    ],
    ids=[
        "three axes", "none", "int64", "bool", "floats to 255", "below 0", "masked", "nan", "texts", "list", "None",
        "long",
    ],
)  # fmt: skip
def test_what_are_no_images_is_refused(images):
    with refused("images: expected ", InputError):
        corrupt(images, "fog", 1, seed=0)


def test_made_pixels_do_not_change_between_versions():
    """A sum of levels per corruption: whoever changes one has changed what was measured, and says so in the version."""
    found = {name: int(corrupt(IMAGES[:3], name, 3, seed=0).sum(dtype=np.int64)) for name in CORRUPTIONS}
    del found["jpeg_compression"]  # as the library that Pillow was built with has it
    assert found == SUMS


SUMS = {
    "gaussian_noise": 1202790,
    "shot_noise": 1206082,
    "impulse_noise": 1210528,
    "defocus_blur": 1207436,
    "glass_blur": 1201296,
    "motion_blur": 1211665,
    "zoom_blur": 1211615,
    "snow": 1449516,
    "frost": 1684325,
    "fog": 1259171,
    "brightness": 1471219,
    "contrast": 1207326,
    "elastic_transform": 1217927,
    "pixelate": 1213452,
    "speckle_noise": 1205970,
    "gaussian_blur": 1207396,
    "spatter": 1277600,
    "saturate": 1046985,
}
