"""Each "Adding…" of CONTRIBUTING.md, by its words, from a file outside of the package and through public commands."""

import json
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from robnas import _own
from robnas.benchmarks import load, read_scores
from robnas.cli import main
from robnas.records import RecordStore
from robnas.types import NORMS, Metric, ThreatModel
from tests.conftest import is_own, registries
from tests.explorer.conftest import Visit

pytestmark = pytest.mark.usefixtures("own_files")
ROOT = Path(__file__).parents[1]
TESTED = {
    "a space": "test_a_space",
    "an attack": "test_an_attack",
    "a norm": "test_a_norm",
    "an objective": "test_an_objective",
    "a data set": "test_a_data_set",
    "an executor": "test_an_executor",
    "a search algorithm": "test_a_search_algorithm",
    "a score of untrained networks": "test_a_score_and_a_proxy",
    "a proxy": "test_a_score_and_a_proxy",
    "a surrogate": "test_a_surrogate_and_a_design",
    "a design": "test_a_surrogate_and_a_design",
    "a view of the explorer": "test_a_view_of_the_explorer",
    "a recipe or suite": "test_a_recipe_and_a_suite",
}
PLAN = {
    "name": "mine",
    "seeds": [0],
    "space": '{kind = "list", architectures = ["323133"]}',
    "data": '{name = "digits", limit_train = 64}',
    "recipe": '{preset = "digits", epochs = 1}',
    "evaluation": '{splits = ["test"], images = {test = 20}, checks = false, attacks = [ATTACK]}',
}
FGSM = '{name = "fgsm", epsilon = 0.1}'


def test_every_addition_is_tried():
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## Adding…")[2]
    assert re.findall(r"^- \*\*(.*?)\*\*", text, re.MULTILINE) == list(TESTED)
    assert set(TESTED.values()) <= set(globals())


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run a command beside ``mine.py``; its answer, or the error that it ends with."""
    monkeypatch.chdir(tmp_path)

    def command(words, code=0):
        with pytest.raises(SystemExit) as stop:
            main(words if isinstance(words, list) else words.split())
        found = capsys.readouterr()
        assert stop.value.code == code, found.err
        return found.err if code else found.out

    return command


def mine(text):
    Path("mine.py").write_text(text)


def forget(own):
    """As another process, which has not imported the file."""
    _own._loaded.pop(own.path, None)
    for one in registries().values():
        for name in [name for name, value in one.items() if is_own(value)]:
            del one[name]


def built(command, attack=FGSM, **changes):
    """Records of a plan that imports ``mine.py``."""
    plan = PLAN | changes
    plan["evaluation"] = plan["evaluation"].replace("ATTACK", attack)
    lines = [f"{key} = {json.dumps(value) if key in ('name', 'seeds') else value}" for key, value in plan.items()]
    Path("plan.toml").write_text("\n".join(['imports = ["mine.py"]', *lines]))
    Path("inline.py").write_text(EXECUTOR)
    command("build plan.toml --store runs.db --executor inline --import inline.py")
    command("build export --store runs.db --out table.parquet")
    return {column.metric: float(column.mean[0]) for column in load("table.parquet").columns}


EXECUTOR = """
from robnas.building import EXECUTORS

class Inline:
    slots = 1

    def __init__(self, trainer):
        self.trainer, self.waiting = trainer, []
        trainer.prepare()

    def submit(self, trials):
        self.waiting += trials

    def wait(self, timeout):
        return [(trial, self.trainer(trial)) for trial in (self.waiting.pop(),)] if self.waiting else []

    def close(self):
        pass

EXECUTORS["inline"] = Inline
"""


def test_an_executor(command):
    mine("")
    assert set(built(command)) == {"clean", "fgsm@0.1"}
    assert "options of executor inline: expected those it takes, got TypeError (got an unexpected keyword" in command(
        "build plan.toml --store other.db --executor inline --import inline.py --jobs 2", 2
    )
    assert "--executor: expected one of local, ray, inline, got 'outline'" in command(
        "build plan.toml --store other.db --executor outline", 2
    )


ATTACK = """
from dataclasses import dataclass
import torch
from robnas.attacks import ATTACKS
from robnas.types import ThreatModel

