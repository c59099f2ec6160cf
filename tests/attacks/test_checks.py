"""What an attack is given and what comes out: wrong things are one clear line, and odd but right ones work."""

import copy

import pytest
import torch
from torch import nn

from robnas.attacks import APGD, FGSM, PGD, AutoAttack, Square, check_classes, check_images, perturb, predict
from robnas.errors import InputError
from robnas.networks import build_network
from robnas.types import ThreatModel

LINF, L2 = ThreatModel.linf("32/255"), ThreatModel.l2(0.5)
GRADIENT_ATTACKS = [FGSM(LINF), FGSM(L2), PGD(LINF, 3, 0.1), PGD(L2, 3, 0.2, restarts=2), APGD(LINF, 4), APGD(L2, 4)]
NAMES = [f"{attack.name}-{attack.threat.norm}" for attack in GRADIENT_ATTACKS]


@pytest.fixture
def images():
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return images.index_fill(3, torch.tensor([0]), 0.0)


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)).eval()


@pytest.fixture
def labels(network, images):
    return network(images).argmax(1)


class Before(nn.Module):
    """A function of the pixels in front of a network, or one of the logits behind it."""

    def __init__(self, network, before=lambda x: x, after=lambda x: x):
        super().__init__()
        self.network, self.before, self.after = network, before, after

    def forward(self, images):
        return self.after(self.network(self.before(images)))


# what is not finite


def test_lazy_layers_that_were_never_asked_are_refused(images, labels):
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    for ask in (
        lambda: perturb(FGSM(LINF), lazy, images, labels, seed=0),
        lambda: check_classes(lazy, images[:1], labels, count=len(images), classes=10),
    ):
        with pytest.raises(InputError, match="network: expected weights with a shape, got lazy layers that were never"):
            ask()
    lazy(images[:1])
    perturb(FGSM(LINF), lazy, images, labels, seed=0)


@pytest.mark.parametrize("attack", [*GRADIENT_ATTACKS, AutoAttack(LINF)], ids=[*NAMES, "autoattack"])
@pytest.mark.parametrize(
    "before",
    [lambda x: torch.sqrt(x) ** 2, lambda x: torch.sqrt(x), lambda x: torch.where(x > 0, x.log().exp(), 0 * x)],
    ids=["nan", "infinite", "masked"],
)
def test_a_gradient_that_is_not_finite_is_refused(attack, before, network, images, labels):
    """At a pixel of 0 the slope of the root is infinite; the logits are fine."""
    victim = Before(network, before)
    assert victim(images).isfinite().all()
    pattern = r"gradient of the loss to the images: expected finite numbers, got nan or infinity; .* add a small"
    with pytest.raises(InputError, match=pattern):
        perturb(attack, victim, images, predict(victim, images, 6), seed=0)


@pytest.mark.parametrize(
    "attack", [*GRADIENT_ATTACKS, Square(LINF, 20), AutoAttack(LINF)], ids=[*NAMES, "square", "autoattack"]
)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_finite_on_clean_images_alone_are_refused(attack, bad, network, images, labels):
    clean = {tuple(image.flatten().tolist()) for image in images}

    def after(logits):
        moved = torch.tensor([tuple(image.flatten().tolist()) not in clean for image in victim.seen])
        return torch.where(moved[:, None], torch.full_like(logits, bad), logits)

    def before(x):
        victim.seen = x.detach()
        return x

    victim = Before(network, before, after)
    with pytest.raises(InputError, match="network: expected finite logits on attacked images, got nan or infinity"):
        perturb(attack, victim, images, labels, seed=0)


def test_the_first_batch_tells(network, images, labels):
    asked = []
    victim = Before(network, lambda x: asked.append(len(x)) or torch.sqrt(x) ** 2)
    with pytest.raises(InputError, match="gradient"):
        perturb(PGD(LINF, 2, 0.1), victim, images, labels, seed=0, batch_size=2)
    assert asked == [1, 2, 2]  # what the classes are, and two steps of the first batch


def test_zero_gradients_are_no_fault(network, images, labels):
    victim = Before(network, lambda x: (x * 255).round() / 255)
    for attack in GRADIENT_ATTACKS:
        perturb(attack, victim, images, labels, seed=0)


@pytest.mark.parametrize("attack", [*GRADIENT_ATTACKS, AutoAttack(LINF)], ids=[*NAMES, "autoattack"])
@pytest.mark.parametrize("scale", [1.0, torch.ones((), requires_grad=True)], ids=["plain", "of a tensor"])
def test_logits_without_a_gradient_are_refused_where_one_is_needed(attack, scale, network, images, labels):
    victim = Before(network, lambda x: x.detach() * scale)
    text = "network: expected logits with a gradient to the images, got none; let forward .* or use the attack square"
    with pytest.raises(InputError, match=text):
        perturb(attack, victim, images, labels, seed=0)
    perturb(Square(LINF, 5), victim, images, labels, seed=0)


class Own:
    """An attack from elsewhere."""

    name, threat = "own", LINF

    def __init__(self, give):
        self.give = give

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        return self.give(images)


