"""Small fake data sets in the official layouts, and a web server on this machine to fetch them from."""

import contextlib
import hashlib
import http.server
import io
import pickle
import struct
import tarfile
import threading
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

from robnas.data import DATASETS, _cifar
from robnas.errors import DataError


def random_images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def listing(folder):
    """Every file and folder below, hidden ones included, with the size of the files."""
    return {
        str(path.relative_to(folder)): path.stat().st_size if path.is_file() else None for path in folder.rglob("*")
    }


@contextlib.contextmanager
def refused(text, error=DataError):
    """The block fails with one line that matches `text`."""
    with pytest.raises(error, match=text) as raised:
        yield
    line = str(raised.value)
    assert line.isprintable()
    assert len(line) < 700
    assert "expected" in line


# CIFAR in its official layouts, but with few images


@dataclass(frozen=True)
class Layout:
    name: str
    which: object
    classes: int
    label_key: str
    label_bytes: int
    binary_folder: str
    binary_files: tuple
    binary_archive: str
    pickle_folder: str
    pickle_files: tuple
    pickle_archive: str

    def parts(self, count=20):
        """Images and labels per file; the last is the test file."""
        for number in range(len(self.binary_files)):
            labels = (np.arange(count) * 7 + number) % self.classes
            yield random_images(count, 3, 32, 32, seed=number), labels

    def write_binary(self, directory, count=20):
        folder = directory / self.binary_folder
        folder.mkdir(parents=True)
        for name, (images, labels) in zip(self.binary_files, self.parts(count), strict=True):
            coarse = [labels // 5] if self.label_bytes == 2 else []
            records = np.column_stack([*coarse, labels, images.reshape(count, 3072)])
            (folder / name).write_bytes(records.astype(np.uint8).tobytes())
        return folder

    def write_pickles(self, directory, dump, count=20):
        folder = directory / self.pickle_folder
        folder.mkdir(parents=True)
        for name, (images, labels) in zip(self.pickle_files, self.parts(count), strict=True):
            content = {
                "batch_label": "batch 1 of 1",
                "data": images.reshape(count, 3072),
                "filenames": [f"picture_{number}.png" for number in range(count)],
                self.label_key: labels.tolist(),
            }
            if self.label_bytes == 2:
                content["coarse_labels"] = (labels // 5).tolist()
            (folder / name).write_bytes(dump(content))
        return folder


TEN = Layout(
    "cifar10", _cifar.CIFAR10, 10, "labels", 1,
    "cifar-10-batches-bin", (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"), "cifar-10-binary.tar.gz",
    "cifar-10-batches-py", (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"), "cifar-10-python.tar.gz",
)  # fmt: skip
HUNDRED = Layout(
    "cifar100", _cifar.CIFAR100, 100, "fine_labels", 2,
    "cifar-100-binary", ("train.bin", "test.bin"), "cifar-100-binary.tar.gz",
    "cifar-100-python", ("train", "test"), "cifar-100-python.tar.gz",
)  # fmt: skip
LAYOUTS = pytest.mark.parametrize("layout", [TEN, HUNDRED], ids=lambda layout: layout.name)


class _Python2Pickler(pickle._Pickler):
    """Writes text and bytes alike as the strings of Python 2."""

    def save_string(self, value):
        raw = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)

    dispatch = {**pickle._Pickler.dispatch, str: save_string, bytes: save_string}  # noqa: RUF012


def dump_python2(content):
    """What Python 2 with the NumPy of its time wrote."""
    out = io.BytesIO()
    _Python2Pickler(out, protocol=2).dump(content)
    return out.getvalue().replace(b"numpy._core", b"numpy.core")


def dump_byte_keys(content):
    """Protocol 2 from Python 3 with the keys as bytes: array content then comes through ``_codecs.encode``."""
    return pickle.dumps({key.encode(): value for key, value in content.items()}, protocol=2)


def dump_new(content):
    return pickle.dumps(content, protocol=4)


PICKLES = pytest.mark.parametrize("dump", [dump_python2, dump_byte_keys, dump_new])


def dump_deep(content):
    """The first value becomes lists inside lists, 100,000 deep, which Python itself cannot print or write."""
    first, *rest = content
    raw = pickle.dumps({key: content[key] for key in rest}, protocol=2)[:-1]
    return raw + pickle.dumps(first, protocol=2)[2:-1] + b"]" * 100_000 + b"a" * 99_999 + b"s."


def md5_of(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def pack(archive, files):
    """A gzipped tar archive of (name inside, content) pairs; a content may also be a ready `TarInfo`."""
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return archive


@pytest.fixture
def accept(overwrite):
    """Make the checksum of an archive of a layout the one that is expected."""

    def accept(layout, archive):
        kind = "binary" if archive.name == layout.binary_archive else "pickled"
        which = replace(layout.which, **{kind: replace(getattr(layout.which, kind), md5=md5_of(archive))})
        overwrite(DATASETS, layout.name, partial(_cifar.load_cifar, which))

    return accept


# a web server on this machine


class Site:
    """`files` maps a name to its content, to a status code, or to (content, length that is promised)."""

    def __init__(self):
        self.files, self.asked = {}, []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                site.asked.append(name)
                answer = site.files.get(name, 404)
                status = answer if isinstance(answer, int) else 200
                content, length = answer if isinstance(answer, tuple) else (answer, None)
                content = b"" if isinstance(answer, int) else content
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) if length is None else length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    yield site
    site.close()
