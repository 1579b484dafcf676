"""Finds the remembered device that may skip MFA.

See "Remembered devices" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import ResourceNotFoundException
from cognito_mfa.local.rules.state import Device, User

NO_DEVICE = "Device does not exist."


def remembered(user: User, key: str) -> Device | None:
    """Return the device with a key, if it is remembered and can prove itself.

    Args:
        user: The user.
        key: The key that the client sent; "" for none.

    Returns:
        The device; None if it cannot, or without a key.

    Raises:
        ResourceNotFoundException: The user has no such device. Clients then delete the key and
            start the sign-in again.
    """
    if not key:
        return None
    device = user.devices.get(key)
    if device is None:
        raise ResourceNotFoundException(NO_DEVICE)
    return device if device.remembered and device.verifier else None
