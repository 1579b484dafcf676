"""Screenshots that a person may look at."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = os.environ.get("COGNITO_MFA_SCREENSHOTS")
    album = Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    album.mkdir(parents=True, exist_ok=True)
    return album


def add(album: Path, name: str, picture: bytes) -> None:
    """Keep ``picture`` in a quarter of its size: our pages have few colours."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(64).save(album / f"{name}.png", optimize=True)
