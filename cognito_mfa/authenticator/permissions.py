"""Decides what staff may do to other users' MFA, by the same rules in the admin and in commands.

The admin's actions, forms, and pages, the option ``--by`` of the commands, and the functions that act all ask here.
Each refusal is recorded: who tried what, about which user, and why it was refused.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current, current_rows
from cognito_mfa.enforcement import gate, guards
from cognito_mfa.enforcement.responses import Denial
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    identity_of,
)
from cognito_mfa.monitoring import log_events


class Right(NamedTuple):
    """The rules for the user who performs an action; each rule applies unless the action turns it off.

    Attributes:
        name: of the action, in events and logs.
        permission: of this app; superusers have it.
        needs_recent_code: whether the actor must have answered a code of their own within REAUTH_MAX_AGE.
        others_only: whether the actor may not do it to themselves.
        limited_by_rank: whether the actor may not do it to a more powerful user.
        in_pool: whether it concerns only the user pool that the settings name.
        limited_by_rights: whether the actor may not do it to a user with any permission that they lack.
    """

    name: str
    permission: str
    needs_recent_code: bool = True
    others_only: bool = True
    limited_by_rank: bool = True
    in_pool: bool = True
    limited_by_rights: bool = False


RESET = Right("reset_mfa", "cognito_mfa.reset_mfa")
FINISH = Right("finish_reset", "cognito_mfa.reset_mfa")
CLEAR = Right("clear_failures", "cognito_mfa.clear_failures")
GRANT = Right("grant_exemption", "cognito_mfa.grant_exemption", in_pool=False)
# It only restores what the policy asks of every user. It may lock a user out, so it needs the same permission.
REVOKE = GRANT._replace(name="revoke_exemption", others_only=False, limited_by_rank=False)
# It records what Cognito says, also about the actor. It may end sessions, so it needs a recent code.
REFRESH = Right("refresh_status", "cognito_mfa.refresh_status", others_only=False)
# SECURITY: who links a user of the pool to an account opens it with that user's password. Linked to a pool user of
# the actor's own, the account's permissions would be the actor's. Links of a former pool can be ended, too.
LINK = Right("link_user", "cognito_mfa.link_user", in_pool=False, limited_by_rights=True)
EXPORT = Right("export_events", "cognito_mfa.export_events")  # concerns no single user
# Concerns no single user either, and changes nothing.
COUNT = Right("count", "cognito_mfa.view_overview", needs_recent_code=False)


class DenialReason(Enum):
    """Why an actor may not do something; the values stand in events and logs."""

    PERMISSION = "no permission"
    ONESELF = "oneself"
    POWER = "a more powerful user"
    POOL = "another user pool"


class ActionDenied(PermissionDenied):
    """The action is refused, and nothing was done; ``record_denial`` records it.

    Attributes:
        right: to the action.
        actor: the user who tried.
        row: what it was about; None where it concerns no single user.
        reason: the first rule that it broke.
    """

    def __init__(self, right: Right, actor: Any, row: Any, reason: DenialReason) -> None:
        super().__init__(f"{right.name}: {reason.value}")
        self.right, self.actor, self.row, self.reason = right, actor, row, reason


def has_permission(right: Right, actor: Any) -> bool:
    """Return whether ``actor`` has the permission; about whom is for ``denial_reason`` to decide.

    Args:
        right: to the action.
        actor: one of the site's users; of some user models, none has permissions.
    """
    has_perm = getattr(actor, "has_perm", None)
    return has_perm is not None and bool(has_perm(right.permission))


def denial_reason(right: Right, actor: Any, row: Any = None) -> DenialReason | None:
    """Return why ``actor`` may not do it, or None when they may.

    Args:
        right: to the action.
        actor: one of the site's users.
        row: what it is about: a user, an identity, or a reset, exemption or counter of one. None where it
            concerns no single user.
    """
    if not has_permission(right, actor):
        return DenialReason.PERMISSION
    if row is None:
        return None
    users, pool_id = _users_and_pool(row)
    if right.others_only and any(user.pk == actor.pk for user in users):
        return DenialReason.ONESELF
    if right.in_pool and pool_id != get_conf().USER_POOL_ID:
        return DenialReason.POOL
    if any(_is_beyond(right, user, actor) for user in users):
        return DenialReason.POWER
    return None


def require(right: Right, actor: Any, row: Any = None) -> None:
    """Raise where ``actor`` may not do it.

    Args:
        right: to the action.
        actor: one of the site's users; None for a command, because a user with a shell on the server may do
            everything.
        row: what it is about, as for ``denial_reason``.

    Raises:
        ActionDenied: nothing was done.
    """
    reason = None if actor is None else denial_reason(right, actor, row)
    if reason is not None:
        raise ActionDenied(right, actor, row, reason)


def record_denial(denied: ActionDenied) -> None:
    """Record that a user tried what they may not do; not inside a transaction that the refusal rolls back."""
    identity, sub, username = _label(denied.row)
    MFAEvent.objects.record(
        MFAEvent.Kind.PERMISSION_DENIED,
        identity,
        sub=sub,
        username=username,
        actor=denied.actor,
        detail=str(denied),
    )
    about = identity.user_id if identity else getattr(denied.row, "user_id", None)
    log_events.write("permission_denied", user=about, by=denied.actor.pk, reason=str(denied))


def required_step(right: Right, request: HttpRequest) -> Denial | None:
    """Return what the actor must do first, a code of their own, or None when they answered one recently.

    Exempt actors are asked as well, and those of a site that only observes: with a stolen password alone,
    an attacker could take other users' authenticators away. A backend that the settings call ``elsewhere`` is
    trusted at any age, because its sign-ins have no known time.

    Args:
        right: to the action.
        request: the actor's.
    """
    if not right.needs_recent_code or gate.is_trusted(request, request.user):
        return None
    return guards.require_recent(gate.proof_age(request, request.user))


def concerns_superuser(row: Any) -> bool:
    """Return whether ``row`` is about a superuser.

    Args:
        row: as for ``denial_reason``.
    """
    users, _pool = _users_and_pool(row)
    return any(getattr(user, "is_superuser", False) for user in users)


def _rank(user: Any) -> int:
    """Return how powerful ``user`` is: 2 for superusers, 1 for users who can make themselves one, else 0.

    As Django's manual says, a user who may change users can become a superuser. A user who may change groups can
    give their own group every permission.
    """
    if getattr(user, "is_superuser", False):
        return 2
    meta = get_user_model()._meta
    has_perm = getattr(user, "has_perm", None)
    if has_perm is None:
        return 0
    return int(
        has_perm(f"{meta.app_label}.change_{meta.model_name}") or has_perm("auth.change_group")
    )


def _is_beyond(right: Right, user: Any, actor: Any) -> bool:
    """Return whether ``user`` is too powerful for ``actor`` to do it to them."""
    if right.limited_by_rank and _rank(user) > _rank(actor):
        return True
    return right.limited_by_rights and _has_more_rights(user, actor)


def _has_more_rights(user: Any, actor: Any) -> bool:
    """Return whether ``user`` has, or would have once active, any right that ``actor`` lacks."""
    if getattr(actor, "is_superuser", False):
        return False
    if getattr(user, "is_staff", False) and not getattr(actor, "is_staff", False):
        return True
    return any(not actor.has_perm(permission) for permission in _permissions_of(user))


def _permissions_of(user: Any) -> set[str]:
    """Return the permissions of ``user`` by every backend, and by the tables.

    Backends say that an inactive user has none, although these are back when the user is active again.
    """
    ask = getattr(user, "get_all_permissions", None)
    found = set(ask()) if ask is not None else set()
    if not (hasattr(user, "user_permissions") and hasattr(user, "groups")):
        return found
    groups = list(current(user.groups.all()).values_list("pk", flat=True))
    of_groups = Permission.objects.filter(group__in=groups)
    for rows in (user.user_permissions.all(), of_groups):
        named = current(rows).values_list("content_type__app_label", "codename")
        found |= {f"{app}.{codename}" for app, codename in named}
    return found


def _users_and_pool(row: Any) -> tuple[list[Any], str]:
    """Return the users whom ``row`` is about, and the user pool that it belongs to."""
    if isinstance(row, MFAReset):
        row = row.identity
    if isinstance(row, CognitoIdentity):
        return [row.user], row.pool_id
    if isinstance(row, CodeFailures):
        return _users_counted_by(row), row.pool_id
    if isinstance(row, MFAExemption):
        row = row.user
    identity = identity_of(row)
    return [row], identity.pool_id if identity else ""


def _users_counted_by(counter: CodeFailures) -> list[Any]:
    """Return every user whose codes ``counter`` may count.

    Mostly one, by the ``sub``. A user without an identity is known by names only, and each site user of that
    name may be the one who signs in when a code is right: one whom the actor may not help is enough to refuse.
    """
    identities = CognitoIdentity.objects.select_related("user").filter(pool_id=counter.pool_id)
    if counter.sub:
        linked = [one for one in identities.filter(sub=counter.sub) if one.sub == counter.sub]
        if linked:
            return [identity.user for identity in linked]
    known = identities.filter(username=counter.username)
    linked = [] if counter.sub else [one for one in known if one.username == counter.username]
    model = get_user_model()
    names = {counter.username, counter.sub} - {""}
    users = current_rows(model).filter(**{f"{model.USERNAME_FIELD}__in": names})
    return [
        *(identity.user for identity in linked),
        *(user for user in users if user.get_username() in names),
    ]


def _label(row: Any) -> tuple[CognitoIdentity | None, str, str]:
    """Return the identity that ``row`` is about; or else what is known of the person, sub and name."""
    if row is None:
        return None, "", ""
    if isinstance(row, CodeFailures):
        if not row.sub:
            return None, "", row.username
        found = CognitoIdentity.objects.filter(pool_id=row.pool_id, sub=row.sub)
        return next((one for one in found if one.sub == row.sub), None), row.sub, row.username
    users, _pool = _users_and_pool(row)
    identity = identity_of(users[0])
    return identity, "", users[0].get_username()
