"""Checks of the databases.

Those that read tables run at ``manage.py migrate`` and ``check --database default``.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution
from django.db import DatabaseError, router

from cognito_mfa.authenticator import password_policy, pool_change
from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME
from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import policy
from cognito_mfa.models import CognitoIdentity


def check_relations() -> Iterator[CheckMessage]:
    """Check that our tables and the users are in the same database (W041)."""
    ours, users = router.db_for_write(CognitoIdentity), router.db_for_write(get_user_model())
    if ours != users:
        yield Caution(
            f"The database router stores cognito_mfa in {ours!r} and users in {users!r}, so relations and transactions "
            "between them do not work.",
            hint=f"Route the app label 'cognito_mfa' to {users!r}, where {settings.AUTH_USER_MODEL} is stored.",
            id="cognito_mfa.W041",
        )


def check_groups() -> Iterator[CheckMessage]:
    """Check that the groups in REQUIRED exist (W032)."""
    conf = conf_or_none()
    if conf is None or not isinstance(conf.REQUIRED, dict):
        return
    if missing := _missing_groups(set(conf.REQUIRED["groups"])):
        yield Caution(
            f"{NAME}['REQUIRED'] names groups that do not exist ({missing}), so MFA is not required through "
            "them.",
            hint="Correct the names, or create the groups.",
            id="cognito_mfa.W032",
        )


def check_password_rules() -> Iterator[CheckMessage]:
    """Check that PASSWORD_RULES equals the pool's password policy, as it was last read (W038)."""
    conf = conf_or_none()
    if conf is None or conf.PASSWORD_RULES is None:
        return
    try:
        found = password_policy.read_from_pool()
    except DatabaseError:  # before the first migrate
        return
    if found is not None and found != conf.PASSWORD_RULES:
        yield Caution(
            f"{NAME}['PASSWORD_RULES'] differs from the user pool's password policy, so pages show the wrong rules.",
            hint=f"Set PASSWORD_RULES to {found.as_dict()!r}, or remove it, because cognito_mfa_sync reads the policy.",
            id="cognito_mfa.W038",
        )


def check_former_pools() -> Iterator[CheckMessage]:
    """Check that no users are linked to a user pool other than USER_POOL_ID (W036)."""
    if conf_or_none() is None:
        return
    try:
        former = pool_change.former_pools()
    except DatabaseError:  # before the first migrate
        return
    for pool_id, users in sorted(former.items()):
        who = "1 user is" if users == 1 else f"{users} users are"
        yield Caution(
            f"{who} linked to the user pool {pool_id!r}, which is not "
            "USER_POOL_ID, so they cannot sign in.",
            hint=f"Run manage.py cognito_mfa_link --from-pool {pool_id} with --match email, --match username, or "
            "--unlink (see docs/existing-sites.md).",
            id="cognito_mfa.W036",
        )


def check_mapped_groups() -> Iterator[CheckMessage]:
    """Check that the groups of the site in GROUPS exist (W035)."""
    conf = conf_or_none()
    if conf is None:
        return
    if missing := _missing_groups({name for names in conf.GROUPS.values() for name in names}):
        yield Caution(
            f"{NAME}['GROUPS'] names groups that do not exist ({missing}), so no user is added to them.",
            hint="Correct the names, or create the groups.",
            id="cognito_mfa.W035",
        )


def _missing_groups(wanted: set[str]) -> str:
    """Return the names of the groups that do not exist; empty before the first migrate, too."""
    if not wanted or not policy.user_model_has_field("groups"):
        return ""
    groups = current_rows(get_user_model()._meta.get_field("groups").related_model)
    try:
        missing = wanted - set(groups.filter(name__in=wanted).values_list("name", flat=True))
    except DatabaseError:
        return ""
    return ", ".join(map(repr, sorted(missing)))
