import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from robnas.attacks import FGSM, GEOMETRIES, PGD, Ball, Geometry, clip_to_ball, geometry, perturb
from robnas.errors import InputError
from robnas.types import NORMS, ThreatModel
from tests.reference.projection import nearest_l1

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_every_norm_of_a_threat_model_has_a_geometry():
    assert list(GEOMETRIES) == list(NORMS)


def test_a_norm_without_geometry_is_an_error_and_not_l2(monkeypatch):
    threat = ThreatModel.l1(1)
    monkeypatch.delitem(GEOMETRIES, "l1")
    images = torch.rand(1, 1, 4, 4)
    for use in (
        lambda: geometry("l1"),
        lambda: Ball(images, threat),
        lambda: clip_to_ball(images, images, threat),
        lambda: perturb(FGSM(threat), nn.Flatten(), images, torch.zeros(1, dtype=torch.int64), seed=0),
    ):
        with pytest.raises(InputError, match="norm: expected one of linf, l2, got 'l1'"):
            use()


@pytest.mark.parametrize("wrong", [object(), Geometry, None])
def test_what_is_no_whole_geometry_is_refused(wrong):
    with pytest.raises(InputError, match="norm 'l3': expected a geometry, got"):
        GEOMETRIES["l3"] = wrong
    assert "l3" not in NORMS


PARTS = ["size", "random", "direction", "shrink"]


@pytest.mark.parametrize("forgotten", PARTS)
def test_a_geometry_that_lacks_a_part_cannot_be_made(forgotten):
    parts = {name: getattr(type(GEOMETRIES["l1"]), name) for name in PARTS}
    whole = type("Whole", (Geometry,), parts)
    assert isinstance(whole(), Geometry)
    del parts[forgotten]
    with pytest.raises(TypeError, match=f"abstract method.* '?{forgotten}"):
        type("Half", (Geometry,), parts)()


@pytest.mark.parametrize("norm", NORMS)
def test_sizes_are_the_norms_of_numpy(norm):
    delta = torch.randn(5, 3, 4, 4, generator=seeded(0), dtype=torch.float64)
    order = {"linf": np.inf, "l2": 2, "l1": 1}[norm]
    expected = [np.linalg.norm(one.flatten().numpy(), order) for one in delta]
    np.testing.assert_allclose(geometry(norm).size(delta).flatten().numpy(), expected, rtol=1e-13)


@given(
    seed=st.integers(0, 2**32),
    epsilon=st.floats(0, 12) | st.sampled_from([0.0, 1e-9, 1.0]),
    spread=st.sampled_from([0.01, 0.5, 3.0]),
    kind=st.sampled_from(["random", "black and white", "equal", "one pixel"]),
)
@settings(max_examples=60, deadline=None)
def test_the_l1_projection_is_the_nearest_point_of_ball_and_pixel_range(seed, epsilon, spread, kind):
    centre = torch.rand(3, 1, 3, 4, generator=seeded(seed), dtype=torch.float64)
    delta = spread * torch.randn(centre.shape, generator=seeded(seed + 1), dtype=torch.float64)
    if kind == "black and white":
        centre = centre.round()
    elif kind == "equal":
        centre, delta = torch.full_like(centre, 0.5), torch.full_like(delta, spread)
    elif kind == "one pixel":
        delta[..., 1:] = 0
    expected = [nearest_l1(p.numpy(), c.numpy(), epsilon) for p, c in zip(centre + delta, centre, strict=True)]
    threat = ThreatModel.l1(epsilon)
    for found in (Ball(centre, threat).project(centre + delta), clip_to_ball(centre + delta, centre, threat)):
        np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 0.5, 12.0, 100.0])
def test_nothing_leaves_the_l1_ball_at_any_dtype(epsilon, dtype):
    images = torch.rand(20, 3, 8, 8, generator=seeded(0), dtype=torch.float64).to(dtype)
    images[0], images[1] = 0, 1
    far = images.double() + 3 * torch.randn(images.shape, generator=seeded(1), dtype=torch.float64)
    found = clip_to_ball(far, images, ThreatModel.l1(epsilon))
    assert found.dtype == dtype
    moved = (found.double() - images.double()).flatten(1).numpy()
    for order in (slice(None), slice(None, None, -1)):
        assert np.abs(moved[:, order]).sum(1).max() <= epsilon
    assert found.min() >= 0
    assert found.max() <= 1
    if dtype in (torch.float64, torch.float32) and epsilon >= 0.5:  # and the radius is used up, where there is room
        most = (far.clamp(0, 1) - images.double()).abs().flatten(1).sum(1).clamp(max=epsilon).numpy()
        assert np.abs(moved).sum(1) == pytest.approx(most, rel=1e-4)


