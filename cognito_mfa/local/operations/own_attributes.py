"""Changes attributes and addresses of users, for themselves and for administrators.

Users cannot mark their own address as verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.operations import sent_codes
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    attributes_in,
)
from cognito_mfa.local.operations.sent_codes import CHANNELS, Purpose
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.rules import directory, pool_settings
from cognito_mfa.local.rules.attribute_permissions import check_writable
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import User, UserPool

UPDATED = "CustomMessage_UpdateUserAttribute"
ASKED_FOR = "CustomMessage_VerifyUserAttribute"


def update_user_attributes(context: Context, parameters: Parameters) -> Payload:
    """Change the caller's attributes. A new address is unverified, and may get a code."""
    pool, user = context.caller(parameters)
    changes = attributes_in(parameters["UserAttributes"])
    client = context.tokens.client_of(parameters["AccessToken"])
    moved = [
        name for name in CHANNELS if name in changes and changes[name] != user.attributes.get(name)
    ]
    pending = _pending(pool, changes, moved)
    directory.set_attributes(
        pool,
        user,
        changes,
        write=Write.UPDATE,
        now=context.clock.now(),
        client=client,
        pending=pending,
    )
    _withdraw_codes(user, changes)
    about = About(pool, client, user)
    sent = [
        sent_codes.send_code(context, about, _sending(name, UPDATED, pending.get(name, "")))
        for name in moved
        if name in pool.auto_verified and (name in pending or name in user.attributes)
    ]
    return {"CodeDeliveryDetailsList": sent} if sent else {}


def admin_update_user_attributes(context: Context, parameters: Parameters) -> Payload:
    """Change a user's attributes. Only a new address that must be verified first gets a code."""
    pool, user = context.user(parameters)
    changes = attributes_in(parameters["UserAttributes"])
    verified = [
        n for n in CHANNELS if changes.get(directory.VERIFIED_FLAG[n], "").lower() == "true"
    ]
    waiting = {name: value for name in verified if (value := _waiting(user, name))}
    changes = {**waiting, **changes}
    moved = [
        name
        for name in CHANNELS
        if name in changes and name not in verified and changes[name] != user.attributes.get(name)
    ]
    pending = _pending(pool, changes, moved)
    directory.set_attributes(
        pool, user, changes, write=Write.UPDATE, now=context.clock.now(), pending=pending
    )
    _withdraw_codes(user, changes)
    about = About(pool, None, user)
    for name, value in pending.items():
        sent_codes.send_code(context, about, _sending(name, UPDATED, value))
    return {}


def get_user_attribute_verification_code(context: Context, parameters: Parameters) -> Payload:
    """Send the caller a code that verifies an address."""
    pool, user = context.caller(parameters)
    name = _address(context, pool, user, parameters)
    client = context.tokens.client_of(parameters["AccessToken"])
    about = About(pool, client, user)
    sending = _sending(name, ASKED_FOR, _waiting(user, name))
    details = sent_codes.send_code(context, about, sending)
    return {"CodeDeliveryDetails": details}


def verify_user_attribute(context: Context, parameters: Parameters) -> Payload:
    """Verify an address of the caller with the code that was sent there."""
    pool, user = context.caller(parameters)
    name = _address(context, pool, user, parameters)
    sent = sent_codes.check_sent_code(context, user, _purpose(name), parameters["Code"])
    proven = {directory.VERIFIED_FLAG[name]: "true", **({name: sent.value} if sent.value else {})}
    directory.set_attributes(pool, user, proven, write=Write.COGNITO, now=context.clock.now())
    del user.sent_codes[_purpose(name)]
    return {}


def delete_user_attributes(context: Context, parameters: Parameters) -> Payload:
    """Delete attributes of the caller."""
    pool, user = context.caller(parameters)
    removed = dict.fromkeys(parameters["UserAttributeNames"], "")
    client = context.tokens.client_of(parameters["AccessToken"])
    directory.set_attributes(
        pool, user, removed, write=Write.DELETION, now=context.clock.now(), client=client
    )
    return {}


def admin_delete_user_attributes(context: Context, parameters: Parameters) -> Payload:
    """Delete attributes of a user."""
    pool, user = context.user(parameters)
    removed = dict.fromkeys(parameters["UserAttributeNames"], "")
    directory.set_attributes(pool, user, removed, write=Write.DELETION, now=context.clock.now())
    return {}


def delete_user(context: Context, parameters: Parameters) -> Payload:
    """Delete the caller."""
    pool, user = context.caller(parameters)
    context.sessions.end_all(user)
    directory.remove_user(pool, user)
    return {}


def _purpose(name: str) -> str:
    return f"verification of {name}"


def _sending(name: str, source: str, value: str) -> Purpose:
    """Return the purpose of a code to the address ``value``; "" for the user's current one."""
    return Purpose(_purpose(name), name, source, value)


def _pending(pool: UserPool, changes: Mapping[str, str], moved: Iterable[str]) -> dict[str, str]:
    """Return the new addresses that must be verified first. An empty value removes one at once."""
    proven_first = pool_settings.proven_before_update(pool.settings)
    return {name: changes[name] for name in moved if changes[name] and name in proven_first}


def _waiting(user: User, name: str) -> str:
    """Return the new address that got a code and is not verified yet; "" for none."""
    sent = user.sent_codes.get(_purpose(name))
    return sent.value if sent else ""


def _withdraw_codes(user: User, changes: Iterable[str]) -> None:
    """Delete codes for addresses that changed, because a code proves only the address that got it."""
    for name in changes:
        user.sent_codes.pop(_purpose(name), None)


def _address(context: Context, pool: UserPool, user: User, parameters: Parameters) -> str:
    """Return the attribute of the address to verify, which the client may write."""
    name: str = parameters["AttributeName"]
    if name not in CHANNELS:
        raise InvalidParameterException(
            "Invalid attribute name. Only phone_number and email can be verified."
        )
    client = context.tokens.client_of(parameters["AccessToken"])
    check_writable(pool, client, [name], Write.UPDATE)
    if name not in user.attributes and not _waiting(user, name):
        raise InvalidParameterException(f"{name} cannot be verified for the user")
    return name
