"""Each corruption is its published formula: compared with slow plain loops, image by image, at 32 pixels."""

import numpy as np
import pytest

from robnas.data import corrupt, corruptions_of
from robnas.data._corruptions._blur import clipped_zoom, disc
from robnas.data._corruptions._catalogue import RECIPES
from robnas.data._corruptions._draws import Draws
from robnas.data._corruptions._geometry import SIDE
from robnas.types import CORRUPTIONS
from tests.data.corruptions.conftest import smooth_images
from tests.reference import corruptions as reference

COLOUR = smooth_images(2)
COLOUR[1, :, :4] = 0  # black and grey pixels, which have no hue
COLOUR[1, :, 4:8] = 77
GREY = smooth_images(1, channels=1, seed=1)


def wanted(image, name, severity, index, seed=5):
    draws = Draws(seed, name, severity, [index])
    exact = getattr(reference, name)(image / 255, draws, *RECIPES[name].parameters[severity - 1])
    return 255 * np.clip(exact, 0, 1)


@pytest.mark.parametrize("images", [COLOUR, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_its_formula_cut_to_grey_levels(name, images):
    if name not in corruptions_of(images.shape[1:]):
        pytest.skip("left out")
    for severity in range(1, 6):
        made = corrupt(images, name, severity, seed=5)
        for index, image in enumerate(images):
            exact = wanted(image, name, severity, index)
            # Where the exact value is within 1e-6 of a grey level, it is that level.
            assert np.array_equal(made[index], np.floor(exact + 1e-6)), (severity, index)


def test_every_corruption_has_five_severities_and_a_reference():
    assert list(RECIPES) == list(CORRUPTIONS)
    assert {len(recipe.parameters) for recipe in RECIPES.values()} == {5}
    assert all(callable(getattr(reference, name)) for name in CORRUPTIONS)


@pytest.mark.parametrize("side", [32, 40, 57])
def test_a_clipped_zoom_is_what_scipy_zooms(side):
    image = smooth_images(1, 1, side, side)[0, 0].astype(float)
    for factor in np.arange(1, 1.26, 0.01):
        operator = clipped_zoom(side, factor)
        np.testing.assert_allclose(operator @ image @ operator.T, reference.clipped_zoom(image, factor), atol=1e-9)


@pytest.mark.parametrize("radius", [0.3, 1, 1.5, 4, 10])
def test_a_disc_sums_to_one_and_has_its_radius(radius):
    kernel = disc(radius, 0.5)
    middle = len(kernel) // 2
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1], rtol=1e-12)
    np.testing.assert_allclose(kernel, kernel.T, rtol=1e-12)
    assert kernel[middle, middle] == pytest.approx(kernel.max())
    if radius > 2:
        assert (kernel > 0.5 * kernel.max()).sum() == pytest.approx(np.pi * radius**2, rel=0.1)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.fine])
def test_small_images_are_blurred_and_bent_on_sub_pixels(name):
    """At 8 pixels a pixel is 4 × 4 sub-pixels, and nothing that is published is smaller than one of them."""
    small = smooth_images(1, 1, 8, 8)
    for severity in (1, 5):
        exact = wanted(np.kron(small[0], np.ones((1, 4, 4))), name, severity, 0)
        means = exact.reshape(8, 4, 8, 4).mean(axis=(1, 3))
        assert np.array_equal(corrupt(small, name, severity, seed=5)[0, 0], np.floor(means + 1e-6))


@pytest.mark.parametrize("name", ["snow", "frost", "fog", "spatter"])
def test_layers_of_small_images_are_means_of_what_is_drawn_at_32_pixels(name):
    """On a black image nothing but the layer is left, on which cuts and brightness have no part."""
    small, large = np.zeros((1, 1, 8, 8)), np.zeros((1, 1, SIDE, SIDE))
    if name == "fog":
        small, large = small + 1e-9, large + 1e-9  # fog takes the light of the image
    recipe, parameters = RECIPES[name].make, RECIPES[name].parameters[2]
    drawn, scaled = (recipe(x, Draws(0, name, 3, [0]), *parameters) for x in (large, small))
    assert np.allclose(scaled[0, 0], drawn[0, 0].reshape(8, 4, 8, 4).mean(axis=(1, 3)), rtol=1e-9, atol=1e-15)
    assert drawn.max() > 0


@pytest.mark.parametrize("name", ["motion_blur", "gaussian_blur", "defocus_blur", "zoom_blur", "elastic_transform"])
def test_sizes_grow_with_the_side(name):
    """An image and its enlargement by 2 are changed alike, apart from what is finer than a pixel of the former."""
    small = smooth_images(4, 1)
    large = small.repeat(2, axis=2).repeat(2, axis=3)
    made_small, made_large = (
        255 * RECIPES[name].make(x / 255, Draws(0, name, 5, range(4)), scale, *RECIPES[name].parameters[4])
        for x, scale in ((small, 1.0), (large, 2.0))
    )
    if name == "elastic_transform":  # its small shifts are drawn per pixel, its map is not
        made_small, made_large = (
            255 * RECIPES[name].make(x / 255, Draws(0, name, 1, range(4)), scale, *RECIPES[name].parameters[0])
            for x, scale in ((small, 1.0), (large, 2.0))
        )
    change = np.abs(made_small - small).mean()
    means = made_large.reshape(4, 1, 32, 2, 32, 2).mean(axis=(3, 5))
    assert np.abs(means - made_small).mean() < 0.35 * change
