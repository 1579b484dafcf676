"""Which tracked device may prove itself.

See "Remembered devices" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import ResourceNotFoundException
from cognito_mfa.local.rules.state import Device, User

NO_DEVICE = "Device does not exist."


def remembered(user: User, key: str) -> Device | None:
    """Return the device if it can prove itself.

    Args:
        user: The user.
        key: The key that the client sent; "" for none.

    Returns:
        The device; None where it cannot, or where no key is given.

    Raises:
        ResourceNotFoundException: The user has no such device. Clients then forget the key and
            begin again.
    """
    if not key:
        return None
    device = user.devices.get(key)
    if device is None:
        raise ResourceNotFoundException(NO_DEVICE)
    return device if device.remembered and device.verifier else None
