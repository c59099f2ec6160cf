import json
import pickle
import re
from array import array

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import (
    EDGES,
    FORMATS,
    OPERATIONS,
    SIZE,
    Architecture,
    architectures,
    crossover,
    mutate,
    partition,
    sample,
)

GENOTYPE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
ALL = list(architectures())


def test_known_architecture_in_every_encoding():
    arch = Architecture(GENOTYPE)
    assert arch.code == "323133"
    assert arch.genotype == GENOTYPE
    assert arch.operations == tuple(OPERATIONS[i] for i in (3, 2, 3, 1, 3, 3))
    assert arch.format("naslib") == (2, 3, 0, 2, 2, 2)
    assert arch.format("hpobench") == {
        "1<-0": "nor_conv_3x3", "2<-0": "nor_conv_1x1", "2<-1": "nor_conv_3x3",
        "3<-0": "skip_connect", "3<-1": "nor_conv_3x3", "3<-2": "nor_conv_3x3",
    }  # fmt: skip
    assert arch.index == int("323133", 5)


@pytest.mark.parametrize("encoding", FORMATS)
def test_every_encoding_round_trips_over_the_whole_space(encoding):
    for arch in ALL:
        assert Architecture(arch.format(encoding)) == arch


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize("write", [str, json.dumps])
def test_every_encoding_is_understood_as_text(encoding, write):
    for arch in ALL[::53]:
        text = write(arch.format(encoding)).strip('"')
        if encoding == "naslib":
            text = text.replace("[", "(").replace("]", ")")
        assert Architecture(text) == arch
        assert Architecture(text, encoding=encoding) == arch
        assert Architecture(arch.format(encoding), encoding=encoding) == arch


def test_the_text_of_a_naslib_tuple_is_the_architecture_of_the_tuple():
    assert Architecture("(4, 0, 3, 1, 4, 3)") == Architecture((4, 0, 3, 1, 4, 3)) == Architecture("410242")


@pytest.mark.parametrize(
    "numbers",
    [[3, 2, 3, 1, 3, 3], "[3,2,3,1,3,3]", range(6), array("i", [3, 2, 3, 1, 3, 3]), np.array([3, 2, 3, 1, 3, 3])],
    ids=type,
)
def test_numbers_that_may_be_digits_or_naslibs_are_refused_until_one_says_which(numbers):
    with pytest.raises(InputError, match=r"a tuple.* NASLib.s.*; or say which: encoding=.naslib. or encoding=.code."):
        Architecture(numbers)


def test_numbers_are_read_as_what_they_are_said_to_be():
    digits = [3, 2, 3, 1, 3, 3]
    assert Architecture(digits, encoding="code") == Architecture(tuple(digits), encoding="code")
    assert Architecture(digits, encoding="code").code == "323133"
    assert Architecture(digits, encoding="naslib") == Architecture(tuple(digits))
    for values in (np.array(digits), np.array(digits, dtype=np.uint8), array("i", digits)):
        assert Architecture(values, encoding="code").code == "323133"
    assert Architecture(digits, encoding="naslib").code != "323133"


@pytest.mark.parametrize(("given", "encoding", "text"), [
    ("323133", "genotype", "expected the encoding genotype, got '323133'"),
    ((2, 3, 0, 2, 2, 2), "operations", "expected the encoding operations"),
    (("none",) * 6, "naslib", "expected the encoding naslib"),
    ("323133", "yaml", "encoding: expected one of genotype, code"),
    ("323133", ["code"], "encoding: expected one of genotype, code"),
    (bytes([3, 2, 3, 1, 3, 3]), "code", "expected the encoding code"),
    ([3, 2, 3, 1, 3, 5], "code", "element 6 of 6: expected a number from 0 to 4, got 5"),
    ([3, 2, 3, 1, 3, 10], "code", "element 6 of 6: expected a number from 0 to 4, got 10"),
    ([3, 2, 3], "code", "expected 6 operations, one per edge, got 3"),
])  # fmt: skip
def test_what_is_not_in_the_encoding_that_is_named_is_refused(given, encoding, text):
    with pytest.raises(InputError, match=text):
        Architecture(given, encoding=encoding)


