"""What users change about themselves: attributes, verified addresses, and deletion.

Users cannot mark their own address as verified.
"""

from __future__ import annotations

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
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.attribute_permissions import check_writable
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import User, UserPool

UPDATED = "CustomMessage_UpdateUserAttribute"
ASKED_FOR = "CustomMessage_VerifyUserAttribute"


def update_user_attributes(context: Context, parameters: Parameters) -> Payload:
    """Change the caller's attributes; a new address is unverified, and may be sent a code."""
    pool, user = context.caller(parameters)
    changes = attributes_in(parameters["UserAttributes"])
    client = context.tokens.client_of(parameters["AccessToken"])
    moved = [
        name for name in CHANNELS if name in changes and changes[name] != user.attributes.get(name)
    ]
    directory.set_attributes(
        pool, user, changes, write=Write.UPDATE, now=context.clock.now(), client=client
    )
    sent = [
        sent_codes.send_code(context, About(pool, client, user), _sending(name, UPDATED))
        for name in moved
        if name in pool.auto_verified and name in user.attributes
    ]
    return {"CodeDeliveryDetailsList": sent} if sent else {}


def get_user_attribute_verification_code(context: Context, parameters: Parameters) -> Payload:
    """Send the caller a code that verifies an address."""
    pool, user = context.caller(parameters)
    name = _address(context, pool, user, parameters)
    client = context.tokens.client_of(parameters["AccessToken"])
    about = About(pool, client, user)
    details = sent_codes.send_code(context, about, _sending(name, ASKED_FOR))
    return {"CodeDeliveryDetails": details}


def verify_user_attribute(context: Context, parameters: Parameters) -> Payload:
    """Verify an address of the caller with the code that was sent there."""
    pool, user = context.caller(parameters)
    name = _address(context, pool, user, parameters)
    sent_codes.check_sent_code(context, user, _purpose(name), parameters["Code"])
    flag = {directory.VERIFIED_FLAG[name]: "true"}
    directory.set_attributes(pool, user, flag, write=Write.COGNITO, now=context.clock.now())
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


def _sending(name: str, source: str) -> Purpose:
    return Purpose(_purpose(name), name, source)


def _address(context: Context, pool: UserPool, user: User, parameters: Parameters) -> str:
    """The attribute that a code can reach, and that the client may write."""
    name: str = parameters["AttributeName"]
    if name not in CHANNELS:
        raise InvalidParameterException(
            "Invalid attribute name. Only phone_number and email can be verified."
        )
    client = context.tokens.client_of(parameters["AccessToken"])
    check_writable(pool, client, [name], Write.UPDATE)
    if name not in user.attributes:
        raise InvalidParameterException(f"{name} cannot be verified for the user")
    return name
