"""Jung et al. 2023: the authors' full files, the page's summary, and what earlier versions made of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robnas.benchmarks import Table, cached_path, fetch, load, read_table, write_table
from robnas.benchmarks.nas_bench_201 import _jung, confusion_matrices
from robnas.errors import InputError
from robnas.spaces import SIZE
from robnas.types import CORRUPTIONS, Metric, is_attacked
from tests.benchmarks.conftest import ACC, META, OPS, meta_text, page, page_text, representatives, table_or_error
from tests.benchmarks.test_importers import FUZZ, TREES
from tests.conftest import shared_file
from tests.data.conftest import refused

LEVELS = {"pgd@Linf": [0.1, 0.5, 1.0, 8.0], "fgsm@Linf": [0.1, 1, 7.0, 8, 255], "aa_square@Linf": [1.0]}
KINDS = CORRUPTIONS[:15]
WHERE = {"dataset": "cifar10", "split": "test", "seed": "mean"}


def ids(count=5):
    return sorted(set(representatives()))[3 :: 6466 // count][:count]


def content(dataset="cifar10", key="pgd@Linf", measure="accuracy", value=None, numbers=None):
    """A file in the authors' form, whose values tell where they stand."""
    width = 5 if "@" not in key else len(LEVELS[key])
    of = value or (lambda number: round(number / SIZE, 3) if key == "clean" else
                   [round(number / SIZE / (level + 1), 3) for level in range(width)])  # fmt: skip
    return {dataset: {key: {measure: {str(number): of(number) for number in numbers or ids()}}}}


def put(folder, dataset, key, measure="accuracy", what=None):
    path = folder / dataset / f"{key}_{measure}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(what if isinstance(what, str) else json.dumps(what or content(dataset, key, measure)))
    return path


def put_meta(folder, epsilons=LEVELS):
    (folder / META).write_text(json.dumps({"ids": {}, "epsilons": epsilons}))


@pytest.fixture(autouse=True)
def ids_known(monkeypatch, request):
    """The ids of ``meta.json`` are not read: that takes longer than all the rest of a test."""
    if "ids_read" not in request.fixturenames:
        monkeypatch.setattr(_jung, "ids_of_meta", lambda *_: (np.arange(SIZE), representatives()))
        monkeypatch.setattr(_jung, "read_codes", lambda _: np.arange(SIZE))


@pytest.fixture
def ids_read():
    """The ids are read."""


def imported(folder):
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*.json")}
    return _jung.jung_2023(files, {"licence": "x"})


# the published files


def test_the_full_files_have_every_epsilon_and_severity(jung_full, jung, ids_read):
    assert (len(jung_full), len(jung_full.columns)) == (6466, 2 * 109 + 5)
    for name in ("cifar10", "cifar100"):
        metrics = [column.metric for column in jung_full.columns if column.dataset == name]
        assert metrics[:3] == ["clean", "fgsm@0.1/255", "fgsm@0.5/255"]
        assert {"fgsm@255/255", "pgd@8/255", "pgd@0.1/255", "apgd@0.5/255", "square@4/255", "brightness@3"} < set(
            metrics
        )
        assert sum(Metric.parse(key).severity is not None for key in metrics) == 75
    assert (
        "cifar10 20 of 20, cifar100 20 of 20; imagenet16-120 from the project page" in jung_full.provenance["variant"]
    )
    assert "missing_runs" not in jung_full.provenance
    assert len(jung_full.provenance["sha256"]) == 40 + 3


