import os

import numpy as np
import pytest
import torch

from robnas.attacks import FGSM, PGD, Square, predict
from robnas.data import Dataset, Images, to_pixels
from robnas.errors import DataError, InputError
from robnas.evaluation import EVALUATION, SUITES, Flag, Measurement, Suite, evaluate, suite
from robnas.evaluation._checks import ordering_flags
from robnas.evaluation._measurement import pack
from robnas.networks import build_network
from robnas.types import ThreatModel

WEAK, STRONG = ThreatModel.linf("16/255"), ThreatModel.linf("32/255")
LIGHT = Suite("light", (FGSM(WEAK), FGSM(STRONG), PGD(WEAK, 5, 10 / 255), PGD(STRONG, 5, 20 / 255)), checks=False)


def test_the_published_suite():
    published = suite("nas-robbench-201")
    assert published.metrics == (
        "clean", "fgsm@3/255", "fgsm@8/255", "pgd@3/255", "pgd@8/255", "autoattack@8/255",
    )  # fmt: skip
    assert published.attacks[2].steps == 20
    assert published.attacks[2].step_size == pytest.approx(2.5 * 3 / 255 / 20)
    assert published.attacks[2].random_start


@pytest.mark.parametrize("name", SUITES)
def test_presets_are_named_as_they_are_looked_up(name):
    assert suite(name).name == name


def test_accuracies_are_those_of_the_attacks_on_every_image(network, data):
    result = evaluate(network, data, LIGHT, split="test", seed=0, batch_size=400)
    part = data.split("test")
    images = to_pixels(part.images)
    clean = predict(network.eval(), images, 400) == part.labels
    assert result["clean"] == clean.double().mean().item()
    loss = torch.nn.functional.cross_entropy
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(network(images), part.labels, reduction="sum"), images)
    attacked = (images.detach() + STRONG.epsilon * gradient.sign()).clamp(0, 1)
    survived = clean & (network(attacked).argmax(1) == part.labels)
    assert result["fgsm@32/255"] == pytest.approx(survived.float().mean().item())
    assert [m.images for m in result.measurements] == [400] * 5
    assert 0 < result["pgd@32/255"] < result["pgd@16/255"] < result["clean"] < 1


def test_misclassified_images_are_not_attacked(network, data):
    class Counting(FGSM):
        seen = 0

        def __call__(self, network, images, labels, **options):
            Counting.seen += len(images)
            assert (predict(network, images, 400) == labels).all()
            return super().__call__(network, images, labels, **options)

    result = evaluate(network, data, Suite("one", (Counting(WEAK),), checks=False), split="test", seed=0)
    assert Counting.seen == round(400 * result["clean"]) < 400


def test_a_network_that_is_always_wrong_is_not_attacked_at_all(data):
    class Wrong(torch.nn.Module):
        def forward(self, images):
            return torch.zeros(len(images), 11).index_fill(1, torch.tensor([10]), 1.0)

    result = evaluate(Wrong(), data, LIGHT, split="test", seed=0)
    assert [m.value for m in result.measurements] == [0.0] * 5


def test_limits_take_the_first_images(network, data):
    limited = Suite("limited", LIGHT.attacks, {"pgd": 20}, checks=False)
    whole = evaluate(network, data, LIGHT, split="validation", seed=0)
    part = evaluate(network, data, limited, split="validation", seed=0, limit=50)
    assert [m.images for m in part.measurements] == [50, 50, 50, 20, 20]
    assert (part.measurements[1].correct == whole.measurements[1].correct[:50]).all()


def test_the_same_seed_gives_the_same_result(network, data):
    first, again = (evaluate(network, data, LIGHT, split="test", seed=5, limit=60) for _ in range(2))
    assert [m.outcomes for m in first.measurements] == [m.outcomes for m in again.measurements]


