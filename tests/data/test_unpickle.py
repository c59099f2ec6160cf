"""Pickles are read without running what is in them: only plain arrays, lists, numbers and text come out."""

import os
import pickle

import numpy as np
import pytest

from robnas.data._unpickle import load_arrays
from robnas.errors import DataError
from tests.data.conftest import PICKLES, dump_new, dump_python2, random_images, refused

ARRAYS = {
    "bytes": random_images(6, 4),
    "column-major": np.asfortranarray(random_images(6, 4)),
    "integers": np.arange(-5, 5),
    "big-endian": np.arange(5, dtype=">i8"),
    "floats": np.linspace(0, 1, 6).reshape(2, 3),
    "truth values": np.array([True, False]),
}


@pytest.fixture
def read(tmp_path):
    def read(raw):
        path = tmp_path / "batch"
        path.write_bytes(raw)
        return load_arrays(path)

    return read


@PICKLES
@pytest.mark.parametrize("name", ARRAYS)
def test_plain_arrays_come_back_as_they_were(read, dump, name):
    back = read(dump({"data": ARRAYS[name], "labels": [3, 1], "batch_label": "a batch"}))
    assert np.array_equal(back.pop("data"), ARRAYS[name])
    assert back == {"labels": [3, 1], "batch_label": "a batch"}


def test_a_loaded_array_is_writable_and_owns_its_memory(read):
    array = read(dump_new({"data": ARRAYS["bytes"]}))["data"]
    array[:] = 0
    assert array.flags.owndata


def test_keys_that_are_no_text_are_left_out(read):
    assert read(dump_new({1 << 100_000: 1, (1, 2): 2, "data": 3, b"labels": 4})) == {"data": 3, "labels": 4}


# pickles that would run something


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


