"""Before the gate closes: who would have to set up a second factor first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import grace, policy
from cognito_mfa.models import CognitoIdentity, MFAExemption

CHUNK = 2000  # rows in memory


def preview(*, at: dt.datetime | None = None) -> Iterator[Any]:
    """Yield the users who would have to set up a second factor if the gate were closed.

    ``ENFORCEMENT`` is not asked: the question is what would be if it said "enforce". Who is set up
    already is not among them, since a code is all that they need. Users are read one after another,
    each with the identity; a rule of the site's own is asked with a request that has a user, and
    nothing else.

    Args:
        at: the moment in question, by default now; aware.
    """
    for user in _candidates(at or timezone.now()).iterator(chunk_size=CHUNK):
        if grace.has_time(grace.deadline(user), at=at):
            continue
        if policy.population() is not None or policy.rule_says(_request_of(user), user):
            yield user


def _candidates(at: dt.datetime) -> Any:
    """Return the users who are not set up and have no exemption; the rule may be about fewer."""
    set_up = CognitoIdentity.objects.filter(
        user=OuterRef("pk"),
        pool_id=get_conf().USER_POOL_ID,
        status=CognitoIdentity.Status.ENABLED,
    )
    exempted = MFAExemption.objects.filter(MFAExemption.holding(at), user=OuterRef("pk"))
    people = get_user_model()._default_manager.select_related("cognito_identity").order_by("pk")
    about = policy.population()
    return people.filter(policy.active(), Q() if about is None else about).exclude(
        Exists(set_up) | Exists(exempted)
    )


def _request_of(user: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request
