"""Searches on tables of other spaces than NAS-Bench-201, their traces, results and files."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from robnas.benchmarks import Column, Scores, Table
from robnas.errors import InputError
from robnas.search import (
    NSGA2,
    Bananas,
    Case,
    Experiment,
    LocalSearch,
    Loop,
    Planned,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
    Repetitions,
    Result,
    Task,
    read_planned,
    repeat,
    repeat_all,
    run,
    searcher,
)
from robnas.search._experiment import _read
from robnas.search._run import settings_of
from robnas.spaces import SPACES, Gene, NASBench201, Partition, Space, TheorySpace
from tests.search.conftest import partial_table
from tests.search.spaces import CUBE, HUGE, TOY, table_of, task_of, value_of
from tests.search.test_ask import EVERY, length

EARLIER = Path(__file__).parent / "data" / "earlier"
TABLES = {
    "cube": lambda: table_of(CUBE),
    "toy": lambda: table_of(TOY),
    "some of toy": lambda: table_of(TOY, 9),
    "theory": lambda: table_of(TheorySpace(4, ("relu", "tanh"), (0, 3))),
    "wide-resnet": lambda: table_of(SPACES["wide-resnet"], 60),
    "huge": lambda: table_of(HUGE, 40),
}


@pytest.fixture
def registered(monkeypatch):
    for space in (TOY, CUBE, HUGE):
        monkeypatch.setitem(SPACES, space.name, space)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("algorithm", EVERY, ids=lambda one: f"{one.name}-{len(repr(one))}")
def test_every_algorithm_finds_its_best_in_a_table_of_any_space(algorithm, kind):
    task = task_of(table_of_kind(kind))
    budget = min(task.size, 20)
    trace = run(algorithm, task, budget, seed=1)
    assert len(trace) == len(set(trace.architectures)) == budget
    assert set(trace.architectures) <= set(task.table.architectures)
    assert trace.values[:, 0].tolist() == [value_of(arch) for arch in trace.architectures]
    assert trace.best == max(trace.architectures, key=value_of)
    assert trace.space == task.space_key == (task.space.name if kind != "theory" else task.space.key)
    assert trace.to_dict()["architectures"] == [arch.text for arch in trace.architectures]
    assert trace.regret[-1] == pytest.approx(max(map(value_of, task.table.architectures)) - value_of(trace.best))


_TABLES = {}


def table_of_kind(kind):
    return _TABLES.setdefault(kind, TABLES[kind]())


def test_the_best_of_a_space_of_27_is_one_of_them():
    """Not the architecture of NAS-Bench-201 that has its number."""
    trace = run(RegularizedEvolution(5, 2), table_of(CUBE).objective("mine", "clean", split="test"), budget=27, seed=0)
    assert trace.best == max(CUBE, key=value_of)
    assert sorted(trace.architectures) == list(CUBE)


@pytest.mark.parametrize("kind", ["toy", "wide-resnet", "huge"])
def test_neighbours_are_those_that_differ_least(kind):
    classes = task_of(table_of_kind(kind)).classes
    for arch in classes.architectures[:10]:
        gaps = {
            other: sum(a != b for a, b in zip(arch.genes.values(), other.genes.values(), strict=True))
            for other in classes.architectures
        }
        near = classes.neighbours(arch)
        if classes.complete:
            assert set(near) == set(TOY.neighbours(arch))
            continue
        reach = max(gaps[other] for other in near)
        assert set(near) == {other for other, gap in gaps.items() if 0 < gap <= reach}
        assert sum(0 < gap < reach for gap in gaps.values()) < 12 <= len(near)


@pytest.mark.parametrize("algorithm", [NSGA2(population=4), RandomSearch()], ids=str)
def test_costs_are_those_of_the_networks_of_the_space(algorithm):
    task = task_of(table_of_kind("wide-resnet"), costs=("parameters",), max_parameters=10**8)
    trace = run(algorithm, task, 20, seed=0)
    assert trace.values.shape == (20, 2)
    assert (trace.values[:, 1] > -(10**8)).all()
    (place,) = [i for i, arch in enumerate(task.table.architectures) if arch == trace.architectures[0]]
    assert trace.values[0, 1] == -task.costs_of_rows["parameters"][place]


def test_costs_where_nothing_builds_networks_are_refused_before_anything_runs():
    case = Case(RandomSearch(), task_of(table_of_kind("toy"), costs=("macs",)))
    with pytest.raises(InputError, match="space toy: expected one whose networks can be built"):
        next(repeat_all([case], Repetitions(5, 2)))


@dataclasses.dataclass(frozen=True)
class Stray:
    """Asks for an architecture of another space."""

    def start(self, space, rng):
        return Loop(self._steps())

    def _steps(self):
        yield SPACES["nas-bench-201"].at([0, 0, 0, 0, 2, 4])


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(
        InputError, match=r"Stray asked for 000024: .* table cube-table holds, got one of space nas-benc"
    ):
        run(Stray(), task_of(table_of_kind("cube")), 5, seed=0)


def test_classes_of_a_partition_exist_only_where_the_space_has_it():
    with pytest.raises(InputError, match="partition: expected none, space toy has none, got 'official'"):
        task_of(table_of_kind("toy"), partition="official")


# results


@pytest.mark.parametrize("kind", ["toy", "huge", "theory", "wide-resnet"])
def test_results_are_read_back_and_name_their_space(kind, registered):
    task = task_of(table_of_kind(kind))
    result = repeat(RegularizedEvolution(4, 2), task, 9, 3)
    assert result.task["space"] == task.space_key
    assert set(result.architectures) <= {arch.text for arch in task.table.architectures}
    written = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert Result.from_dict(written).to_dict() == result.to_dict()
    written["architectures"][0] = "000014"
    with pytest.raises(InputError, match="000014"):
        Result.from_dict(written)


def test_results_of_a_space_that_is_not_here_say_how_to_bring_it():
    written = repeat(RandomSearch(), task_of(table_of_kind("toy")), 5, 2).to_dict()
    with pytest.raises(InputError, match=r"space of search results: expected one of .*, got 'toy'; .* by --import"):
        Result.from_dict(written)
    for damaged in (5, None, "", "nas-bench-201:channels", "nas-bench-201:channels=0,cells=1"):
        with pytest.raises((InputError, AttributeError, TypeError)):
            Result.from_dict({**written, "task": {**written["task"], "space": damaged}})


def test_two_processes_search_a_space_that_is_registered_nowhere():
    """It travels with the table."""
    task = task_of(table_of_kind("toy"))
    one, two = (repeat(LocalSearch(), task, 10, 12, jobs=jobs) for jobs in (1, 2))
    assert one.to_dict() == two.to_dict()


def test_finished_cases_of_other_spaces_are_found_again(tmp_path, registered, monkeypatch):
    tasks = [task_of(table_of_kind(kind), name=kind) for kind in ("toy", "huge", "theory")]
    experiment = Experiment.of({"bananas": Bananas(4, 4, 2, 2, 2, predictor="ridge")}, tasks, Repetitions(6, 2))
    first = [result.to_dict() for result in experiment.run(out=tmp_path)]
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr("robnas.search._experiment.repeat_all", lambda cases, *a, **k: iter([] if not cases else None))
    assert [result.to_dict() for result in experiment.run(out=tmp_path)] == first


def test_equal_numbers_of_another_space_are_another_result(tmp_path):
    twin = Space("twin", genes=TOY.genes)
    columns = table_of_kind("toy").columns
    for space in (TOY, twin):
        table = Table("same", list(space), columns, space=space)
        list(Experiment.of({"chance": RandomSearch()}, [task_of(table)], Repetitions(5, 2)).run(out=tmp_path))
    assert len(list(tmp_path.iterdir())) == 2


def test_what_an_algorithm_leaves_to_the_space_is_recorded():
    toy, cells = task_of(table_of_kind("toy")), SPACES["nas-bench-201"]
    assert run(Bananas(predictor="ridge"), toy, 5, seed=0).settings["encoding"] == "one-hot"
    assert Case(NSGA2(), toy).algorithm.mutation == 1 / 3
    assert settings_of(Bananas().for_space(cells))["encoding"] == "path"
    assert NSGA2().for_space(cells).mutation == 1 / 6
    assert searcher("nsga2", {"mutation": "0.25"}).mutation == 0.25
    assert searcher("nsga2", {"mutation": None}) == NSGA2()
    for given in ("many", [1]):
        with pytest.raises(InputError, match="nsga2 mutation: expected a number, got"):
            searcher("nsga2", {"mutation": given})


# two settings of a space in one table


@pytest.fixture
def widths():
    cells = SPACES["nas-bench-201"].sample(np.random.default_rng(0), 30)
    small, usual = NASBench201(8, 1).key, NASBench201().key
    values = np.linspace(0.1, 0.9, 30)[:, None]
    columns = [
        Column("digits", split, "clean", numbers, (1,), space=key)
        for split in ("validation", "test")
        for key, numbers in ((small, values), (usual, values[::-1]))
    ]
    return Table("two-widths", cells, columns)


def test_the_settings_of_a_space_choose_among_columns(widths):
    traces = {}
    for space in (NASBench201(8, 1), NASBench201().key):
        task = Task.named(widths, "digits", "clean", split="validation", space=space)
        trace = run(RandomSearch(), task, 30, seed=0)
        traces[trace.space] = trace
        assert trace.space in trace.task["name"]
    assert list(traces) == [NASBench201(8, 1).key, NASBench201().key]
    assert [trace.best for trace in traces.values()] == [widths.architectures[-1], widths.architectures[0]]
    with pytest.raises(
        InputError, match="space of table two-widths: expected one of nas-bench-201:channels=8,cells=1, "
    ):
        Task.named(widths, "digits", "clean", split="validation")


@pytest.mark.parametrize("kind", ["toy", "huge"])
@pytest.mark.parametrize(
    "settings", [{"noise": "gaussian"}, {"noise": "seeds"}, {"noise": "local"}, {"regret": "expected"}]
)
def test_noise_and_expected_values_are_there_in_any_space(kind, settings):
    archs = table_of_kind(kind).architectures
    gaps = np.random.default_rng(0).normal(0, 0.01, (len(archs), 3))
    values = np.array([[value_of(arch)] for arch in archs]) * 0.8 + 0.1 + gaps
    table = Table("noisy", archs, [Column("mine", "validation", "clean", values, (1, 2, 3))], space=SPACES_OF[kind])
    trace = run(RegularizedEvolution(4, 2), task_of(table, **settings), 10, seed=0)
    assert len(trace) == 10
    told = dict(zip(trace.architectures, trace.values[:, 0], strict=True))
    means = dict(zip(archs, values.mean(axis=1), strict=True))
    assert max(abs(told[arch] - means[arch]) for arch in told) < 0.05
    assert (settings != {"noise": "seeds"}) or all(told[a] in values[list(archs).index(a)] for a in told)


SPACES_OF = {"toy": TOY, "huge": HUGE}


@pytest.mark.parametrize("noise", ["gaussian", "local"])
def test_noise_is_that_of_the_column_seen(noise):
    """One size has ten times the noise of the other."""
    cells = SPACES["nas-bench-201"].sample(np.random.default_rng(0), 40)
    small, usual = NASBench201(8, 1).key, NASBench201().key
    gaps = np.random.default_rng(1).normal(0, 0.001, (40, 3))
    means = np.linspace(0.3, 0.6, 40)[:, None]
    columns = [
        Column("digits", "validation", "clean", means + factor * gaps, (1, 2, 3), space=key)
        for key, factor in ((small, 1), (usual, 10))
    ]
    table = Table("two-widths", cells, columns)
    tasks = [Task.named(table, "digits", "clean", split="validation", noise=noise, space=key) for key in (small, usual)]
    quiet, loud = (task.noise_sd.mean() for task in tasks)
    assert loud == pytest.approx(10 * quiet)
    assert all("pooled" in note for task in tasks for note in task.notes)


@pytest.mark.parametrize(
    ("entry", "channels"),
    [
        ('space = "nas-bench-201:channels=8,cells=1"', 8),
        ('space = {name = "nas-bench-201", channels = 16, cells = 5}', 16),
    ],
)
def test_a_search_file_names_the_space(tmp_path, monkeypatch, widths, entry, channels):
    monkeypatch.setattr("robnas.search._experiment.load", lambda name, **_: widths)
    text = f"""