CALLS = {
    "os.system": lambda path: Call(os.system, f"echo > {path}"),
    "builtins.eval": lambda path: Call(eval, f"open({str(path)!r}, 'w').close()"),
    "builtins.exec": lambda path: Call(exec, f"open({str(path)!r}, 'w').close()"),
    "os.mkdir": lambda path: Call(os.mkdir, str(path)),
}
PLACES = {
    "the whole pickle": lambda call: call,
    "a value": lambda call: {"data": call},
    "a list": lambda call: {"labels": [1, call]},
    "an array of objects": lambda call: {"data": np.array([call], dtype=object)},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_executed(tmp_path, read, name, place, protocol):
    sentinel = tmp_path / "sentinel"
    raw = pickle.dumps(PLACES[place](CALLS[name](sentinel)), protocol=protocol)
    pickle.loads(raw)
    assert sentinel.exists()  # the pickle does what it is meant to do,
    sentinel.rmdir() if sentinel.is_dir() else sentinel.unlink()
    with refused(r"batch: expected a pickle of plain NumPy arrays, got UnpicklingError \((it names|array of)"):
        read(raw)
    assert not sentinel.exists()  # but not here


# pickles made of single instructions


def name_of(dotted):
    module, _, name = dotted.rpartition(".")
    return f"c{module}\n{name}\n".encode()


def plain(value):
    return pickle.dumps(value, protocol=2)[2:-1]


def call(dotted, *arguments, state=None):
    items = b"".join(argument if isinstance(argument, bytes) else plain(argument) for argument in arguments)
    return name_of(dotted) + b"(" + items + b"tR" + (b"" if state is None else state + b"b")


def tuple_of(*items):
    return b"(" + b"".join(item if isinstance(item, bytes) else plain(item) for item in items) + b"t"


def array(shape, dtype, raw, start=(0,), kind="numpy.ndarray"):
    state = tuple_of(1, shape, dtype, False, raw)
    return call("numpy.core.multiarray._reconstruct", name_of(kind), start, "b", state=state)


def dtype(text, *, order="|", fields="N", names="N", size=-1, flags=0):
    names, fields = (item.encode() if isinstance(item, str) else item for item in (names, fields))
    return call("numpy.dtype", text, False, True, state=tuple_of(3, order, None, names, fields, size, size, flags))


RAW = b"U\x04abcd"  # four bytes, as Python 2 wrote them
FAR_FIELD = b"}" + plain("a") + tuple_of(dtype("u8"), 1 << 40) + b"s"
HOSTILE = {
    "an array that begins huge": (array((4,), dtype("u1"), RAW, start=(1 << 60,)), r"begins with shape \(115292150"),
    "a huge array of few bytes": (array((1 << 60,), dtype("u1"), RAW), "ValueError"),
    "more bytes than the shape": (array((3,), dtype("u1"), RAW), "ValueError"),
    "a negative shape": (array((-5, 3), dtype("u1"), RAW), "ValueError"),
    "an array of another class": (array((4,), dtype("u1"), RAW, kind="numpy.dtype"), "begins with shape"),
    "a matrix": (array((4,), dtype("u1"), RAW, kind="numpy.matrix"), "names numpy.matrix"),
    "an array without content": (call("numpy.core.multiarray._reconstruct", name_of("numpy.ndarray"), (0,), "b"),
                                 "AttributeError"),
    "an array of no type": (array((4,), "u1", RAW), "AttributeError"),
    "objects": (array((1,), dtype("O8"), RAW), "array of object"),
    "records that point outside": (
        array((1,), dtype("V8", names=tuple_of("a"), fields=FAR_FIELD, size=8), RAW * 2), "array of void"),
    "records in disguise": (dtype("V4"), "array of void"),
    "text": (array((1,), dtype("S4"), RAW), "array of bytes"),
    "no byte order": (array((4,), dtype("u2", order="?"), RAW), "ValueError"),
    "no type at all": (dtype("no such type"), "TypeError"),
    "the array class called": (call("numpy.ndarray", (1 << 60,), "u1"), "TypeError"),
    "objects through the array class": (call("numpy.ndarray", (5,), "O"), "TypeError"),
    "another codec": (call("_codecs.encode", "nop", "rot13"), "encoding rot13"),
    "a codec that decompresses": (call("_codecs.encode", "nop", "zlib"), "encoding zlib"),
    "text beyond latin1": (call("_codecs.encode", "…", "latin1"), "UnicodeEncodeError"),
    "a scalar": (pickle.dumps(np.float64(1), protocol=2)[2:-1], "it names numpy.*scalar"),
    "a persistent object": (plain("42") + b"Q", "UnpicklingError"),
    "an extension": (b"\x82\x01", "ValueError"),
    "a name of two lines": (b"\x8c\x03a\nb\x8c\x03c\x1bd\x93", "it names a b.c d"),
    "a memo place that makes Python reserve gigabytes": (b"]r\xff\xff\xff\x1f", "memo place 536,870,911"),
    "a memo place in text": (b"]p999999999\n", "memo place 999,999,999"),
    "a very long name": (b"X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"\x8c\x01b\x93", "it names aaaa"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_instructions_are_refused_in_one_line(read, name):
    value, text = HOSTILE[name]
    with refused(f"batch: expected a pickle of plain NumPy arrays, got .*{text}.*; delete the file"):
        read(b"\x80\x02}" + plain("data") + value + b"s.")


def test_the_instructions_above_make_an_array_when_nothing_is_wrong_with_them(read):
    """Else they might be refused for another reason than the one that is tested."""
    for text, order, wanted in [("u1", "|", b"abcd"), ("u2", "<", [0x6261, 0x6463]), ("u2", ">", [0x6162, 0x6364])]:
        wanted = list(wanted)
        back = read(b"\x80\x02}" + plain("data") + array((len(wanted),), dtype(text, order=order), RAW) + b"s.")
        assert back["data"].tolist() == wanted
    fields = {"names": tuple_of("a"), "fields": FAR_FIELD, "size": 8, "flags": 63}  # ignored, not believed
    back = read(b"\x80\x02}" + plain("data") + array((2,), dtype("u2", order="<", **fields), RAW) + b"s.")
    assert back["data"].tolist() == [0x6261, 0x6463]
    assert back["data"].dtype.names is None


def test_a_type_in_a_pickle_does_not_change_the_types_of_numpy(read):
    read(b"\x80\x02}" + plain("data") + array((2,), dtype("u2", order=">"), RAW) + b"s.")
    assert np.dtype("u2").isnative


@pytest.mark.parametrize(("raw", "text"), [
    (b"", "got EOFError"),
    (b"\x80\x02.", "got UnpicklingError"),
    (bytes(range(256)), "got UnpicklingError"),
    (random_images(1, 3000)[0].tobytes(), "got UnpicklingError"),
    (b"\x80\xff.", "got ValueError"),
    (b"BZh91AY&SY", "expected a pickle of plain NumPy arrays, got"),
    (plain([1, 2]) + b".", "batch: expected a dictionary, got list"),
    (plain(None) + b".", "batch: expected a dictionary, got NoneType"),
    (b"]" * 100_000 + b"a" * 99_999 + b".", "batch: expected a dictionary, got list"),
    (b"(" * 100_000 + b"t" * 100_000 + b".", "batch: expected a dictionary, got tuple"),
])  # fmt: skip
def test_what_is_no_dictionary_is_refused_in_one_line(read, raw, text):
    with refused(text):
        read(raw)


@pytest.mark.parametrize("dump", [dump_python2, dump_new])
def test_every_truncation_is_refused(read, dump):
    raw = dump({"data": random_images(2, 6), "labels": [1, 2]})
    for length in range(len(raw)):
        with refused("batch: expected a pickle of plain NumPy arrays, got .*; delete the file and download it again"):
            read(raw[:length])


@pytest.mark.parametrize("dump", [dump_python2, dump_new])
def test_a_damaged_pickle_is_read_or_refused_but_never_fails_otherwise(read, dump):
    good = dump({"data": random_images(2, 6), "labels": [1, 2]})
    rng, outcomes = np.random.default_rng(0), set()
    for _ in range(500):
        raw = bytearray(good)
        raw[rng.integers(len(raw))] = rng.integers(256)
        try:
            read(bytes(raw))
            outcomes.add("read")
        except DataError as error:
            outcomes.add("refused" if str(error).isprintable() else str(error))
    assert outcomes == {"read", "refused"}


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(2**29 + 1)
    with refused("large: expected at most 536,870,912 bytes, got 536,870,913"):
        load_arrays(path)
