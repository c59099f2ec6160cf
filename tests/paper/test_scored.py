import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from robnas import proxies
from robnas.benchmarks import Column, Table, read_scores
from robnas.benchmarks import scores_of as scores_in
from robnas.cli._reproduce import _score
from robnas.data import load_data
from robnas.errors import InputError
from robnas.kernels import SCORES
from robnas.networks import count
from robnas.paper import reproduce
from robnas.paper._proxies import HEADER, _figure
from robnas.spaces import SPACES, Architecture
from robnas.types import silent
from tests.search.conftest import synthetic
from tests.statistics.spaces import toy
from tests.statistics.test_scored import CODES, made, truth
from tests.statistics.test_spaces import scores_of
from tests.test_cli import robnas


@pytest.fixture(scope="module")
def scores():
    rng, clean = np.random.default_rng(0), truth("clean")
    holes = clean + 0.01 * rng.normal(size=len(CODES))
    holes[:3] = np.nan
    return made(["perfect", "holes", "chance", "flat"],
                [clean, holes, rng.normal(size=len(CODES)), np.ones(len(CODES))])  # fmt: skip


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_proxies_are_correlated_and_what_is_missing_is_counted(scores, tmp_path):
    files = reproduce("proxies", tmp_path, scores=[scores], table=synthetic())
    assert [path.name for path in files] == ["proxies.csv", "proxies.png", "proxies.svg"]
    rows = {(row["proxy"], row["metric"]): row for row in rows_of(files[0])}
    assert {name for name, _ in rows} == {"parameters", *scores.names}
    perfect = rows["perfect", "clean"]
    assert (perfect["spearman"], perfect["kendall"], perfect["missing"]) == ("1.0000", "1.0000", "0")
    assert float(perfect["ceiling"]) < 1
    holes = rows["holes", "pgd@8/255"]
    assert (int(holes["architectures"]), holes["missing"]) == (len(CODES) - 3, "3")
    wanted = spearmanr(scores.column("holes")[3:], truth("pgd@8/255")[3:]).statistic
    assert float(holes["spearman"]) == pytest.approx(wanted, abs=1e-4)
    assert float(holes["low_95"]) < wanted < float(holes["high_95"])
    assert rows["flat", "clean"]["spearman"] == "nan"
    assert abs(float(rows["chance", "clean"]["spearman"])) < 0.3
    assert {row["published_spearman"] for row in rows.values()} == {""}


def test_parameters_are_compared_on_the_architectures_that_have_the_score(tmp_path):
    """A score that fails on small networks: there the parameters tell less than on all."""
    sizes = np.array([count(Architecture(code), live=True).parameters for code in CODES], dtype=float)
    large = np.where(sizes > np.median(sizes), truth("clean"), np.nan)
    files = reproduce("proxies", tmp_path, scores=[made(["large"], [large])], table=synthetic())
    rows = {(row["proxy"], row["metric"]): row for row in rows_of(files[0])}
    known = ~np.isnan(large)
    for metric in ("clean", "pgd@8/255"):
        wanted = spearmanr(sizes[known], truth(metric)[known]).statistic
        assert float(rows["large", metric]["parameters_spearman"]) == pytest.approx(wanted, abs=1e-4)
        every = rows["parameters", metric]
        assert every["parameters_spearman"] == every["spearman"]
        assert abs(float(every["spearman"]) - wanted) > 0.05


def test_each_panel_says_its_own_ceiling():
    rows = [
        [
            "a",
            metric,
            9,
            0,
            "0.5",
            "0.4",
            "0.6",
            *("0.1",) * 6,
            "",
            "",
            highest,
            "0.3",
            *("0.2",) * 15,
            "9",
            9,
            "1",
            "1",
        ]
        for metric, highest in (("clean", "0.9770"), ("pgd@8/255", "0.8910"), ("autoattack@8/255", "nan"))
    ]
    assert len(rows[0]) == len(HEADER)
    figure = _figure(rows[:2], "title")
    assert [axes.get_title() for axes in figure.axes] == [
        "clean, ceiling 0.977", "pgd@8/255, ceiling 0.891", "pgd@8/255, best tenth",
    ]  # fmt: skip
    for axes, value in zip(figure.axes, (0.977, 0.891, 0.2), strict=True):
        assert value in {round(float(line.get_xdata()[0]), 3) for line in axes.lines}
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "ceiling of the table's noise" in labels
    assert not any("0.8" in text or "0.9" in text for text in labels)
    assert _figure([rows[2]], "title").axes[0].get_title() == "autoattack@8/255"


