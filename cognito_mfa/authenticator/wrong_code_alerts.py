"""Alerts users to wrong codes that were entered after the right password: by email and at sign-in.

A right code resets the counter of wrong ones, so an attacker who knows the password could keep guessing between
the owner's own sign-ins. The alerts are read from the event log, which a right code does not reset.

Wrong codes during a setup cause no alert, because the user who enters them saw the secret and does not guess.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

from django.contrib import messages
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import ngettext

from cognito_mfa.authenticator import emails
from cognito_mfa.cognito.types import MFA_SETUP
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement.proof import PREFIX
from cognito_mfa.models import CognitoIdentity, CognitoIdentityQuerySet, MFAEvent
from cognito_mfa.values import clocks, languages, moments

DAY = dt.timedelta(hours=24)
ALERT_FROM = 3  # wrong codes in a day, whatever right ones lie between
ALERTED = "told by mail"  # in the detail of the event that the email is about

OWN_KEY = f"{PREFIX}wrong_codes"  # of the session: the events of its pending sign-in
LARGEST_KEY = 2**63  # and no column holds it
NEWEST_KIND = "newest_kind"  # of an identity that ``with_newest_kind`` read

Kind = MFAEvent.Kind


def record(
    request: HttpRequest, identity: CognitoIdentity, method: str, *, is_last_free: bool
) -> None:
    """Record a wrong code for ``identity``, and alert its user by email, at most once a day.

    Args:
        request: the one that carried the code; its sign-in, if it succeeds, says nothing about this code.
        identity: whose code was asked for.
        method: Cognito's name of the challenge.
        is_last_free: whether the user must wait from now on, which is alerted however long it took.
    """
    with atomic_for(MFAEvent):
        # Locked, so that of several wrong codes at once only one is the third.
        CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        alerts = method != MFA_SETUP and _alerts(identity, is_last_free=is_last_free)
        detail = f"{method}, {ALERTED}" if alerts else method
        event = MFAEvent.objects.record(Kind.CODE_REJECTED, identity, detail=detail)
        if alerts:
            emails.send("repeated_wrong_codes", identity)
    request.session[OWN_KEY] = [*entered_here(request), event.pk]


def entered_here(request: HttpRequest) -> list[int]:
    """Return the wrong codes of this browser's sign-in: who mistyped need not be warned of it."""
    kept = request.session.get(OWN_KEY)
    # Not of our making: nothing is left out of the warning then.
    return [key for key in kept if _is_key(key)] if isinstance(kept, list) else []


def _is_key(value: object) -> bool:
    return type(value) is int and 0 < value < LARGEST_KEY


def forget_entered_here(request: HttpRequest) -> None:
    """Forget them: a sign-in begins, maybe another user's at a shared computer."""
    if OWN_KEY in request.session:
        del request.session[OWN_KEY]


@cache  # to resolve the annotation costs as much as the query itself
def with_newest_kind() -> CognitoIdentityQuerySet:
    """Return identities with what ``show_since_last_sign_in`` asks first, in the same query."""
    kinds = (Kind.SIGNED_IN, Kind.CODE_REJECTED)
    events = MFAEvent.objects.filter(identity=OuterRef("pk"), kind__in=kinds).order_by("-pk")
    newest = {NEWEST_KIND: Subquery(events.values("kind")[:1])}
    rows: CognitoIdentityQuerySet = CognitoIdentity.objects.annotate(**newest)
    return rows


def show_since_last_sign_in(
    request: HttpRequest, identity: CognitoIdentity, *, own: list[int] | None = None
) -> None:
    """Show the user on the next page which wrong codes were entered since the sign-in before this one.

    Args:
        request: the one that signs the user in; its messages are used.
        identity: the user's; the new sign-in is not recorded yet.
        own: the wrong codes of this very sign-in, as ``entered_here`` returned them; they are left out.
    """
    if vars(identity).get(NEWEST_KIND, Kind.CODE_REJECTED) != Kind.CODE_REJECTED:
        return
    last = identity.events.filter(kind=Kind.SIGNED_IN).values_list("pk", flat=True).first()
    wrong = _guesses(identity).filter(pk__gt=last or 0)
    if own:
        wrong = wrong.exclude(pk__in=own)
    found = wrong.order_by().aggregate(count=Count("pk"), at=Max("at"))
    if not found["count"]:
        return
    # In the language of the page that shows it, dates included.
    with translation.override(languages.with_catalog()):
        text = ngettext(
            "Since your last sign-in, %(count)d wrong code was entered with your correct password. If this wasn’t you, "
            "change your password. Last attempt: %(when)s",
            "Since your last sign-in, %(count)d wrong codes were entered with your correct password. If this wasn’t "
            "you, change your password. Last attempt: %(when)s",
            found["count"],
        )
        told = text % {"count": found["count"], "when": moments.with_zone(found["at"])}
    messages.warning(request, told, fail_silently=True)


def _alerts(identity: CognitoIdentity, *, is_last_free: bool) -> bool:
    """Return whether the wrong code that comes now is one to send an email about."""
    if not (get_conf().NOTIFY and emails.recipients_of(identity)):
        return False
    recent = _recent(identity)
    if recent.filter(detail__endswith=ALERTED).exists():
        return False
    return is_last_free or recent.count() + 1 >= ALERT_FROM


def _recent(identity: CognitoIdentity) -> QuerySet[MFAEvent]:
    """Return the wrong codes of the last day, without those that a wrong clock dated into the future."""
    now = timezone.now()
    until = now + dt.timedelta(seconds=clocks.SKEW)
    return _guesses(identity).filter(at__gt=now - DAY, at__lte=until)


def _guesses(identity: CognitoIdentity) -> QuerySet[MFAEvent]:
    return identity.events.filter(kind=Kind.CODE_REJECTED).exclude(detail__startswith=MFA_SETUP)
