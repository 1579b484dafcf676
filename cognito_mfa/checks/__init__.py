"""System checks: what is wrong with a site, said before the first person meets it.

Each id means one thing for ever; ``docs/checks.md`` lists them. Nothing here asks Cognito: ``check`` runs
where there is no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.core.checks import CheckMessage

from cognito_mfa.checks import access, database, deployment, managed_login, project, settings

Check = Callable[[], Iterator[CheckMessage]]

ALWAYS: tuple[Check, ...] = (
    settings.check_settings,
    settings.check_callables,
    settings.check_rule,
    settings.check_durations,
    settings.check_issuer,
    settings.check_support,
    settings.check_region,
    settings.check_endpoint,
    project.check_middleware,
    project.check_fallbacks,
    project.check_page_cache,
    project.check_sessions,
    project.check_urls,
    project.check_marks,
    project.check_login_url,
    project.check_templates,
    access.check_backends,
    access.check_admin,
    access.check_rest_framework,
    access.check_channels,
    access.check_logging,
    managed_login.check_trust,
    managed_login.check_allauth_provider,
    managed_login.check_prompt,
    managed_login.check_scope,
    managed_login.check_mozilla_tokens,
)
DEPLOYED: tuple[Check, ...] = (
    deployment.check_cookies,
    deployment.check_enforcement,
    deployment.check_roll_out,
    deployment.check_hosts,
    deployment.check_addresses,
)
OF_DATABASE: tuple[Check, ...] = (database.check_groups,)


def run(wanted: Iterable[Check]) -> list[CheckMessage]:
    """Return what is wrong, as Django's ``check`` shows it."""
    return [message for check in wanted for message in check()]
