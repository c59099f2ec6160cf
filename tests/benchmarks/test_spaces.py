"""Tables of spaces other than the one that everybody knows: of other numbers, endless ones, and two sizes at once."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import (
    Choice,
    Column,
    Table,
    duplicate_groups,
    expected_accuracies,
    holdings,
    load,
    read_table,
    table_of_records,
    table_of_store,
    write_table,
)
from robnas.errors import InputError
from robnas.records import Record, RecordStore
from robnas.spaces import SPACES, Architecture, Gene, Partition, Space
from tests.benchmarks.conftest import same_table, small_table, table_or_error
from tests.benchmarks.own_spaces import (
    CELLS,
    CLEAN,
    GENES,
    HUGE,
    LARGE,
    SMALL,
    THEORY,
    TOY,
    WIDE,
    some,
    table_of,
    two_sizes,
)
from tests.benchmarks.own_spaces import known as known
from tests.benchmarks.own_spaces import space as space
from tests.data.conftest import refused

# rows


def test_rows_are_architectures_found_by_value_text_and_genes(space):
    table, archs = table_of(space), some(space)
    assert (table.space, table.architectures, len(table)) == (space, tuple(archs), 9)
    assert table.texts == tuple(arch.text for arch in archs)
    assert Table("t", [arch.genes for arch in archs], table.columns, space=space).texts == table.texts
    for row, arch in enumerate(archs):
        assert [table.row(given) for given in (arch, arch.text, dict(arch.genes))] == [row] * 3
        assert table.architecture(arch.text) == arch
    value = table.query(archs[2].text, **CLEAN, seed="mean")
    assert (value, value.runs, value.identical, table.charged) == (table.columns[0].mean[2], 2, True, 1)
    assert table.query(archs[2], **CLEAN, seed=3) == table.columns[0].values[2, 1]
    assert table.charged == 1
    best = table.best("digits", "clean", split="test", count=2)
    assert [arch for arch, _ in best] == [archs[8], archs[7]]
    front = table.pareto("digits", "clean", "pgd@8/255", split="test")
    assert front[0][0] == archs[8]
    objective = table.objective("digits", "clean", split="test")
    assert (objective(archs[4]), objective.oracle) == (table.columns[0].mean[4], table.columns[0].mean[8])
    assert list(table.to_pandas("digits").index) == list(table.texts)
    assert table.select("digits").architectures == table.architectures


def test_an_architecture_that_is_not_there_is_named_beside_its_neighbours():
    table = Table("t", ["depth=1,norm=null,width=4"], [Column("d", "test", "clean", [[0.5]])], space="toy")
    text = (
        "^architecture depth=2,norm=null,width=4: expected one of the 1 that table t holds, "
        "got none; one gene away: depth=1,norm=null,width=4$"
    )
    with refused(text, InputError):
        table.row({"depth": 2, "norm": None, "width": 4})


@pytest.mark.parametrize("given", ["323133", Architecture("323133"), some(WIDE)[0], some(WIDE)[0].text])
def test_an_architecture_of_another_space_is_refused(given):
    owner = "wide-resnet" if "D1" in str(given) else "nas-bench-201"
    with refused(rf"^architecture: expected one of space toy, got .* which belongs to {owner}", InputError):
        table_of(TOY).query(given, **CLEAN, seed="mean")
    with refused(rf"belongs to {owner}", InputError):
        Table("t", [given], [Column("d", "test", "clean", [[0.5]])], space=TOY)


def test_spaces_of_the_same_genes_are_not_mixed_up():
    twin = Space("twin", genes=GENES)
    table = table_of(TOY)
    table.row(some(TOY)[0])
    with refused("belongs to twin", InputError):
        table.row(some(twin)[0])


def test_an_architecture_of_a_space_that_has_changed_is_refused():
    former = Space("toy", genes=[Gene("depth", (1, 2, 9)), *GENES[1:]])
    with refused("which has other genes", InputError):
        table_of(TOY).row(former.from_genes({"depth": 9, "norm": None, "width": 4}))


def test_numbers_of_the_whole_space_need_one_that_can_be_listed():
    table = table_of(TOY)
    assert [TOY.from_index(int(number)) for number in table.rows] == list(table.architectures)
    assert table.row_of().shape == (24,)
    assert (table.row_of() >= 0).sum() == 9
    assert np.array_equal(table.row_of()[table.rows], np.arange(9))
    values = table.values("digits", "clean", split="test", index=range(24))
    assert np.isnan(values).sum() == 24 - 9
    numbered = Table("n", table.rows, [Column("d", "test", "clean", table.columns[0].mean[:, None])], space="toy")
    assert numbered.architectures == table.architectures
    huge = table_of(HUGE)
    for ask in (lambda: huge.rows, huge.row_of, lambda: huge.values("digits", "clean", split="test", index=[0])):
        with refused(
            "^space huge, .* expected at most 1,000,000 architectures, got about 10.40; sample it$", InputError
        ):
            ask()
    assert huge.values("digits", "clean", split="test").shape == (9,)
    assert huge.column("digits", "clean", "test").counts[0] == 2


def test_only_what_the_space_knows_stands_in_for_another():
    with refused("^partition: expected none, space toy has none, got 'official'$", InputError):
        table_of(TOY, partition="official")
    with refused("^resolve: expected one of declared, exact, got 'identical'$", InputError):
        table_of(TOY).row(some(TOY)[0], "identical")


def test_repetitions_nothing_and_nonsense_are_refused():
    column = [Column("d", "test", "clean", [[0.5], [0.5]])]
    for given, text in (
        ([TOY.from_index(3)] * 2, "each architecture once"),
        ([], "at least one"),
        ([3, 99], "integers from 0 to 23"),
        (["depth=1,norm=null,width=4", 5.5], "expected a text such as"),
    ):
        with refused(text, InputError):
            Table("t", given, column, space="toy")


def test_the_space_is_that_of_the_architectures_or_of_the_columns():
    column = Column("d", "test", "clean", [[0.5]])
    assert Table("t", some(WIDE, 1), [column]).space == WIDE
    assert Table("t", [7], [column]).space == CELLS
    sized = Column("d", "test", "clean", [[0.5]], space=SMALL.key)
    assert Table("t", [7], [sized]).space == SMALL
    assert Table("t", ["323133"], [sized], space="nas-bench-201").space == CELLS
    assert Table("t", [7], [Column("d", "test", "clean", [[0.5]], space="wide-resnet")]).space == WIDE
    with refused("^table t, column d test clean: expected one of space toy, got one that belongs to", InputError):
        Table("t", [7], [sized], space="toy")


# columns of several spaces


def test_one_space_of_a_store_is_read_where_the_others_are_not_known(tmp_path):
    path = tmp_path / "two.db"
    record = Record(
        architecture=TOY.at([0, 1, 2]), space="toy", dataset_hash="d" * 16, split="test", recipe_hash="r" * 16, seed=0,
        metric="clean", attack_hash="", images=10, dataset="digits", value=0.5, seconds=1, torch_version="2.13.0",
        device="cpu",
    )  # fmt: skip
    wide = WIDE.at([0] * 6)
    with RecordStore(path) as store:
        store.add([record, replace(record, architecture=wide, space="wide-resnet", value=0.25)])
        assert store.spaces() == ("toy", "wide-resnet")
    dict.pop(SPACES, "toy")
    try:
        table = table_of_store(path, Choice(space="wide-resnet"))
        assert table.architectures == (wide,)
        assert [entry.space for entry in holdings(path, "wide-resnet")] == ["wide-resnet"]
        with pytest.raises(InputError, match="space: expected one of toy, wide-resnet, got 'theory'"):
            table_of_store(path, Choice(space="theory"))
        with pytest.raises(InputError, match=r"got 'toy'; a space of your own is brought by --import FILE"):
            table_of_store(path)
    finally:
        dict.__setitem__(SPACES, "toy", TOY)


def test_networks_of_two_sizes_stand_in_one_table(tmp_path):
    table = two_sizes()
    write_table(table, tmp_path / "both.parquet")
    for one in (table, read_table(tmp_path / "both.parquet"), table.select("digits")):
        assert one.query("323133", **CLEAN, seed=0, space=SMALL.key) == 0.5
        assert one.peek("323133", **CLEAN, seed=0, space=LARGE) == 0.75
        assert one.objective("digits", "clean", split="test", space=LARGE.key)("444444") == 0.375
        assert one.best("digits", "clean", split="test", space=LARGE)[0][1] == 0.75
        assert one.values("digits", "clean", split="test", space=LARGE).tolist() == [0.75, 0.375]
        assert one.query("323133", dataset="digits", metric="pgd@8/255", split="test", seed="mean") == 0.1
        assert [column.space for column in one.columns] == [SMALL.key, LARGE.key, None]
    text = f"^space of table both: expected one of {SMALL.key}, {LARGE.key}, got none; name the space"
    with refused(text, InputError):
        table.column("digits", "clean", "test")
    with refused("got 'nas-bench-201:channels=9,cells=1'; did you mean nas-bench-201:channels=8,cells=1", InputError):
        table.query("323133", **CLEAN, seed=0, space="nas-bench-201:channels=9,cells=1")
    frame = table.to_pandas()
    assert list(frame.columns)[1:] == [f"digits test clean {SMALL.key}", f"digits test clean {LARGE.key}",
                                       "digits test pgd@8/255"]  # fmt: skip
    with pytest.raises(InputError, match="each column once"):
        Table("t", [7], [replaced(space) for space in (SMALL.key, None)])


def replaced(space):
    return Column("d", "test", "clean", [[0.5]], space=space)


def test_a_table_of_one_space_is_taken_out_of_one_with_several(tmp_path):
    write_table(two_sizes(), tmp_path / "both.parquet")
    for wanted in (SMALL.key, "nas-bench-201:cells=1,channels=4"):
        small = load(tmp_path / "both.parquet", space=wanted)
        assert small.query("323133", **CLEAN, seed=0) == 0.5
        assert ([column.space for column in small.columns], small.space) == ([SMALL.key], SMALL)
    assert len(load(tmp_path / "both.parquet", space="nas-bench-201").columns) == 3
    assert load("digits", space=LARGE.key).columns[0].space == LARGE.key
    with refused("^space of table digits: expected one of nas-bench-201:channels=8,cells=1, got 'nas-b", InputError):
        load("digits", space=SMALL.key)
    with refused("^space: expected nas-bench-201, that of table digits, got 'toy'$", InputError):
        load("digits", space="toy")
    with refused("^table: expected a store such as .* where recipe", InputError):
        load("digits", space=LARGE.key, recipe="x")
    assert two_sizes().select("digits", space=SMALL).columns[0].space == SMALL.key


def test_metrics_of_two_sizes_make_no_front():
    columns = [
        Column("digits", "test", metric, [[0.5]], space=space.key)
        for metric, space in (("clean", SMALL), ("pgd@8/255", LARGE))
    ]
    with refused(f"^table t: expected metrics of one space, got {SMALL.key}, {LARGE.key}", InputError):
        Table("t", ["323133"], columns).pareto("digits", "clean", "pgd@8/255", split="test")


def test_the_name_of_the_space_is_enough_where_there_is_one():
    table = table_of(SMALL)
    for given in (None, SMALL, SMALL.key, "nas-bench-201", "nas-bench-201:cells=1,channels=4"):
        assert table.column("digits", "clean", "test", space=given) is table.columns[0]
    with refused("^space of table mine: expected one of nas-bench-201:channels=4,cells=1", InputError):
        table.column("digits", "clean", "test", space=LARGE)


# noise


def test_runs_tell_of_noise_in_any_space_but_which_rows_are_one_network_only_where_the_space_knows(space):
    table = table_of(space)
    noise = table.noise("digits", "clean", split="test")
    assert (noise.source, noise.groups) == ("seeds", 8)
    assert table.local_noise("digits", "clean", split="test").groups == 8
    assert expected_accuracies(table, table.columns[0]).means.shape == (9,)
    if space is not CELLS:
        assert len(set(duplicate_groups(table).tolist())) == 9
        with refused(
            "^noise of digits test pgd@8/255: expected two rows that are the same network, or several", InputError
        ):
            table.noise("digits", "pgd@8/255", split="test")


class Grouped(Space):
    """A space that knows which of its architectures are the same network: width 4 is as good as any other."""

    partitions = ("identical", "coarse")

    def partition(self, name):
        names = {"identical": ("depth", "norm"), "coarse": ("depth",)}[name]
        found = [tuple(arch.genes[gene] for gene in names) for arch in self]
        numbers = {genes: number for number, genes in enumerate(dict.fromkeys(found))}
        return Partition(name, np.array([numbers[genes] for genes in found]), len(numbers))


def test_a_space_of_ones_own_may_know_which_architectures_are_the_same_network(tmp_path):
    space = Grouped("toy", genes=GENES)
    dict.__setitem__(SPACES, "toy", space)
    archs = [space.from_genes({"depth": d, "norm": None, "width": w}) for d in (1, 2) for w in (4, 8)]
    column = Column("digits", "test", "clean", np.array([[0.1], [0.2], [0.4], [0.4]]))
    write_table(Table("t", archs, [column], space=space, partition="coarse"), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.partition == "coarse"
    assert table.noise("digits", "clean", split="test").source == "duplicates"
    assert len(set(duplicate_groups(table).tolist())) == 2
    same, other = ({"depth": 2, "norm": norm, "width": 32} for norm in (None, "batch, 1"))
    found = [table.query(arch, **CLEAN, seed="mean") for arch in (archs[2], same, other)]
    assert [(float(value), value.identical) for value in found] == [(0.4, True), (0.4, True), (0.4, False)]
    assert table.charged == 1
    with refused("^architecture depth=2.*; resolve='identical' finds an isomorphic one$", InputError):
        table.row(same, "exact")
    with refused("^resolve: expected one of declared, exact, identical, coarse, got 'official'$", InputError):
        table.row(same, "official")
    joined = Table("u", [other], [Column("d", "test", "clean", [[0.5]])], space=space).join(table)
    assert joined.columns[1].facts == {"relatives": 1}


def test_a_table_says_which_rows_are_one_network_as_numbers_of_architectures_do():
    table = small_table()
    assert np.array_equal(duplicate_groups(table), duplicate_groups(table.rows))
    assert np.array_equal(table.networks, CELLS.partition("identical").class_of[table.rows])


# files


def test_files_bring_back_the_table_with_its_space(space, tmp_path):
    table, path = table_of(space), tmp_path / "t.parquet"
    write_table(table, path)
    found = read_table(path)
    assert same_rows(table, found)
    assert (found.space, [column.space for column in found.columns]) == (space, [space.key] * 2)
    assert found.row(some(space)[3]) == 3
    assert load(path).texts == table.texts


def same_rows(first, second):
    assert (first.name, first.provenance, first.texts) == (second.name, second.provenance, second.texts)
    for ours, theirs in zip(first.columns, second.columns, strict=True):
        assert (ours.name, ours.seeds, ours.runs) == (theirs.name, theirs.seeds, theirs.runs)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)
    return True


def test_a_file_of_a_space_that_is_not_known_says_how_to_bring_it(tmp_path):
    write_table(table_of(TOY), tmp_path / "t.parquet")
    dict.pop(SPACES, "toy")
    try:
        with refused(
            r"^.*t.parquet: expected a table of a space that is known here: .*, got one of toy; .*--import FILE"
        ):
            read_table(tmp_path / "t.parquet")
    finally:
        dict.__setitem__(SPACES, "toy", TOY)


def test_a_file_of_a_space_with_one_more_choice_reads_and_says_so(tmp_path, caplog):
    table, path = table_of(TOY), tmp_path / "t.parquet"
    write_table(table, path)
    dict.__setitem__(SPACES, "toy", Space("toy", genes=[Gene("depth", (0, 1, 2, 3)), *GENES[1:]]))
    with caplog.at_level(logging.WARNING, "robnas"):
        assert read_table(path).texts == table.texts
    assert caplog.messages == [
        f"{path}: space toy has other genes or choices than when this table was written; its architectures still read"
    ]


MINE = """
from robnas.spaces import SPACES, Gene, Space

