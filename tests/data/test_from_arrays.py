"""Images and labels in memory become the data set that a file of them is, or are refused in one line."""

import numpy as np
import pytest
import torch

from robnas.data import Dataset, load_data
from robnas.errors import InputError
from tests.data.conftest import random_images, refused

Y = np.arange(60) % 4
X = random_images(60, 6, 9, 3)
FLOAT = X / 255
PLAIN = Dataset.from_arrays(X, Y)


def same(x=X, y=Y, **options):
    return Dataset.from_arrays(x, y, **options).content_hash == PLAIN.content_hash


def test_it_is_the_data_set_of_a_file_of_the_same_arrays(tmp_path):
    np.savez(tmp_path / "mine.npz", images=X, labels=Y)
    for share in (0, 0.1, 0.4):
        found = Dataset.from_arrays(X, Y, name="mine", validation=share)
        assert repr(found) == repr(file := load_data(tmp_path / "mine.npz", validation=share))
        assert found.content_hash == file.content_hash
    np.savez(tmp_path / "split.npz", x_train=X, y_train=Y, x_test=X[:8], y_test=Y[:8], x_val=X[8:20], y_val=Y[8:20])
    found = Dataset.from_arrays(X, Y, test=(X[:8], Y[:8]), validation=(X[8:20], Y[8:20]))
    assert found.content_hash == load_data(tmp_path / "split.npz").content_hash
    np.savez(tmp_path / "two.npz", x_train=X, y_train=Y, x_test=X[:8], y_test=Y[:8])
    assert Dataset.from_arrays(X, Y, test=(X[:8], Y[:8])).content_hash == load_data(tmp_path / "two.npz").content_hash


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_files_of_floats_are_the_data_of_their_grey_levels(tmp_path, dtype):
    np.savez(tmp_path / "mine.npz", images=FLOAT.astype(dtype), labels=Y)
    assert load_data(tmp_path / "mine.npz").content_hash == PLAIN.content_hash
    np.savez(tmp_path / "mixed.npz", x_train=FLOAT.astype(dtype), y_train=Y, x_test=X[:8], y_test=Y[:8])
    found = Dataset.from_arrays(X, Y, test=(X[:8], Y[:8]))
    assert load_data(tmp_path / "mixed.npz").content_hash == found.content_hash


def test_a_file_of_floats_between_grey_levels_says_so_as_arrays_do(tmp_path):
    between = FLOAT * 0.999
    np.savez(tmp_path / "mine.npz", images=between, labels=Y)
    with pytest.warns(UserWarning, match=r"mine.npz: pixels between the 256 grey levels were rounded .* up to 0\.\d"):
        found = load_data(tmp_path / "mine.npz")
    with pytest.warns(UserWarning, match="grey levels were rounded"):
        assert found.content_hash == Dataset.from_arrays(between, Y).content_hash


WAYS = {
    "float64": FLOAT,
    "float32": FLOAT.astype(np.float32),
    "float16": FLOAT.astype(np.float16),
    "big-endian": FLOAT.astype(">f4"),
    "negative strides": X[::-1].copy()[::-1],
    "not contiguous": np.repeat(X, 2, axis=1)[:, ::2],
    "Fortran order": np.asfortranarray(X),
    "not writable": np.frombuffer(X.tobytes(), np.uint8).reshape(X.shape),
    "a tensor": torch.from_numpy(X),
    "channels first": X.transpose(0, 3, 1, 2),
    "a float tensor, channels first": torch.from_numpy(FLOAT).permute(0, 3, 1, 2).requires_grad_(),
    "a list": list(X),
    "a tuple of tensors": tuple(torch.from_numpy(X)),
    "a list of several types": [*FLOAT[:30], *X[30:]],
    "rounding outside": FLOAT.astype(np.float32) * np.float32(1 + 1e-7) - np.float32(1e-8),
}


@pytest.mark.parametrize("way", WAYS)
def test_equal_pixels_are_equal_data(way):
    assert same(WAYS[way])


