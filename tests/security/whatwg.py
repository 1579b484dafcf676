"""Where a browser goes for the text of an attribute: the part of the WHATWG URL standard that finds
scheme and host, for a base address of http or https. A grammar of its own, unlike ``urllib``'s: tabs and
line ends vanish, backslashes are slashes, and any number of slashes begins a host. Chromium says whether
this is right, in tests/browser/test_redirects.py."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)")


def origin(text: str, base: str) -> str:
    """The scheme and host that a link with this ``href`` leads to, on a page at ``base``. For anything
    but the web only the scheme."""
    text = re.sub(r"[\t\n\r]", "", text.strip("".join(map(chr, range(0x21)))))
    base_scheme = base.partition("://")[0]
    match = SCHEME.fullmatch(text)
    scheme = match[1].lower() if match else base_scheme
    rest = match[2] if match else text
    if scheme not in SPECIAL:
        return f"{scheme}:"
    relative = scheme == base_scheme and not re.match(r"[/\\]{2}", rest)
    if relative and (not match or not re.match(r"//", rest)):
        return base
    return f"{scheme}://{_host(AUTHORITY.match(rest)[1])}"  # type: ignore[index]


def _host(authority: str) -> str:
    host = unquote(authority.rpartition("@")[2])
    name, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    name = unicodedata.normalize("NFKC", name).lower().replace("。", ".")
    return f"{name}:{port}" if port not in ("", "80", "443") else name
