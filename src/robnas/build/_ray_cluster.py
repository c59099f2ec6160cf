"""The way to a Ray cluster, and what is said when it is barred."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robnas.errors import InputError, RobnasError, Verbatim, reason

_LOCKED = (
    "it wants a token: put that of the cluster into ~/.ray/auth_token or $RAY_AUTH_TOKEN of this machine, and leave "
    "RAY_AUTH_MODE unset or set it to token"
)


def connect(address: str | None, jobs: int | None) -> Any:
    """The module ray, connected to a cluster; to a local one of `jobs` cores without an address.

    Raises:
        InputError: Ray is not installed, or the cluster does not answer.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None and "RAY_AUTH_MODE" not in os.environ and _has_token():
        os.environ["RAY_AUTH_MODE"] = "token"  # read at the import; Ray itself does so for a cluster that it finds
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "executor ray",
            expected="Ray to be installed",
            got=Verbatim("no module ray"),
            remedy="pip install 'robnas[cluster]'",
        ) from None
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        cores = len(os.sched_getaffinity(0))
        _init(ray, options | {"address": "local", "num_cpus": jobs or cores, "include_dashboard": False})
        return ray
    _check_answers(address)
    with _stderr_in_file() as said:
        try:
            _init(ray, options | {"address": address})
        except InputError:
            if any(word in said() for word in ("Unauthenticated", "InvalidAuthToken")):
                raise _no_cluster(Verbatim("InvalidAuthToken (missing or incorrect)"), _LOCKED) from None
            raise
    return ray


def _init(ray: Any, options: dict[str, Any]) -> None:
    try:
        ray.init(**options)
    except ray.exceptions.AuthenticationError as error:
        raise _no_cluster(Verbatim(f"AuthenticationError ({error.message})"), _LOCKED) from None
    except (ray.exceptions.RayError, OSError, ValueError, RuntimeError) as error:
        raise _no_cluster(reason(error)) from None


def _has_token() -> bool:
    """Where Ray looks for one."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    try:
        return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token").is_file()
    except (OSError, RuntimeError):  # there is no home
        return False


@contextmanager
def _stderr_in_file() -> Iterator[Any]:
    """Keep away what Ray's own library writes to standard error while it tries; the value returns that text."""
    with tempfile.TemporaryFile() as room:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(room.fileno(), 2)

        def said() -> str:
            room.seek(0)
            return room.read().decode(errors="replace")

        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _check_answers(address: str) -> None:
    """Ray ends the whole process when nobody listens at an address."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, ValueError, OverflowError) as error:
            raise _no_cluster(reason(error)) from None


def _no_cluster(got: Verbatim, remedy: str = "start one by: ray start --head, or leave the address out") -> InputError:
    return InputError("Ray address", expected="a cluster that answers", got=got, remedy=remedy)


@contextmanager
def clear_errors(ray: Any) -> Iterator[None]:
    """What a cluster that is gone leaves behind, in one line."""
    try:
        yield
    except RobnasError:
        raise
    except (ray.exceptions.RayError, ConnectionError, TimeoutError, RuntimeError) as error:
        text = f"Ray cluster: expected an answer, got {type(error).__name__} ({last_line(error)})"
        raise RobnasError(f"{text}; when it is back, the same command goes on with what is left") from None


def last_line(error: Exception) -> str:
    """Of the text of an error, in which Ray repeats whole tracebacks."""
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else ""
