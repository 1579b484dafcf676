"""Signals for the site's own receivers; a receiver that fails breaks no sign-in.

The sender is the class ``CognitoIdentity``. Each signal is sent with ``request`` (None outside a request), with
``identity``, and with the further arguments that are named beside it.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Model
from django.dispatch import Signal
from django.http import HttpRequest

# user; method ("SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP", or "" without MFA); tokens (access, id,
# refresh: plain text when they are read). Tokens are not stored, so a receiver is the only place to use them.
signed_in = Signal()

# method. identity is None for a user who never signed in here before.
code_rejected = Signal()

# software_token, the row of the authenticator that was set up.
software_token_verified = Signal()

# software_token, the row of the new authenticator; before, that of the old one.
software_token_replaced = Signal()

# software_token, the row of the removed authenticator, or None.
software_token_removed = Signal()

# reset, whether it was with a code that was sent, because the old one was forgotten.
password_changed = Signal()

# actor, the user who reset it; reason.
mfa_reset = Signal()

# No further argument: the codes are only shown to the user.
recovery_codes_created = Signal()

# tokens_revoked, whether Cognito revoked the user's tokens as well.
signed_out_elsewhere = Signal()

# exemption, the row; actor, the user who granted or revoked it. identity may be None.
exemption_granted = Signal()
exemption_revoked = Signal()


def send(
    signal: Signal,
    *,
    identity: Model | None,
    request: HttpRequest | None = None,
    **details: Any,
) -> None:
    """Send ``signal`` so that a receiver that fails breaks nothing.

    Args:
        signal: one of this module.
        identity: whom it is about; None for a user without one.
        request: the request in which it happened; None outside a request.
        details: the further arguments that stand beside the signal.
    """
    sender = apps.get_model("cognito_mfa", "CognitoIdentity")
    signal.send_robust(sender=sender, request=request, identity=identity, **details)
