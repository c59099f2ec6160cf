from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robnas._settings import to_dict
from robnas.errors import InputError, shorten
from robnas.types import (
    CORRUPTIONS,
    NORMS,
    Metric,
    ThreatModel,
    by_severity,
    canonical_metric,
    check_attack_name,
    check_range,
    check_split,
    format_epsilon,
    is_attacked,
    parse_epsilon,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [("8/255", "8/255"), (8 / 255, "8/255"), (8 * (1 / 255), "8/255"), (0, "0"), (1, "1"), ("0.5", "0.5"),
     (2.5 * (8 / 255) / 20, "1/255"), ("1/7", "0.14285714285714285"), (1e-6, "1e-06"), ("510/255", "2"),
     ("0.1/255", "0.1/255"), (0.1 / 255, "0.1/255"), (".1/255", "0.1/255"), ("2.50/255", "2.5/255"),
     (0.1, "0.1"), ("127.5/255", "0.5"), ("0.25/1", "0.25"), (0.01, "0.01"), ("1e-3/255", "0.001/255")],
)  # fmt: skip
def test_epsilon_is_written_in_grey_levels_and_read_back_exactly(value, text):
    assert format_epsilon(parse_epsilon(value)) == text
    assert parse_epsilon(text) == parse_epsilon(value)


@pytest.mark.parametrize(
    "value", ["", "/", "8/", "/255", "8/0", "8/-255", "-8/255", "1/2/3", "8/inf", "inf/inf", "nan", "nan/255", "1e999",
              "1e999999999/255", "a/255", "8/255/1", True, None, -0.1, float("nan")]
)  # fmt: skip
def test_what_is_no_distance_is_refused(value):
    with pytest.raises(InputError, match="epsilon: expected a number ≥ 0 in pixel units, such as 8/255, got"):
        parse_epsilon(value)


@pytest.mark.parametrize(
    "key",
    ["clean", "fgsm@3/255", "pgd@8/255", "pgd-l2@0.5", "autoattack@8/255", "pgd-l1@12", "pgd:100@8/255",
     "pgd:100-l1@12", "mi_fgsm:a.1@255/255", "pgd@0.1/255", "fgsm@255/255", "pgd@0.5", "pgd-l2@1", "brightness@3",
     "jpeg_compression@5", "brightness:made@1", "corruptions", "corruptions:made"],
)  # fmt: skip
def test_metric_keys_round_trip(key):
    assert Metric.parse(key).key == key


@given(
    attack=st.from_regex(r"[a-z][a-z0-9_.]{0,9}", fullmatch=True).filter(
        lambda name: name not in ("clean", "corruptions", *CORRUPTIONS)
    ),
    label=st.just("") | st.from_regex(r"[a-z0-9.]{1,9}", fullmatch=True),
    norm=st.sampled_from(list(NORMS)),
    epsilon=st.integers(0, 2550).map(lambda tenths: tenths / 10 / 255) | st.floats(0, 1),
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
        (("pgd", None), "metric: expected clean, an attack with a threat model, or a corruption without .* got 'pgd'"),
        (("clean", None, "1"), "metric: expected clean, .* got 'clean:1'"),
        (("clean", None, "", 3), "metric severity: expected None for clean, got 3"),
        (("pgd", LINF, "", 3), "metric severity: expected None for pgd, got 3"),
        (("fog", LINF), "metric: expected a severity from 1 to 5, got 'fog with linf 8/255'"),
        (("fog", LINF, "", 3), "metric: expected clean, an attack with a threat model, or a corruption without one"),
        (("fog", None), "metric: expected a severity from 1 to 5, got 'fog'; write fog@3, or corruptions for the mean"),
        (("fog", None, "", 6), r"metric severity: expected a number in \[1, 5\], got 6"),
        (("fog", None, "", 0), "metric severity: expected .* got 0"),
        (("fog", None, "", 2.5), "metric severity: expected a whole number, got 2.5"),
        (("fog", None, "", True), "metric severity: expected a whole number, got True"),
        (("fog", None, "A", 3), "attack label"),
        (("corruptions", None, "", 3), "metric severity: expected None for the mean over severities, got 3"),
        (("corruptions", LINF), "metric: expected clean, an attack"),
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
     "pgd-l2:100@1", "clean@1", "clean:1@1", "jung-2023:pgd@1", "pgd@8", "pgd@average", "val_pgd_3.0_acc", None, 5,
     "clean:", "pgd@1/2/255", "brightness", "brightness@", "brightness@0", "brightness@6", "brightness@03",
     "brightness@3.0", "brightness@3/255", "brightness@8/255", "brightness-l2@3", "brightness:@3", "brightness:made",
     "brightness:A@3", "corruptions@3", "corruptions:", "corruptions:made@3", "Brightness@3", "made:brightness@3"],
)  # fmt: skip
def test_malformed_metric_keys_are_refused(key):
    with pytest.raises(InputError):
        Metric.parse(key)