def test_a_killed_evaluation_repeats_no_finished_attack(network, data, tmp_path, monkeypatch):
    class StoppedError(Exception):
        pass

    def stop(*_, **__):
        raise StoppedError

    monkeypatch.setattr("robnas.attacks._gradient.PGD.__call__", stop)
    with pytest.raises(StoppedError):  # FGSM is a PGD of one step: only clean accuracy gets done
        evaluate(network, data, LIGHT, split="test", seed=0, directory=tmp_path)
    monkeypatch.undo()
    assert len(os.listdir(tmp_path / EVALUATION)) == 1
    done = evaluate(network, data, LIGHT, split="test", seed=0, directory=tmp_path)
    monkeypatch.setattr("robnas.attacks._gradient.PGD.__call__", stop)
    assert evaluate(network, data, LIGHT, split="test", seed=0, directory=tmp_path).measurements == done.measurements
    assert os.listdir(tmp_path) == [EVALUATION]
    for change in ({"seed": 1}, {"split": "validation"}, {"limit": 30}, {"batch_size": 50}):
        with pytest.raises(StoppedError):
            evaluate(network, data, LIGHT, directory=tmp_path, **({"split": "test", "seed": 0} | change))
    other = build_network("111111", num_classes=10, channels=8, cells=1, in_channels=1)
    other.head.linear.bias.data[3] = 100.0  # always says 3, so some images are right
    with pytest.raises(StoppedError):
        evaluate(other, data, LIGHT, split="test", seed=0, directory=tmp_path)


def test_a_damaged_ledger_is_one_clear_error(network, data, tmp_path):
    evaluate(network, data, LIGHT, split="test", seed=0, directory=tmp_path)
    for damage in ('{"metric', "[]", '{"metric": "clean"}', "null"):
        for path in (tmp_path / EVALUATION).iterdir():
            path.write_text(damage)
        with pytest.raises(DataError, match=r"json: expected a measurement .*; delete it to measure again") as raised:
            evaluate(network, data, LIGHT, split="test", seed=0, directory=tmp_path)
        assert "\n" not in str(raised.value)


def test_two_evaluations_of_one_folder_keep_all_measurements(network, data, tmp_path):
    for part in (LIGHT.attacks[:2], LIGHT.attacks[2:]):
        evaluate(network, data, Suite("part", part, checks=False), split="test", seed=0, directory=tmp_path)
    assert len(os.listdir(tmp_path / EVALUATION)) == 5


def test_networks_of_other_structure_share_no_measurements(data, tmp_path):
    """Cells of skips and of pools have no weights of their own: these two differ in structure alone."""
    first, second = (
        build_network(code, num_classes=10, channels=8, cells=1, in_channels=1) for code in ("111111", "444444")
    )
    assert all((value == second.state_dict()[name]).all() for name, value in first.state_dict().items())
    for network in (first, second):
        evaluate(network, data, Suite("clean", (), checks=False), split="test", seed=0, directory=tmp_path)
    assert len(os.listdir(tmp_path / EVALUATION)) == 2


def test_the_data_decide_a_measurement(network, data, tmp_path):
    flipped = Dataset(data.name, 10, {**data.splits, "test": data.splits["validation"]}, data.mean, data.std)
    both = [evaluate(network, d, LIGHT, split="test", seed=0, limit=300, directory=tmp_path) for d in (data, flipped)]
    assert both[0]["pgd@32/255"] != both[1]["pgd@32/255"]
    assert len(os.listdir(tmp_path / EVALUATION)) == 10


def test_a_suite_refuses_two_attacks_of_one_name():
    with pytest.raises(InputError, match="suite attacks: expected one per metric key, got clean, pgd@32/255, pgd"):
        Suite("twice", (PGD(STRONG, 1, 0.1), PGD(STRONG, 20, 0.01)))