def test_the_example_of_the_authors_readme(jung_full, ids_read):
    assert jung_full.peek(13433, metric="clean", **WHERE) == 0.893
    assert jung_full.peek(13433, metric="pgd@1/255", **WHERE) == 0.336
    authors = json.loads(shared_file("data", "jung", "cifar10", "pgd@Linf_accuracy.json").read_text())
    listed = authors["cifar10"]["pgd@Linf"]["accuracy"]["13433"]
    levels = json.loads(shared_file("data", "published", META).read_text())["epsilons"]["pgd@Linf"]
    for level, value in zip(levels, listed, strict=True):
        assert jung_full.peek(13433, metric=f"pgd@{level}/255", **WHERE) == value
    corrupted = json.loads(shared_file("data", "jung", "cifar10", "fog_accuracy.json").read_text())
    for severity, value in enumerate(corrupted["cifar10"]["fog"]["accuracy"]["13433"], start=1):
        assert jung_full.peek(13433, metric=f"fog@{severity}", **WHERE) == value


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_the_page_is_at_one_grey_level_and_has_means_of_corruptions(dataset, jung_full, jung, ids_read):
    at = jung.rows
    for metric in ("clean", "fgsm@1/255", "pgd@1/255", "apgd@1/255", "square@1/255"):
        full, paged = (table.values(dataset, metric, split="test", index=at) for table in (jung_full, jung))
        assert int((full != paged).sum()) == 0
    full, paged = (table.values(dataset, "corruptions", split="test", index=at) for table in (jung_full, jung))
    assert (np.round(full, 3) == paged).all()
    every = [
        jung_full.values(dataset, f"{kind}@{level}", split="test", index=at) for kind in KINDS for level in range(1, 6)
    ]
    assert np.allclose(full, np.mean(every, axis=0), atol=1e-15)


def test_the_page_alone_says_what_it_is(jung, ids_read):
    assert [column.metric for column in jung.columns][:6] == [
        "clean", "apgd@1/255", "square@1/255", "fgsm@1/255", "pgd@1/255", "corruptions",
    ]  # fmt: skip
    assert jung.provenance["variant"].startswith("the project page's summary: attacks at ε = 1/255 only")
    assert "inferred" in jung.column("imagenet16-120", "pgd@1/255", "test").facts["epsilon"]
    assert jung.column("cifar10", "pgd@1/255", "test").facts == {}
    assert jung.column("imagenet16-120", "clean", "test").facts == {}
    assert "average" not in jung.provenance["notes"]


# old names


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd", "square"])
def test_old_names_are_aliases_with_a_word(attack, jung, jung_full, ids_read):
    for table in (jung, jung_full):
        with pytest.warns(UserWarning, match=f"{attack}@average: this is {attack}@1/255; .* no average over epsilons"):
            found = table.peek(13433, metric=f"{attack}@average", **WHERE)
        assert found == table.peek(13433, metric=f"{attack}@1/255", **WHERE)


def test_an_old_name_of_no_such_table_is_unknown(small):
    with refused("metric of table small: expected one of clean, autoattack@8/255, got 'pgd@average'", InputError):
        small.column("cifar10", "pgd@average", "test")


def as_before(table):
    """As earlier versions kept it."""
    old = {new: old for old, new in _jung.RENAMED.items()}
    columns = [replace(column, metric=old.get(column.metric, column.metric), facts={}) for column in table.columns]
    notes = "Trained without. Accuracies are averages over several epsilons, rounded to 3 decimals, one run."
    provenance = {"citation": table.provenance["citation"], "licence": "x", "notes": notes}
    return Table(
        table.name, table.rows, columns, space=table.space, partition=table.partition, published=table.published,
        provenance=provenance,
    )  # fmt: skip


def test_tables_that_earlier_versions_kept_are_relabelled_when_read(jung, cache, tmp_path, ids_read):
    write_table(as_before(jung), cached_path("jung-2023"))
    write_table(as_before(jung), tmp_path / "own.parquet")
    assert read_table(tmp_path / "own.parquet").columns[1].metric == "apgd@average"
    for found in (load("jung-2023"), load(tmp_path / "own.parquet")):
        assert [(column.name, column.facts) for column in found.columns] == [
            (column.name, column.facts) for column in jung.columns
        ]
        for ours, theirs in zip(found.columns, jung.columns, strict=True):
            assert np.array_equal(ours.values, theirs.values)
        assert found.provenance["variant"] == jung.provenance["variant"]
        assert found.provenance["notes"] == "Trained without. Attacks are at ε = 1/255, rounded to 3 decimals, one run."
        with pytest.warns(UserWarning, match="pgd@average: this is pgd@1/255"):
            found.column("cifar10", "pgd@average", "test")


