from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from robnas._settings import content_hash, to_dict
from robnas.attacks import APGD, FGSM, PGD, AutoAttack, Square, metric_of, perturb
from robnas.errors import InputError
from robnas.types import ThreatModel

LINF, L2, L1 = ThreatModel.linf("8/255"), ThreatModel.l2(0.5), ThreatModel.l1(6)


@dataclass(frozen=True)
class Own:
    """Somebody's own attack."""

    name: Any = "own"
    threat: Any = LINF
    label: Any = ""

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        raise AssertionError("it was asked")


@pytest.mark.parametrize(
    ("threat", "step_size", "text"),
    [
        (LINF, 2, 'got 2; write "2/255", not 2'),
        (LINF, 1, "got 1; write"),
        (LINF, "2", "got '2'; write"),
        (LINF, 0, r"a length in \[0, 1\] pixel units, above 0 and below 4 epsilon = 0.1255, got 0"),
        (LINF, 0.1255, "below 4 epsilon"),
        (ThreatModel.linf(1), 2, "above 0 and at most 1, got 2"),
        (ThreatModel.linf(0.5), 1.5, "above 0 and at most 1, got 1.5"),
        (L2, 2, "below 4 epsilon = 2, got 2"),
        (L2, 128, "below 4 epsilon"),
        (L1, 0, "below 4 epsilon"),
        (L1, 255, "below 4 epsilon"),
        (LINF, float("nan"), "PGD step_size: expected a number ≥ 0 in pixel units"),
        (LINF, float("inf"), "PGD step_size"),
        (LINF, -2 / 255, "PGD step_size"),
        (LINF, True, "PGD step_size"),
        (LINF, None, "PGD step_size"),
        (LINF, [2 / 255], "PGD step_size"),
    ],
)
def test_step_sizes_of_a_wrong_unit_are_refused(threat, step_size, text):
    with pytest.raises(InputError, match=text):
        PGD(threat, 10, step_size)


def test_step_sizes_that_people_use_are_taken():
    for threat, epsilon in ((LINF, 8 / 255), (L2, 0.5), (L1, 6)):
        for share in (1e-6, 0.25, 1.25, 2, 3.9):
            assert PGD(threat, 10, share * epsilon).step_size == pytest.approx(share * epsilon)
    assert PGD(LINF, 10, "2/255").step_size == 2 / 255
    assert PGD(ThreatModel.linf(1), 10, 1).step_size == 1
    assert PGD(ThreatModel.linf(0), 1, 0).step_size == 0


@pytest.mark.parametrize("kind", [FGSM, APGD, Square, AutoAttack, lambda threat, **more: PGD(threat, 1, 0.01, **more)])
def test_attacks_check_threat_and_label_when_they_are_made(kind):
    assert metric_of(kind(LINF, label="a.1")).key.endswith(":a.1@8/255")
    with pytest.raises(InputError, match="attack label: expected letters a to z, digits and dots, or nothing, got 'A'"):
        kind(LINF, label="A")
    with pytest.raises(InputError, match="attack threat: expected a ThreatModel, got '8/255'"):
        kind("8/255")
    with pytest.raises(TypeError):
        kind(LINF, 1, 0.01, True, 1, "label")  # by name only


def test_a_name_that_cannot_stand_in_a_key_is_refused_when_the_attack_is_made():
    @dataclass(frozen=True)
    class Momentum(PGD):
        name: ClassVar[str] = "mi-fgsm"

    with pytest.raises(InputError, match=r"attack name: .* got 'mi-fgsm'"):
        Momentum(LINF, 1, 0.01)


def test_the_label_is_part_of_settings_only_where_there_is_one():
    plain, labelled = PGD(LINF, 20, "1/255"), PGD(LINF, 20, "1/255", label="20")
    assert to_dict(labelled) == {**to_dict(plain), "label": "20"}
    # as records of earlier versions have them
    assert content_hash({"name": "pgd", **to_dict(plain)}) == "52460d9f0074e285"
    assert content_hash({"name": "autoattack", **to_dict(AutoAttack(LINF))}) == "8ec8b50ca60f17de"
    assert content_hash({"name": "pgd", **to_dict(labelled)}) != content_hash({"name": "pgd", **to_dict(plain)})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "mi-fgsm"}, "attack name: .* got 'mi-fgsm'"),
        ({"name": "clean"}, "attack name"),
        ({"name": 5}, "attack name"),
        (
            {"threat": None},
            "metric: expected clean, an attack with a threat model, or a corruption .*, got 'own'",
        ),
        ({"threat": "8/255"}, "metric threat: expected a ThreatModel"),
        ({"label": "x-l2"}, "attack label"),
    ],
)
def test_attacks_whose_key_could_not_be_read_back_fail_before_they_begin(change, text):
    attack = Own(**change)
    with pytest.raises(InputError, match=text):
        perturb(attack, None, None, None, seed=0)


@pytest.mark.parametrize("attack", [None, "pgd", PGD, lambda *_: None])
def test_what_is_no_attack_is_refused(attack):
    with pytest.raises(InputError, match="attack: expected an object with name and threat that can be called"):
        perturb(attack, None, None, None, seed=0)
