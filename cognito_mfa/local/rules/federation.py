"""Users of identity providers, and the users of the pool that they sign in as.

See "Federated users" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.json_text import compact
from cognito_mfa.local.rules import attribute_permissions, directory
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import AppClient, Identity, IdentityProvider, User, UserPool

SUBJECT = "Cognito_Subject"
ATTRIBUTE = "identities"


def link(
    pool: UserPool,
    user: User,
    provider: IdentityProvider,
    value: str,
    *,
    now: float,
    attribute: str = SUBJECT,
    primary: bool = False,
) -> None:
    """Let a user of a provider sign in as a user of the pool.

    Args:
        pool: The user pool.
        user: The user of the pool.
        provider: The identity provider.
        value: What identifies the user there.
        now: The time in Unix seconds.
        attribute: The name of the attribute that the value is of, or ``SUBJECT`` for the provider's own id.
        primary: Whether the user of the pool was created for this identity.
    """
    user.identities.append(
        Identity(
            provider=provider.name,
            provider_type=provider.type,
            attribute=attribute,
            value=value,
            primary=primary,
            created_at=now,
        )
    )
    _describe(pool, user, now)


def unlink(pool: UserPool, user: User, identity: Identity, *, now: float) -> None:
    """Remove an identity from a user.

    Args:
        pool: The user pool.
        user: The user of the pool.
        identity: One of the user's identities.
        now: The time in Unix seconds.
    """
    user.identities.remove(identity)
    _describe(pool, user, now)


def find(pool: UserPool, provider: str, attribute: str, value: str) -> tuple[User, Identity] | None:
    """Return the pool's user whom a provider's user signs in as.

    Args:
        pool: The user pool.
        provider: The name of the identity provider.
        attribute: What the value is.
        value: What identifies the user there.

    Returns:
        The user of the pool and the identity, or None.
    """
    wanted = (provider, attribute, value)
    for user in pool.users.values():
        for identity in user.identities:
            if (identity.provider, identity.attribute, identity.value) == wanted:
                return user, identity
    return None


def sign_in(
    pool: UserPool,
    client: AppClient,
    provider: IdentityProvider,
    subject: str,
    attributes: Mapping[str, str],
    *,
    now: float,
    sub: str | None = None,
) -> User:
    """Return the pool's user for a provider's user, and create one at the first sign-in.

    Args:
        pool: The user pool.
        client: The app client, which must be allowed to write these attributes.
        provider: The identity provider.
        subject: The user's id there.
        attributes: What the provider says, by the names of the pool's attributes.
        now: The time in Unix seconds.
        sub: The id of a new user; a new one unless given.

    Returns:
        The user, whose attributes are what the provider says.

    Raises:
        CognitoError: The pool does not accept the attributes.
    """
    attribute_permissions.check_mapped(pool, client, attributes)
    user = known(pool, provider, subject, attributes, now)
    if user is not None:
        # Cognito writes all of them at each sign-in, so it refuses immutable ones even if they are unchanged.
        directory.set_attributes(pool, user, attributes, write=Write.UPDATE, now=now)
        return user
    return _add(pool, provider, subject, attributes, now=now, sub=sub)


def _add(
    pool: UserPool,
    provider: IdentityProvider,
    subject: str,
    attributes: Mapping[str, str],
    *,
    now: float,
    sub: str | None,
) -> User:
    """Create the pool's user for a provider's user, and link the two."""
    missing = [name for name in pool.required_attributes if not attributes.get(name)]
    if missing:
        raise InvalidParameterException(f"attributes required: [{', '.join(missing)}]")
    unverified = {"email_verified": "false"} if "email" in attributes else {}
    username = f"{provider.name}_{subject}"
    user = directory.add_user(
        pool,
        username,
        {**unverified, **attributes},
        status="EXTERNAL_PROVIDER",
        now=now,
        sub=sub,
    )
    link(pool, user, provider, subject, now=now, primary=True)
    return user


def known(
    pool: UserPool,
    provider: IdentityProvider,
    subject: str,
    attributes: Mapping[str, str],
    now: float,
) -> User | None:
    """Return the pool's user for a provider's user who signed in before or was linked.

    A link by an attribute becomes a link by the provider's id.

    Args:
        pool: The user pool.
        provider: The identity provider.
        subject: The user's id there.
        attributes: What the provider says, by the names of the pool's attributes.
        now: The time in Unix seconds.

    Returns:
        The user, or None.
    """
    for attribute, value in ((SUBJECT, subject), *attributes.items()):
        found = find(pool, provider.name, attribute, value)
        if found is not None:
            user, identity = found
            identity.attribute, identity.value = SUBJECT, subject
            _describe(pool, user, now)
            return user
    return None


def _describe(pool: UserPool, user: User, now: float) -> None:
    """Update the attribute that lists the identities."""
    entries = [
        {
            "userId": one.value,
            "providerName": one.provider,
            "providerType": one.provider_type,
            "issuer": None,
            "primary": one.primary,
            "dateCreated": int(one.created_at * 1000),
        }
        for one in user.identities
    ]
    shown = {ATTRIBUTE: compact(entries) if entries else ""}
    directory.set_attributes(pool, user, shown, write=Write.COGNITO, now=now)
