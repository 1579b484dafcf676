"""A browser for managed login: it reads the forms that come, fills them in, and stops at the address
that it is sent back to."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tests.local.raw import Response, request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Browser:
    """One tab; ``page`` is what it shows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.page = self._ask("GET")

    def fill_in(self, **values: str) -> Response:
        """Send the form that is shown, hidden fields as they came."""
        inputs = re.findall(r'<input type="\w+" name="([\w:]+)" value="([^"]*)"', self.text)
        form = {name: html.unescape(value) for name, value in inputs}
        assert set(values) <= set(form), self.text
        self.page = self._ask("POST", urlencode({**form, **values}))
        return self.page

    @property
    def text(self) -> str:
        return self.page.body.decode()

    @property
    def key(self) -> str:
        """The secret that a setup page shows."""
        found = re.search(r"Setup key: <code>(\w+)", self.text)
        assert found, self.text
        return found[1]

    @property
    def sent_back_to(self) -> str:
        assert self.page.status == 302, self.text
        return urljoin(self.url, self.page.headers["location"])

    @property
    def answer(self) -> dict[str, Any]:
        """What the client is told in the address."""
        return dict(parse_qsl(urlsplit(self.sent_back_to).query))

    def _ask(self, method: str, body: str | None = None) -> Response:
        parts = urlsplit(self.url)
        return request(
            self.url, method, f"{parts.path}?{parts.query}", body, FORM if body else None
        )
