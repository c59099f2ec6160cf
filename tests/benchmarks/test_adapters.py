import enum
import inspect
import json
import math

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, load, training_hours
from robnas.benchmarks.adapters import NaslibGraph, NasRobBench201, NatsBench, RobustnessDataset
from robnas.benchmarks.adapters.nas_robbench_201 import METRICS
from robnas.errors import DataError, InputError
from robnas.spaces import SIZE, Architecture
from tests.benchmarks.conftest import (
    ALL_SEEDS,
    DATASETS,
    META,
    OPS,
    PAGE,
    meta_text,
    ops_text,
    page,
    page_text,
    published_text,
    representatives,
    same_table,
)
from tests.benchmarks.test_importers import seeds_content, some_ids
from tests.conftest import shared_file
from tests.data.conftest import refused


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (NasRobBench201, ["metapath", "datasetpath"]),
        (NasRobBench201.get_result, ["dataset", "architecture_id", "metric"]),
        (NasRobBench201.get_uid, ["i"]),
        (RobustnessDataset.query, ["data", "key", "measure"]),
        (RobustnessDataset.get_uid, ["i"]),
        (NatsBench.get_more_info, ["index", "dataset", "iepoch", "hp", "is_random"]),
        (NatsBench.simulate_train_eval, ["arch", "dataset", "iepoch", "hp", "account_time"]),
        (NatsBench.query_index_by_arch, ["arch"]),
        (NatsBench.arch, ["index"]),
        (NaslibGraph.query, ["metric", "dataset", "path", "epoch", "full_lh", "dataset_api"]),
    ],
)
def test_calls_have_the_published_names(function, names):
    assert parameters(function) == names


# NAS-RobBench-201


@pytest.fixture
def official(tmp_path):
    (tmp_path / META).write_text(meta_text())
    (tmp_path / ALL_SEEDS).write_text(json.dumps(seeds_content(some_ids())))
    return NasRobBench201(str(tmp_path / META), tmp_path / ALL_SEEDS)


def test_the_official_class_gives_seed_1_by_published_id(official):
    content = seeds_content(some_ids())
    for dataset in DATASETS:
        for number in some_ids()[:3]:
            for metric, runs in content[dataset][str(number)].items():
                value = runs if metric == "autoattack" else runs["1"]
                for spelled in (number, str(number)):
                    got = official.get_result(dataset, spelled, metric)
                    assert (got, type(got)) == (value, float)


def test_the_official_class_finds_representatives(official):
    twins = [number for number, stands_for in enumerate(representatives()) if stands_for in some_ids()]
    assert len(twins) > len(some_ids())
    for number in twins:
        assert official.get_uid(number) == official.get_uid(str(number)) == str(representatives()[number])
    assert official.get_result("cifar10", twins[-1], "val_acc") == representatives()[twins[-1]] / 1e6


def test_the_official_class_names_the_representative_of_what_was_not_trained(official):
    """As the official class does, which reads it from the meta file."""
    absent = [number for number, stands_for in enumerate(representatives()) if stands_for not in some_ids()]
    for number in absent[::500]:
        assert official.get_uid(number) == str(representatives()[number])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("cifar10", None, "val_pgd_8_acc"), "metric: expected one of val_acc, .*, got 'val_pgd_8_acc'"),
        (("svhn", None, "val_acc"), "dataset of table nas-robbench-201-seeds: expected one of .*, got 'svhn'"),
        (("cifar10", SIZE, "val_acc"), "published index: expected 0 to 15624, got 15625"),
    ],
)
def test_the_official_class_refuses_what_is_not_there(official, arguments, text):
    dataset, number, metric = arguments
    with refused(text, InputError):
        official.get_result(dataset, some_ids()[0] if number is None else number, metric)


def test_the_official_class_refuses_missing_files(tmp_path):
    with refused(f"^{META}: .* got FileNotFoundError", DataError):
        NasRobBench201(str(tmp_path / META), str(tmp_path / ALL_SEEDS))


@pytest.mark.parametrize("number", ["x", True, None, 1.5, "-1", "²", [3]])
def test_the_official_class_refuses_what_is_no_id(official, number):
    for call in (official.get_uid, lambda i: official.get_result("cifar10", i, "val_acc")):
        with refused("published index: expected 0 to 15624, got ", InputError):
            call(number)


