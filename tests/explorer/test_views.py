"""Comparison, searches, kernels and data.

In a real browser; every test fails on a console error or a request to another host.
"""

import csv
import io
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from robnas.benchmarks import Column, Scores, Table
from robnas.explorer import build_site, read_searches
from robnas.networks import count
from robnas.search import Experiment, RandomSearch, Repetitions, Task
from robnas.spaces import Architecture, partition
from robnas.statistics import leaderboard, shown_noise, tied_with_best
from tests.explorer.acting import PGD, downloaded, plotted, row_of, text_of, until, wait_hash
from tests.explorer.conftest import COUNT, plain_table


def figure(page, name):
    return re.findall(r"−?\d\.\d+", text_of(page, f'[data-figure="{name}"]'))


def numbers(texts):
    return [float(text.replace("−", "-")) for text in texts]


@pytest.mark.parametrize("second", ["bench~cifar100~test~pgd@8/255", "plain~cifar10~test~clean", "size~parameters"])
def test_correlations_are_those_of_scipy(visit, table, second):
    page = visit().open(f"#/compare?a=bench~cifar10~test~clean&b={second}")
    plotted(page)
    a, other = table.columns[0].mean, np.full(COUNT, np.nan)
    if second.startswith("bench"):
        other = table.columns[3].mean
    elif second.startswith("plain"):
        plain = plain_table()
        other = plain.values("cifar10", "clean", split="test", index=table.rows)
    else:
        live = [[d for d, on in zip(arch.code, arch.live_edges, strict=True) if on] for arch in table.architectures]
        other = np.array([9 * digits.count("3") + digits.count("2") for digits in live], dtype=float)
    known = ~np.isnan(other)
    rho, low, high = numbers(figure(page, "spearman"))
    assert rho == pytest.approx(spearmanr(a[known], other[known]).statistic, abs=6e-4)
    assert low < rho < high
    tau, low, high = numbers(figure(page, "kendall"))
    assert tau == pytest.approx(kendalltau(a[known], other[known]).statistic, abs=6e-4)
    assert low < tau < high


def test_the_interval_is_the_bootstrap_of_the_statistics(visit, table):
    from robnas.statistics import correlate

    page = visit().open("#/compare?a=bench~cifar10~test~clean&b=bench~cifar10~test~pgd@8/255")
    _, low, high = numbers(figure(page, "spearman"))
    found = correlate(table.columns[0].mean, table.columns[1].mean, rng=np.random.default_rng(0))
    width = found.high - found.low
    assert low == pytest.approx(found.low, abs=0.2 * width)
    assert high == pytest.approx(found.high, abs=0.2 * width)


def test_ranks_that_change_most_and_what_the_best_share(visit, table):
    page = visit().open("#/compare?a=bench~cifar10~test~clean&b=plain~cifar10~test~clean&as=ranks")
    plotted(page)
    _, text = downloaded(page, "CSV", "Plot")
    rows = list(csv.DictReader(io.StringIO(text)))
    gains = sorted((float(row["rank_first"]) - float(row["rank_second"]) for row in rows), reverse=True)
    first = page.locator('section[aria-label="Ranks that change most"] tbody tr').first.locator("td").all_inner_texts()
    assert first[-1] == f"▲ {int(gains[0] + 0.5)}"
    page.get_by_role("button", name="Falls").click()
    wait_hash(page, "falls=yes")
    first = page.locator('section[aria-label="Ranks that change most"] tbody tr').first.locator("td").all_inner_texts()
    assert first[-1] == f"▼ {int(0.5 - gains[-1])}"
    shared = sum(float(row["rank_first"]) <= 100 and float(row["rank_second"]) <= 100 for row in rows)
    assert f"{shared} shared" in text_of(page, 'section[aria-label="Correlation"]')


