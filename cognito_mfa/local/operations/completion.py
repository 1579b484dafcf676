"""Ends a sign-in: calls the pool's functions, and issues the tokens.

Nothing here reads a request.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence

from cognito_mfa.local.operations import triggers
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.rules import auth_events
from cognito_mfa.local.rules.scopes import SELF_SERVICE
from cognito_mfa.local.rules.state import AppClient, Device, User, UserPool

#: The triggerSource of tokens, by the last step of the sign-in.
AUTHENTICATION = "TokenGeneration_Authentication"
NEW_PASSWORD = "TokenGeneration_NewPasswordChallenge"  # noqa: S105 - the name of a source
DEVICE = "TokenGeneration_AuthenticateDevice"
HOSTED = "TokenGeneration_HostedAuth"
REFRESH = "TokenGeneration_RefreshTokens"


def finish(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User,
    *,
    factors: Sequence[str],
    device_key: str = "",
    source: str = AUTHENTICATION,
) -> Payload:
    """End a sign-in.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        factors: The answered factors, as ``amr`` names them.
        device_key: The key of the device that the client names; "" for none.
        source: The triggerSource of the tokens.

    Returns:
        The tokens, or what the context returns instead.
    """
    user.has_signed_in = True
    auth_events.signed_in(pool, user, factors, context.clock.now())
    about = triggers.About(pool, client, user)
    if context.complete is not None:
        triggers.post_authentication(context, about, new_device=False)
        return context.complete(user, factors)
    device, new = _device(context, pool, user, device_key)
    key = device.key if device is not None else ""
    triggers.post_authentication(context, about, new_device=new)
    scopes = (SELF_SERVICE,)
    changes = triggers.pre_token_generation(context, about, source, scopes)
    result = context.tokens.issue(
        pool, client, user, factors=factors, scopes=scopes, device_key=key, changes=changes
    )
    if device is not None and new:
        result["NewDeviceMetadata"] = {
            "DeviceKey": device.key,
            "DeviceGroupKey": device.group_key,
        }
    # Cognito never omits them, and they are empty if there are tokens.
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _device(context: Context, pool: UserPool, user: User, key: str) -> tuple[Device | None, bool]:
    """Return the device of this sign-in and whether it is new; None if the pool does not track devices."""
    if pool.device_tracking is None:
        return None, False
    known = user.devices.get(key)
    if known is not None:
        return known, False
    now = context.clock.now()
    device = Device(
        key=f"{pool.region}_{uuid.uuid4()}",
        group_key=f"-{secrets.token_urlsafe(6)}",
        created_at=now,
        modified_at=now,
        authenticated_at=now,
    )
    user.devices[device.key] = device
    return device, True
