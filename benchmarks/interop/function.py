"""A function for Lambda triggers, which refuses everyone, behind AWS Lambda's Invoke API.

Each Cognito that can call functions somewhere is pointed here: ours by ``--function``,
cognito-local by the Lambda endpoint of its configuration."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 9240
NAME = "refuse-all"
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}"
ENDPOINT = f"http://127.0.0.1:{PORT}"
URL = f"{ENDPOINT}/2015-03-31/functions/{NAME}/invocations"
REFUSAL = "Not in this benchmark"


class _Invocation(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"errorMessage": REFUSAL, "errorType": "Error"}).encode()
        self.send_response(200)
        self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Generator[None]:
    """Answer until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", PORT), _Invocation) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
