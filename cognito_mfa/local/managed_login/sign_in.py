"""A sign-in on the pages of managed login, by the operations' own rules.

It ends with the user instead of tokens. Federated users sign in here, and Cognito never asks them
for a second factor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.json_text import compact
from cognito_mfa.local.managed_login.oauth import Asked
from cognito_mfa.local.operations import respond_to_challenge, sign_in
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.operations.secret_hash import secret_hash
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import AppClient, User, UserPool

FEDERATED = ("fed",)


def signed_in(user: User, factors: Sequence[str]) -> Payload:
    """Return what a finished sign-in gives here.

    Args:
        user: Who signed in.
        factors: What they answered, as ``amr`` names it.

    Returns:
        ``User`` and ``Factors``, which an authorization code is made of.
    """
    user.has_signed_in = True
    return {"User": user, "Factors": list(factors)}


def check_password(context: Context, asked: Asked, username: str, password: str) -> Payload:
    """Begin a sign-in with a password.

    Args:
        context: The account, with ``signed_in`` at the end of its sign-ins.
        asked: The client's request.
        username: As it was typed.
        password: As it was typed.

    Returns:
        The next challenge, or what ``signed_in`` returns.

    Raises:
        CognitoError: What Cognito answers to a password that does not work.
    """
    values = {"USERNAME": username, "PASSWORD": password, **_hash(asked.client, username)}
    return sign_in.begin_with_password(context, asked.pool, asked.client, values, admin=False)


def answer_challenge(
    context: Context, asked: Asked, challenge: str, session: str, answer: Mapping[str, str]
) -> Payload:
    """Answer a challenge for the user of a session.

    Args:
        context: The account, with ``signed_in`` at the end of its sign-ins.
        asked: The client's request.
        challenge: The name of the challenge.
        session: The session string that came with it.
        answer: Members of ChallengeResponses, without USERNAME and SECRET_HASH.

    Returns:
        The next challenge, or what ``signed_in`` returns.

    Raises:
        CognitoError: What Cognito answers to a session or a code that does not work.
    """
    username = username_of(context, asked.pool, session)
    responses = {"USERNAME": username, **answer, **_hash(asked.client, username)}
    return respond_to_challenge.respond_to_auth_challenge(
        context,
        {
            "ClientId": asked.client.id,
            "ChallengeName": challenge,
            "Session": session,
            "ChallengeResponses": responses,
        },
    )


def sign_in_federated(
    context: Context, asked: Asked, provider: str, subject: str, email: str
) -> Payload:
    """Sign in a user of another identity provider, who is added on the first visit.

    Args:
        context: The account.
        asked: The client's request.
        provider: The name of the provider.
        subject: The user's id at the provider.
        email: An address that the provider gives, not verified; "" for none.

    Returns:
        What ``signed_in`` returns; Cognito asks federated users for no second factor.
    """
    username = f"{provider}_{subject}"
    user = directory.user_named(asked.pool, username)
    now = context.clock.now()
    if user is None:
        attributes = {"email": email, "email_verified": "false"} if email else {}
        user = directory.add_user(
            asked.pool, username, attributes, status="EXTERNAL_PROVIDER", now=now
        )
        known = {"identities": identities(provider, subject, created_at=now)}
        directory.set_attributes(asked.pool, user, known, write=Write.COGNITO, now=now)
    return signed_in(user, FEDERATED)


def identities(provider: str, subject: str, *, created_at: float) -> str:
    """Return the attribute that names a provider, as Cognito writes it.

    Args:
        provider: The name of the provider.
        subject: The user's id at the provider.
        created_at: When the user first came, in Unix seconds.

    Returns:
        A list of one in JSON.
    """
    entry = {
        "userId": subject,
        "providerName": provider,
        "providerType": "OIDC",
        "issuer": None,
        "primary": True,
        "dateCreated": int(created_at * 1000),
    }
    return compact([entry])


def is_linked(user: User, provider: str, subject: str) -> bool:
    """Return whether a provider's user signs in as this user (AdminLinkProviderForUser).

    Args:
        user: The user.
        provider: The name of the provider.
        subject: The user's id at the provider.

    Returns:
        Whether they are linked.
    """
    known = json.loads(user.attributes.get("identities", "[]"))
    return any((one["providerName"], one["userId"]) == (provider, subject) for one in known)


def username_of(context: Context, pool: UserPool, session: str) -> str:
    """Return who is signing in.

    Args:
        context: The account.
        pool: The user pool.
        session: The session string of the last challenge.

    Returns:
        The username.

    Raises:
        NotAuthorizedException: The session does not work, or the user is gone.
    """
    user = directory.user_with_sub(pool, context.sessions.find(session).sub)
    if user is None:
        raise NotAuthorizedException("User does not exist.")
    return user.username


def _hash(client: AppClient, username: str) -> dict[str, str]:
    """Return the secret hash that the operations require, because managed login sends none."""
    if client.secret is None:
        return {}
    return {"SECRET_HASH": secret_hash(client, username, client.secret)}
