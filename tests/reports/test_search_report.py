import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from robnas._content import seal
from robnas.benchmarks import Column, Table
from robnas.errors import DataError, InputError
from robnas.reports import anytime_curves, attainment_fronts, oracle_notice, regret_text, report_of, write_search_report
from robnas.reports._search_report import read_results, search_page
from robnas.reports._search_sections import saved_grid
from robnas.search import (
    KIND,
    NSGA2,
    Experiment,
    Function,
    LocalSearch,
    RandomSearch,
    RegularizedEvolution,
    Repetitions,
    Task,
    run,
)
from robnas.spaces import SPACES
from robnas.statistics import all_rankings, all_tests, queries_saved, summarise
from tests.search.conftest import partial_table, synthetic
from tests.search.test_repeat import Fragile


@pytest.fixture(scope="module")
def results():
    tasks = [
        Task.named(synthetic(), "cifar10", "clean", split="test"),
        Task.named(synthetic(), "cifar10", "clean", split="validation", noise="gaussian"),
        Task.named(synthetic(), "cifar10", ("clean", "pgd@8/255"), split="validation", costs=("macs",)),
    ]
    algorithms = {"chance": RandomSearch(), "local": LocalSearch("first"), "old": RegularizedEvolution(),
                  "fragile": Fragile(), "nsga2": NSGA2()}  # fmt: skip
    only = {"fragile": [tasks[0].name], "nsga2": [tasks[2].name]}
    return list(Experiment.of(algorithms, tasks, Repetitions(40, 8, 0, (15,)), only).run())


@pytest.fixture
def without_pictures(monkeypatch):
    """They take the most time and say nothing of numbers."""
    monkeypatch.setattr("robnas.reports._search_report._pictures", lambda results: iter(()))


def test_the_summary_has_a_row_per_task_algorithm_and_checkpoint(results):
    rows = summarise(results)
    assert len(rows) == 2 * len(results)
    row = next(row for row in rows if (row["algorithm"], row["budget"]) == ("local", 40))
    local = next(result for result in results if result.algorithm == "local")
    regret = local.at(40)
    assert row["mean_regret"] == pytest.approx(regret.mean())
    assert row["standard_error"] == pytest.approx(regret.std(ddof=1) / 8**0.5)
    assert 0 <= row["low"] < regret.mean() < row["high"]
    assert (row["unit"], row["planned"], row["runs"]) == ("fraction of accuracy", 8, 8)
    assert row["mean_reported"] == pytest.approx([local.outcomes.mean()])
    assert 1 <= row["average_rank"] <= 4
    assert regret_text(row).startswith(f"{100 * regret.mean():.3f} ±")
    json.dumps(rows)


def test_the_report_holds_tables_tests_and_pictures(results, tmp_path):
    files = write_search_report(results, tmp_path, ["a note"])
    names = {path.name for path in files}
    assert names == {
        "results.json", "summary.csv", "tests.csv", "queries.csv", "report.md",
        *(f"{stem}.{kind}" for kind in ("png", "svg") for stem in ("curves", "ranks-15", "ranks-40", "attainment-1")),
    }  # fmt: skip
    for path in files:
        if path.suffix == ".png":
            assert path.read_bytes()[:4] == b"\x89PNG"
    tests = list(csv.DictReader((tmp_path / "tests.csv").read_text().splitlines()))
    assert len(tests) == 2 * (6 + 3 + 1)
    assert all(float(test["adjusted"]) >= float(test["p"]) for test in tests)
    assert {test["unit"] for test in tests} == {"fraction of accuracy", "share of hypervolume"}
    assert {test["family"] for test in tests} == {"1", "3", "6"}
    assert list(tests[0]).index("low") < list(tests[0]).index("first_better") < list(tests[0]).index("p")
    page = (tmp_path / "report.md").read_text()
    assert page.index("## Differences") < page.index("## Paired tests")
    assert "Holm's correction covers all pairs of algorithms of one task at one budget" in page
    assert "**Oracle selection: the search sees cifar10 test clean, measured on test images" in page
    assert "share of hypervolume missing" in page
    assert "ZeroDivisionError (a bug in two lines)" in page
    assert "- a note" in page
    assert page.count("\n| chance |") == 3


