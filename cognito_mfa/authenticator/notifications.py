"""Mails about what happened to somebody's second factor: sent after the commit, in their language.

No mail holds a secret or a code, and a mail server that fails breaks nothing.

SECURITY: a mail that others can cause carries the site's good name. It goes to addresses alone that the
pool has verified or the site has in its own table, it prints no text in which somebody could place a
link, and there are only so many a day about one person.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import redirects
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.values import clocks
from cognito_mfa.values.comparison import same

logger = logging.getLogger(__name__)

KINDS = (
    "software_token_verified",
    "software_token_replaced",
    "software_token_removed",
    "mfa_reset",
    "repeated_wrong_codes",
    "codes_stopped",
    "failures_cleared",
    "exemption_granted",
    "exemption_revoked",
)

MAILS_PER_DAY = 10  # about one person, whatever is done again and again
DAY = dt.timedelta(days=1)
Kind = MFAEvent.Kind
# Events that a mail tells of, one each. Not wrong codes: they are told of once a day, and whoever enters
# many must not keep other mails from their reader.
TOLD = (
    Kind.SOFTWARE_TOKEN_VERIFIED,
    Kind.SOFTWARE_TOKEN_REPLACED,
    Kind.SOFTWARE_TOKEN_REMOVED,
    Kind.MFA_RESET,
    Kind.CODES_STOPPED,
    Kind.FAILURES_CLEARED,
    Kind.EXEMPTION_GRANTED,
    Kind.EXEMPTION_REVOKED,
)
# What can happen but once to each authenticator floods nobody, and who guesses must not be able to drown it.
ONCE = ("codes_stopped",)
# A scheme, an address, a host's name (the full stops of other scripts are told from ours by nobody's
# mail program), a new line.
_MAY_LEAD_AWAY = re.compile("://|@|[.\u3002]\\w|[\\x00-\\x1f\\x7f\x85\u2028\u2029]")


def send(kind: str, identity: CognitoIdentity, **context: Any) -> None:
    """Write to ``identity``'s person once the transaction is committed.

    Args:
        kind: one of ``KINDS``; names the templates ``cognito_mfa/email/<kind>_*``.
        context: what the templates need besides the identity and the time.
    """
    recipients = recipients_of(identity)
    if not (get_conf().NOTIFY and recipients):
        return
    if kind not in ONCE and _told_lately(identity) > MAILS_PER_DAY:
        logger.warning("notice_not_sent: %s to user %s, too many a day", kind, identity.user_id)
        return
    given = {
        "identity": identity,
        "user": identity.user,
        "at": timezone.now(),
        "account": _account(identity),
        "device": _harmless(_device_name(context.get("software_token"))),
        **context,
    }
    transaction.on_commit(partial(_deliver, kind, identity, recipients, given))


def recipients_of(identity: CognitoIdentity) -> list[str]:
    """Return every address we may rely on: whoever took over one must not be the only one told.

    The pool's verified one and the one before it, and the one that the site itself has.
    """
    field = type(identity.user).get_email_field_name()
    own = str(getattr(identity.user, field, "") or "")
    addresses = {text.strip() for text in (identity.email, identity.previous_email, own)}
    return sorted(address for address in addresses if _is_address(address))


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _told_lately(identity: CognitoIdentity) -> int:
    """Return how many mails about ``identity`` the last day's events stand for, that of now included."""
    lately = identity.events.filter(at__gte=timezone.now() - DAY, at__lte=clocks.latest())
    return lately.filter(kind__in=TOLD).count()


def _account(identity: CognitoIdentity) -> str:
    """Return what the mail calls the account: the pool's name, if nobody could place a link in it."""
    name = identity.username
    if same(name, identity.email):
        return name
    return _harmless(name) or identity.email or identity.sub


def _device_name(software_token: SoftwareToken | None) -> str:
    return software_token.friendly_name if software_token else ""


def _harmless(text: str) -> str:
    """Return ``text``, or nothing where a mail program might make a link, an address or a line of it."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKC", text)
        if unicodedata.category(char) not in ("Cf", "Mn", "Me")
    )
    return "" if _MAY_LEAD_AWAY.search(plain) else text


def _deliver(
    kind: str, identity: CognitoIdentity, recipients: Iterable[str], context: dict[str, Any]
) -> None:
    try:
        with translation.override(identity.language or settings.LANGUAGE_CODE):
            message = _message(kind, recipients, context)
        message.send()
    except Exception:
        # Whatever is wrong with templates or server: what the mail tells of has happened.
        logger.exception("notice_not_sent: %s to user %s", kind, identity.user_id)


def _message(
    kind: str, recipients: Iterable[str], context: dict[str, Any]
) -> EmailMultiAlternatives:
    support = redirects.support_url(in_mail=True)
    given = {**context, "site": get_conf().ISSUER or "", "support_url": support}
    name = f"cognito_mfa/email/{kind}"
    subject = " ".join(render_to_string(f"{name}_subject.txt", given).split())
    message = EmailMultiAlternatives(
        subject, render_to_string(f"{name}_message.txt", given), to=list(recipients)
    )
    message.attach_alternative(render_to_string(f"{name}_message.html", given), "text/html")
    return message
