"""Links between users of a pool and users of identity providers.

See "Federated users" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    LimitExceededException,
    UserNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.identity_providers import SOCIAL
from cognito_mfa.local.rules import directory, federation
from cognito_mfa.local.rules.state import IdentityProvider, User, UserPool

OWN_USERS = "Cognito"
MOST = 5


def admin_link_provider_for_user(context: Context, parameters: Parameters) -> Payload:
    """Let a user of a provider, who has not signed in yet, sign in as a user of the pool."""
    pool, source = context.pool(parameters), parameters["SourceUser"]
    provider, attribute, value = _source(pool, source)
    user = _destination(pool, parameters["DestinationUser"])
    found = federation.find(pool, provider.name, attribute, value)
    if found is not None and found[1].primary:
        raise InvalidParameterException(
            "Merging is not currently supported, provide a SourceUser that has not been signed up "
            "in order to link"
        )
    if found is not None:
        raise InvalidParameterException("SourceUser is already linked to DestinationUser")
    if len(user.identities) >= MOST:
        raise LimitExceededException(
            f"The user already has {MOST} linked identities, which is the maximum."
        )
    now = context.clock.now()
    federation.link(pool, user, provider, value, attribute=attribute, now=now)
    return {}


def admin_disable_provider_for_user(context: Context, parameters: Parameters) -> Payload:
    """Remove a link, or keep a user of the pool from signing in with a password."""
    pool, given = context.pool(parameters), parameters["User"]
    if given.get("ProviderName") == OWN_USERS:
        user = _destination(pool, given)
        user.password = None
    else:
        provider, attribute, value = _source(pool, given)
        found = federation.find(pool, provider.name, attribute, value)
        if found is None:
            raise UserNotFoundException("User does not exist.")
        user, identity = found
        if identity.primary:
            user.enabled = False
        else:
            federation.unlink(pool, user, identity, now=context.clock.now())
    user.modified_at = context.clock.now()
    return {}


def _source(pool: UserPool, given: Any) -> tuple[IdentityProvider, str, str]:
    """Return the provider, and what identifies a user there."""
    name, value = given.get("ProviderName"), given.get("ProviderAttributeValue")
    attribute = given.get("ProviderAttributeName")
    if not name or not attribute or not value:
        raise InvalidParameterException(
            "ProviderName, ProviderAttributeName and ProviderAttributeValue are required."
        )
    if name == OWN_USERS:
        raise InvalidParameterException(
            "Invalid SourceUser: Cognito users with a username/password may not be passed in as a "
            "SourceUser, only as a DestinationUser"
        )
    provider = pool.identity_providers.get(name)
    if provider is None:
        raise InvalidParameterException(
            f"The provider {name} does not exist for User Pool {pool.id}."
        )
    mapped = name not in SOCIAL and attribute in provider.attribute_mapping
    if attribute != federation.SUBJECT and not mapped:
        raise InvalidParameterException(
            f"ProviderAttributeName must be {federation.SUBJECT} or a mapped attribute."
        )
    return provider, attribute, value


def _destination(pool: UserPool, given: Any) -> User:
    """Return the pool's user to link to, named by username or by another provider's user."""
    name, value = given.get("ProviderName"), given.get("ProviderAttributeValue", "")
    if name == OWN_USERS:
        user = directory.user_known_as(pool, value)
    else:
        found = federation.find(pool, name or "", federation.SUBJECT, value)
        user = found[0] if found else None
    if user is None:
        raise UserNotFoundException("User does not exist.")
    return user
