"""The claims of a sign-in's tokens, which ``tokens`` signs.

See "Claims" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.random_ids import new_id
from cognito_mfa.local.rules import attribute_permissions, attribute_schema
from cognito_mfa.local.rules.state import AppClient, Group, TokenFamily, User, UserPool

#: Levels of a factor together with a password, and without one.
ACR_LEVELS = {"otp": 4, "sms": 3, "email_otp": 3, "swk": 3}
SINGLE_LEVELS = {"sms": 2, "email_otp": 2, "swk": 3}

#: Claims that a trigger function cannot change, in the ID token and in the access token.
FIXED = frozenset(
    {
        "acr", "amr", "at_hash", "aud", "auth_time", "azp", "client_id", "cognito:username",
        "device_key", "event_id", "exp", "iat", "identities", "iss", "jti", "nbf", "nonce",
        "origin_jti", "sub", "token_use", "username", "version",
    }
)  # fmt: skip
GROUPS = "cognito:groups"
ROLES = frozenset({"cognito:roles", "cognito:preferred_role"})
GROUP_CLAIMS = ROLES | {GROUPS}
#: Prefixes of claims that a function cannot add. It can suppress ``dev:`` attributes.
RESERVED = ("cognito:", "dev:")
FIXED_IN_ACCESS = FIXED | {"scope"}


@dataclass(frozen=True, slots=True)
class ClaimChanges:
    """The claims that a trigger function adds to a token and removes from it."""

    added: Mapping[str, Any] = field(default_factory=dict)
    suppressed: Sequence[str] = ()

    def apply(self, claims: Mapping[str, Any], *, kept: frozenset[str] = FIXED) -> dict[str, Any]:
        """Return claims with the changes, except for claims that cannot change.

        Args:
            claims: The claims of a token.
            kept: The names of claims that cannot change.

        Returns:
            The claims. One that is both added and suppressed is suppressed. Roles can only be suppressed
            with the groups.
        """
        added = {
            name: value
            for name, value in self.added.items()
            if name not in kept and not name.startswith(RESERVED)
        }
        gone = set(self.suppressed) - kept - ROLES
        gone |= GROUP_CLAIMS if GROUPS in gone else set()
        return {name: value for name, value in {**claims, **added}.items() if name not in gone}


@dataclass(frozen=True, slots=True)
class GroupChange:
    """The groups and roles that a trigger function puts into the tokens."""

    groups: Sequence[str]
    roles: Sequence[str]
    preferred_role: str | None


@dataclass(frozen=True, slots=True)
class TokenChanges:
    """What a trigger function changes in the tokens of a sign-in. ``groups`` is None if they stay."""

    identity: ClaimChanges = field(default_factory=ClaimChanges)
    access: ClaimChanges = field(default_factory=ClaimChanges)
    scopes_added: Sequence[str] = ()
    scopes_suppressed: Sequence[str] = ()
    groups: GroupChange | None = None


NO_CHANGES = TokenChanges()


def changed_identity(claims: Mapping[str, Any], changes: TokenChanges) -> dict[str, Any]:
    """Return the claims of an ID token after a function's changes.

    Args:
        claims: The claims.
        changes: The changes.

    Returns:
        The claims of the token.
    """
    return changes.identity.apply(_with_groups(claims, changes.groups, roles=True))


def changed_access(claims: Mapping[str, Any], changes: TokenChanges) -> dict[str, Any]:
    """Return the claims of an access token after a function's changes, including scopes.

    Args:
        claims: The claims.
        changes: The changes.

    Returns:
        The claims of the token.
    """
    scopes = [*claims["scope"].split(), *changes.scopes_added]
    kept = [scope for scope in dict.fromkeys(scopes) if scope not in changes.scopes_suppressed]
    said = {**_with_groups(claims, changes.groups, roles=False), "scope": " ".join(kept)}
    if changes.access.added.get("aud") == claims["client_id"]:  # the one audience that it may add
        said.setdefault("aud", claims["client_id"])
    return changes.access.apply(said, kept=FIXED_IN_ACCESS)


def issuer(pool: UserPool) -> str:
    """Return the issuer that the pool's tokens name."""
    if pool.behavior.issuer is not None:
        return f"{pool.behavior.issuer.rstrip('/')}/{pool.id}"
    host = "issuer-cognito-idp" if pool.behavior.updated_issuer else "cognito-idp"
    return f"https://{host}.{pool.region}.amazonaws.com/{pool.id}"