def test_the_official_maps_are_those_of_the_meta_file(tmp_path, published_meta, robbench):
    (tmp_path / ALL_SEEDS).write_text(json.dumps(seeds_content([1000])))
    ids = published_meta["ids"]
    for found in (
        NasRobBench201(shared_file("data", "published", META), tmp_path / ALL_SEEDS),
        RobustnessDataset(robbench),
    ):
        assert found.map_str_to_id == {entry["nb201-string"]: number for number, entry in ids.items()}
        assert found.non_isomorph_ids == [number for number, entry in ids.items() if entry["isomorph"] == number]


@pytest.mark.parametrize("codes", [META, OPS])
def test_the_official_class_reads_the_file_of_the_project_page(robbench, codes):
    """It holds means, so every value is that of the table."""
    official = NasRobBench201(shared_file("data", "published", codes), shared_file("data", "published", PAGE))
    on_table = NasRobBench201(robbench)
    for number in ("0", 5, 1000, "15624"):
        assert official.get_uid(number) == on_table.get_uid(number)
        for metric, key in METRICS.items():
            value = robbench.peek(int(number), dataset="imagenet16-120", metric=key, split="test", seed="mean")
            assert official.get_result("imagenet", number, metric) == value
            assert on_table.get_result("imagenet", number, metric) == value


def test_the_official_class_takes_a_small_page(tmp_path):
    (tmp_path / PAGE).write_text(page_text(page()))
    (tmp_path / META).write_text(meta_text())
    (tmp_path / OPS).write_text(ops_text())
    first, second = (NasRobBench201(tmp_path / codes, tmp_path / PAGE) for codes in (META, OPS))
    same_table(first.table, second.table)


def test_the_official_class_on_a_table_gives_seed_1_where_there_is_one(official):
    number = some_ids()[0]
    for metric in METRICS:
        again = NasRobBench201(official.table).get_result("cifar10", number, metric)
        assert again == official.get_result("cifar10", number, metric)


def test_the_official_class_needs_two_files_or_a_table_with_published_indices(tmp_path, robbench):
    with refused("datasetpath: expected the path of the results, got None", InputError):
        NasRobBench201(tmp_path / META)
    with refused("table: expected one with published indices, and nothing else, got 'digits'", InputError):
        NasRobBench201(load("digits"))
    with refused("table: expected one with published indices, and nothing else, got nas-rob", InputError):
        NasRobBench201(robbench, tmp_path / ALL_SEEDS)


# Jung et al. 2023


def test_all_accuracies_of_a_key_by_published_id(robbench):
    dataset = RobustnessDataset(robbench)
    assert dataset.data == ("cifar10", "cifar100", "ImageNet16-120")
    assert dataset.meta["epsilons"] == {"fgsm@Linf": [3.0, 8.0], "pgd@Linf": [3.0, 8.0], "autoattack@Linf": [8.0]}
    found = dataset.query(["cifar10", "ImageNet16-120"], ["clean", "pgd@Linf"], "accuracy")
    assert {name: {key: list(measures) for key, measures in keys.items()} for name, keys in found.items()} == {
        name: {"clean": ["accuracy"], "pgd@Linf": ["accuracy"]} for name in ("cifar10", "ImageNet16-120")
    }
    content = published_text("NAS-RobBench-201_html.json")
    measured = {number: entry for number, entry in content.items() if number and isinstance(entry, list)}
    keys = content[""]
    clean, weak, strong = (keys.index(f"imagenet#{name}") for name in ("val_acc", "val_pgd_3_acc", "val_pgd_8_acc"))
    imagenet = found["ImageNet16-120"]
    assert imagenet["clean"]["accuracy"] == {number: entry[clean] for number, entry in measured.items()}
    assert imagenet["pgd@Linf"]["accuracy"] == {n: [entry[weak], entry[strong]] for n, entry in measured.items()}


def test_the_summary_of_the_page_is_at_one_grey_level(jung):
    dataset = RobustnessDataset(jung)
    assert dataset.meta["epsilons"]["pgd@Linf"] == [1.0]
    found = dataset.query("cifar10", "aa_apgd-ce@Linf")["cifar10"]["aa_apgd-ce@Linf"]["accuracy"]
    assert found["0"] == [published_text("acc.json")["0"][1]]
    assert len(found) == 6466


