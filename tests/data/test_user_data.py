import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from robnas.data import load_data
from robnas.errors import DataError
from tests.data.conftest import random_images, refused

WHAT = ("images", "labels")
LABELS = np.arange(20) % 4
IMAGES = random_images(20, 3, 8, 8)


def as_set(images, labels):
    """Images with their labels, without an order."""
    return sorted((np.asarray(image).tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


def parts_of(data):
    return {name: as_set(part.images, part.labels) for name, part in data.splits.items()}


def all_of(data):
    return as_set(*(np.concatenate([getattr(part, what) for part in data.splits.values()]) for what in WHAT))


# .npz files


@pytest.fixture
def load(tmp_path):
    def load(arrays, validation=0.1, save=np.savez_compressed):
        save(tmp_path / "mine.npz", **arrays)
        return load_data(tmp_path / "mine.npz", validation=validation)

    return load


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_unsplit_images_are_split_class_balanced_and_always_the_same(load, save):
    images, labels = random_images(200, 3, 8, 8), np.arange(200) % 4
    data = load({"images": images, "labels": labels}, validation=0.2, save=save)
    assert (data.name, data.num_classes, data.image_shape) == ("mine", 4, (3, 8, 8))
    assert {name: np.bincount(part.labels).tolist() for name, part in data.splits.items()} == {
        "train": [36] * 4, "validation": [9] * 4, "test": [5] * 4,
    }  # fmt: skip
    assert all_of(data) == as_set(images, labels)
    again = load({"labels": labels, "images": images}, validation=0.2)
    assert again.content_hash == data.content_hash


def test_x_and_y_do_as_well(load):
    found = load({"x": IMAGES, "y": LABELS})
    assert found.content_hash == load({"images": IMAGES, "labels": LABELS}).content_hash


def test_the_test_split_does_not_depend_on_the_validation_share(load):
    arrays = {"images": IMAGES, "labels": LABELS}
    first, second = (load(arrays, validation=share) for share in (0, 0.5))
    assert list(first.splits) == ["train", "test"]
    assert {name: len(part) for name, part in second.splits.items()} == {"train": 9, "validation": 9, "test": 2}
    assert parts_of(first)["test"] == parts_of(second)["test"]


STYLES = {
    "train_images": [f"{name}_{what}" for name in ("train", "test", "validation") for what in WHAT],
    "x_train": ["x_train", "y_train", "x_test", "y_test", "x_val", "y_val"],
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("own_validation", [False, True])
def test_splits_that_are_given_stay_as_they_are(load, style, own_validation):
    values = (IMAGES, LABELS, IMAGES[:8], LABELS[:8], IMAGES[8:14], LABELS[8:14])
    keys = STYLES[style][: 6 if own_validation else 4]
    data = load(dict(zip(keys, values, strict=False)), validation=0.2)
    parts = parts_of(data)
    assert list(data.splits) == ["train", "validation", "test"]
    assert parts["test"] == as_set(*values[2:4])
    if own_validation:
        assert parts["train"] == as_set(*values[:2])
        assert parts["validation"] == as_set(*values[4:])
    else:
        assert sorted(parts["train"] + parts["validation"]) == as_set(*values[:2])
        assert np.bincount(data.split("validation").labels).tolist() == [1] * 4


def test_both_styles_give_the_same(load):
    first, second = (
        load(dict(zip(keys, (IMAGES, LABELS, IMAGES[:8], LABELS[:8]), strict=False))) for keys in STYLES.values()
    )
    assert first.content_hash == second.content_hash


def test_a_prefix_of_sorted_training_images_is_class_balanced(load):
    order = np.argsort(LABELS, kind="stable")
    arrays = {"x_train": IMAGES[order], "y_train": LABELS[order], "x_test": IMAGES, "y_test": LABELS}
    data = load(arrays, validation=0)
    assert np.bincount(data.limit(train=8).split("train").labels).tolist() == [2] * 4


SHAPES = {
    "grey": ((6, 9), lambda images: images[:, None], (1, 6, 9)),
    "grey, as small as channels": ((3, 4), lambda images: images[:, None], (1, 3, 4)),
    "channels first": ((3, 6, 9), lambda images: images, (3, 6, 9)),
    "one channel first": ((1, 6, 9), lambda images: images, (1, 6, 9)),
    "four channels first": ((4, 6, 9), lambda images: images, (4, 6, 9)),
    "channels last": ((6, 9, 3), lambda images: images.transpose(0, 3, 1, 2), (3, 6, 9)),
    "one channel last": ((6, 9, 1), lambda images: images.transpose(0, 3, 1, 2), (1, 6, 9)),
    "channels last, 3 columns": ((6, 3, 4), lambda images: images.transpose(0, 3, 1, 2), (4, 6, 3)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_channels_are_found_where_they_are(load, name):
    shape, arrange, expected = SHAPES[name]
    images = random_images(20, *shape)
    data = load({"images": images, "labels": LABELS})
    assert data.image_shape == expected
    assert all_of(data) == as_set(arrange(images), LABELS)


@pytest.mark.parametrize("shape", [(3, 3, 3), (1, 8, 1), (3, 8, 4)])
def test_a_shape_that_does_not_show_the_channels_is_refused(load, shape):
    text = rf"mine.npz: expected a shape that shows where the channels are, got \(20, {', '.join(map(str, shape))}\)"
    with refused(f"{text}; store it as \\(n, height, width\\) or with a side above 4"):
        load({"images": random_images(20, *shape), "labels": LABELS})


def test_mean_and_deviation_are_those_of_the_training_channels(load):
    images = IMAGES // np.array([1, 2, 4], np.uint8)[:, None, None]
    data = load({"images": images, "labels": LABELS}, validation=0.3)
    pixels = data.split("train").images.numpy() / 255
    assert data.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert data.std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-12)
    assert data.mean[0] > 1.5 * data.mean[1] > 2 * data.mean[2]


def test_labels_may_come_as_a_column_of_any_integers(load):
    plain = load({"images": IMAGES, "labels": LABELS})
    for labels in (LABELS[:, None], LABELS.astype(np.uint8), LABELS.astype(">i4")):
        assert load({"images": IMAGES, "labels": labels}).content_hash == plain.content_hash


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_images_still_leave_some_in_train_and_test(load, count, share):
    data = load({"images": IMAGES[:count], "labels": LABELS[:count]}, validation=share)
    assert all(len(part) for part in data.splits.values())
    assert {"train", "test"} <= set(data.splits)
    assert sum(map(len, data.splits.values())) == count
    assert np.isfinite(data.mean).all()


def unsplit(**changes):
    return {"images": IMAGES, "labels": LABELS, **changes}


def split(**changes):
    return {"train_images": IMAGES, "train_labels": LABELS, "test_images": IMAGES, "test_labels": LABELS, **changes}


BAD = {
    "float images": (unsplit(images=IMAGES / 1.0), r"images of .* pixels in \[0, 1\], got .*; divide by 255"),
    "normalised images": (unsplit(images=IMAGES / 255 - 0.5), r"in \[0, 1\], got values from -0.5 .*; leave norm"),
    "images of nan": (unsplit(images=IMAGES * np.nan), r"mine.npz: .*; pixels in \[0, 1\], got nan"),
    "flat float images": (unsplit(images=IMAGES.reshape(20, 192) / 255), r"images: expected .* of shape \(20, 192\)"),
    "no float image": ({"images": IMAGES[:0] / 255, "labels": LABELS[:0]}, r"images: expected .* got float64 of shape"),
    "16-bit images": (unsplit(images=IMAGES.astype(np.uint16)), "images: expected uint8 of shape .* got uint16"),
    "flat images": (unsplit(images=IMAGES.reshape(20, 192)), r"images: expected .* got uint8 of shape \(20, 192\)"),
    "a number for images": (unsplit(images=np.array(3)), r"images: expected .* got int64 of shape \(\)"),
    "no image": ({"images": IMAGES[:0], "labels": LABELS[:0]}, r"images: expected .* got uint8 of shape \(0, 3,"),
    "a negative label": (unsplit(labels=LABELS - 1), "labels: expected labels from 0 to 19, got -1"),
    "more classes than images": (unsplit(labels=LABELS * 7), "labels: expected labels from 0 to 19, got 21"),
    "a huge label": (unsplit(labels=LABELS * 2**40), "labels: expected labels from 0 to 19, got 3298534883328"),
    "a huger label": (unsplit(labels=LABELS.astype(np.uint64) * 2**62), "from 0 to 19, got 13835058055282163712"),
    "float labels": (unsplit(labels=LABELS / 2), "labels: expected 20 integers, .* got float64"),
    "no number": (unsplit(labels=LABELS * np.nan), "labels: expected 20 integers, .* got float64"),
    "names": (unsplit(labels=np.array(["cat", "dog"] * 10)), "labels: expected 20 integers, .* got <U3"),
    "dates": (unsplit(labels=LABELS.astype("M8[s]")), "labels: expected 20 integers, .* got datetime64"),
    "one-hot labels": (unsplit(labels=np.eye(4, dtype=int)[LABELS]), r"20 integers, .* got int64 of shape \(80,\)"),
    "too few labels": (unsplit(labels=LABELS[:-1]), r"labels: expected 20 integers, .* got int64 of shape \(19,\)"),
    "a single class": (unsplit(labels=LABELS * 0), "mine.npz: expected labels of at least 2 classes, got 1"),
    "a single class, not 0": (unsplit(labels=LABELS * 0 + 3), "expected labels of at least 2 classes, got 1"),
    "nothing": ({}, "mine.npz: expected an array images, got only none; see robnas.load_data"),
    "no labels": ({"images": IMAGES}, "mine.npz: expected an array labels, got only images; see robnas.load_data"),
    "other names": ({"X": IMAGES, "y": LABELS}, "mine.npz: expected an array images, got only X, y; see robnas"),
    "too few in train": (split(train_labels=LABELS[:3]), r"labels: expected 20 integers, .* of shape \(3,\)"),
    "names in test": (split(test_labels=np.array(["cat"] * 20)), "labels: expected 20 integers, .* got <U3"),
    "no test": ({"x_train": IMAGES, "y_train": LABELS}, "train and test, or neither, got no test among train"),
    "no train": ({"x_test": IMAGES, "y_test": LABELS}, "train and test, or neither, got no train among test"),
    "another size in test": (
        split(test_images=IMAGES[:, :, :6]),
        r"expected images of one shape in all splits, got train \(3, 8, 8\); test \(3, 6, 8\)"),
    "objects": (unsplit(images=np.array([None] * 20)), r"an .npz file of plain arrays, got ValueError \(Object arrays"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_are_no_data_set_are_refused(load, name):
    arrays, text = BAD[name]
    with refused(text):
        load(arrays)


def test_an_object_in_an_archive_is_not_unpickled(load, tmp_path):
    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sentinel"),)

    with refused("expected an .npz file of plain arrays, got ValueError"):
        load(unsplit(extra=np.array([Touch()])))
    assert not (tmp_path / "sentinel").exists()
    np.load(tmp_path / "mine.npz", allow_pickle=True)["extra"]
    assert (tmp_path / "sentinel").exists()  # it would have done that


def test_an_npz_file_that_is_something_else_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    array = io.BytesIO()
    np.save(array, IMAGES)
    for content in (b"", b"text", b"PK\x03\x04", array.getvalue(), np.random.default_rng(0).bytes(1000)):
        path.write_bytes(content)
        with refused(f"{path}: expected an .npz file of plain arrays, got .*; write it with numpy.savez_compressed"):
            load_data(path)


def test_a_zip_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000000,)}"
    array = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header
    for name, content in [("images.npy", b"no array"), ("images.npy", array), ("images", b"text")]:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        with refused(f"{path}: expected an"):
            load_data(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_truncation_of_an_npz_file_is_refused(save, tmp_path):
    path = tmp_path / "mine.npz"
    save(path, images=IMAGES[:, 0], labels=LABELS)
    size = path.stat().st_size
    for length in sorted({*range(0, size, 20), size - 1}, reverse=True):
        os.truncate(path, length)
        with refused(f"{path}: expected an .npz file of plain arrays"):
            load_data(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_file_is_read_or_refused_but_never_fails_otherwise(save, tmp_path):
    path = tmp_path / "mine.npz"
    save(path, images=np.repeat(IMAGES[:, 0], 3, axis=2), labels=LABELS)  # repeats itself, so it packs
    good, rng, outcomes = path.read_bytes(), np.random.default_rng(0), set()
    for _ in range(300):
        raw = bytearray(good)
        raw[rng.integers(len(raw))] = rng.integers(256)
        path.write_bytes(raw)
        try:
            load_data(path)
            outcomes.add("read")
        except DataError as error:
            outcomes.add("refused" if str(error).isprintable() else str(error))
    assert outcomes == {"read", "refused"}


# folders


def save_images(root, images, labels, names=("bee", "ant", "cow", "dog"), suffix=".png"):
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = root / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image if image.ndim == 2 else image.transpose(1, 2, 0)).save(folder / f"{number:03}{suffix}")
    return root


ALPHABETICAL = np.array([1, 0, 2, 3])  # of the names above


def test_an_unsplit_folder_is_split_like_an_archive(tmp_path):
    save_images(tmp_path / "mine", IMAGES, LABELS)
    data = load_data(tmp_path / "mine", validation=0.25)
    assert (data.name, data.num_classes, data.image_shape) == ("mine", 4, (3, 8, 8))
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 14, "validation": 4, "test": 2}
    assert all_of(data) == as_set(IMAGES, ALPHABETICAL[LABELS])
    pixels = data.split("train").images.numpy() / 255
    assert data.mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-12)
    assert data.content_hash == load_data(str(tmp_path / "mine"), validation=0.25).content_hash
    assert data.classes == ("ant", "bee", "cow", "dog")


@pytest.mark.parametrize("name", [None, "validation", "val", "valid"])
def test_a_split_folder_stays_as_it_is(name, tmp_path):
    save_images(tmp_path / "train", IMAGES, LABELS)
    save_images(tmp_path / "test", IMAGES[:8], LABELS[:8])
    if name:
        save_images(tmp_path / name, IMAGES[8:14], LABELS[8:14])
    data = load_data(tmp_path, validation=0)
    expected = {"train": as_set(IMAGES, ALPHABETICAL[LABELS]), "test": as_set(IMAGES[:8], ALPHABETICAL[LABELS[:8]])}
    if name:
        expected["validation"] = as_set(IMAGES[8:14], ALPHABETICAL[LABELS[8:14]])
    assert parts_of(data) == expected


def test_validation_images_are_held_out_of_a_split_folder(tmp_path):
    save_images(tmp_path / "train", IMAGES, LABELS)
    save_images(tmp_path / "test", IMAGES[:8], LABELS[:8])
    parts = parts_of(load_data(tmp_path, validation=0.2))
    assert len(parts["validation"]) == 4
    assert sorted(parts["train"] + parts["validation"]) == as_set(IMAGES, ALPHABETICAL[LABELS])


def test_a_class_that_one_split_lacks_keeps_its_number(tmp_path):
    save_images(tmp_path / "train", IMAGES[:8], LABELS[:8])
    save_images(tmp_path / "test", IMAGES[:2], [2, 3])
    data = load_data(tmp_path)
    assert data.num_classes == 4
    assert sorted(data.split("test").labels.tolist()) == [2, 3]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm", ".PNG"])
def test_grey_images_have_one_channel(suffix, tmp_path):
    save_images(tmp_path / "mine", IMAGES[:, 0], LABELS, suffix=suffix)
    data = load_data(tmp_path / "mine")
    assert data.image_shape == (1, 8, 8)
    assert all_of(data) == as_set(IMAGES[:, :1], ALPHABETICAL[LABELS])


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 3)])
def test_every_8_bit_mode_becomes_grey_or_colour(mode, channels, tmp_path):
    for number in range(4):
        folder = tmp_path / "mine" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[number].transpose(1, 2, 0)).convert(mode).save(folder / f"{number}.png")
    assert load_data(tmp_path / "mine").image_shape == (channels, 8, 8)