def test_a_table_that_was_joined_before_is_relabelled(robbench, jung, tmp_path, ids_read):
    before = as_before(jung)
    both = Table(
        "nas-robbench-201+jung-2023", robbench.rows[:3],
        [replace(column, values=column.values[:3]) for column in before.columns[1:5]],
        space=robbench.space, provenance={"nas-robbench-201": robbench.provenance, "jung-2023": before.provenance},
    )  # fmt: skip
    write_table(both, tmp_path / "both.parquet")
    found = load(tmp_path / "both.parquet")
    assert [column.metric for column in found.columns] == ["apgd@1/255", "square@1/255", "fgsm@1/255", "pgd@1/255"]
    assert found.provenance["nas-robbench-201"] == robbench.provenance
    with pytest.warns(UserWarning, match="square@average: this is square@1/255"):
        found.column("cifar10", "square@average", "test")


def test_a_table_of_others_keeps_its_names(small, tmp_path):
    table = Table("mine", small.rows, [replace(small.columns[1], metric="pgd@average")])
    write_table(table, tmp_path / "mine.parquet")
    assert load(tmp_path / "mine.parquet").columns[0].metric == "pgd@average"


# files in the authors' form


def test_lists_stand_for_the_epsilons_of_meta_in_its_order(tmp_path):
    put_meta(tmp_path, {**LEVELS, "fgsm@Linf": [8, 0.1, 255, 7.0, 1]})
    for key in ("pgd@Linf", "fgsm@Linf", "clean"):
        put(tmp_path, "cifar10", key)
    table = imported(tmp_path)
    assert [column.metric for column in table.columns] == [
        "clean", "fgsm@8/255", "fgsm@0.1/255", "fgsm@255/255", "fgsm@7/255", "fgsm@1/255",
        "pgd@0.1/255", "pgd@0.5/255", "pgd@1/255", "pgd@8/255",
    ]  # fmt: skip
    number = ids()[2]
    assert table.peek(number, metric="fgsm@255/255", **WHERE) == round(number / SIZE / 3, 3)
    assert table.peek(number, metric="fgsm@1", **WHERE) == round(number / SIZE / 3, 3)
    assert (len(table), table.provenance["licence"]) == (5, "x")
    assert table.provenance["variant"] == "the authors' full files of accuracies: cifar10 3 of 20"


def test_corruptions_have_severities_and_a_mean_where_all_are_there(tmp_path):
    put_meta(tmp_path)
    for kind in KINDS[1:]:
        put(tmp_path, "cifar100", kind)
    where = {**WHERE, "dataset": "cifar100"}
    number = ids()[1]
    assert imported(tmp_path).peek(number, metric="fog@2", **where) == round(number / SIZE / 2, 3)
    assert "corruptions" not in [column.metric for column in imported(tmp_path).columns]
    put(tmp_path, "cifar100", KINDS[0])
    expected = np.mean([round(number / SIZE / level, 3) for level in range(1, 6)])
    assert imported(tmp_path).peek(number, metric="corruptions", **where) == pytest.approx(expected, abs=1e-15)


def test_what_some_files_lack_is_counted(tmp_path):
    put_meta(tmp_path)
    put(tmp_path, "cifar10", "clean")
    put(tmp_path, "cifar10", "aa_square@Linf", what=content(key="aa_square@Linf", numbers=ids()[:2]))
    table = imported(tmp_path)
    assert table.provenance["missing_runs"] == {"cifar10 test square@1/255": 3}
    assert np.isnan(table.values("cifar10", "square@1/255", split="test")).sum() == 3


CONFIDENCES = {
    "a list": (lambda number: [0.5, 0.25, None, float("nan")], {"": [0.5, 0.25, np.nan, np.nan]}),
    "lists by name": (lambda number: {"label": [0.1, 0.2, 0.3, 0.4]}, {"label": [0.1, 0.2, 0.3, 0.4]}),
    "objects": (
        lambda number: [{"label": level / 10, "argmax": 0.5} for level in range(4)],
        {"label": [0, 0.1, 0.2, 0.3], "argmax": [0.5] * 4},
    ),
}


@pytest.mark.parametrize("form", CONFIDENCES)
def test_confidences_are_columns_of_their_own_and_no_attacks(form, tmp_path):
    value, expected = CONFIDENCES[form]
    put_meta(tmp_path)
    put(tmp_path, "cifar10", "pgd@Linf", "confidence", content(measure="confidence", value=value))
    put(tmp_path, "cifar10", "clean")
    table = imported(tmp_path)
    for part, values in expected.items():
        head = f"confidence.{part}" if part else "confidence"
        keys = [f"{head}:pgd@{level}/255" for level in ("0.1", "0.5", "1", "8")]
        found = [table.values("cifar10", key, split="test")[0] for key in keys]
        assert np.array_equal(found, values, equal_nan=True)
        with refused("confidence", InputError):
            Metric.parse(keys[0])
        assert not any(map(is_attacked, keys))
    assert "; 1 of confidences" in table.provenance["variant"]
    write_table(table, tmp_path / "t.parquet")
    assert len(read_table(tmp_path / "t.parquet").columns) == len(table.columns)


