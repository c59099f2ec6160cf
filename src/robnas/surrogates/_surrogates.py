"""All surrogates by name."""

from __future__ import annotations

from robnas._registry import Registry
from robnas.errors import InputError
from robnas.surrogates._gaussian_process import GaussianProcess
from robnas.surrogates._prediction import Surrogate


def _fits(name: str, surrogate: object) -> None:
    if not callable(getattr(surrogate, "fit", None)):
        raise InputError(f"surrogate {name}", expected="an object with a method fit", got=surrogate)


SURROGATES: Registry[Surrogate] = Registry("surrogate", {"gaussian-process": GaussianProcess()}, object, _fits)
"""Kinds of models by name, with their usual settings. One of your own is one more entry."""
