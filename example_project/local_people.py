"""The people of the example's local Cognito, and what their authenticator apps show right now.

A real site never knows a code. The example does, because it runs the Cognito: so that the second
sign-in can be tried without a phone.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from django.contrib.auth.models import Group, User

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.outbox import Message
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from example_project.policy import PASSWORD_ONLY

MESSAGES = 3  # that the start page shows
STEP = 30  # seconds that a code is shown


class Demo(NamedTuple):
    """Somebody to sign in as."""

    username: str
    password: str
    what: str


DEMOS = (
    Demo("newcomer", "Newcomer-1", "must set up an authenticator app first"),
    Demo("regular", "Regular-1", "has one already; its code stands on the start page"),
    Demo("optional", "Optional-1", "in the same pool, but this site asks no second factor of them"),
    Demo("invited", "Invited-1", "must choose a password of their own first, then set up the app"),
    Demo("admin", "Administrator-1", "superuser: sign in, set up, and look at /admin/"),
)


class Shown(NamedTuple):
    """A demo person as the start page shows them."""

    demo: Demo
    code: str
    waiting: bool  # the code is of a secret that is not confirmed yet
    seconds_left: int


_pool: LocalPool | None = None
_cognito: LocalCognito | None = None


def settle(cognito: LocalCognito, *, pool_id: str, client_id: str, mfa: str) -> LocalPool:
    """Make pool, client and people where they are missing, and remember the pool for the start page."""
    global _pool, _cognito
    _cognito = cognito
    known = pool_id in {pool.id for pool in cognito.pools()}
    _pool = cognito.pool(pool_id) if known else _made(cognito, pool_id, client_id, mfa)
    return _pool


def _made(cognito: LocalCognito, pool_id: str, client_id: str, mfa: str) -> LocalPool:
    pool = cognito.create_pool(pool_id, mfa=mfa)
    # Ten minutes to find the phone; Cognito's default of three is short for a first set-up.
    pool.create_client(client_id, auth_session_validity=10)
    for demo in DEMOS:
        status = "FORCE_CHANGE_PASSWORD" if demo.username == "invited" else "CONFIRMED"
        attributes = {"email": f"{demo.username}@example.com", "email_verified": "true"}
        pool.create_user(
            demo.username, password=demo.password, attributes=attributes, status=status
        )
    pool.register_software_token("regular", friendly_name="Old phone")
    return pool


def link(pool: LocalPool) -> None:
    """Make the Django users that the example needs before anybody has signed in."""
    admin = _linked(pool, "admin", is_staff=True, is_superuser=True)
    if admin.status == CognitoIdentity.Status.UNKNOWN:
        admin.record_status(CognitoIdentity.Status.NOT_SET_UP)
    optional = _linked(pool, "optional")
    optional.user.groups.add(Group.objects.get_or_create(name=PASSWORD_ONLY)[0])
    regular = _linked(pool, "regular")
    if not regular.software_tokens.exists():
        SoftwareToken.activate(regular, friendly_name="Old phone")
        regular.record_status(CognitoIdentity.Status.ENABLED, preferred_factor="SOFTWARE_TOKEN_MFA")


def shown() -> list[Shown]:
    """Return the people for the start page; nobody when the pool is not ours."""
    if _pool is None:
        return []
    return [_shown(_pool, demo) for demo in DEMOS]


def messages() -> list[Message]:
    """Return the last messages with codes that the local Cognito would have sent, the newest first."""
    return list(reversed(_cognito.outbox[-MESSAGES:])) if _cognito else []


def _shown(pool: LocalPool, demo: Demo) -> Shown:
    user = pool.user(demo.username)
    waiting = user.pending_secret is not None
    code = ""
    if waiting:
        code = pool.pending_code_for(demo.username)
    elif user.software_token is not None:
        code = pool.code_for(demo.username)
    return Shown(demo, f"{code[:3]} {code[3:]}", waiting, STEP - int(time.time()) % STEP)


def _linked(pool: LocalPool, username: str, **flags: bool) -> CognitoIdentity:
    person = pool.user(username)
    user, _made = User.objects.get_or_create(
        username=username, defaults={"email": person.attributes["email"], **flags}
    )
    identity, _made = CognitoIdentity.objects.get_or_create(
        pool_id=pool.id,
        sub=person.sub,
        defaults={"user": user, "username": username, "email": person.attributes["email"]},
    )
    return identity
