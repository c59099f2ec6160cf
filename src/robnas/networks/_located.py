"""Which architecture, of which space, with which settings."""

from __future__ import annotations

from robnas.spaces import SPACES, Architecture, Space
from robnas.types import check_count


def located(
    given: object, space: Space | None, *, channels: int | None = None, cells: int | None = None
) -> tuple[Architecture, Space]:
    """An architecture and its space.

    Args:
        given: an architecture; or, without `space`, any encoding of one of ``nas-bench-201``; with it, what it reads.
        space: of the architecture, where its settings are not the usual ones.
        channels: setting of ``nas-bench-201``, in place of the space's.
        cells: likewise.

    Raises:
        InputError: it is none, or of another space; a space that is not known here, or has no such setting.
    """
    if space is None:
        arch = given if isinstance(given, Architecture) else Architecture(given)
        space = SPACES[arch.space]
    else:
        arch = space.parse(given)
    given_sizes = {"channels": channels, "cells": cells}
    settings = {name: check_count(name, size) for name, size in given_sizes.items() if size is not None}
    return arch, space.configure(**settings) if settings else space
