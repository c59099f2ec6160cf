"""The command that searches: on tables, to compare algorithms, and by training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._build import Address, Attempts, Device, GpuShare, KeepGoing, MemoryLimit, TimeLimit
from robnas.cli._common import DataDir, Json, print_json, progress_bar, say
from robnas.cli._search_plan import check_only_with_plan, search_by_training, settings_of
from robnas.cli._space import SpaceName
from robnas.cli._tables import Beta

if TYPE_CHECKING:
    from robnas.search import Experiment, Result
    from robnas.types import Progress


def search(
    table: Annotated[
        str | None,
        typer.Option(
            help="digits (comes with robnas; the default without --config), a published table, a table file, or a "
            "store such as sqlite:///runs.db."
        ),
    ] = None,
    space: SpaceName = None,
    beta: Beta = None,
    dataset: Annotated[str | None, typer.Option(help="Such as cifar10.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="What is improved, such as pgd@8/255, which is maximised, or latency:pixel3, minimised; several for "
            "several objectives."
        ),
    ] = None,
    cost: Annotated[
        list[str] | None, typer.Option(help="A further objective, minimised: parameters or macs, see --count.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="validation or test; may be omitted where there is one only.")
    ] = None,
    algorithm: Annotated[
        list[str] | None, typer.Option(help="Name of an algorithm; several are compared. Unknown names list the known.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Setting of the one algorithm, such as population=30.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Distinct architectures per run, or whole trainings' worth of epochs; leaves out checkpoints of "
            "--config above it."
        ),
    ] = None,
    runs: Annotated[int | None, typer.Option(help="Runs per algorithm.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first run; 0 if omitted.")] = None,
    checkpoint: Annotated[list[int] | None, typer.Option(help="A smaller budget that is reported too.")] = None,
    noise: Annotated[
        str,
        typer.Option(
            help="What a query adds to the mean: none; seeds: one run of the table; gaussian; local: by accuracy; "
            "predictive: of a completed table, what its predictions leave open."
        ),
    ] = "none",
    report_dataset: Annotated[str | None, typer.Option(help="Data set that is reported, if another one.")] = None,
    report_metric: Annotated[list[str] | None, typer.Option(help="Metrics that are reported, if others.")] = None,
    report_split: Annotated[str | None, typer.Option(help="Split that is reported, if another one.")] = None,
    regret: Annotated[
        str,
        typer.Option(
            help="What a regret is against: table, its highest value; or expected, the best with noise taken off."
        ),
    ] = "table",
    partition: Annotated[
        str | None, typer.Option(help="official, effective or identical: what is charged once; the table's if omitted.")
    ] = None,
    max_parameters: Annotated[int | None, typer.Option(help="Larger architectures are infeasible.")] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            help="What makes other architectures infeasible, such as 'latency:pixel3 <= 5': a column of the table, "
            "parameters or macs; with --plan the latter. Several are kept together."
        ),
    ] = None,
    count: Annotated[
        str, typer.Option(help="Edges of costs, sizes and --max-parameters: live, or all, as published figures count.")
    ] = "live",
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of many algorithms, tasks and data sets, instead of the above.")
    ] = None,
    rope: Annotated[
        float,
        typer.Option(
            help="Differences of mean regret up to so many percentage points (of several objectives: percent of the "
            "hypervolume; of costs: of the table's range) do not matter: the region of practical equivalence."
        ),
    ] = 0.1,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file as of robnas build: search once, and train what the algorithm asks for. Needs --store, "
            "and --split where the plan measures several; the same command goes on after a kill, with a larger "
            "--budget also after its end."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="With --plan: where trainings are kept and looked for, such as sqlite:///runs.db."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="With --plan: how many of its seeds each architecture is trained with; 1 if omitted."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="With --plan: ask for so many at a time and tell them in that order, so that the search does not "
            "depend on which training ends first."
        ),
    ] = None,
    executor: Annotated[str, typer.Option(help="With --plan: local or ray.")] = "local",
    address: Address = None,
    gpu_share: GpuShare = 0.0,
    device: Device = "cpu",
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    attempts: Attempts = 3,
    keep_going: KeepGoing = False,
    work_dir: Annotated[
        Path | None,
        typer.Option(
            help="With --plan: where trainings keep a checkpoint per epoch; beside an SQLite store if omitted."
        ),
    ] = None,
    data_dir: DataDir = None,
    jobs: Annotated[
        int,
        typer.Option(help="Processes; on a table the result does not depend on it. With --plan: trainings at a time."),
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results, tests and figures; an interrupted search goes on there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run search algorithms on a table many times and compare what they find; with --plan search once, by training."""
    from robnas._files import check_writable
    from robnas.errors import InputError, Verbatim
    from robnas.reports import oracle_notice, read_results, run_notes, write_search_report
    from robnas.search import Experiment
    from robnas.types import check_count, check_range

    check_range("--rope", rope, 0.0, 100.0)
    if out is not None:
        check_writable(out, folder=True)
    given: dict[str, Any] = {
        "table": table or (None if config else "digits"),
        "dataset": dataset, "metric": metric, "cost": cost, "split": split, "algorithm": algorithm,
        "set": settings, "report-dataset": report_dataset, "report-metric": report_metric,
        "report-split": report_split, "partition": partition, "max-parameters": max_parameters,
        "constraint": constraint,
        "noise": None if noise == "none" else noise, "count": None if count == "live" else count,
        "regret": None if regret == "table" else regret,
    }  # fmt: skip
    changes = {"space": space, "beta": beta, "budget": budget, "runs": runs, "seed": seed, "checkpoints": checkpoint}
    run = {
        "store": store, "seeds": seeds, "batch": batch, "executor": executor, "address": address,
        "gpu-share": gpu_share, "device": device, "time-limit": time_limit, "memory-limit": memory_limit,
        "attempts": attempts, "keep-going": keep_going, "work-dir": work_dir, "data-dir": data_dir,
    }  # fmt: skip
    if plan is not None:
        given |= {"table": table, "config": config, "runs": runs, "checkpoint": checkpoint}
        given |= {"beta": None if beta is None else str(beta)}
        if search_by_training(plan, given, {**run, "jobs": jobs}, changes, out, as_json):
            raise typer.Exit(1)
        return
    check_only_with_plan(run)
    both = [name for name in given if name != "table" and given[name]]
    if config is not None and both:
        raise InputError("--config", expected="no further choice of tasks and algorithms", got=Verbatim(f"--{both[0]}"))
    with progress_bar(as_json) as progress:
        if config is None:
            experiment = _from_options(given, changes, progress)
        else:
            experiment = Experiment.read(config, {**changes, "table": table})
        check_count("jobs", jobs)
        notes = [*experiment.left_out, *experiment.notes]
        if out is not None:
            experiment.check(out / "results")  # before anything is written there
            experiment.record_planned(out)
        results = list(experiment.run(jobs, None if out is None else out / "results", progress))
        files = [] if out is None else write_search_report(results, out, notes, rope=rope / 100)
    if notice := oracle_notice(results):
        print(notice, file=sys.stderr)
    for text in experiment.left_out:
        say(f"left out: {text}", sys.stderr)
    for text in experiment.notes:
        say(text, sys.stderr)
    failed = [(result, failure) for result in results for failure in result.failures]
    for result, failure in failed:
        print(
            f"failed: {result.algorithm} on {result.task['name']}, seed {failure.seed}: {failure.error}",
            file=sys.stderr,
        )
    planned = run_notes(results, () if out is None else read_results(out).planned)  # those of earlier reports, too
    for text in planned:
        if "more than once" in text:
            say(text, sys.stderr)
    if as_json:
        print_json({**_facts(results, files, rope / 100), "planned": planned})
    else:
        _print(results, files, rope / 100)
    if failed:
        raise typer.Exit(1)


