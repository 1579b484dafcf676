"""Who needs MFA on this site, and from when: the site's own rule, whatever the user pool requires.

A rule that fails means "required", and a user of whom nothing is known is a user like any other. What costs nothing
is asked first: the rule, then the calendar of the rollout, and exemptions last.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from functools import reduce
from inspect import isawaitable
from operator import or_
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current
from cognito_mfa.enforcement.identity_state import state_of
from cognito_mfa.enforcement.request_user import as_user
from cognito_mfa.models import MFAExemption, key_of
from cognito_mfa.values.clocks import seconds_since

logger = logging.getLogger(__name__)

Rule = str | Callable[[HttpRequest], object]

FAILED = "policy_failed: COGNITO_MFA['REQUIRED'] raised an error, so MFA is required"
DEADLINE = "cognito_mfa_deadline"  # of the request: until when its user may do without


def is_required(
    request: HttpRequest, user: AbstractBaseUser | None = None, *, acts_as: Any = None
) -> bool:
    """Return whether the policy requires MFA of ``user`` now.

    Args:
        request: what a rule of the site's own is asked with; its ``user`` is ``user`` for that long.
        user: by default the request's; another one who is about to be signed in.
        acts_as: whom ``user`` impersonates. The rule may be about either: otherwise a user of whom nothing is
            required could act as one of whom much is. Time and exemptions are those of ``user``.
    """
    person: Any = request.user if user is None else user
    if not any(applies_to(request, one) for one in (person, acts_as) if one is not None):
        return False
    if _note_time_left(request, person):
        return False
    return not is_exempt(person, acts_as=acts_as)


async def ais_required(request: HttpRequest, user: Any, *, acts_as: Any = None) -> bool:
    """Async version of ``is_required``. It needs no thread unless the rule or an exemption does."""
    said = [await _aapplies_to(request, one) for one in (user, acts_as) if one is not None]
    if not any(said) or _note_time_left(request, user):
        return False
    return not key_of(user) or not await _exemptions(user, acts_as).aexists()


def is_exempt(person: Any, *, acts_as: Any = None) -> bool:
    """Return whether an administrator exempted the user, and the exemption is still valid.

    Args:
        person: whose exemptions are read.
        acts_as: whom they impersonate; an ordinary user's exemption does not cover a superuser.
    """
    return bool(key_of(person)) and bool(_exemptions(person, acts_as).exists())


def is_enforced() -> bool:
    """Return whether users can be blocked: not in observe mode, nor while enforcement is off."""
    return get_conf().ENFORCEMENT == "enforce"


def applies_to(request: HttpRequest, person: Any) -> bool:
    """Return whether ``REQUIRED`` applies to a user, regardless of rollout dates and exemptions.

    Args:
        request: what a rule of the site's own is asked with.
        person: the user.
    """
    rule = get_conf().REQUIRED
    known = _known_without_asking(rule, person)
    if known is not None:
        return known
    if isinstance(rule, dict):
        return bool(_memberships(rule, person).exists())
    return _ask(rule, request, person)


async def _aapplies_to(request: HttpRequest, person: Any) -> bool:
    rule = get_conf().REQUIRED
    known = _known_without_asking(rule, person)
    if known is not None:
        return known
    if isinstance(rule, dict):
        return bool(await _memberships(rule, person).aexists())
    return await _aask(rule, request, person)


def _known_without_asking(rule: object, person: Any) -> bool | None:
    """Return the result of ``rule``, if it needs neither the database nor the site's own code."""
    if rule is False or rule == "everyone":
        return bool(rule)
    if rule == "staff":
        return bool(getattr(person, "is_staff", False) or getattr(person, "is_superuser", False))
    # Users without groups: no user is certainly outside of them.
    return True if isinstance(rule, dict) and not hasattr(person, "groups") else None


def _memberships(rule: dict[str, Any], person: Any) -> QuerySet[Any]:
    return current(person.groups.filter(name__in=rule["groups"]))


def _exemptions(person: Any, acts_as: Any) -> QuerySet[MFAExemption]:
    found = MFAExemption.objects.valid_for(person)
    # SECURITY: an ordinary user's exemption must not cover them while they act as a superuser.
    return found.filter(for_superuser=True) if getattr(acts_as, "is_superuser", False) else found