def test_few_classes_are_refused_before_the_work_and_have_a_suite(data):
    part = data.split("test")
    two = Dataset(
        "two", 2, {"train": part, "test": Images(part.images[:20], part.labels[:20] % 2)}, data.mean, data.std
    )
    network = build_network("323133", num_classes=2, channels=2, cells=1, in_channels=1)
    with pytest.raises(InputError, match=r"suite nas-robbench-201: .* got 2 classes of two; use the suite few-classes"):
        evaluate(network, two, suite("nas-robbench-201"), split="test", seed=0)
    quick = Suite("few", (*suite("few-classes").attacks[:2], Square(STRONG, queries=10)), checks=False)
    assert len(evaluate(network, two, quick, split="test", seed=0).measurements) == 4


def test_logits_that_are_not_finite_are_refused(data):
    class Broken(torch.nn.Module):
        def forward(self, images):
            return torch.full((len(images), 10), float("nan"))

    with pytest.raises(InputError, match="network: expected finite logits, got nan or infinity; train it again"):
        evaluate(Broken(), data, LIGHT, split="test", seed=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_networks_of_any_dtype_are_evaluated(network, data, dtype):
    import copy

    other = copy.deepcopy(network).to(dtype)
    ours, theirs = (evaluate(n, data, LIGHT, split="test", seed=0, limit=100) for n in (other, network))
    assert abs(ours["clean"] - theirs["clean"]) < 0.05


def test_l2_suites_pass_their_checks(network, data):
    threat = ThreatModel.l2(0.5)
    result = evaluate(network, data, Suite("l2", (FGSM(threat), PGD(threat, 10, 0.1))), split="test", seed=0, limit=64)
    assert result.warnings == ()
    assert 0 < result["pgd-l2@0.5"] < result["clean"]


def test_active_checks_compare_at_the_largest_epsilon(network, data):
    flags = evaluate(network, data, Suite("s", LIGHT.attacks), split="test", seed=0, limit=30).flags
    assert any("linf 32/255" in flag.detail for flag in flags)


def test_the_network_is_left_as_it_was(network, data):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    evaluate(network, data, Suite("s", (PGD(STRONG, 2, 0.1),)), split="test", seed=0, limit=20)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"split": "val"}, "split: expected one of train, validation, test, got 'val'"),
        ({"limit": 401}, r"image limit: expected a number in \[1, 400\], got 401"),
        ({"limit": 0}, "image limit"),
    ],
)
def test_bad_arguments_say_what_to_change(network, data, change, text):
    with pytest.raises(InputError, match=text):
        evaluate(network, data, LIGHT, seed=0, **({"split": "test"} | change))


def test_a_limit_for_an_attack_that_is_not_in_the_suite_is_refused():
    with pytest.raises(InputError, match=r"suite limit: expected one of (fgsm, pgd|pgd, fgsm), got"):
        Suite("s", LIGHT.attacks, {"square": 5})


def test_an_unknown_suite_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"suite: .*nas-robbench-201.* got 'nas-robbench'; did you mean nas-robbench-201"
    ):
        suite("nas-robbench")


# sanity checks


def measurement(metric, correct):
    return Measurement(metric, None, len(correct), 1.0, 0, pack(np.array(correct)), "2.13.0", "cpu")


def test_outcomes_survive_packing():
    correct = np.random.default_rng(0).integers(2, size=77).astype(bool)
    found = measurement("clean", correct)
    assert (found.correct == correct).all()
    assert found.value == correct.mean()
    assert found.standard_error == pytest.approx((found.value * (1 - found.value) / 77) ** 0.5)


def failed(*measurements):
    return [flag.check for flag in ordering_flags(measurements) if not flag.passed]


def accuracy(share, n=100):
    return np.arange(n) < share * n


def test_ordinary_measurements_raise_no_flag():
    assert not failed(
        measurement("clean", accuracy(0.8)), measurement("fgsm@3/255", accuracy(0.6)),
        measurement("fgsm@8/255", accuracy(0.4)), measurement("pgd@8/255", accuracy(0.35)),
        measurement("square@8/255", accuracy(0.5)), measurement("autoattack@8/255", accuracy(0.3, n=50)),
    )  # fmt: skip


