"""What people hear of wrong codes that were entered after their right password: by mail, and at the next sign-in.

A right code takes the counter of wrong ones back, so that somebody who knows the password could go on guessing
between the owner's own sign-ins. What is told is read from the event log, which forgets nothing by a right code.
"""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import ngettext

from cognito_mfa.authenticator import code_attempts, notifications
from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values import clocks

DAY = dt.timedelta(hours=24)
TELL_FROM = 3  # wrong codes in a day, whatever right ones lie between
TELL_AT = code_attempts.FREE_ATTEMPTS  # wrong codes in a row, however long that takes
TOLD = "told by mail"  # in the detail of the event that the mail is about

Kind = MFAEvent.Kind


def note(identity: CognitoIdentity, method: str, *, in_a_row: int) -> None:
    """Write down a wrong code for ``identity``, and write to its person, once a day at most.

    Args:
        method: Cognito's name of the challenge.
        in_a_row: how many it is since the last right one.
    """
    with transaction.atomic():
        # Locked: of several at once only one is the third.
        CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        tells = _tells(identity, in_a_row)
        detail = f"{method}, {TOLD}" if tells else method
        MFAEvent.objects.record(Kind.CODE_REJECTED, identity, detail=detail)
        if tells:
            notifications.send("repeated_wrong_codes", identity)


def tell(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Tell who signs in just now about wrong codes since the sign-in before, on the next page."""
    last = identity.events.filter(kind=Kind.SIGNED_IN).values_list("pk", flat=True).first()
    wrong = identity.events.filter(kind=Kind.CODE_REJECTED, pk__gt=last or 0).order_by()
    found = wrong.aggregate(count=Count("pk"), at=Max("at"))
    if not found["count"]:
        return
    at = found["at"]
    text = ngettext(
        "Since your last sign-in, %(count)d wrong code was entered after your password (on %(when)s). "
        "If it was not you, change your password.",
        "Since your last sign-in, %(count)d wrong codes were entered after your password (the last one on %(when)s). "
        "If it was not you, change your password.",
        found["count"],
    )
    local = timezone.localtime(at) if timezone.is_aware(at) else at
    told = text % {"count": found["count"], "when": date_format(local, "DATETIME_FORMAT")}
    messages.warning(request, told, fail_silently=True)


def _tells(identity: CognitoIdentity, in_a_row: int) -> bool:
    """Tell whether the wrong code that comes now is one to write about."""
    if not (get_conf().NOTIFY and notifications.recipients_of(identity)):
        return False
    lately = _lately(identity)
    if lately.filter(detail__endswith=TOLD).exists():
        return False
    return in_a_row == TELL_AT or lately.count() + 1 >= TELL_FROM


def _lately(identity: CognitoIdentity) -> QuerySet[MFAEvent]:
    """Return the wrong codes of the last day; none of a time that only a wrong clock can have told."""
    now = timezone.now()
    until = now + dt.timedelta(seconds=clocks.SKEW)
    return identity.events.filter(kind=Kind.CODE_REJECTED, at__gt=now - DAY, at__lte=until)
