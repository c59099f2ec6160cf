import tracemalloc
import zipfile

import numpy as np
import pytest

from robnas.data import load_data
from robnas.data._arrays import read_arrays
from tests.data.conftest import random_images, refused

GIB = 2**30


def header(shape, descr="|u1"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text


def archive(path, entries):
    """An archive of (name, head, zero bytes that follow)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, head, zeros in entries:
            with out.open(name + ".npy", "w", force_zip64=True) as stream:
                stream.write(head)
                for _ in range(zeros // 2**24):
                    stream.write(bytes(2**24))
                stream.write(bytes(zeros % 2**24))
    return path


def claim(path, size):
    """Let the directory of an archive say that its first entry has `size` bytes."""
    raw = bytearray(path.read_bytes())
    place = raw.index(b"PK\x01\x02") + 24
    raw[place : place + 4] = min(size, 2**32 - 2).to_bytes(4, "little")
    path.write_bytes(raw)


@pytest.mark.parametrize(("shape", "descr"), [((6 * GIB,), "|u1"), ((10**6, 3, 32, 32), "<f8"), ((1,), "<U100000000")])
def test_an_array_that_says_it_is_larger_than_its_entry_is_refused(shape, descr, tmp_path):
    path = archive(tmp_path / "mine.npz", [("images", header(shape, descr), 1000), ("labels", header((5,)), 5)])
    with refused("mine.npz: expected an .npz file of plain arrays, got ValueError .images of shape"):
        load_data(path)


def test_an_array_above_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("robnas.data._arrays.MOST_BYTES", GIB // 16)
    path = archive(
        tmp_path / "mine.npz", [("images", header((GIB // 16, 1, 1)), GIB // 16), ("labels", header((5,)), 5)]
    )
    tracemalloc.start()
    try:
        with refused("mine.npz: expected at most 0.0625 GiB of arrays, got 0.1 GiB; take fewer or smaller images"):
            load_data(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_an_entry_that_claims_6_gb_in_header_and_directory_is_refused(tmp_path):
    head = header((6 * GIB,))
    path = archive(tmp_path / "mine.npz", [("images", head, 10), ("labels", header((5,)), 5)])
    claim(path, 4 * GIB)
    with refused("mine.npz: expected"):
        load_data(path)


def test_arrays_of_other_names_are_not_read(tmp_path):
    images, labels = random_images(20, 8, 8), np.arange(20) % 4
    np.savez(tmp_path / "mine.npz", images=images, labels=labels, other=images)
    found, names = read_arrays(tmp_path / "mine.npz", ["images", "labels", "x_train"])
    assert (list(found), names) == (["images", "labels"], ["images", "labels", "other"])
    np.testing.assert_array_equal(found["images"], images)


def test_a_folder_above_the_limit_is_refused_after_one_image(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr("robnas.data._arrays.MOST_BYTES", 3 * 64 * 3)
    for number in range(4):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(random_images(1, 8, 8, 3)[0]).save(tmp_path / "ab"[number % 2] / f"{number}.png")
    with refused("expected at most .* GiB of arrays"):
        load_data(tmp_path)
