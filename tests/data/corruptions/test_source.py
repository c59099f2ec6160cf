"""Official files are found, checked and read, and never taken for others; all else is made and says so."""

import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
import torch

from robnas.data import Corruptions, Dataset, Images, corrupt, corrupted, corruptions, load_data
from robnas.data._corruptions import _official
from robnas.errors import InputError
from robnas.types import CORRUPTIONS, Metric
from tests.data.conftest import random_images, refused

COUNT = 20
DIGITS = load_data("digits")


def cifar(count=COUNT, name="cifar10", classes=10, seed=0):
    labels = torch.arange(count) * 7 % classes
    images = torch.from_numpy(random_images(count, 3, 32, 32, seed=seed))
    parts = {"train": Images(images, labels), "test": Images(images, labels)}
    return Dataset(name, classes, parts, (0.5,) * 3, (0.25,) * 3)


DATA = cifar()


def write(directory, data=DATA, names=CORRUPTIONS, folder="CIFAR-10-C"):
    """Files as they are published, but of few images: pixel levels tell name and severity."""
    place = directory / folder
    place.mkdir()
    test = data.split("test")
    np.save(place / "labels.npy", np.tile(test.labels.numpy(), 5).astype(np.uint8))
    for name in names:
        np.save(place / f"{name}.npy", pixels(len(test), name))
    return place


def pixels(count, name):
    return random_images(5 * count, 32, 32, 3, seed=CORRUPTIONS.index(name))


def official(directory, data=DATA, **settings):
    return corruptions(data, split="test", data_dir=directory, **{"allow_partial": True, **settings})


# what is read


@pytest.mark.parametrize(
    ("name", "classes", "folder"), [("cifar10", 10, "CIFAR-10-C"), ("cifar100", 100, "CIFAR-100-C")]
)
def test_severities_are_blocks_of_the_files(name, classes, folder, tmp_path):
    data = cifar(name=name, classes=classes)
    write(tmp_path, data, folder=folder)
    found = official(tmp_path, data)
    assert (found.label, found.seed, len(found)) == ("", None, COUNT)
    assert found.names == CORRUPTIONS
    assert (dict(found.left_out), dict(found.notes)) == ({}, {})
    for each in ("gaussian_noise", "saturate"):
        for severity in range(1, 6):
            part = found.images(each, severity)
            block = pixels(COUNT, each)[COUNT * (severity - 1) : COUNT * severity]
            assert np.array_equal(part.images, block.transpose(0, 3, 1, 2))
            assert torch.equal(part.labels, data.split("test").labels)
    few = found.images("fog", 3, limit=4)
    assert torch.equal(few.images, found.images("fog", 3).images[:4])
    assert len(few) == 4


def test_all_ten_thousand_images_are_read_where_they_are(tmp_path):
    labels = np.arange(10_000) % 10
    images = torch.zeros(10_000, 3, 32, 32, dtype=torch.uint8)
    data = Dataset("cifar10", 10, {"test": Images(images, torch.from_numpy(labels))}, (0.5,) * 3, (0.25,) * 3)
    place = tmp_path / "CIFAR-10-C"
    place.mkdir()
    np.save(place / "labels.npy", np.tile(labels, 5).astype(np.uint8))
    empty = np.lib.format.open_memmap(place / "fog.npy", "w+", np.uint8, (50_000, 32, 32, 3))  # takes no room
    empty[20_000, 1, 2, 0] = 7
    empty.flush()
    for name in CORRUPTIONS[:15]:
        if name != "fog":
            os.link(place / "fog.npy", place / f"{name}.npy")
    found = official(tmp_path, data, allow_partial=False)
    assert found.names == CORRUPTIONS[:15]
    assert found.mean_names == CORRUPTIONS[:15]
    assert found.left_out["saturate"] == "no file in CIFAR-10-C"
    first = found.images("snow", 3, limit=1).images
    assert first.sum() == first[0, 0, 1, 2] == 7
    assert len(found.images("snow", 5)) == 10_000


