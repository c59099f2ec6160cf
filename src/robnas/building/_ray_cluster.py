"""The way to a Ray cluster, and what is said when it is barred."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from robnas.errors import InputError, RobnasError, Verbatim, reason

_LOOK = 2.0  # seconds between looks at a cluster
_SILENCE = 20.0  # seconds after which one that does not answer is taken for gone; Ray ends the process after 60
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
    _quiet(ray)
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


def _quiet(ray: Any) -> None:
    """Leave standard output to the command: Ray prints there what its daemons report, whatever `log_to_driver` says.

    What matters of it becomes an error or a line of this package.
    """
    with contextlib.suppress(AttributeError):  # another version of Ray
        ray._private.worker._worker_logs_enabled = False


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


class Pulse:
    """Whether a cluster still lives. Ray ends the whole process when it waits too long for one that does not."""

    def __init__(self, ray: Any) -> None:
        context = ray.get_runtime_context()
        self._ray, self._node, self._silent = ray, context.get_node_id(), 0.0
        self._place: tuple[str, int] | None = None
        with contextlib.suppress(Exception):  # a client elsewhere need not reach it
            host, _, port = context.gcs_address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=2).close()
            self._place = host, int(port)
        self._looked = monotonic()

    def check(self, *, now: bool = False) -> None:
        """Look every other second, or now.

        Raises:
            ClusterGoneError: it has ended, or the part of it on this machine.
        """
        moment = monotonic()
        if not now and moment - self._looked < _LOOK:
            return
        since, self._looked = moment - self._looked, moment
        if self._place is not None:
            try:
                socket.create_connection(self._place, timeout=2).close()
            except OSError as error:
                self._silent += min(since, 2 * _LOOK)  # one that is restarted may come back
                if self._silent < _SILENCE and not now:
                    return
                raise ClusterGoneError(reason(error)) from None
        self._silent = 0.0
        if not any(node["Alive"] for node in self._ray.nodes() if node["NodeID"] == self._node):
            raise ClusterGoneError("the node of this process is dead")


class ClusterGoneError(RobnasError):
    """Nothing more can be asked of the cluster."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Ray cluster: expected an answer, got none ({found}); when it is back, the same command goes on with what "
            "is left"
        )


@contextmanager
def clear_errors(ray: Any) -> Iterator[None]:
    """What a cluster that is gone leaves behind, in one line."""
    try:
        yield
    except RobnasError:
        raise
    except (ray.exceptions.RayError, ConnectionError, TimeoutError, RuntimeError) as error:
        raise ClusterGoneError(f"{type(error).__name__} {last_line(error)}") from None


def last_line(error: Exception) -> str:
    """Of the text of an error, in which Ray repeats whole tracebacks."""
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else ""
