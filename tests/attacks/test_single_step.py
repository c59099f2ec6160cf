"""Attacks of one step against ones written out, in every norm, and what an evaluation makes of them."""

import pytest
import torch
import torch.nn.functional as F

from robnas.attacks import FGSM, NFGSM, PGD, RSFGSM, Free, GradientAttack, geometry, perturb
from robnas.errors import InputError
from robnas.types import ThreatModel, silent

LINF = ThreatModel.linf("8/255")
THREATS = [LINF, ThreatModel.l2(0.5), ThreatModel.l1(6)]
EVERY = [RSFGSM, NFGSM, Free, FGSM]


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(6, 3, 4, 4, generator=generator).double()
    images[0, 0], images[1, 1] = 0.0, 1.0  # pixels at the edge
    return images, torch.randint(4, (6,), generator=generator)


def seeded(seed=2):
    return torch.Generator().manual_seed(seed)


def loss_of(network, labels):
    return lambda images: F.cross_entropy(network(images), labels, reduction="sum")


def gradient_at(network, images, labels):
    asked = images.clone().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(network(asked), labels, reduction="sum"), asked)[0]


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_rs_fgsm_is_pgd_with_one_step_of_a_quarter_more_than_the_radius(network, batch, threat):
    images, labels = batch
    one = PGD(threat, steps=1, step_size=1.25 * threat.epsilon)
    loss = loss_of(network.double(), labels)
    found = RSFGSM(threat).once(loss, images, seeded())
    assert torch.equal(found, one.once(loss, images, seeded()))
    assert geometry(threat.norm).size(found - images).max() <= threat.epsilon


@pytest.mark.parametrize(("noise", "step"), [(2.0, 1.0), (0.5, 1.25), (0.0, 1.0), (4.0, 3.9)])
def test_n_fgsm_is_noise_and_a_step_that_are_kept_in_pixels_but_not_in_the_ball(network, batch, noise, step):
    images, labels = batch
    found = NFGSM(LINF, noise=noise, step=step).once(loss_of(network.double(), labels), images, seeded())
    epsilon = 8 / 255
    reach = noise * epsilon
    start = (images + torch.empty_like(images).uniform_(-reach, reach, generator=seeded())).clamp(0, 1)
    expected = (start + step * epsilon * gradient_at(network, start, labels).sign()).clamp(0, 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    far = (found - images).abs().max()
    assert far <= (noise + step) * epsilon + 1e-12
    assert (far > epsilon + 1e-9) == (noise + step > 1)


@pytest.mark.parametrize("threat", THREATS[1:], ids=str)
def test_n_fgsm_in_other_norms_has_noise_of_twice_the_radius_and_a_step_of_once(network, batch, threat):
    images, labels = batch
    images = 0.4 + 0.2 * images  # no pixel comes near an edge
    found = NFGSM(threat).once(loss_of(network.double(), labels), images, seeded())
    shape = geometry(threat.norm)
    start = images + shape.random(images, 2 * threat.epsilon, seeded())
    start = start.clamp(0, 1)
    size = shape.size(found - start).flatten()
    torch.testing.assert_close(size, torch.full_like(size, threat.epsilon), rtol=1e-6, atol=0)
    assert shape.size(found - images).max() > threat.epsilon


@pytest.mark.parametrize("threat", THREATS, ids=str)
@pytest.mark.parametrize("kind", EVERY)
def test_an_evaluation_is_clipped_to_the_radius_and_does_not_depend_on_the_batches_before(network, batch, threat, kind):
    images, labels = batch
    network, images = network.float(), images.float()
    first = perturb(kind(threat), network, images, labels, seed=3)
    again = perturb(kind(threat), network, images, labels, seed=3)
    assert torch.equal(first.images, again.images)
    moved = geometry(threat.norm).size(first.images.double() - images.double())
    assert moved.max() <= threat.epsilon * (1 + 1e-9)
    assert moved.min() > 0
    assert isinstance(kind(threat), GradientAttack)
    assert kind(threat).steps == 1
    told = []
    kind(threat)(network, images, labels, seed=3, batch_size=4, progress=lambda *given: told.append(given))
    assert [entry[:2] for entry in told] == [(4, 6), (6, 6)]


@pytest.mark.parametrize("kind", EVERY)
def test_a_radius_of_zero_moves_nothing(network, batch, kind):
    images, labels = batch
    found = kind(ThreatModel.linf(0))(network.double(), images, labels, seed=0, batch_size=6, progress=silent)
    assert torch.equal(found, images)


def test_a_radius_of_the_whole_pixel_range_is_possible(network, batch):
    images, labels = batch
    for attack in (NFGSM(ThreatModel.linf(1), step=3), RSFGSM(ThreatModel.linf(1)), Free(ThreatModel.linf(1))):
        found = attack.once(loss_of(network.double(), labels), images, seeded())
        assert found.min() >= 0
        assert found.max() <= 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: RSFGSM(LINF, step=0),
            "RSFGSM step: expected a multiple of epsilon, above 0 and below 4, got 0",
        ),
        (lambda: RSFGSM(LINF, step=float("nan")), "RSFGSM step: expected a multiple of epsilon"),
        (lambda: RSFGSM(LINF, step="10/255"), "RSFGSM step: expected a number, got '10/255'"),
        (lambda: NFGSM(LINF, step=4), "NFGSM step: expected a multiple of epsilon, above 0 and below 4, got 4"),
        (lambda: NFGSM(LINF, noise=-1), r"NFGSM noise: expected a number in \[0, 16\], got -1"),
        (lambda: NFGSM(LINF, noise=True), "NFGSM noise: expected a number, got True"),
        (lambda: Free(LINF, replays=0), "Free replays: expected at least 1, got 0"),
        (lambda: Free(LINF, replays=2.5), "Free replays: expected a whole number, got 2.5"),
        (lambda: Free(8 / 255), "attack threat: expected a ThreatModel"),
    ],
)
def test_impossible_settings_are_refused(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_a_loss_that_is_not_finite_is_an_error_of_the_network(batch):
    images, labels = batch

    def broken(asked):
        return torch.stack([asked.sum((1, 2, 3)).log() - torch.inf, asked.sum((1, 2, 3))], 1).repeat(1, 2)

    for kind in EVERY:
        with pytest.raises(InputError, match="finite"):
            kind(LINF)(broken, images, labels, seed=0, batch_size=6, progress=silent)
