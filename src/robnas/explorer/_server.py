"""A server for one site, on the loopback interface unless told otherwise."""

from __future__ import annotations

import errno
import ipaddress
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final
from urllib.parse import unquote, urlsplit

from robnas.errors import InputError, reason
from robnas.explorer._site import Site

HOST = "127.0.0.1"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "bin": "application/octet-stream",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@final
class Server(ThreadingHTTPServer):
    """Gives the files of a site, and nothing else, to this machine.

    A path is looked up among the site's, so no other file can be reached. Requests for another host name are refused:
    a page elsewhere cannot read the site by pointing its own name here (DNS rebinding). On an interface that is not
    loopback, which has to be named, any host name will do.

    Args:
        site: what is served.
        port: 0 for a free one.
        host: IPv4 address of the interface; all that reach it can read the site.

    Raises:
        InputError: the port is taken or forbidden, or the host is no address of this machine.
    """

    daemon_threads = True

    def __init__(self, site: Site, port: int = 0, host: str = HOST) -> None:
        self.site = site
        self.host = host
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            if isinstance(error, UnicodeError | socket.gaierror) or getattr(error, "errno", 0) == errno.EADDRNOTAVAIL:
                raise InputError("--host", expected="an IPv4 address or name of this machine", got=host) from None
            raise InputError(
                "--port", expected="a free port from 0 to 65535", got=reason(error), remedy="0 takes a free one"
            ) from None

    @property
    def names(self) -> tuple[str, ...]:
        """The host names that are answered on a loopback interface; empty on another, where any will do."""
        address = str(self.server_address[0])
        if not ipaddress.ip_address(address).is_loopback:
            return ()
        return tuple(dict.fromkeys((HOST, "localhost", address, self.host.lower())))

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{self.host}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error to print."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a silent connection may hold a thread

    def do_GET(self) -> None:
        if not self._addressed_here():
            names = " and ".join(self.server.names)
            self._send(HTTPStatus.FORBIDDEN, "txt", f"this server answers to {names} only\n".encode())
            return
        path = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        content = self.server.site.get(path)
        if content is None:
            self._send(HTTPStatus.NOT_FOUND, "txt", b"no such file\n")
        else:
            self._send(HTTPStatus.OK, path.rpartition(".")[2], content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def __getattr__(self, name: str) -> Any:
        """Any other method: the base class looks up ``do_POST`` and the like."""
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def _refuse_method(self) -> None:
        self.close_connection = True  # a body may follow that nobody reads
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "txt", b"only GET and HEAD\n", {"Allow": "GET, HEAD"})

    def _addressed_here(self) -> bool:
        if not self.server.names:
            return True
        hosts = self.headers.get_all("Host") or []
        allowed = {name for host in self.server.names for name in (host, f"{host}:{self.server.server_port}")}
        return len(hosts) == 1 and hosts[0].strip().lower() in allowed

    def _send(self, status: HTTPStatus, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _TYPES.get(kind, "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(content)))
        for name, value in {**_HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def version_string(self) -> str:
        return "robnas"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are not worth a line."""
