"""The check of spaces finds what is wrong with one, and says it in one line."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from robnas.spaces import SPACES, Gene, Space
from robnas.testing import check_explorer_data, check_plan, check_space, check_store, check_table, check_trace
from tests.testing.spaces import ODD, build

GENES = (Gene("a", (1, 2, 3)), Gene("b", (0, 1)))


class Faulty(Space):
    """A space that breaks the promise which `fault` names."""

    def __init__(self, fault=""):
        super().__init__("faulty", genes=GENES)
        self.fault = fault

    def at(self, positions):
        return super().at([0, 0] if self.fault == "at" else positions)

    def positions(self, arch):
        return super().positions(arch)[:: -1 if self.fault == "positions" else 1]

    def reads(self, text):
        return self.fault != "reads" and super().reads(text)

    def index_of(self, arch):
        return super().index_of(arch) + (self.fault == "index")

    def neighbours(self, arch):
        near = super().neighbours(arch)
        return {"self": (*near, arch), "few": near[:-1]}.get(self.fault, near)

    def random(self, rng):
        return super().random(np.random.default_rng() if self.fault == "unseeded" else rng)

    def mutate(self, arch, rng):
        if self.fault == "global":
            np.random.random()  # noqa: NPY002
        return arch if self.fault == "mutate" else super().mutate(arch, rng)

    def crossover(self, first, second, rng):
        return self.from_index(3) if self.fault == "crossover" else super().crossover(first, second, rng)

    @property
    def encodings(self):
        return {"own": {"nan": self._nan, "centred": self._centred}.get(self.fault, self._one_hot)}

    def _nan(self, archs):
        return self._one_hot(archs) * np.nan

    def _centred(self, archs):
        return self._one_hot(archs) - self._one_hot(archs).mean(axis=0)

    @property
    def settings(self):
        return {"sizes": {3}} if self.fault == "settings" else {}

    def parse(self, given):
        if self.fault == "gullible" and isinstance(given, str):
            return super().parse(given if super().reads(given) else self.example)
        return super().parse(given)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("at", "iteration is not in the order of index_of"),
        ("positions", "raises|iteration"),
        ("reads", r"reads\('a=1,b=0'\) is false of its own text"),
        ("index", "iteration is not in the order of index_of"),
        ("self", "neighbours(.*) has .*, which differs in 0 genes"),
        ("few", "neighbours(.*) are 2, but 3 differ in one gene"),
        ("unseeded", "random.. gives others though its generator is the same"),
        ("global", "drawing moves the global random state"),
        ("mutate", "mutate(.*) gives .*, which is no neighbour"),
        ("crossover", "crossover.* gives a=2,b=1, a gene of which neither has"),
        ("nan", "encoding own has numbers that are not finite"),
        ("centred", "encoding own of an architecture depends on the others that are encoded with it"),
        ("settings", "cannot be registered: settings of space faulty: expected numbers, truth values or words"),
        ("gullible", "parse(.*) has to raise robnas.errors.InputError, and gives"),
    ],
)
def test_a_fault_of_a_space_is_named(fault, text):
    with pytest.raises(AssertionError, match=rf"^space faulty: .*{text}") as raised:
        check_space(Faulty(fault))
    assert "\n" not in str(raised.value)


def test_a_space_without_faults_passes_and_is_registered_for_the_time_of_the_check_only():
    check_space(Faulty())
    assert "faulty" not in SPACES


class Sized(Space):
    """A space with settings, which `configure` may forget."""

    def __init__(self, rate=0.5, deep=False, *, forgetful=False):
        super().__init__("sized", genes=GENES)
        self.rate, self.deep, self.forgetful = rate, deep, forgetful

    @property
    def settings(self):
        return {"rate": self.rate, "deep": self.deep}

    def configure(self, **settings):
        self._check_settings(settings)
        given = {} if self.forgetful else {**self.settings, **settings}
        return Sized(**given, forgetful=self.forgetful)


def test_settings_of_any_kind_are_read_back_from_keys_and_files():
    check_space(Sized(0.25, True))
    with pytest.raises(
        AssertionError, match=r"^space sized: cannot be registered: settings of space sized: .* read back from its key"
    ):
        check_space(Sized(0.25, True, forgetful=True))


class Module(nn.Module):
    """A network that breaks the promise which `fault` names."""

    def __init__(self, fault, shape, classes):
        super().__init__()
        self.fault = fault
        self.layer = nn.Linear(int(np.prod(shape)), classes + (fault == "classes"))
        if fault == "unseeded":
            generator = torch.Generator()
            generator.seed()
            nn.init.normal_(self.layer.weight, generator=generator)
        if fault == "constant":
            nn.init.normal_(self.layer.weight, generator=torch.Generator().manual_seed(0))
            nn.init.zeros_(self.layer.bias)
        self.hidden = torch.rand(())

    def forward(self, pixels):
        if self.fault == "in-place":
            pixels.data.mul_(2)
        found = self.layer(pixels.flatten(1))
        if self.fault == "batch":
            found = found - found.mean(dim=0)
        if self.fault == "detached":
            found = found.detach()
        if self.fault == "infinite":
            found = found / 0
        return found + self.hidden if self.fault == "hidden" else found


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("classes", "gives (3, 11) for 3 images, not logits of shape (3, 10)"),
        ("unseeded", "two builds of width=2 with one seed have different weights"),
        ("constant", "the weights of width=2 do not depend on the seed"),
        ("in-place", "changes the pixels that it is given"),
        ("batch", "the logits of width=2 for an image depend on the others of its batch"),
        ("detached", "the logits of width=2 have no gradient"),
        ("infinite", "gives logits that are not finite"),
        ("hidden", "the state of width=2 in a checkpoint is not all of it"),
        ("raises", "raises"),
        ("none", "expected to return a torch.nn.Module"),
    ],
)
def test_a_fault_of_a_network_is_named(fault, text):
    space = Space("faulty", genes=[Gene("width", (2,))], build=Builder(fault))
    with pytest.raises(AssertionError, match=rf"^space faulty: .*{re.escape(text)}") as raised:
        check_space(space)
    assert "\n" not in str(raised.value)


class Builder:
    def __init__(self, fault):
        self.fault = fault

    def __call__(self, genes, *, in_channels, num_classes, image_size):
        if self.fault == "raises":
            raise ValueError("no")
        return 3 if self.fault == "none" else Module(self.fault, (in_channels, image_size, image_size), num_classes)


def test_networks_without_faults_pass():
    check_space(Space("fine", genes=[Gene("width", (2,))], build=Builder("")))


def test_a_build_that_other_processes_cannot_find_is_named():
    space = Space("local", genes=GENES, build=partial(lambda genes, **sizes: build(genes, **sizes)))
    with pytest.raises(AssertionError, match=r"^space local: pickle \(its build has to be a function of a module"):
        check_space(space)


@pytest.mark.parametrize("check", [check_table, check_store, check_plan, check_explorer_data])
def test_a_space_that_takes_any_text_for_its_first_architecture_is_found(check, tmp_path):
    with pytest.raises(AssertionError, match=r"^\w[\w ]+ of space mute: ") as raised:
        check(Mute("mute", genes=GENES), tmp_path)
    assert "\n" not in str(raised.value)


class Mute(Space):
    """Reads nothing."""

    def parse(self, given):
        return self.at([0, 0]) if isinstance(given, str) else super().parse(given)


def test_what_is_no_space_is_named():
    with pytest.raises(AssertionError, match=r"is no robnas.spaces.Space$"):
        check_space("odd")


def test_an_algorithm_whose_runs_differ_is_found():
    from tests.testing.test_check_algorithm import Wrong

    with pytest.raises(AssertionError, match=r"^wrong on space odd: asks other questions when it runs again"):
        check_trace(ODD, Wrong("unseeded"))