@dataclass(frozen=True)
class Darken:
    threat: ThreatModel
    share: float = 1.0
    name = "darken"

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        return images - self.share * self.threat.epsilon

ATTACKS["darken"] = Darken
"""


def test_an_attack(command):
    mine(ATTACK)
    attack = '{name = "darken", epsilon = "32/255", share = 0.5}'
    assert set(built(command, attack)) == {"clean", "darken@32/255"}
    answer = json.loads(
        command("query 323133 --table table.parquet --dataset digits --split test --metric darken@32/255 --json")
    )
    assert 0 <= answer["value"] <= 1


NORM = """
import torch
from robnas.attacks import GEOMETRIES, Geometry
from robnas.types import NORMS

class Changed(Geometry):
    '''The share of the pixels that are changed, whatever by.'''

    def size(self, delta):
        return (delta != 0).flatten(1).float().mean(1).view(-1, 1, 1, 1)

    def random(self, images, epsilon, generator):
        return torch.zeros_like(images)

    def direction(self, gradient, centre, epsilon):
        return self.shrink(gradient, epsilon, centre).sign()

    def shrink(self, delta, epsilon, centre):
        flat = delta.flatten(1)
        kept = flat.abs().topk(int(epsilon * flat.shape[1]), dim=1).indices
        return torch.zeros_like(flat).scatter(1, kept, flat.gather(1, kept)).view_as(delta)

NORMS["changed"] = 1.0
GEOMETRIES["changed"] = Changed()
"""


def test_a_norm(command):
    mine(NORM)
    attack = '{name = "pgd", norm = "changed", epsilon = "0.1", steps = 3, step_size = 0.2}'
    recipe = PLAN["recipe"].replace("}", ', attack = {threat = {norm = "changed", epsilon = "0.05"}, step_size = 0.1}}')
    assert set(built(command, attack, recipe=recipe)) == {"clean", "pgd-changed@0.1"}
    words = "query 323133 --table table.parquet --dataset digits --split test --metric pgd-changed@0.1"
    assert 0 <= json.loads(command(f"{words} --import mine.py --json"))["value"] <= 1
    forget(_own.loaded()[0])
    forget(_own.loaded()[0])
    del NORMS["changed"]
    said = command(words.replace("table.parquet", "runs.db"), 2)
    assert (
        "in linf, l2, l1, got 'pgd-changed@0.1'; if it is your own, give its file with --import); else the sto" in said
    )
    Path("plan.toml").write_text(Path("plan.toml").read_text().replace('epsilon = "0.1"', 'epsilon = "1.5"'))
    assert "epsilon: expected at most 1 for changed, because" in command("build plan.toml --store runs.db --dry-run", 2)


def test_a_norm_with_a_geometry_is_known_to_metric_keys_and_threat_models(tmp_path):
    (tmp_path / "mine.py").write_text(NORM.replace('NORMS["changed"] = 1.0\n', ""))
    _own.load_file(tmp_path / "mine.py")
    assert Metric.parse("pgd:9-changed@0.5") == Metric("pgd", ThreatModel("changed", 0.5), "9")
    assert Metric("pgd", ThreatModel("changed", 3)).key == "pgd-changed@3"


OBJECTIVE = """
import torch.nn.functional as F
from robnas.training import OBJECTIVES, Outcome

@OBJECTIVES.register("smooth")
def smooth(network, images, labels, recipe, generator):
    noise = images.new_empty(images.shape).normal_(0, 0.1, generator=generator)
    return Outcome(F.cross_entropy(network(images + noise), labels, label_smoothing=0.1), None)
