"""The wide residual network, written literally from its definition: a list of weights and one loop over blocks."""

import torch.nn.functional as F


def _norm(x, state, name):
    keys = ("running_mean", "running_var", "weight", "bias")
    return F.batch_norm(x, *(state[f"{name}.{key}"] for key in keys))


def wide_resnet(state, pixels, depths, widths):
    """Logits in evaluation mode of a state dict of `WideResNet`; `widths` are channels."""
    x = (pixels - state["normalize.mean"]) / state["normalize.std"]
    x = F.conv2d(x, state["stem.weight"], padding=1)
    inputs = 16
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for block in range(depth):
            name = f"stages.{stage}.{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            active = F.relu(_norm(x, state, f"{name}.norm_a"))
            out = F.conv2d(active, state[f"{name}.conv_a.weight"], stride=stride, padding=1)
            out = F.relu(_norm(out, state, f"{name}.norm_b"))
            out = F.conv2d(out, state[f"{name}.conv_b.weight"], padding=1)
            if stride == 2 or inputs != width:
                x = out + F.conv2d(active, state[f"{name}.shortcut.weight"], stride=stride)
            else:
                x = out + x
            inputs = width
    x = F.relu(_norm(x, state, "head.norm"))
    return F.linear(x.mean((2, 3)), state["head.linear.weight"], state["head.linear.bias"])