def test_figure_5_tests_claims(tmp_path):
    rng, pgd = np.random.default_rng(0), truth("pgd@8/255")

    def noisy(scale):
        return pgd + scale * rng.normal(size=len(CODES))

    names = ["ntk-clean-lambda-min", "ntk-robust-lambda-min", "ntk-twice-lambda-min", "nwot"]
    wide = made(names, [noisy(0.1), noisy(0.02), noisy(0.02), noisy(0.1)])
    small = made(names[1:3], [noisy(9.0), noisy(0.02)], epsilon="3/255")
    files = reproduce("figure5", tmp_path, scores=[wide, small], table=synthetic())
    assert [path.name for path in files] == ["figure5.csv", "figure5-claims.csv", "figure5.png", "figure5.svg"]
    kernels = {(row["kernel"], row["epsilon"]) for row in rows_of(files[0])}
    assert kernels == {("clean", ""), ("robust", "8/255"), ("twice", "8/255"), ("robust", "3/255"), ("twice", "3/255")}
    claims = {(row["claim"], row["first"]): row for row in rows_of(files[1]) if row["metric"] == "pgd@8/255"}
    assert claims["robust beats clean", "robust 8/255"]["holds"] == "yes"
    assert claims["robust beats clean", "robust 3/255"]["holds"] == "no"
    assert claims["twice beats once", "twice 3/255"]["holds"] == "yes"
    same = claims["twice beats once", "twice 8/255"]
    assert same["holds"] == "open"
    assert float(same["low"]) < 0 < float(same["high"])
    tests = sum(row["claim"] == same["claim"] for row in rows_of(files[1]))
    assert float(same["level"]) == pytest.approx(1 - 0.05 / tests, abs=1e-6)
    assert tests == 2 * 2  # radii and metrics
    assert claims["beats counting parameters", "clean"]["second"] == "parameters"
    larger = claims["larger radius beats smaller", "robust 8/255"]
    assert (larger["second"], larger["holds"]) == ("robust 3/255", "yes")
    assert claims["larger radius beats smaller", "twice 8/255"]["holds"] == "open"
    assert ("larger radius beats smaller", "robust 3/255") not in claims
    for row in claims.values():
        alone, together = (float(row[high]) - float(row[low]) for low, high in (("low_95", "high_95"), ("low", "high")))
        assert 0 < alone < together


def test_an_architecture_without_a_kernel_score_ranks_last(tmp_path):
    column = truth("clean")
    worst = np.argsort(column)[:3]
    column[worst] = np.nan
    files = reproduce("figure5", tmp_path, scores=[made(["ntk-clean-condition"], [column])], table=synthetic())
    row = next(row for row in rows_of(files[0]) if row["metric"] == "clean")
    assert (int(row["architectures"]), row["missing"]) == (len(CODES), "3")
    column[worst] = column[column > 0].min() - 1
    assert float(row["spearman"]) == pytest.approx(spearmanr(column, truth("clean")).statistic, abs=1e-4)
    assert float(row["kendall"]) == pytest.approx(kendalltau(column, truth("clean")).statistic, abs=1e-4)


def test_published_values_stand_beside_scores_of_the_same_images_alone(tmp_path):
    like, column = synthetic(), truth("clean")
    table = Table("nas-robbench-201", like.rows, like.columns, partition="official")
    for data, wanted in (("cifar10", True), ("digits", False)):
        scores = made(["nwot"], [column])
        files = reproduce("proxies", tmp_path, scores=[replace(scores, settings={"data": data})], table=table)
        published = {row["published_spearman"] for row in rows_of(files[0]) if row["metric"] == "clean"}
        assert published == ({"0.79", "0.766"} if wanted else {""})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"images": 9}, "scores, images of the files: expected the same in all, 8, got 9; score again"),
        ({"more": 1}, "scores, more of the files: expected the same in all, None, got 1"),
        ({"threat": {"epsilon": "8/255"}}, "scores: expected one file per radius of the attack, got two of 8/255"),
    ],
)
def test_files_of_figure_5_that_do_not_fit_are_refused(tmp_path, changes, text):
    settings = {"data": "cifar10", "images": 8, "threat": {"epsilon": "8/255"}}
    first = replace(made(["ntk-robust-trace"], [truth("clean")]), settings=settings)
    second = replace(first, settings={**settings, "threat": {"epsilon": "3/255"}, **changes})
    with pytest.raises(InputError, match=text):
        reproduce("figure5", tmp_path, scores=[first, second], table=synthetic())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("proxies", 0, "scores of reproduction proxies: expected one file, got 0; robnas score --all"),
        ("proxies", 2, "expected one file, got 2"),
        ("figure5", 0, "expected one file, or one per radius of the attack, got 0"),
        ("table1", 1, "scores of reproduction table1: expected none, got 1"),
        ("figure5", 1, "expected scores of kernels, whose names begin with ntk-, got perfect, holes, chance, flat"),
        ("figure6", 0, "reproduction: expected one of table1, .*, figure5, got 'figure6'; did you mean figure5"),
    ],
)
def test_scores_that_are_missing_or_not_wanted(scores, tmp_path, name, count, text):
    with pytest.raises(InputError, match=text):
        reproduce(name, tmp_path, scores=count * [scores], table=synthetic())