def test_the_full_files_answer_as_the_authors_class_does(jung_full, published_meta):
    dataset = RobustnessDataset(jung_full)
    assert dataset.meta["epsilons"] == published_meta["epsilons"]
    assert dataset.meta["epsilons"]["fgsm@Linf"][-3:] == [7.0, 8.0, 255.0]
    found = dataset.query(["cifar10", "ImageNet16-120"], [*dataset.keys_clean, "pgd@Linf", "fgsm@Linf", "snow"])
    number = dataset.get_uid(13433)
    assert found["cifar10"]["clean"]["accuracy"][number] == 0.893
    at = dataset.meta["epsilons"]["pgd@Linf"].index(1.0)
    assert found["cifar10"]["pgd@Linf"]["accuracy"][number][at] == 0.336
    assert found["ImageNet16-120"]["snow"] == {}  # as there, where it has none
    for key in ("pgd@Linf", "fgsm@Linf", "snow"):
        authors = json.loads(shared_file("data", "jung", "cifar10", f"{key}_accuracy.json").read_text())
        assert found["cifar10"][key]["accuracy"] == authors["cifar10"][key]["accuracy"]
    listed = found["ImageNet16-120"]["pgd@Linf"]["accuracy"]["0"]  # of the page: one epsilon
    assert [level for level, value in zip(dataset.meta["epsilons"]["pgd@Linf"], listed, strict=True)
            if not np.isnan(value)] == [1.0]  # fmt: skip
    assert set(dataset.query("cifar100")["cifar100"]) == {*dataset.keys_all} - {"autoattack@Linf"}


def confident_table(robbench, *metrics):
    values = np.linspace(0, 1, 5)[:, None]
    columns = [Column("cifar10", "test", metric, values + 0 * place) for place, metric in enumerate(metrics)]
    return Table("mine", robbench.rows[:5], columns, published=robbench.published, partition="official")


def test_confidences_and_confusion_matrices_are_answered_where_they_are(robbench, tmp_path):
    number = int(robbench.published[robbench.rows[0]])
    table = confident_table(robbench, "clean", "pgd@1/255", "pgd@8/255", "confidence:pgd@8/255", "confidence:clean")
    dataset = RobustnessDataset(table)
    assert "cm" not in dataset.query("cifar10", "clean", "accuracy")["cifar10"]["clean"]
    found = dataset.query("cifar10", ["clean", "pgd@Linf"], ["accuracy", "confidence"])["cifar10"]
    assert found["clean"]["confidence"][str(number)] == 0
    assert found["pgd@Linf"]["accuracy"][str(number)] == [0, 0]
    assert np.array_equal(found["pgd@Linf"]["confidence"][str(number)], [np.nan, 0], equal_nan=True)
    with refused("measure: expected accuracy or confidence, got 'cm'", InputError):
        dataset.query("cifar10", "clean", "cm")
    named = RobustnessDataset(confident_table(robbench, "clean", "confidence.label:clean", "confidence.argmax:clean"))
    assert named.query(measure="confidence")["cifar10"]["clean"]["confidence"][str(number)] == {"label": 0, "argmax": 0}
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (tmp_path / META).write_bytes(shared_file("data", "published", META).read_bytes())
    matrix = np.diag(np.full(10, 100)).tolist()
    (folder / "clean_cm.json").write_text(json.dumps({"cifar10": {"clean": {"cm": {str(number): [matrix]}}}}))
    found = RobustnessDataset(table, confusion=tmp_path).query("cifar10", "clean", "cm")
    assert found["cifar10"]["clean"]["cm"][str(number)].tolist() == [matrix]


def test_ids_lead_to_the_representative_of_meta_json(robbench, published_meta):
    dataset = RobustnessDataset(robbench)
    for number in range(0, SIZE, 101):
        assert dataset.get_uid(str(number)) == dataset.get_uid(number) == published_meta["ids"][str(number)]["isomorph"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("svhn", "clean"), "dataset of table nas-robbench-201: expected one of .*, got 'svhn'"),
        (("cifar10", "pgd"), "key: expected one of clean, fgsm@Linf, pgd@Linf, autoattack@Linf, got 'pgd'"),
        (("cifar10", "aa_square@Linf"), "key: expected one of clean, .*, got 'aa_square@Linf'"),
        (("cifar10", "clean", "confidence"), "measure: expected accuracy, got 'confidence'"),
    ],
)
def test_unknown_keys_and_measures_are_refused(robbench, arguments, text):
    with refused(text, InputError):
        RobustnessDataset(robbench).query(*arguments)


