"""System checks: what is wrong with a site, said before the first person meets it.

Each id means one thing for ever; ``docs/checks.md`` lists them. Nothing here asks Cognito: ``check`` runs
where there is no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.core.checks import CheckMessage

from cognito_mfa.checks import access, database, deployment, others, site, values

Check = Callable[[], Iterator[CheckMessage]]

ALWAYS: tuple[Check, ...] = (
    values.check_settings,
    values.check_callables,
    values.check_rule,
    values.check_durations,
    values.check_issuer,
    values.check_support,
    values.check_region,
    values.check_endpoint,
    site.check_middleware,
    site.check_fallbacks,
    site.check_page_cache,
    site.check_sessions,
    site.check_urls,
    site.check_marks,
    site.check_login_url,
    site.check_templates,
    access.check_backends,
    access.check_admin,
    access.check_rest_framework,
    access.check_channels,
    access.check_logging,
    others.check_trust,
    others.check_allauth_provider,
    others.check_prompt,
    others.check_scope,
    others.check_mozilla_tokens,
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
