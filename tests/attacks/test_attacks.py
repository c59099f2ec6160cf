import random
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from robnas.attacks import (
    APGD,
    FGSM,
    PGD,
    Attack,
    AttackWarning,
    AutoAttack,
    Ball,
    Square,
    clip_to_ball,
    frozen,
    perturb,
)
from robnas.errors import InputError
from robnas.networks import build_network
from robnas.types import ThreatModel, silent
from tests.attacks.short import short_autoattack

LINF, L2, L1 = ThreatModel.linf("8/255"), ThreatModel.l2(0.5), ThreatModel.l1(6)
EVERY = [
    FGSM(LINF), FGSM(L2), PGD(LINF, 5, 2 / 255), PGD(L2, 5, 0.2), PGD(LINF, 3, 4 / 255, restarts=3),
    APGD(LINF, steps=8), APGD(L2, steps=8), Square(LINF, queries=20), Square(L2, queries=20),
    FGSM(L1), PGD(L1, 5, 2), APGD(L1, steps=8), Square(L1, queries=20),
]  # fmt: skip


@pytest.fixture
def images():
    return torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network():
    network = build_network("323143", num_classes=10, channels=4, cells=1, mean=(0.5,) * 3, std=(0.2,) * 3)
    images = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(20):  # running statistics that fit
        network(images)
    return network.train()


@pytest.fixture
def labels(network, images):
    """What the network says: an attack leaves images alone that are misclassified anyway."""
    labels = network.eval()(images).argmax(1)
    network.train()
    return labels


@pytest.fixture
def short():
    with short_autoattack():
        yield


def call(attack, network, images, labels, seed=0, batch_size=100):
    return attack(network, images, labels, seed=seed, batch_size=batch_size, progress=silent)


def agrees_with_torchattacks(ours, theirs, network, images, labels):
    """Run both in float64 from the same random start; the library draws from the global generator."""
    from robnas._seeds import derive_seed

    network, images = network.double().eval(), images.double()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(derive_seed(5, ours.name))
        expected = theirs(images, labels)
    with frozen(network):
        got = call(ours, network, images, labels, seed=5)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)
    assert not torch.equal(got, images)


def test_fgsm_agrees_with_torchattacks(network, images, labels):
    torchattacks = pytest.importorskip("torchattacks")
    agrees_with_torchattacks(FGSM(LINF), torchattacks.FGSM(network, eps=8 / 255), network, images, labels)


@pytest.mark.parametrize("random_start", [True, False])
def test_pgd_linf_agrees_with_torchattacks_under_equal_random_starts(network, images, labels, random_start):
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.PGD(network, eps=8 / 255, alpha=2 / 255, steps=10, random_start=random_start)
    agrees_with_torchattacks(PGD(LINF, 10, 2 / 255, random_start=random_start), theirs, network, images, labels)


def test_pgd_l2_agrees_with_torchattacks_under_equal_random_starts(network, images, labels):
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.PGDL2(network, eps=0.5, alpha=0.2, steps=10)
    agrees_with_torchattacks(PGD(L2, 10, 0.2), theirs, network, images, labels)


class Linear(nn.Module):
    """Logits linear in the image: the worst case is known."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 16).view(1, 1, 4, 4))

    def forward(self, images):
        score = (images * self.weight).sum((1, 2, 3))
        return torch.stack([score, -score], dim=1)


def test_pgd_reaches_the_closed_form_worst_case_of_a_linear_network():
    images, labels = torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64), torch.tensor([0])
    network = Linear().double()
    linf = call(PGD(ThreatModel.linf(0.1), 20, 0.02), network, images, labels)
    torch.testing.assert_close(linf, images - 0.1 * network.weight.detach().sign())
    l2 = call(PGD(ThreatModel.l2(0.1), 50, 0.02), network, images, labels)
    expected = images - 0.1 * network.weight.detach() / network.weight.detach().norm()
    torch.testing.assert_close(l2, expected, rtol=0, atol=1e-4)  # the last steps turn on the sphere


def perceptron(classes):
    """Fast: standard AutoAttack asks a network thousands of times."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.ReLU(), nn.Linear(32, classes)).eval()


