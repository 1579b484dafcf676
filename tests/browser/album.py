"""Screenshots for the documents."""

from __future__ import annotations

import io
from pathlib import Path

GAP = 24  # pixels between pictures of a strip
# As GitHub and PyPI have them, so that the gaps do not show.
GROUND = {"light": "#ffffff", "dark": "#0d1117"}
EDGE = {"light": "#d0d7de", "dark": "#3d444d"}
COLORS = 256


def add(album: Path, name: str, picture: bytes) -> None:
    """Keep ``picture`` with fewer colors, in less than half of its size."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(COLORS).save(album / f"{name}.png", optimize=True)


def add_strip(album: Path, name: str, pictures: list[bytes], *, scheme: str) -> None:
    """Keep ``pictures`` side by side as one.

    Args:
        album: the folder.
        name: of the file, without its ending.
        pictures: PNGs of one height.
        scheme: light or dark, for what is around them.
    """
    from PIL import Image, ImageOps

    images = [
        ImageOps.expand(Image.open(io.BytesIO(picture)).convert("RGB"), 1, EDGE[scheme])
        for picture in pictures
    ]
    width = sum(image.width + GAP for image in images) - GAP
    strip = Image.new("RGB", (width, images[0].height), GROUND[scheme])
    left = 0
    for image in images:
        strip.paste(image, (left, 0))
        left += image.width + GAP
    strip.quantize(COLORS).save(album / f"{name}.png", optimize=True)
