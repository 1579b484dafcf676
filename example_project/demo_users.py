"""The users of the example's local Cognito, and what their authenticator apps show right now.

A real site never knows these codes. The example does because it runs the local Cognito, so that you can try
everything without a phone.
"""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.models import Group, User

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.outbox import Message
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import User as PoolUser
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from cognito_mfa.reports import overview
from example_project import settings

STEP = 30  # seconds that a code is shown
# Cognito's default of three minutes is short for finding a phone.
AUTH_SESSION_VALIDITY = 10


class Demo(NamedTuple):
    """A user to sign in as."""

    username: str
    password: str
    needs_code: bool = True


DEMOS = (
    Demo("newcomer", "Newcomer-1"),
    Demo("regular", "Regular-1"),
    Demo("invited", "Invited-1"),
    Demo("admin", "Administrator-1"),
)
OPTIONAL = Demo("optional", "Optional-1", needs_code=False)  # in a pool whose MFA is optional


class Code(NamedTuple):
    """What an authenticator app shows."""

    code: str
    note: str


class Shown(NamedTuple):
    """A demo user as the start page and the terminal show them."""

    username: str
    password: str
    expectation: str
    codes: list[Code]


_pool: LocalPool | None = None
_cognito: LocalCognito | None = None


def prepare(cognito: LocalCognito) -> None:
    """Create pool, app client, and users where they are missing, and link the users that have to exist.

    Args:
        cognito: the local Cognito, whose codes the start page shows from now on.
    """
    global _pool, _cognito
    _cognito = cognito
    pool_id = settings.COGNITO_MFA["USER_POOL_ID"]
    known = pool_id in {pool.id for pool in cognito.pools()}
    _pool = cognito.pool(pool_id) if known else _created(cognito, pool_id)
    _link(_pool)
    overview.count()  # or the admin's overview would begin empty


def demos() -> tuple[Demo, ...]:
    """Return the users that the pool of this run has."""
    return (*DEMOS[:2], OPTIONAL, *DEMOS[2:]) if settings.REQUIRES_OF_GROUP else DEMOS


def shown() -> list[Shown]:
    """Return the demo users as they are now; none in a pool of your own."""
    return [] if _pool is None else [_shown(_pool, demo) for demo in demos()]


def codes() -> dict[str, list[Code]]:
    """Return the codes of now, by username."""
    return {} if _pool is None else {demo.username: _codes(_pool, demo) for demo in demos()}


def messages() -> list[Message]:
    """Return the emails and texts that Cognito would have sent, the newest first."""
    return list(reversed(_cognito.outbox)) if _cognito else []


def _created(cognito: LocalCognito, pool_id: str) -> LocalPool:
    pool = cognito.create_pool(pool_id, mfa=settings.POOL_MFA)
    pool.create_client(
        settings.COGNITO_MFA["CLIENT_ID"], auth_session_validity=AUTH_SESSION_VALIDITY
    )
    for demo in demos():
        status = "FORCE_CHANGE_PASSWORD" if demo.username == "invited" else "CONFIRMED"
        attributes = {"email": f"{demo.username}@example.com", "email_verified": "true"}
        pool.create_user(
            demo.username, password=demo.password, attributes=attributes, status=status
        )
    pool.register_software_token("regular", friendly_name="Old phone")
    return pool


def _link(pool: LocalPool) -> None:
    """Link the users that must exist before their first sign-in, and leave the others to it."""
    _linked(pool, "admin", is_staff=True, is_superuser=True)
    _linked(pool, "regular")
    if settings.REQUIRES_OF_GROUP:
        required, _new = Group.objects.get_or_create(name=settings.REQUIRED_GROUP)
        for demo in demos():
            user = _linked(pool, demo.username).user
            if demo.needs_code:
                user.groups.add(required)


def _linked(pool: LocalPool, username: str, **flags: bool) -> CognitoIdentity:
    found = pool.user(username)
    email = found.attributes["email"]
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User(username=username, email=email, **flags)
        user.set_unusable_password()
        user.save()
    identity, new = CognitoIdentity.objects.get_or_create(
        pool_id=pool.id,
        sub=found.sub,
        defaults={"user": user, "username": username, "email": email},
    )
    if new:
        identity.record_status(CognitoIdentity.Status.NOT_SET_UP)
        if found.software_token is not None:
            SoftwareToken.activate(identity, friendly_name=found.software_token.friendly_name)
            identity.record_status(
                CognitoIdentity.Status.ENABLED, preferred_factor="SOFTWARE_TOKEN_MFA"
            )
    return identity


def _shown(pool: LocalPool, demo: Demo) -> Shown:
    user = pool.user(demo.username)
    own = user.password is None or not user.password.matches(pool.id, user.username, demo.password)
    password = "" if own else demo.password
    return Shown(demo.username, password, _expectation(demo, user), _codes(pool, demo))


def _expectation(demo: Demo, user: PoolUser) -> str:
    """Return what happens at the next sign-in, in words for the start page and the terminal."""
    if user.status == "FORCE_CHANGE_PASSWORD":
        said = "has to choose a password first, then set up the app"
    elif user.software_token is not None:
        said = "already has an authenticator app, so signing in asks for a code"
    elif demo.needs_code:
        said = "has to set up an authenticator app first"
    else:
        said = "needs only a password, by this site’s policy"
    return f"{said}; superuser, so open /admin/" if demo.username == "admin" else said


def _codes(pool: LocalPool, demo: Demo) -> list[Code]:
    user = pool.user(demo.username)
    now = _cognito.clock.now() if _cognito else 0.0
    left = STEP - int(now) % STEP
    found = []
    if user.software_token is not None:
        used = int(now) // STEP in user.software_token.used_steps
        note = f"used, next code in {left} s" if used else f"{left} s left"
        found.append(Code(_spaced(pool.code_for(demo.username)), note))
    if user.pending_secret is not None:
        code = pool.pending_code_for(demo.username)
        found.append(Code(_spaced(code), f"{left} s left, to confirm setup"))
    return found


def _spaced(code: str) -> str:
    return f"{code[:3]} {code[3:]}"