@pytest.mark.parametrize(
    ("give", "text"),
    [
        (lambda x: x + torch.nan, "images of own@32/255: expected finite pixels, got nan or infinity"),
        (lambda x: x + torch.inf, "images of own@32/255: expected finite pixels, got nan or infinity"),
        (lambda x: x[:1], r"images of own@32/255: expected shape \(6, 1, 8, 8\), got shape \(1, 1, 8, 8\)"),
        (lambda x: x.numpy(), "images of own@32/255: .* got ndarray"),
        (lambda x: (255 * x).to(torch.uint8), "images of own@32/255: expected floating point in .* got torch.uint8"),
    ],
)
def test_what_an_attack_returns_is_checked(give, text, network, images, labels):
    with pytest.raises(InputError, match=text):
        perturb(Own(give), network, images, labels, seed=0)


def test_an_attack_that_spoils_its_images_is_refused(network, images, labels):
    """The images would no longer be the centre of the ball."""
    for spoil in (lambda x: x.add_(0.5), lambda x: x[:1].zero_() + x):
        with pytest.raises(InputError, match=r"attack own@32/255: expected new images, got images or labels changed"):
            perturb(Own(spoil), network, images.clone(), labels, seed=0)


def test_a_network_that_spoils_its_images_is_refused(network, images, labels):
    before = images.clone()
    for spoil in (lambda x: x.sub_(0.5), lambda x: x.clamp_(0.1), lambda x: x[:, :, 0].zero_() + 0 * x[:, :, 0] + x):
        with pytest.raises(InputError, match="network: expected a forward that leaves its images as they are"):
            perturb(Square(LINF, 5), Before(network, spoil), images, labels, seed=0)
    assert torch.equal(images, before)


def test_what_is_no_module_is_refused(images, labels):
    with pytest.raises(InputError, match=r"network: expected a torch.nn.Module, got <function"):
        perturb(FGSM(LINF), lambda x: x.flatten(1), images, labels, seed=0)


# logits


@pytest.mark.parametrize(
    ("after", "got"),
    [
        (lambda x: x[:, :1], r"torch.float32 of shape \(1, 1\)"),
        (lambda x: x[:, 0], r"torch.float32 of shape \(1,\)"),
        (lambda x: x[:, :, None, None], r"torch.float32 of shape \(1, 10, 1, 1\)"),
        (lambda x: x.mean(0, keepdim=True).expand(2, -1), r"torch.float32 of shape \(2, 10\)"),
        (lambda x: (x, x), "tuple"),
        (lambda x: {"logits": x}, "dict"),
        (lambda x: x.argmax(1, keepdim=True).expand(-1, 10), r"torch.int64 of shape \(1, 10\)"),
    ],
)
def test_logits_of_another_kind_are_refused(after, got, network, images, labels):
    text = rf"network: expected logits of shape \(1, 2 or more\), one per image and class, got {got}; let forward"
    for attack in (FGSM(LINF), Square(LINF, 5)):
        with pytest.raises(InputError, match=text):
            perturb(attack, Before(network, after=after), images, labels, seed=0)


# labels


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.int8, torch.uint8])
def test_labels_are_integers_of_any_width(dtype, network, images, labels):
    for attack in (*GRADIENT_ATTACKS, Square(LINF, 5)):
        expected = perturb(attack, network, images, labels, seed=0)
        found = perturb(attack, network, images, labels.to(dtype), seed=0)
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.correct, expected.correct)


@pytest.mark.parametrize("bad", [-1, -100, 10, 11])
def test_labels_without_a_logit_are_refused(bad, network, images, labels):
    labels[3] = bad
    with pytest.raises(InputError, match=rf"labels: expected numbers of classes, from 0.*, got {bad}$"):
        perturb(FGSM(LINF), network, images, labels, seed=0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda y: y.float(), r"labels: expected a tensor of integers, got torch.float32 .*; labels.long\(\)"),
        (lambda y: y.bool(), "labels: expected a tensor of integers, got torch.bool"),
        (lambda y: y.tolist(), "labels: expected a tensor of integers, got list"),
        (lambda y: y[:, None], r"labels: expected shape \(6,\), one per image, got shape \(6, 1\)"),
        (lambda y: y[:5], r"labels: expected shape \(6,\), one per image, got shape \(5,\)"),
        (lambda y: nn.functional.one_hot(y, 10), r"labels: expected shape \(6,\)"),
    ],
)
def test_labels_of_another_kind_are_refused(change, text, network, images, labels):
    with pytest.raises(InputError, match=text):
        perturb(FGSM(LINF), network, images, change(labels), seed=0)


# images


def test_rounding_outside_the_pixel_range_is_clipped(network, images, labels):
    images[0, 0, 0, 0], images[1, 0, 0, 0] = 1.0000002, -2e-7
    found = perturb(FGSM(LINF), network, images, labels, seed=0).images
    assert 0 <= found.min() <= found.max() <= 1
    assert torch.equal(found, perturb(FGSM(LINF), network, images.clamp(0, 1), labels, seed=0).images)
    assert images.max() > 1  # the caller's are not touched