def test_what_is_inside_the_l1_ball_stays_as_it_is():
    images = torch.rand(6, 3, 8, 8, generator=seeded(0))
    inside = (images + 0.01).clamp(0, 1)
    assert torch.equal(clip_to_ball(inside, images, ThreatModel.l1(2)), inside)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_l1_starts_are_uniform_in_the_ball(dtype):
    """The sum of the moves of n pixels then has the distribution of the largest of n uniform numbers."""
    images = torch.full((4000, 1, 2, 2), 0.5, dtype=dtype)
    noise = geometry("l1").random(images, 0.25, seeded(0)).double().flatten(1)
    radii = (noise.abs().sum(1) / 0.25).sort().values
    assert radii[-1] <= 1 + 1e-2
    levels = torch.arange(1, 4001, dtype=torch.float64) / 4000
    assert (radii**4 - levels).abs().max() < 0.04  # Kolmogorov and Smirnov: above it once in 100,000
    shares = noise.abs().mean(0) / noise.abs().mean()
    assert (shares - 1).abs().max() < 0.05
    assert (noise > 0).double().mean() == pytest.approx(0.5, abs=0.02)


def test_an_l1_step_takes_the_steepest_pixels_as_far_as_they_can_go():
    gradient = torch.zeros(1, 1, 2, 4)
    gradient[0, 0, 0] = torch.tensor([9.0, -8.0, 7.0, -6.0])
    gradient[0, 0, 1, 0] = 0.1
    centre = torch.full_like(gradient, 0.5)
    centre[0, 0, 0, 0], centre[0, 0, 0, 1] = 1, 0  # at the edge already
    for epsilon, expected in ((0.25, [0, 0, 0.25, 0, 0]), (0.75, [0, 0, 0.5, -0.25, 0]), (9, [0, 0, 0.5, -0.5, 0.5])):
        step = geometry("l1").direction(gradient, centre, epsilon)
        assert (epsilon * step.flatten()[:5]).tolist() == pytest.approx(expected)
        assert step.flatten()[5:].tolist() == [0, 0, 0]
    assert not geometry("l1").direction(gradient, centre, 0.0).any()


class Linear(nn.Module):
    """Logits linear in the image: the worst case is known."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 64, dtype=torch.float64).view(1, 1, 8, 8))

    def forward(self, images):
        score = (images * self.weight).sum((1, 2, 3))
        return torch.stack([score, -score], dim=1)


def worst(images, weight, epsilon):
    """Pixels in the order of their weights go as far as they can until ε is used up."""
    room = torch.where(weight > 0, images, 1 - images).flatten(1)  # against the weight
    order = weight.flatten().abs().argsort(descending=True)
    taken = (
        room[:, order].cumsum(1).clamp(max=epsilon).diff(prepend=torch.zeros(len(images), 1, dtype=images.dtype), dim=1)
    )
    return -(taken * weight.flatten().abs()[order]).sum(1)


@pytest.mark.parametrize("epsilon", [0.3, 2.0, 12.0])
def test_fgsm_and_pgd_in_l1_reach_the_worst_case_of_a_linear_network(epsilon):
    images = torch.rand(8, 1, 8, 8, generator=seeded(0), dtype=torch.float64)
    network, labels, threat = Linear(), torch.zeros(8, dtype=torch.int64), ThreatModel.l1(epsilon)
    expected = worst(images, network.weight.detach(), epsilon)

    def change(attack):
        with torch.no_grad():
            return (network(perturb(attack, network, images, labels, seed=0).images) - network(images))[:, 0]

    torch.testing.assert_close(change(FGSM(threat)), expected)
    assert (change(PGD(threat, 20, epsilon / 2)) <= 0.97 * expected).all()
    assert (change(PGD(threat, 20, epsilon / 8)) <= 0.8 * expected).all()


@pytest.mark.parametrize("norm", NORMS)
def test_a_radius_beyond_all_distances_is_of_another_unit(norm):
    images, labels = torch.rand(1, 3, 4, 4), torch.zeros(1, dtype=torch.int64)
    largest = {"linf": 1.0, "l2": 48**0.5, "l1": 48.0}[norm]
    perturb(FGSM(ThreatModel(norm, largest)), nn.Flatten(), images, labels, seed=0)
    if norm != "linf":  # which its threat model refuses already
        with pytest.raises(
            InputError, match=f"threat model epsilon: expected at most .* the {norm} distance of a black"
        ):
            perturb(FGSM(ThreatModel(norm, largest + 1e-6)), nn.Flatten(), images, labels, seed=0)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("scale", [1e-37, 1e-21, 1e-12, 1e-7, 1e25])
def test_the_size_of_a_gradient_does_not_change_the_step(norm, scale):
    """Confident networks have gradients of 1e-20, whose squares vanish in float32."""
    drawn = torch.Generator().manual_seed(0)
    centre, gradient = torch.rand(3, 1, 4, 4, generator=drawn), torch.rand(3, 1, 4, 4, generator=drawn) + 0.1
    gradient[1] = 0
    steps = [geometry(norm).direction(gradient * factor, centre, 0.5) for factor in (1.0, scale)]
    torch.testing.assert_close(steps[1], steps[0], rtol=1e-5, atol=0)
    assert not steps[1][1].any()
