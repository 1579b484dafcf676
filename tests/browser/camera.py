"""What a phone does: it sees a picture, and finds a QR code in it or does not."""

from __future__ import annotations

import io


def read_qr_code(picture: bytes) -> str:
    """Return the text of the one QR code in a PNG."""
    import zxingcpp
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        seen = zxingcpp.read_barcodes(image.convert("RGB"))
    # Among so many dots it sometimes takes a few for another kind of code.
    texts = [code.text for code in seen if code.format == zxingcpp.BarcodeFormat.QRCode]
    assert len(texts) == 1, f"the camera sees {len(texts)} QR codes"
    return texts[0]
