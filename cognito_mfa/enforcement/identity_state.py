"""What the gate reads of an identity, loaded in the same query as the user.

Every request that is signed in loads its user, and the gate needs a few columns of the identity each time. Joining the
whole row costs as much again as the user's own query, because Django builds a second model instance. So
``CognitoBackend`` annotates the few columns instead. Code that needs the row reads ``user.cognito_identity``, which
costs a query.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F, Manager, QuerySet
from django.db.models.manager import BaseManager

from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current
from cognito_mfa.models import CognitoIdentity, aidentity_of, identity_of

ATTRIBUTE = "_cognito_mfa_identity_state"  # of a user that ``load_user`` loaded
UNKNOWN: Any = object()


@dataclass(slots=True)
class IdentityState:
    """The columns of ``CognitoIdentity`` that the gate reads, under the same names.

    Attributes:
        user_id: primary key of the user.
        id: of the row, which is new for each link between a user and a user pool user.
        sub: Cognito's lasting id of the user pool user.
        status: one of ``CognitoIdentity.Status``.
        generation: proofs of another generation are void.
        nonce: new with each generation; proofs with another are void, too.
        checked_at: when Cognito was last asked; None if never.
        disabled_at: when the app learned that the user pool refuses them; None if it does not.
        created_at: when the user was linked.
        sign_outs: how often the user ended all other sessions.
        proofs_ended_at: when the generation became what it is; None if it never changed.
    """

    user_id: Any
    id: int
    sub: str
    status: str
    generation: int
    nonce: int
    checked_at: dt.datetime | None
    disabled_at: dt.datetime | None
    created_at: dt.datetime
    sign_outs: int
    proofs_ended_at: dt.datetime | None


Identity = CognitoIdentity | IdentityState

_COLUMNS = [field.name for field in fields(IdentityState)][1:]  # the first is the user's own
_ALIASES = {f"_cognito_mfa_{name}": F(f"cognito_identity__{name}") for name in _COLUMNS}


def load_user(user_id: Any) -> Any:
    """Return the user with this primary key and their identity's state, in one query; None without one."""
    return _first(pk=user_id)


def load_user_of(sub: str) -> Any:
    """Return the user who is linked to this ``sub`` in the user pool; None without one.

    As ``load_user`` does.
    """
    user = _first(cognito_identity__pool_id=get_conf().USER_POOL_ID, cognito_identity__sub=sub)
    # SECURITY: whatever the database takes for equal.
    return user if user is not None and getattr(user, ATTRIBUTE).sub == sub else None


def _first(**lookup: Any) -> Any:
    # SECURITY: not from a copy that lags, or a reset would not be valid at the very next request.
    user = next(iter(current(_users()).filter(**lookup)), None)  # a tenth cheaper than first()
    if user is not None:
        columns = [vars(user).pop(alias) for alias in _ALIASES]
        linked = columns[0] is not None
        setattr(user, ATTRIBUTE, IdentityState(user.pk, *columns) if linked else None)
    return user


def state_of(user: Any) -> Identity | None:
    """Return what is known of the user's identity, or None if they have none.

    The row takes precedence once it is loaded: what this request changes, it changes there. Costs no query for a user
    that ``load_user`` loaded, and one, once, for any other.
    """
    state: IdentityState | None = getattr(user, ATTRIBUTE, UNKNOWN)
    if state is UNKNOWN or "cognito_identity" in user._state.fields_cache:  # noqa: SLF001 - as Django's own
        return identity_of(user)
    return state


async def astate_of(user: Any) -> Identity | None:
    """Async version of ``state_of``."""
    return state_of(user) if hasattr(user, ATTRIBUTE) else await aidentity_of(user)


def _users() -> QuerySet[Any]:
    """Return the site's users with the columns of ``IdentityState``."""
    manager = get_user_model()._default_manager
    # SECURITY: a manager's own get_queryset() may say something else for each request, such as for each tenant.
    if type(manager).get_queryset is BaseManager.get_queryset:
        return _annotated_once(manager)
    return _annotated(manager)


def _annotated(manager: Manager[Any]) -> QuerySet[Any]:
    users: QuerySet[Any] = manager.annotate(**_ALIASES)
    return users


# Resolving the annotations costs more than the query, and their result is the same for every request.
_annotated_once = cache(_annotated)
