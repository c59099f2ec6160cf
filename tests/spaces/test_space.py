import itertools
import pickle

import numpy as np
import pytest

import robnas
from robnas.errors import InputError
from robnas.spaces import (
    SPACES,
    CellArchitecture,
    Gene,
    NASBench201,
    Space,
    TheorySpace,
    configured,
    parse_key,
    space_of,
)

TOY = Space(
    "toy", genes=(Gene("depth", (1, 2, 3)), Gene("act", ("relu", "relu6")), Gene("width", (4, 8, 16, 32), ordered=True))
)
SMALL = [TOY, TheorySpace(3, ("relu", "tanh"), (0, 3)), Space("one", genes=(Gene("only", (7,)),))]
HUGE = Space("huge", genes=[Gene(f"g{place}", range(10)) for place in range(40)])
EVERY = [*SMALL, HUGE, *SPACES.values()]


@pytest.mark.parametrize("space", SMALL, ids=lambda space: space.name)
def test_every_architecture_of_a_small_space_is_told_by_its_text_and_its_number(space):
    everything = list(space)
    assert len(everything) == space.size == len({arch.text for arch in everything}) == len(set(everything))
    for index, arch in enumerate(everything):
        assert space.parse(arch.text) == space.parse(f" {arch} ") == space.parse(arch) == arch
        assert space.from_genes(arch.genes) == space.parse(dict(arch.genes)) == space.at(space.positions(arch)) == arch
        assert space.index_of(arch) == index
        assert space.from_index(index) == arch
        assert arch in space
        assert arch.space == space.name
        assert space.reads(arch.text)
    assert everything == [space.at(p) for p in itertools.product(*(range(len(gene)) for gene in space.genes))]


@pytest.mark.parametrize("space", EVERY, ids=lambda space: space.name)
def test_architectures_are_values(space):
    rng = np.random.default_rng(0)
    for arch in space.sample(rng, min(space.size, 5)):
        same = space.parse(arch.text)
        assert same == arch
        assert hash(same) == hash(arch)
        assert str(arch) == arch.text
        assert pickle.loads(pickle.dumps(arch)) == arch
        assert list(arch.genes) == [gene.name for gene in space.genes]
        assert sorted([arch, same]) == [arch, same]
        assert not arch < same
        assert arch <= same
        with pytest.raises(AttributeError):
            arch.text = "other"
    assert pickle.loads(pickle.dumps(space)) == space
    assert eval(repr(arch), {**vars(robnas.spaces), "SPACES": {space.name: space}}) == arch


@pytest.mark.parametrize("space", EVERY, ids=lambda space: space.name)
def test_neighbours_differ_in_one_gene(space):
    arch = space.random(np.random.default_rng(1))
    near = space.neighbours(arch)
    assert len(near) == len(set(near)) == sum(len(gene) - 1 for gene in space.genes)
    here = np.array(space.positions(arch))
    assert all((np.array(space.positions(other)) != here).sum() == 1 and other in space for other in near)


@pytest.mark.parametrize("space", [TOY, TheorySpace(3, ("relu", "tanh"), (0, 3)), SPACES["nas-bench-201"]])
def test_mutation_draws_neighbours_uniformly(space):
    arch = space.random(np.random.default_rng(1))
    near = space.neighbours(arch)
    rng = np.random.default_rng(0)
    drawn = [space.mutate(arch, rng) for _ in range(200 * len(near))]
    counts = np.array([drawn.count(other) for other in near])
    assert counts.sum() == len(drawn)
    assert ((counts - 200) ** 2 / 200).sum() < 3 * len(near)


def test_what_cannot_change_stays():
    one = SMALL[2]
    (arch,) = one
    assert one.mutate(arch, np.random.default_rng(0)) == arch
    assert one.neighbours(arch) == ()


@pytest.mark.parametrize("space", EVERY, ids=lambda space: space.name)
def test_children_have_the_genes_of_their_parents(space):
    rng = np.random.default_rng(2)
    first, second = space.random(rng), space.random(rng)
    child = space.crossover(first, second, rng)
    for name, value in child.genes.items():
        assert value in (first.genes[name], second.genes[name])


@pytest.mark.parametrize("space", EVERY, ids=lambda space: space.name)
def test_one_hot_marks_the_choice_of_every_gene(space):
    archs = space.sample(np.random.default_rng(3), min(space.size, 4))
    rows = space.encode(archs, "one-hot")
    assert rows.shape == (len(archs), sum(map(len, space.genes)))
    assert rows.dtype == np.float64
    for row, arch in zip(rows, archs, strict=True):
        marked = [
            list(np.eye(len(gene))[place]) for gene, place in zip(space.genes, space.positions(arch), strict=True)
        ]
        assert row.tolist() == list(itertools.chain(*marked))
    assert space.encode([], "one-hot").shape == (0, rows.shape[1])
    with pytest.raises(InputError, match=f"encoding of space {space.name}: expected one of .*one-hot"):
        space.encode(archs, "two-hot")