@pytest.mark.usefixtures("short")
def test_autoattack_gives_the_librarys_own_result(images):
    from pyautoattack import AutoAttack as Library

    network = perceptron(10)
    labels = network(images).argmax(1)
    with frozen(network), torch.random.fork_rng(devices=()):
        library = Library(network, norm="Linf", eps=3 / 255, seed=7)
        library.verbose = False
        expected, _ = library.run_standard_evaluation(images, labels, batch_size=4)
    correct = network(expected).argmax(1) == labels
    assert 0 < correct.sum() < len(images)
    attack = AutoAttack(ThreatModel.linf("3/255"))
    with frozen(network):
        assert torch.equal(call(attack, network, images, labels, seed=7, batch_size=4), expected)
    found = perturb(attack, network, images, labels, seed=7, batch_size=4)
    torch.testing.assert_close(found.images, expected, rtol=0, atol=1e-6)
    assert torch.equal(found.correct, correct)


@pytest.mark.usefixtures("short")
def test_warnings_of_autoattack_reach_the_caller(images, labels):
    class Flat(nn.Module):
        def forward(self, images):
            return (
                nn.functional.one_hot(torch.zeros(len(images), dtype=torch.int64), 10)
                + 0.0 * images.sum((1, 2, 3))[:, None]
            )

    with pytest.warns(AttackWarning, match="probability distribution|zero gradient"):
        perturb(AutoAttack(LINF), Flat(), images[:1], torch.zeros(1, dtype=torch.int64), seed=0)


@pytest.mark.usefixtures("short")
def test_autoattack_with_few_classes(images):
    network = perceptron(5)
    found = perturb(AutoAttack(ThreatModel.linf("32/255")), network, images, network(images).argmax(1), seed=0)
    assert not found.correct.all()
    with pytest.raises(
        InputError, match=r"AutoAttack: expected at least 4 classes, .* got 2; use the suite few-classes"
    ):
        perturb(AutoAttack(LINF), Linear(), images[:, :1, :4, :4], torch.zeros(6, dtype=torch.int64), seed=0)


# whatever the attack does, its caller keeps the promises


class Cheater:
    """Leaves the ball and the pixel range."""

    name = "cheater"

    def __init__(self, threat):
        self.threat = threat

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return (images.double() + 3 * noise).to(images.dtype)


ORDERS = {"linf": float("inf"), "l2": 2, "l1": 1}
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "attack", [*EVERY, Cheater(LINF), Cheater(L2), Cheater(L1)], ids=lambda a: f"{a.name}-{a.threat.norm}"
)
def test_nothing_leaves_the_ball_or_the_pixel_range_at_any_dtype(attack, dtype, images, labels, network):
    network, images = network.to(dtype), images.to(dtype)
    images[0], images[1] = 0, 1
    found = perturb(attack, network, images, labels, seed=0, batch_size=4).images
    assert found.dtype == dtype
    assert found.min() >= 0
    assert found.max() <= 1
    delta = (found.double() - images.double()).flatten(1)
    distance = delta.norm(ORDERS[attack.threat.norm], dim=1)
    assert (distance <= attack.threat.epsilon).all()
    assert (distance > 0).any()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 1 / 255, 8 / 255, 1.0])
def test_clipping_is_exact_for_every_pixel_value(dtype, epsilon):
    images = (torch.arange(256).view(1, 1, 16, 16) / 255).to(dtype)
    for norm, direction in product(ORDERS, (1.0, -1.0)):
        found = clip_to_ball(images + direction, images, ThreatModel(norm, epsilon))
        delta = found.double() - images.double()
        assert delta.flatten().norm(ORDERS[norm]) <= epsilon
        assert found.min() >= 0
        assert found.max() <= 1


