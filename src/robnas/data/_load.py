"""One function that finds a data set by name or path."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from robnas._download import data_directory
from robnas._registry import Registry
from robnas.data._cifar import CIFAR10, CIFAR100, load_cifar
from robnas.data._dataset import Dataset
from robnas.data._digits import load_digits
from robnas.data._imagenet16 import load_imagenet16_120
from robnas.data._user import load_user
from robnas.errors import OWN, InputError
from robnas.types import Progress, silent

DATASETS: Registry[Callable[..., Dataset]] = Registry(
    "data set",
    {
        "digits": load_digits,
        "cifar10": partial(load_cifar, CIFAR10),
        "cifar100": partial(load_cifar, CIFAR100),
        "imagenet16-120": load_imagenet16_120,
    },
    Callable,
)
"""Functions that return a `Dataset`.

Each is given what it has parameters for: `directory` (of archives), and `validation`, `allow_partial` and `progress` as
`load_data` has them.
"""


def load_data(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    validation: float = 0.1,
    allow_partial: bool = False,
    progress: Progress = silent,
) -> Dataset:
    """A data set by name, or a user's own by path.

    Args:
        name: ``digits`` (bundled), ``cifar10``, ``cifar100``, ``imagenet16-120``, or the path of an ``.npz`` file or
            of a folder of images by class.
        data_dir: where archives are looked for and downloaded to; ``$ROBNAS_DATA`` or the user's cache if omitted.
        validation: share of the training images held out as the validation split, class-balanced and always the same
            images. The published table trained on all of them: pass 0 for that. The digits and data with a validation
            split of their own ignore it.
        allow_partial: accept fewer images than the official data set has, and ImageNet16-120 files of another checksum.
        progress: told about downloads and long reads.

    Raises:
        DataError: a file is missing, damaged or hostile; the text names it and the remedy.
        InputError: there is no such data set.
    """
    if str(name) in DATASETS:
        given = {"validation": validation, "allow_partial": allow_partial, "progress": progress}
        return _called(str(name), directory=data_directory(data_dir), **given)
    path = Path(os.path.expanduser(name))  # of os.path, which raises nothing at names that no file can have
    if not os.path.exists(path) and path.suffix != ".npz" and len(path.parts) == 1:
        raise InputError("data set", expected=f"one of {', '.join(DATASETS)}, or a path", got=str(name), remedy=OWN)
    return load_user(path, validation=validation, progress=progress)


def _called(name: str, **given: Any) -> Dataset:
    loader = DATASETS[name]
    try:
        parameters = set(inspect.signature(loader).parameters)
    except ValueError:  # of a builtin
        parameters = set()
    found = loader(**{key: value for key, value in given.items() if key in parameters})
    if not isinstance(found, Dataset):
        raise InputError(f"data set {name}", expected="a function that returns a robnas.data.Dataset", got=found)
    return found
