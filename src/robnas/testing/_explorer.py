"""What the explorer's data promise in every space: each number of the page belongs to the architecture beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Scores, Table
from robnas.explorer import build_site, read_searches
from robnas.search import Algorithm, Experiment, RandomSearch, Repetitions, Task, run
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import DATASET, METRICS, Examiner, made_up, registered, table_of


def check_explorer_data(
    space: Space,
    folder: Path,
    algorithm: Algorithm | None = None,
    *,
    count: int = 24,
    budget: int = 8,
    seed: int = 0,
) -> None:
    """Whether a site of a made-up table, scores and a search of a space can be built, and reads back.

    The page knows architectures as places of their genes' choices; the values and searches beside them are compared
    with those of the table.

    Args:
        space: registered or not.
        folder: for results of the search, which must not be there yet.
        algorithm: of the search; random search if omitted.
        count: architectures of the table, drawn at random; fewer where the space has fewer.
        budget: of the search; smaller where the table is.
        seed: of the drawing and the search.

    Raises:
        AssertionError: it cannot; the line says what has to be mended.
        InputError: the algorithm says that it cannot search there.
    """
    with registered(space):
        _Check(space, algorithm or RandomSearch(), table_of(space, count, seed), seed).all(folder, budget)


@final
class _Check(Examiner):
    def __init__(self, space: Space, algorithm: Algorithm, table: Table, seed: int) -> None:
        super().__init__(f"explorer data of space {space.name}")
        self.space, self.algorithm, self.table, self.seed = space, algorithm, table, seed

    def all(self, folder: Path, budget: int) -> None:
        task = Task.named(self.table, DATASET, METRICS[1], split="validation")
        name = getattr(self.algorithm, "name", type(self.algorithm).__name__)
        budget = min(budget, task.size)
        trace = run(self.algorithm, task, budget, self.seed)
        (folder / "trace.json").write_text(json.dumps(trace.to_dict()), encoding="utf-8")
        experiment = Experiment.of({name: self.algorithm}, [task], Repetitions(budget, 2, self.seed))
        (result,) = experiment.run(out=folder / "results")  # keeps what it would find again
        self.expect(result.architectures[0] == trace.best.text, "the result names another best of its first run")
        searches = self.attempt("reading the search", read_searches, folder, [self.table])
        scores = self._scores()
        site = self.attempt(
            "building the site", build_site, [("made-up.parquet", self.table)], [("scores.parquet", scores)], searches
        )
        header = json.loads(site["data/explorer.json"])
        self._genes(header["space"])
        self._table(header["tables"][0], site)
        self._score(header["scores"][0], scores, site)
        shown = json.loads(site[header["searches"]["file"]])
        recorded = [facts for facts in shown if facts["note"] == "recorded"]
        self.expect(len(recorded) == 1, "the page lacks the run that was recorded")
        for facts in shown:
            self._search(facts, result.architectures, whole=not result.multi_fidelity)

    def _scores(self) -> Scores:
        texts = self.table.texts[::-1]
        values = np.array([[made_up(text, 9)] for text in texts])
        return Scores(texts, ("made-up",), values, np.full_like(values, np.nan), space=self.space)

    def _genes(self, facts: Mapping[str, Any]) -> None:
        self.expect(facts["name"] == self.space.name, f"the page shows space {facts['name']}")
        shown = [(gene["name"], tuple(gene["choices"]), gene["ordered"]) for gene in facts["genes"]]
        wanted = [(gene.name, gene.texts, gene.ordered) for gene in self.space.genes]
        self.expect(shown == wanted, "the page shows other genes or choices")

    def _rows(self, facts: Mapping[str, Any], content: bytes) -> list[Architecture]:
        """Architectures of the page's rows, as the page itself makes them."""
        sizes = [len(gene) for gene in self.space.genes]
        if "numbers" in facts:
            numbers = _numbers(facts["numbers"], content, facts["count"])
            places = np.stack(np.unravel_index(numbers, sizes), axis=1)
        else:
            places = _numbers(facts["positions"], content, len(sizes) * facts["count"]).reshape(len(sizes), -1).T
        archs = [self.space.at(row) for row in places.tolist()]
        texts = facts.get("texts") or [arch.text for arch in archs]
        self.expect(texts == [arch.text for arch in archs], "texts on the page are those of other architectures")
        return archs

    def _table(self, facts: Mapping[str, Any], site: Mapping[str, bytes]) -> None:
        content = site[facts["file"]]
        archs = self._rows(facts["rows"], content)
        self.expect(
            archs == list(self.table.architectures), "rows of the page are other architectures than the table's"
        )
        self.expect(facts["space"] == self.space.key, f"the page says the table is of {facts['space']}")
        for shown, column in zip(facts["columns"], self.table.columns, strict=True):
            kind = "<u2" if shown["divisor"] else "<f8"
            values = np.frombuffer(content, kind, len(archs), shown["offset"]) / (shown["divisor"] or 1)
            held = ~np.isnan(column.mean)
            same = np.allclose(values[held], column.mean[held], atol=1e-9)
            self.expect(same, f"the page has other values of {column.name}")

    def _score(self, facts: Mapping[str, Any], scores: Scores, site: Mapping[str, bytes]) -> None:
        content = site[facts["file"]]
        archs = self._rows(facts["rows"], content)
        self.expect(
            [arch.text for arch in archs] == list(scores.codes), "scores of the page are of other architectures"
        )
        values = np.frombuffer(content, "<f4", len(archs), facts["columns"][0]["offset"])
        self.expect(np.allclose(values, scores.means[:, 0]), "the page has other scores")

    def _search(self, facts: Mapping[str, Any], found: Sequence[str], *, whole: bool) -> None:
        self.expect(
            facts["task"]["space"] == self.space.key, f"the page says the search is of {facts['task']['space']}"
        )
        self.expect(facts["traces"] or facts["note"], "the page has no runs of the search, and does not say why")
        column = self.table.column(DATASET, METRICS[1], "validation")
        for trace, best in zip(facts["traces"], found, strict=False):
            archs = [self.attempt(f"parse({text!r})", self.space.parse, text) for text in trace["architectures"]]
            if not whole:  # what was told rests on other epochs than the column
                self.expect(best in trace["architectures"], f"the best of a run, {best}, is not on the page")
                continue
            values = [column.mean[self.table.row(arch)] for arch in archs]
            self.expect(np.allclose(trace["values"], values, atol=1e-6), "the page has other values of a run")
            shown = archs[int(np.argmax(values))].text
            self.expect(shown == best, f"the page has the best of a run as {shown}, the result says {best}")


def _numbers(facts: Mapping[str, Any], content: bytes, count: int) -> npt.NDArray[np.int64]:
    return np.frombuffer(content, f"<{facts['type']}", count, facts["offset"]).astype(np.int64)
