"""The otpauth URI and its QR code, made here: no third party ever sees the secret.

Everything here holds it as plain text, and is called while a finished page is filled in (``secret_rendering``).
"""

from __future__ import annotations

from urllib.parse import quote

from django.utils.safestring import SafeString, mark_safe

# Bytes in a QR code of version 25 at level M: 125 modules with the margin, two pixels each in our image.
LONGEST = 997


def otpauth_uri(secret: str, *, issuer: str, account: str) -> str:
    """Return the URI that authenticator apps understand.

    Cognito uses SHA-1, six digits and thirty seconds, which every app assumes when nothing is said.
    The label is shortened where a camera could not read the image; the secret never is.

    Args:
        secret: base32.
        issuer: what the site is called; a colon in it would split the label.
        account: what the user recognizes, such as an email address.
    """
    issuer = issuer.replace(":", " ").strip()
    room = LONGEST - len("otpauth://totp/:?secret=&issuer=") - len(secret)
    account = _shortened(account, max(room // 3, room - 2 * len(_quoted(issuer))))
    name = _quoted(_shortened(issuer, (room - len(_quoted(account))) // 2))
    return f"otpauth://totp/{name}:{_quoted(account)}?secret={secret.upper()}&issuer={name}"


def qr_svg(text: str) -> SafeString:
    """Return ``text`` as an inline SVG: dark on a white plate, four modules of quiet zone, level M.

    No ``style`` attribute and no ``data:`` address, so that it works under a strict Content-Security-Policy;
    hidden from screen readers, whose users have the setup key below it.
    """
    import qrcode

    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=4)
    code.add_data(text.encode(), optimize=0)
    code.make(fit=True)
    rows = code.get_matrix()
    size = len(rows)
    path = "".join(_row(y, row) for y, row in enumerate(rows))
    return mark_safe(  # noqa: S308 - numbers only
        f'<svg class="cognito-mfa-qr" viewBox="0 0 {size} {size}" width="256" height="256" '
        f'shape-rendering="crispEdges" aria-hidden="true" focusable="false">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{path}"/></svg>'
    )


def grouped(secret: str) -> list[str]:
    """Return the key in groups of four, as it is read and typed."""
    return [secret[start : start + 4] for start in range(0, len(secret), 4)]


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _shortened(text: str, room: int) -> str:
    """Return as much of ``text`` as fits into ``room`` bytes when it is quoted, including an ellipsis."""
    if len(_quoted(text)) <= room:
        return text
    kept, left = "", room - len(_quoted("…"))
    for char in text:
        left -= len(_quoted(char))
        if left < 0:
            break
        kept += char
    return f"{kept.rstrip()}…"


def _row(y: int, row: list[bool]) -> str:
    """Return path commands for the dark runs of one row."""
    runs, start = [], None
    for x, dark in enumerate([*row, False]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
            start = None
    return "".join(runs)