"""


def test_an_objective(command):
    mine(OBJECTIVE)
    built(command, recipe=PLAN["recipe"].replace("}", ', objective = "smooth"}'))


def test_a_training_goes_on_and_is_evaluated_with_the_file_it_began_with_only(command):
    mine(OBJECTIVE)
    words = "train 323133 --data digits --recipe digits --epochs 1 --limit-train 64 --out out --json"
    trained = json.loads(command(f"{words} --objective smooth --import mine.py"))
    assert trained["trial"]["recipe"]["objective"] == "smooth"
    own = _own.loaded()[0]
    mine(OBJECTIVE.replace("0.1", "0.2"))
    forget(own)
    evaluate = "evaluate out --split test --limit-test 4"
    assert f"expected mine.py with the content {own.hash}, got not imported; give it with --import mine.py" in command(
        evaluate, 2
    )
    for again in (evaluate, f"{words} --objective smooth"):  # of a training that is finished, or goes on
        said = command(f"{again} --import mine.py", 2)
        assert f"expected mine.py with the content {own.hash}, got content" in said
        forget(own)


def test_what_an_objective_or_data_set_returns_is_checked(command):
    mine(
        OBJECTIVE.replace("return Outcome(", "return (") + "from robnas.data import DATASETS\nDATASETS['none'] = int\n"
    )
    words = "train 323133 --recipe digits --epochs 1 --out out --import mine.py"
    assert "objective smooth: expected a robnas.training.Outcome, which has a loss, got (" in command(
        f"{words} --data digits --objective smooth", 2
    )
    assert "data set none: expected a function that returns a robnas.data.Dataset, got 0" in command(
        f"{words} --data none", 2
    )


DATASET = """
import torch
from robnas.data import DATASETS, Dataset, Images

def stripes(validation):
    '''Vertical and horizontal stripes of random phase.'''
    def images(count, seed):
        random = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % 4
        phase = torch.randint(0, 8, (count, 1, 1), generator=random)
        across, down = torch.arange(8).view(1, 1, 8), torch.arange(8).view(1, 8, 1)
        kind = labels.view(-1, 1, 1)
        lines = torch.where(kind % 2 == 0, across + phase, down + phase) // (1 + kind // 2)
        return Images(((lines % 2) * 200).to(torch.uint8).expand(count, 8, 8).unsqueeze(1).contiguous(), labels)
    splits = {"train": images(80, 0), "validation": images(int(80 * validation), 1), "test": images(40, 2)}
    return Dataset("stripes", 4, splits, (0.4,), (0.4,))

DATASETS["stripes"] = stripes
"""


def test_a_data_set(command):
    mine(DATASET)
    found = built(command, data='{name = "stripes", validation = 0.5}')
    assert set(found) == {"clean", "fgsm@0.1"}
    assert load("table.parquet").columns[0].dataset == "stripes"
    scored = command(
        "score 323133 --data stripes --channels 2 --cells 1 --images 8 --proxy nwot --import mine.py --json"
    )
    assert "nwot" in scored
    assert "data set: expected one of digits, " in command(
        "score 323133 --data strips --proxy nwot --import mine.py", 2
    )


ALGORITHM = """
from dataclasses import dataclass
from robnas.search import SEARCHERS, Loop

@dataclass(frozen=True)
class HillClimb:
    steps: int = 50
    name = "hill-climb"

    def start(self, space, rng):
        return Loop(self._steps(space, rng))

    def _steps(self, space, rng):
        here = space.random(rng)
        (value,) = yield here
        for _ in range(self.steps):
            there = space.mutate(here, rng)
            (found,) = yield there
            if found >= value:
                here, value = there, found

SEARCHERS["hill-climb"] = HillClimb
"""
SEARCH = """
imports = ["mine.py"]
table = "digits"
budget = 6
runs = 2

[[task]]
dataset = "digits"
metric = "clean"
split = "test"

