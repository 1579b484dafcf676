"""Checks of settings that name code: whether it can be imported and used."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth import load_backend
from django.core.checks import CheckMessage, Error
from django.urls import get_resolver
from django.utils.module_loading import import_string


def import_problem(path: object) -> str:
    """Return why ``path`` cannot be imported and called; empty if it can."""
    if not isinstance(path, str):
        return "it is not a dotted path"
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - a site's module may fail in any way
        return f"{type(error).__name__}: {error}"
    return "" if callable(found) else "it is not callable"


def backend_problem(path: object) -> str:
    """Return why Django cannot load the authentication backend at ``path``; empty if it can."""
    problem = import_problem(path)
    if problem:
        return problem
    try:
        load_backend(str(path))
    except Exception as error:  # noqa: BLE001 - likewise
        return f"{type(error).__name__}: {error}"
    return ""


def urlconf_problem() -> str:
    """Return why the site's URLconf cannot be read; empty if it can."""
    try:
        get_resolver().url_patterns  # noqa: B018 - read for what it raises
    except Exception as error:  # noqa: BLE001 - a site's module may fail in any way
        return f"{type(error).__name__}: {error}"
    return ""


def check_imports() -> Iterator[CheckMessage]:
    """Check that code named by settings can be imported and used (E034)."""
    for name in ("MIDDLEWARE", "AUTHENTICATION_BACKENDS"):
        given = getattr(settings, name)
        if not isinstance(given, (list, tuple)):
            yield _broken(name, f"{name} is {given!r}", "it is not a list")
            continue
        for path in given:
            problem = (
                backend_problem(path) if name == "AUTHENTICATION_BACKENDS" else import_problem(path)
            )
            if problem:
                yield _broken(name, f"{name} contains {path!r}", problem)
    if problem := urlconf_problem():
        yield _broken("ROOT_URLCONF", f"ROOT_URLCONF is {settings.ROOT_URLCONF!r}", problem)


def _broken(name: str, text: str, problem: str) -> CheckMessage:
    return Error(
        f"{text}, which cannot be used: {problem}.",
        hint=f"Correct {name} and run the checks again, because some were skipped.",
        id="cognito_mfa.E034",
    )
