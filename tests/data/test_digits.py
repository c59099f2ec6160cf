import numpy as np
import pytest
from sklearn.datasets import load_digits

from robnas.data import load_data


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def gathered(data):
    images = np.concatenate([data.split(name).images.numpy() for name in ("train", "validation", "test")])
    labels = np.concatenate([data.split(name).labels.numpy() for name in ("train", "validation", "test")])
    return images, labels


def test_they_are_the_digits_of_scikit_learn_in_another_order(digits):
    images, labels = gathered(digits)
    original = load_digits()
    wanted = np.column_stack([np.round(original.data * 255 / 16), original.target])
    ours = np.column_stack([images.reshape(len(images), 64), labels])
    assert ours.shape == wanted.shape == (1797, 65)
    assert np.array_equal(ours[np.lexsort(ours.T)], wanted[np.lexsort(wanted.T)])


def test_shapes_types_and_split_sizes(digits):
    assert digits.name == "digits"
    assert digits.num_classes == 10
    assert digits.image_shape == (1, 8, 8)
    assert {name: len(part) for name, part in digits.splits.items()} == {"train": 1000, "validation": 397, "test": 400}
    for part in digits.splits.values():
        assert (str(part.images.dtype), str(part.labels.dtype)) == ("torch.uint8", "torch.int64")


def test_every_split_holds_all_classes_in_their_proportions(digits):
    _, labels = gathered(digits)
    share = np.bincount(labels) / len(labels)
    for part in digits.splits.values():
        counts = np.bincount(part.labels.numpy(), minlength=10)
        assert np.abs(counts - share * len(part)).max() < 2


def test_no_image_is_in_two_splits(digits):
    images, _ = gathered(digits)  # all 1,797 originals differ
    assert len(np.unique(images.reshape(len(images), 64), axis=0)) == 1797


def test_every_load_on_every_machine_gives_the_same(digits):
    assert digits.content_hash == load_data("digits").content_hash == "bf6623f8260a0412"


def test_mean_and_deviation_are_those_of_the_training_pixels(digits):
    pixels = digits.split("train").images.numpy() / 255
    assert digits.mean == pytest.approx([pixels.mean()], abs=1e-12)
    assert digits.std == pytest.approx([pixels.std()], abs=1e-12)


def test_a_validation_share_is_ignored(digits):
    assert load_data("digits", validation=0).content_hash == digits.content_hash