@pytest.mark.parametrize("space", EVERY, ids=lambda space: space.name)
def test_samples_are_distinct_and_follow_the_generator(space):
    count = min(space.size, 30)
    drawn = space.sample(np.random.default_rng(0), count)
    assert len(set(drawn)) == count
    assert drawn == space.sample(np.random.default_rng(0), count)
    if space.size <= 15_625:
        with pytest.raises(InputError, match=f"sample count: expected .*{space.size}"):
            space.sample(np.random.default_rng(0), space.size + 1)


def test_a_huge_space_says_so_where_it_would_be_written_out():
    assert HUGE.size == 10**40
    assert not HUGE.listable
    assert HUGE
    arch = HUGE.from_index(10**39 + 5)
    assert HUGE.index_of(arch) == 10**39 + 5
    message = "space huge, every score: expected at most 1,000,000 architectures, got about 10.40; sample it"
    with pytest.raises(InputError, match=message):
        HUGE.check_listable("every score")
    assert TOY.check_listable("every score") == 24


class Endless(Space):
    """As many layers as one likes."""

    size = None


def test_a_space_without_end_has_no_numbers():
    space = Endless("endless", genes=(Gene("a", (1, 2)),))
    for question in (lambda: list(space), lambda: space.from_index(0), lambda: space.index_of(space.at([0]))):
        with pytest.raises(InputError, match="index in space endless: expected a space that ends, got no end"):
            question()
    with pytest.raises(InputError, match="space endless, a map: expected at most 1,000,000 architectures, got no end"):
        space.check_listable("a map")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("depth=4,act=relu,width=4", "gene depth: expected one of 1, 2, 3, got '4'"),
        ("depth=1,act=relu7,width=4", "gene act: expected one of relu, relu6, got 'relu7'"),
        ("depth=1,width=4,act=relu", "architecture of space toy, character 8: expected ,act=, got ',width=4,act=relu'"),
        (
            "depth=1,act=relu",
            "character 17: expected ,width=, got the end; it is written like depth=1,act=relu,width=4",
        ),
        ("depth=1,act=relu,width=4,x=1", "architecture of space toy, character 25: expected the end, got ',x=1'"),
        ("", "architecture of space toy, character 1: expected depth=, got the end"),
        ("x" * 3000, "architecture: expected at most 2,000 characters, got 3,000 characters"),
        (3, "architecture: expected a text such as depth=1,act=relu,width=4, got 3"),
        ("323133", "architecture: expected one of space toy, got 323133, which belongs to nas-bench-201"),
        ("fc:relu,relu:1", "expected one of space toy, got fc:relu,relu:1, which belongs to theory"),
        ("D1=4,W1=8,D2=4,W2=8,D3=4,W3=8", "expected one of space toy, got D1=4.*, which belongs to wide-resnet"),
        (robnas.Architecture("323133"), "expected one of space toy, got 323133, which belongs to nas-bench-201"),
        ({"depth": 1, "act": "relu"}, "genes of space toy: expected depth, act, width, got no width"),
        ({"depth": 1, "act": "relu", "wdith": 4}, "gene of space toy: .* did you mean width"),
        ({"depth": 1, "act": "relu", "width": 5}, "gene width: expected one of 4, 8, 16, 32, got 5"),
    ],
)
def test_what_names_no_architecture_of_the_space_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        TOY.parse(given)


def test_the_constructor_of_one_space_knows_whose_text_it_was_given():
    with pytest.raises(InputError, match=r"expected one of space nas-bench-201, got .*, which belongs to wide-resnet"):
        robnas.Architecture("D1=4,W1=8,D2=4,W2=8,D3=4,W3=8")
    with pytest.raises(InputError, match="which belongs to theory"):
        SPACES["nas-bench-201"].parse(TheorySpace().from_index(0))
    with pytest.raises(InputError, match="one of space theory, got 323133, which belongs to nas-bench-201"):
        SPACES["theory"].parse("323133")


@pytest.mark.parametrize(
    ("name", "genes", "message"),
    [
        ("toy", (), "genes of space toy: expected at least one, got none"),
        ("toy", (Gene("a", (1,)), Gene("a", (2,))), "genes of space toy: expected each name once, got 'a'"),
        ("toy", ("a", "b"), "genes of space toy: expected a tuple of Gene"),
        ("toy", 3, "genes of space toy: expected a tuple of Gene, got 3"),
        ("", (Gene("a", (1,)),), "space name: expected letters and digits"),
        ("two words", (Gene("a", (1,)),), "space name: expected letters and digits"),
        ("a:b=1", (Gene("a", (1,)),), "space name: expected letters and digits"),
    ],
)
def test_what_is_no_space_is_refused(name, genes, message):
    with pytest.raises(InputError, match=message):
        Space(name, genes=genes)
    with pytest.raises(InputError, match="build of space toy: expected a function that returns a network, got 3"):
        Space("toy", genes=(Gene("a", (1,)),), build=3)


