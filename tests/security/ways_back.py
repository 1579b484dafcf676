"""What the site writes as a way back: where each address of an answer leads."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.security.whatwg import origin

SITE = "http://testserver"


UNRESERVED = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*")


def leads_home(url: str, *, base: str = SITE) -> bool:
    return origin(url, base) in {base, base.replace("http:", "https:")}


def addresses(page: str) -> Iterator[str]:
    """What a browser could be made to follow."""
    for value in re.findall(r'(?:href|action|src|formaction)="([^"]*)"', page):
        yield html.unescape(value)
    for value in re.findall(r'name="next" value="([^"]*)"', page):
        yield html.unescape(value)


def led_to(response: Any) -> list[str]:
    """Every address of ours in an answer, and those that stand in the queries of these."""
    found = [
        response.headers[name] for name in ("Location", "HX-Redirect") if name in response.headers
    ]
    if response["Content-Type"].startswith("text/html"):
        found += addresses(response.content.decode())
    more = [value for url in found for value in ways_back(url)]
    return [url for url in found + more if not url.startswith(("otpauth:", "mailto:"))]


def ways_back(url: str) -> list[str]:
    return parse_qs(url.partition("#")[0].partition("?")[2]).get("next", [])


def stays(response: Any, *, of: str) -> None:
    assert response.status_code < 500, of
    for url in led_to(response):
        assert leads_home(url), (of, url)
        assert UNRESERVED.fullmatch(url), (of, url)


def query(url: str) -> str:
    return "?" + urlencode({"next": url.encode("utf-8", "surrogatepass")})