def test_an_architecture_has_one_rank_wherever_it_is_shown(visit, serve):
    """Ties everywhere: 24 architectures with 5 values, some of them equal up to the rounding of a mean of seeds."""
    rows = [arch.index for arch in partition("official").representatives()[:24]]
    values = np.round(np.random.default_rng(4).integers(6, 10, (24, 1)) / 10 + np.array([0.01, -0.01, 0.0]), 2)
    values[::2] = values[::2, ::-1]
    values[:3] = 0.95
    columns = [Column("mine", "test", metric, values * scale, (0, 1, 2), facts={"images": 100})
               for metric, scale in (("clean", 1.0), ("pgd@8/255", 0.5))]  # fmt: skip
    table = Table("ties", rows, columns)
    ranked = leaderboard(table, "mine", "test", "clean")
    expected = {row.architecture.code: (row.rank, row.sharing) for row in ranked}
    assert max(sharing for _, sharing in expected.values()) > 3
    page = visit(serve(build_site([("ties", table)]))).open(
        "#/compare?a=ties~mine~test~clean&b=ties~mine~test~pgd@8/255"
    )
    plotted(page)
    _, text = downloaded(page, "CSV", "Plot")
    rows = csv.DictReader(io.StringIO(text))
    found = {Architecture(row["architecture"]).code: float(row["rank_first"]) for row in rows}
    assert found == {code: rank for code, (rank, _) in expected.items()}
    best = sum(rank <= 10 for rank, _ in expected.values())
    assert best > 10
    assert f"best 10, with ties {best} and {best}\t{best} shared" in text_of(page, 'section[aria-label="Correlation"]')
    assert "Best by the first, one of 3 that are equal: " in text_of(page, 'section[aria-label="Correlation"]')
    for code in (ranked[0].architecture.code, ranked[11].architecture.code, ranked[-1].architecture.code):
        rank, sharing = expected[code]
        page = visit(serve(build_site([("ties", table)]))).open(f"#/cell?arch={code}")
        assert row_of(page, "ties", "mine test clean")[2].startswith(f"{rank} of 24\nshared by {sharing}")


@pytest.mark.parametrize("both", [("bench", "fine"), ("fine", "bench")])
def test_tables_of_two_partitions_pair_alike_in_either_order(visit, serve, table, both):
    """Two isomorphic networks of the finer table stand in one row of the coarser one."""
    classes = partition("official").class_of
    rows = np.sort(np.flatnonzero(np.isin(classes, classes[table.rows[:40]])))
    values = np.random.default_rng(2).integers(0, 1000, (len(rows), 1)) / 1000
    fine = Table("fine", rows, [Column("cifar10", "test", "clean", values)])
    site = build_site([("bench", table), ("fine", fine)])
    page = visit(serve(site)).open(f"#/compare?a={both[0]}~cifar10~test~clean&b={both[1]}~cifar10~test~clean")
    expected = "40 architectures. Those of bench, each with what fine has measured of it."
    assert text_of(page, "[data-paired]") == expected
    other = fine.values("cifar10", "clean", split="test", index=table.rows[:40])
    rho = spearmanr(table.columns[0].mean[:40], other).statistic
    assert numbers(figure(page, "spearman"))[0] == pytest.approx(rho, abs=6e-4)


def test_a_step_is_kept_in_its_own_view(visit):
    page = visit().open("#/search?step=7")
    page.wait_for_selector('section[aria-label="Replay"] input[type=range]')
    page.get_by_label("Query", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("document.querySelector('nav a[href^=\"#/data\"]').click()")
    page.wait_for_selector('main[data-ready="data"]')
    page.wait_for_timeout(500)
    assert page.evaluate("location.hash") == "#/data"
    assert "step=8" in page.get_attribute('nav a[href^="#/search"]', "href")


def test_one_run_has_neither_band_nor_error(visit, serve, table, tmp_path):
    task = Task.named(table, "cifar10", "pgd@8/255", split="test")
    list(Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(12, 1)).run(out=tmp_path / "results"))
    page = visit(serve(build_site([("bench", table)], (), read_searches(tmp_path, [table])))).open("#/search")
    page.wait_for_selector('section[aria-label="Regret"] tbody td')
    assert "±" not in text_of(page, 'section[aria-label="Regret"]')
    assert page.get_attribute('section[aria-label="Regret"] canvas', "aria-label").startswith("regret after each query")
    _, drawing = downloaded(page, "SVG", "Regret")
    assert 'opacity="0.15"' not in drawing
    _, text = downloaded(page, "CSV", "Regret")
    assert {row["standard_error"] for row in csv.DictReader(io.StringIO(text))} == {""}


