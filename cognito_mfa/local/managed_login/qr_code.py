"""The link and the QR code by which an authenticator app learns its secret."""

from __future__ import annotations

from urllib.parse import quote


def otpauth_link(secret: str, *, issuer: str, account: str) -> str:
    """Return the address that authenticator apps open.

    Args:
        secret: In base32. SHA-1, six digits, and 30 seconds are what apps assume.
        issuer: What the app calls the site.
        account: What the app calls the user.

    Returns:
        The address.
    """
    # A colon separates the two, and neither may have one, quoted or not.
    site, user = (quote(text.replace(":", " "), safe="") for text in (issuer, account))
    return f"otpauth://totp/{site}:{user}?secret={secret}&issuer={site}"


def svg(text: str) -> str:
    """Return a QR code as SVG for a page: black on white in light and in dark, and without styles."""
    import qrcode
    from qrcode.image.svg import SvgPathFillImage

    image = qrcode.make(
        text.encode(),
        image_factory=SvgPathFillImage,
        error_correction=qrcode.ERROR_CORRECT_M,
        box_size=10,
    )
    drawing: str = image.to_string(encoding="unicode")
    return drawing.replace("<svg ", '<svg role="img" aria-label="QR code" ', 1)