def test_clipping_leaves_what_is_inside_alone(images):
    inside = (images + 0.01).clamp(0, 1)
    assert torch.equal(clip_to_ball(inside, images, LINF), inside)


@pytest.mark.parametrize("attack", EVERY, ids=lambda a: f"{a.name}-{a.threat.norm}")
def test_network_and_random_generators_are_afterwards_as_before(attack, network, images, labels):
    network.stages[1].eval()
    network.head.linear.weight.requires_grad_(False)
    network.stem[0].weight.grad = torch.ones_like(network.stem[0].weight)
    modes = [module.training for module in network.modules()]
    flags = [parameter.requires_grad for parameter in network.parameters()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002

    with torch.no_grad():  # an attack enables the gradients that it needs
        perturb(attack, network, images, labels, seed=0)

    assert [module.training for module in network.modules()] == modes
    assert [parameter.requires_grad for parameter in network.parameters()] == flags
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert list(gradients) == ["stem.0.weight"]
    assert (gradients["stem.0.weight"] == 1).all()
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert (np.random.get_state()[1] == generators[2]).all()  # noqa: NPY002


def test_flags_are_restored_after_an_error(network, images, labels):
    class Broken(Cheater):
        def __call__(self, network, *args, **options):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        perturb(Broken(LINF), network, images, labels, seed=0)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("attack", EVERY, ids=lambda a: f"{a.name}-{a.threat.norm}")
def test_the_seed_decides(attack, network, images, labels):
    assert isinstance(attack, Attack)
    first, again = (perturb(attack, network, images, labels, seed=3).images for _ in range(2))
    assert torch.equal(first, again)
    if attack.name in ("pgd", "square"):
        assert not torch.equal(first, perturb(attack, network, images, labels, seed=4).images)


def test_attacks_lower_the_accuracy_in_order_of_strength(network, images):
    labels = network.eval()(images).argmax(1)
    correct = {
        attack.name: perturb(attack, network, images, labels, seed=0).correct.sum().item()
        for attack in (FGSM(ThreatModel.linf(0)), FGSM(LINF), PGD(LINF, 20, 1 / 255))
    }
    clean = perturb(FGSM(ThreatModel.linf(0)), network, images, labels, seed=0).correct.sum().item()
    assert clean == len(images)
    assert correct["pgd"] <= correct["fgsm"] <= clean


def test_more_restarts_never_break_fewer_images(network):
    images = torch.rand(100, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    labels = network.eval()(images).argmax(1)
    threat = ThreatModel.linf("1/255")
    broken = [
        (~perturb(PGD(threat, 2, 0.5 / 255, restarts=n), network, images, labels, seed=0, batch_size=100).correct).sum()
        for n in (1, 2, 5)
    ]
    assert broken[0] <= broken[1] <= broken[2]
    assert broken[2] > 0


def test_channels_last_images_and_networks_work(network, images, labels):
    network = network.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
    for attack in EVERY:
        assert perturb(attack, network, images, labels, seed=0).images.shape == images.shape


def test_progress_counts_the_images(network, images, labels):
    seen = []
    perturb(PGD(LINF, 1, 1 / 255), network, images, labels, seed=0, batch_size=4, progress=lambda *a: seen.append(a))
    assert seen == [(4, 6, "pgd"), (6, 6, "pgd")]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"images": torch.full((6, 3, 8, 8), 2.0)}, r"finite pixels in \[0, 1\], got values from 2 to 2"),
        ({"images": torch.full((6, 3, 8, 8), torch.nan)}, r"finite pixels in \[0, 1\], got values from nan"),
        ({"images": torch.zeros(6, 3, 8, 8, dtype=torch.uint8)}, "got torch.uint8 of shape .* divide uint8 images"),
        ({"images": torch.zeros(0, 3, 8, 8)}, "expected floating point of shape"),
        ({"labels": torch.zeros(5, dtype=torch.int64)}, r"labels: expected shape \(6,\), .* got shape \(5,\)"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
    ],
)
def test_bad_input_says_what_to_change(change, text, network, images, labels):
    arguments = {"images": images, "labels": labels, "batch_size": 10} | change
    with pytest.raises(InputError, match=text):
        perturb(FGSM(LINF), network, seed=0, **arguments)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ThreatModel.linf(8), 'at most 1 for linf, .* got 8.0; write "8/255", not 8'),
        (lambda: ThreatModel.linf("-1/255"), "epsilon: expected a number ≥ 0"),
        (lambda: ThreatModel.linf("eight"), "epsilon: expected a number ≥ 0 .* got 'eight'"),
        (lambda: ThreatModel.linf("1/0"), "epsilon: expected a number ≥ 0"),
        (lambda: ThreatModel("l3", 0.1), "norm: expected one of linf, l2, l1, got 'l3'"),
        (lambda: PGD(LINF, 0, 0.1), "PGD steps: expected at least 1, got 0"),
        (lambda: PGD(LINF, 1, -0.1), "PGD step_size: expected a number ≥ 0 in pixel units"),
        (lambda: PGD(LINF, 1, 0.1, random_start=False, restarts=2), "PGD restarts: expected 1 without a random start"),
        (lambda: Square(LINF, queries=0), "Square queries: expected at least 1"),
    ],
)
def test_impossible_settings_are_refused(make, text):
    with pytest.raises(InputError, match=text):
        make()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            lambda images: images[:1],
            r"images of cheater@8/255: expected shape \(6, 3, 8, 8\), got shape \(1, 3, 8, 8\)",
        ),
        (lambda images: None, r"expected shape \(6, 3, 8, 8\), got NoneType"),
        (lambda images: images * torch.nan, "images of cheater@8/255: expected finite pixels, got nan or infinity"),
        (lambda images: images / 0, "expected finite pixels"),
    ],
)
def test_answers_of_an_attack_that_are_no_images_are_refused(answer, text, network, images, labels):
    class Odd(Cheater):
        def __call__(self, network, images, labels, **options):
            return answer(images)

    with pytest.raises(InputError, match=text):
        perturb(Odd(LINF), network, images, labels, seed=0)