def shared(
    pool: UserPool, client: AppClient, user: User, family: TokenFamily, now: float
) -> dict[str, Any]:
    """Return the claims that both tokens of a sign-in have.

    Args:
        pool: The user pool.
        client: The app client.
        user: The user.
        family: The tokens of one sign-in.
        now: The time in Unix seconds.

    Returns:
        The claims.
    """
    claims: dict[str, Any] = {
        "sub": user.sub,
        "iss": issuer(pool),
        "event_id": family.event_id,
        "auth_time": family.auth_time,
        "iat": int(now),
    }
    if client.enable_token_revocation or client.rotation_grace is not None:
        claims["origin_jti"] = family.origin_jti
    if user.groups:
        claims["cognito:groups"] = [group.name for group in groups_of(pool, user)]
    if pool.behavior.acr_and_amr:
        claims |= _acr_and_amr(family.factors)
    return claims


def access(client: AppClient, user: User, family: TokenFamily, now: float) -> dict[str, Any]:
    """Return the claims that only an access token has.

    Args:
        client: The app client.
        user: The user.
        family: The tokens of one sign-in.
        now: The time in Unix seconds.

    Returns:
        The claims.
    """
    device = {"device_key": family.device_key} if family.device_key else {}
    audience = {"aud": family.audience} if family.audience else {}
    return {
        **device,
        **audience,
        "token_use": "access",
        "client_id": client.id,
        "scope": " ".join(family.scopes),
        "username": user.username,
        "exp": int(now) + client.access_token_seconds,
        "jti": new_id(),
    }


def machine(pool: UserPool, client: AppClient, scopes: Sequence[str], now: float) -> dict[str, Any]:
    """Return the claims of an access token that a client gets for itself, without a user.

    Args:
        pool: The user pool.
        client: The app client.
        scopes: The OAuth scopes.
        now: The time in Unix seconds.

    Returns:
        The claims.
    """
    return {
        "sub": client.id,
        "token_use": "access",
        "scope": " ".join(scopes),
        "auth_time": int(now),
        "iss": issuer(pool),
        "exp": int(now) + client.access_token_seconds,
        "iat": int(now),
        "version": 2,
        "jti": new_id(),
        "client_id": client.id,
    }


def identity(pool: UserPool, client: AppClient, user: User, now: float) -> dict[str, Any]:
    """Return the claims that only an ID token has.

    Args:
        pool: The user pool.
        client: The app client.
        user: The user.
        now: The time in Unix seconds.

    Returns:
        The claims.
    """
    return {
        **_readable_attributes(pool, client, user),
        **_roles(groups_of(pool, user)),
        "token_use": "id",
        "aud": client.id,
        "cognito:username": user.username,
        "exp": int(now) + client.id_token_seconds,
        "jti": new_id(),
    }


def groups_of(pool: UserPool, user: User) -> list[Group]:
    """Return the groups of a user, the most important first.

    Args:
        pool: The user pool.
        user: The user.

    Returns:
        Groups by precedence; those without one come last.
    """
    groups = [pool.groups[name] for name in user.groups if name in pool.groups]
    return sorted(groups, key=lambda group: (group.precedence is None, group.precedence or 0))


def _roles(groups: Sequence[Group]) -> Mapping[str, Any]:
    roles = [group.role_arn for group in groups if group.role_arn is not None]
    if not roles:
        return {}
    return {"cognito:roles": roles, "cognito:preferred_role": roles[0]}


def _with_groups(
    claims: Mapping[str, Any], change: GroupChange | None, *, roles: bool
) -> dict[str, Any]:
    if change is None:
        return dict(claims)
    given: dict[str, Any] = {"cognito:groups": list(change.groups)}
    if roles:
        given |= {"cognito:roles": list(change.roles)}
        given |= {"cognito:preferred_role": change.preferred_role} if change.preferred_role else {}
    others = {name: value for name, value in claims.items() if name not in GROUP_CLAIMS}
    return {**others, **{name: value for name, value in given.items() if value}}


def _readable_attributes(pool: UserPool, client: AppClient, user: User) -> dict[str, Any]:
    shown = attribute_permissions.readable(pool, client, user.attributes)
    return {name: _claim(name, value) for name, value in shown.items()}


def _claim(name: str, value: str) -> Any:
    """Return the claim for an attribute. Flags and identities are the ones that are not text there."""
    if name in attribute_schema.VERIFIED_FLAGS:
        return value == "true"
    return _identities(value) if name == attribute_schema.IDENTITIES else value


def _identities(value: str) -> list[dict[str, str | None]]:
    """Return the identities of a user as claims, in which all values are text."""
    entries = json.loads(value)
    return [
        {k: v if isinstance(v, str | None) else compact(v) for k, v in entry.items()}
        for entry in entries
    ]


def _acr_and_amr(factors: Sequence[str]) -> dict[str, Any]:
    """Return ``acr`` and ``amr`` of a sign-in."""
    if len(factors) > 1:
        level = max(ACR_LEVELS.get(factor, 1) for factor in factors)
        amr = [*(factor for factor in factors if factor != "mfa"), "mfa"]
    else:
        level = SINGLE_LEVELS.get(factors[0], 1) if factors else 1
        amr = list(factors)
    return {"acr": f"urn:cognito:loa:{level}", "amr": amr}
