"""Checks of the databases. Those that read tables run at ``manage.py migrate`` and ``check --database default``."""

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
    """W041: our rows and the users that they point at are in different databases."""
    ours, users = router.db_for_write(CognitoIdentity), router.db_for_write(get_user_model())
    if ours != users:
        yield Caution(
            f"The router writes cognito_mfa to {ours!r} and users to {users!r}. No database can follow the relation "
            "between them, and no transaction covers both.",
            hint=f"Let the router send the app label 'cognito_mfa' to {users!r}, where {settings.AUTH_USER_MODEL} is.",
            id="cognito_mfa.W041",
        )


def check_groups() -> Iterator[CheckMessage]:
    """W032: REQUIRED names groups that do not exist, so that it applies to no user."""
    conf = conf_or_none()
    if conf is None or not isinstance(conf.REQUIRED, dict):
        return
    if missing := _missing_groups(set(conf.REQUIRED["groups"])):
        yield Caution(
            f"{NAME}['REQUIRED'] names groups that do not exist: {missing}. Nobody in them is asked for a second factor.",
            hint="Correct the names, or create the groups.",
            id="cognito_mfa.W032",
        )


def check_password_rules() -> Iterator[CheckMessage]:
    """W038: PASSWORD_RULES says something else than the pool's password policy, as it was last read."""
    conf = conf_or_none()
    if conf is None or conf.PASSWORD_RULES is None:
        return
    try:
        found = password_policy.read_from_pool()
    except DatabaseError:  # before the first migrate
        return
    if found is not None and found != conf.PASSWORD_RULES:
        yield Caution(
            f"{NAME}['PASSWORD_RULES'] differs from the password policy of the user pool, so pages show wrong rules.",
            hint=f"Write {found.as_dict()!r}, or leave PASSWORD_RULES out: cognito_mfa_sync reads the policy.",
            id="cognito_mfa.W038",
        )


def check_former_pools() -> Iterator[CheckMessage]:
    """W036: users are linked in a user pool that the settings do not name, so they cannot sign in."""
    if conf_or_none() is None:
        return
    try:
        former = pool_change.former_pools()
    except DatabaseError:  # before the first migrate
        return
    for pool_id, users in sorted(former.items()):
        yield Caution(
            f"{users} users are linked in the user pool {pool_id!r}, which {NAME} does not name. They cannot sign in."
            if users > 1
            else f"A user is linked in the user pool {pool_id!r}, which {NAME} does not name, and cannot sign in.",
            hint=f"Run manage.py cognito_mfa_link --from-pool {pool_id} with --match email, --match username, or "
            "--unlink; see docs/existing-sites.md.",
            id="cognito_mfa.W036",
        )


def check_mapped_groups() -> Iterator[CheckMessage]:
    """W035: GROUPS names groups that do not exist, so that no user is put into them."""
    conf = conf_or_none()
    if conf is None:
        return
    if missing := _missing_groups({name for names in conf.GROUPS.values() for name in names}):
        yield Caution(
            f"{NAME}['GROUPS'] names groups that do not exist: {missing}. No user is put into them.",
            hint="Correct the names, or create the groups.",
            id="cognito_mfa.W035",
        )


def _missing_groups(wanted: set[str]) -> str:
    """Return the names of groups that do not exist; an empty string also before the first migrate."""
    if not wanted or not policy.user_model_has_field("groups"):
        return ""
    groups = current_rows(get_user_model()._meta.get_field("groups").related_model)
    try:
        missing = wanted - set(groups.filter(name__in=wanted).values_list("name", flat=True))
    except DatabaseError:
        return ""
    return ", ".join(map(repr, sorted(missing)))