def test_images_are_clipped_in_float64_by_batches(network, images, labels, monkeypatch):
    sizes = []

    def clip(adversarial, around, threat):
        sizes.append(len(adversarial))
        return clip_to_ball(adversarial, around, threat)

    monkeypatch.setattr("robnas.attacks._attack.clip_to_ball", clip)
    few = perturb(Cheater(LINF), network, images, labels, seed=0, batch_size=4)
    assert sizes == [4, 2]
    monkeypatch.undo()
    all_at_once = perturb(Cheater(LINF), network, images, labels, seed=0)
    assert torch.equal(few.images, all_at_once.images)
    assert torch.equal(few.correct, all_at_once.correct)


ZERO = [ThreatModel.linf(0), ThreatModel.l2(0), ThreatModel.l1(0)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("threat", ZERO, ids=str)
def test_epsilon_zero_returns_the_images(threat, dtype, network, images, labels):
    network, images = network.to(dtype), images.to(dtype)
    for attack in (FGSM(threat), PGD(threat, 2, 0.0), APGD(threat), Square(threat), AutoAttack(threat)):
        assert torch.equal(perturb(attack, network, images, labels, seed=0).images, images)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("threat", [LINF, L2, L1], ids=str)
def test_a_zero_gradient_moves_nothing_and_breaks_nothing(threat, dtype, images, labels):
    class Constant(nn.Module):
        def forward(self, images):
            return 0.0 * images.flatten(1)[:, :10]

    found = perturb(FGSM(threat), Constant(), images.to(dtype), labels, seed=0)
    assert torch.equal(found.images, images.to(dtype))
    assert perturb(PGD(threat, 2, 0.1), Constant(), images.to(dtype), labels, seed=0).images.isfinite().all()


def test_success_is_tested_on_the_clipped_images(images):
    """Leaving the ball breaks the network; inside it nothing does."""

    class Alarmed(nn.Module):
        def forward(self, x):
            far = ((x - images[: len(x)]).abs().amax((1, 2, 3)) > LINF.epsilon).long()
            return nn.functional.one_hot(far, 2).float() + 0.0 * x.sum()

    class Outside(Cheater):
        def __call__(self, network, images, labels, **options):
            return 1 - images

    found = perturb(Outside(LINF), Alarmed(), images, torch.zeros(6, dtype=torch.int64), seed=0)
    assert found.correct.all()


def test_restarts_try_only_what_is_not_broken_yet(network):
    images = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    labels, sizes = network.eval()(images).argmax(1), []
    network.head.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    call(PGD(ThreatModel.linf("3/255"), 1, 3 / 255, restarts=3), network, images, labels)
    gradients, tests = sizes[0::2], sizes[1::2]
    assert gradients[0] == tests[0] == 60
    assert gradients[0] > gradients[1] >= gradients[2]


@pytest.mark.parametrize("threat", [LINF, L2, L1], ids=str)
def test_images_of_either_memory_format_get_the_same_noise(threat, images):
    plain, other = (
        Ball(x, threat).random(torch.Generator().manual_seed(0))
        for x in (images, images.to(memory_format=torch.channels_last))
    )
    assert torch.equal(plain, other)


@pytest.mark.parametrize(
    ("attack", "settings"),
    [
        (APGD(L2, steps=7, restarts=3), {"n_iter": 7, "n_restarts": 3, "norm": "L2", "eps": 0.5, "seed": 5}),
        (
            Square(LINF, queries=11),
            {"n_queries": 11, "norm": "Linf", "eps": 8 / 255, "seed": 5, "resc_schedule": False},
        ),
        (AutoAttack(L2), {"norm": "L2", "eps": 0.5, "seed": 5}),
    ],
    ids=["apgd", "square", "autoattack"],
)
def test_settings_reach_the_library(attack, settings, images, labels, monkeypatch):
    from pyautoattack import AutoAttack as Library
    from pyautoattack.autopgd_base import APGDAttack
    from pyautoattack.square import SquareAttack

    class SeenError(Exception):
        pass

    def spy(self, *args, **options):
        raise SeenError({key: options[key] for key in settings})

    for library in (Library, APGDAttack, SquareAttack):
        monkeypatch.setattr(library, "__init__", spy)
    with pytest.raises(SeenError) as seen:
        call(attack, perceptron(10), images, labels, seed=5)
    assert seen.value.args[0] == settings


@pytest.mark.parametrize(("classes", "targets"), [(10, 9), (100, 9), (5, 4)])
def test_autoattack_tries_nine_targets_or_all(classes, targets, images, monkeypatch):
    from pyautoattack import AutoAttack as Library

    seen = []

    def look(self, x, y, *, batch_size):
        seen.append((self.apgd_targeted.n_target_classes, self.fab.n_target_classes, self.attacks_to_run))
        return x, y

    monkeypatch.setattr(Library, "run_standard_evaluation", look)
    call(AutoAttack(LINF), perceptron(classes), images, torch.zeros(6, dtype=torch.int64))
    assert seen == [(targets, targets, ["apgd-ce", "apgd-t", "fab-t", "square"])]


@pytest.mark.usefixtures("short")
def test_autoattack_in_l2_stays_in_the_ball_and_breaks_images(images):
    network = perceptron(10)
    found = perturb(AutoAttack(ThreatModel.l2(0.4)), network, images[:3], network(images[:3]).argmax(1), seed=0)
    assert (found.images.double() - images[:3].double()).flatten(1).norm(dim=1).max() <= 0.4
    assert not found.correct.all()