def test_labels_and_norms_of_one_attack_are_ladders_of_their_own():
    assert not failed(
        measurement("pgd:1@8/255", accuracy(0.6)), measurement("pgd:100@8/255", accuracy(0.3)),
        measurement("pgd:100@3/255", accuracy(0.5)), measurement("pgd-l2@0.5", accuracy(0.7)),
        measurement("pgd-l1@12", accuracy(0.2)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "check"),
    [
        ([("clean", 0.5), ("fgsm@3/255", 0.7)], "accuracy does not rise with epsilon"),
        ([("clean", 0.9), ("fgsm@3/255", 0.5), ("fgsm@8/255", 0.7)], "accuracy does not rise with epsilon"),
        ([("clean", 0.9), ("fgsm@8/255", 0.5), ("pgd@8/255", 0.7)], "a stronger attack leaves less accuracy"),
        ([("clean", 0.9), ("pgd@8/255", 0.5), ("autoattack@8/255", 0.6)], "a stronger attack leaves less accuracy"),
        (
            [("clean", 0.9), ("pgd@8/255", 0.5), ("square@8/255", 0.2)],
            "a gradient-free attack is not stronger than PGD",
        ),
        ([("pgd:5@3/255", 0.5), ("pgd:5@8/255", 0.7), ("pgd:9@5/255", 0.6)], "accuracy does not rise with epsilon"),
        ([("fgsm:a@8/255", 0.5), ("fgsm:b@8/255", 0.9), ("pgd@8/255", 0.7)], "a stronger attack leaves less accuracy"),
        ([("fgsm@8/255", 0.6), ("pgd:5@8/255", 0.5), ("pgd:9@8/255", 0.8)], "a stronger attack leaves less accuracy"),
        (
            [("pgd:5@8/255", 0.5), ("pgd:9@8/255", 0.2), ("square@8/255", 0.2)],
            "a gradient-free attack is not stronger than PGD",
        ),
    ],
)
def test_impossible_orders_are_flagged(pairs, check):
    assert failed(*(measurement(metric, accuracy(share)) for metric, share in pairs)) == [check]


def test_noise_is_not_flagged():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        correct = rng.random(100) < 0.5
        other = correct ^ (rng.random(100) < 0.05)  # a few images go either way
        alarms += bool(failed(measurement("fgsm@8/255", correct), measurement("pgd@8/255", other)))
    assert alarms <= 15  # 2.5 % expected at two standard errors


def test_a_sound_network_passes_the_active_checks(network, data):
    one = Suite("one", (PGD(WEAK, 20, 3 / 255),))
    flags = evaluate(network, data, one, split="test", seed=0, limit=64).flags
    assert len(flags) == 6
    assert all(flag.passed for flag in flags), flags


def test_gradient_masking_is_flagged(network, data):
    class Masked(torch.nn.Module):
        """Rounds its input: the gradient is zero, the decision is not."""

        def __init__(self):
            super().__init__()
            self.inner = network

        def forward(self, images):
            return self.inner((images * 255).round() / 255)

    one = Suite("one", (PGD(STRONG, 5, 20 / 255, random_start=False), Square(STRONG, queries=150)))
    result = evaluate(Masked(), data, one, split="test", seed=0, limit=64)
    assert result["pgd@32/255"] > 0.6
    failures = {flag.check for flag in result.flags if not flag.passed}
    assert "a gradient-free attack is not stronger than PGD" in failures
    assert "a very large epsilon drives accuracy to 0" in failures
    assert any("gradient-free" in text for text in result.warnings)


def test_flags_reach_the_warnings():
    from robnas.evaluation import Evaluation

    result = Evaluation("s", "test", 0, (), (Flag("holds", True, ""), Flag("broken", False, "0.5 > 0.4")))
    assert result.warnings == ("broken: 0.5 > 0.4",)
