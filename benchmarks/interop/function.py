"""A function for Lambda triggers, which refuses everyone, behind AWS Lambda's Invoke API.

Each Cognito that can call outside functions uses this one: ours by ``--function``, and cognito-local by the Lambda endpoint
of its configuration. MiniStack runs its own functions, and gets one that does the same.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import urllib.request
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 9240
NAME = "refuse-all"
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}"
ENDPOINT = f"http://127.0.0.1:{PORT}"
URL = f"{ENDPOINT}/2015-03-31/functions/{NAME}/invocations"
REFUSAL = "Not in this benchmark"


PROGRAM = f"def handler(event, context):\n    raise Exception({REFUSAL!r})\n"
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/lambda/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
)


def created_at(url: str) -> str:
    """The ARN of the same function, created in an emulator of Lambda."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", PROGRAM)
    wanted = {
        "FunctionName": NAME,
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::123456789012:role/function",
        "Handler": "index.handler",
        "Code": {"ZipFile": base64.b64encode(package.getvalue()).decode()},
    }
    headers = {"Content-Type": "application/json", "Authorization": SIGNATURE}
    body = json.dumps(wanted).encode()
    request = urllib.request.Request(f"{url}/2015-03-31/functions", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["FunctionArn"])


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
