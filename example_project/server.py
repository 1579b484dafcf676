"""The site's own server: Django's development server without its messages and its reloader."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class _Server(ThreadedWSGIServer):
    daemon_threads = True


@contextmanager
def serve(host: str, port: int) -> Generator[None]:
    """Serve the site until the end of the block.

    Args:
        host: the address to listen on.
        port: the port to listen on.
    """
    server = _Server((host, port), WSGIRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
