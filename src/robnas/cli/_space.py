"""The option ``--space``: which search space is meant, where nothing else says it; where something does, it agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robnas.spaces import Architecture, Space

SpaceName = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="NAME",
        help="Search space, see robnas spaces; NAME:setting=value,… where its settings matter.",
        show_default=False,
    ),
]


def named_space(given: str | None) -> Space | None:
    """The space that the option names; None where it is left out.

    Raises:
        InputError: there is no such space here, or it has no such settings.
    """
    from robnas.spaces import parse_key, space_of

    return None if given is None else space_of(parse_key(given))


def with_settings(given: str | None) -> bool:
    """Whether the option says more than a name."""
    return given is not None and ":" in given


def space_choice(given: str | None) -> str | None:
    """What chooses among the records of a store: the name or, where the option says settings, the key with all."""
    space = named_space(given)
    return None if space is None else space.key if with_settings(given) else space.name


def chosen_space(given: str | None, recipe: str | None = None, **settings: int | None) -> Space:
    """The space that the option names, the usual one if it is left out.

    Args:
        given: the option.
        recipe: whose settings the space has, those excepted that the option says.
        settings: in place of the space's, those that are None excepted.

    Raises:
        InputError: there is no such space here, or it has no such settings.
    """
    from robnas.spaces import configured, parse_key, space_of

    facts = {} if given is None else parse_key(given)
    space = space_of(facts.pop("name", None))
    if recipe is not None:
        space = space.for_recipe(recipe)
    return configured(space, facts | {name: value for name, value in settings.items() if value is not None})


def architecture_in(space: Space, text: str) -> Architecture:
    """The architecture of a text.

    Raises:
        InputError: it names none of this space; where another space reads it, the remedy is to name that one.
    """
    from robnas.errors import InputError, Verbatim
    from robnas.spaces import SPACES

    try:
        return space.parse(text)
    except InputError:
        owners = [name for name, other in SPACES.items() if name != space.name and other.reads(text)]
        if not owners:
            raise
        got = Verbatim(f"{text.strip()[:200]}, which belongs to {' or '.join(owners)}")
        remedy = f"give {' or '.join(f'--space {name}' for name in owners)}"
        raise InputError("architecture", expected=f"one of space {space.name}", got=got, remedy=remedy) from None


def check_agrees(given: str | None, key: str, whose: str) -> None:
    """Raise `InputError` where the option names another space, or other settings, than what it is given for.

    Args:
        given: the option.
        key: of the space of what it is given for.
        whose: the latter, such as ``plan mine.toml``.
    """
    from robnas.errors import InputError
    from robnas.spaces import parse_key

    if given is None or is_meant(given, key):
        return
    name = parse_key(key)["name"]
    expected = key if parse_key(given)["name"] == name else name
    raise InputError("--space", expected=f"{expected}, the space of {whose}", got=given)


def is_meant(given: str | None, key: str) -> bool:
    """Whether the option, if it is given, means the space of a key: by its name and, where it says some, settings.

    Raises:
        InputError: the option names no space.
    """
    from robnas.spaces import parse_key

    wanted = named_space(given)
    if wanted is None:
        return True
    return key == wanted.key if with_settings(given) else parse_key(key)["name"] == wanted.name


def is_usual(key: str) -> bool:
    """Whether a key is of the space that is meant where nothing says one."""
    from robnas.spaces import parse_key, space_of

    return bool(parse_key(key)["name"] == space_of(None).name)