def test_lists_numpy_tuples_and_architectures_are_accepted():
    arch = Architecture("323133")
    assert Architecture(arch) == arch
    assert Architecture(list(arch.operations)) == arch
    assert Architecture(tuple(np.array(arch.format("naslib")))) == arch
    assert Architecture(f"  {GENOTYPE}\n") == arch


def test_an_architecture_is_a_frozen_hashable_ordered_value():
    first, second = Architecture("323133"), Architecture(GENOTYPE)
    assert first == second
    assert hash(first) == hash(second)
    assert {first: 1}[second] == 1
    assert pickle.loads(pickle.dumps(first)) == first
    assert sorted([Architecture("400000"), first])[0] is first
    assert repr(first) == "Architecture('323133')"
    with pytest.raises(AttributeError):
        first.code = "000000"


def test_index_is_the_base_5_order():
    assert [arch.index for arch in ALL] == list(range(SIZE))
    assert Architecture.from_index(0).code == "000000"
    assert Architecture.from_index(SIZE - 1).code == "444444"
    with pytest.raises(InputError, match="from 0 to 15624, got 15625"):
        Architecture.from_index(SIZE)


BAD = [
    (GENOTYPE.replace("nor_conv_3x3~2", "nor_conv_5x5~2"),
     r"character 81: expected one of none, skip_connect, .* \(edge 2→3\), got 'nor_conv_5x5~2\|'"),
    (GENOTYPE.replace("|nor_conv_1x1~0|nor_conv_3x3~1|", "|nor_conv_1x1~0|"), r"character 34: .*\(edge 1→2\)"),
    (GENOTYPE.replace("nor_conv_1x1~0", "nor_conv_1x1~1"), r"character 31: expected '~0\|' \(edge 0→2\)"),
    (GENOTYPE + "|none~3|", r"architecture: expected at most \d+ characters|character \d+: expected the end"),
    (GENOTYPE[:-1], r"expected '~2\|' \(edge 2→3\), got '~2'"),
    (GENOTYPE[:20], "character 19: expected one of none"),
    ("|", "character 2: expected one of none, .*, got the end"),
    ("", "expected 6 digits, .* got 0 characters"),
    ("32313", "expected 6 digits, .* got 5 characters"),
    ("3231333", "expected 6 digits, .* got 7 characters"),
    ("323533", "character 4: expected one of the digits 0 to 4, .* got '5'"),
    ("32313٣", "character 6: expected one of the digits 0 to 4"),
    (b"323133", "got b'323133'; decode bytes to text first"),
    (bytearray(b"323133"), "decode bytes to text first"),
    ("3" * 10_000_000, "expected at most 95 characters, got 10,000,000 characters"),
    ("|" + "none" * 2_500_000, "expected at most 95 characters, got 10,000,001 characters"),
    (("none",) * 5, "expected 6 operations, one per edge, got 5"),
    (("none",) * 5 + ("max_pool",), r"element 6 of 6 \(edge 2→3\): expected one of none, .*, got 'max_pool'"),
    (("none",) * 5 + (3,), r"element 6 of 6 \(edge 2→3\): expected one of none, .*, got 3"),
    ((2, 3, 0, 2, 2, 5), "element 6 of 6 of a NASLib tuple: expected 0 skip_connect, .* got 5"),
    ((True,) * 6, "element 1 of 6 .*got True"),
    ({"1<-0": "none"}, "expected the keys 1<-0, .* got no '2<-0'"),
    ({"9<-0": "none"}, "key: expected the keys .* got '9<-0'"),
    (Architecture("323133").format("hpobench") | {"3<-1": "conv"}, "key '3<-1': expected one of none"),
    ("(2, 3, 0, 2, 2)", "expected 6 operations, one per edge, got 5"),
    ([2, 3, 0], "expected 6 operations, one per edge, got 3"),
    ("(2, 3, 0, 2, 2, 9)", "element 6 of 6 of a NASLib tuple"),
    ("(2, 3, 0, __import__('os'), 2, 2)", "expected a genotype string, a digit code"),
    ("(" * 200 + ")" * 200, "expected a genotype string|expected 6 operations"),
    ("[" * 5_000 + "]" * 5_000, "expected at most 400 characters"),
    ("(2, 3, 0, 2, 2, 2]", "character 1: expected one of the digits"),
    ("{'1<-0': 'none', '1<-0': 'none'}", "expected a genotype string, a digit code"),
    (25, "published index is looked up in a table"),
    (None, "expected a genotype string, a digit code"),
    (3.5, "expected a genotype string, a digit code"),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_malformed_input_names_the_position_and_what_is_accepted(encoding, text):
    with pytest.raises(InputError, match=text) as raised:
        Architecture(encoding)
    assert len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(InputError, match="one of genotype, code, operations, naslib, hpobench, got 'yaml'"):
        Architecture("323133").format("yaml")


def test_neighbours_are_the_24_that_differ_in_one_edge():
    for arch in ALL[::97]:
        neighbours = list(arch.neighbours())
        assert len(set(neighbours)) == 24
        assert all(sum(a != b for a, b in zip(n.code, arch.code, strict=True)) == 1 for n in neighbours)


def _live_edges_by_enumerating_paths(arch):
    paths = []

    def walk(node, taken):
        if node == 3:
            paths.append(taken)
        for number, (source, target) in enumerate(EDGES):
            if source == node and arch.operations[number] != "none":
                walk(target, (*taken, number))

    walk(0, ())
    live = {edge for path in paths for edge in path}
    return tuple(edge in live for edge in range(6))


def test_live_edges_are_those_on_a_path_from_input_to_output():
    for arch in ALL:
        assert arch.live_edges == _live_edges_by_enumerating_paths(arch)


# sampling


def test_samples_are_distinct_seeded_and_uniform():
    drawn = sample(np.random.default_rng(0), 500)
    assert len(set(drawn)) == 500
    assert drawn == sample(np.random.default_rng(0), 500)
    assert sorted(sample(np.random.default_rng(0), SIZE)) == ALL
    digits = np.array([[int(digit) for digit in arch.code] for arch in sample(np.random.default_rng(1), 5000)])
    for edge in range(6):
        frequency = np.bincount(digits[:, edge], minlength=5) / 5000
        assert np.abs(frequency - 0.2).max() < 0.03


def test_samples_of_a_partition_are_one_per_class():
    classes = partition("effective")
    drawn = sample(np.random.default_rng(0), classes.count, partition="effective")
    assert len({int(classes.class_of[arch.index]) for arch in drawn}) == classes.count


@pytest.mark.parametrize("count", [-1, SIZE + 1])
def test_a_sample_of_impossible_size_is_refused(count):
    with pytest.raises(InputError, match=re.escape("sample count: expected a number in [0, 15625]")):
        sample(np.random.default_rng(0), count)


def test_mutation_is_uniform_over_the_neighbours():
    arch, rng = Architecture("323133"), np.random.default_rng(0)
    drawn = [mutate(arch, rng) for _ in range(4800)]
    counts = np.array([drawn.count(neighbour) for neighbour in arch.neighbours()])
    assert counts.sum() == 4800
    assert 140 < counts.min() <= counts.max() < 260  # 200 expected, sd 14


def test_crossover_takes_each_edge_from_a_parent():
    rng = np.random.default_rng(0)
    first, second = Architecture("000000"), Architecture("333333")
    children = [crossover(first, second, rng) for _ in range(400)]
    assert {digit for child in children for digit in child.code} == {"0", "3"}
    assert 0.4 < np.mean([[digit == "3" for digit in child.code] for child in children]) < 0.6
    assert crossover(first, first, rng) == first