# NATS-Bench

PGD = "pgd@8/255"


@pytest.fixture
def nats(robbench):
    return NatsBench(robbench, metric=PGD, split="test")


def test_architectures_come_in_published_order(nats, published_codes):
    assert len(nats) == SIZE
    genotypes = [Architecture(code).genotype for code in published_codes]
    assert list(nats) == genotypes
    assert [nats.arch(number) for number in (0, 1, SIZE - 1)] == [genotypes[0], genotypes[1], genotypes[-1]]
    for number in (0, 77, SIZE - 1):
        assert nats.query_index_by_arch(genotypes[number]) == nats.query_index_by_arch(number) == number
        assert nats.query_index_by_arch(published_codes[number]) == number


class Structure:
    """NATS-Bench's own architecture object."""

    def tostr(self):
        return Architecture("323133").genotype


def test_an_object_with_the_text_of_an_architecture_is_found(nats, published_codes):
    assert nats.query_index_by_arch(Structure()) == published_codes.index("323133")


@pytest.mark.parametrize("arch", ["|nor_conv_5x5~0|", "", -1, SIZE, True])
def test_an_unknown_architecture_has_index_minus_1(nats, arch):
    assert nats.query_index_by_arch(arch) == -1
    with refused("architecture: expected a published index below 15625 or an encoding, got ", InputError):
        nats.get_more_info(arch, "cifar10")


def test_ids_and_genotypes_are_each_others_reverse(robbench, published_codes):
    dataset = RobustnessDataset(robbench)
    for number in (0, 77, SIZE - 1):
        assert dataset.id_to_string(number) == Architecture(published_codes[number]).genotype
        assert dataset.string_to_id(dataset.id_to_string(str(number))) == str(number)
    with refused("architecture, character 2: expected one of none", InputError):
        dataset.string_to_id("|conv|")


@pytest.mark.parametrize("number", [-1, SIZE, True, "x"])
def test_a_published_index_out_of_range_is_refused(nats, number):
    with refused(f"published index: expected 0 to 15624, got {number!r}", InputError):
        nats.arch(number)


@pytest.mark.parametrize(("name", "own"), [("cifar10", "cifar10"), ("ImageNet16-120", "imagenet16-120")])
def test_more_info_holds_every_metric_in_percent(nats, robbench, name, own):
    info = nats.get_more_info("323133", name)
    for metric in ("clean", "fgsm@3/255", PGD, "autoattack@8/255"):
        value = robbench.peek("323133", dataset=own, metric=metric, split="test", seed="mean")
        assert info[f"test-{metric}"] == 100 * value
    assert info["test-accuracy"] == info[f"test-{PGD}"]
    assert info["train-all-time"] == 3600 * training_hours(Architecture("323133"), own)
    assert len(info) == 6 + 2


def test_what_the_table_lacks_is_left_out(small):
    columns = [c for c in small.columns if c.dataset == "cifar10"]
    table = Table("holes", small.rows, columns, published=np.arange(SIZE))
    holes = NatsBench(table, metric="autoattack@8/255", split="test")
    assert set(holes.get_more_info("444444", "cifar10")) == {
        "train-all-time", "test-autoattack@8/255", "test-accuracy"
    }  # fmt: skip
    assert holes.simulate_train_eval("444444", "cifar10")[0] == 20
    clean = NatsBench(table, metric="clean", split="test")
    assert "test-accuracy" not in clean.get_more_info("444444", "cifar10")
    with refused("cifar10 test clean of .*: expected a measured value, got a missing one", InputError):
        clean.simulate_train_eval("444444", "cifar10")
    assert clean.used_time == 0


def test_simulated_training_adds_its_time_up(nats):
    accuracy, latency, seconds, total = nats.simulate_train_eval("323133", "cifar10")
    assert (round(accuracy, 2), math.isnan(latency)) == (48.11, True)
    assert total == seconds == nats.used_time > 0
    *_, other, total = nats.simulate_train_eval("000000", "cifar10")
    assert total == nats.used_time == seconds + other
    assert other < seconds
    assert nats.simulate_train_eval("333133", "cifar10", account_time=False)[3] == nats.used_time == total
    nats.reset_time()
    assert nats.used_time == 0


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"iepoch": 11}, "iepoch: expected None, the only one that table nas-robbench-201 has, got 11"),
        ({"hp": "200"}, "hp: expected 50, the only one that table nas-robbench-201 has, got '200'"),
        ({"is_random": True}, "is_random: expected False, the only one that table nas-robbench-201 has, got True"),
    ],
)
def test_epochs_recipes_and_random_runs_are_not_made_up(nats, settings, text):
    with refused(text, InputError):
        nats.get_more_info(0, "cifar10", **settings)
    assert nats.get_more_info(0, "cifar10", hp=50)