def build(genes, **shape):
    raise NotImplementedError({words!r})

SPACES.register("mine", Space("mine", genes=(Gene("depth", (1, 2, 3)),), build=build), overwrite=True)
"""


def test_a_file_of_a_space_whose_own_file_has_changed_says_so(tmp_path, caplog, monkeypatch):
    from robnas import _own

    monkeypatch.setattr(_own, "_loaded", {})
    path, own = tmp_path / "t.parquet", tmp_path / "mine.py"
    for words in ("first", "second"):
        own.write_text(MINE.format(words=words))
        _own._loaded.clear()
        _own.load_file(own)
        if words == "first":
            column = Column("d", "test", "clean", np.array([[0.5]]))
            write_table(Table("t", ["depth=2"], [column], space="mine"), path)
        with caplog.at_level(logging.WARNING, "robnas"):
            assert read_table(path).texts == ("depth=2",)
    dict.pop(SPACES, "mine")
    text = (
        "mine.py, the file of space mine, has another content than when this table was written; its genes are the same"
    )
    assert caplog.messages == [f"{path}: {text}"]


CHANGED = [
    (Gene("depth", (1,)), *GENES[1:]),
    (Gene("deep", (1, 2, 3)), *GENES[1:]),
    (GENES[1], GENES[0], GENES[2]),
    GENES[:2],
]


@pytest.mark.parametrize("genes", CHANGED)
def test_a_file_of_a_space_whose_genes_have_changed_is_refused(genes, tmp_path):
    write_table(table_of(TOY), tmp_path / "t.parquet")
    dict.__setitem__(SPACES, "toy", Space("toy", genes=genes))
    with refused("t.parquet: expected space toy as it was when the table was written, got .*; give the earlier file"):
        read_table(tmp_path / "t.parquet")


def test_published_numbers_stand_for_architectures_of_any_space_that_has_not_changed(tmp_path):
    path, published = tmp_path / "t.parquet", np.random.default_rng(0).permutation(24)
    table = table_of(TOY, published=published)
    write_table(table, path)
    found = read_table(path)
    for arch in table.architectures:
        number = int(published[TOY.index_of(arch)])
        assert (found.published_id(arch), found.architecture(number)) == (number, arch)
    assert found.values("digits", "clean", split="test", published_index=found.published[found.rows]).shape == (9,)
    dict.__setitem__(SPACES, "toy", Space("toy", genes=[Gene("depth", (3, 2, 1)), *GENES[1:]]))
    with refused("expected space toy as it was .* the order in which architectures are numbered may be another; give"):
        read_table(path)


def test_files_of_earlier_versions_are_of_the_space_that_there_was(tmp_path):
    digits = load("digits")
    assert digits.space == LARGE
    assert {column.space for column in digits.columns} == {LARGE.key}
    write_table(digits, tmp_path / "again.parquet")
    assert same_table(read_table(tmp_path / "again.parquet"), digits)


def test_a_published_table_says_what_was_trained(robbench, jung):
    for table in (robbench, jung):
        assert {column.space for column in table.columns} == {CELLS.key}
        assert table.space == CELLS


# other tables


def test_tables_are_joined_within_a_space(space):
    table, archs = table_of(space), some(space)
    other = Table("other", archs[:0:-1], [Column("digits", "test", "clean", np.linspace(0, 1, 8)[:, None])])
    both = table.join(other)
    assert (both.space, both.architectures) == (space, tuple(archs[1:]))
    assert both.peek(archs[8], dataset="digits", metric="other:clean", split="test", seed="mean") == 0
    assert both.peek(archs[1], dataset="digits", metric="other:clean", split="test", seed="mean") == 1
    with refused("^join: expected tables with an architecture in common", InputError):
        table.join(Table("none", archs[:1], [Column("d", "test", "clean", [[0.5]])]).join(other))


def test_tables_of_two_spaces_are_not_joined():
    with refused("^join with table mine: expected a table of space toy, got table mine, which belongs to", InputError):
        table_of(TOY).join(table_of(WIDE))
    deeper = THEORY.configure(depth=5)
    with refused("which belongs to theory with other genes$", InputError):
        table_of(THEORY).join(table_of(deeper))


# records


def record(space, arch, value=0.5, **changes):
    facts = {
        "architecture": arch, "space": space.key if space else "", "dataset_hash": "d" * 16,
       "split": "test", "recipe_hash": "r" * 16,
        "seed": 0, "metric": "clean", "attack_hash": "", "images": 10, "dataset": "digits", "value": value,
        "seconds": 1.0, "torch_version": "2", "device": "cpu",
    }  # fmt: skip
    return Record(**(facts | changes))


def test_records_of_any_space_become_a_table(space):
    archs = some(space, 3)
    table = table_of_records("own", [record(space, arch, 0.1 * row) for row, arch in enumerate(archs)])
    assert (table.space, table.architectures) == (space, tuple(sorted(archs)))
    assert table.column("digits", "clean", "test").space == space.key
    assert table.query(archs[2], **CLEAN, seed=0) == 0.2


def test_records_of_two_sizes_become_two_columns(tmp_path):
    archs = some(CELLS, 2)
    records = [record(SMALL, archs[0], 0.1), record(LARGE, archs[0], 0.2), record(LARGE, archs[1], 0.3)]
    records += [record(LARGE, archs[1], recipe_hash=letter * 16, split="validation") for letter in "rs"]
    table = table_of_records("own", records)
    assert table.query(archs[0], **CLEAN, seed=0, space=SMALL) == 0.1
    assert table.query(archs[0], **CLEAN, seed=0, space=LARGE) == 0.2
    assert np.isnan(table.column("digits", "clean", "test", SMALL.key).values).sum() == 1
    with refused("^table own, digits validation clean: expected records of one recipe", InputError):
        table.column("digits", "clean", "validation")
    write_table(table, tmp_path / "own.parquet")
    assert same_rows(read_table(tmp_path / "own.parquet"), table)
    chosen = table_of_records("own", records, choice=Choice(space=SMALL.key))
    assert (chosen.space, chosen.query(archs[0], **CLEAN, seed=0)) == (SMALL, 0.1)
    assert table_of_records("own", records, choice=Choice(space="nas-bench-201:cells=1,channels=4")).space == SMALL


def test_records_whose_size_is_not_known_say_so():
    table = table_of_records("own", [record(None, some(CELLS, 1)[0])])
    assert table.column("digits", "clean", "test").space is None
    both = [record(None, some(CELLS, 1)[0]), record(SMALL, some(CELLS, 1)[0], 0.25)]
    table = table_of_records("own", both)
    assert table.query(some(CELLS, 1)[0], **CLEAN, seed=0, space="nas-bench-201") == 0.5


def test_records_of_two_spaces_ask_for_a_choice(tmp_path):
    records = [record(TOY, some(TOY, 1)[0], 0.1), record(WIDE, some(WIDE, 1)[0], 0.2)]
    text = "^table own: expected architectures of one space, got toy, wide-resnet; choose one: --space toy"
    with refused(text, InputError):
        table_of_records("own", records)
    assert table_of_records("own", records, choice=Choice(space="wide-resnet")).space == WIDE
    with refused("^space: expected one of toy, wide-resnet, got 'theory'$", InputError):
        table_of_records("own", records, choice=Choice(space="theory"))


def test_a_store_of_two_spaces(tmp_path):
    path = tmp_path / "runs.db"
    with RecordStore(path) as store:
        store.add(
            [
                record(TOY, some(TOY, 1)[0], 0.1),
                record(SMALL, some(CELLS, 1)[0], 0.2),
                record(LARGE, some(CELLS, 1)[0], 0.3),
            ]
        )
    assert sorted((held.space, held.architectures) for held in holdings(path)) == [
        (SMALL.key, 1), (LARGE.key, 1), ("toy", 1),
    ]  # fmt: skip
    table = load(path, space="nas-bench-201")
    assert table.query(some(CELLS, 1)[0], **CLEAN, seed=0, space=LARGE) == 0.3
    assert table_of_store(path, Choice(space="toy")).space == TOY


# adapters


def test_adapters_of_published_classes_refuse_other_spaces():
    from robnas.benchmarks import adapters, training_hours

    table = table_of(WIDE)
    for make in (
        lambda: adapters.NatsBench(table, metric="clean", split="test"),
        lambda: adapters.NaslibGraph(table, "323133", metric="clean"),
        lambda: adapters.RobustnessDataset(table),
        lambda: adapters.NasRobBench201(table),
    ):
        with refused(
            "^table: expected one of space nas-bench-201, got table mine, which belongs to wide-resnet$", InputError
        ):
            make()
    with refused("belongs to wide-resnet", InputError):
        training_hours(some(WIDE)[0], "cifar10")


def test_damaged_files_of_any_space_are_found(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(table_of(TOY), path)
    content = bytearray(path.read_bytes())
    for place in range(4, len(content), 97):
        content[place] ^= 1
        path.write_bytes(bytes(content))
        content[place] ^= 1
        found = table_or_error(lambda: read_table(path), str(path))
        assert found is None or same_rows(found, table_of(TOY))


def test_columns_name_their_space_in_one_way():
    column = Column("mine", "test", "clean", [[0.5]], space="nas-bench-201:cells=1,channels=4")
    table = Table("narrow", ["323133"], [column])
    assert table.columns[0].space == table.space.key == "nas-bench-201:channels=4,cells=1"
    found = table.query("323133", dataset="mine", metric="clean", split="test", seed="mean", space=table.space)
    assert found == 0.5
    with pytest.raises(InputError, match="expected each column once"):
        Table("narrow", ["323133"], [column, *table.columns])
