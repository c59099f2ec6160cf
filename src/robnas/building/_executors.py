"""The executors by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from robnas._registry import Registry
from robnas.building._executor import Executor, Trainer
from robnas.building._local import LocalExecutor


def _ray(trainer: Trainer, **options: Any) -> Executor:
    from robnas.building._ray import RayExecutor  # which is imported only where it is used: Ray is an extra

    return RayExecutor(trainer, **options)


EXECUTORS: Registry[Callable[..., Executor]] = Registry("executor", {"local": LocalExecutor, "ray": _ray}, Callable)