[[algorithm]]
name = "hill-climb"
steps = 3
"""


def test_a_search_algorithm(command):
    mine(ALGORITHM)
    words = "search --dataset digits --metric clean --split test --budget 6 --runs 2 --json"
    once = json.loads(command(f"{words} --algorithm hill-climb --set steps=3 --import mine.py"))
    assert once["results"][0]["settings"] == {"steps": 3}
    assert "algorithm: expected one of random-search, " in command(f"{words} --algorithm hill-clim", 2)
    Path("search.toml").write_text(SEARCH)
    listed = json.loads(command("search --config search.toml --json --jobs 2"))
    assert listed["summary"] == once["summary"]


SCORE = """
from robnas.kernels import SCORES
from robnas.proxies import PROXIES, UndefinedScoreError

class Classes:
    attacks = 0

    def __call__(self, probe):
        return float(probe.labels.max())

SCORES["classes"] = Classes()

def depth(probe):
    '''Modules of the network. No paper.'''
    return float(len(list(probe.network.modules())))

def never(probe):
    raise UndefinedScoreError("it is never defined")

PROXIES["depth"] = depth
PROXIES["never"] = never
"""


def test_a_score_that_replaces_another_is_the_one_that_counts(command):
    mine(
        SCORE.replace('SCORES["classes"] = Classes()', 'SCORES.register("ntk-clean-trace", Classes(), overwrite=True)')
    )
    words = "score 323133 --data digits --channels 2 --cells 1 --images 20 --proxy ntk-clean-trace --json"
    found = json.loads(command(f"{words} --import mine.py"))
    assert found["scores"]["323133"]["ntk-clean-trace"]["mean"] == 9.0


@pytest.mark.parametrize("name", ["all", "cheap", "trained"])
def test_a_proxy_is_not_called_like_a_group(command, name):
    mine(f"from robnas.proxies import PROXIES\nPROXIES[{name!r}] = len\n")
    said = command("info 323133 --import mine.py", 2)
    assert f"proxy name: expected other than all, cheap, trained, which are groups, got '{name}'" in said


def test_a_score_and_a_proxy(command):
    mine(SCORE)
    words = "score 323133 444444 --data digits --channels 2 --cells 1 --images 20 --import mine.py"
    alone = json.loads(command(f"{words} --proxy depth,classes,never --json"))["scores"]
    assert alone["323133"]["classes"]["mean"] == 9.0
    assert alone["323133"]["depth"]["mean"] > 10
    assert alone["323133"]["never"]["reason"] == "it is never defined"
    command(f"{words} --proxy depth,classes,never --jobs 2 --out scores.parquet")
    assert read_scores(Path("scores.parquet")).settings["imports"] == _own.facts()
    mine(SCORE + "# changed\n")
    forget(_own.loaded()[0])
    assert "imports" in command(f"{words} --proxy depth,classes,never --out scores.parquet", 2)


SURROGATE = """
import numpy as np
from robnas.surrogates import DESIGNS, SURROGATES, Prediction

class Nearest:
    def fit(self, rows, values, noise, *, groups, pool, seed):
        return Fitted(rows, values)

class Fitted:
    def __init__(self, rows, values):
        self.rows, self.values = rows, values

    def predict(self, rows, level):
        distances = np.abs(rows[:, None] - self.rows[None]).sum(2)
        mean, sd = self.values[distances.argmin(1)], np.full(len(rows), self.values.std())
        return Prediction(mean, sd, mean - 2 * sd, mean + 2 * sd, level)

class Last:
    def choose(self, ground, candidates, count, *, taken, predicted, focus, rng):
        return [int(place) for place in candidates[-count:]]

