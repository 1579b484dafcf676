"""The user pool's password policy, which pages show before a new password is typed.

A page never asks Cognito for it. ``cognito_mfa_sync`` reads and stores it if the AWS credentials allow that. The
setting ``PASSWORD_RULES`` takes precedence.
"""

from __future__ import annotations

from django.utils import timezone

from cognito_mfa.cognito import admin_api
from cognito_mfa.conf import get_conf
from cognito_mfa.models import PoolPolicy
from cognito_mfa.values.password_rules import PasswordRules


def rules() -> PasswordRules | None:
    """Return what is known of the pool's rules; None when nothing is."""
    return get_conf().PASSWORD_RULES or read_from_pool()


def read_from_pool() -> PasswordRules | None:
    """Return the rules that were last read from the pool; None when they never were."""
    row = PoolPolicy.objects.in_pool().first()
    try:
        return PasswordRules.read(row.password_rules) if row else None
    except ValueError:  # of another version of this app
        return None


def refresh() -> PasswordRules:
    """Read the pool's rules from Cognito, and store them.

    Raises:
        CognitoMFAError: Cognito did not say.
    """
    found = admin_api.password_rules()
    PoolPolicy.objects.update_or_create(
        pool_id=get_conf().USER_POOL_ID,
        defaults={"password_rules": found.as_dict(), "read_at": timezone.now()},
    )
    return found
