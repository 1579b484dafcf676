"""Checks that read the site's tables: at ``manage.py migrate`` and ``check --database default``."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution
from django.db import DatabaseError

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME
from cognito_mfa.enforcement import policy


def check_groups() -> Iterator[CheckMessage]:
    """W032: REQUIRED names groups that do not exist, so that it applies to no user."""
    conf = conf_or_none()
    if (
        conf is None
        or not isinstance(conf.REQUIRED, dict)
        or not policy.user_model_has_field("groups")
    ):
        return
    groups = get_user_model()._meta.get_field("groups").related_model._default_manager
    wanted = set(conf.REQUIRED["groups"])
    try:
        missing = wanted - set(groups.filter(name__in=wanted).values_list("name", flat=True))
    except DatabaseError:  # before the first migrate
        return
    if missing:
        names = ", ".join(map(repr, sorted(missing)))
        yield Caution(
            f"{NAME}['REQUIRED'] names groups that do not exist: {names}. Nobody in them is asked for a second factor.",
            hint="Correct the names, or create the groups.",
            id="cognito_mfa.W032",
        )