def _note_time_left(request: HttpRequest, person: Any) -> bool:
    """Return whether the rollout gives the user time, and note until when, for the banner."""
    until = deadline(person)
    if not has_time(until):
        return False
    setattr(request, DEADLINE, until)
    return True


def _ask(rule: Rule, request: HttpRequest, person: Any) -> bool:
    try:
        with as_user(request, person):
            answer = _imported(rule)(request)
            return _as_bool(async_to_sync(_awaited)(answer) if isawaitable(answer) else answer)
    except Exception:
        # SECURITY: a rule that fails must not open the gate.
        logger.exception(FAILED)
        return True


async def _aask(rule: Rule, request: HttpRequest, person: Any) -> bool:
    try:
        with as_user(request, person):
            decide = _imported(rule)
            # An object with an async __call__ is one, too.
            native = iscoroutinefunction(decide) or iscoroutinefunction(decide.__call__)  # type: ignore[operator]
            answer = await (decide if native else sync_to_async(decide))(request)
            return _as_bool(await answer if isawaitable(answer) else answer)
    except Exception:
        # SECURITY: as above.
        logger.exception(FAILED)
        return True


def _imported(rule: Rule) -> Callable[[HttpRequest], Any]:
    found: Callable[[HttpRequest], Any] = import_string(rule) if isinstance(rule, str) else rule
    return found


async def _awaited(answer: Any) -> object:
    return await answer


def _as_bool(answer: object) -> bool:
    if answer is None:  # a rule that forgot to return
        raise TypeError("the rule returned None")
    return bool(answer)


def deadline(user: Any) -> dt.datetime | None:
    """Return the moment from which ``user`` needs MFA; None without a rollout.

    The later of ``REQUIRED_FROM``, which is the same for everyone, and the end of the user's own ``GRACE_PERIOD``.
    A user whose beginning is not known has no period of their own.
    """
    conf = get_conf()
    moments = [conf.REQUIRED_FROM] if conf.REQUIRED_FROM else []
    if conf.GRACE_PERIOD and (since := first_seen(user)):
        moments.append(since + dt.timedelta(seconds=conf.GRACE_PERIOD))
    return max(moments, default=None)


def has_time(until: dt.datetime | None, *, at: dt.datetime | None = None) -> bool:
    """Return whether a deadline is still in the future.

    Args:
        until: from ``deadline``.
        at: aware; by default now.
    """
    return until is not None and until > (at or dt.datetime.now(dt.UTC))


def first_seen(user: Any) -> dt.datetime | None:
    """Return when the site first knew ``user``: when they were linked or when they joined.

    The earlier one, since users can cause the link themselves, and the period must not start again.
    """
    identity = state_of(user)
    given = [getattr(user, "date_joined", None), identity.created_at if identity else None]
    moments = [_aware(moment) for moment in given if moment]
    # A date in the future comes from a clock that was ahead, and would make the period longer by as much.
    return min((moment for moment in moments if seconds_since(moment) is not None), default=None)


def _aware(moment: dt.datetime) -> dt.datetime:
    """Return ``moment`` with a zone, which it lacks where USE_TZ is off."""
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def applicable_users() -> Q | None:
    """Return what selects the users that the rule is about, those with an exemption included.

    Must agree with ``applies_to`` about every user. None when the database cannot tell: a rule of the
    site's own decides about one request.
    """
    rule, user = get_conf().REQUIRED, get_user_model()
    if rule is False or rule == "everyone":
        return Q() if rule else Q(pk__in=())
    if rule == "staff":
        return staff_users()
    if isinstance(rule, dict) and user_model_has_field("groups"):
        members = user._default_manager.filter(groups__name__in=rule["groups"])
        return Q(pk__in=members.values("pk"))
    return None


def active_users() -> Q:
    """Return what selects users who can sign in, where the site's users have such a column."""
    return Q(is_active=True) if user_model_has_field("is_active") else Q()


def staff_users() -> Q | None:
    """Return what selects staff; None when the site's users have no such columns."""
    columns = [name for name in ("is_staff", "is_superuser") if user_model_has_field(name)]
    return reduce(or_, (Q(**{column: True}) for column in columns)) if columns else None


def user_model_has_field(name: str) -> bool:
    """Return whether the site's users have ``name`` in the database."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:  # a property, or nothing
        return False
    return True
