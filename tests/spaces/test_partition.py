"""Partitions: their counts, what they tell apart, their versions."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import (
    SIZE,
    Architecture,
    architectures,
    canonical,
    compute_partition,
    partition,
    partition_facts,
    partition_of,
)

ALL = list(architectures())
COUNTS = {"official": 6466, "effective": 5044, "identical": 5875}
EARLIER = {"effective@1": 4660, "identical@1": 5545}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_partitions_have_the_exact_class_counts(name, count):
    classes = partition(name)
    assert classes.count == count
    assert len(np.unique(classes.class_of)) == count
    assert len({canonical(arch, name) for arch in ALL}) == count
    assert len(classes.representatives()) == count


def _refines(fine, coarse):
    pairs = np.unique(np.stack([fine.class_of, coarse.class_of]), axis=1)
    return pairs.shape[1] == fine.count


def test_identical_networks_are_of_one_effective_class():
    assert _refines(partition("identical"), partition("effective"))


@pytest.mark.parametrize(
    ("name", "classes", "groups", "members"), [("identical", 5136, 641, 1971), ("effective", 4800, 721, 2387)]
)
def test_classes_among_the_published_representatives(published_rank, name, classes, groups, members):
    representatives = partition("official").representatives(published_rank)
    sizes = np.bincount(partition(name).class_of[[arch.index for arch in representatives]])
    assert (sizes > 0).sum() == classes
    assert ((sizes > 1).sum(), sizes[sizes > 1].sum()) == (groups, members)


def _live_convolutions(arch):
    live = [digit for digit, on_path in zip(arch.code, arch.live_edges, strict=True) if on_path]
    return live.count("2"), live.count("3")


def test_official_classes_mix_networks_that_are_not_identical_and_differ_in_size():
    official, identical = partition("official").class_of, partition("identical").class_of
    networks, sizes = [set() for _ in range(6466)], [set() for _ in range(6466)]
    for arch in ALL:
        networks[official[arch.index]].add(identical[arch.index])
        sizes[official[arch.index]].add(_live_convolutions(arch))
    assert (sum(len(found) > 1 for found in networks), sum(len(found) > 1 for found in sizes)) == (523, 430)


@pytest.mark.parametrize("name", ["identical", "effective"])
def test_networks_of_one_class_have_one_live_size(name):
    classes, size_of = partition(name).class_of, {}
    assert all(
        _live_convolutions(arch) == size_of.setdefault(classes[arch.index], _live_convolutions(arch)) for arch in ALL
    )


@pytest.mark.parametrize("name", ["identical", "effective"])
def test_one_convolution_used_twice_is_not_two_convolutions(name):
    assert not partition(name).same("303031", "330033")
    assert partition(name, version=1).same("303031", "330033")
    assert canonical("303031", name) == "c1+c2; c1=nor_conv_3x3(c3); c2=nor_conv_3x3(c3); c3=nor_conv_3x3(x)"


def test_members_and_representative_of_a_class():
    classes = partition("effective")
    nothing = Architecture("000000")
    members = classes.members(nothing)
    assert nothing in members
    assert Architecture("300000") in members
    assert all(classes.same(nothing, member) for member in members)
    assert not classes.same(nothing, Architecture("323133"))
    rank = np.arange(SIZE)[::-1]  # the last member becomes the representative
    assert members[-1] in classes.representatives(rank)
    assert members[0] not in classes.representatives(rank)


@pytest.fixture(scope="module")
def published_rank(published_meta):
    rank = np.empty(SIZE, dtype=int)
    for number, entry in published_meta["ids"].items():
        rank[Architecture(entry["nb201-string"]).index] = int(number)
    return rank


def test_official_representatives_are_the_published_ones(published_meta, published_rank):
    published = {int(number) for number, entry in published_meta["ids"].items() if entry["isomorph"] == number}
    ours = partition("official").representatives(published_rank)
    assert {int(published_rank[arch.index]) for arch in ours} == published


def test_an_unknown_partition_lists_the_known_ones():
    with pytest.raises(InputError, match="one of official, effective, identical, got 'iso'"):
        partition("iso")


@pytest.mark.parametrize("name", [*COUNTS, *EARLIER])
def test_stored_partitions_are_the_computed_ones(name):
    stored, computed = partition(name), compute_partition(name)
    assert (stored.class_of == computed.class_of).all(), "write spaces/partitions.npz again from compute_partition"
    assert stored.count == computed.count == len({canonical(arch, name) for arch in ALL})


# versions


@pytest.mark.parametrize(("name", "count"), EARLIER.items())
def test_an_earlier_version_is_named_by_a_number_or_in_the_name(name, count):
    base, _, version = name.partition("@")
    earlier = partition(base, version=int(version))
    assert (earlier.name, earlier.count) == (name, count)
    assert partition(name) is earlier


@pytest.mark.parametrize(("name", "version"), [("official", 1), ("effective", 2), ("identical", 2)])
def test_the_present_version_has_the_plain_name(name, version):
    assert partition(name) is partition(name, version=version) is partition(f"{name}@{version}")
    assert partition(name).name == name


@pytest.mark.parametrize(
    ("name", "version", "known"), [("official", 2, "1"), ("effective", 3, "1, 2"), ("identical", 0, "1, 2")]
)
def test_an_unknown_version_lists_the_known_ones(name, version, known):
    for ask in (lambda: partition(name, version=version), lambda: canonical("303031", f"{name}@{version}")):
        with pytest.raises(InputError, match=f"version of partition {name}: expected one of {known}, got '{version}'"):
            ask()


@pytest.mark.parametrize("name", [*COUNTS, *EARLIER, None])
def test_what_a_file_says_of_a_partition_is_read_as_that_partition(name):
    assert partition_of(partition_facts(name)) == name


def test_a_file_that_says_no_version_means_the_first():
    assert partition_of({"partition": "effective"}) == "effective@1"
    assert partition_of({"partition": "official"}) == "official"
    assert partition_of({}) is None
    assert partition_facts("official") == {"partition": "official"}
    assert partition_facts("effective") == {"partition": "effective", "partition_version": 2}
    assert partition_facts("effective@1") == {"partition": "effective"}
