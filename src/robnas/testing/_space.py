"""What every search space promises, whatever its genes."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from robnas.errors import shorten
from robnas.spaces import MOST_LISTED, SPACES, Architecture, Space, parse_key, space_of
from robnas.testing._examiner import Examiner, global_state, registered, some, stranger

_LONGEST = 2_000  # characters of a text that files and commands take


def check_space(space: Space, *, count: int = 20, networks: int = 2, image_size: int = 16, seed: int = 0) -> None:
    """Whether a space does what `robnas.spaces.Space` promises.

    Texts, numbers and pickles lead back to the architecture; neighbours, mutants, children and samples are of the
    space, decided by their generator alone; encodings are matrices of finite numbers; name and settings identify the
    space; what is of another space is refused. Networks, where the space builds any, see `check_networks`.

    Args:
        space: registered or not.
        count: architectures that are tried, all where the space has no more.
        networks: how many of them are built; 0 for none.
        image_size: height and width of their images.
        seed: of what is drawn.

    Raises:
        AssertionError: it does not; the line says what has to be mended.
    """
    if not isinstance(space, Space):
        raise AssertionError(f"{space!r:.60} is no robnas.spaces.Space")
    with registered(space):
        archs = _Check(space, seed).all(count)
        if networks and builds(space):
            from robnas.testing._networks import check_networks

            check_networks(space, archs, count=networks, image_size=image_size, seed=seed)


def builds(space: Space) -> bool:
    """Whether anything makes networks of its architectures."""
    if space.build is not None:
        return True
    from robnas.networks import BUILDERS

    return space.name in BUILDERS


def _copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # of our own


@final
class _Check(Examiner):
    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(f"space {space.name}")
        self.space, self.seed = space, seed

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def all(self, count: int) -> list[Architecture]:
        self._identity()
        self._numbers()
        archs = self.attempt("sample", some, self.space, count, self.seed)
        for arch in archs:
            self._value(arch)
            self._texts(arch)
            self._number(arch)
            self._neighbours(arch)
        self.expect(len({arch.text for arch in archs}) == len(archs), "two architectures have one text")
        self.expect(len(set(archs)) == len(archs), "two architectures are equal")
        turned = list(reversed(archs))
        ordered = self.attempt("sorted(architectures)", sorted, archs)
        self.expect(ordered == sorted(turned), "the order of architectures depends on where they stood before")
        self._strangers()
        self._drawing(archs)
        self._encodings(archs)
        self._partitions()
        self._pictures(archs)
        return archs

    # what it is

    def _identity(self) -> None:
        space = self.space
        self.expect(space.genes, "has no genes")
        self.expect(space == space and hash(space) == hash(space), "does not equal itself")
        facts = self.attempt("json.dumps(to_dict())", lambda: json.loads(json.dumps(space.to_dict())))
        self.expect(facts.pop("name", None) == space.name, "to_dict() does not say its name")
        key = self.attempt("parse_key(key)", parse_key, space.key)
        self.expect(key["name"] == space.name, f"key {space.key} does not begin with its name")
        again = {
            "settings": self.attempt("configure() with settings", space.configure, **space.settings),
            "to_dict()": self.attempt("configure() with to_dict()", space.configure, **facts),
            "key": self.attempt(f"space_of({key})", space_of, key),
        }
        for what, found in again.items():
            same = found == space and found.key == space.key and found.to_dict() == space.to_dict()
            self.expect(same, f"its own {what} give another space, {found.key}")
            self.expect(found.fingerprint == space.fingerprint, "fingerprint changes though the genes do not")
        self.refused("configure(no_such_setting=1)", space.configure, no_such_setting=1)
        chosen = self.attempt("for_recipe()", space.for_recipe, "no-such-recipe")
        self.expect(isinstance(chosen, Space) and chosen.name == space.name, "for_recipe() gives another space")
        remedy = "its build has to be a function of a module or a file, so that other processes find it"
        copied = self.attempt(f"pickle ({remedy})", _copied, space)
        self.expect(copied == space, "is another one when it comes out of a pickle")

    def _numbers(self) -> None:
        space, size = self.space, self.space.size
        combinations = math.prod(len(gene) for gene in space.genes)
        self.expect(size in (None, combinations), f"size is {size}, but its genes have {combinations} combinations")
        self.expect(space.listable == (size is not None and size <= MOST_LISTED), "listable does not fit its size")
        if space.numbered:
            self.expect(size is not None, "numbered is True, but nothing that has no end has numbers")
        if not space.listable:
            self.refused("check_listable()", space.check_listable, "all of it")
        if size is None:
            self.refused("index_of()", space.index_of, space.random(self.rng()))
            return
        wrong: Any
        for wrong in (-1, size, 0.5):
            self.refused(f"from_index({wrong})", space.from_index, wrong)
        first = self.attempt("iteration", lambda: [arch for arch, _ in zip(space, range(50), strict=False)])
        numbers = [space.index_of(arch) for arch in first]
        self.expect(numbers == list(range(len(first))), "iteration is not in the order of index_of()")
        self.expect(space.index_of(space.from_index(size - 1)) == size - 1, "the last number does not lead back")

    # an architecture

    def _value(self, arch: Architecture) -> None:
        space, genes = self.space, self.space.genes
        self.expect(isinstance(arch, Architecture), f"gives {arch!r:.60}, which is no robnas.spaces.Architecture")
        self.expect(arch.space == space.name, f"gives {arch}, whose space is {arch.space}")
        self.expect(arch in space, f"`{arch} in space` is false of what it gives itself")
        names = [gene.name for gene in genes]
        self.expect(list(arch.genes) == names, f"genes of {arch} are {list(arch.genes)}, not {names}")
        for gene in genes:
            self.attempt(f"gene {gene.name} of {arch}", gene.position, arch.genes[gene.name])
        again = self.attempt(f"pickle of {arch}", _copied, arch)
        self.expect(again == arch and hash(again) == hash(arch), f"{arch} is another one when it leaves a pickle")
        self.expect(again.text == arch.text and again.genes == arch.genes, f"a pickle changes text or genes of {arch}")
        try:
            arch.text = "other"  # type: ignore[misc]
        except (AttributeError, TypeError):
            return
        self.fail(f"the text of {arch} can be set, but an architecture is a frozen value")

    def _texts(self, arch: Architecture) -> None:
        space, text = self.space, arch.text
        self.expect(isinstance(text, str) and text == str(arch), f"text of {arch!r:.60} is not what str() gives")
        plain = 0 < len(text) <= _LONGEST and text.isprintable() and text == text.strip()
        self.expect(plain, f"text {shorten(text)} is no single line of at most {_LONGEST:,} printable characters")
        self.expect(space.reads(text), f"reads({text!r}) is false of its own text")
        named = {"its text": text, "itself": arch, "its genes": dict(arch.genes), "text with spaces": f" {text} "}
        named |= space.spellings(arch)
        for form, given in named.items():
            found = self.attempt(f"parse() of {arch} by {form}", space.parse, given)
            self.expect(found == arch and found.text == text, f"parse() of {arch} by {form} gives {found}")

    def _number(self, arch: Architecture) -> None:
        space = self.space
        places = self.attempt(f"positions({arch})", space.positions, arch)
        wanted = tuple(gene.position(arch.genes[gene.name]) for gene in space.genes)
        self.expect(tuple(places) == wanted, f"positions({arch}) are {tuple(places)}, its genes stand at {wanted}")
        found = self.attempt(f"at({places})", space.at, places)
        self.expect(found == arch, f"at({tuple(places)}) gives {found}, not {arch}")
        if space.size is not None:
            index = self.attempt(f"index_of({arch})", space.index_of, arch)
            self.expect(0 <= index < space.size, f"index_of({arch}) is {index}, outside 0 … {space.size - 1}")
            found = self.attempt(f"from_index({index})", space.from_index, index)
            self.expect(found == arch, f"from_index({index}) gives {found}, but index_of({arch}) is that number")

    def _neighbours(self, arch: Architecture) -> None:
        space, here = self.space, self.space.positions(arch)
        near = self.attempt(f"neighbours({arch})", lambda: list(space.neighbours(arch)))
        for other in near:
            self.expect(other in space, f"neighbours({arch}) has {other}, which is not in the space")
            differ = sum(a != b for a, b in zip(here, space.positions(other), strict=True))
            self.expect(differ == 1, f"neighbours({arch}) has {other}, which differs in {differ} genes")
        wanted = sum(len(gene) - 1 for gene in space.genes)
        self.expect(len(set(near)) == len(near), f"neighbours({arch}) has one of them twice")
        self.expect(len(near) == wanted, f"neighbours({arch}) are {len(near)}, but {wanted} differ in one gene")
        if near:
            self.expect(arch in space.neighbours(near[0]), f"{arch} is no neighbour of its neighbour {near[0]}")

    def _strangers(self) -> None:
        space = self.space
        other = stranger(space)
        for given in ("", "no architecture", 3, None, {}, {"no_such_gene": 1}, b"x"):
            if not (isinstance(given, str) and given and space.reads(given)):
                self.refused(f"parse({given!r})", space.parse, given)
        for wrong in (other, other.text):
            if isinstance(wrong, str) and space.reads(wrong):
                continue
            line = self.refused(f"parse({wrong!s}) of {other.space}", space.parse, wrong)
            belongs = (
                f"parse() of what is of space {other.space} has to say `belongs to {other.space}`, and says: {line}"
            )
            self.expect(f"belongs to {other.space}" in line, belongs)
        self.expect(other not in space, f"`in` is true of {other}, which is of space {other.space}")
        self.expect("text" not in space and None not in space, "`in` is true of what is no architecture")

    # drawing and changing

    def _drawing(self, archs: Sequence[Architecture]) -> None:
        space, first, last = self.space, archs[0], archs[-1]
        near = {arch: {*space.neighbours(arch)} or {arch} for arch in archs}
        before = global_state()
        acts: dict[str, Callable[[np.random.Generator], list[Architecture]]] = {
            "random": lambda rng: [space.random(rng) for _ in range(20)],
            "sample": lambda rng: list(space.sample(rng, len(archs))),
            "mutate": lambda rng: [space.mutate(arch, rng) for arch in archs],
            "crossover": lambda rng: [space.crossover(first, last, rng) for _ in range(20)],
        }
        found = {what: self.attempt(f"{what}()", act, self.rng()) for what, act in acts.items()}
        for what, act in acts.items():
            self.expect(act(self.rng()) == found[what], f"{what}() gives others though its generator is the same")
            wrong = [arch for arch in found[what] if arch not in space]
            self.expect(not wrong, f"{what}() gives {wrong[:1]}, which is not in the space")
        self.expect(global_state() == before, "drawing moves the global random state; use the generator that is given")
        self.expect(len(set(found["sample"])) == len(archs), "sample() gives one twice, or not as many as were asked")
        self.expect(space.sample(self.rng(), 0) == [], "sample() of 0 gives some")
        if space.size is not None and space.size < 10**9:
            self.refused("sample() of more than there are", space.sample, self.rng(), space.size + 1)
        for arch, mutant in zip(archs, found["mutate"], strict=True):
            self.expect(mutant in near[arch], f"mutate({arch}) gives {mutant}, which is no neighbour")
        if len(archs) > 1 and space.size != 1:
            self.expect(len(set(found["random"])) > 1, "random() gives always the same")
        pairs = list(zip(space.positions(first), space.positions(last), strict=True))
        for child in found["crossover"]:
            inherited = all(place in pair for place, pair in zip(space.positions(child), pairs, strict=True))
            self.expect(inherited, f"crossover({first}, {last}) gives {child}, a gene of which neither has")

    # vectors, classes, pictures

    def _encodings(self, archs: Sequence[Architecture]) -> None:
        space = self.space
        self.expect(len(space.encodings) > 0, "has no encodings, which predictors need")
        places = self.attempt("position_array()", space.position_array, archs)
        wanted = [list(space.positions(arch)) for arch in archs]
        self.expect(np.asarray(places).tolist() == wanted, "position_array() does not have the rows of positions()")
        for name in space.encodings:
            found = self.attempt(f"encode() by {name}", space.encode, archs, name)
            matrix = isinstance(found, np.ndarray) and found.ndim == 2 and found.dtype == np.float64
            self.expect(matrix, f"encoding {name} is no matrix of 64-bit floats")
            self.expect(len(found) == len(archs), f"encoding {name} has {len(found)} rows for {len(archs)}")
            self.expect(np.isfinite(found).all(), f"encoding {name} has numbers that are not finite")
            alone = space.encode(archs[-1:], name)
            same = alone.shape == (1, found.shape[1]) and np.array_equal(alone[0], found[-1])
            self.expect(same, f"encoding {name} of an architecture depends on the others that are encoded with it")
            empty = self.attempt(f"encode([]) by {name}", space.encode, [], name)
            self.expect(empty.shape == (0, found.shape[1]), f"encode([]) by {name} has not shape (0, features)")
        self.refused("encode() by no such encoding", space.encode, archs, "no such encoding")

    def _partitions(self) -> None:
        space = self.space
        self.refused("partition('no such partition')", space.partition, "no such partition")
        for name in space.partitions:
            size = self.attempt(f"partition {name}", space.check_listable, "a partition")
            found = self.attempt(f"partition {name}", space.partition, name)
            self.expect(np.shape(found.class_of) == (size,), f"partition {name} has not one class for each of {size}")
            classes = np.unique(found.class_of)
            self.expect(classes.tolist() == list(range(found.count)), f"classes of partition {name} have gaps")
            facts = {"name": space.name, **space.partition_facts(name)}
            again = self.attempt(f"partition_of({facts})", space.partition_of, facts)
            self.expect(
                again == space.versioned(name), f"partition_of() does not read what partition_facts({name}) say"
            )

    def _pictures(self, archs: Sequence[Architecture]) -> None:
        space = self.space
        for arch in archs[:3]:
            drawn = self.attempt(f"draw({arch})", space.draw, arch)
            self.expect(isinstance(drawn, str) and drawn.strip(), f"draw({arch}) draws nothing")
            if space.families:
                family = self.attempt(f"family({arch})", space.family, arch)
                self.expect(family in range(len(space.families)), f"family({arch}) is {family}, no place in families")
        if not space.families:
            self.refused("family() without families", space.family, archs[0])
        self.expect(space.name in SPACES, "cannot be registered under its name")