def test_the_full_files_and_the_page_go_together(tmp_path):
    put_meta(tmp_path)
    keys = ["cifar10#clean", "cifar10#pgd", "ImageNet16-120#pgd", "cifar10#corr"]
    (tmp_path / ACC).write_text(page_text(page(keys)))
    (tmp_path / OPS).write_text("[]")
    flat = {"value": lambda number: [0.9, 0.8, 0.5, 0.0], "numbers": sorted(set(representatives()))}
    put(tmp_path, "cifar10", "pgd@Linf", what=content(**flat))
    table = imported(tmp_path)
    assert [column.name for column in table.columns] == [
        *(f"cifar10 test pgd@{level}/255" for level in ("0.1", "0.5", "1", "8")),
        "cifar10 test clean", "imagenet16-120 test pgd@1/255", "cifar10 test corruptions",
    ]  # fmt: skip
    assert table.column("imagenet16-120", "pgd@1/255", "test").facts["epsilon"] == _jung.INFERRED
    what = content("ImageNet16-120", value=lambda number: [0.4, 0.3, 0.2, 0.1], numbers=flat["numbers"])
    put(tmp_path, "ImageNet16-120", "pgd@Linf", what=what)  # what was inferred is not believed against the authors
    column = imported(tmp_path).column("imagenet16-120", "pgd@1/255", "test")
    assert (set(column.mean), column.facts) == ({0.2}, {})
    put_meta(tmp_path, {**LEVELS, "pgd@Linf": [0.1, 1.0, 0.5, 8.0]})  # another order than that of the files
    with refused(
        f"^{ACC}: expected cifar10 test pgd@1/255 as in the authors' full files, got 6,466 other values; check that"
    ):
        imported(tmp_path)


# what is no such file