def test_files_of_one_scoring_with_other_scores_stand_together(scores, tmp_path):
    """Also what another version computed; not the same score twice, nor scores of other images."""
    second = made(["other"], [truth("clean")])
    later = replace(second, settings={**second.settings, "robnas": "9", "proxies": ["other"]})
    files = reproduce("proxies", tmp_path, scores=[scores, later], table=synthetic())
    assert {row["proxy"] for row in rows_of(files[0])} == {"parameters", *scores.names, "other"}
    for wrong in (made(["chance"], [truth("clean")]), replace(second, settings={**second.settings, "images": 9})):
        with pytest.raises(InputError, match=r"expected one file, got 2; .*; several have equal settings and no score"):
            reproduce("proxies", tmp_path, scores=[scores, wrong], table=synthetic())


def test_the_command_scores_what_was_made_for_robustness_in_a_file_of_its_own(tmp_path, monkeypatch):
    """So scores that an earlier version finished are kept. Two of each group will do."""
    cheap, slower = ("parameters", "snip"), ("robust_zcp", "r_score")
    assert set(cheap) < set(proxies.CHEAP)
    assert set(slower) < set(proxies.ROBUSTNESS)
    monkeypatch.setattr(proxies, "CHEAP", cheap)
    monkeypatch.setattr(proxies, "ROBUSTNESS", slower)
    space = SPACES["nas-bench-201"].configure(channels=2, cells=1)
    archs, settings = (
        [Architecture(code) for code in ("323133", "444444")],
        proxies.ProxySettings(images=4, calibration=8),
    )
    given = ("proxies", tmp_path, load_data("digits"), archs, space, 1, 1, settings, silent)
    first = _score(*given)
    assert [one.names for one in first] == [cheap, slower]
    kept = [tmp_path / f"proxies-scores{part}.parquet" for part in ("", "-robustness")]
    before = kept[0].stat().st_mtime_ns
    kept[1].unlink()
    again = _score(*given)
    assert [one.means.tolist() for one in again] == [one.means.tolist() for one in first]
    assert kept[0].stat().st_mtime_ns == before
    assert kept[1].exists()


def test_the_command_scores_by_itself_and_goes_on(capsys, tmp_path, monkeypatch):
    from robnas.benchmarks import write_table

    write_table(synthetic(), tmp_path / "table.parquet")
    options = ("--table", str(tmp_path / "table.parquet"), "--data", "digits", "--architectures", "3", "--images", "10",
               "--channels", "2", "--cells", "1", "--out", str(tmp_path / "out"), "--json")  # fmt: skip
    code, out, err = robnas(capsys, "reproduce", "figure5", *options)
    assert code == 0, err
    attacked = sum(score.attacks > 0 for score in SCORES.values())
    assert len(json.loads(out)["tables"]["figure5"]) == 2 * (len(SCORES) + attacked)
    kept = [tmp_path / "out" / f"figure5-scores-{radius}.parquet" for radius in (8, 3)]
    before = [path.read_bytes() for path in kept]
    code, out, err = robnas(capsys, "reproduce", "figure5", *options[:2], "--scores", str(kept[0]), "--scores",
                            str(kept[1]), "--out", str(tmp_path / "again"), "--json")  # fmt: skip
    assert code == 0, err
    assert [path.read_bytes() for path in kept] == before
    code, out, err = robnas(capsys, "reproduce", "table1", "--data", "digits")
    assert (code, out) == (2, "")
    assert "--data: expected proxies or figure5 without --scores, got --data for table1" in err


