"""The software authenticator of the tests, which makes passkeys and signs with them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.local.authenticator import Authenticator

__all__ = ["Authenticator"]