@pytest.mark.parametrize(("suffix", "kind", "mode"), [
    (".png", np.uint16, "I;16"), (".tif", np.uint16, "I;16"), (".pgm", np.uint16, "I"), (".tif", np.float32, "F"),
])  # fmt: skip
def test_more_than_8_bits_are_refused_and_not_clipped(suffix, kind, mode, tmp_path):
    save_images(tmp_path, (IMAGES[:, 0].astype(kind) * 200), LABELS, suffix=suffix)
    with refused(f"{tmp_path}/ant/001{suffix}: expected 8 bits per channel, got mode {mode}; convert it"):
        load_data(tmp_path)


def test_other_files_and_hidden_folders_are_ignored(tmp_path):
    save_images(tmp_path, IMAGES, LABELS)
    hash_before = load_data(tmp_path).content_hash
    (tmp_path / "readme.txt").write_text("about these images")
    (tmp_path / "ant" / "thumbs.db").write_bytes(b"no image")
    (tmp_path / "ant" / "folder.png").mkdir()
    save_images(tmp_path, IMAGES[:2], [0, 0], names=[".hidden"])
    assert load_data(tmp_path).content_hash == hash_before


@pytest.mark.parametrize("other", ["another size", "grey"])
def test_images_of_another_shape_are_named(other, tmp_path):
    save_images(tmp_path, IMAGES, LABELS)
    odd = IMAGES[0][:, :6] if other == "another size" else IMAGES[0][0]
    save_images(tmp_path, [odd], [3], suffix=".bmp")
    (tmp_path / "dog" / "000.bmp").rename(tmp_path / "dog" / "odd.bmp")
    shape = r"\(3, 6, 8\)" if other == "another size" else r"\(1, 8, 8\)"
    text = rf"expected the shape of 001.png, \(3, 8, 8\), got {shape}; give all images one size and mode"
    with refused(f"{tmp_path}/dog/odd.bmp: {text}"):
        load_data(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".gif", ".ppm"])