def test_a_corruption_is_a_kind_of_its_own():
    assert Metric.parse("brightness@3") == Metric("brightness", None, severity=3)
    assert Metric.parse("brightness:made@3") == Metric("brightness", None, "made", 3)
    assert Metric.parse("corruptions") == Metric("corruptions", None)
    assert [Metric.parse(key).kind for key in ("clean", "pgd@8/255", "fog@1", "corruptions:made")] == [
        "clean", "attack", "corruption", "corruption",
    ]  # fmt: skip
    assert Metric.parse("brightness@1").threat is None
    assert CORRUPTIONS[:3] == ("gaussian_noise", "shot_noise", "impulse_noise")
    assert (len(CORRUPTIONS), len(set(CORRUPTIONS)), CORRUPTIONS[14]) == (19, 19, "jpeg_compression")
    for name in (*CORRUPTIONS, "corruptions"):
        with pytest.raises(InputError, match=r"attack name: .* no corruption"):
            check_attack_name(name)
    with pytest.raises(InputError, match="a severity from 1 to 5 of brightness, which is no attack, got 'bri"):
        Metric.parse("brightness@8/255")


def test_what_is_attacked_is_told_by_the_key():
    for key in ("pgd@8/255", "pgd-l2@0.5", "pgd:100@8/255", "pgd@average", "pgd@8/255*"):
        assert is_attacked(key), key
    for key in (
        "clean",
        "fog@3",
        "fog:made@3",
        "corruptions",
        "confidence:pgd@8/255",
        "confidence.mean:pgd@8/255",
        "x",
    ):
        assert not is_attacked(key), key


@pytest.mark.parametrize(
    ("alias", "key"),
    [("fgsm@1", "fgsm@255/255"), ("fgsm@1.0", "fgsm@255/255"), ("pgd-l2@255/255", "pgd-l2@1"), ("pgd@.5", "pgd@0.5"),
     ("pgd@0.1000/255", "pgd@0.1/255"), ("pgd@00008/255", "pgd@8/255"), (f"pgd@{0.1 / 255!r}", "pgd@0.1/255"),
     ("pgd@average", "pgd@average"), ("latency:pixel3", "latency:pixel3")],
)  # fmt: skip
def test_a_metric_has_one_spelling(alias, key):
    assert canonical_metric(alias) == key


def test_hashes_of_settings_do_not_depend_on_how_keys_write_a_distance():
    @dataclass
    class Attack:
        threat: ThreatModel

    for epsilon, text in ((0.1 / 255, "0.0003921568627450981"), (1, "1"), ("8/255", "8/255")):
        assert to_dict(Attack(ThreatModel.linf(epsilon))) == {"threat": {"norm": "linf", "epsilon": text}}


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


def test_the_severities_of_a_corruption_are_listed_together():
    whole = [f"fog:made@{severity}" for severity in (1, 2, 3, 4, 5)]
    joined = [f"jung-2023:fog@{severity}" for severity in (1, 2, 3, 4, 5)]
    keys = ["clean", *whole, "pgd@1/255", "snow@1", "snow@2", "corruptions", *joined, "pgd@5"]
    found = by_severity(keys)
    assert list(found) == ["clean", "fog:made@1 … 5", "pgd@1/255", "snow@1", "snow@2", "corruptions",
                           "jung-2023:fog@1 … 5", "pgd@5"]  # fmt: skip
    assert [key for of in found.values() for key in of] == keys
