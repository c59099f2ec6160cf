import errno
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import pytest

from robnas.data import load_data, to_pixels
from tests.conftest import shared_file
from tests.data.conftest import (
    LAYOUTS,
    PICKLES,
    TEN,
    dump_deep,
    dump_new,
    dump_python2,
    listing,
    pack,
    random_images,
    refused,
)


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch):
    """Whatever is not found here would be downloaded: no test of this file may do so."""
    monkeypatch.setattr("robnas.data._cifar._SITE", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def load(layout, directory, **settings):
    return load_data(layout.name, data_dir=directory, **{"allow_partial": True, **settings})


def same(first, second):
    return (first.name, first.content_hash, first.mean, first.std) == (
        second.name, second.content_hash, second.mean, second.std,
    )  # fmt: skip


# what is read


@LAYOUTS
def test_binary_files_hold_labels_and_planes(layout, tmp_path):
    layout.write_binary(tmp_path)
    data = load(layout, tmp_path, validation=0)
    *train, test = layout.parts()
    for name, parts in (("train", train), ("test", [test])):
        assert np.array_equal(data.split(name).images, np.concatenate([images for images, _ in parts]))
        assert np.array_equal(data.split(name).labels, np.concatenate([labels for _, labels in parts]))
    assert list(data.splits) == ["train", "test"]
    assert (data.name, data.num_classes, data.image_shape) == (layout.name, layout.classes, (3, 32, 32))
    assert all(0.4 < mean < 0.6 and 0.2 < std < 0.3 for mean, std in zip(data.mean, data.std, strict=True))


@LAYOUTS
@PICKLES
def test_pickles_of_old_and_new_make_give_what_binary_files_give(layout, dump, tmp_path):
    layout.write_binary(tmp_path / "binary")
    layout.write_pickles(tmp_path / "pickled", dump)
    assert same(load(layout, tmp_path / "pickled"), load(layout, tmp_path / "binary"))


def test_the_validation_share_is_taken_off_the_training_images_alone(tmp_path):
    TEN.write_binary(tmp_path)
    whole, parted = load(TEN, tmp_path, validation=0), load(TEN, tmp_path, validation=0.2)
    assert {name: len(part) for name, part in parted.splits.items()} == {"train": 80, "validation": 20, "test": 20}
    assert np.bincount(parted.split("validation").labels).tolist() == [2] * 10
    assert np.array_equal(parted.split("test").images, whole.split("test").images)
    assert len(load(TEN, tmp_path).split("validation")) == 10  # a tenth unless told otherwise


def test_binary_files_are_preferred(tmp_path):
    TEN.write_binary(tmp_path)
    (TEN.write_pickles(tmp_path, dump_new) / "test_batch").write_bytes(b"")
    load(TEN, tmp_path)


# damaged files


@LAYOUTS
def test_fewer_images_than_official_need_a_permission(layout, tmp_path):
    folder = layout.write_binary(tmp_path)
    count = 20 * (len(layout.binary_files) - 1)
    remedy = r"delete the folder to fetch the data again, or pass allow_partial=True \(--allow-partial\)"
    with refused(f"{folder}: expected 50,000 images, got {count}; {remedy}"):
        load(layout, tmp_path, allow_partial=False)


def test_more_images_than_official_are_refused_even_so(tmp_path):
    folder = TEN.write_binary(tmp_path)
    os.truncate(folder / "test_batch.bin", 10_001 * 3073)
    with refused("test_batch.bin: expected 10,000 images, got 10,001"):
        load(TEN, tmp_path)


@LAYOUTS
@pytest.mark.parametrize("number", [0, -1])
def test_a_truncated_binary_file_is_refused(layout, number, tmp_path):
    path = layout.write_binary(tmp_path) / layout.binary_files[number]
    record = 3072 + layout.label_bytes
    os.truncate(path, 20 * record - 7)
    text = f"{path}: expected a whole number of records of {record} bytes, got {20 * record - 7:,} bytes, {record - 7}"
    with refused(f"{text} left over; the file is truncated: delete its folder to fetch the data again"):
        load(layout, tmp_path)


@LAYOUTS
def test_an_empty_binary_file_is_refused(layout, tmp_path):
    path = layout.write_binary(tmp_path) / layout.binary_files[0]
    os.truncate(path, 0)
    with refused(f"{path}: expected a whole number of records .* got 0 bytes"):
        load(layout, tmp_path)


@LAYOUTS
@pytest.mark.parametrize("number", [0, -1])
def test_a_label_out_of_range_is_refused_by_file(layout, number, tmp_path):
    path = layout.write_binary(tmp_path) / layout.binary_files[number]
    with path.open("r+b") as stream:
        stream.seek(3 * (3072 + layout.label_bytes) + layout.label_bytes - 1)
        stream.write(bytes([layout.classes]))
    text = f"{path}, labels: expected labels from 0 to {layout.classes - 1}, got {layout.classes}; the file is damaged"
    with refused(text):
        load(layout, tmp_path)


@LAYOUTS
@pytest.mark.parametrize("kind", ["binary", "pickled"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_missing_file_is_named(layout, kind, number, tmp_path):
    if kind == "binary":
        path = layout.write_binary(tmp_path) / layout.binary_files[number]
    else:
        path = layout.write_pickles(tmp_path, dump_new) / layout.pickle_files[number]
    path.unlink()
    with refused(
        f"{path}: expected a file of {layout.name}, got nothing; delete {path.parent} to fetch the data again"
    ):
        load(layout, tmp_path)


GOOD = random_images(3, 3072)
BAD_CONTENT = {
    "no images": ({"labels": [1, 2, 3]}, r"an array data of shape \(n, 3072\), got NoneType"),
    "images as a list": ({"data": [1], "labels": [1]}, r"an array data of shape \(n, 3072\), got list"),
    "another size": ({"data": GOOD[:, :768], "labels": [1, 2, 3]}, r"\(n, 3072\), got uint8 of shape \(3, 768\)"),
    "a single image": ({"data": GOOD[0], "labels": [1]}, r"\(n, 3072\), got uint8 of shape \(3072,\)"),
    "no image": ({"data": GOOD[:0], "labels": []}, r"got uint8 of shape \(0, 3, 32, 32\)"),
    "float images": ({"data": GOOD / 255, "labels": [1, 2, 3]}, "expected uint8 .* got float64"),
    "no labels": ({"data": GOOD}, "labels: expected 3 integers, one per image, got object"),
    "too few labels": ({"data": GOOD, "labels": [1, 2]}, r"expected 3 integers, .* got int64 of shape \(2,\)"),
    "ragged labels": ({"data": GOOD, "labels": [1, [2], 3]}, "labels: expected 3 integers, one per image"),
    "float labels": ({"data": GOOD, "labels": [1.0, 2.0, 3.0]}, "labels: expected 3 integers, .* got float64"),
    "a negative label": ({"data": GOOD, "labels": [1, -2, 3]}, "labels: expected labels from 0 to 9, got -2"),
    "a large label": ({"data": GOOD, "labels": [1, 10, 3]}, "labels: expected labels from 0 to 9, got 10"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CONTENT)
def test_a_pickle_of_the_wrong_arrays_is_refused_by_file(name, tmp_path):
    content, text = BAD_CONTENT[name]
    path = TEN.write_pickles(tmp_path, dump_new) / "data_batch_3"
    path.write_bytes(dump_new(content))
    with refused(f"{path}.*{text}"):
        load(TEN, tmp_path)


@pytest.mark.parametrize("content", [{"data": ..., "labels": [1]}, {"labels": ..., "data": GOOD}])
def test_lists_nested_100_000_deep_are_refused(content, tmp_path):
    path = TEN.write_pickles(tmp_path, dump_new) / "data_batch_3"
    path.write_bytes(dump_deep(content))
    with refused(f"{path}.* expected"):
        load(TEN, tmp_path)


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_something_does_not(tmp_path):
    path = TEN.write_pickles(tmp_path, dump_new) / "test_batch"
    path.write_bytes(dump_python2({"data": Touch(tmp_path / "sentinel")}))
    with refused(rf"{path}: expected a pickle of plain NumPy arrays, got UnpicklingError \(it names posix.mkdir\)"):
        load(TEN, tmp_path)
    assert not (tmp_path / "sentinel").exists()


# archives


def archive_of(layout, kind, directory):
    """The archive with its folder, text files and parent folder as members, as the authors packed it."""
    folder = layout.write_binary(directory) if kind == "binary" else layout.write_pickles(directory, dump_new)
    archive = directory / (layout.binary_archive if kind == "binary" else layout.pickle_archive)
    (folder / "readme.html").write_text("not needed")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    shutil.rmtree(folder)
    return archive, folder


KINDS = pytest.mark.parametrize("kind", ["binary", "pickled"])


@LAYOUTS
@KINDS
def test_an_archive_is_verified_and_extracted_once(layout, kind, tmp_path, accept):
    layout.write_binary(tmp_path / "folder")
    (tmp_path / "packed").mkdir()
    archive, folder = archive_of(layout, kind, tmp_path / "packed")
    accept(layout, archive)
    assert same(load(layout, archive.parent), load(layout, tmp_path / "folder"))
    files = layout.binary_files if kind == "binary" else layout.pickle_files
    assert set(listing(archive.parent)) == {archive.name, folder.name, *(f"{folder.name}/{name}" for name in files)}
    archive.unlink()
    load(layout, archive.parent)


def test_others_may_read_what_was_extracted(tmp_path, accept):
    archive, folder = archive_of(TEN, "binary", tmp_path)
    accept(TEN, archive)
    load(TEN, tmp_path)
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


@LAYOUTS
@KINDS
def test_an_archive_of_another_checksum_is_not_opened(layout, kind, tmp_path):
    archive, _ = archive_of(layout, kind, tmp_path)
    before = listing(tmp_path)
    official = layout.which.binary if kind == "binary" else layout.which.pickled
    with refused(f"{archive}: expected MD5 {official.md5}, got [0-9a-f]{{32}}; delete the file and download it again"):
        load(layout, tmp_path)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("kept", [0, 5, 1000, 0.3, 0.7, -200])
def test_a_truncated_archive_leaves_nothing(kept, tmp_path, accept):
    archive, _ = archive_of(TEN, "binary", tmp_path)
    size = archive.stat().st_size
    os.truncate(archive, int(kept * size) if isinstance(kept, float) else kept % size if kept < 0 else kept)
    accept(TEN, archive)
    before = listing(tmp_path)
    with refused(f"{archive}: expected a complete tar archive and room to extract it, got .*; delete the archive"):
        load(TEN, tmp_path)
    assert listing(tmp_path) == before


def test_a_damaged_archive_leaves_nothing(tmp_path, accept):
    archive = tmp_path / TEN.binary_archive
    text = b"".join(b"%d, " % number for number in range(30_000))  # packs into Huffman codes that can be broken
    good = pack(archive, [(name, text) for name in TEN.binary_files]).read_bytes()
    kinds = set()
    for position in range(200, len(good) * 2 // 3, len(good) // 60):
        archive.write_bytes(good[:position] + bytes(range(100)) + good[position + 100 :])
        accept(TEN, archive)
        before = listing(tmp_path)
        with pytest.raises(ValueError, match=r"expected (a complete tar|the file \w+\.bin inside)") as raised:
            load(TEN, tmp_path)
        kinds.add(str(raised.value).partition("got ")[2].partition(" ")[0])
        assert str(raised.value).isprintable()
        assert listing(tmp_path) == before
    assert "error" in kinds  # that of zlib, which is no OSError


def test_an_archive_without_a_file_leaves_nothing(tmp_path, accept):
    archive = pack(tmp_path / TEN.binary_archive, [(f"x/{name}", b"12") for name in TEN.binary_files[:-1]])
    accept(TEN, archive)
    with refused(f"{archive}: expected the file test_batch.bin inside, got none"):
        load(TEN, tmp_path)
    assert list(listing(tmp_path)) == [archive.name]


def special(name, kind, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return name, member


def test_members_that_point_outside_write_nothing_there(tmp_path, accept):
    data = tmp_path / "home" / "data"
    TEN.write_binary(tmp_path / "folder")
    data.mkdir(parents=True)
    good = [(name, (tmp_path / "folder" / TEN.binary_folder / name).read_bytes()) for name in TEN.binary_files]
    outside = tmp_path / "outside"
    outside.mkdir()
    hostile = [
        ("../evil", b"evil"),
        ("../../evil", b"evil"),
        (str(outside / "evil"), b"evil"),
        (f"{TEN.binary_folder}/../../evil", b"evil"),
        special("link", tarfile.SYMTYPE, str(outside)),
        ("link/evil", b"evil"),
        special("test_batch.bin", tarfile.SYMTYPE, str(outside / "evil")),
        special("data_batch_1.bin", tarfile.LNKTYPE, "../evil"),
        special("data_batch_2.bin", tarfile.FIFOTYPE, ""),
        special("data_batch_3.bin", tarfile.DIRTYPE, ""),
        (f"../../{good[0][0]}", good[0][1]),
        (str(outside / good[1][0]), good[1][1]),
        *((f"x/{name}", content) for name, content in good[2:]),
    ]
    accept(TEN, pack(data / TEN.binary_archive, hostile))
    before = listing(tmp_path)
    assert same(load(TEN, data), load(TEN, tmp_path / "folder"))
    new = set(listing(tmp_path)) - set(before)
    root = f"home/data/{TEN.binary_folder}"
    assert new == {root, *(f"{root}/{name}" for name in TEN.binary_files)}
    assert all((tmp_path / root / name).is_file() for name in TEN.binary_files)
    assert not any((tmp_path / root / name).is_symlink() for name in TEN.binary_files)


def test_a_link_in_place_of_a_file_is_no_file(tmp_path, accept):
    (tmp_path / "secret").write_bytes(b"secret")
    members = [special(name, tarfile.SYMTYPE, str(tmp_path / "secret")) for name in TEN.binary_files]
    accept(TEN, pack(tmp_path / TEN.binary_archive, members))
    with refused("expected the file data_batch_1.bin inside, got none"):
        load(TEN, tmp_path)
    assert set(listing(tmp_path)) == {"secret", TEN.binary_archive}


@pytest.fixture
def interrupt(monkeypatch):
    """Let the third file be written half, then fail."""

    def interrupt(error):
        copy, calls = shutil.copyfileobj, []

        def fail(source, target, *rest):
            calls.append(target.name)
            if len(calls) == 3:
                copy(io.BytesIO(source.read(1000)), target)
                target.flush()
                assert os.path.getsize(target.name) == 1000
                raise error
            copy(source, target, *rest)

        monkeypatch.setattr(shutil, "copyfileobj", fail)
        return calls

    return interrupt


def test_a_full_disk_leaves_nothing_half_written(tmp_path, accept, interrupt):
    archive, _ = archive_of(TEN, "binary", tmp_path)
    accept(TEN, archive)
    before = listing(tmp_path)
    calls = interrupt(OSError(errno.ENOSPC, "No space left on device"))
    text = r"room to extract it, got OSError \(\[Errno 28\] No space left on device\); .* or free some space"
    with refused(f"{archive}: expected a complete tar archive and {text}"):
        load(TEN, tmp_path)
    assert len(calls) == 3
    assert listing(tmp_path) == before
    load(TEN, tmp_path)  # and with room again it works


def test_an_interrupted_extraction_leaves_nothing_half_written(tmp_path, accept, interrupt):
    archive, _ = archive_of(TEN, "binary", tmp_path)
    accept(TEN, archive)
    before = listing(tmp_path)
    calls = interrupt(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        load(TEN, tmp_path)
    assert len(calls) == 3
    assert listing(tmp_path) == before


def test_a_folder_that_cannot_be_written_to_is_said_in_one_line(tmp_path, accept, monkeypatch):
    archive, _ = archive_of(TEN, "binary", tmp_path)
    accept(TEN, archive)

    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    with refused(rf"{archive}: expected .* room to extract it, got PermissionError \(\[Errno 13\] Permission denied\)"):
        load(TEN, tmp_path)
    assert list(listing(tmp_path)) == [archive.name]


# the real images


def test_the_real_cifar10(tmp_path):
    """One function, so that the 180 MB are written once."""
    tool = shared_file("tools", "make_cifar.py")
    shared_file("data", "cifar10", "labels.npz")
    subprocess.run([sys.executable, tool, "--out", tmp_path, "--only", "cifar10"], check=True, capture_output=True)
    try:
        data = load_data("cifar10", data_dir=tmp_path)
    finally:
        shutil.rmtree(tmp_path / TEN.binary_folder)
    assert {name: len(part) for name, part in data.splits.items()} == {
        "train": 45_000, "validation": 5_000, "test": 10_000,
    }  # fmt: skip
    for part in data.splits.values():
        assert np.bincount(part.labels).tolist() == [len(part) // 10] * 10
        assert (str(part.images.dtype), str(part.labels.dtype)) == ("torch.uint8", "torch.int64")
        assert part.images.shape[1:] == (3, 32, 32)
    pixels = data.split("train").images
    for channel in range(3):
        plane = to_pixels(pixels[:, channel : channel + 1])
        assert data.mean[channel] == pytest.approx(float(plane.mean()), abs=0.01)
        assert data.std[channel] == pytest.approx(float(plane.std()), abs=0.01)


def test_a_binary_file_of_too_many_images_is_refused_before_it_is_read(tmp_path):
    folder = TEN.write_binary(tmp_path)
    with (folder / "data_batch_1.bin").open("r+b") as stream:
        stream.truncate(3073 * 2_000_000)
    with refused("data_batch_1.bin: expected 50,000 images, got 2,000,000"):
        load_data("cifar10", data_dir=tmp_path, allow_partial=True)