@pytest.mark.usefixtures("without_pictures")
def test_the_region_of_equivalence_is_kept_with_the_results(results, tmp_path):
    write_search_report(results, tmp_path, rope=0.5)
    assert "Differences up to ±50 do not matter" in (tmp_path / "report.md").read_text()
    kept = read_results(tmp_path)
    assert kept.rope == 0.5
    assert {test["verdict"] for test in report_of(tmp_path).facts["tests"]} == {"equivalent"}
    assert {test.rope for test in all_tests(results)} == {0.001}
    with pytest.raises(InputError, match=r"rope: expected a number in \[0, 1\], got 2"):
        write_search_report(results, tmp_path, rope=2)


def planned(results, out):
    """The section of a report that tells of the number of runs."""
    write_search_report(results, out)
    return (out / "report.md").read_text().partition("## Number of runs")[2].partition("\n#")[0].strip().splitlines()


@pytest.mark.usefixtures("without_pictures")
def test_the_report_says_that_the_number_of_runs_was_planned(results, tmp_path):
    chance = next(result for result in results if result.algorithm == "chance")
    assert planned([chance], tmp_path) == [
        "- Planned before the first run, for all pairs of algorithm and task: 8 runs, seeds 0 to 7.",
        "- All of them finished, none was added.",
    ]
    assert report_of(tmp_path).facts["planned"][0].endswith("8 runs, seeds 0 to 7.")
    assert (summarise([chance])[0]["planned"], summarise([chance])[0]["runs"]) == (8, 8)


def some(result, seeds):
    """The result with these runs only; those of others are copies of its first."""
    rows = [result.seeds.index(seed) if seed in result.seeds else 0 for seed in seeds]
    return replace(
        result, seeds=tuple(seeds), regrets=result.regrets[rows], outcomes=result.outcomes[rows],
        reached=tuple(result.reached[row] for row in rows),
        architectures=tuple(result.architectures[row] for row in rows),
    )  # fmt: skip


@pytest.mark.usefixtures("without_pictures")
def test_runs_that_are_missing_or_were_added_are_said(results, tmp_path):
    chance, fragile = (next(r for r in results if r.algorithm == name) for name in ("chance", "fragile"))
    failed = len(fragile.failures)
    assert f"{failed} of 8 planned runs are missing ({failed} failed)." in planned([fragile], tmp_path / "failed")[1]
    fewer = planned([some(chance, [0, 1, 2, 5, 6])], tmp_path / "fewer")
    assert fewer[1] == ("- chance on cifar10 test clean: 3 of 8 planned runs are missing (no failure is recorded).")
    more = planned([some(chance, range(11))], tmp_path / "more")
    assert "chance on cifar10 test clean: 3 runs were added that were not planned; p-values and" in more[1]
    assert len(more) == 2


@pytest.mark.usefixtures("without_pictures")
def test_runs_that_were_planned_after_others_had_been_reported_are_said(tmp_path):
    task = Task.named(synthetic(), "cifar10", "clean", split="validation")

    def searched(runs, settings=None):
        algorithms = {"chance": RandomSearch(), "old": settings or RegularizedEvolution()}
        return list(Experiment.of(algorithms, [task], Repetitions(6, runs)).run())

    few, many = searched(3), searched(5)
    assert len(planned(few, tmp_path)) == 2
    assert len(planned(few, tmp_path)) == 2  # the same again
    last, text = planned(many, tmp_path)
    assert last == "- Planned last, for all pairs of algorithm and task: 5 runs, seeds 0 to 4."
    assert text == (
        "- Planned more than once in this folder: 3 runs from seed 0, then 5 runs from seed 0, of all pairs; p-values "
        "and intervals suppose a number that was fixed before anything was seen."
    )
    assert planned(many, tmp_path)[1] == text
    assert report_of(tmp_path).facts["planned"][1] == text.removeprefix("- ")
    others = searched(4, RegularizedEvolution(population=5, sample=2))[1:]
    assert len(planned(others, tmp_path)) == 2  # another question
    assert ", of old on cifar10 validation clean; p-values" in planned([searched(4)[0], many[1]], tmp_path)[3]


