"""Where a site with several databases keeps its tables."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Model

# What belongs together: rows of ours point at users, and Django's own of the admin at both.
ABOUT_PEOPLE = frozenset({"admin", "auth", "authtoken", "cognito_mfa", "contenttypes", "sessions"})


class PeopleRouter:
    """Puts everything about people into a database of its own; everything else is in ``default``."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str | None:
        return "people" if model._meta.app_label in ABOUT_PEOPLE else None

    def db_for_write(self, model: type[Model], **_hints: Any) -> str | None:
        return self.db_for_read(model)

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        return (db == "people") == (app_label in ABOUT_PEOPLE)


class LaggingReplicaRouter:
    """Reads from a copy of the database that is hours behind: no row of a test ever arrives there.

    Sessions are read where they are written, as on every site whose copies lag: Django's own sign-in needs it.
    """

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:
        return "default" if model is Session else "replica"

    def db_for_write(self, _model: type[Model], **_hints: Any) -> str:
        return "default"

    def allow_relation(self, *_rows: Model, **_hints: Any) -> bool:
        return True
