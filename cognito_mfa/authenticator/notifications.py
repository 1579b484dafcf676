"""Emails about changes of a user's MFA: sent after the commit, in the language of the last sign-in.

No email contains a secret or a code, and a mail server that fails breaks nothing.

SECURITY: an attacker may cause an email that carries the site's name. It goes only to addresses that the pool has
verified or the site has in its own table, it contains no text in which an attacker could place a link, and the
number of emails a day about one user is limited.
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
from django.template.loader import render_to_string
from django.utils import timezone, translation

from cognito_mfa.conf import get_conf
from cognito_mfa.databases import on_commit_of
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
    "password_changed",
    "linked",
    "unlinked",
    "recovery_codes_created",
    "recovery_code_used",
    "signed_out_elsewhere",
)

MAX_EMAILS_PER_DAY = 10  # about one user
DAY = dt.timedelta(days=1)
Kind = MFAEvent.Kind
# Events of which each sends one email. Not wrong codes: they send one a day, and an attacker who enters many must
# not keep other emails from the user.
EVENTS_WITH_EMAIL = (
    Kind.SOFTWARE_TOKEN_VERIFIED,
    Kind.SOFTWARE_TOKEN_REPLACED,
    Kind.SOFTWARE_TOKEN_REMOVED,
    Kind.MFA_RESET,
    Kind.CODES_STOPPED,
    Kind.FAILURES_CLEARED,
    Kind.EXEMPTION_GRANTED,
    Kind.EXEMPTION_REVOKED,
    Kind.PASSWORD_RESET,
    Kind.PASSWORD_CHANGED,
    Kind.LINKED,
    Kind.LINK_MOVED,
    Kind.UNLINKED,
    Kind.RECOVERY_CODES_CREATED,
    Kind.SIGNED_OUT_ELSEWHERE,
)
# They happen once to each authenticator or recovery code, so they cannot flood a mailbox, and an attacker must not be
# able to suppress them.
UNLIMITED = ("codes_stopped", "recovery_code_used")
# A scheme, an address, a host name (mail programs treat the full stops of other scripts like ours), a new line.
_MAY_LEAD_AWAY = re.compile("://|@|[.\u3002]\\w|[\\x00-\\x1f\\x7f\x85\u2028\u2029]")


def send(kind: str, identity: CognitoIdentity, **context: Any) -> None:
    """Send an email to the identity's user once the transaction is committed.

    Args:
        kind: one of ``KINDS``; names the templates ``cognito_mfa/email/<kind>_*``.
        identity: the user's; its addresses and language are used.
        context: what the templates need besides the identity and the time.
    """
    recipients = recipients_of(identity)
    if not (get_conf().NOTIFY and recipients):
        return
    if kind not in UNLIMITED and _emails_in_last_day(identity) > MAX_EMAILS_PER_DAY:
        logger.warning("notice_not_sent: %s to user %s, too many a day", kind, identity.user_id)
        return
    given = {
        "identity": identity,
        "user": identity.user,
        "at": timezone.now(),
        "account": _account(identity),
        "device": _without_links(_device_name(context.get("software_token"))),
        **context,
    }
    on_commit_of(CognitoIdentity, partial(_deliver, kind, identity, recipients, given))


def recipients_of(identity: CognitoIdentity) -> list[str]:
    """Return every trusted address: an attacker who took over one must not be the only reader.

    They are the pool's verified one, the one before it, and the one in the site's user table.
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


def _emails_in_last_day(identity: CognitoIdentity) -> int:
    """Return how many emails the events of the last day sent about ``identity``, the present one included."""
    lately = identity.events.filter(at__gte=timezone.now() - DAY, at__lte=clocks.latest())
    return lately.filter(kind__in=EVENTS_WITH_EMAIL).count()


def _account(identity: CognitoIdentity) -> str:
    """Return what the email calls the account: the pool's username, unless it may contain a link."""
    name = identity.username
    if same(name, identity.email):
        return name
    return _without_links(name) or identity.email or identity.sub


def _device_name(software_token: SoftwareToken | None) -> str:
    return software_token.friendly_name if software_token else ""


def _without_links(text: str) -> str:
    """Return ``text``, or nothing where a mail program might turn a part of it into a link or a line."""
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
        # Whatever is wrong with templates or the server: the change itself has happened.
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