def test_the_command_scores_kernels_of_the_reduction_that_it_is_told(capsys, tmp_path):
    from robnas.benchmarks import write_table

    write_table(synthetic(), tmp_path / "table.parquet")
    options = ("--table", str(tmp_path / "table.parquet"), "--data", "digits", "--architectures", "3", "--images", "10",
               "--channels", "2", "--cells", "1", "--out", str(tmp_path / "out"))  # fmt: skip
    code, out, err = robnas(capsys, "reproduce", "figure5", *options, "--reduction", "full")
    assert (code, out) == (2, "")
    assert "reduction: expected trace, sum, label or proj for scores, which have one row per image, got full" in err
    assert not (tmp_path / "out").exists()
    code, out, err = robnas(capsys, "reproduce", "figure5", *options, "--reduction", "sum")
    assert code == 0, err
    for radius in (8, 3):
        settings = read_scores(tmp_path / "out" / f"figure5-scores-{radius}.parquet").settings
        assert settings["kernel"]["reduction"] == "sum"
        assert settings["threat"]["epsilon"] == f"{radius}/255"


def test_the_command_takes_as_many_architectures_as_it_was_told_and_looks_at_the_table_first(capsys, tmp_path):
    from robnas.benchmarks import write_table

    write_table(synthetic(), tmp_path / "table.parquet")
    options = ("--table", str(tmp_path / "table.parquet"), "--data", "digits", "--images", "10", "--channels", "2",
               "--cells", "1", "--out", str(tmp_path / "out"))  # fmt: skip
    code, out, err = robnas(capsys, "reproduce", "proxies", *options, "--dataset", "cifar11")
    assert (code, out) == (2, "")
    assert "dataset of table" in err
    assert "got 'cifar11'" in err
    assert not (tmp_path / "out").exists()
    for wanted in (4, 3):
        code, out, err = robnas(capsys, "reproduce", "proxies", *options, "--architectures", str(wanted), "--json")
        assert code == 0, err
        rows = json.loads(out)["tables"]["proxies"]
        assert {row["architectures"] for row in rows if row["proxy"] == "parameters"} == {wanted}
        assert {row["low_95"] for row in rows} == {None}
    assert len(read_scores(tmp_path / "out" / "proxies-scores.parquet").codes) > 3


def test_another_space_is_none_of_the_paper(scores, tmp_path):
    theirs = scores_of(toy().space, toy().texts[:5], range(5), ("ntk-clean-lambda-min",))
    for name in ("proxies", "figure5"):
        with pytest.raises(InputError) as caught:
            reproduce(name, tmp_path / "out", scores=[scores], table=toy())
        assert str(caught.value) == (
            f"reproduction {name}: expected space nas-bench-201, which is the paper's, got table toys of space toy"
        )
        with pytest.raises(InputError, match="which is the paper's, got scores of space toy"):
            reproduce(name, tmp_path / "out", scores=[theirs], table=synthetic())
    assert not (tmp_path / "out").exists()


def test_scores_of_a_published_table_stand_beside_our_own(scores, tmp_path):
    """On the architectures that have both, each row of the table as the architecture that was trained."""
    table = synthetic()
    files = reproduce("proxies", tmp_path, scores=[scores, scores_in(suite_table())], table=table)
    rows = {(row["proxy"], row["metric"]): row for row in rows_of(files[0])}
    assert {name for name, _ in rows} == {"parameters", *scores.names, "suite:nwot", "suite:params"}
    shared = [code for code in CODES if int(code, 5) % 2 == 0]
    assert {int(row["architectures"]) for (name, _), row in rows.items() if name != "holes"} == {len(shared)}
    accuracy = dict(zip(CODES, truth("clean"), strict=True))
    wanted = spearmanr([int(code, 5) for code in shared], [accuracy[code] for code in shared]).statistic
    assert float(rows["suite:nwot", "clean"]["spearman"]) == pytest.approx(wanted, abs=1e-4)


def suite_table():
    codes = [code for code in CODES if int(code, 5) % 2 == 0]
    columns = [
        Column("cifar10", "test", name, np.array([[float(int(code, 5))] for code in codes]), unit=unit)
        for name, unit in (("nwot", "score"), ("params", "M"))
    ]
    return Table("suite", codes, columns)


def test_names_of_the_suite_have_its_published_values(tmp_path):
    table = synthetic()
    table = Table("nas-robbench-201", table.rows, table.columns, partition="official")
    files = reproduce("proxies", tmp_path, scores=[scores_in(suite_table())], table=table)
    published = {row["proxy"]: row["published_spearman"] for row in rows_of(files[0]) if row["metric"] == "clean"}
    assert published == {"parameters": "0.766", "suite:nwot": "0.79", "suite:params": "0.766"}
