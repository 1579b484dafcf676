"""A sign-in on the pages of managed login, by the operations' own rules.

It ends with the user instead of tokens. Federated users sign in here, and Cognito never asks them
for a second factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.managed_login.oauth import Asked
from cognito_mfa.local.operations import respond_to_challenge, sign_in, triggers
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.operations.secret_hash import secret_hash
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.rules import auth_events, directory, federation
from cognito_mfa.local.rules.state import (
    AppClient,
    IdentityProvider,
    SignInSession,
    User,
    UserPool,
)

FEDERATED = ("fed",)
PRE_SIGN_UP = "PreSignUp_ExternalProvider"
CONFIRMED = "PostConfirmation_ConfirmSignUp"


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
    context: Context,
    asked: Asked,
    provider: IdentityProvider,
    subject: str,
    attributes: Mapping[str, str],
) -> Payload:
    """Sign in a user of another identity provider, who is added on the first visit.

    Args:
        context: The account.
        asked: The client's request.
        provider: The identity provider.
        subject: The user's id there.
        attributes: What the provider says, by attributes of the pool; an address is not verified.

    Returns:
        What ``signed_in`` returns; Cognito asks federated users for no second factor.

    Raises:
        CognitoError: The user is disabled, or the pool does not take the attributes.
    """
    now = context.clock.now()
    pool = asked.pool
    if federation.known(pool, provider, subject, attributes, now) is None:
        sub = _ask_function(context, asked, provider, subject, attributes)
        user = federation.sign_in(
            pool, asked.client, provider, subject, attributes, now=now, sub=sub
        )
        triggers.post_confirmation(context, About(pool, asked.client, user), CONFIRMED)
        auth_events.signed_in(pool, user, FEDERATED, now)
        return signed_in(user, FEDERATED)
    user = federation.sign_in(pool, asked.client, provider, subject, attributes, now=now)
    about = About(pool, asked.client, user)
    triggers.pre_authentication(context, about)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    triggers.post_authentication(context, about, new_device=False)
    auth_events.signed_in(pool, user, FEDERATED, now)
    return signed_in(user, FEDERATED)


def _ask_function(
    context: Context,
    asked: Asked,
    provider: IdentityProvider,
    subject: str,
    attributes: Mapping[str, str],
) -> str:
    """Return the id of a new user, once the pool's function agrees. They are no user before."""
    now = context.clock.now()
    tried = federation.sign_in(asked.pool, asked.client, provider, subject, attributes, now=now)
    directory.remove_user(asked.pool, tried)
    triggers.pre_sign_up(context, About(asked.pool, asked.client, tried), PRE_SIGN_UP, {})
    return tried.sub


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


def live_session(context: Context, asked: Asked, step: str, session: str) -> SignInSession | None:
    """Return the session that a form continues; None where it has to begin anew.

    SECURITY: a form may name any session and any step. A session is of one client, and at one step.

    Args:
        context: The account.
        asked: The client's request.
        step: What the form answers: the name of a challenge.
        session: The session string in the form.

    Returns:
        The session, if it is alive, of this client, and at this step.
    """
    try:
        found = context.sessions.find(session)
    except NotAuthorizedException:
        return None
    is_ours = (found.pool_id, found.client_id) == (asked.pool.id, asked.client.id)
    return found if is_ours and found.stage.challenge == step else None


def _hash(client: AppClient, username: str) -> dict[str, str]:
    """Return the secret hash that the operations require, because managed login sends none."""
    if client.secret is None:
        return {}
    return {"SECRET_HASH": secret_hash(client, username, client.secret)}
