import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import Gene


@pytest.mark.parametrize(
    ("choices", "texts"),
    [
        (("relu", "gelu"), ("relu", "gelu")),
        ((1, 2.5, -3, 1e-9), ("1", "2.5", "-3", "1e-09")),
        ((True, False), ("true", "false")),
        (("true", True, "null", None), ('"true"', "true", '"null"', "null")),
        (("1", 1, "nan", "1e3"), ('"1"', "1", '"nan"', '"1e3"')),
        (
            ("a,b", "a=b", "", " ", 'say "x"', "größe"),
            ('"a,b"', '"a=b"', '""', '" "', '"say \\"x\\""', '"gr\\u00f6\\u00dfe"'),
        ),
        ((np.int64(4), np.float32(0.5)), ("4", "0.5")),
    ],
)
def test_choices_are_written_so_that_they_differ(choices, texts):
    gene = Gene("g", choices)
    assert gene.texts == texts
    assert [gene.position(choice) for choice in choices] == list(range(len(choices)))
    assert len(gene) == len(choices)


def test_a_list_of_choices_will_do_and_the_gene_can_be_hashed():
    assert Gene("g", [1, 2]) == Gene("g", (1, 2))
    assert len({Gene("g", [1, 2]), Gene("g", (1, 2)), Gene("g", (1, 2), ordered=True)}) == 2


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("g", (), "choices of gene g: expected at least one, got none"),
        ("g", (1, 2, 1), "choices of gene g: expected each once, got 1"),
        ("g", (0, 0.0), "choices of gene g: expected each once, got 0.0"),
        ("g", (1, True), "choices of gene g: expected each once, got True"),
        ("g", (float("nan"),), "choices of gene g: expected texts, finite numbers, truth values or None, got nan"),
        ("g", (float("inf"),), "choices of gene g: expected texts, finite numbers, truth values or None, got inf"),
        (
            "g",
            ((1, 2), (3, 4)),
            r"choices of gene g: expected texts, finite numbers, truth values or None, got \(1, 2\)",
        ),
        ("g", "abc", "choices of gene g: expected a tuple of values, got 'abc'"),
        ("g", 3, "choices of gene g: expected a tuple of values, got 3"),
        ("two words", (1,), "gene name: expected an identifier, such as width, got 'two words'"),
        ("", (1,), "gene name: expected an identifier"),
        (3, (1,), "gene name: expected an identifier"),
    ],
)
def test_what_is_no_gene_is_refused(name, choices, message):
    with pytest.raises(InputError, match=message):
        Gene(name, choices)


@pytest.mark.parametrize("value", [3, "1", None, True, [1], float("nan")])
def test_a_value_that_is_no_choice_is_refused(value):
    with pytest.raises(InputError, match="gene width: expected one of 1, 2, got"):
        Gene("width", (1, 2)).position(value)