def test_the_metric_and_split_must_exist(robbench):
    with refused("split of table nas-robbench-201: expected one of test, got 'validation'", InputError):
        NatsBench(robbench, metric=PGD, split="validation")
    with refused("metric of table nas-robbench-201: .*, got 'pgd'; did you mean", InputError):
        NatsBench(robbench, metric="pgd", split="test")


@pytest.mark.parametrize("make", [lambda table: NatsBench(table, metric="clean", split="test"), RobustnessDataset])
def test_published_indices_are_needed(make, small):
    with refused("table: expected one with published indices, got 'small'", InputError):
        make(small)


# NASLib


class Metric(enum.Enum):
    TEST_ACCURACY = 1
    VAL_ACCURACY = 2
    TRAIN_TIME = 3


def graph():
    columns = [
        Column("cifar10", "test", "clean", np.array([[0.5]])),
        Column("cifar10", "validation", "clean", np.array([[0.625]])),
        Column("imagenet16-120", "test", "clean", np.array([[0.25]])),
    ]
    return NaslibGraph(Table("own", [int("323133", 5)], columns), "323133", metric="clean")


def test_a_graph_answers_in_percent_and_tells_splits_apart():
    assert graph().query(Metric.TEST_ACCURACY, "cifar10") == 50
    assert graph().query(Metric.VAL_ACCURACY, dataset="cifar10", epoch=-1, dataset_api={}) == 62.5
    assert graph().query("TEST_ACCURACY", "ImageNet16-120") == 25
    assert graph().get_hash() == (2, 3, 0, 2, 2, 2)


def test_queries_of_a_graph_are_charged():
    asked = graph()
    asked.query(Metric.TEST_ACCURACY, "cifar10")
    assert asked.table.charged == 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"metric": Metric.TRAIN_TIME}, "metric: expected one of TEST_ACCURACY, .*, got 'TRAIN_TIME'"),
        ({"metric": None}, "metric: expected one of TEST_ACCURACY, .*, got None"),
        ({"epoch": 12}, "epoch: expected -1: the table holds last epochs only, got 12"),
        ({"full_lh": True}, "epoch: expected -1: the table holds last epochs only"),
        ({"dataset": None}, "dataset of table own: expected one of cifar10, imagenet16-120, got none; name the"),
        ({"metric": "TRAIN_ACCURACY"}, "split of table own: expected one of test, validation, got 'train'"),
        ({"metric": "VAL_ACCURACY", "dataset": "ImageNet16-120"}, "expected one of test, got 'validation'"),
    ],
)
def test_a_graph_makes_nothing_up(settings, text):
    with refused(text, InputError):
        graph().query(**{"metric": "TEST_ACCURACY", "dataset": "cifar10", **settings})


def test_the_official_class_reads_the_published_meta_file(tmp_path):
    (tmp_path / ALL_SEEDS).write_text(json.dumps(seeds_content([1000])))
    official = NasRobBench201(shared_file("data", "published", META), tmp_path / ALL_SEEDS)
    assert official.get_result("cifar100", "1000", "val_acc") == 0.001
    assert official.get_uid("1000") == "1000"


def test_every_adapter_says_whether_another_network_answers():
    trained, relative = Architecture("343013"), Architecture("343303")
    column = Column("cifar10", "test", "clean", np.array([[0.5]]))
    table = Table("t", [trained.index], [column], partition="official", published=np.arange(SIZE))
    nats = NatsBench(table, metric="clean", split="test")
    for arch, identical in ((trained, True), (relative, False)):
        for value in (
            NaslibGraph(table, arch, metric="clean").query("TEST_ACCURACY", "cifar10"),
            nats.get_more_info(arch.index, "cifar10")["test-clean"],
            nats.simulate_train_eval(arch.genotype, "cifar10")[0],
        ):
            assert (value, value.identical) == (50, identical)
        assert (
            NasRobBench201(table).identical(arch.index) == RobustnessDataset(table).identical(arch.index) == identical
        )