def _from_options(given: dict[str, Any], changes: dict[str, Any], progress: Progress) -> Experiment:
    """One task and some algorithms."""
    from robnas.benchmarks import load
    from robnas.errors import InputError, Verbatim
    from robnas.search import SEARCHERS, Experiment, Repetitions, Task, searcher

    for name, value in {**{key: given[key] for key in ("dataset", "algorithm")}, "budget": changes["budget"],
                        "runs": changes["runs"]}.items():  # fmt: skip
        if value in (None, []):
            what = f"one of {', '.join(SEARCHERS.names())}" if name == "algorithm" else "a value"
            raise InputError(f"--{name}", expected=what, got=Verbatim("none"), remedy="or --config with a TOML file")
    settings = settings_of(given["set"])
    if settings and len(given["algorithm"]) > 1:
        raise InputError(
            "--set", expected="one --algorithm", got=Verbatim(f"{len(given['algorithm'])}"), remedy="use --config"
        )
    algorithms = {name: searcher(name, settings) for name in given["algorithm"]}
    task = Task.named(
        load(given["table"], progress, space=changes["space"]),
        given["dataset"],
        given["metric"] or (),
        split=given["split"],
        beta=changes["beta"],
        report_dataset=given["report-dataset"],
        report_metrics=given["report-metric"] or None,
        report_split=given["report-split"],
        costs=tuple(given["cost"] or ()),
        noise=given["noise"] or "none",
        partition=given["partition"],
        max_parameters=given["max-parameters"],
        constraints=tuple(given["constraint"] or ()),
        count=given["count"] or "live",
        regret=given["regret"] or "table",
    )
    repetitions = Repetitions(
        changes["budget"], changes["runs"], changes["seed"] or 0, tuple(changes["checkpoints"] or ())
    )
    return Experiment.of(algorithms, [task], repetitions)


