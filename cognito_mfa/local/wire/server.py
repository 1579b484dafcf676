"""The local Cognito over HTTP/1.1, with a thread for each connection, which stays open.

It is written for a developer's machine, and must never be exposed to a network. ``handler`` answers the
requests.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, cast

from cognito_mfa.local.wire.handler import Application, Handler
from cognito_mfa.local.wire.origins import Hosts

logger = logging.getLogger(__name__)

STOPS_WITHIN = 5.0


class HttpServer:
    """A local Cognito that listens on a port, as a context manager."""

    def __init__(
        self, application: Application, *, host: str, port: int, allow_hosts: Iterable[str] = ()
    ) -> None:
        """Bind the port. The server answers requests from ``__enter__`` on.

        Args:
            application: What answers the requests.
            host: The address to listen on.
            port: The port to listen on; 0 for any free one.
            allow_hosts: Names besides the loopback's by which clients may call the server.

        Raises:
            ValueError: One of ``allow_hosts`` is not the name of a host.
            OSError: The port is taken.
        """
        self._host = host
        self.hosts = Hosts(host, allow_hosts)
        self._handler = partial(Handler, application, self.hosts)
        self._listener = _Listener(host, port, self._handler)
        self.port: int = self._listener.server_address[1]

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def __enter__(self) -> HttpServer:
        self._listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything, and wait until current requests are answered."""
        self._listener.stop()

    @contextmanager
    def down(self) -> Generator[None]:
        """Refuse connections until the end of the block."""
        self.stop()
        try:
            yield
        finally:
            self._listener = _Listener(self._host, self.port, self._handler)
            self._listener.start()


class _Listener(ThreadingTCPServer):
    """A listening socket and its connections, from a start to a stop."""

    # Not HTTPServer, which looks the machine's name up in the DNS before it listens.
    allow_reuse_address = os.name == "posix"
    daemon_threads = True
    request_queue_size = 128
    #: Seconds after which the waiting thread checks whether it should end, if nothing wakes it.
    timeout = 1.0

    def __init__(self, host: str, port: int, handler: partial[Handler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        # The stub declares a class, but the library calls any callable.
        super().__init__((host, port), cast("Any", handler))

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            # On Linux this wakes the thread that waits for connections.
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._accepting.is_alive():
            self._accepting.join(STOPS_WITHIN)
        self.server_close()
        with self._changed:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, timeout=STOPS_WITHIN)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._changed:
            self._connections.add(connection)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether to serve a connection, which may arrive while everything is being closed."""
        return not self._stopping.is_set()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection without ending it properly first, which would hide a reset."""
        self.close_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a bug. A client that disconnected is not one."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("the local Cognito failed", exc_info=error)

    def _accept(self) -> None:
        # Not serve_forever(), which checks twice a second whether it should end.
        while not self._stopping.is_set():
            self.handle_request()