def test_searches_are_replayed_query_by_query(visit, site):
    recorded = json.loads(site["data/searches.json"])
    page = visit().open("#/search?step=7")
    page.wait_for_selector('section[aria-label="Replay"] input[type=range]')
    trace = recorded[0]["traces"][0]
    code = trace["architectures"][6]
    assert text_of(page, ".told").startswith(f"Query 7 of 30: {code}, told {100 * trace['values'][6]:.2f} %.")
    assert f"regret {100 * trace['regret'][6]:.2f} points" in text_of(page, ".told")
    slider = page.get_by_label("Query", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.told').textContent.startsWith('Query 8 of 30')")
    wait_hash(page, "step=8")
    assert page.evaluate("document.activeElement.type") == "range"
    assert 'opacity="0.15"' in downloaded(page, "SVG", "Regret")[1]
    _, text = downloaded(page, "CSV", "Regret")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 60
    assert float(rows[29]["mean_regret"]) == recorded[0]["mean"][-1]
    page.get_by_role("checkbox", name="local-search").uncheck()
    wait_hash(page, "hide=local-search")
    assert "Oracle selection" in text_of(page, 'section[aria-label="Regret"]')
    assert "against the table's maximum. That is a measured value, too" in text_of(page, 'section[aria-label="Regret"]')
    optimum = recorded[0]["task"]["optimum"]
    told = f"Regret is against the highest table value {100 * optimum['value']:.2f} % of {optimum['architectures']} "
    assert told in text_of(page, 'section[aria-label="Regret"]')


def test_a_search_for_less_is_shown_in_its_unit(visit, serve, table, tmp_path):
    seconds = np.arange(1000.0, 1000 + len(table))[:, None]
    time = Column("cifar10", "test", "training_time", seconds, unit="s", direction="minimise")
    joined = [replace(column, source="bench") for column in table.columns]
    costly = Table("costly", table.rows, [*joined, time], partition=table.partition)
    bound = {"split": "test", "constraints": "training_time <= 1050"}
    tasks = [Task.named(costly, "cifar10", metric, **bound) for metric in ("training_time", "pgd@8/255")]
    list(Experiment.of({"random-search": RandomSearch()}, tasks, Repetitions(30, 4)).run(out=tmp_path / "results"))
    replays = read_searches(tmp_path, [costly])
    assert [replay.note for replay in replays] == ["run again, ends as recorded"] * 2
    base = serve(build_site([("costly", costly)], (), replays))
    page = visit(base).open("#/search?task=" + tasks[1].name)
    page.wait_for_selector('section[aria-label="Replay"] input[type=range]')
    assert "% of 51 architectures of costly" in text_of(page, 'section[aria-label="Regret"]')
    page = visit(base).open("#/search?task=" + tasks[0].name)
    assert "no accuracy of the table" in text_of(page, 'section[aria-label="Replay"]')
    page.wait_for_selector('section[aria-label="Regret"] tbody tr')
    text = text_of(page, 'section[aria-label="Regret"]')
    assert "Regret is against the lowest table value 1000 s of 51 architectures of costly." in text
    assert "missing at the end, s" in text
    assert "Oracle" not in text
    last = replays[[replay.task["name"] for replay in replays].index(tasks[0].name)].result.mean[-1]
    assert f"{float(f'{last:.4g}'):g}" in text
    assert "regret, mean ± 1.96 standard errors, s after each query" in page.locator("canvas").first.get_attribute(
        "aria-label"
    )


def test_a_replay_plays_to_its_end_also_with_little_motion(visit):
    page = visit(reduced_motion="reduce").open("#/search?run=random-search~1&step=28")
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('.told').textContent.startsWith('Query 30 of 30')")
    page.get_by_role("button", name="Play").wait_for()
    wait_hash(page, "step=30")


def test_scores_are_ranked_by_their_correlation(visit, table):
    page = visit().open("#/kernels?accuracy=bench~cifar10~test~clean")
    plotted(page)
    assert text_of(page, '[data-figure="spearman"]').startswith("1.000")
    names = page.locator('section[aria-label="Scores"] tbody th').all_inner_texts()
    assert names[-1] == "constant"
    assert set(names) == {"follows", "constant", "holey", "parameters", "MACs"}
    page.get_by_role("button", name="constant", exact=True).click()
    wait_hash(page, "score=score~scores~constant")
    assert "not defined" in text_of(page, '[data-figure="spearman"]')
    page.goto(page.url.partition("#")[0] + f"#/cell?arch={table.architectures[3].code}")
    page.wait_for_selector('main[data-ready="cell"]')
    assert "missing: it diverged" in text_of(page, 'section[aria-label="Scores"]')


def test_sizes_are_those_of_the_architectures_that_have_the_chosen_score(visit, serve, table):
    codes = tuple(arch.code for arch in table.architectures)
    means = np.where(np.arange(COUNT)[:, None] < 50, np.random.default_rng(1).normal(size=(COUNT, 1)), np.nan)
    scores = Scores(codes, ("few",), means, np.full(means.shape, np.nan))
    page = visit(serve(build_site([("bench", table)], [("s", scores)]))).open(
        "#/kernels?accuracy=bench~cifar10~test~clean"
    )
    plotted(page)
    lines = page.locator('section[aria-label="Scores"] tbody tr')
    found = {line.locator("th").inner_text(): line.locator("td").all_inner_texts()[-2:] for line in lines.all()}
    sizes = [count(arch, live=True).parameters for arch in table.architectures[:50]]
    rho = spearmanr(sizes, table.columns[0].mean[:50]).statistic
    assert float(found["parameters"][0].replace("−", "-")) == pytest.approx(rho, abs=6e-4)
    assert {number for _, number in found.values()} == {"50"}


def test_scores_of_isomorphic_architectures_count_for_the_row_of_the_table(visit, serve, table):
    """A table holds the first member of a class, the scores others; what was scored under two names counts once."""
    from robnas.statistics import trained

    official = partition("official")
    classes = [official.members(arch) for arch in table.architectures[:60]]
    codes = {arch.code for members in classes for arch in members[-2:]}
    codes = sorted(codes, key=lambda code: code[::-1])
    means = np.random.default_rng(7).normal(size=(len(codes), 1))
    scores = Scores(tuple(codes), ("nwot",), means, np.full(means.shape, np.nan))
    held = trained(codes, table, "cifar10")
    clean = table.columns[0].mean
    assert len(held) == 60 > len(set(held) & {arch.code for arch in table.architectures})
    rho = spearmanr(scores.at(held, "nwot"), clean[list(held.values())]).statistic
    base = serve(build_site([("bench", table)], [("s", scores)]))
    page = visit(base).open("#/kernels?accuracy=bench~cifar10~test~clean")
    assert numbers(figure(page, "spearman"))[0] == pytest.approx(rho, abs=6e-4)
    assert f"{len(held)} architectures" in text_of(page, 'section[aria-label="Scores"]')
    for first, second in itertools.permutations(["bench~cifar10~test~clean", "score~s~nwot"]):
        page = visit(base).open(f"#/compare?a={first}&b={second}")
        assert numbers(figure(page, "spearman"))[0] == pytest.approx(rho, abs=6e-4)
    other, *_, named, _ = next(members for members in classes if len(members) > 2)
    page = visit(base).open(f"#/cell?arch={other.code}")
    text = text_of(page, 'section[aria-label="Scores"]')
    assert f"{other.code} itself was not scored: " in text
    assert f"{named.code} is isomorphic to it and was." in text


def test_a_search_of_very_many_queries_is_shown(visit, serve, table, search_folder):
    """More points than a call takes arguments."""
    count = 100_000
    replays = read_searches(search_folder, [table])
    trace = {**replays[0].traces[0], "regret": [0.1] * count, "values": [[0.5]] * count}
    trace["architectures"] = (trace["architectures"] * count)[:count]
    curve = np.linspace(0.2, 0, count)
    long = [
        replace(replay, result=replace(replay.result, budget=count, mean=curve, sd=curve / 9), traces=traces)
        for replay, traces in zip(replays, ((trace,), ()), strict=True)
    ]
    page = visit(serve(build_site([("bench", table)], (), long))).open("#/search")
    page.wait_for_selector('section[aria-label="Replay"] input[type=range]')
    assert text_of(page, ".told").startswith("Query 100000 of 100000")
    assert "<path" in downloaded(page, "SVG", "Regret")[1]


def test_data_view_names_noise_and_images(visit, table):
    page = visit().open("#/data")
    text = text_of(page, 'section[aria-label="plain"]')
    assert "not known" in text
    assert "500 images" in text
    noise, local = table.noise(**PGD), shown_noise(table, table.column(**PGD))
    of_best = local.run_sd_at(table.best(PGD["dataset"], PGD["metric"], split="test")[0][1])
    low, high = (100 * end for end in noise.interval)
    line = page.locator('section[aria-label="bench"] tbody tr').nth(1).locator("td").all_inner_texts()
    assert line[5:9] == [
        f"{100 * noise.run_sd:.2f} [{low:.2f}, {high:.2f}]",
        f"{100 * of_best:.2f}", "400 networks, 800 trainings (seeds)",
        str(len(tied_with_best(table, **PGD))),
    ]  # fmt: skip
    name, saved = downloaded(page, "CSV", "bench")
    rows = list(csv.DictReader(io.StringIO(saved)))
    assert name == "bench.csv"
    assert float(rows[5]["cifar10 test clean"]) == pytest.approx(table.columns[0].mean[5], abs=1e-9)


def test_without_scores_and_searches_the_pages_say_how_to_get_them(visit, serve, table):
    page = visit(serve(build_site([("bench", table)]))).open("#/kernels")
    assert "robnas score" in text_of(page, "main")
    page.get_by_role("link", name="Search").click()
    page.wait_for_selector("text=No recorded search")