def _facts(results: list[Result], files: list[Path], rope: float) -> dict[str, Any]:
    from robnas.statistics import HOLM_FAMILY, all_rankings, all_tests, summarise

    return {
        "oracle_selection": list(dict.fromkeys(name for result in results for name in result.oracle_selection)),
        "summary": summarise(results),
        "holm": HOLM_FAMILY,
        "tests": all_tests(results, rope),
        "rankings": all_rankings(results),
        "results": [result.to_dict() for result in results],
        "files": [str(path) for path in files],
    }


def _print(results: list[Result], files: list[Path], rope: float) -> None:
    """A table per task: regret at each budget, how often the best was found, how the others differ from the first."""
    from robnas.reports import budget_unit, regret_text, regret_words
    from robnas.statistics import by_regret, summarise

    rows = summarise(results)
    for task in dict.fromkeys(row["task"] for row in rows):
        of_task = [row for row in rows if row["task"] == task]
        first = next(result for result in results if result.task["name"] == task)
        last = {row["algorithm"]: row for row in of_task if row["budget"] == first.budget}
        unit = budget_unit([result for result in results if result.task["name"] == task])
        lines = [["", *(f"{budget} {unit}" for budget in first.checkpoints), "best found", "GPU-hours"]]
        for name in by_regret(last):
            cells = [regret_text(row) for row in of_task if row["algorithm"] == name]
            share, hours = last[name]["found_best"], last[name]["hours"]
            found = "-" if share is None else f"{100 * share:.1f} %"
            lines.append([name, *cells, found, "-" if hours is None else f"{hours:,.0f}"])
        what = f"{regret_words(first)} ± standard error of {first.runs} runs"
        say(f"{task}: {what} [average rank], against the {first.optimum}")
        _print_aligned(lines)
        _print_differences([result for result in results if result.task["name"] == task], by_regret(last), rope)
        print()
    if files:
        print(f"report  {next(path for path in files if path.name == 'report.md')}")


def _print_differences(results: list[Result], names: list[str], rope: float) -> None:
    """How all others differ from the algorithm with the smallest mean regret, at the whole budget."""
    from robnas.reports import chances_text, interval_text, rope_text, verdict_text
    from robnas.statistics import finished, paired_tests

    found = {result.algorithm: result for result in finished(results)}
    ran = [name for name in names if name in found]
    if len(ran) < 2:
        return
    lines, tests = [["", "difference", "better", "P better · equal · worse"]], []
    for name in ran[1:]:
        (test,) = paired_tests([found[name], found[ran[0]]], results[0].budget, rope=rope)
        tests.append(test)
        difference = interval_text(test.difference, test.low, test.high, test.unit)
        lines.append([name, difference, verdict_text(test), chances_text(test)])
    say(f"from {ran[0]} [95 % interval]; differences up to {rope_text(tests)} do not matter")
    _print_aligned(lines)


def _print_aligned(lines: list[list[str]]) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for name, *cells in lines:
        print("  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]))
