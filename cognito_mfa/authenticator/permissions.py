"""What staff may do about other people's second factors: one rule for every action, wherever it begins.

The admin's actions, forms and pages and the commands' ``--by`` all ask here, and so do the functions that do it.
What is refused is written down: who tried what, to whom, and why it was refused.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.responses import MFA_REQUIRED_BY_VIEW, MFA_TOO_OLD, Denial
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    identity_of,
)

logger = logging.getLogger(__name__)


class Right(NamedTuple):
    """What somebody must have and be to do something. All of it holds unless an action says why not.

    Attributes:
        name: of the action, in events and logs.
        permission: of this app; superusers have it.
        fresh_code: whether who acts must have answered a code of their own lately.
        others_only: whether nobody may do it to themselves.
        by_power: whether nobody may do it to somebody more powerful.
        in_pool: whether it is about the user pool that the settings name, and no other.
    """

    name: str
    permission: str
    fresh_code: bool = True
    others_only: bool = True
    by_power: bool = True
    in_pool: bool = True


RESET = Right("reset_mfa", "cognito_mfa.reset_mfa")
FINISH = Right("finish_reset", "cognito_mfa.reset_mfa")
CLEAR = Right("clear_failures", "cognito_mfa.clear_failures")
GRANT = Right("grant_exemption", "cognito_mfa.grant_exemption", in_pool=False)
# It only gives back what the policy wants of everybody; but it may lock somebody out, so it is no less asked for.
REVOKE = GRANT._replace(name="revoke_exemption", others_only=False, by_power=False)
# It writes down what Cognito says, of oneself as well; but sessions may end by it.
REFRESH = Right("refresh_status", "cognito_mfa.refresh_status", others_only=False)
EXPORT = Right("export_events", "cognito_mfa.export_events")  # about nobody
# About nobody as well, and nothing changes by it.
COUNT = Right("count", "cognito_mfa.view_overview", fresh_code=False)


class Why(Enum):
    """Why somebody may not."""

    PERMISSION = "no permission"
    ONESELF = "oneself"
    POWER = "somebody more powerful"
    POOL = "another user pool"


class Denied(PermissionDenied):
    """The action is refused, and nothing was done; ``note`` writes that down.

    Attributes:
        right: to the action.
        actor: who tried.
        row: about whom; None where it is about nobody.
        why: the first rule that it broke.
    """

    def __init__(self, right: Right, actor: Any, row: Any, why: Why) -> None:
        super().__init__(f"{right.name}: {why.value}")
        self.right, self.actor, self.row, self.why = right, actor, row, why


def allowed(right: Right, actor: Any) -> bool:
    """Tell whether ``actor`` has the permission; about whom is another question."""
    return bool(actor.has_perm(right.permission))


def why_not(right: Right, actor: Any, row: Any = None) -> Why | None:
    """Return why ``actor`` may not do it, or None when they may.

    Args:
        row: about whom: a user, an identity, or what is about one of them.
    """
    if not allowed(right, actor):
        return Why.PERMISSION
    if row is None:
        return None
    users, pool_id = _people(row)
    if right.others_only and any(user.pk == actor.pk for user in users):
        return Why.ONESELF
    if right.in_pool and pool_id != get_conf().USER_POOL_ID:
        return Why.POOL
    if right.by_power and any(_power(user) > _power(actor) for user in users):
        return Why.POWER
    return None


def check(right: Right, actor: Any, row: Any = None) -> None:
    """Refuse what ``actor`` may not do.

    Args:
        actor: None for a command: whoever has a shell on the server stands above the site's rules.

    Raises:
        Denied: nothing was done.
    """
    why = None if actor is None else why_not(right, actor, row)
    if why is not None:
        raise Denied(right, actor, row, why)


def note(denied: Denied) -> None:
    """Write down that somebody tried what they may not do.

    Not inside a transaction that the refusal rolls back.
    """
    identity, sub, username = _name(denied.row)
    MFAEvent.objects.record(
        MFAEvent.Kind.PERMISSION_DENIED,
        identity,
        sub=sub,
        username=username,
        actor=denied.actor,
        detail=str(denied),
    )
    logger.warning(
        "permission_denied: %s by user %s, about user %s",
        denied,
        denied.actor.pk,
        identity.user_id if identity else getattr(denied.row, "user_id", None) or "unknown",
    )


def unmet(right: Right, request: HttpRequest) -> Denial | None:
    """Return what who acts must do first, or None: a code of their own, answered a moment ago.

    Asked of everybody who acts, also of those whom the policy asks for no second factor: exempt, or in
    a site that only observes, a stolen password would be enough to take other people's away. Only a backend that
    the settings call ``elsewhere`` is believed at any age, since nobody can tell how old its sign-in is.
    """
    if not right.fresh_code or gate.is_trusted(request, request.user):
        return None
    seconds = gate.proof_age(request, request.user)
    if seconds is None:
        # Without any proof, a sign-in that asks for no code would lead here again.
        return MFA_REQUIRED_BY_VIEW
    return None if seconds <= get_conf().REAUTH_MAX_AGE else MFA_TOO_OLD


def _power(user: Any) -> int:
    """Return how powerful ``user`` is.

    As Django's manual says, whoever may change users can make themselves a superuser; and whoever may change groups
    can give their own every permission.
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


def _people(row: Any) -> tuple[list[Any], str]:
    """Return the users whom ``row`` is about, and the user pool that it belongs to."""
    if isinstance(row, MFAReset):
        row = row.identity
    if isinstance(row, CognitoIdentity):
        return [row.user], row.pool_id
    if isinstance(row, CodeFailures):
        return _behind(row), row.pool_id
    if isinstance(row, MFAExemption):
        row = row.user
    identity = identity_of(row)
    return [row], identity.pool_id if identity else ""


def _behind(counter: CodeFailures) -> list[Any]:
    """Return every user whose codes ``counter`` may count.

    Mostly one, by the ``sub``. A person without an identity is known by names alone, and each user of that
    name may be who comes in when a code is right: one who may not be helped is enough to refuse.
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
    users = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": names})
    return [
        *(identity.user for identity in linked),
        *(user for user in users if user.get_username() in names),
    ]


def _name(row: Any) -> tuple[CognitoIdentity | None, str, str]:
    """Return the identity that ``row`` is about; or else what is known of the person, sub and name."""
    if row is None:
        return None, "", ""
    if isinstance(row, CodeFailures):
        if not row.sub:
            return None, "", row.username
        found = CognitoIdentity.objects.filter(pool_id=row.pool_id, sub=row.sub)
        return next((one for one in found if one.sub == row.sub), None), row.sub, row.username
    users, _pool = _people(row)
    identity = identity_of(users[0])
    return identity, "", users[0].get_username()