BROKEN = {
    "another data set": (content("cifar100"), "results of cifar10 → pgd@Linf → accuracy, got 'cifar100'"),
    "another attack": (content(key="fgsm@Linf"), "results of cifar10 → pgd@Linf → accuracy, got 'fgsm@Linf'"),
    "another measure": (content(measure="confidence"), "results of .* → accuracy, got 'confidence'"),
    "fewer epsilons": (
        content(value=lambda number: [0.5] * 3),
        "4 numbers for id [0-9]+: pgd@0.1/255, pgd@0.5/255, pgd@1/255, pgd@8/255, got 3",
    ),
    "more epsilons": (content(value=lambda number: [0.5] * 7), "4 numbers for id [0-9]+: .*, got 7"),
    "no list": (content(value=lambda number: 0.5), "4 numbers for id [0-9]+: .*, got 0.5"),
    "percent": (content(value=lambda number: [50.0] * 4), r"accuracies in \[0, 1\], got 50.0"),
    "negative": (content(value=lambda number: [-0.1] * 4), r"accuracies in \[0, 1\], got -0.1"),
    "text": (content(value=lambda number: ["0.5"] * 4), r"accuracies in \[0, 1\], got '0.5'"),
    "null": (content(value=lambda number: [None] * 4), r"accuracies in \[0, 1\], got None"),
    "an id outside": (content(numbers=[15625]), "an id from 0 to 15624, got '15625'"),
    "an id that stands for another": (
        content(numbers=[next(n for n in range(SIZE) if representatives()[n] != n)]),
        "ids of representatives, got [0-9]+, which stands for [0-9]+",
    ),
    "no architecture": ({"cifar10": {"pgd@Linf": {"accuracy": {}}}}, "results of at least one architecture, got none"),
    "leading zeros": ('{"cifar10": {"pgd@Linf": {"accuracy": {"007": [0, 0, 0, 0]}}}}', "an id from 0 to 15624"),
    "the same id twice": ('{"cifar10": {"pgd@Linf": {"accuracy": {"0": [], "0": []}}}}', "JSON, .* stands twice"),
    "not a number": ('{"cifar10": {"pgd@Linf": {"accuracy": {"0": [NaN, 0, 0, 0]}}}}', "JSON, .*NaN is no number"),
    "no object": ("[]", "an object, got"),
    "cut": (json.dumps(content())[:-5], "JSON, or one assignment of JSON"),
    "nesting": ("[" * 100_000, "JSON, or one assignment of JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_one_line_that_names_it(name, tmp_path):
    what, text = BROKEN[name]
    put_meta(tmp_path)
    put(tmp_path, "cifar10", "pgd@Linf", what=what)
    with refused(f"^cifar10/pgd@Linf_accuracy.json: expected {text}"):
        imported(tmp_path)


def test_missing_severities_are_refused(tmp_path):
    put_meta(tmp_path)
    put(tmp_path, "cifar10", "snow", what=content(key="snow", value=lambda number: [0.5] * 4))
    with refused("^cifar10/snow_accuracy.json: expected 5 numbers for id [0-9]+: snow@1, snow@2, .*, got 4"):
        imported(tmp_path)


@pytest.mark.parametrize(
    "levels",
    [[], [0.1, 0.1, 1, 8], [0.1, 0.5, 1, 256], [0, 0.5, 1, 8], [-1, 0.5, 1, 8], ["1"] * 4, [True, 2, 3, 4], None, {},
     list(range(1, 200)), [1, 1.0000000000001, 3, 4], [0.1 / 255, 0.5 / 255, 1 / 255, 8 / 255]],
    ids=str,
)  # fmt: skip
def test_epsilons_that_are_none_are_refused(levels, tmp_path):
    put_meta(tmp_path, {**LEVELS, "pgd@Linf": levels})
    put(tmp_path, "cifar10", "pgd@Linf")
    with refused(f"^{META}: expected 1 to 100 different grey levels of 0.01 to 255 for pgd@Linf"):
        imported(tmp_path)


def test_files_need_their_meta(tmp_path):
    put(tmp_path, "cifar10", "aa_apgd-ce@Linf", what="{}")
    with refused(f"^{META}: expected ids and epsilons of the full files, got nothing; name its folder with one more"):
        imported(tmp_path)
    put_meta(tmp_path)
    with refused(rf"^cifar10/aa_apgd-ce@Linf_accuracy.json: expected epsilons of aa_apgd-ce@Linf in {META}, got none"):
        imported(tmp_path)
    with refused("^acc.json: expected a file of jung-2023, or the authors' accuracies, got nothing"):
        _jung.jung_2023({META: tmp_path / META}, {})


@FUZZ
@given(tree=TREES | st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_any_entry_gives_a_table_or_one_error(tree, tmp_path):
    put_meta(tmp_path)
    put(tmp_path, "cifar10", "pgd@Linf", what=content(value=lambda number: tree or 0))
    put(tmp_path, "cifar10", "pgd@Linf", "confidence", content(measure="confidence", value=lambda number: tree or 0))
    table_or_error(lambda: imported(tmp_path), "cifar10/pgd@Linf_")


def test_a_hostile_file_leaves_the_cache_as_it_was(tmp_path, cache, ids_read):
    (tmp_path / META).write_text(meta_text())
    put(tmp_path, "cifar10", "clean")
    fetch("jung-2023", tmp_path)
    before = cached_path("jung-2023").read_bytes()
    put(tmp_path, "cifar10", "clean", what=content("cifar100", "clean"))
    with refused("^cifar10/clean_accuracy.json: expected results of cifar10"):
        fetch("jung-2023", [tmp_path])
    assert cached_path("jung-2023").read_bytes() == before


# confusion matrices


def matrices(number, levels):
    rng = np.random.default_rng(number)
    return [rng.multinomial(1000, np.full(100, 0.01)).reshape(10, 10).tolist() for _ in range(levels)]


@pytest.fixture
def confusion(tmp_path, monkeypatch):
    from robnas.benchmarks.nas_bench_201 import _confusion

    monkeypatch.setattr(_confusion, "ids_of_meta", lambda *_: (np.arange(SIZE), representatives()))
    put_meta(tmp_path)

    def write(key="pgd@Linf", levels=4, **changes):
        what = {"cifar10": {key: {"cm": {str(number): matrices(number, levels) for number in ids()}}}}
        return put(tmp_path, "cifar10", key, "cm", changes.get("text") or json.dumps(what, **changes))

    return write


@pytest.mark.parametrize("form", [{}, {"separators": (",", ":")}, {"indent": 1}], ids=str)
@pytest.mark.parametrize(("key", "levels"), [("pgd@Linf", 4), ("brightness", 5), ("clean", 1)])
@pytest.mark.parametrize("chunk", [10, 4000, 2**20])
def test_confusion_matrices_are_read_an_architecture_at_a_time(
    form, key, levels, chunk, confusion, tmp_path, monkeypatch
):
    monkeypatch.setattr("robnas.benchmarks.nas_bench_201._confusion._CHUNK", max(chunk, 100))
    confusion(key, levels, **form)
    found = dict(confusion_matrices(tmp_path, "cifar10", key))
    assert list(found) == ids()
    for number, counts in found.items():
        assert counts.tolist() == matrices(number, levels)
        assert counts.dtype == np.int64


def test_a_clean_matrix_may_stand_without_a_list(confusion, tmp_path):
    confusion(text=json.dumps({"cifar10": {"clean": {"cm": {"0": matrices(0, 1)[0]}}}}), key="clean")
    assert dict(confusion_matrices(tmp_path, "cifar10", "clean"))[0].shape == (1, 10, 10)


def cm_text(entry, dataset="cifar10", number=None):
    return f'{{"{dataset}": {{"pgd@Linf": {{"cm": {{"{ids()[0] if number is None else number}": {entry}}}}}}}}}'


GOOD = json.dumps(matrices(0, 4))
CM_BROKEN = {
    "another data set": (cm_text(GOOD, "cifar100"), "results of cifar10 → pgd@Linf → cm, got 'cifar100"),
    "fewer epsilons": (cm_text(json.dumps(matrices(0, 3))), r"counts of shape \(4, 10, 10\) .*, got \(3, 10, 10\)"),
    "ragged": (cm_text("[[[1, 2], [3]]]"), r"counts of shape"),
    "fractions": (cm_text(GOOD.replace("[[[", "[[[0.5, ", 1).replace(", ", ",", 1)), "counts of shape"),
    "negative": (cm_text(GOOD.replace("[[[", "[[[-", 1)), "counts of shape|same number"),
    "an id outside": (cm_text(GOOD, number=15625), "ids of representatives, each once, got '15625'"),
    "other numbers of images": (
        cm_text(json.dumps([*matrices(0, 3), (2 * np.array(matrices(0, 1)[0])).tolist()])),
        r"the same number of images in every matrix, as for id [0-9]+, got \[1000, 2000\]",
    ),
    "cut": (cm_text(GOOD)[:-500], "an id, its counts and an end"),
    "cut at the end": (cm_text(GOOD)[:-2], "nothing after the last architecture"),
    "more at the end": (cm_text(GOOD) + "{}", "nothing after the last architecture"),
    "code": (cm_text("__import__('os')"), "counts of shape"),
    "no JSON": ("<html>", "results of cifar10 → pgd@Linf → cm"),
    "nesting": (cm_text("[" * 50_000), "an id, its counts and an end|counts of shape"),
    "nan": (cm_text(GOOD.replace("[[[", "[[[NaN, ", 1)), "counts of shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", CM_BROKEN)
def test_broken_confusion_matrices_are_refused_in_one_line(name, confusion, tmp_path):
    text, expected = CM_BROKEN[name]
    confusion(text=text)
    with refused(f"^cifar10/pgd@Linf_cm.json: expected ({expected})"):
        dict(confusion_matrices(tmp_path, "cifar10", "pgd@Linf"))


def test_confusion_matrices_that_are_not_there_are_named(confusion, tmp_path):
    with refused("^dataset: expected one of cifar10, cifar100, ImageNet16-120, got 'svhn'", InputError):
        confusion_matrices(tmp_path, "svhn", "clean")
    with refused("^key: expected one of clean, fgsm@Linf, .*, got 'fog'", InputError):
        confusion_matrices(tmp_path, "ImageNet16-120", "fog")
    with refused(f"^{tmp_path}/cifar10/fog_cm.json: expected a file of the authors, got nothing"):
        confusion_matrices(tmp_path, "cifar10", "fog")
