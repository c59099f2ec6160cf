"""The server gives the files of the site to this machine, and nothing to anybody else."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from robnas.benchmarks import write_table
from robnas.errors import InputError
from robnas.explorer import Server
from tests.explorer.conftest import seeded_table
from tests.test_cli import robnas


@pytest.fixture
def ask(url):
    """Status, headers and body of one request."""
    port = urlsplit(url).port

    def request(path="/", method="GET", host=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.putrequest(method, path, skip_host=True)
        for name, value in [("Host", host or f"127.0.0.1:{port}"), *(headers or [])]:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        found = response.status, response.headers, response.read()
        connection.close()
        return found

    return request


def test_every_file_is_there_with_its_type(ask, site):
    for path, content in site.items():
        status, headers, body = ask(f"/{path}")
        assert (status, body) == (200, content)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    status, headers, body = ask("/?from=mail")
    assert (status, headers["Content-Type"], body) == (200, "text/html; charset=utf-8", site["index.html"])
    assert ask("/app/main.js")[1]["Content-Type"] == "text/javascript; charset=utf-8"


def test_head_has_no_body(ask, site):
    status, headers, body = ask("/style.css", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(site["style.css"])))


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/app/../../_server.py", "//etc/passwd",
        "/data/..%2f..%2fpyproject.toml", "/app", "/app/", "/data/explorer.json%00.html", "/nothing", "/%ff",
        "http://127.0.0.1/etc/passwd",
    ],
)  # fmt: skip
def test_no_other_file_can_be_reached(ask, path):
    status, _, body = ask(path)
    assert (status, body) == (404, b"no such file\n")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", "127.0.0.1.evil.example", "[::1]"])
def test_other_host_names_are_refused(ask, host):
    status, _, body = ask("/data/explorer.json", host=host)
    assert (status, body) == (403, b"this server answers to 127.0.0.1 and localhost only\n")


def test_refusals_of_a_head_have_no_body(url):
    for head, status in (
        ("HEAD / HTTP/1.1\r\nHost: evil.example", b"403"),
        ("HEAD /nothing HTTP/1.1\r\nHost: localhost", b"404"),
    ):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=30) as raw:
            raw.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
            with raw.makefile("rb") as stream:
                answer = stream.read()
        assert answer.split()[1] == status
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_every_loopback_address_refuses_other_names(site, host):
    with Server(site, host=host) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        found = {}
        for name in ("evil.example", "127.0.0.3", "127.0.0.1", "localhost", host, f"{host}:{server.server_port}"):
            connection = http.client.HTTPConnection(server.server_address[0], server.server_port, timeout=30)
            connection.request("GET", "/", headers={"Host": name})
            found[name] = connection.getresponse().status
            connection.close()
        server.shutdown()
    assert found.pop("evil.example") == found.pop("127.0.0.3") == 403
    assert set(found.values()) == {200}


def test_two_hosts_or_none_are_refused(ask, url):
    assert ask("/", headers=[("Host", "evil.example")])[0] == 403
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=30) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 403")


def test_localhost_is_this_machine(ask, url):
    assert ask("/", host=f"localhost:{urlsplit(url).port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(ask, method):
    status, headers, _ = ask("/index.html", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_it_listens_on_the_loopback_interface_only(site):
    with Server(site) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_another_interface_has_to_be_named(site):
    with Server(site, host="0.0.0.0") as server:
        assert server.server_address[0] == "0.0.0.0"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.request("GET", "/", headers={"Host": "benchmarks.example"})
        assert connection.getresponse().status == 200
        connection.close()
        server.shutdown()
    for host in ("192.0.2.1", "no such host", "a" * 70):
        with pytest.raises(InputError, match=r"^--host: expected an IPv4 address or name of this machine, got '"):
            Server(site, host=host)


def test_a_taken_port_is_one_line(site):
    with Server(site) as server, pytest.raises(InputError, match="--port: expected a free port") as caught:
        Server(site, server.server_port)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="--port: expected a free port"):
        Server(site, 70_000)


def test_a_browser_that_hangs_up_leaves_no_trace(url, capfd):
    for _ in range(3):
        raw = socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=30)
        raw.sendall(f"GET /style.css HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        raw.close()
    assert capfd.readouterr().err == ""


# the command


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.parquet"
    write_table(seeded_table("mine", count=20), path)
    return path


def test_export_says_where_it_is(file, tmp_path, capsys):
    code, out, _ = robnas(capsys, "explore", str(file), "--export", str(tmp_path / "site"))
    assert code == 0
    assert "any web server can serve it" in out
    code, out, _ = robnas(capsys, "explore", str(file), "--export", str(tmp_path / "site"), "--json")
    facts = json.loads(out)
    assert facts["path"] == str(tmp_path / "site")
    assert facts["bytes"] == sum(path.stat().st_size for path in (tmp_path / "site").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nats",), "error: table: expected one of"),
        (("{file}", "{file}"), "error: tables of the explorer: expected at least one, with different names, got mine"),
        (("{file}", "--scores", "no.parquet"), "error: no.parquet: expected a file of scores, got nothing"),
        (("{file}", "--search", "no"), "error: no: expected a folder of search results, got nothing"),
        (("{file}", "--port", "70000", "--no-open"), "error: --port: expected a free port from 0 to 65535"),
        (("{file}", "--export", "{folder}"), "error: --export: expected an empty folder"),
        (("{file}", "--traces", "-1"), "error: "),
    ],
)
def test_bad_input_is_one_line(file, capsys, arguments, text):
    given = [argument.format(file=file, folder=file.parent) for argument in arguments]
    code, out, err = robnas(capsys, "explore", *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(text)


def test_the_command_serves_until_it_is_interrupted(file):
    command = [sys.executable, "-m", "robnas", "explore", str(file), "--no-open", "--json"]

    def listen():  # this test may have been started with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listen
    ) as process:
        url = json.loads(process.stdout.readline())["url"]
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("GET", "/")
        assert b"robnas explorer" in connection.getresponse().read()
        connection.close()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stderr.read()


def test_the_browser_is_opened_once(file, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Server, "serve_forever", lambda self, poll_interval: None)
    code, out, _ = robnas(capsys, "explore", str(file))
    assert code == 0
    assert opened == [out.split()[0]]
