"""Which tracked device may prove itself.

See "Remembered devices" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import ResourceNotFoundException
from cognito_mfa.local.rules.state import Device, User

NO_DEVICE = "Device does not exist."


def remembered(user: User, key: str) -> Device | None:
    """The device, if it can prove itself. Raises ResourceNotFoundException for a key that is none
    of the user's: clients then forget the key and begin again."""
    if not key:
        return None
    device = user.devices.get(key)
    if device is None:
        raise ResourceNotFoundException(NO_DEVICE)
    return device if device.remembered and device.verifier else None
