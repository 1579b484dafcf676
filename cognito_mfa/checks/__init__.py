"""System checks, which report what is wrong with a site before its first user notices.

An id never changes its meaning. ``docs/checks.md`` lists them all. No check contacts Cognito, because ``check``
also runs where there is no network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error

from cognito_mfa.checks import (
    access,
    addresses,
    apis,
    celery,
    database,
    deployment,
    front_ends,
    imports,
    logs,
    managed_login,
    middleware,
    project,
    recovery,
    same_cause,
    settings,
    users,
)

Check = Callable[[], Iterator[CheckMessage]]

ALWAYS: tuple[Check, ...] = (
    settings.check_settings,
    settings.check_callables,
    settings.check_rule,
    settings.check_durations,
    settings.check_short_durations,
    settings.check_issuer,
    settings.check_support,
    settings.check_region,
    settings.check_endpoint,
    imports.check_imports,
    middleware.check_middleware,
    middleware.check_fallbacks,
    middleware.check_page_cache,
    middleware.check_revisions,
    project.check_sessions,
    project.check_marks,
    project.check_templates,
    database.check_relations,
    addresses.check_urls,
    addresses.check_index,
    addresses.check_login_url,
    addresses.check_password_forms,
    addresses.check_other_addresses,
    access.check_backend,
    access.check_backends,
    access.check_vetoes,
    access.check_admin,
    apis.check_rest_framework,
    apis.check_ninja,
    apis.check_channels,
    front_ends.check_origins,
    logs.check_logging,
    users.check_writable,
    users.check_required_fields,
    users.check_addresses,
    managed_login.check_trust,
    managed_login.check_allauth_provider,
    managed_login.check_prompt,
    managed_login.check_code_binding,
    managed_login.check_scope,
    managed_login.check_mozilla_tokens,
    recovery.check_recovery_codes,
    celery.check_celery,
)
DEPLOYED: tuple[Check, ...] = (
    deployment.check_cookies,
    deployment.check_enforcement,
    deployment.check_rollout,
    deployment.check_circuit_breaker,
    deployment.check_hosts,
    deployment.check_addresses,
    logs.check_loggers,
    logs.check_http_client,
    recovery.check_credentials,
)
OF_DATABASE: tuple[Check, ...] = (
    database.check_groups,
    database.check_mapped_groups,
    database.check_former_pools,
    database.check_password_rules,
)


def check_site(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Return the messages of ``manage.py check``.

    Args:
        app_configs: passed by Django; ignored, because all checks are about the site as a whole.
    """
    return _run(ALWAYS)


def check_deployment(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Return the messages that ``check --deploy`` adds.

    Args:
        app_configs: passed by Django; ignored.
    """
    return _run(DEPLOYED)


def check_database(
    app_configs: Any, databases: Collection[str] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Return the messages of checks that read the database, at ``migrate`` and ``check --database``.

    Args:
        app_configs: passed by Django; ignored.
        databases: aliases of the databases that may be read; None without ``--database``.
    """
    return _run(OF_DATABASE) if databases else []


def _run(wanted: Iterable[Check]) -> list[CheckMessage]:
    found = [message for check in wanted for message in _messages(check)]
    return [message for message in found if not same_cause.is_said_by_django(message)]


def _messages(check: Check) -> list[CheckMessage]:
    """Return what a check finds, or E034 if it fails, so that the other checks still run."""
    try:
        return list(check())
    except Exception as error:  # noqa: BLE001 - settings may hold anything
        return [
            Error(
                f"{check.__name__} failed with {type(error).__name__}: {error}.",
                hint="Correct the setting or the code that the error is about.",
                id="cognito_mfa.E034",
            )
        ]
