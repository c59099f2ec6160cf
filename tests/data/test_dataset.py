import dataclasses

import numpy as np
import pytest
import torch

from robnas.data import Dataset, Images, to_pixels
from robnas.data._dataset import channel_statistics, checked
from robnas.errors import DataError, InputError
from tests.data.conftest import random_images, refused


def images_of(count, seed=0):
    return Images(
        torch.from_numpy(random_images(count, 3, 4, 5, seed=seed)),
        torch.from_numpy(np.random.default_rng(seed).integers(0, 4, count)),
    )


def small(**changes):
    splits = {"train": images_of(12), "validation": images_of(5, 1), "test": images_of(6, 2)}
    return dataclasses.replace(Dataset("small", 4, splits, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), **changes)


def test_a_split_is_asked_for_by_name():
    data = small()
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [12, 5, 6]
    assert data.image_shape == (3, 4, 5)


@pytest.mark.parametrize("name", ["val", "valid", "", "Train", None])
def test_an_unknown_split_lists_the_known_ones(name):
    with refused(f"split: expected one of train, validation, test, got {name!r}", InputError):
        small().split(name)


def test_a_split_that_the_data_lacks_says_how_to_get_it():
    splits = {name: part for name, part in small().splits.items() if name != "validation"}
    text = "split of small: expected one of train, test, got 'validation'; load the data with a validation share above"
    with refused(text, InputError):
        small(splits=splits).split("validation")


def test_a_limit_keeps_the_first_images():
    part = images_of(12)
    limited = part.limit(5)
    assert len(limited) == 5
    assert torch.equal(limited.images, part.images[:5])
    assert torch.equal(limited.labels, part.labels[:5])
    assert part.limit(None) is part
    assert len(part.limit(12)) == 12


@pytest.mark.parametrize("count", [0, -1, 13])
def test_a_limit_outside_what_there_is_is_refused(count):
    with refused(rf"image limit: expected a number in \[1, 12\], got {count}", InputError):
        images_of(12).limit(count)


def test_a_limited_data_set_loses_training_images_only():
    data = small()
    limited = data.limit(train=4)
    assert {name: len(part) for name, part in limited.splits.items()} == {"train": 4, "validation": 5, "test": 6}
    assert limited.content_hash != data.content_hash
    assert data.limit().content_hash == data.content_hash


def test_the_same_data_elsewhere():
    moved = small().to("meta")
    assert {part.images.device.type for part in moved.splits.values()} == {"meta"}
    assert {part.labels.device.type for part in moved.splits.values()} == {"meta"}
    assert moved.image_shape == (3, 4, 5)
    assert small().to("cpu").content_hash == small().content_hash


def flipped_bit(tensor):
    tensor = tensor.clone()
    tensor.view(-1)[-1] ^= 1
    return tensor


CHANGES = {
    "pixel": lambda s: {**s, "train": Images(flipped_bit(s["train"].images), s["train"].labels)},
    "label": lambda s: {**s, "test": Images(s["test"].images, flipped_bit(s["test"].labels))},
    "shape": lambda s: {**s, "train": Images(s["train"].images.view(12, 3, 5, 4), s["train"].labels)},
    "order": lambda s: {**s, "train": Images(s["train"].images.flip(0), s["train"].labels.flip(0))},
    "swapped splits": lambda s: {**s, "validation": s["test"], "test": s["validation"]},
    "missing split": lambda s: {name: part for name, part in s.items() if name != "validation"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_content_hash_changes_with(change):
    data = small()
    assert len(data.content_hash) == 16
    assert small(splits=change(data.splits)).content_hash != data.content_hash


def test_the_content_hash_changes_with_the_number_of_classes():
    assert small(num_classes=5).content_hash != small().content_hash


def test_the_content_hash_ignores_names_order_of_splits_and_memory_layout():
    data = small(name="other", mean=(0.0,) * 3)
    splits = {name: data.splits[name] for name in ("test", "validation", "train")}
    scattered = splits["train"].images.to(memory_format=torch.channels_last)
    assert not scattered.is_contiguous()
    splits["train"] = Images(scattered, splits["train"].labels)
    assert small(splits=splits).content_hash == small().content_hash


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_pixels_lie_between_0_and_1(dtype):
    images = torch.arange(256, dtype=torch.uint8).view(4, 4, 4, 4)
    before = images.clone()
    pixels = to_pixels(images, dtype)
    assert pixels.dtype == dtype
    torch.testing.assert_close(pixels, (images.double() / 255).to(dtype))
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert torch.equal(images, before)


def test_channel_statistics_are_those_of_numpy():
    images = random_images(50, 3, 6, 7)
    images[:, 1] //= 3
    mean, std = channel_statistics(checked("here", images, np.zeros(50, int), 2))
    assert mean == pytest.approx((images / 255).mean((0, 2, 3)), abs=1e-12)
    assert std == pytest.approx((images / 255).std((0, 2, 3)), abs=1e-12)


def test_a_constant_channel_gets_deviation_1():
    images = random_images(5, 2, 4, 4)
    images[:, 0] = 51
    mean, std = channel_statistics(checked("here", images, np.zeros(5, int), 2))
    assert mean[0] == pytest.approx(0.2, abs=1e-12)
    assert std[0] == 1
    assert 0.2 < std[1] < 0.4


GOOD = random_images(4, 1, 2, 2)
BAD = [
    (GOOD.astype(float), [0, 1, 0, 1], r"here, images: expected uint8 of shape \(n, .*, got float64 of shape \(4, 1"),
    (GOOD[0], [0], r"here, images: expected uint8 of shape .* got uint8 of shape \(1, 2, 2\)"),
    (GOOD[:0], [], r"here, images: expected .* got uint8 of shape \(0, 1, 2, 2\)"),
    (GOOD, [0, 1, 0], r"here, labels: expected 4 integers, one per image, got int64 of shape \(3,\)"),
    (GOOD, [[0], [1], [0], [1]], r"here, labels: expected 4 integers, .* got int64 of shape \(4, 1\)"),
    (GOOD, [0.0, 1.0, 0.0, 1.0], "here, labels: expected 4 integers, .* got float64"),
    (GOOD, [True, False, True, False], "here, labels: expected 4 integers, .* got bool"),
    (GOOD, [[0, 1], [0], 1, 0], "here, labels: expected 4 integers, .* got object"),
    (GOOD, None, "here, labels: expected 4 integers, .* got object"),
    (GOOD, [0, 1, 0, 2**70], "here, labels: expected 4 integers, .* got object"),
    (GOOD, [0, 1, 0, -1], "here, labels: expected labels from 0 to 1, got -1; the file is damaged"),
    (GOOD, [0, 1, 0, 2], "here, labels: expected labels from 0 to 1, got 2; the file is damaged"),
    (
        GOOD,
        np.array([0, 1, 0, 2**64 - 1], np.uint64),
        "here, labels: expected labels from 0 to 1, got 1844674407370955",
    ),
]


@pytest.mark.parametrize(("images", "labels", "text"), BAD, ids=range(len(BAD)))
def test_arrays_of_the_wrong_kind_are_refused(images, labels, text):
    with refused(text, DataError):
        checked("here", images, labels, 2)


def test_integers_of_any_width_become_labels():
    for kind in (np.uint8, np.int32, np.dtype(">i8"), np.uint64):
        part = checked("here", GOOD, np.array([0, 1, 1, 0], kind), 2)
        assert part.labels.dtype == torch.int64
        assert part.labels.tolist() == [0, 1, 1, 0]