def test_a_broken_image_is_named(suffix, tmp_path):
    save_images(tmp_path, IMAGES, LABELS, suffix=suffix)
    path = tmp_path / "dog" / f"003{suffix}"
    good = path.read_bytes()
    for content in (b"", b"no image", good[: len(good) // 2], good[:20]):
        path.write_bytes(content)
        with refused(f"{path}: expected a complete image, got [A-Za-z]+; replace or remove it"):
            load_data(tmp_path)


EMPTY = {  # folders, how many of them hold an image, and what is said
    "nothing": ([], 0, "{}: expected at least 2 folders, one per class, got none"),
    "one class": (["ant"], 1, "{}: expected at least 2 folders, one per class, got ant"),
    "one class, split": (["train/ant", "test/ant"], 2, "{}: expected at least 2 folders, one per class, got ant"),
    "no images": (["ant", "bee"], 0, "{}: expected image files, got none"),
    "no test images": (["train/ant", "train/bee", "test/ant"], 2, "{}/test: expected image files, got none"),
    "no test classes": (["train/ant", "train/bee", "test"], 2, "{}/test: expected image files, got none"),
    "no test": (["train/ant", "train/bee"], 2, "{}: expected train and test, or neither, got no test among train"),
    "no train": (["test/ant", "test/bee"], 2, "{}: expected train and test, or neither, got no train among test"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_folder_that_is_no_data_set_is_refused(name, tmp_path):
    folders, filled, text = EMPTY[name]
    for number, folder in enumerate(folders):
        (tmp_path / folder).mkdir(parents=True)
        if number < filled:
            Image.fromarray(IMAGES[0][0]).save(tmp_path / folder / "image.png")
    with refused(text.format(tmp_path)):
        load_data(tmp_path)


def test_all_images_in_one_of_two_folders_are_one_class(tmp_path):
    save_images(tmp_path, IMAGES, LABELS * 0)
    (tmp_path / "zebra").mkdir()
    with refused(f"{tmp_path}: expected labels of at least 2 classes, got 1"):
        load_data(tmp_path)


def test_progress_is_told_now_and_then(tmp_path):
    images = np.zeros((600, 1, 2), np.uint8)
    save_images(tmp_path / "train", images, np.arange(600) % 2, suffix=".pgm")
    save_images(tmp_path / "test", images[:450], np.arange(450) % 2, suffix=".pgm")
    told = []
    load_data(tmp_path, progress=lambda *step: told.append(step))
    assert told == [(500, 1050, "read images"), (1000, 1050, "read images")]