@pytest.mark.usefixtures("without_pictures")
def test_a_plan_after_results_of_an_earlier_version_is_another_one(results, tmp_path):
    """Those say neither what the regret is against nor the optimum."""
    chance = next(result for result in results if result.algorithm == "chance")
    task = {key: value for key, value in chance.task.items() if key not in ("regret", "optimum")}
    write_search_report([replace(some(chance, range(4)), runs=4, task=task)], tmp_path)
    last, text = planned([chance], tmp_path)
    assert last.startswith("- Planned last")
    assert "more than once in this folder: 4 runs from seed 0, then 8 runs from seed 0" in text


@pytest.mark.usefixtures("without_pictures")
def test_results_of_an_earlier_version_have_neither_plan_nor_region(results, tmp_path):
    write_search_report(results, tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    del kept["planned"], kept["rope"]
    (tmp_path / "results.json").write_text(json.dumps(seal(KIND, kept)))
    found = read_results(tmp_path)
    assert (len(found.results), found.planned, found.rope) == (len(results), (), 0.001)
    assert report_of(tmp_path).facts["planned"][0].endswith("8 runs, seeds 0 to 7.")


@pytest.mark.parametrize(
    "change",
    [
        {"rope": "much"}, {"rope": 7}, {"rope": None}, {"planned": [{}]}, {"planned": 3},
        {"planned": [{"task": "t", "algorithm": "a", "question": "q", "runs": "3", "seed": 0}]},
        {"planned": [{"task": "t", "algorithm": "a", "question": "q", "runs": -3, "seed": 0}]},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("without_pictures")
def test_plans_and_regions_that_are_none_are_refused(results, tmp_path, change):
    write_search_report(results[:1], tmp_path)
    kept = {**json.loads((tmp_path / "results.json").read_text()), **change}
    (tmp_path / "results.json").write_text(json.dumps(seal(KIND, kept)))
    with pytest.raises(DataError, match="that robnas search --out DIR writes") as raised:
        read_results(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("regret", [None, float("nan"), float("inf")])
@pytest.mark.usefixtures("without_pictures")
def test_regrets_that_are_no_numbers_are_refused(results, tmp_path, regret):
    write_search_report(results[:2], tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    kept["results"][0]["regrets"][3][0] = regret
    (tmp_path / "results.json").write_text(json.dumps(seal(KIND, kept)))
    with pytest.raises(DataError, match="numbers that do not belong together"):
        read_results(tmp_path)


def test_fronts_are_drawn_beside_an_algorithm_of_which_no_run_finished(results):
    found = [result for result in results if result.several]
    none = replace(found[0], algorithm="none", seeds=(), fronts=(), regrets=found[0].regrets[:0])
    (legend,) = [axes.get_legend() for axes in attainment_fronts([none, *found]).axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["the table's front", "chance", "nsga2"]


def test_pictures_name_the_algorithms_that_are_in_them(results):
    alts = {picture.name: picture.alt for picture in search_page(results).pictures}
    assert alts["attainment-1"].startswith("Attainment fronts of chance, nsga2 on ")
    assert "cifar10 test clean: chance, local, old, fragile; " in alts["curves"]
    assert alts["curves"].count("nsga2") == 1


def test_rankings_are_kept_at_every_checkpoint_and_over_all_tasks_only_where_the_same_algorithms_did_them(results):
    rankings = all_rankings(results)
    assert [ranking.budget for ranking in rankings] == [15] * 3 + [40] * 3
    alike = [result for result in results if not result.several and result.algorithm != "fragile"]
    assert [ranking.title for ranking in all_rankings(alike)][2::3] == ["all 2 tasks"] * 2
    assert {ranking.blocks for ranking in all_rankings(alike)} == {8}


def test_an_algorithm_of_which_one_run_finished_is_compared_but_not_ranked(results):
    first, second, third = (replace(result) for result in results[:3])
    single = replace(
        third, seeds=third.seeds[:1], regrets=third.regrets[:1], reached=third.reached[:1], outcomes=third.outcomes[:1]
    )
    shown = [first, second, single]
    assert [ranking.algorithms for ranking in all_rankings(shown)] == [
        ranking.algorithms for ranking in all_rankings([first, second])
    ]
    assert [test.runs for test in all_tests(shown)] == [8, 1, 1] * 2
    ranks = {row["algorithm"]: row["average_rank"] for row in summarise(shown)}
    assert ranks.pop(single.algorithm) is None
    assert sum(ranks.values()) == pytest.approx(3)


@pytest.mark.parametrize("label", ["{}", "an algorithm whose settings are all spelt out in its label, {}"])
@pytest.mark.parametrize("tasks", [1, 2])
def test_the_legend_of_the_curves_fits_into_the_figure(results, label, tasks):
    names = [result.task["name"] for result in results]
    shown = [result for result in results if result.task["name"] in list(dict.fromkeys(names))[:tasks]]
    figure = anytime_curves([replace(result, algorithm=label.format(result.algorithm)) for result in shown])
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert (box.x0 >= 0, box.x1 <= figure.bbox.x1) == (True, True)


def test_the_attainment_of_two_accuracies_shows_the_searches_and_its_title():
    task = Task.named(synthetic(), "cifar10", ("clean", "pgd@8/255"), split="test")
    found = list(Experiment.of({"chance": RandomSearch(), "nsga2": NSGA2()}, [task], Repetitions(30, 6)).run())
    figure = attainment_fronts(found)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    _, *curves = axes.lines
    for curve in curves:
        inside = [axes.viewLim.contains(*point) for point in curve.get_xydata()]
        assert sum(inside) > 0
    box = figure._suptitle.get_window_extent()
    assert (box.x0 >= 0, box.x1 <= figure.bbox.x1) == (True, True)


def test_one_algorithm_and_one_run_are_reported_without_ranks(tmp_path, monkeypatch):
    task = Task.named(synthetic(), "cifar10", "clean", split="validation")
    results = list(Experiment.of({"chance": RandomSearch()}, [task], Repetitions(5, 1)).run())
    assert oracle_notice(results) == ""
    files = write_search_report(results, tmp_path)
    assert {path.name for path in files} == {
        "results.json", "summary.csv", "queries.csv", "curves.png", "curves.svg", "report.md",
    }  # fmt: skip
    assert summarise(results)[0]["average_rank"] is None
    assert "±" not in (tmp_path / "report.md").read_text().splitlines()[6]


def test_a_task_without_regret_and_a_report_without_values_are_written(tmp_path):
    table = partial_table(40)
    seen, known = np.full((40, 1), 0.5), np.arange(40)[:, None] == 39
    columns = [
        Column("same", "test", "clean", seen, (1,)),
        Column("rare", "test", "clean", np.where(known, 0.5, np.nan)),
    ]
    table = Table("constant", table.rows, columns)
    tasks = [Task.named(table, "same", "clean"), Task.named(table, "same", "clean", report_dataset="rare")]
    results = list(Experiment.of({"chance": RandomSearch(), "mine": LocalSearch()}, tasks, Repetitions(3, 2)).run())
    assert write_search_report(results, tmp_path)
    rows = summarise(results)
    assert [row["mean_regret"] for row in rows] == [0, 0, 0, 0]
    assert [row["mean_reported"] for row in rows] == [[0.5], [0.5], [None], [None]]
    json.dumps([result.to_dict() for result in results], allow_nan=False)


def test_saved_queries_are_counted_against_random_search(tmp_path):
    task = Task.named(synthetic(), "cifar10", "clean", split="test")
    algorithms = {"random-search": RandomSearch(), "local": LocalSearch("first")}
    found = list(Experiment.of(algorithms, [task], Repetitions(60, 12, 0)).run())
    rows = {row.algorithm: row for row in queries_saved(found)}
    for result in found:
        queries = [near or 60 for near in result.reached]
        assert rows[result.algorithm].queries == pytest.approx(np.mean(queries))
        for run_seed, near in zip(result.seeds, result.reached, strict=True):
            regret = run(algorithms[result.algorithm], task, 60, run_seed).regret
            below = np.flatnonzero(regret <= 0.01 * result.oracle[0])
            assert near == (below[0] + 1 if len(below) else None)
    chance, local = rows["random-search"], rows["local"]
    assert (chance.saved, chance.low, chance.high, chance.bound) == (None, None, None, "")
    assert local.saved == pytest.approx(chance.queries - local.queries)
    assert (chance.reached < 1, local.reached, local.bound) == (True, 1, "≥")
    assert local.low <= local.saved
    assert local.high is None
    assert (local.reference_reached, chance.reference_reached) == (chance.reached, chance.reached)
    write_search_report(found, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert "Queries to 99 % of the optimum" in page
    assert f"| ≥ {local.saved:+.1f} [{local.low:+.1f}, …] |" in page
    kept = {row["algorithm"]: row for row in csv.DictReader((tmp_path / "queries.csv").read_text().splitlines())}
    assert (kept["local"]["bound"], kept["local"]["high"], kept["local"]["reached"]) == ("≥", "", "1")
    assert float(kept["local"]["reference_reached"]) == pytest.approx(chance.reached, rel=1e-5)
    again = [type(result).from_dict(json.loads(json.dumps(result.to_dict()))) for result in found]
    assert [result.reached for result in again] == [result.reached for result in found]


def test_what_one_pair_of_runs_saves_has_no_interval(results):
    like = next(result for result in results if result.algorithm == "chance")
    made = [
        replace(like, algorithm=name, seeds=(0,), reached=(reached,))
        for name, reached in (("random-search", 30), ("local", 10))
    ]
    _, row = queries_saved(made)
    assert (row.saved, row.low, row.high) == (20.0, None, None)
    assert saved_grid([row]).rows[0][-1] == "+20.0 […, …]"


@pytest.mark.parametrize(
    ("chance", "local", "bound", "saved", "ends", "text"),
    [
        ((30, 40, 50), (10, 15, 30), "", 65 / 3, (True, True), "+21.7 [+20.0, +25.0]"),
        ((30, 40, None), (10, 15, 30), "≥", 25.0, (True, False), "≥ +25.0 [+20.0, …]"),
        ((30, 40, 50), (10, 15, None), "≤", 35 / 3, (False, True), "≤ +11.7 […, +25.0]"),
        ((30, None, 50), (10, 15, None), "", None, (False, False), "–"),
        ((None, 40, 50), (None, 15, 30), "", None, (False, False), "–"),
    ],
)
def test_what_is_saved_is_a_bound_where_runs_did_not_get_there(results, chance, local, bound, saved, ends, text):
    like = next(result for result in results if result.algorithm == "chance")
    made = [
        replace(like, algorithm=name, budget=60, seeds=(0, 1, 2), reached=reached)
        for name, reached in (("random-search", chance), ("local", local))
    ]
    _, row = queries_saved(made)
    assert row.bound == bound
    assert row.saved == (None if saved is None else pytest.approx(saved))
    assert (row.low is not None, row.high is not None) == ends
    assert (row.reached, row.reference_reached) == tuple((3 - one.count(None)) / 3 for one in (local, chance))
    assert saved_grid([row]).rows[0][-1] == text


def test_what_a_run_finds_and_gives_up_again_is_not_near_the_optimum():
    noisy = Task.named(synthetic(), "cifar10", "pgd@8/255", split="validation", noise="gaussian")
    (result,) = Experiment.of({"local": LocalSearch("first")}, [noisy], Repetitions(60, 12)).run()
    given_up = 0
    for seed, near in zip(result.seeds, result.reached, strict=True):
        there = run(LocalSearch("first"), noisy, 60, seed).regret <= 0.01 * result.oracle[0]
        assert (near is not None) == there[-1]
        if near is not None:
            assert there[near - 1 :].all()
            assert near == 1 or not there[near - 2]
        given_up += there.any() and (near is None or np.argmax(there) + 1 < near)
    assert given_up > 0


@pytest.mark.parametrize("reached", [[], [3] * 9, [0] * 8, [41] * 8, [1.5] * 8, [True] * 8, ["3"] * 8, [[3]] * 8])
def test_queries_that_do_not_fit_the_runs_are_refused(results, tmp_path, reached):
    write_search_report(results[:1], tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    kept["results"][0]["reached"] = reached
    (tmp_path / "results.json").write_text(json.dumps(seal(KIND, kept)))
    with pytest.raises(DataError, match="numbers that do not belong together"):
        read_results(tmp_path)
    kept["format"] = 1
    (tmp_path / "results.json").write_text(json.dumps(kept))
    with pytest.raises(DataError, match="expected format 4, got 1; read it with the robnas that wrote it"):
        read_results(tmp_path)


def test_a_trace_of_one_search_is_no_report_and_says_so(tmp_path):
    trace = run(RandomSearch(), Function(lambda arch: 1.0, SPACES["nas-bench-201"]), 3, 0)
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(trace.to_dict()))
    with pytest.raises(DataError, match=r"got the trace of one search; a trace is read by search.Trace.from_dict"):
        report_of(file)
    with pytest.raises(DataError, match=r"got nothing; a trace is read by search.Trace.from_dict"):
        report_of(tmp_path)


def test_figures_and_tests_of_costs_are_in_their_unit():
    whole = synthetic()
    best = whole.column("cifar10", "pgd@8/255", "test").mean.argmax()
    some = np.union1d(np.linspace(0, 6465, 400).astype(int), best)
    own = Table("some", whole.rows[some], [column.take(some) for column in whole.columns], partition="official")
    rows = some.astype(float)[:, None]
    latency = Column("cifar10", "test", "latency:pixel3", 2 + rows[::-1] / 1000, unit="ms", direction="minimise")
    seconds = Column("cifar10", "test", "training_time", 1000 + rows, unit="s", direction="minimise")
    table = Table("costly", own.rows, [*own.columns, latency, seconds], partition="official")
    tasks = [
        Task.named(table, "cifar10", "training_time"),
        Task.named(table, "cifar10", ["latency:pixel3", "pgd@8/255", "training_time"], split="test", costs="macs"),
        Task.named(table, "cifar10", "clean", split="test"),
    ]
    algorithms = {"chance": RandomSearch(), "nsga2": NSGA2(population=6)}
    results = list(Experiment.of(algorithms, tasks, Repetitions(12, 4)).run())
    labels = [axes.get_ylabel() for axes in anytime_curves(results).axes]
    assert labels[:3] == ["mean regret (s)", "hypervolume missing (%)", "mean regret (percentage points)"]
    assert "lowest table value 1,000 s" in anytime_curves(results).axes[0].get_title().replace("\n", " ")
    figure = attainment_fronts(results[2:4])
    names = {axes.get_xlabel() for axes in figure.axes} | {axes.get_ylabel() for axes in figure.axes}
    assert {"latency:pixel3 (ms)", "pgd@8/255 (%)", "training_time (s)"} <= names
    times, speed = figure.axes[1], figure.axes[1].lines[0].get_xydata()
    assert (times.get_xlabel(), times.get_ylabel()) == ("latency:pixel3 (ms)", "training_time (s)")
    assert speed.min(axis=0) == pytest.approx([2, 1000], rel=1e-3)
    by_unit = {test.unit: test.rope for test in all_tests(results)}
    assert by_unit == pytest.approx({"s": 6.465, "share of hypervolume": 0.001, "fraction of accuracy": 0.001})
    assert {row["unit"] for row in summarise(results)} == set(by_unit)
    page = search_page(results)
    text = str([section.blocks for section in page.sections])
    assert "±6.465 s or ±0.1 do not matter" in text
    assert "Best table value per metric: cifar10 test latency:pixel3 2 ms, cifar10 test pgd@8/255 0.48" in text