def test_the_constructor_makes_architectures_of_nas_bench_201():
    arch = robnas.Architecture("323133")
    assert isinstance(arch, CellArchitecture)
    assert isinstance(arch, robnas.Architecture)
    assert robnas.Architecture.from_index(arch.index) == arch == robnas.Architecture(arch)
    assert arch.space == "nas-bench-201"
    assert arch.text == "323133"
    assert arch.genes["edge_0_1"] == "nor_conv_3x3"


def test_settings_are_part_of_a_space_and_presets_belong_to_recipes():
    space = SPACES["nas-bench-201"]
    assert space.settings == {"channels": 16, "cells": 5}
    assert space.key == "nas-bench-201:channels=16,cells=5"
    small = space.configure(channels=4)
    assert small != space
    assert small.settings == {"channels": 4, "cells": 5}
    assert small.fingerprint == space.fingerprint
    assert space.for_recipe("digits") == space.for_recipe("digits+epochs=2") == NASBench201(8, 1)
    assert space.for_recipe("mine") == space == NASBench201(16, 5)
    assert TOY.for_recipe("digits") == TOY
    assert TOY.settings == {}
    assert TOY.key == "toy"
    with pytest.raises(InputError, match="channels of space nas-bench-201: expected"):
        space.configure(channels=0)
    with pytest.raises(
        InputError, match="setting of space nas-bench-201: expected one of channels, cells, got 'width'"
    ):
        space.configure(width=3)
    with pytest.raises(InputError, match="settings of space toy: expected none, because it has none, got width"):
        TOY.configure(width=3)


def test_spaces_are_found_by_what_files_say():
    for space in (*SPACES.values(), NASBench201(4, 1), TheorySpace(5, ("relu",), (3,), "pool")):
        assert space_of(space.to_dict()) == space
    assert space_of(None) == space_of("nas-bench-201") == NASBench201()
    assert space_of(parse_key(NASBench201(4, 1).key)) == NASBench201(4, 1)
    with pytest.raises(InputError, match=r"space: expected one of nas-bench-201, .*, got 'mine'; .* by --import FILE"):
        space_of("mine")


def test_the_shipped_spaces():
    assert [space.size for space in SPACES.values()] == [15_625, 7**3 * 4, 15_625]
    wide = SPACES["wide-resnet"]
    arch = wide.from_genes({"D1": 4, "W1": 10, "D2": 4, "W2": 10, "D3": 4, "W3": 10})
    assert arch.text == "D1=4,W1=10,D2=4,W2=10,D3=4,W3=10"
    assert all(gene.ordered for gene in wide.genes)
    assert SPACES["nas-bench-201"].partitions == ("official", "effective", "identical")
    with pytest.raises(InputError, match="partition: expected none, space wide-resnet has none, got 'identical'"):
        wide.partition("identical")
    assert wide.draw(arch).splitlines()[0] == "D1  4"
    assert "nor_conv" in SPACES["nas-bench-201"].draw(robnas.Architecture("323133"))


def test_a_space_is_registered_under_its_own_name():
    with pytest.raises(InputError, match="space name: expected its own, toy, got 'other'"):
        SPACES["other"] = TOY
    with pytest.raises(InputError, match="space 'toy': expected a space, got 3"):
        SPACES["toy"] = 3


def test_cells_are_told_apart_by_how_many_convolutions_are_live_and_genes_are_not():
    space = SPACES["nas-bench-201"]
    names = dict(zip(range(7), [0, 1, 1, 2, 2, 3, 3], strict=True))  # family by number of live convolutions
    for cell in itertools.islice(space, 0, None, 61):
        live = sum(digit in "23" for digit, alive in zip(cell.code, cell.live_edges, strict=True) if alive)
        assert space.family(cell) == names[live], cell
    assert len(space.families) == 4
    assert {space.family(cell) for cell in space} == {0, 1, 2, 3}
    with pytest.raises(InputError, match="families: expected a space that has some, got 'wide-resnet'"):
        SPACES["wide-resnet"].family(SPACES["wide-resnet"].from_index(0))
    assert SPACES["wide-resnet"].families == ()


def test_settings_are_written_for_people():
    assert SPACES["nas-bench-201"].configure(channels=8, cells=1).settings_text == "C = 8, N = 1"
    assert SPACES["wide-resnet"].settings_text == ""
    assert SPACES["theory"].settings_text.startswith("depth = 4, activations = relu+leaky-relu+")


