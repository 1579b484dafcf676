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
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils import timezone, translation

from cognito_mfa import task_queue
from cognito_mfa.authenticator.email_delivery import (
    Delivery,
    State,
    announce,
    hand_over,
    send_now,
)
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
    "code_entry_locked",
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
    Kind.CODE_ENTRY_LOCKED,
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
UNLIMITED = ("code_entry_locked", "recovery_code_used")
# A worker reads the addresses when it sends the email: those of an account that was unlinked are gone by then.
NOT_QUEUED = ("unlinked",)
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
    given = _context(identity, timezone.now(), context)
    enqueue = _enqueue_later(delivery, identity, given["at"], context)
    on_commit_of(CognitoIdentity, partial(_deliver, delivery, identity, recipients, given, enqueue))
    return delivery


def send_queued(
    kind: str, identity: CognitoIdentity, at: dt.datetime, described: Mapping[str, Any]
) -> Delivery:
    """Send an email in a worker; limits and settings were applied when it was queued.

    Args:
        kind: one of ``KINDS``.
        identity: the user's; its addresses and language are used as they are now.
        at: when it happened.
        described: the context, as the message had it.

    Returns:
        What became of it.
    """
    recipients = recipients_of(identity)
    delivery = Delivery(kind, identity.user_id, recipients)
    # The link was moved since then, so the addresses are those of another user.
    if identity.created_at > at:
        recipients = []
    if not recipients:
        delivery.end(State.NO_ADDRESS)
        return delivery
    given = _context(identity, at, _restored(described))
    if (messages := _rendered(delivery, identity, recipients, given)) is not None:
        send_now(messages, delivery)
    return delivery


def _context(
    identity: CognitoIdentity, at: dt.datetime, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the templates get."""
    return {
        "identity": identity,
        "user": identity.user,
        "at": at,
        "account": _account(identity),
        "device": _without_links(_device_name(context.get("software_token"))),
        **context,
    }


def _enqueue_later(
    delivery: Delivery, identity: CognitoIdentity, at: dt.datetime, context: Mapping[str, Any]
) -> Callable[[], bool] | None:
    """Return what hands the email over to a worker; None where this process sends it."""
    if delivery.kind in NOT_QUEUED or not task_queue.is_used():
        return None
    described = _described(context)
    if described is None:
        return None
    arguments: dict[str, Any] = {
        "kind": delivery.kind,
        "identity": identity.pk,
        "at": at.isoformat(),
        "context": described,
    }

    def enqueue() -> bool:
        try:
            with task_queue.connected() as queue:
                queue.add(task_queue.SEND_EMAIL, **arguments)
        except task_queue.QueueUnavailable:  # it is in the log; the email is sent as without Celery
            return False
        return True

    return enqueue


def _described(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ``context`` as primary keys, numbers, and times; None where it has anything else."""
    described: dict[str, Any] = {}
    for name, value in context.items():
        if value is None or isinstance(value, (bool, int)):
            described[name] = value
        elif isinstance(value, SoftwareToken) and value.pk:
            described[name] = {"software_token": value.pk}
        elif isinstance(value, dt.datetime):
            described[name] = {"moment": value.isoformat()}
        else:
            return None
    return described


def _restored(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context that ``_described`` described."""
    context: dict[str, Any] = {}
    for name, value in described.items():
        context[name] = value
        if isinstance(value, dict) and "software_token" in value:
            found = SoftwareToken.objects.filter(pk=value["software_token"]).first()
            context[name] = found
        elif isinstance(value, dict):
            context[name] = dt.datetime.fromisoformat(value["moment"])
    return context


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
    enqueue: Callable[[], bool] | None,
) -> None:
    if (messages := _rendered(delivery, identity, recipients, context)) is not None:
        hand_over(messages, delivery, enqueue)


def _rendered(
    delivery: Delivery,
    identity: CognitoIdentity,
    recipients: Iterable[str],
    context: dict[str, Any],
) -> list[EmailMultiAlternatives] | None:
    """Return the messages in the user's language; None where a template failed, which is logged."""
    try:
        with translation.override(
            languages.with_catalog(identity.language or settings.LANGUAGE_CODE)
        ):
            return _messages(delivery.kind, recipients, context)
    except Exception as error:  # noqa: BLE001 - the site's templates; the change itself has happened
        delivery.log_failure(f"{type(error).__name__}: {error}")
        delivery.end(State.FAILED)
        return None


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
