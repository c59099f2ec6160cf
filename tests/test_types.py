import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robnas.errors import InputError, shorten
from robnas.types import NORMS, Metric, ThreatModel, check_range, check_split, format_epsilon, parse_epsilon


@pytest.mark.parametrize(
    ("value", "text"),
    [("8/255", "8/255"), (8 / 255, "8/255"), (8 * (1 / 255), "8/255"), (0, "0"), (1, "1"), ("0.5", "0.5"),
     (2.5 * (8 / 255) / 20, "1/255"), ("1/7", "0.14285714285714285"), (1e-6, "1e-06"), ("510/255", "2")],
)  # fmt: skip
def test_epsilon_is_written_in_grey_levels_and_read_back_exactly(value, text):
    assert format_epsilon(parse_epsilon(value)) == text
    assert parse_epsilon(text) == parse_epsilon(value)


@pytest.mark.parametrize(
    "key",
    ["clean", "fgsm@3/255", "pgd@8/255", "pgd-l2@0.5", "autoattack@8/255", "pgd-l1@12", "pgd:100@8/255",
     "pgd:100-l1@12", "mi_fgsm:a.1@1"],
)  # fmt: skip
def test_metric_keys_round_trip(key):
    assert Metric.parse(key).key == key


@given(
    attack=st.from_regex(r"[a-z][a-z0-9_.]{0,9}", fullmatch=True).filter(lambda name: name != "clean"),
    label=st.just("") | st.from_regex(r"[a-z0-9.]{1,9}", fullmatch=True),
    norm=st.sampled_from(list(NORMS)),
    epsilon=st.integers(0, 255).map(lambda levels: levels / 255) | st.floats(0, 1),
)
def test_every_metric_that_can_be_made_is_read_back_as_it_is(attack, label, norm, epsilon):
    metric = Metric(attack, ThreatModel(norm, epsilon), label)
    assert Metric.parse(metric.key) == metric


@given(key=st.text(st.sampled_from("apgdlinf-:@/0128. _")))
def test_no_two_keys_mean_one_metric_up_to_the_spelling_of_epsilon(key):
    try:
        metric = Metric.parse(key)
    except InputError:
        return
    assert metric.key.partition("@")[0] == key.partition("@")[0]


LINF = ThreatModel.linf("8/255")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x-l2", LINF), "attack name: expected a letter a to z, then .* got 'x-l2'"),
        (("mi-fgsm", LINF), "attack name"),
        (("pgd:100", LINF), "attack name"),
        (("pgd@1", LINF), "attack name"),
        (("clean", LINF), r"attack name: .* \(not clean\)"),
        (("", LINF), "attack name"),
        (("PGD", LINF), "attack name"),
        (("pgd\n", LINF), "attack name"),
        ((None, LINF), "attack name"),
        (("pgd", LINF, "A"), "attack label: expected letters a to z, digits and dots, or nothing, got 'A'"),
        (("pgd", LINF, "a-l2"), "attack label"),
        (("pgd", LINF, "1\n"), "attack label"),
        (("pgd", LINF, 100), "attack label: .* got 100"),
        (("pgd", None), "metric: expected clean, or an attack with a threat model, got 'pgd'"),
        (("clean", None, "1"), "metric: expected clean, .* got 'clean:1'"),
        (("pgd", "8/255"), "metric threat: expected a ThreatModel, got '8/255'"),
        (("p" * 70, LINF), "metric: expected a key of at most 64 characters"),
    ],
)
def test_metrics_that_could_not_be_read_back_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        Metric(*arguments)


def test_metric_names_its_threat_model():
    assert Metric.parse("pgd@8/255") == Metric("pgd", ThreatModel.linf(8 / 255))
    assert str(ThreatModel.linf("8/255")) == "linf 8/255"


@pytest.mark.parametrize(
    "key",
    ["", "pgd", "@8/255", "pgd@", "pgd-l3@1", "pgd-linf@1", "pgd-@1", "pgd@x", "pgd:@1", "pgd:A@1", ":1@1", "mi-fgsm@1",
     "pgd-l2:100@1", "clean@1", "clean:1@1", "jung-2023:pgd@1", "pgd@8", "pgd@average", "val_pgd_3.0_acc", None, 5],
)  # fmt: skip
def test_malformed_metric_keys_are_refused(key):
    with pytest.raises(InputError):
        Metric.parse(key)


def test_there_is_no_default_split():
    assert check_split("test") == "test"
    with pytest.raises(InputError, match="split: expected one of train, validation, test, got 'val'"):
        check_split("val")


def test_long_values_are_shortened_in_errors():
    assert len(shorten("x" * 10**7)) < 100
    assert shorten("a\nb") == "'a\\nb'"
    assert "\n" not in shorten({"a": "\n" * 50})


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.5", "'0.5'"), (None, "None"), (float("nan"), "nan"), (2, "2"), (np.float32(2), "2.0"), ([0.5], r"\[0.5\]"),
     (np.array([0.2, 0.3]), "array")],
)  # fmt: skip
def test_what_is_no_number_is_in_no_range(value, text):
    with pytest.raises(InputError, match=rf"rope: expected a number in \[0, 1\], got {text}"):
        check_range("rope", value, 0.0, 1.0)
    check_range("rope", np.float32(0.5), 0.0, 1.0)
