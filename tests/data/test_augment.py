import numpy as np
import pytest
import torch

from robnas.data import augment, draw_augmentation
from tests.data.conftest import random_images


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def augmented(images, *, padding, flip, generator):
    drawn = draw_augmentation(len(images), padding=padding, flip=flip, generator=generator)
    return augment(images, drawn, padding=padding)


def augment_one_by_one(images, padding, flip, generator):
    """The obvious loop: the same draws, then pad, cut and mirror each image by itself."""
    batch, channels, height, width = images.shape
    tops = torch.randint(2 * padding + 1, (batch,), generator=generator).tolist()
    lefts = torch.randint(2 * padding + 1, (batch,), generator=generator).tolist()
    mirrored = torch.randint(2, (batch,), generator=generator).tolist() if flip else [0] * batch
    out = []
    for image, top, left, mirror in zip(images.numpy(), tops, lefts, mirrored, strict=True):
        canvas = np.zeros((channels, height + 2 * padding, width + 2 * padding), np.uint8)
        canvas[:, padding : padding + height, padding : padding + width] = image
        crop = canvas[:, top : top + height, left : left + width]
        out.append(crop[:, :, ::-1] if mirror else crop)
    return torch.from_numpy(np.stack(out))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 5, 9), (4, 1, 1)])
@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("flip", [False, True])
def test_it_equals_the_loop_over_single_images(shape, padding, flip):
    images = torch.from_numpy(random_images(40, *shape))
    before = images.clone()
    ours = augmented(images, padding=padding, flip=flip, generator=seeded())
    assert ours.dtype == torch.uint8
    assert torch.equal(ours, augment_one_by_one(images, padding, flip, seeded()))
    assert torch.equal(images, before)


@pytest.mark.parametrize("layout", [torch.channels_last, "slice"])
def test_the_memory_layout_of_the_images_does_not_matter(layout):
    images = torch.from_numpy(random_images(60, 3, 8, 8))
    scattered = images[::3] if layout == "slice" else images[::3].to(memory_format=layout)
    assert not scattered.is_contiguous()
    settings = {"padding": 2, "flip": True}
    ours = augmented(scattered, **settings, generator=seeded())
    assert torch.equal(ours, augmented(images[::3].contiguous(), **settings, generator=seeded()))


def test_equal_generators_give_equal_images_and_one_generator_new_ones():
    images = torch.from_numpy(random_images(30, 3, 8, 8))
    generator = seeded(5)
    first, second = (augmented(images, padding=2, flip=True, generator=generator) for _ in range(2))
    assert torch.equal(first, augmented(images, padding=2, flip=True, generator=seeded(5)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, augmented(images, padding=2, flip=True, generator=seeded(6)))


def test_the_global_random_state_plays_no_part():
    images = torch.from_numpy(random_images(10, 1, 8, 8))
    before = torch.random.get_rng_state()
    augmented(images, padding=2, flip=True, generator=seeded())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_padding_and_flip_the_images_stay_as_they_are():
    images = torch.from_numpy(random_images(10, 3, 8, 8))
    assert torch.equal(augmented(images, padding=0, flip=False, generator=seeded()), images)


def test_crops_are_padded_with_black_and_every_offset_is_as_likely():
    padding, side, count = 2, 6, 10_000
    white = torch.full((count, 1, side, side), 255, dtype=torch.uint8)
    crops = augmented(white, padding=padding, flip=False, generator=seeded())[:, 0]
    rows, columns = (crops == 255).any(2), (crops == 255).any(1)
    assert torch.equal(crops == 255, rows[:, :, None] & columns[:, None])  # a white rectangle,
    assert torch.equal((crops == 0) | (crops == 255), torch.ones_like(crops, dtype=torch.bool))  # black around it
    for seen in (rows, columns):
        at_start = (~seen).int().cumprod(1).sum(1)
        at_end = (~seen).int().flip(1).cumprod(1).sum(1)
        offsets = torch.bincount(at_end - at_start + padding, minlength=2 * padding + 1)
        assert len(offsets) == 2 * padding + 1
        assert (offsets - count / 5).abs().max() < 5 * (count * 0.2 * 0.8) ** 0.5


def test_half_of_the_images_are_mirrored():
    images = torch.from_numpy(random_images(1, 3, 4, 5)).expand(4000, -1, -1, -1)
    flipped = augmented(images, padding=0, flip=True, generator=seeded())
    is_same, is_mirrored = ((flipped == wanted).flatten(1).all(1) for wanted in (images, images.flip(3)))
    assert (is_same ^ is_mirrored).all()
    assert 1840 < is_mirrored.sum() < 2160  # 2,000 expected, sd 32