table = "two-widths"
budget = 5
runs = 2
{entry}

[[task]]
dataset = "digits"
metric = "clean"
split = "validation"

[[algorithm]]
name = "random-search"
"""
    path = tmp_path / "search.toml"
    path.write_text(text)
    (case,) = Experiment.read(path).cases
    assert case.task.space_key == NASBench201(channels, 1 if channels == 8 else 5).key
    path.write_text(text.replace(entry, "").replace("[[task]]", f"[[task]]\n{entry}"))
    assert Experiment.read(path).cases[0].task.name == case.task.name
    path.write_text(text.replace(entry, ""))
    with pytest.raises(InputError, match="space of table two-widths"):
        Experiment.read(path)
    for wrong, message in (
        ('"toy"', "space: expected one of nas-bench-201"),
        ("3", "entry space: expected a name, or"),
    ):
        path.write_text(text.replace(entry, f"space = {wrong}"))
        with pytest.raises(InputError, match=message):
            Experiment.read(path)


# files of earlier versions


def earlier():
    """The comparison that made them."""
    task = Task.named(partial_table(60), "cifar10", "clean")
    several = Task.named(partial_table(60), "cifar10", "clean", costs=("macs",), name="front")
    algorithms = {
        "random-search": RandomSearch(),
        "bananas": Bananas(predictor="ridge", initial=5),
        "nsga2": NSGA2(population=4),
    }
    return Experiment.of(algorithms, [task, several], Repetitions(12, 2, checkpoints=(6,)))


def test_results_of_earlier_versions_are_read_found_again_and_the_same(tmp_path, monkeypatch):
    experiment = earlier()
    kept = {path.name: json.loads(path.read_text()) for path in (EARLIER / "results").iterdir()}
    for path in (EARLIER / "results").iterdir():
        assert "space" not in _read(path).task
    monkeypatch.setattr("robnas.search._experiment.__version__", kept_version())
    results = list(experiment.run(out=tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    for result, path in zip(results, map(experiment._path, [EARLIER / "results"] * 5, experiment.cases), strict=True):
        before, now = _read(path).to_dict(), result.to_dict()
        assert now["task"].pop("space") == "nas-bench-201"
        assert before == now
    again = list(experiment.run(out=EARLIER / "results"))
    assert all("space" not in result.task for result in again)


def kept_version():
    from robnas._version import __version__

    return __version__


def test_plans_of_runs_of_earlier_versions_are_the_same(tmp_path):
    before = (EARLIER / "planned.jsonl").read_text()
    earlier().record_planned(tmp_path)
    assert (tmp_path / "planned.jsonl").read_text() == before
    assert [Planned.by(_read(path)) in read_planned(EARLIER) for path in (EARLIER / "results").iterdir()] == [True] * 5


def test_a_trace_of_earlier_versions_is_the_same(tmp_path):
    before = json.loads((EARLIER / "trace.json").read_text())
    task = Task.named(partial_table(60), "cifar10", "clean")
    now = run(RegularizedEvolution(10, 3), task, 15, seed=1)
    assert now.indices.tolist() == [SPACES["nas-bench-201"].parse(text).index for text in before["architectures"]]
    assert now.to_dict() == {**before, "task": {**before["task"], "space": "nas-bench-201"}}


def test_numbers_of_architectures_need_a_space_that_can_be_listed(registered):
    trace = run(RandomSearch(), task_of(table_of_kind("toy")), 5, seed=0)
    assert [TOY.from_index(index) for index in trace.indices] == list(trace.architectures)
    with pytest.raises(InputError, match="space huge, numbers of architectures: expected at most 1,000,000"):
        _ = run(RandomSearch(), task_of(table_of_kind("huge")), 5, seed=0).indices


# proxies


def test_scores_of_any_space_come_from_a_mapping_or_a_file(tmp_path):
    task = task_of(table_of_kind("toy"))
    scores = {arch.text: length(arch) for arch in TOY}
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    lines = "".join(f'"{text}",{score}\n' for text, score in scores.items())
    (tmp_path / "scores.csv").write_text(f"architecture,score\n{lines}")
    kinds = [length, scores, str(tmp_path / "scores.json"), str(tmp_path / "scores.csv")]
    traces = [run(ProxySearch(kind, pool=24, warmup=10), task, 15, seed=0) for kind in kinds]
    assert all(trace.architectures == traces[0].architectures for trace in traces)
    asked = [length(arch) for arch in traces[0].architectures[:10]]
    assert asked == sorted(asked, reverse=True)
    with pytest.raises(InputError, match=r"scores.json: expected scores: .* got InputError \(architecture of space c"):
        run(ProxySearch(str(tmp_path / "scores.json")), task_of(table_of_kind("cube")), 5, seed=0)


def test_scores_of_another_space_are_refused_at_the_start(tmp_path):
    archs = SPACES["wide-resnet"].sample(np.random.default_rng(0), 5)
    ones = np.ones((5, 1))
    Scores(tuple(map(str, archs)), ("nwot",), ones, ones, space=SPACES["wide-resnet"]).write(tmp_path / "s.parquet")
    algorithm = ProxySearch("nwot", scores=str(tmp_path / "s.parquet"))
    with pytest.raises(
        InputError, match=r"s.parquet: expected scores of architectures of space toy, got those of space w"
    ):
        algorithm.start(TOY, np.random.default_rng(0))


def test_an_ordered_gene_is_a_number_to_a_sampler_and_another_a_category():
    import optuna

    from robnas.search._optuna import Coding

    space = Space("kinds", genes=(Gene("a", (1, 5, 7), ordered=True), Gene("b", ("x", None, 2)), Gene("c", (True,))))
    for continuous, kind in ((False, "CategoricalDistribution"), (True, "FloatDistribution")):
        codings = [Coding.of(gene, continuous) for gene in space.genes]
        kinds = [{type(one).__name__ for one in coding.distributions().values()} for coding in codings]
        assert kinds == [{"IntDistribution"}, {kind}, {kind}]
        for coding in codings:
            for place in range(len(coding.gene)):
                fixed = optuna.trial.FixedTrial(coding.write(place))
                values = {name: fixed._suggest(name, one) for name, one in coding.distributions().items()}
                assert coding.read(values) == place


def test_costs_are_those_of_the_networks_that_were_trained():
    keys = [NASBench201(channels, cells).key for channels, cells in ((16, 5), (4, 1))]
    columns = [Column("mine", "validation", "clean", [[0.1], [0.9]], space=key) for key in keys]
    table = Table("two widths", ["323133", "111111"], columns)
    tasks = [Task.named(table, "mine", "clean", split="validation", space=key, costs="parameters") for key in keys]
    assert [task.space.key for task in tasks] == keys
    assert [task.classes.space.key for task in tasks] == keys
    wide, narrow = (task.outcomes[:, 1] for task in tasks)
    assert (wide < 10 * narrow).all()
    few = Task.named(table, "mine", "clean", split="validation", space=keys[1], max_parameters=30_000)
    assert few.size == 2


class Halves(Space):
    """Architectures of one depth count as one network."""

    partitions = ("coarse",)

    def partition(self, name):
        if name not in self.partitions:
            return super().partition(name)
        return Partition(name, np.array([self.positions(arch)[0] for arch in self]), len(self.genes[0]))


def test_a_search_is_charged_by_a_partition_of_a_space_of_ones_own_and_read_back(tmp_path):
    space = Halves("halves", genes=(Gene("depth", (1, 2, 3)), Gene("width", (4, 8))))
    SPACES.register("halves", space)
    try:
        values = np.linspace(0.1, 0.6, 6)[:, None]
        table = Table("t", list(space), [Column("digits", "test", "clean", values)], space=space)
        task = Task.named(table, "digits", "clean", split="test", partition="coarse")
        assert task.to_dict()["partition"] == "coarse"
        experiment = Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(3, 2))
        (result,) = experiment.run(out=tmp_path)
        (again,) = experiment.run(out=tmp_path)
        assert again.task == result.task == task.to_dict()
    finally:
        del SPACES["halves"]