LABELS = {
    "a list": Y.tolist(),
    "a tensor": torch.from_numpy(Y),
    "a list of tensors": list(torch.from_numpy(Y)),
    "a column": Y[:, None],
    "bytes": Y.astype(np.int8),
    "unsigned": Y.astype(np.uint64),
    "big-endian": Y.astype(">i2"),
    "objects": Y.astype(object),
    "texts": np.array(list("abcd"))[Y],
    "a list of texts": [("cat", "dog", "eel", "fox")[label] for label in Y],
    "text objects": np.array(list("abcd"), dtype=object)[Y],
    "byte strings": np.array([b"a", b"b", b"c", b"d"])[Y],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_are_numbers_of_classes(kind):
    assert same(y=LABELS[kind])
    assert Dataset.from_arrays(X, Y).split("train").labels.dtype == torch.int64


def test_classes_say_the_order_of_the_logits_and_their_names():
    names = ["cat", "dog", "eel", "fox"]
    assert PLAIN.classes == ()
    texts = np.array(names)[Y]
    assert Dataset.from_arrays(X, texts).classes == tuple(names)
    turned = Dataset.from_arrays(X, texts, classes=names[::-1])
    assert turned.classes == tuple(names[::-1])
    assert turned.content_hash == Dataset.from_arrays(X, 3 - Y).content_hash
    assert same(classes=names)  # names of numbers
    assert Dataset.from_arrays(X, Y, classes=names).classes == tuple(names)
    tens = Dataset.from_arrays(X, 10 * Y - 10, classes=[-10, 0, 10, 20])
    assert (tens.content_hash, tens.classes) == (PLAIN.content_hash, ("-10", "0", "10", "20"))
    assert Dataset.from_arrays(X, Y, classes=7).num_classes == 7
    assert Dataset.from_arrays(X, np.zeros(60, int), classes=3, test=1).num_classes == 3


def test_grey_images_have_one_channel():
    assert Dataset.from_arrays(X[..., 0], Y).image_shape == (1, 6, 9)
    assert Dataset.from_arrays(X[:, :3, :4, 0], Y).image_shape == (1, 3, 4)
    assert Dataset.from_arrays(list(X[..., 0]), Y).image_shape == (1, 6, 9)


def test_where_the_channels_are_can_be_said():
    small = random_images(60, 3, 5, 3)
    for way, shape in (("first", (3, 5, 3)), ("last", (3, 3, 5))):
        assert Dataset.from_arrays(small, Y, channels=way).image_shape == shape
    assert Dataset.from_arrays(random_images(60, 5, 8, 8), Y, channels="first").image_shape == (5, 8, 8)
    for x in (small, torch.from_numpy(small), list(small)):
        with refused(r"images of arrays: .* got \(3, 5, 3\) per image; give channels=\"first\"", InputError):
            Dataset.from_arrays(x, Y)


def test_images_of_several_sizes_are_stretched():
    x = [np.full((4 + k % 3, 5 + k % 2, 3), 4 * k, np.uint8) for k in range(60)]
    data = Dataset.from_arrays(x, Y, size=(6, 8), test=1)
    assert data.image_shape == (3, 6, 8)
    found = sorted(int(image.unique().item()) for image in data.split("test").images)
    assert found == [4 * k for k in range(60)]  # what is of one colour stays so
    assert Dataset.from_arrays(list(X), Y, size=(6, 9)).content_hash == PLAIN.content_hash
    half = Dataset.from_arrays(X, Y, size=3).split("train")
    assert half.images.shape[1:] == (3, 3, 3)
    whole = PLAIN.split("train").images.double().mean((2, 3))
    assert (half.images.double().mean((2, 3)) - whole).abs().max() < 40
    with refused(r"images of arrays: expected one size.* got \(3, 4, 5\), .*; give size=\(height, width\)", InputError):
        Dataset.from_arrays(x, Y)


def test_pixels_between_grey_levels_become_the_nearest_and_it_is_said():
    x = np.random.default_rng(0).random((60, 6, 9, 3))
    with pytest.warns(UserWarning, match=r"images of arrays: .* rounded to the nearest, by up to 0\.50 of a level"):
        data = Dataset.from_arrays(x, Y, test=1)
    assert sorted(map(bytes, data.split("test").images.permute(0, 2, 3, 1).numpy())) == sorted(
        map(bytes, np.rint(255 * x).astype(np.uint8))
    )


def test_splits():
    def sizes(**options):
        return {name: len(part) for name, part in Dataset.from_arrays(X, Y, **options).splits.items()}

    assert sizes() == {"train": 49, "validation": 5, "test": 6}
    assert sizes(test=0, validation=0) == {"train": 60}
    assert sizes(test=1) == {"test": 60}
    assert sizes(test=0.2, validation=0.25) == {"train": 36, "validation": 12, "test": 12}
    assert sizes(test=(X[:8], Y[:8]), validation=0.2) == {"train": 48, "validation": 12, "test": 8}
    assert sizes(validation=(X[:8], Y[:8])) == {"train": 54, "validation": 8, "test": 6}


def test_a_seed_gives_other_splits_as_balanced_as_those_without():
    found = [Dataset.from_arrays(X, Y, seed=seed, test=0.2, validation=0.25) for seed in (None, 0, 0, 1, 2**40)]
    assert found[1].content_hash == found[2].content_hash
    assert len({data.content_hash for data in found}) == 4
    for data in found:
        assert {name: np.bincount(part.labels).tolist() for name, part in data.splits.items()} == {
            "train": [9] * 4, "validation": [3] * 4, "test": [3] * 4,
        }  # fmt: skip
        assert np.bincount(data.split("train").labels[:8]).tolist() == [2] * 4


def test_statistics_are_those_of_the_training_images():
    pixels = PLAIN.split("train").images.numpy() / 255
    assert PLAIN.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert PLAIN.std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-12)
    assert Dataset.from_arrays(X, Y, test=1).mean == pytest.approx(FLOAT.mean((0, 1, 2)), abs=1e-12)


