"""What a phone does: it sees a picture, and finds a QR code in it or does not."""

from __future__ import annotations

import io


def read_qr_code(picture: bytes) -> str:
    """Return the text of the one QR code in a PNG."""
    import zxingcpp
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        found = zxingcpp.read_barcodes(image.convert("RGB"), formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(found) == 1, f"the camera sees {len(found)} QR codes"
    return found[0].text
