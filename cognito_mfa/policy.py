"""Who must have a second factor on this site: the site's own rule, whatever the pool asks for.

A rule that fails means "required"; a person for whom nothing is known is a person like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from cognito_mfa.conf import get_conf
from cognito_mfa.models import MFAExemption

logger = logging.getLogger(__name__)


def required(request: HttpRequest, user: AbstractBaseUser | None = None) -> bool:
    """Tell whether the policy wants a second factor of ``user``, by default the request's.

    Args:
        request: what a rule of the site's own is asked with; its ``user`` is ``user`` meanwhile.
        user: who is about to be signed in.
    """
    person: Any = request.user if user is None else user
    return _rule_says(request, person) and not is_exempted(person)


def is_exempted(person: Any) -> bool:
    """Tell whether an administrator lets the person do without for now."""
    if person.pk is None:
        return False
    exemptions = MFAExemption.objects.filter(user=person, revoked_at=None)
    return bool(exemptions.filter(expires_at__gt=timezone.now()).exists())


def _rule_says(request: HttpRequest, person: Any) -> bool:
    rule = get_conf().REQUIRED
    if rule is False or rule == "everyone":
        return bool(rule)
    if rule == "staff":
        return bool(getattr(person, "is_staff", False) or getattr(person, "is_superuser", False))
    if isinstance(rule, dict):
        return bool(person.groups.filter(name__in=rule["groups"]).exists())
    return _asked(rule, request, person)


def population() -> Q | None:
    """Return what selects the users that the rule is about, those with an exemption included.

    Must say of everybody what ``_rule_says`` says. None when the database cannot tell: a rule of the
    site's own decides about one request.
    """
    rule, user = get_conf().REQUIRED, get_user_model()
    if rule is False or rule == "everyone":
        return Q() if rule else Q(pk__in=())
    if rule == "staff":
        return staff()
    if isinstance(rule, dict) and _columns("groups"):
        members = user._default_manager.filter(groups__name__in=rule["groups"])
        return Q(pk__in=members.values("pk"))
    return None


def active() -> Q:
    """Return what selects the users who may sign in at all."""
    return Q(is_active=True) if _columns("is_active") else Q()


def staff() -> Q | None:
    """Return what selects staff; None when the site's users have no such columns."""
    columns = _columns("is_staff", "is_superuser")
    return reduce(or_, (Q(**{column: True}) for column in columns)) if columns else None


def _columns(*names: str) -> list[str]:
    """Return which of ``names`` the site's users have in the database."""
    meta, found = get_user_model()._meta, []
    for name in names:
        try:
            meta.get_field(name)
        except FieldDoesNotExist:  # a property, or nothing
            continue
        found.append(name)
    return found


def enforced() -> bool:
    """Tell whether the gate stops people at all."""
    return get_conf().ENFORCEMENT == "enforce"


def _asked(rule: str | Callable[[HttpRequest], object], request: HttpRequest, person: Any) -> bool:
    before = getattr(request, "user", None)
    try:
        request.user = person
        decide = import_string(rule) if isinstance(rule, str) else rule
        return bool(decide(request))
    except Exception:
        # SECURITY: a rule that fails must not open the gate.
        logger.exception(
            "The policy in COGNITO_MFA['REQUIRED'] failed; a second factor is required."
        )
        return True
    finally:
        if before is not None:
            request.user = before