def test_a_space_of_this_name_with_other_genes_does_not_take_its_architectures_for_its_own():
    before = Space("toy", genes=(Gene("x", (1, 2, 3)), Gene("y", ("a", "b"))))
    reordered = Space("toy", genes=(Gene("x", (3, 2, 1)), Gene("y", ("a", "b"))))
    fewer = Space("toy", genes=(Gene("x", (1,)),))
    arch = before.parse("x=3,y=b")
    assert arch == reordered.parse("x=3,y=b")
    assert reordered.index_of(arch) == reordered.index_of(reordered.parse("x=3,y=b")) == 1
    assert reordered.position_array([arch]).tolist() == [[0, 1]]
    with pytest.raises(InputError, match="got x=3,y=b, which has other genes"):
        fewer.index_of(arch)


def test_texts_too_long_for_files_are_refused_before_anything_is_trained():
    genes = [Gene(f"operation_{place}", ("conv3x3", "conv1x1")) for place in range(300)]
    with pytest.raises(InputError, match="genes of space vast: expected texts of architectures of at most 2,000"):
        Space("vast", genes=genes)


def test_settings_come_back_from_a_key_as_what_they_are():
    class Sized(Space):
        def __init__(self, rate=0.5, low=-1, deep=False, kind="a"):
            super().__init__("sized", genes=(Gene("x", (1, 2)),))
            self.given = {"rate": rate, "low": low, "deep": deep, "kind": kind}

        @property
        def settings(self):
            return self.given

    class Set(Sized):
        def configure(self, **settings):
            return Set(**{**self.settings, **settings})

    facts = parse_key(Set(0.25, -3, True, "b").key)
    del facts["name"]
    assert configured(Set(), facts).settings == {"rate": 0.25, "low": -3, "deep": True, "kind": "b"}
    assert configured(Sized(), {"rate": "0.5"}).settings == Sized().settings
    with pytest.raises(InputError, match=r"rate of space sized: expected 0.5, because its class has no method conf"):
        configured(Sized(), {"rate": "0.25"})


@pytest.mark.parametrize("index", [-1, 15625, 1.5, True, "3", None])
def test_only_whole_numbers_are_numbers_of_architectures(index):
    for name in ("nas-bench-201", "wide-resnet"):
        with pytest.raises(InputError, match="index: expected a number from 0 to 15624"):
            SPACES[name].from_index(index)


def test_spaces_whose_choices_are_written_differently_are_two():
    whole, broken, truth = (Space("one", genes=(Gene("x", (value,)),)) for value in (1, 1.0, True))
    assert whole != broken
    assert whole != truth
    assert whole == Space("one", genes=(Gene("x", (1,)),))


class Setting(Space):
    """With one setting."""

    def __init__(self, name="size", value=4):
        super().__init__("setting", genes=(Gene("x", (1, 2)),))
        self.given = {name: value}

    @property
    def settings(self):
        return self.given

    def configure(self, **settings):
        return Setting(*next(iter(settings.items()), ("size", 4)))


@pytest.mark.parametrize("name", ["name", "kind", "count", "seed", "partition", "architectures", "two words", 3])
def test_a_setting_that_a_plan_would_take_for_something_else_is_refused(name):
    with pytest.raises(InputError, match="setting of space setting: expected an identifier other than name, kind"):
        SPACES.register("setting", Setting(name))
    assert "setting" not in SPACES


@pytest.mark.parametrize("value", ["a,b", "a,b=c", [1, 2], (1,), {"a": 1}, "012"])
def test_a_setting_that_does_not_read_back_is_refused(value):
    with pytest.raises(InputError, match="settings of space setting: expected numbers, truth values or words"):
        SPACES.register("setting", Setting(value=value))


@pytest.mark.parametrize("value", [4, -4, 0.25, 1e-7, True, None, "a", "12", "a=b", ""])
def test_a_setting_that_reads_back_is_taken(value):
    try:
        space = SPACES.register("setting", Setting(value=value))
        assert space_of(parse_key(space.key)) == space
    finally:
        del SPACES["setting"]


def test_the_length_of_a_space_too_large_for_python_is_one_line():
    with pytest.raises(InputError, match=r"space huge, its length: .* got about 10\^40"):
        len(HUGE)


def test_architectures_with_more_values_than_the_space_has_genes_are_one_line():
    class Chain(Space):
        size = None

        def positions(self, arch):
            return (*super().positions(arch), 0)

    chain = Chain("chain", genes=(Gene("first", ("a", "b")),))
    with pytest.raises(InputError, match=r"positions in space chain: expected 1, one per gene, got 2; .* overrides"):
        chain.encode([chain.parse("first=a")])
