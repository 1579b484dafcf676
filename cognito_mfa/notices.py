"""Mails about what happened to somebody's second factor: sent after the commit, in their language.

No mail holds a secret or a code, and a mail server that fails breaks nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity

logger = logging.getLogger(__name__)

KINDS = (
    "software_token_verified",
    "software_token_replaced",
    "software_token_removed",
    "mfa_reset",
    "repeated_wrong_codes",
    "codes_stopped",
)


def send(kind: str, identity: CognitoIdentity, **context: Any) -> None:
    """Write to ``identity``'s person once the transaction is committed.

    Args:
        kind: one of ``KINDS``; names the templates ``cognito_mfa/email/<kind>_*``.
        context: what the templates need besides the identity and the time.
    """
    recipients = _recipients(identity)
    if get_conf().NOTIFY and recipients:
        given = {"identity": identity, "user": identity.user, "at": timezone.now(), **context}
        transaction.on_commit(partial(_deliver, kind, identity, recipients, given))


def _recipients(identity: CognitoIdentity) -> list[str]:
    """Return every address we know: whoever took over one of them must not be the only one told."""
    field = type(identity.user).get_email_field_name()
    addresses = (identity.email, getattr(identity.user, field, ""))
    return sorted({address.strip() for address in addresses if address and address.strip()})


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
    conf = get_conf()
    given = {**context, "site": conf.ISSUER or "", "support_url": conf.SUPPORT_URL}
    name = f"cognito_mfa/email/{kind}"
    subject = " ".join(render_to_string(f"{name}_subject.txt", given).split())
    message = EmailMultiAlternatives(
        subject, render_to_string(f"{name}_message.txt", given), to=list(recipients)
    )
    message.attach_alternative(render_to_string(f"{name}_message.html", given), "text/html")
    return message
