"""All surrogates by name."""

from __future__ import annotations

from robnas._registry import Registry
from robnas.errors import InputError
from robnas.surrogates._ensemble import Ensemble
from robnas.surrogates._gaussian_process import GaussianProcess
from robnas.surrogates._prediction import Surrogate
from robnas.surrogates._ridge import Ridge
from robnas.surrogates._trees import Trees


def _fits(name: str, surrogate: object) -> None:
    if not callable(getattr(surrogate, "fit", None)):
        raise InputError(f"surrogate {name}", expected="an object with a method fit", got=surrogate)


_SHIPPED: dict[str, Surrogate] = {
    "gaussian-process": GaussianProcess(),
    "ridge": Ridge(),
    "trees": Trees(),
    "ensemble": Ensemble(),
}
SURROGATES: Registry[Surrogate] = Registry(
    "surrogate",
    _SHIPPED,
    object,
    _fits,
)
"""Kinds of models by name, with their usual settings. One of your own is one more entry."""