def test_the_archive_is_verified_and_extracted(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    write(source)
    target = tmp_path / "data"
    target.mkdir()
    with tarfile.open(target / "CIFAR-10-C.tar", "w") as tar:
        tar.add(source / "CIFAR-10-C", "CIFAR-10-C")
    with refused("CIFAR-10-C.tar: expected MD5 56bf5dcef84df0e2308c6dcbcbbd8499"):
        official(target)
    found = hashlib.md5((target / "CIFAR-10-C.tar").read_bytes()).hexdigest()
    monkeypatch.setitem(
        _official.ARCHIVES, "cifar10", _official._Archive("CIFAR-10-C", found, "http://127.0.0.1:9/CIFAR-10-C.tar")
    )
    made = official(target)
    assert made.label == ""
    assert np.array_equal(made.images("fog", 1).images, official(source).images("fog", 1).images)


def test_with_a_part_of_the_test_images_the_first_of_each_severity_are_read(tmp_path):
    write(tmp_path, cifar(30))
    data = cifar(30)
    part = Dataset("cifar10", 10, {"test": data.split("test").limit(12)}, data.mean, data.std)
    found = official(tmp_path, part)
    assert len(found) == 12
    assert np.array_equal(found.images("snow", 2).images, pixels(30, "snow")[30:42].transpose(0, 3, 1, 2))
    with refused("image limit", InputError):
        found.images("snow", 2, limit=13)


def test_more_test_images_than_files_have_are_cut(tmp_path):
    write(tmp_path, cifar(12))
    found = official(tmp_path, DATA)
    assert len(found) == len(found.images("fog", 5)) == len(found.clean) == 12


def test_some_corruptions_are_enough_where_that_is_allowed(tmp_path):
    write(tmp_path, names=("snow", "brightness"))
    found = official(tmp_path)
    assert found.names == found.mean_names == ("snow", "brightness")
    assert set(found.left_out) == set(CORRUPTIONS) - {"snow", "brightness"}
    with refused("corruption: expected one of snow, brightness, got 'fog'", InputError):
        found.images("fog", 1)


# what is refused


def test_a_whole_set_is_wanted_unless_a_part_is_allowed(tmp_path):
    write(tmp_path)
    with refused("labels.npy: expected 10,000 images per severity, got 20; or pass allow_partial=True"):
        official(tmp_path, allow_partial=False)


def test_missing_corruptions_are_named(tmp_path):
    place = write(tmp_path)
    (place / "saturate.npy").unlink()  # an extra one
    assert "saturate" not in official(tmp_path).names
    for name in CORRUPTIONS:
        (place / f"{name}.npy").unlink(missing_ok=True)
    with refused("gaussian_noise.npy: expected a file for each of the 15"):
        official(tmp_path)
    (place / "labels.npy").unlink()
    with refused("labels.npy: expected a file, got nothing"):
        official(tmp_path)


def test_labels_of_other_images_are_refused(tmp_path):
    write(tmp_path, cifar(name="cifar10", classes=9))
    with refused(
        r"labels.npy: expected the labels of the test images, once per severity, got 5 instead of 4 for image 2 at "
        r"severity 1; the files belong to other images: load those, or take CIFAR-10-C away "
        r'\(or pass source="made"\)'
    ):
        official(tmp_path)


def test_labels_are_compared_at_every_severity(tmp_path):
    place = write(tmp_path)
    labels = np.load(place / "labels.npy")
    labels[77] += 1
    np.save(place / "labels.npy", labels)
    with refused("for image 17 at severity 4"):
        official(tmp_path)


def test_a_missing_severity_is_refused(tmp_path):
    place = write(tmp_path)
    np.save(place / "fog.npy", pixels(COUNT, "fog")[: 4 * COUNT])
    with refused(
        r"fog.npy: expected uint8 of shape \(100, 32, 32, 3\): 5 severities of 20 images each, as in labels.npy, got "
        r"uint8 of shape \(80, 32, 32, 3\)"
    ):
        official(tmp_path)
    np.save(place / "labels.npy", np.tile(DATA.split("test").labels.numpy(), 4).astype(np.uint8))
    with refused("labels.npy: expected the labels"):
        official(tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (np.zeros((100, 32, 32, 3), np.float32), "got float32"),
        (np.zeros((100, 3, 32, 32), np.uint8), r"got uint8 of shape \(100, 3, 32, 32\)"),
        (np.zeros((50_000, 32, 32, 1), np.uint8), "got uint8"),
        (np.array([None] * 100), "an .npy file of numbers"),
    ],
    ids=["floats", "channels first", "grey", "objects"],
)
def test_arrays_of_another_kind_are_refused(content, text, tmp_path):
    place = write(tmp_path)
    np.save(place / "snow.npy", content, allow_pickle=True)
    with refused(text):
        official(tmp_path)


class _Trap:
    def __reduce__(self):
        return (os.mkdir, ("trapped",))


