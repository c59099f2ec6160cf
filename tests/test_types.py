import pytest

from robnas.errors import InputError, shorten
from robnas.types import Metric, ThreatModel, check_split, format_epsilon, parse_epsilon


@pytest.mark.parametrize(
    ("value", "text"),
    [("8/255", "8/255"), (8 / 255, "8/255"), (8 * (1 / 255), "8/255"), (0, "0"), (1, "1"), ("0.5", "0.5"),
     (2.5 * (8 / 255) / 20, "1/255"), ("1/7", "0.14285714285714285"), (1e-6, "1e-06"), ("510/255", "2")],
)  # fmt: skip
def test_epsilon_is_written_in_grey_levels_and_read_back_exactly(value, text):
    assert format_epsilon(parse_epsilon(value)) == text
    assert parse_epsilon(text) == parse_epsilon(value)


@pytest.mark.parametrize("key", ["clean", "fgsm@3/255", "pgd@8/255", "pgd-l2@0.5", "autoattack@8/255"])
def test_metric_keys_round_trip(key):
    assert Metric.parse(key).key == key


def test_metric_names_its_threat_model():
    assert Metric.parse("pgd@8/255") == Metric("pgd", ThreatModel.linf(8 / 255))
    assert str(ThreatModel.linf("8/255")) == "linf 8/255"


@pytest.mark.parametrize("key", ["", "pgd", "@8/255", "pgd@", "pgd-l1@1", "pgd@x", "val_pgd_3.0_acc"])
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
