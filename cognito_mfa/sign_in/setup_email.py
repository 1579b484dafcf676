"""The outcome of the email about a setup, kept in the session for the last page of the setup."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from cognito_mfa.authenticator.email_delivery import Delivery, State
from cognito_mfa.enforcement import proof
from cognito_mfa.models import SoftwareToken

KEY = f"{proof.PREFIX}setup_email"


def remember(request: HttpRequest, token: SoftwareToken, deliveries: Sequence[Delivery]) -> None:
    """Keep the current outcome of the last of ``deliveries`` in the session.

    Args:
        request: the one that confirmed the setup; the user is signed in.
        token: that was set up.
        deliveries: of the emails about it.
    """
    if deliveries:
        last = deliveries[-1]
        kept = {"token": token.pk, "state": last.state.value, "addresses": last.addresses}
        request.session[KEY] = kept


def recall(request: HttpRequest, token: SoftwareToken | None) -> dict[str, str]:
    """Return what the page may say: masked addresses as ``email_sent_to``, or as ``email_pending_to``.

    Args:
        request: of the user who set up ``token``.
        token: the user's active one; nothing is known of the email about another.
    """
    kept = request.session.get(KEY)
    if token is None or not isinstance(kept, dict) or kept.get("token") != token.pk:
        return {}
    names = {State.SENT.value: "email_sent_to", State.PENDING.value: "email_pending_to"}
    name, addresses = names.get(str(kept.get("state"))), kept.get("addresses")
    return {name: ", ".join(map(str, addresses))} if name and isinstance(addresses, list) else {}