def test_the_arrays_of_the_caller_stay_his():
    x, y = X.copy(), Y.copy()
    data = Dataset.from_arrays(x, y)
    before = data.split("train").images.clone()
    x[:], y[:] = 0, 0
    assert torch.equal(data.split("train").images, before)
    assert data.split("train").labels.max() == 3


def bad_pixel(value):
    x = FLOAT.copy()
    x[3, 2, 1, 0] = value
    return x


BAD_IMAGES = {
    "nan": (bad_pixel(np.nan), r"expected floats in \[0, 1\] or uint8, 0 to 255; pixels in \[0, 1\], got nan$"),
    "infinity": (bad_pixel(np.inf), "got values from 0 to inf"),
    "0 to 255 as floats": (FLOAT * 255, "got values from 0 to 255; divide by 255"),
    "normalised": (FLOAT - 0.5, "got values from -0.5 to 0.5; leave normalisation out"),
    "integers": (X.astype(int), r"got int64; x.astype\('uint8'\) if they are grey levels from 0 to 255"),
    "16 bits": (X.astype(np.uint16) * 9, "got uint16$"),
    "objects": (X.astype(object), r"got object; give a list of arrays, list\(x\)"),
    "truth values": (X > 99, r"got bool; x.astype\(float\), where 1 is white"),
    "truth values as bytes": ((X > 99).astype(np.uint8), r"uint8, 0 to 255, got none above 1; give x.astype\(float\)"),
    "complex": (X + 0j, "got complex128"),
    "flat": (X.reshape(60, -1), r"got shape \(60, 162\); reshape them"),
    "one image": (X[0, 0], r"got shape \(9, 3\)"),
    "none": (X[:0], "at least one"),
    "an empty list": ([], "at least one"),
    "a text": ("abc", "expected NumPy arrays or tensors, got 'abc'"),
    "lists": (X.tolist(), "expected NumPy arrays or tensors, got .*numpy.array"),
    "masked": (np.ma.masked_equal(X, X[0, 0, 0, 0]), "expected all values, got masked ones"),
    "without data": (torch.zeros(60, 3, 8, 8, device="meta"), "tensors in memory, got NotImplementedError"),
    "grey and colour": ([*X[:30], *X[30:, :, :, 0]], "expected all grey or all with channels"),
    "flat in a list": ([image.ravel() for image in X], r"got shape \(162,\)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_images_that_are_none_are_refused(kind):
    x, text = BAD_IMAGES[kind]
    with refused(rf"(images of arrays|arrays, images): .*{text}", InputError):
        Dataset.from_arrays(x, Y)


BAD_LABELS = {
    "too few": (Y[1:], "expected 60, one per image, got 59"),
    "one class": (Y * 0, "expected at least 2 classes, got one; give classes="),
    "one class of texts": (["a"] * 60, "expected at least 2 classes"),
    "from 1": (Y + 1, r"each class from 0 .* got \[1, 2, 3, 4\]; give classes=5 .* or classes=sorted\(set\(y\)\) if"),
    "negative": (Y - 1, r"got \[-1, 0, 1, 2\]; give classes=sorted\(set\(y\)\), so that"),
    "with a gap": (Y * 2, r"got \[0, 2, 4, 6\]; give classes=7"),
    "huge": (Y.astype(np.uint64) * 2**62, "got .0, 4611686018427387904"),
    "floats": (Y / 1, r"got float64 of shape \(60,\); y.astype\(int\)"),
    "truth values": (Y > 1, r"got bool of shape \(60,\); y.astype\(int\)"),
    "a list of truth values": ((Y > 1).tolist(), "one per image, got False"),
    "one-hot": (np.eye(4)[Y], r"y.argmax\(1\) if each row marks a class"),
    "mixed": ([0, "a"] * 30, "all numbers or all texts"),
    "missing": (["a", None] * 30, "got None"),
    "not a number": (["a", np.nan] * 30, "got nan"),
    "a text": ("ab" * 30, "one per image, got 'abab"),
    "a set": (set(range(60)), "one per image, got {0, 1"),
    "nothing": (None, "got None"),
    "dates": (Y.astype("M8[s]"), "got datetime64"),
    "no text": (np.array([b"\xff", b"a"] * 30), r"got b'\\xff'"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_labels_that_are_none_are_refused(kind):
    y, text = BAD_LABELS[kind]
    with refused(rf"(labels of arrays|arrays, labels): .*{text}", InputError):
        Dataset.from_arrays(X, y)


BAD_OPTIONS = {
    "too few classes": ({"classes": 3}, "labels of arrays: expected one of the classes 0, 1, 2, got 3"),
    "too few names": ({"classes": ["a", "b", "c"]}, "labels of arrays: expected one of the classes 0, 1, 2, got 3"),
    "a doubled name": ({"classes": list("aabc")}, "classes: expected at least 2 names or numbers, each once"),
    "a set of names": ({"classes": set("abcd")}, "classes: expected whole numbers or texts"),
    "one class": ({"classes": 1}, "classes: expected at least 2, got 1"),
    "True classes": ({"classes": True}, "classes: expected a whole number, got True"),
    "test": ({"test": 2}, r"test share: expected a number in \[0, 1\], got 2"),
    "no share": ({"test": "half"}, r"test: expected a share of the images, or \(x, y\), got 'half'"),
    "nan": ({"test": float("nan")}, r"test share: expected a number in \[0, 1\], got nan"),
    "validation": ({"validation": 0.95}, r"validation share: expected a number in \[0, 0\.9\], got 0\.95"),
    "test lengths": ({"test": (X[:9], Y[:8])}, "arrays, test labels: expected 9, one per image, got 8"),
    "test shapes": ({"test": (X[:, :5], Y)}, r"images of arrays: expected one size, .* got \(3, 5, 9\), \(3, 6, 9\)"),
    "test kinds": ({"test": (X[:2], ["a", "b"])}, "labels of arrays: expected all numbers or all texts, got both"),
    "seed": ({"seed": -1}, "seed: expected at least 0, got -1"),
    "channels": ({"channels": "NHWC"}, "channels: expected first or last, got 'NHWC'"),
    "size 0": ({"size": 0}, "size: expected at least 1, got 0"),
    "three sizes": ({"size": (1, 2, 3)}, r"size: expected one number, or \(height, width\)"),
    "name": ({"name": "a\nb"}, "data name: expected a text of 1 to 100 printable characters"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_OPTIONS)
def test_options_that_mean_nothing_are_refused(kind):
    options, text = BAD_OPTIONS[kind]
    with refused(text, InputError):
        Dataset.from_arrays(X, Y, **options)


def test_data_without_training_images_can_be_looked_at_but_not_trained_on():
    data = Dataset.from_arrays(X, Y, test=1)
    assert data.image_shape == (3, 6, 9)
    assert data.limit() is data
    with refused("split of arrays: expected one of test, got 'train'", InputError):
        data.limit(train=3)
