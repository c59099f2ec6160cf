import shutil

import numpy as np
import pytest

from robnas.data import _imagenet16, load_data
from tests.data.conftest import (
    PICKLES,
    dump_deep,
    dump_new,
    dump_python2,
    listing,
    md5_of,
    random_images,
    refused,
)

BATCHES = [f"train_data_batch_{number}" for number in range(1, 11)]


def content(number, count=30):
    """Labels from 1 to 1000, half of them within the first 120 classes, both ends of either half among them."""
    labels = np.concatenate([np.arange(count // 2) * 7 + number, 121 + np.arange(count // 2) * 50])
    labels[:2], labels[-1] = (1, 120), 1000
    return {"data": random_images(count, 768, seed=number), "labels": labels.tolist(), "mean": random_images(1, 768)}


def write(directory, dump=dump_new):
    folder = directory / "ImageNet16"
    folder.mkdir(parents=True)
    for number, name in enumerate([*BATCHES, "val_data"]):
        (folder / name).write_bytes(dump(content(number)))
    return folder


@pytest.fixture
def accept(monkeypatch):
    """Make the checksums of the files in a folder the ones that are expected."""

    def accept(folder):
        for known in (_imagenet16.TRAIN_MD5, _imagenet16.TEST_MD5):
            for name in known:
                monkeypatch.setitem(known, name, md5_of(folder / name))

    return accept


def load(directory, **settings):
    return load_data("imagenet16-120", data_dir=directory, **settings)


def expected(numbers):
    images, labels = [], []
    for number in numbers:
        batch = content(number)
        for image, label in zip(batch["data"], batch["labels"], strict=True):
            if label <= 120:
                images.append(image.reshape(3, 16, 16))
                labels.append(label - 1)
    return np.stack(images), labels


@PICKLES
def test_the_first_120_classes_are_kept_and_count_from_0(dump, tmp_path, accept):
    accept(write(tmp_path, dump))
    data = load(tmp_path, validation=0)
    assert list(data.splits) == ["train", "test"]
    for name, numbers in (("train", range(10)), ("test", [10])):
        images, labels = expected(numbers)
        assert 0 in labels
        assert 119 in labels
        assert np.array_equal(data.split(name).images, images)
        assert data.split(name).labels.tolist() == labels
    assert (data.name, data.num_classes, data.image_shape) == ("imagenet16-120", 120, (3, 16, 16))
    assert all(0.4 < mean < 0.5 and 0.2 < std < 0.3 for mean, std in zip(data.mean, data.std, strict=True))


def test_the_validation_split_comes_from_the_training_images(tmp_path, accept):
    accept(write(tmp_path))
    data = load(tmp_path)
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 135, "validation": 15, "test": 15}


def test_progress_is_told_of_every_file(tmp_path, accept):
    accept(write(tmp_path))
    told = []
    load(tmp_path, progress=lambda *step: told.append(step))
    assert told == [*((number, 10, f"read {name}") for number, name in enumerate(BATCHES, 1)), (1, 1, "read val_data")]


@pytest.mark.parametrize("name", [BATCHES[0], BATCHES[9], "val_data"])
def test_a_file_of_another_checksum_is_refused_unless_permitted(name, tmp_path, accept):
    folder = write(tmp_path)
    accept(folder)
    md5 = md5_of(folder / name)
    (folder / name).write_bytes(dump_new(content(42)))
    with refused(f"{folder / name}: expected MD5 {md5}, got {md5_of(folder / name)}; delete the file"):
        load(tmp_path)
    load(tmp_path, allow_partial=True)


def test_the_official_checksums_are_asked_for(tmp_path):
    folder = write(tmp_path)
    with refused(f"{folder / BATCHES[0]}: expected MD5 27846dcaa50de8e21a7d1a35f30f0e91"):
        load(tmp_path)
    assert _imagenet16.TEST_MD5 == {"val_data": "3410e3017fdaefba8d5073aaa65e4bd6"}


@pytest.mark.parametrize("name", [BATCHES[0], BATCHES[4], "val_data"])
def test_a_missing_file_is_named(name, tmp_path, accept):
    folder = write(tmp_path)
    accept(folder)
    (folder / name).unlink()
    remedy = f"put train_data_batch_1 … 10 and val_data into {folder}"
    with refused(f"{folder / name}: expected a file of ImageNet16-120, got nothing; {remedy}"):
        load(tmp_path)


def test_nothing_there_says_where_to_put_the_files(tmp_path):
    with refused(f"{tmp_path}/ImageNet16/{BATCHES[0]}: .* put train_data_batch_1 … 10 and val_data into {tmp_path}"):
        load(tmp_path, allow_partial=True)
    assert listing(tmp_path) == {}


def test_the_first_batches_suffice_if_permitted(tmp_path):
    folder = write(tmp_path)
    for name in BATCHES[3:]:
        (folder / name).unlink()
    images, labels = expected(range(3))
    data = load(tmp_path, validation=0, allow_partial=True)
    assert np.array_equal(data.split("train").images, images)
    assert data.split("train").labels.tolist() == labels


@pytest.mark.parametrize("name", [BATCHES[0], "val_data"])
def test_a_permission_does_not_make_up_for_a_missing_first_batch_or_test_file(name, tmp_path):
    folder = write(tmp_path)
    (folder / name).unlink()
    with refused(f"{folder / name}: expected a file of ImageNet16-120, got nothing"):
        load(tmp_path, allow_partial=True)


GOOD = content(0)
BAD = {
    "no images": ({"labels": [1]}, r"a uint8 array data of shape \(n, 768\), got NoneType"),
    "a list of images": (GOOD | {"data": [1, 2]}, "got list"),
    "32 pixels": (GOOD | {"data": random_images(30, 3072)}, r"\(n, 768\), got uint8 of shape \(30, 3072\)"),
    "a number": (GOOD | {"data": np.array(3, np.uint8)}, r"\(n, 768\), got uint8 of shape \(\)"),
    "no image": (GOOD | {"data": GOOD["data"][:0], "labels": []}, r"\(n, 768\), got uint8 of shape \(0, 768\)"),
    "floats": (GOOD | {"data": GOOD["data"] / 255}, r"got float64 of shape \(30, 768\)"),
    "no labels": ({"data": GOOD["data"]}, "labels: expected 30 integers, one per image, got object"),
    "too few labels": (GOOD | {"labels": [1, 2]}, r"labels: expected 30 integers, .* got int64 of shape \(2,\)"),
    "ragged labels": (GOOD | {"labels": [[1], 2] * 15}, "labels: expected 30 integers, one per image, got object"),
    "label 0": (GOOD | {"labels": [0] * 30}, "labels: expected labels from 1 to 1000, got 0"),
    "label 1001": (GOOD | {"labels": [1001] * 30}, "labels: expected labels from 1 to 1000, got 1001"),
    "no dictionary": ([1, 2], "expected a dictionary, got list"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_batch_of_the_wrong_arrays_is_refused_by_file(name, tmp_path):
    damaged, text = BAD[name]
    path = write(tmp_path) / BATCHES[3]
    path.write_bytes(dump_new(damaged))
    with refused(f"{path}.*{text}"):
        load(tmp_path, allow_partial=True)


@pytest.mark.parametrize("damaged", [GOOD | {"labels": ...}, {"data": ..., "labels": [1]}])
def test_lists_nested_100_000_deep_are_refused(damaged, tmp_path):
    path = write(tmp_path) / BATCHES[0]
    first = next(key for key, value in damaged.items() if value is ...)
    path.write_bytes(dump_deep({first: ..., **damaged}))
    with refused(f"{path}.* expected"):
        load(tmp_path, allow_partial=True)


def test_a_truncated_batch_is_refused(tmp_path):
    path = write(tmp_path, dump_python2) / "val_data"
    path.write_bytes(path.read_bytes()[:-100])
    with refused(f"{path}: expected a pickle of plain NumPy arrays, got .*; delete the file and download it again"):
        load(tmp_path, allow_partial=True)


def test_batches_without_the_first_120_classes_are_refused(tmp_path):
    folder = write(tmp_path)
    for name in BATCHES:
        (folder / name).write_bytes(dump_new(GOOD | {"labels": [121] * 30}))
    with refused(rf"{folder}, images: expected uint8 of shape .* got uint8 of shape \(0, 3, 16, 16\)"):
        load(tmp_path, allow_partial=True)
    shutil.rmtree(folder)
