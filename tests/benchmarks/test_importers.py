import json
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robnas.benchmarks import fetch
from robnas.benchmarks.nas_bench_201 import _importers, _jung, _reading
from robnas.errors import DataError
from robnas.spaces import SIZE, Architecture
from tests.benchmarks.conftest import (
    ACC,
    ALL_SEEDS,
    DATASETS,
    KEYS,
    META,
    OPS,
    PAGE,
    meta_text,
    ops_text,
    page,
    page_text,
    published_text,
    representatives,
    table_or_error,
)
from tests.conftest import shared_file
from tests.data.conftest import listing, refused

OWN = {
    "cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120", "ImageNet16-120": "imagenet16-120",
    "val_acc": "clean", "val_fgsm_3_acc": "fgsm@3/255", "val_pgd_3_acc": "pgd@3/255", "val_fgsm_8_acc": "fgsm@8/255",
    "val_pgd_8_acc": "pgd@8/255", "autoattack": "autoattack@8/255", "clean": "clean", "aa_apgd-ce": "apgd@1/255",
    "aa_square": "square@1/255", "fgsm": "fgsm@1/255", "pgd": "pgd@1/255", "corr": "corruptions",
}  # fmt: skip


# the published files


@pytest.mark.parametrize(("name", "main"), [("robbench", PAGE), ("jung", ACC)])
def test_every_published_number_is_that_of_the_file(name, main, request, published_codes):
    table, content = request.getfixturevalue(name), published_text(main)
    keys = content.pop("")
    measured = {number: entry for number, entry in content.items() if isinstance(entry, list)}
    assert (len(content), len(measured), len(table)) == (SIZE, 6466, 6466)
    at = np.array([int(published_codes[int(number)], 5) for number in measured])
    for position, key in enumerate(keys):
        dataset, metric = key.split("#")
        found = table.values(OWN[dataset], OWN[metric], split="test", index=at, resolve="exact")
        assert found.tolist() == [entry[position] for entry in measured.values()]
    assert len(table.columns) == len(keys) == {"robbench": 18, "jung": 17}[name]
    assert name == "jung" or keys == KEYS


@pytest.mark.parametrize(("name", "main"), [("robbench", PAGE), ("jung", ACC)])
def test_every_published_index_resolves_to_the_representative_that_the_file_names(name, main, request, published_codes):
    table, content = request.getfixturevalue(name), published_text(main)
    for number, code in enumerate(published_codes):
        entry = content[str(number)]
        stands_for = published_codes[number if isinstance(entry, list) else int(entry)]
        assert table.architectures[table.row(number)].code == stands_for
        assert table.row(number) == table.row(Architecture(code))


FACTS = [("pgd@8/255", "323133", 0.4811), ("clean", "333133", 0.7956), ("autoattack@8/255", "333133", 0.4438)]


@pytest.mark.parametrize(("metric", "code", "value"), FACTS)
def test_the_best_architectures_of_the_paper(robbench, metric, code, value):
    [(arch, best)] = robbench.best("cifar10", metric, split="test")
    assert (arch.code, round(best, 4)) == (code, value)
    assert best.runs == (1 if metric.startswith("autoattack") else 3)


def test_what_the_tables_say_about_themselves(robbench, jung):
    for table in (robbench, jung):
        assert table.partition == "official"
        assert table.datasets == ("cifar10", "cifar100", "imagenet16-120")
        assert {column.split for column in table.columns} == {"test"}
        assert "CC BY-SA 4.0" in table.provenance["licence"]
    assert "AutoAttack is one run" in robbench.provenance["notes"]
    assert "without adversarial training" in jung.provenance["notes"]
    assert jung.query("323133", dataset="cifar10", metric="clean", split="test", seed="mean").runs == 1


@pytest.fixture
def codes_known():
    """The files of codes are not read: that takes longer than all the rest of a test."""
    published = np.arange(SIZE)
    with pytest.MonkeyPatch.context() as patch:
        for module in (_importers, _jung):
            patch.setattr(module, "read_codes", lambda _: published)
        patch.setattr(_importers, "read_meta", lambda _: (published, representatives()))
        yield


