"""The way to a cluster, without one: what Ray says is played."""

import os
import socket
import sys
import types

import pytest

from robnas.building import _ray_cluster
from robnas.building._ray_cluster import ClusterGoneError, Pulse, clear_errors, connect
from robnas.errors import InputError, RobnasError


class RayError(Exception):
    pass


class AuthenticationError(RayError):
    message = "Token authentication is enabled but no authentication token was found"


class Played(types.ModuleType):
    """As much of Ray as is asked for."""

    exceptions = types.SimpleNamespace(RayError=RayError, AuthenticationError=AuthenticationError)

    def __init__(self, start=lambda: None, address="127.0.0.1:1"):
        super().__init__("ray")
        self.start, self.address, self.alive, self.options = start, address, True, {}

    def is_initialized(self):
        return False

    def init(self, **options):
        self.options = options
        self.start()

    def get_runtime_context(self):
        return types.SimpleNamespace(gcs_address=self.address, get_node_id=lambda: "mine")

    def nodes(self):
        return [{"NodeID": "mine", "Alive": self.alive}, {"NodeID": "another", "Alive": True}]


@pytest.fixture
def play(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def play(**options):
        ray = Played(**options)
        monkeypatch.setitem(sys.modules, "ray", ray)
        return ray

    return play


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def refuse():
    os.write(2, b"gcs_client.cc: Unauthenticated: RPC error: InvalidAuthToken\n" * 20)
    raise ConnectionError("Failed to connect")


def ask_for_token():
    raise AuthenticationError


@pytest.mark.parametrize("start", [refuse, ask_for_token])
def test_a_cluster_that_wants_a_token_says_where_it_belongs(play, listening, start, capfd):
    play(start=start)
    with pytest.raises(
        InputError, match=r"got [^;]*; it wants a token: put that of the cluster into ~/.ray/auth_token"
    ):
        connect(listening, None)
    assert capfd.readouterr().err == ""


def test_a_cluster_that_fails_otherwise_is_not_asked_for_a_token(play, listening):
    def fail():
        raise RuntimeError("Version mismatch")

    play(start=fail)
    with pytest.raises(InputError, match=r"got RuntimeError \(Version mismatch\); start one by: ray start --head"):
        connect(listening, None)


@pytest.mark.parametrize("where", ["home", "path", "variable", "nowhere", "chosen"])
def test_a_token_that_is_there_is_used_unless_the_mode_was_chosen(play, listening, where, tmp_path, monkeypatch):
    file = tmp_path / "elsewhere" if where == "path" else tmp_path / ".ray" / "auth_token"
    if where in ("home", "path", "chosen"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("0" * 32)
    if where == "path":
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    if where == "variable":
        monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 32)
    if where == "chosen":
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    play()
    connect(listening, None)
    expected = {"nowhere": None, "chosen": "disabled"}.get(where, "token")
    assert os.environ.get("RAY_AUTH_MODE") == expected


def test_a_local_cluster_has_as_many_cores_as_workers(play):
    ray = play()
    connect(None, 3)
    assert (ray.options["address"], ray.options["num_cpus"]) == ("local", 3)


def test_the_death_of_this_node_is_seen_at_once(play, listening):
    ray = play(address=listening)
    pulse = Pulse(ray)
    pulse.check(now=True)
    ray.alive = False
    pulse.check()  # too early to look again
    with pytest.raises(
        ClusterGoneError, match=r"got none .the node of this process is dead.; when it is back, the same"
    ):
        pulse.check(now=True)


def test_a_silent_cluster_has_some_time_to_come_back(play, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        pulse = Pulse(play(address=f"127.0.0.1:{server.getsockname()[1]}"))
    moment = 1e6
    monkeypatch.setattr(_ray_cluster, "monotonic", lambda: moment)
    pulse._looked = moment
    for _ in range(9):
        moment += 2.0
        pulse.check()
    moment += 2.0
    with pytest.raises(ClusterGoneError, match="ConnectionRefusedError"):
        pulse.check()


@pytest.mark.parametrize("kind", [RayError, ConnectionError, RuntimeError])
def test_errors_of_ray_are_one_line(kind):
    text = rf"^Ray cluster: expected an answer, got none \({kind.__name__} b\); when"
    with pytest.raises(RobnasError, match=text), clear_errors(Played()):
        raise kind("a\nb")
