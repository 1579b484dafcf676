"""Confirms, reads, remembers, and forgets tracked devices, for users and administrators.

The sign-in decides which device may replace a second factor.

See "Remembered devices" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from cognito_mfa.local.errors import (
    DeviceKeyExistsException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload, required
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules import srp
from cognito_mfa.local.rules.remembered_devices import NO_DEVICE
from cognito_mfa.local.rules.state import Device, User

LARGEST_PAGE = 60
STATUSES = {True: "remembered", False: "not_remembered"}


def confirm_device(context: Context, parameters: Parameters) -> Payload:
    """Store a device's verifier, so that the device can prove itself from now on."""
    pool, user = context.caller(parameters)
    device = _device(user, parameters)
    if device.verifier:
        raise DeviceKeyExistsException("Device is already confirmed")
    secret = parameters.get("DeviceSecretVerifierConfig", {})
    device.verifier = _verifier(required(secret, "PasswordVerifier"))
    device.salt = _decoded(required(secret, "Salt"), "Salt").hex()
    device.name = parameters.get("DeviceName", "")
    on_prompt = pool.device_tracking is not None and pool.device_tracking.only_on_prompt
    device.remembered = not on_prompt
    device.modified_at = context.clock.now()
    return {"UserConfirmationNecessary": on_prompt}


def get_device(context: Context, parameters: Parameters) -> Payload:
    """Return one device of the caller."""
    required(parameters, "AccessToken")
    _, user = context.caller(parameters)
    return {"Device": _described(_device(user, parameters))}


def list_devices(context: Context, parameters: Parameters) -> Payload:
    """Return a page of the caller's devices."""
    _, user = context.caller(parameters)
    return _page(user, parameters)


def update_device_status(context: Context, parameters: Parameters) -> Payload:
    """Remember a device of the caller, or stop remembering it."""
    _, user = context.caller(parameters)
    _set_status(context, _device(user, parameters), parameters)
    return {}


def forget_device(context: Context, parameters: Parameters) -> Payload:
    """Forget a device of the caller."""
    required(parameters, "AccessToken")
    _, user = context.caller(parameters)
    del user.devices[_device(user, parameters).key]
    return {}


def admin_get_device(context: Context, parameters: Parameters) -> Payload:
    """Return one device of a user."""
    user = _named(context, parameters)
    return {"Device": _described(_device(user, parameters))}


def admin_list_devices(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a user's devices."""
    return _page(_named(context, parameters), parameters)


def admin_update_device_status(context: Context, parameters: Parameters) -> Payload:
    """Remember a device of a user, or stop remembering it."""
    _, user = context.user(parameters)
    _set_status(context, _device(user, parameters), parameters)
    return {}


def admin_forget_device(context: Context, parameters: Parameters) -> Payload:
    """Forget a device of a user."""
    _, user = context.user(parameters)
    del user.devices[_device(user, parameters).key]
    return {}


def _named(context: Context, parameters: Parameters) -> User:
    """Return the user and the device, for operations that do not declare UserNotFoundException."""
    _, user = context.user(parameters, gone=ResourceNotFoundException)
    return user


def _set_status(context: Context, device: Device, parameters: Parameters) -> None:
    device.remembered = parameters.get("DeviceRememberedStatus") == STATUSES[True]
    device.modified_at = context.clock.now()


def _device(user: User, parameters: Parameters) -> Device:
    device = user.devices.get(parameters["DeviceKey"])
    if device is None:
        raise ResourceNotFoundException(NO_DEVICE)
    return device


def _verifier(text: str) -> str:
    value = int.from_bytes(_decoded(text, "PasswordVerifier"), "big")
    if value % srp.N == 0:
        raise InvalidParameterException("PasswordVerifier is not a verifier of SRP")
    return f"{value:x}"


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidParameterException(f"{name} is not base64") from None


def _page(user: User, parameters: Parameters) -> Payload:
    devices: Sequence[Device] = list(user.devices.values())
    start = page_start(parameters.get("PaginationToken"), "ListDevices", user.sub)
    size = parameters.get("Limit") or LARGEST_PAGE
    page: Payload = {"Devices": [_described(one) for one in devices[start : start + size]]}
    if len(devices) > start + size:
        page["PaginationToken"] = page_token(start + size, "ListDevices", user.sub)
    return page


def _described(device: Device) -> Mapping[str, Any]:
    attributes = {
        "device_status": "valid",
        "device_name": device.name,
        "dev:device_remembered_status": STATUSES[device.remembered],
    }
    return {
        "DeviceKey": device.key,
        "DeviceAttributes": [
            {"Name": name, "Value": value} for name, value in attributes.items() if value
        ],
        "DeviceCreateDate": device.created_at,
        "DeviceLastModifiedDate": device.modified_at,
        "DeviceLastAuthenticatedDate": device.authenticated_at,
    }