# the official full file: not to be had here, so made in its schema


def seeds_content(ids, missing=()):
    """``res[dataset][id][metric][seed]`` with values that tell where they stand."""
    metrics = ("val_acc", "val_fgsm_3.0_acc", "val_fgsm_8.0_acc", "val_pgd_3.0_acc", "val_pgd_8.0_acc")
    content = {}
    for place, dataset in enumerate(DATASETS):
        content[dataset] = {}
        for number in ids:
            entry = content[dataset][str(number)] = {"autoattack": (place + 1) / 10}
            for which, metric in enumerate(metrics):
                base = number / 1e6 + which / 10
                runs = {"1": base, "2": base + 0.01, "3": base + 0.05}
                entry[metric] = {**runs, "threeseed": 0.999}
    for dataset, number, metric, seed in missing:
        if seed is None:
            del content[dataset][str(number)][metric]
        else:
            del content[dataset][str(number)][metric][seed]
    return content


@cache
def some_ids(count=20):
    return sorted(set(representatives()))[5 :: 6466 // count][:count]


def read_seeds(folder, content, meta=None):
    (folder / ALL_SEEDS).write_text(content if isinstance(content, str) else json.dumps(content))
    (folder / META).write_text(meta or meta_text())
    files = {name: folder / name for name in (ALL_SEEDS, META)}
    return _importers.nas_robbench_201_seeds(files, {"licence": "x"})


def test_seeds_are_kept_and_means_computed_from_those_found(tmp_path):
    ids = some_ids()
    missing = [("cifar10", ids[0], "val_acc", "2"), ("cifar10", ids[1], "val_acc", None),
               ("imagenet", ids[2], "autoattack", None)]  # fmt: skip
    table = read_seeds(tmp_path, seeds_content(ids, missing))
    assert (len(table), len(table.columns)) == (len(ids), 18)
    differing = table.provenance.pop("threeseed_differs_from_mean")  # the file's own means are made up
    assert set(differing) <= {column.name for column in table.columns if column.seeds}
    assert all(0 < count <= len(table) for count in differing.values())
    absent = 6466 - len(ids)  # representatives that this file does not hold
    missing = {column.name: (1 if "auto" in column.metric else 3) * absent for column in table.columns}
    missing["cifar10 test clean"] += 1 + 3
    missing["imagenet16-120 test autoattack@8/255"] += 1
    assert table.provenance == {"licence": "x", "missing_runs": missing}
    where = {"dataset": "cifar10", "metric": "clean", "split": "test"}
    assert table.query(ids[3], **where, seed="mean") == pytest.approx(ids[3] / 1e6 + 0.02)  # not threeseed
    assert table.query(ids[3], **where, seed=3) == ids[3] / 1e6 + 0.05
    first = table.query(ids[0], **where, seed="mean")
    assert (first, first.runs) == (pytest.approx(ids[0] / 1e6 + 0.025), 2)
    assert np.isnan(table.values(**where)[table.row(ids[1])])
    assert table.column("imagenet16-120", "pgd@8/255", "test").seeds == (1, 2, 3)
    attack = table.query(ids[3], dataset="imagenet16-120", metric="autoattack@8/255", split="test", seed="mean")
    assert (attack, attack.runs) == (0.3, 1)


def test_a_full_file_misses_nothing_and_what_a_small_one_lacks_is_counted(tmp_path):
    every = sorted(set(representatives()))
    assert read_seeds(tmp_path, seeds_content(every)).provenance["missing_runs"] == {}
    content = {"cifar10": seeds_content(every)["cifar10"]}
    for entry in content["cifar10"].values():
        del entry["val_acc"]
    missing = read_seeds(tmp_path, content).provenance["missing_runs"]
    assert missing["cifar10 test clean"] == missing["cifar100 test pgd@8/255"] == 3 * 6466
    assert missing["imagenet16-120 test autoattack@8/255"] == 6466
    assert (len(missing), "cifar10 test pgd@8/255" in missing) == (1 + 2 * 6, False)


def test_a_metric_without_seeds_has_the_published_mean(tmp_path):
    ids = some_ids()
    content = seeds_content(ids)
    for entry in content["cifar10"].values():
        entry["val_acc"] = {"threeseed": 0.25}
    del content["cifar10"][str(ids[1])]["val_acc"]
    table = read_seeds(tmp_path, content)
    where = {"dataset": "cifar10", "metric": "clean", "split": "test", "seed": "mean"}
    assert (table.query(ids[0], **where), table.query(ids[0], **where).runs) == (0.25, 3)
    assert table.column("cifar10", "clean", "test").seeds == ()
    assert table.column("cifar10", "pgd@8/255", "test").seeds == (1, 2, 3)
    assert table.provenance["missing_runs"]["cifar10 test clean"] == 3 * (6466 - len(ids) + 1)


def test_the_published_check_values_are_read(tmp_path):
    meta = json.loads(shared_file("data", "published", META).read_text())
    assert meta["ids"]["1000"]["isomorph"] == "1000"
    values = {"val_fgsm_3.0_acc": 0.6729999780654907, "val_pgd_3.0_acc": 0.6680999994277954}
    content = {"cifar10": {"1000": {key: {"1": value, "threeseed": 0.67} for key, value in values.items()}}}
    table = read_seeds(tmp_path, content, json.dumps(meta))
    for metric, value in zip(("fgsm@3/255", "pgd@3/255"), values.values(), strict=True):
        found = table.query(1000, dataset="cifar10", metric=metric, split="test", seed=1)
        assert (found, found.runs) == (value, 1)
    assert table.architectures[0].genotype == meta["ids"]["1000"]["nb201-string"]


def test_isomorphic_ids_find_the_seeds_of_their_representative(tmp_path):
    content = seeds_content(some_ids())
    table = read_seeds(tmp_path, content)
    number, other = next(
        (number, stands_for)
        for number, stands_for in enumerate(representatives())
        if stands_for in some_ids() and number != stands_for
    )
    where = {"dataset": "cifar100", "metric": "clean", "split": "test", "seed": 1}
    assert table.query(number, **where) == content["cifar100"][str(other)]["val_acc"]["1"]


FIRST = "0"
LAST = next(number for number in range(SIZE - 1, 0, -1) if representatives()[number] != number)  # no representative
SEEDS_FILES = {
    "empty": ({}, "a consistent table"),
    "no data set": ([], "an object, got \\[\\]"),
    "unknown data set": ({"svhn": {}}, "data sets cifar10, .*, got 'svhn'"),
    "control characters": ({"cifar10\x1b[2J\n": {}}, "data sets"),
    "no architectures": ({"cifar10": {}}, "a consistent table"),
    "list of ids": ({"cifar10": []}, "an object"),
    "unknown metric": ({"cifar10": {FIRST: {"val_loss": {"1": 0.5}}}}, "metrics val_acc, .*, got 'val_loss'"),
    "no representative": ({"cifar10": {str(LAST): {"val_acc": {"1": 0.5}}}}, "ids of representatives, got "),
    "no id": ({"cifar10": {"x": {"val_acc": {"1": 0.5}}}}, "an id from 0 to 15624, got 'x'"),
    "id with a leading zero": ({"cifar10": {"00": {"val_acc": {"1": 0.5}}}}, "an id from 0 to 15624, got '00'"),
    "id out of range": ({"cifar10": {"15625": {"val_acc": {"1": 0.5}}}}, "an id from 0 to 15624, got '15625'"),
    "id of other digits": ({"cifar10": {"٣": {"val_acc": {"1": 0.5}}}}, "an id from 0 to 15624"),
    "a mean above 1": ({"cifar10": {FIRST: {"val_acc": {"threeseed": 67.3}}}}, r"accuracies in \[0, 1\], got 67\.3"),
    "no runs": ({"cifar10": {FIRST: {"val_acc": {}}}}, "1 to 100 seeds for cifar10 val_acc, got 0"),
    "too many seeds": ({"cifar10": {FIRST: {"val_acc": {str(seed): 0.5 for seed in range(101)}}}}, "seeds .*, got 101"),
    "unknown seed": ({"cifar10": {FIRST: {"val_acc": {"best": 0.5}}}}, "seeds as whole numbers.*, got 'best'"),
    "null": ({"cifar10": {FIRST: {"val_acc": None}}}, r"accuracies in \[0, 1\], got None"),
    "value above 1": ({"cifar10": {FIRST: {"val_acc": {"1": 67.3}}}}, r"accuracies in \[0, 1\], got 67\.3"),
    "number and seeds": (
        {"cifar10": {FIRST: {"val_acc": 0.5}, "1": {"val_acc": {"1": 0.5}}}}, "an object, got 0.5",
    ),
    "one data set twice": (
        {name: {FIRST: {"val_acc": {"1": 0.5}}} for name in ("imagenet", "ImageNet16-120")}, "each column once",
    ),
    "one metric twice": (
        {"cifar10": {FIRST: {name: {"1": 0.5} for name in ("val_fgsm_3_acc", "val_fgsm_3.0_acc")}}}, "each column once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDS_FILES)
def test_a_broken_seeds_file_is_refused(name, codes_known, tmp_path):
    content, text = SEEDS_FILES[name]
    with refused(f"^{ALL_SEEDS}: expected {text}|^{ALL_SEEDS}: .*{text}"):
        read_seeds(tmp_path, content)


def meta_with(change):
    content = json.loads(meta_text())
    change(content["ids"])
    return json.dumps(content)


META_FILES = {
    "no ids": (lambda ids: ids.clear(), "all 15,625 ids, got '0'"),
    "an id less": (lambda ids: ids.pop("7"), "all 15,625 ids, got '15,624'"),
    "an id in another spelling": (lambda ids: ids.update({"07": ids.pop("7")}), "an id from 0 to 15624, got '07'"),
    "one architecture twice": (lambda ids: ids["7"].update(ids["8"]), "every architecture once"),
    "no genotype": (lambda ids: ids["7"].pop("nb201-string"), "architectures, got "),
    "another genotype": (lambda ids: ids["7"].update({"nb201-string": "|x~0|"}), "architectures, got "),
    "no isomorph": (lambda ids: ids["7"].pop("isomorph"), "an id from 0 to 15624, got None"),
    "isomorph out of range": (lambda ids: ids["7"].update(isomorph="99999"), "an id from 0 to 15624, got '99999'"),
    "another network": (lambda ids: ids["15624"].update(isomorph="0"), "an isomorphic architecture for id 15624, got"),
    "text": (lambda ids: ids.update({"7": "8"}), "an object, got '8'"),
}  # fmt: skip


@pytest.mark.parametrize("name", META_FILES)
def test_a_broken_meta_file_is_refused(name, tmp_path):
    change, text = META_FILES[name]
    with refused(f"^{META}: expected {text}"):
        read_seeds(tmp_path, seeds_content(some_ids(3)), meta_with(change))


# broken and hostile page files


def read_page(folder, content, ops=None):
    (folder / PAGE).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / OPS).write_text(ops_text() if ops is None else ops)
    return _importers.nas_robbench_201({name: folder / name for name in (PAGE, OPS)}, {})


def test_a_page_file_in_the_published_form_is_read(tmp_path):
    table = read_page(tmp_path, page_text(page(KEYS[:6])))
    assert (len(table), len(table.columns)) == (6466, 6)
    assert read_page(tmp_path, "\n " + json.dumps(page()) + "\n").values("cifar10", "clean", split="test").max() == 0.5
    assert len(read_page(tmp_path, "acc = " + json.dumps(page()))) == 6466


# what cannot be parsed fails before anything is looked at, so a short text will do
UNREADABLE = {
    "nothing": b"",
    "white space": b" \n\n ",
    "a web page": b"<!DOCTYPE html><html>",
    "code after it": b'acc={"":["cifar10#val_acc"]};alert(1)',
    "code inside it": b'acc={"":[fetch("http://127.0.0.1")]};',
    "an expression": b"acc=(function(){return {}})();",
    "python": b'__import__("os").system("true")',
    "two assignments": b'acc={"0":[1]};acc={"0":[0]}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'acc={"":["cifar10#val_\xff"]};',
    "UTF-16": 'acc={"":[]}'.encode("utf-16"),
    "zeros": bytes(1000),
    "cut": page_text(page()).encode()[:-100],
    "single quotes": b"acc={'0':[0.5]}",
    "not a number": b'acc={"0":[NaN]};',
    "infinite": b'acc={"0":[Infinity]};',
    "minus infinite": b'acc={"0":[-Infinity]};',
    "a number of 5,000 digits": b'acc={"0":[' + b"9" * 5000 + b"]};",
    "the same id twice": b'acc={"0":[0.5],"0":[0.6]};',
    "the same key twice, deeper": b'acc={"0":{"a":1,"a":1}};',
    "lists in lists": b'acc={"":' + b"[" * 100_000 + b"]" * 100_000 + b"};",
    "open lists": b"acc=" + b"[" * 100_000,
    "objects in objects": b"acc=" + b'{"0":' * 100_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_page_that_is_no_single_assignment_of_json_is_refused(name, codes_known, tmp_path):
    with refused(rf"^{PAGE}: expected JSON, or one assignment of JSON, got \w+ \(.*\); fetch it again$"):
        read_page(tmp_path, UNREADABLE[name])


@pytest.mark.parametrize("name", ["nothing", "code after it", "lists in lists", "the same id twice"])
def test_codes_that_are_no_single_assignment_of_json_are_refused(name, tmp_path):
    with refused(rf"^{OPS}: expected JSON, or one assignment of JSON, got \w+ \(.*\); fetch it again$"):
        read_page(tmp_path, page_text(page()), UNREADABLE[name].decode())


def test_nesting_of_any_depth_is_an_error_of_one_kind(tmp_path):
    path = tmp_path / PAGE
    published = np.arange(SIZE)
    for depth in [*range(1, 1100, 7), 5_000, 50_000]:
        path.write_text('{"":' + "[" * depth + "]" * depth + "}")
        with pytest.raises(DataError):
            _reading.read_page(path, published)


def test_a_page_larger_than_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(_reading, "_LARGEST", 1000)
    with refused(f"^{OPS}: expected at most 1,000 bytes, got [0-9]{{3}},[0-9]{{3}}; fetch it again"):
        read_page(tmp_path, page_text(page()))


def test_a_missing_file_is_a_data_error(tmp_path):
    with refused(f"^{META}: expected .* got FileNotFoundError"):
        _importers.nas_robbench_201_seeds({name: tmp_path / name for name in (META, ALL_SEEDS)}, {})


def change(content, number, value):
    return {**content, str(number): value}


def drop(content, number):
    return {key: value for key, value in content.items() if key != str(number)}


BROKEN = {
    "a huge number": (lambda c: change(c, 0, [10**400]), r"accuracies in \[0, 1\], got 1000"),
    "a negative number": (lambda c: change(c, 0, [-1e-9]), r"accuracies in \[0, 1\], got -1e-09"),
    "a percentage": (lambda c: change(c, 0, [79.56]), r"accuracies in \[0, 1\], got 79\.56"),
    "text": (lambda c: change(c, 0, ["0.5"]), r"accuracies in \[0, 1\], got '0\.5'"),
    "a truth value": (lambda c: change(c, 0, [True]), r"accuracies in \[0, 1\], got True"),
    "null": (lambda c: change(c, 0, [None]), r"accuracies in \[0, 1\], got None"),
    "a list": (lambda c: change(c, 0, [[0.5]]), r"accuracies in \[0, 1\], got \[0\.5\]"),
    "no number": (lambda c: change(c, 0, []), "1 numbers for id 0, got '0'"),
    "a number too many": (lambda c: change(c, 0, [0.5, 0.5]), "1 numbers for id 0, got '2'"),
    "an id of itself": (lambda c: change(c, LAST, str(LAST)), f"numbers or the id of a measured .* for id {LAST}, got"),
    "a representative of itself": (lambda c: change(c, 0, "0"), "numbers or the id of a measured architecture for id"),
    "a loop": (
        lambda c: {**c, str(LAST): "0", "0": str(LAST)}, "numbers or the id of a measured architecture for id",
    ),
    "a chain": (
        lambda c: {**c, "0": str(LAST)}, f"numbers or the id of a measured architecture for id 0, got '{LAST}'",
    ),
    "another network": (
        lambda c: change(c, LAST, str(next(n for n in sorted(set(representatives())) if n != representatives()[LAST]))),
        f"an isomorphic architecture for id {LAST}, got 0",
    ),
    "an id out of range": (lambda c: change(c, LAST, "15625"), "an id from 0 to 15624, got '15625'"),
    "a negative id": (lambda c: change(c, LAST, -1), "an id from 0 to 15624, got -1"),
    "an object": (lambda c: change(c, LAST, {"a": 1}), "an id from 0 to 15624, got {'a': 1}"),
    "a fraction as id": (lambda c: change(c, LAST, 0.0), r"an id from 0 to 15624, got 0\.0"),
    "a missing id": (lambda c: drop(c, LAST), "all 15,625 ids, got '15,624'"),
    "an id too many": (lambda c: change(c, SIZE, [0.5]), "an id from 0 to 15624, got '15625'"),
    "an id in another spelling": (lambda c: {**drop(c, 7), "07": c["7"], "7": [0.9]}, "an id from 0 to 15624, got .07"),
    "an id of letters": (lambda c: change(c, "__proto__", [0.5]), "an id from 0 to 15624, got '__proto__'"),
    "only the columns": (lambda c: {"": c[""]}, "all 15,625 ids, got '0'"),
    "no columns": (lambda c: drop(c, ""), 'an entry "" with the distinct column names, got None'),
    "an empty list of columns": (lambda c: change(c, "", []), 'an entry "" with the distinct column names, got'),
    "columns as text": (lambda c: change(c, "", "cifar10#val_acc"), 'an entry "" with the distinct column names'),
    "a column twice": (lambda c: change(c, "", KEYS[:1] * 2), 'an entry "" with the distinct column names'),
    "an unknown metric": (lambda c: change(c, "", ["cifar10#loss"]), "columns such as cifar10#val_acc, got .cifar10#"),
    "an unknown data set": (lambda c: change(c, "", ["svhn#val_acc"]), "columns such as cifar10#val_acc, got 'svhn#"),
    "no data set": (lambda c: change(c, "", ["#val_acc"]), "columns such as cifar10#val_acc, got '#val_acc'"),
    "a column that is a number": (lambda c: change(c, "", [7]), "columns such as cifar10#val_acc, got 7"),
    "a list instead": (lambda c: [], r"an object, got \[\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_page_of_another_content_is_refused(name, codes_known, tmp_path):
    alter, text = BROKEN[name]
    with refused(f"^{PAGE}: expected {text}.*; fetch it again from its authors$"):
        read_page(tmp_path, page_text(alter(page())))


def test_a_number_too_large_for_a_float_is_refused(codes_known, tmp_path):
    text = page_text(page()).replace("[0.5]", "[1e999]", 1)
    with refused(rf"^{PAGE}: expected accuracies in \[0, 1\], got inf; fetch it again from its authors"):
        read_page(tmp_path, text)


def test_two_names_of_one_column_are_refused(codes_known, tmp_path):
    with refused(f"^{PAGE}: expected a consistent table, got .*each column once, got cifar10 test fgsm@3/255 again"):
        read_page(tmp_path, page_text(page(["cifar10#val_fgsm_3_acc", "cifar10#val_fgsm_3.0_acc"])))


def codes_with(number, value):
    codes = json.loads(ops_text().partition("=")[2])
    codes[number] = value
    return "arch=" + json.dumps(codes)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: codes_with(3, "000000"), "every architecture once, got 'repetitions'"),
        (lambda: codes_with(3, "000005"), "architectures, got architecture"),
        (lambda: codes_with(3, 3), "architectures, got architecture"),
        (lambda: codes_with(3, None), "architectures, got architecture"),
        (lambda: codes_with(slice(3, 4), []), "a list of 15,625 digit codes, got "),
        (lambda: '{"0": "000000"}', "a list of 15,625 digit codes, got {'0': '000000'}"),
    ],
)
def test_codes_that_do_not_name_every_architecture_once_are_refused(make, text, tmp_path):
    with refused(f"^{OPS}: expected {text}"):
        read_page(tmp_path, page_text(page()), make())


def test_hostile_files_leave_the_cache_as_it_was(tmp_path, cache, monkeypatch, codes_known):
    """Through `fetch`, with the checksums of the hostile files."""
    from robnas.benchmarks import CATALOGUE
    from tests.benchmarks.test_catalogue import accept_any

    accept_any(monkeypatch, "nas-robbench-201")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / OPS).write_text(ops_text())
    (folder / PAGE).write_text(page_text(page()))
    fetch("nas-robbench-201", folder)
    before, good = listing(cache), (cache / "nas-robbench-201.parquet").read_bytes()
    for content in (*UNREADABLE.values(), *(page_text(BROKEN[name][0](page())).encode() for name in list(BROKEN)[::6])):
        (folder / PAGE).write_bytes(content)
        with pytest.raises(DataError):
            fetch("nas-robbench-201", folder)
    assert listing(cache) == before
    assert (cache / "nas-robbench-201.parquet").read_bytes() == good
    assert CATALOGUE["nas-robbench-201"].files[0].sha256 is None


# fuzzing: a table or one error

FUZZ = settings(
    derandomize=True, deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = st.sampled_from(
    ["", "0", "1", "15624", "15625", "00", "cifar10", "cifar10#val_acc", "val_acc", "threeseed", "ids"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NAMES
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner),
    max_leaves=12,
)


@pytest.fixture
def room(tmp_path, codes_known):
    """A folder that all examples share."""
    return tmp_path


def imports_or_refuses(importer, folder, name, content):
    (folder / name).write_bytes(content)
    table_or_error(lambda: importer({file: folder / file for file in (OPS, META, name)}, {}), name)


@pytest.mark.parametrize(
    ("importer", "name"),
    [(_importers.nas_robbench_201, PAGE), (_jung.jung_2023, ACC), (_importers.nas_robbench_201_seeds, ALL_SEEDS)],
)
@FUZZ
@given(content=st.binary(max_size=200) | TREES.map(lambda tree: b"acc=" + json.dumps(tree).encode()))
def test_any_bytes_give_a_table_or_one_error(importer, name, content, room):
    imports_or_refuses(importer, room, name, content)


@FUZZ
@given(cell=TREES, seeds=st.dictionaries(NAMES | st.just("2"), LEAVES, max_size=3), dataset=NAMES | st.just("imagenet"))
def test_any_seeds_content_gives_a_table_or_one_error(cell, seeds, dataset, room):
    content = {dataset: {"0": {"val_acc": cell}, "1": {"val_acc": seeds}}}
    imports_or_refuses(_importers.nas_robbench_201_seeds, room, ALL_SEEDS, json.dumps(content).encode())


@pytest.mark.parametrize("importer", [_reading.read_codes, _reading.read_meta])
@FUZZ
@given(content=st.binary(max_size=200) | TREES.map(lambda tree: b"arch=" + json.dumps(tree).encode()))
def test_any_bytes_as_codes_give_one_error(importer, content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / OPS
    path.write_bytes(content)
    with pytest.raises(DataError):
        importer(path)