def test_what_is_more_than_rounding_is_shown_with_its_digits(images, labels):
    images[0, 0, 0, 0] = 1.00001
    with pytest.raises(InputError, match=r"finite pixels in \[0, 1\], got values from 0 to 1.00001001;"):
        check_images(images, labels)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: x[0], r"images: expected floating point of shape \(n, .*, got torch.float32 of shape \(1, 8, 8\)$"),
        (lambda x: x[:0], r"at least one, got torch.float32 of shape \(0, 1, 8, 8\)$"),
        (lambda x: x[..., :0], r"at least one, got torch.float32 of shape \(6, 1, 8, 0\)$"),
        (lambda x: (x * 255).to(torch.uint8), "got torch.uint8 .*; divide uint8 images by 255"),
        (lambda x: x.numpy(), "images: .* got ndarray$"),
        (lambda x: x.double(), r"network: expected one that takes torch.float64 images .*; images.to\('cpu', torch"),
        (
            lambda x: x.expand(-1, 3, -1, -1),
            r"network: expected one that takes .* of shape \(3, 8, 8\) on cpu, got Run",
        ),
    ],
)
def test_images_that_the_network_does_not_take_are_refused(change, text, network, images, labels):
    with pytest.raises(InputError, match=text) as raised:
        perturb(FGSM(LINF), network, change(images), labels, seed=0)
    assert "\n" not in str(raised.value)


def test_a_float64_network_says_that_it_takes_no_float32_images(network, images, labels):
    with pytest.raises(InputError, match=r"takes torch.float32 images .*; images.to\('cpu', torch.float64\)"):
        perturb(FGSM(LINF), network.double(), images, labels, seed=0)


def test_grey_images_are_not_spread_over_three_channels(images, labels):
    network = build_network("323143", num_classes=10, channels=2, cells=1)
    with pytest.raises(InputError, match=r"images: expected 3 channels, .* got images of shape \(1, 8, 8\)"):
        perturb(FGSM(LINF), network, images, labels, seed=0)


def test_what_other_networks_call_their_channels_means_nothing(network, images, labels):
    network.in_channels = 64  # of its last block
    perturb(FGSM(LINF), network, images, labels, seed=0)


# where it is called


@pytest.mark.parametrize("attack", [*GRADIENT_ATTACKS, Square(LINF, 5)], ids=[*NAMES, "square"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_attacks_work_where_gradients_are_off(attack, mode, network, images, labels):
    built = build_network("323143", num_classes=10, channels=2, cells=1, in_channels=1).eval()
    for victim in (network, built, Before(built)):
        expected = perturb(attack, victim, images, labels, seed=0)
        with mode():
            found = perturb(attack, victim, images.clone(), labels.clone(), seed=0)
        assert torch.equal(found.images, expected.images)
        assert not found.images.is_inference()


def test_weights_made_in_inference_mode_are_refused_unless_copied(network, images, labels):
    with torch.inference_mode():
        made = copy.deepcopy(network)
    with pytest.raises(InputError, match="weights made outside inference_mode; use a copy"):
        perturb(FGSM(LINF), made, images, labels, seed=0)
    perturb(FGSM(LINF), copy.deepcopy(made), images, labels, seed=0)


def test_images_that_require_a_gradient_get_none(network, images, labels):
    expected = perturb(PGD(LINF, 2, 0.1), network, images, labels, seed=0).images
    images.requires_grad_()
    for attack in (*GRADIENT_ATTACKS, Square(LINF, 5)):
        found = perturb(attack, network, images, labels, seed=0).images
        assert not found.requires_grad
    assert torch.equal(perturb(PGD(LINF, 2, 0.1), network, images, labels, seed=0).images, expected)
    assert images.grad is None


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("attack", [*GRADIENT_ATTACKS, Square(LINF, 5)], ids=[*NAMES, "square"])
def test_the_default_dtype_changes_nothing(attack, network, images, labels, request):
    built = build_network("323143", num_classes=10, channels=2, cells=1, in_channels=1).eval()
    expected = [perturb(attack, victim, images, labels, seed=0).images for victim in (network, built)]
    request.getfixturevalue("float64_by_default")
    found = [perturb(attack, victim, images, labels, seed=0).images for victim in (network, built)]
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("attack", [*GRADIENT_ATTACKS, Square(LINF, 5)], ids=[*NAMES, "square"])
@pytest.mark.parametrize("after", [lambda x: x[:1], lambda x: x.view(1, -1)])
def test_logits_for_one_image_alone_are_refused(attack, after, network, images, labels):
    with pytest.raises(InputError, match=r"network: expected logits of shape \(6, 2 or more\), one per image and"):
        perturb(attack, Before(network, after=after), images, labels, seed=0)


# networks that draw random numbers


def test_a_random_network_is_attacked_alike_twice_and_nobody_notices(network, images, labels):
    victim = Before(network, after=lambda x: x + torch.randn(x.shape))
    state = torch.get_rng_state()
    first, again = (perturb(PGD(LINF, 2, 0.1), victim, images, labels, seed=0) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.correct, again.correct)
    with pytest.raises(InputError):
        perturb(PGD(LINF, 2, 0.1), Before(victim, after=lambda x: x / 0), images, labels, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
