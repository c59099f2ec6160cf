"""One step of adversarial training: attack, loss, update."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, final

import torch
from torch import Tensor, nn

from robnas._products import products
from robnas.attacks import Free, GradientAttack, parameter_dtype
from robnas.errors import InputError, Verbatim
from robnas.training._free import Running, WithPerturbation
from robnas.training._objective import Outcome, check_outcome, name_of, objective_of
from robnas.training._optimizer import Updates
from robnas.training._recipe import Recipe
from robnas.training._weights import Weights

_EAGER_STEPS = 3  # before a capture: libraries choose their algorithms in the first ones

Replay: TypeAlias = Callable[[], Outcome]
Capture: TypeAlias = Callable[[Replay, torch.Generator], Replay]
"""Records what a function computes on the device, without computing it, as one that does it again and again."""


def cuda_graph(run: Replay, generator: torch.Generator) -> Replay:
    """`run` as one CUDA graph; its result lies where the next replay writes its own."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    # Without a stream of its own the capture would be made on whatever device is the current one.
    stream = torch.cuda.Stream(generator.device)  # type: ignore[no-untyped-call]
    with torch.cuda.device(generator.device), torch.cuda.graph(graph, stream=stream):
        outcome = run()

    def replay() -> Outcome:
        graph.replay()
        return outcome

    return replay


def _attacking(recipe: Recipe, attack: Running) -> Recipe:
    """The recipe with another attack, for objectives: what stands for an attack while it trains is no setting."""
    found = copy.copy(recipe)
    object.__setattr__(found, "attack", attack)
    return found


@final
class Step:
    """The step that a recipe describes, on one network.

    On a GPU the whole step, attack and update, is captured once per batch size, after a few steps, so that its many
    small operations are launched together; what it computes is the same.

    Args:
        network: maps pixels in [0, 1] to logits; its weights are updated in place.
        recipe: objective, attack and optimizer settings.
        generator: of the attack, on the device of the network.
        capture: how to capture; `cuda_graph` on a GPU and not at all elsewhere, if omitted.

    Raises:
        InputError: the network has no weights to train.
    """

    def __init__(
        self, network: nn.Module, recipe: Recipe, generator: torch.Generator, *, capture: Capture | None = None
    ) -> None:
        self.network, self._recipe, self._generator = network, recipe, generator
        self._objective = objective_of(recipe.objective)
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if not self._parameters:
            raise InputError(
                "network", expected="weights to train", got=Verbatim("none that requires a gradient"),
                remedy="network.requires_grad_()",
            )  # fmt: skip
        self.optimizer: Updates = recipe.optimizer.start(self._parameters)
        self.weights = Weights(network, recipe.averaging)
        self._device = generator.device
        self._rates = torch.zeros(2, dtype=parameter_dtype(network), device=self._device)
        self._capture = cuda_graph if capture is None and self._device.type == "cuda" else capture
        if not isinstance(recipe.attack, GradientAttack):  # what else an attack may do, such as draw a seed
            self._capture = None
        self._running: Running | None = None
        self._asked = recipe
        self.replays = 1  # steps on each batch
        if isinstance(recipe.attack, Free):
            self._running, self.replays = Running(recipe.attack), recipe.attack.replays
            self._asked = _attacking(recipe, self._running)
            self.optimizer = WithPerturbation(self.optimizer, self._running)
        self._seen: dict[torch.Size, int] = {}
        self._captured: dict[torch.Size, tuple[Tensor, Tensor, Replay]] = {}

    def reseed(self, seed: int) -> None:
        """Let the attack draw from here on what `seed` decides."""
        self._generator.manual_seed(seed)

    def __call__(self, images: Tensor, labels: Tensor, learning_rate: float, momentum: float) -> Outcome:
        """Train on one batch.

        Args:
            images: shape (batch, channels, height, width), pixels in [0, 1].
            labels: shape (batch,).
            learning_rate: of this step.
            momentum: of this step.

        Returns:
            Loss and robust accuracy before the update; valid until the next step.
        """
        self._rates[0].fill_(learning_rate)  # unlike a copy from the CPU, this does not wait for the device
        self._rates[1].fill_(momentum)
        if self._running is not None and self._running.make_room(images):
            self._captured.clear()  # of the room that there was
        if self._capture is None:
            return self._run(images, labels)
        seen = self._seen[images.shape] = self._seen.get(images.shape, 0) + 1
        if seen <= _EAGER_STEPS:
            return self._run(images, labels)
        if images.shape not in self._captured:
            given, wanted = images.clone(), labels.clone()
            replay = self._capture(partial(self._run, given, wanted), self._generator)
            self._captured[images.shape] = given, wanted, replay
        given, wanted, replay = self._captured[images.shape]
        given.copy_(images)
        wanted.copy_(labels)
        return replay()

    def _run(self, images: Tensor, labels: Tensor) -> Outcome:
        inputs: list[Tensor] = list(self._parameters)
        if self._running is not None:
            inputs.append(self._running.begin(images))
        with products(self._device, tf32=self._recipe.precision == "tf32"):
            outcome = self._objective(self.network, images, labels, self._asked, self._generator)
            check_outcome(f"objective {name_of(self._recipe.objective)}", outcome, len(labels))
            gradients = torch.autograd.grad(outcome.loss, inputs, allow_unused=True)
        if self._running is not None:
            self._running.advance(outcome.loss, gradients[-1])
            gradients = gradients[:-1]
        self.optimizer.step(gradients, *self._rates)
        self.weights.update()
        return Outcome(outcome.loss.detach(), outcome.robust_correct)
