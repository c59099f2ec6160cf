"""A site of small tables, served to one browser per test process."""

import threading

import numpy as np
import pytest

from robnas.benchmarks import Column, Scores, Table
from robnas.explorer import Server, build_site, read_searches
from robnas.search import Experiment, LocalSearch, RandomSearch, Repetitions, Task
from robnas.spaces import Architecture, partition

COUNT = 400


def seeded_table(name="bench", count=COUNT, seed=0, **settings):
    """One architecture per official class, two noisy seeds; accuracy grows with convolutions, one column has holes."""
    rng = np.random.default_rng(seed)
    members = partition("official").representatives()
    rows = np.array([members[place].index for place in rng.choice(len(members), count, replace=False)])
    codes = [Architecture.from_index(int(row)).code for row in rows]
    base = np.array([0.3 + 0.08 * code.count("3") + 0.04 * code.count("2") for code in codes])

    def runs(scale, shift):
        values = base[:, None] * scale + shift + rng.normal(0, 0.01, (count, 2))
        return np.round(np.clip(values, 0, 1) * 1024) / 1024  # means of two are exact

    holes = runs(0.5, 0)
    holes[::7] = np.nan
    holes[1, 0] = np.nan
    facts = {"images": 1024}
    columns = [
        Column("cifar10", "test", "clean", runs(1, 0.1), (1, 2), facts=facts),
        Column("cifar10", "test", "pgd@8/255", runs(0.6, 0), (1, 2), facts=facts),
        Column("cifar10", "validation", "clean", runs(1, 0.08), (1, 2), facts=facts),
        Column("cifar100", "test", "pgd@8/255", holes, (1, 2), facts=facts),
    ]
    published = np.random.default_rng(1).permutation(15625)
    return Table(name, rows, columns, partition="official", published=published, **settings)


def plain_table():
    """Without adversarial training: other ranks, one run, no noise known but that of the images."""
    rows = seeded_table().rows
    _, first = np.unique(partition("identical").class_of[rows], return_index=True)  # no network twice: no noise to see
    rows = rows[np.sort(first)]
    values = np.round(np.random.default_rng(5).uniform(0.4, 0.9, (len(rows), 1)) * 500) / 500
    column = Column("cifar10", "test", "clean", values, facts={"images": 500})
    return Table("plain", rows, [column], partition="official")


def some_scores(table):
    """One score that follows accuracy, one that is constant, one with a hole."""
    clean = table.columns[0].mean
    means = np.stack([clean**2, np.ones(COUNT), clean], axis=1)
    means[3, 2] = np.nan
    codes = tuple(arch.code for arch in table.architectures)
    errors = np.full_like(means, 0.01)
    return Scores(
        codes, ("follows", "constant", "holey"), means, errors, {(codes[3], "holey"): "it diverged"}, {"repeats": 2}
    )


def recorded(table, folder):
    """Two algorithms on one task, kept in a folder as the command does."""
    task = Task.named(table, "cifar10", "pgd@8/255", split="test")
    algorithms = {"random-search": RandomSearch(), "local-search": LocalSearch()}
    list(Experiment.of(algorithms, [task], Repetitions(30, 4)).run(out=folder / "results"))
    return folder


@pytest.fixture(scope="session")
def table():
    return seeded_table()


@pytest.fixture(scope="session")
def search_folder(table, tmp_path_factory):
    return recorded(table, tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="session")
def site(table, search_folder):
    tables = [("tables/bench.parquet", table), ("plain.parquet", plain_table())]
    return build_site(tables, [("scores.parquet", some_scores(table))], read_searches(search_folder, [table]))


@pytest.fixture(scope="session")
def serve():
    """Serves a site until the end of the session; gives its address."""
    running = []

    def start(site):
        server = Server(site)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        running.append(server)
        return server.url

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def url(site, serve):
    return serve(site)


class Visit:
    """A page, and everything that went wrong or out on it."""

    def __init__(self, context, url):
        self.page, self.base, self.problems = context.new_page(), url, []
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._request)

    def _request(self, request):
        if not request.url.startswith((self.base, "blob:")):
            self.problems.append(f"request to {request.url}")

    def open(self, hash_=""):
        self.page.goto(self.base + hash_)
        return self.wait()

    def wait(self, view=None):
        self.page.wait_for_selector(f'main[data-ready="{view}"]' if view else "main[data-ready]")
        return self.page


@pytest.fixture
def visit(browser, url):
    """`visit(url=…, **context)` opens pages; problems on any of them fail the test."""
    contexts, visits = [], []

    def start(base=url, **settings):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **settings}
        )
        contexts.append(context)
        visits.append(Visit(context, base))
        return visits[-1]

    yield start
    problems = [problem for one in visits for problem in one.problems]
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(visit):
    """The cell view of a wide screen."""
    return visit().open()
