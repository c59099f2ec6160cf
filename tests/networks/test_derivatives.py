"""Derivatives of any order and torch.func against the same network with torch's own pooling."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import forward_ad, functional
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from robnas._products import products
from robnas.networks import build_network
from robnas.networks._fused import _box, layout, pool, pool_gradient

# Of torch's own modules, when it first loads what forward mode needs.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
CODES = ["444444", "323134", "423143", "111111", "000000"]


def network_of(code, dtype=torch.float64):
    network = build_network(code, num_classes=3, channels=2, cells=1, in_channels=2, seed=1).to(dtype).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return network


def images_of(size, dtype, batch=3):
    return torch.rand(batch, 2, size, size, generator=torch.Generator().manual_seed(0)).to(dtype)


def logits(network, image):
    return network(image[None])[0]


def loss(network, image):
    return F.cross_entropy(logits(network, image), torch.tensor(1))


def through_graph(network, images):
    """The gradient of the squared norm of the gradient, as a penalty on it would take it."""
    image = images[0].clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(network, image), image, create_graph=True)
    (second,) = torch.autograd.grad((first**2).sum(), image, create_graph=True)
    (third,) = torch.autograd.grad((second**2).sum(), image)
    return torch.stack([first.detach(), second.detach(), third])


def weights_twice(network, images):
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    total = F.cross_entropy(network(images), torch.tensor([0, 1, 2]))
    first = torch.autograd.grad(total, weights, create_graph=True, allow_unused=True)
    norm = sum((part**2).sum() for part in first if part is not None)
    second = torch.autograd.grad(norm, weights, allow_unused=True)
    return torch.cat([part.flatten() for part in second if part is not None])


def forward_mode(network, images):
    with forward_ad.dual_level():
        out = logits(network, forward_ad.make_dual(images[0], images[1]))
        return forward_ad.unpack_dual(out).tangent


def by_weights(network, images):
    def total(weights):
        return F.cross_entropy(functional_call(network, weights, (images,)), torch.tensor([0, 1, 2]))

    return torch.cat([part.flatten() for part in grad(total)(dict(network.named_parameters())).values()])


DERIVATIVES = {
    "graph": through_graph,
    "weights": weights_twice,
    "functional.hessian": lambda n, x: functional.hessian(partial(loss, n), x[0]),
    "forward mode": forward_mode,
    "grad": lambda n, x: grad(partial(loss, n))(x[0]),
    "grad by weights": by_weights,
    "vmap": lambda n, x: vmap(partial(logits, n))(x),
    "vmap of grad": lambda n, x: vmap(grad(partial(loss, n)))(x),
    "jvp": lambda n, x: jvp(partial(logits, n), (x[0],), (x[1],))[1],
    "vjp": lambda n, x: vjp(partial(logits, n), x[0])[1](torch.ones(3, dtype=x.dtype))[0],
    "jacrev": lambda n, x: jacrev(partial(logits, n))(x[0]),
    "jacfwd": lambda n, x: jacfwd(partial(logits, n))(x[0]),
    "hessian": lambda n, x: hessian(partial(loss, n))(x[0]),
    "reverse twice": lambda n, x: jacrev(jacrev(partial(loss, n)))(x[0]),
    "vmap of hessian": lambda n, x: vmap(hessian(partial(loss, n)))(x[:2]),
}


def plain(value):
    return F.avg_pool2d(value, 3, stride=1, padding=1, count_include_pad=False)


@pytest.mark.parametrize("what", DERIVATIVES)
@pytest.mark.parametrize(("dtype", "size", "tolerance"), [(torch.float64, 4, 1e-12), (torch.float32, 8, 1e-4)])
def test_derivatives_are_those_with_plain_pooling(what, dtype, size, tolerance, monkeypatch):
    """In float32 at 8×8 pooling is a convolution; its reference is in float64."""
    if "hessian" in what or "twice" in what:
        size = 4 if dtype == torch.float64 else 8
    for code in CODES if dtype == torch.float64 else CODES[:2]:
        found = DERIVATIVES[what](network_of(code, dtype), images_of(size, dtype))
        with monkeypatch.context() as patch:
            patch.setattr("robnas.networks.nas_bench_201._cell.average_pool", plain)
            expected = DERIVATIVES[what](network_of(code), images_of(size, dtype).double())
        scale = expected.abs().max().item()
        torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance * scale)
        assert code not in CODES[:3] or scale > 0


def test_an_ensemble_of_networks_is_one_vmap():
    networks = [build_network("423143", num_classes=3, channels=2, cells=1, in_channels=2, seed=s) for s in (0, 1)]
    states = [network.double().eval().state_dict() for network in networks]
    images = images_of(8, torch.float64)
    stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    found = vmap(lambda state: functional_call(networks[0], state, (images,)))(stacked)
    torch.testing.assert_close(found, torch.stack([network(images) for network in networks]).detach())


@pytest.mark.parametrize("code", ["323134", "003033"])
@pytest.mark.parametrize("in_channels", [1, 2])
def test_weights_and_their_gradients_can_be_viewed_flat(code, in_channels):
    network = build_network(code, num_classes=3, channels=4, cells=1, in_channels=in_channels)
    network(torch.rand(4, in_channels, 8, 8)).sum().backward()
    for parameter in network.parameters():
        assert parameter.view(-1).numel() == parameter.grad.view(-1).numel()


@pytest.mark.parametrize(("height", "width"), [(1, 64), (64, 1), (2, 32), (3, 30), (8, 8), (7, 15)])
def test_pooling_by_convolution_takes_any_shape(height, width):
    _box.cache_clear()
    value = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    network = build_network("444444", num_classes=3, channels=3, cells=1)
    with torch.inference_mode():
        found = network.stages[0][0].fans["0"](value)
        torch.testing.assert_close(dict(found)[1], plain(value))
    value.requires_grad_()  # what was kept in inference mode serves here, too
    (first,) = torch.autograd.grad(
        (dict(network.stages[0][0].fans["0"](value))[1] ** 2).sum(), value, create_graph=True
    )
    (second,) = torch.autograd.grad((first**2).sum(), value)
    (other,) = torch.autograd.grad((plain(value) ** 2).sum(), value, create_graph=True)
    torch.testing.assert_close(second, torch.autograd.grad((other**2).sum(), value)[0])


def folded_derivatives():
    names = set(DERIVATIVES) - {"weights", "grad by weights"}
    return [*sorted(names), "functional.jacobian", "hvp"]


@pytest.mark.parametrize("what", folded_derivatives())
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_folded_network_refuses_what_it_cannot_differentiate(what, dtype):
    more = {
        "functional.jacobian": lambda n, x: functional.jacobian(partial(logits, n), x[0]),
        "hvp": lambda n, x: functional.hvp(partial(loss, n), x[0], x[1]),
    }
    folded = network_of("323134", dtype).folded()
    with pytest.raises(RuntimeError):
        (DERIVATIVES | more)[what](folded, images_of(8, dtype))


def test_refusals_say_what_to_do():
    network = network_of("323134")
    for what, text in (
        ("functional.hessian", "once_differentiable: ask the network itself"),
        ("forward mode", "knows no forward mode and no torch.func: ask the network itself"),
        ("vmap of grad", "knows no forward mode and no torch.func: ask the network itself"),
    ):
        with pytest.raises(RuntimeError, match=text):
            DERIVATIVES[what](network.folded(), images_of(4, torch.float64))
    image = images_of(4, torch.float64)[:1].requires_grad_()
    total = network.folded()(image).sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="frees its activations in the first backward pass: call it again"):
        total.backward()


@pytest.mark.parametrize("in_channels", [1, 3])
def test_feature_maps_are_channels_last(in_channels):
    network = build_network("323134", num_classes=3, channels=4, cells=1, in_channels=in_channels)
    network(torch.rand(2, in_channels, 8, 8))
    seen = []
    for stage in network.stages:
        stage.register_forward_hook(lambda module, inputs, output: seen.append(output.stride(1)))
    network(torch.rand(2, in_channels, 8, 8))
    assert seen == [1, 1, 1]


@pytest.mark.parametrize(
    ("device", "tf32", "dtype", "expected"),
    [
        ("cpu", False, torch.float32, torch.channels_last),
        ("cuda", False, torch.float32, torch.contiguous_format),
        ("cuda", False, torch.float64, torch.contiguous_format),
        ("cuda", True, torch.float32, torch.channels_last),
        ("cuda", False, torch.bfloat16, torch.channels_last),
    ],
)
def test_feature_maps_lie_as_the_products_of_the_device_want_them(device, tf32, dtype, expected):
    with products(torch.device(device), tf32=tf32):
        assert layout(torch.device(device), dtype) == expected


@gpu
def test_mixed_precision_on_a_gpu_is_channels_last():
    with products(torch.device("cuda")), torch.autocast("cuda", torch.bfloat16):
        assert layout(torch.device("cuda"), torch.float32) == torch.channels_last


def test_kernels_of_pooling_outlive_the_transform_that_asked_first():
    kept = []

    def total(x):
        kept.append(_box(3, 9, 9, torch.bfloat16, x.device))
        return x.sum()

    vmap(grad(total))(torch.rand(2, 3))
    assert not any(torch._C._functorch.is_functorch_wrapped_tensor(tensor) for tensor in kept[0])


@gpu
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["first", "last"])
@pytest.mark.parametrize("size", [(32, 32), (8, 8), (5, 3), (1, 7)])
def test_pooling_on_a_gpu_is_that_of_float64(size, memory_format):
    x = torch.randn(4, 6, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pooled, gradient = pool(x), pool_gradient(x)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        there = x.to("cuda", dtype).contiguous(memory_format=memory_format)
        with products(there.device):
            torch.testing.assert_close(pool(there).cpu().double(), pooled, rtol=tolerance, atol=tolerance)
            torch.testing.assert_close(pool_gradient(there).cpu().double(), gradient, rtol=tolerance, atol=tolerance)


@gpu
@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_gradients_on_a_gpu_are_those_on_the_cpu(code, tf32):
    """To the pixels, of the network and of the folded one."""
    network, images = network_of(code), images_of(8, torch.float64)
    expected = gradient_of(network, images)
    there = network_of(code, torch.float32).cuda()
    for asked in (there, there.folded()):
        with products(torch.device("cuda"), tf32=tf32):
            found = gradient_of(asked, images.to("cuda", torch.float32))
        tolerance = (3e-2 if tf32 else 1e-4) * expected.abs().max().item()
        torch.testing.assert_close(found.cpu().double(), expected, rtol=0, atol=max(tolerance, 1e-7))


def gradient_of(network, images):
    pixels = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(pixels).square().sum(), pixels)
    return gradient
