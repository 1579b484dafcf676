"""Screenshots that a person may look at."""

from __future__ import annotations

import io
from pathlib import Path


def add(album: Path, name: str, picture: bytes) -> None:
    """Keep ``picture`` in a quarter of its size: our pages have few colors."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(64).save(album / f"{name}.png", optimize=True)
