"""Changes the user's own password with the access token of a sign-in with password and code.

Cognito requires the current password again. If the user entered everything at once, the same request sends it.
Otherwise the user types it again, because passwords are never stored, not even encrypted for a minute.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from django.http import HttpRequest

from cognito_mfa.authenticator import password_changes
from cognito_mfa.cognito import user_api
from cognito_mfa.cognito.types import NOTHING, Tokens
from cognito_mfa.exceptions import BadCredentials, BadReply, Unavailable
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step, clear_pending
from cognito_mfa.values.secret_text import SecretText


def start(request: HttpRequest, pending: PendingSignIn, tokens: Tokens) -> Outcome:
    """Wait for the new password, with the access token alone.

    Args:
        request: of the signed-in user.
        pending: the change.
        tokens: of a sign-in a moment ago.
    """
    replace(
        pending,
        step=Step.PASSWORD_CHANGE,
        challenge=None,
        tokens=Tokens(tokens.access),
        nonce=secrets.token_hex(8),
    ).save(request)
    return Outcome(Step.PASSWORD_CHANGE, pending.next_url)


def finish(
    request: HttpRequest,
    pending: PendingSignIn,
    identity: CognitoIdentity,
    *,
    previous: SecretText,
    proposed: SecretText,
) -> Outcome:
    """Change the password; all other sessions end, this one stays verified.

    Args:
        request: of the signed-in user.
        pending: the change.
        identity: the user's.
        previous: the present password, as typed.
        proposed: the new one, as typed.

    Raises:
        BadCredentials: the present password is wrong; the same page may try again.
        PasswordRejected: the pool's policy refuses the new one; likewise.
        TokenRejected: start again.
        Unavailable: Cognito may have changed it, or not.
    """
    access = pending.tokens.access if pending.tokens else NOTHING
    try:
        with pending.discarding_on_failure(request), password_changes.sending(identity):
            user_api.change_password(access, previous, proposed)
    except BadCredentials as error:
        log_events.write("password_change_refused", cause=error, user=identity.user_id)
        raise
    except (Unavailable, BadReply) as error:
        if password_changes.is_in_doubt(error):
            password_changes.record_doubt(request, identity)
        raise
    clear_pending(request)
    password_changes.record_change(request, identity)
    return Outcome(Step.OWN_PAGE, "")