@pytest.mark.parametrize("name", ["labels", "motion_blur"])
@pytest.mark.parametrize(
    "raw",
    [b"", b"\x93NUMPY", pickle.dumps(_Trap()), pickle.dumps(np.zeros(3)), b"PK\x03\x04", "npz", "short"],
    ids=["empty", "only magic", "trap", "pickle", "broken zip", "npz", "short"],
)
def test_files_that_are_no_plain_arrays_are_refused(name, raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = write(tmp_path)
    path = place / f"{name}.npy"
    if raw == "npz":
        stream = io.BytesIO()
        np.savez(stream, a=np.zeros(3))
        raw = stream.getvalue()
    path.write_bytes(path.read_bytes()[:-1] if raw == "short" else raw)
    with refused(f"{name}.npy: expected"):
        official(tmp_path)
    assert not (tmp_path / "trapped").exists()


def test_a_folder_that_is_wrong_is_never_replaced_by_made_images(tmp_path):
    (tmp_path / "CIFAR-10-C").mkdir()
    with refused("labels.npy"):
        corruptions(DATA, split="test", data_dir=tmp_path)
    assert corruptions(DATA, split="test", data_dir=tmp_path, source="made").label == "made"


def test_official_images_that_are_not_there_are_asked_for(tmp_path):
    with refused("CIFAR-10-C: expected a folder of .npy files, got nothing; put CIFAR-10-C.tar from https://zenodo"):
        official(tmp_path, source="official")
    with refused("official corruptions of digits: expected one of cifar10, cifar100, got none are published"):
        corruptions(DIGITS, split="test", data_dir=tmp_path, source="official")
    with refused("split of official corruptions: expected test, got 'train'", InputError):
        corruptions(DATA, split="train", data_dir=tmp_path, source="official")
    with refused("source of corruptions: expected one of auto, official, made", InputError):
        corruptions(DATA, split="test", source="mine")


# what is made


def test_what_is_not_published_is_made_and_says_so(tmp_path):
    write(tmp_path)
    made = corruptions(DATA, split="train", seed=3, data_dir=tmp_path)  # official ones are of the test images
    assert (made.label, made.seed) == ("made", 3)
    assert torch.equal(made.images("fog", 2).images, corrupt(DATA.split("train").images, "fog", 2, seed=3))
    assert torch.equal(made.images("fog", 2, limit=5).images, made.images("fog", 2).images[:5])
    assert torch.equal(
        corrupted(DATA, "fog", 2, split="train", seed=3, limit=5).images, made.images("fog", 2, limit=5).images
    )
    assert "synthetic" in made.notes["frost"]


def test_digits_have_what_means_something_for_them():
    made = corruptions(DIGITS, split="test")
    assert isinstance(made, Corruptions)
    assert len(made) == 400
    assert set(made.left_out) == {"pixelate", "saturate"}
    assert len(made.names) == 17
    assert len(made.mean_names) == 14
    part = made.images("contrast", 5)
    assert torch.equal(part.labels, DIGITS.split("test").labels)
    assert part.images.shape == (400, 1, 8, 8)
    with refused("saturate: grey images have no saturation", InputError):
        made.images("saturate", 1)


def test_channels_for_which_nothing_is_made_are_refused():
    four = Images(torch.zeros(2, 4, 8, 8, dtype=torch.uint8), torch.zeros(2).long())
    with refused(r"corruptions of cmyk: expected grey or RGB images, got \(4, 8, 8\)", InputError):
        corruptions(Dataset("cmyk", 2, {"test": four}, (0.5,) * 4, (0.5,) * 4), split="test")


def test_images_that_are_no_grey_levels_are_refused():
    floats = Images(torch.zeros(2, 1, 8, 8), torch.zeros(2).long())
    with refused("images of a data set: expected uint8, 0 to 255, got torch.float32", InputError):
        corruptions(Dataset("floats", 2, {"test": floats}, (0.5,), (0.5,)), split="test")


# keys and hashes


def test_keys_are_those_of_metrics(tmp_path):
    write(tmp_path)
    for found, label in ((official(tmp_path), ""), (official(tmp_path, source="made"), "made")):
        for name in found.names:
            metric = Metric.parse(found.key(name, 4))
            assert (metric.attack, metric.severity, metric.label, metric.kind) == (name, 4, label, "corruption")
        mean = Metric.parse(found.mean_key)
        assert (mean.attack, mean.label, mean.kind) == ("corruptions", label, "corruption")
    with refused("severity", InputError):
        found.key("fog", 6)


def test_hashes_tell_apart_what_was_done(tmp_path):
    write(tmp_path)
    sources = [official(tmp_path), official(tmp_path, source="made"), corruptions(DIGITS, split="test")]
    hashes = {
        found.content_hash(name, severity) for found in sources for name in ("fog", "snow") for severity in (1, 2)
    }
    assert len(hashes) == 12
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in hashes)
    means = {found.mean_hash for found in sources}
    assert len(means) == 3
    assert sources[1].content_hash("fog", 1) == official(tmp_path, source="made", seed=8).content_hash("fog", 1)


def test_hashes_of_official_images_are_those_of_their_pixels(tmp_path):
    place = write(tmp_path)
    found = official(tmp_path)
    before = found.content_hash("fog", 1), found.content_hash("fog", 2)
    changed = pixels(COUNT, "fog")
    changed[COUNT] ^= 1
    np.save(place / "fog.npy", changed)
    assert found.content_hash("fog", 1) == before[0]
    assert found.content_hash("fog", 2) != before[1]
    np.save(place / "fog.npy", changed[:-1])
    with refused("fog.npy"):
        found.images("fog", 1)


def test_what_is_shown_is_short_and_what_is_sent_to_a_worker_is_the_same(tmp_path):
    write(tmp_path)
    for found in (official(tmp_path), official(tmp_path, source="made")):
        assert len(repr(found)) <= 302
        sent = pickle.loads(pickle.dumps(found))
        assert torch.equal(sent.images("fog", 1).images, found.images("fog", 1).images)
        assert sent.mean_hash == found.mean_hash