SURROGATES["nearest"] = Nearest()
DESIGNS["last"] = Last()
"""


def test_a_surrogate_and_a_design(command):
    mine(SURROGATE)
    where = "--dataset digits --metric clean --split test --import mine.py"
    chosen = f"{where} --model nearest --json"
    found = json.loads(command(f"surrogate assess digits {chosen} --design last --train 40 --splits 1"))
    assert (found["model"], found["design"]) == ("nearest", "last")
    assert found["mae"] > 0
    assert "one of random, spread, active, last" in command(f"surrogate assess digits {where} --design las", 2)
    built(command, space='{kind = "sample", count = 12, seed = 1, channels = 2, cells = 1}')
    words = "build plan.toml --store chosen.db --executor inline --import inline.py --design last --budget 6"
    assert json.loads(command(f"{words} --json"))["done"] == 6
    assert "last" in command("build status --store chosen.db --import mine.py")
    with RecordStore("sqlite:///chosen.db") as store:
        trained = {record.architecture.text for record in store.records()}
    assert len(trained) == 6
    assert trained <= set(load("table.parquet").texts)
    told = json.loads(command(f"complete chosen.db --out completed.parquet {chosen}"))
    assert told["columns"][0]["model"] == "nearest"
    assert told["columns"][0]["measured"] == 6


RECIPE = """
from robnas.evaluation import SUITES, Suite
from robnas.attacks import FGSM
from robnas.training import RECIPES, Recipe
from robnas.types import ThreatModel

def quick():
    return Recipe.digits().replace(name="quick", epochs=1)

def weak():
    return Suite("weak", (FGSM(ThreatModel.linf("4/255")),), checks=False)

RECIPES["quick"] = quick
SUITES["weak"] = weak
"""


def test_a_recipe_and_a_suite(command):
    mine(RECIPE)
    evaluation = '{splits = ["test"], images = {test = 20}, suite = "weak"}'
    assert set(built(command, recipe='{preset = "quick"}', evaluation=evaluation)) == {"clean", "fgsm@4/255"}
    command("train 323133 --data digits --recipe quick --limit-train 64 --out out --import mine.py")
    command("evaluate out --suite weak --split test --limit-test 10 --import mine.py")
    assert (
        "suite: expected one of nas-robbench-201, digits, few-classes, corruptions, corruptions-19, weak, "
        "got 'wea'; did you mean weak?" in command("evaluate out --suite wea --split test --import mine.py", 2)
    )


SPACE = """
import torch.nn as nn
from robnas.spaces import SPACES, Gene, Space

def build(genes, *, in_channels, num_classes, image_size):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, num_classes))

space = Space("tiny", genes=(Gene("depth", (1, 2, 3)), Gene("width", (4, 8), ordered=True)), build=build)
SPACES["tiny"] = space
"""


def test_a_space(command):
    mine(SPACE)
    command("info 323133 --import mine.py")
    from robnas.spaces import SPACES

    assert SPACES["tiny"].size == 6
    assert SPACES["tiny"].parse("depth=2,width=8").text == "depth=2,width=8"


VIEW = """
import { h } from "./dom.js";

export function mineView(data) {
  const text = h("p", {});
  return {
    element: h("section", { class: "card" }, h("h1", {}, "Mine"), text),
    title: () => "Mine",
    update: () => { text.textContent = `${data.tables.length} table`; },
  };
}
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing."""


def test_a_view_of_the_explorer(command, tmp_path, browser):
    command("explore digits --export site")
    Path("site/app/mine.js").write_text(VIEW)
    main_js = Path("site/app/main.js")
    line = '  ["mine", "Mine", async () => (await import("./mine.js")).mineView],\n];\nconst main'
    main_js.write_text(main_js.read_text().replace("];\nconst main", line, 1))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "site")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with browser.new_context() as context:
                visit = Visit(context, f"http://127.0.0.1:{server.server_port}/")
                page = visit.open("#/mine")
                assert page.inner_text("main") == "Mine\n\n1 table"
                assert page.title() == "Mine · robnas explorer"
                assert visit.problems == []
        finally:
            server.shutdown()
