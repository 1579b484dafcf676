"""Emails about changes of a user's MFA: sent after the commit, in the language of the last sign-in.

No email contains a secret or a code, and a mail server that fails, or hangs, breaks nothing.

SECURITY: an attacker may cause an email that carries the site's name. It goes only to addresses that the pool has
verified or the site has in its own table, it contains no text in which an attacker could place a link, and the
number of emails a day about one user is limited.
"""

from __future__ import annotations

import datetime as dt
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

from cognito_mfa.authenticator.email_delivery import Delivery, State, announce, hand_over
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import on_commit_of
from cognito_mfa.enforcement import redirects
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.values import clocks, languages
from cognito_mfa.values.comparison import same

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


def send(kind: str, identity: CognitoIdentity, **context: Any) -> Delivery:
    """Send an email to the identity's user once the transaction is committed.

    Args:
        kind: one of ``KINDS``; names the templates ``cognito_mfa/email/<kind>_*``.
        identity: the user's; its addresses and language are used.
        context: what the templates need besides the identity and the time.

    Returns:
        What became of it; pending while the transaction is open.
    """
    recipients = recipients_of(identity)
    delivery = Delivery(kind, identity.user_id, recipients)
    announce(delivery)
    if not (get_conf().NOTIFY and recipients):
        delivery.end(State.NO_ADDRESS if get_conf().NOTIFY else State.OFF)
        return delivery
    if kind not in UNLIMITED and _emails_in_last_day(identity) > MAX_EMAILS_PER_DAY:
        delivery.log_failure("too many in a day")
        delivery.end(State.TOO_MANY)
        return delivery
    given = {
        "identity": identity,
        "user": identity.user,
        "at": timezone.now(),
        "account": _account(identity),
        "device": _without_links(_device_name(context.get("software_token"))),
        **context,
    }
    on_commit_of(CognitoIdentity, partial(_deliver, delivery, identity, recipients, given))
    return delivery


def recipients_of(identity: CognitoIdentity) -> list[str]:
    """Return every trusted address: an attacker who took over one must not be the only reader.

    They are the pool's verified one, the one before it, and the one in the site's user table.
    """
    field = type(identity.user).get_email_field_name()
    own = str(getattr(identity.user, field, "") or "")
    given = sorted({text.strip() for text in (identity.email, identity.previous_email, own)})
    addresses = {address.casefold(): address for address in given if _is_address(address)}
    return list(addresses.values())


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _emails_in_last_day(identity: CognitoIdentity) -> int:
    """Return how many emails the events of the last day sent about ``identity``, the present one included."""
    recent = identity.events.filter(at__gte=timezone.now() - DAY, at__lte=clocks.latest())
    return recent.filter(kind__in=EVENTS_WITH_EMAIL).count()


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
    delivery: Delivery,
    identity: CognitoIdentity,
    recipients: Iterable[str],
    context: dict[str, Any],
) -> None:
    try:
        with translation.override(
            languages.with_catalog(identity.language or settings.LANGUAGE_CODE)
        ):
            messages = _messages(delivery.kind, recipients, context)
    except Exception as error:  # noqa: BLE001 - the site's templates; the change itself has happened
        delivery.log_failure(f"{type(error).__name__}: {error}")
        delivery.end(State.FAILED)
        return
    hand_over(messages, delivery)


def _messages(
    kind: str, recipients: Iterable[str], context: dict[str, Any]
) -> list[EmailMultiAlternatives]:
    """Return a message for each address: none of the readers learns of another address."""
    support = redirects.support_url(in_mail=True)
    site = get_conf().ISSUER or ""
    given = {**context, "site": site, "support_url": support}
    name = f"cognito_mfa/email/{kind}"
    subject = " ".join(render_to_string(f"{name}_subject.txt", given).split())
    plain = render_to_string(f"{name}_message.txt", given)
    title = subject.removeprefix(" ".join(f"{site}: ".split())).strip()
    html = render_to_string(f"{name}_message.html", {**given, "title": title})
    messages = []
    for address in recipients:
        message = EmailMultiAlternatives(subject, plain, to=[address])
        message.attach_alternative(html, "text/html")
        messages.append(message)
    return messages
