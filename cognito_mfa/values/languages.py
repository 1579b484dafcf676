"""Chooses the language of our texts: the reader's if it has a catalog, otherwise one that has.

Without a catalog our texts are English, or in the site's language. A page that says ``lang="ar"`` and reads from right
to left would then be read out with Arabic sounds, and Django's own texts would be Arabic between ours.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from functools import cache
from os import PathLike
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed
from django.utils import translation
from django.utils.translation import to_locale

SOURCE = "en"  # of the texts in the code
SAMPLE = (
    "Two-step verification"  # which a catalog of the site translates where it translates our texts
)
OWN = Path(__file__).parent.parent / "locale"


def with_catalog(language: str | None = None) -> str:
    """Return the language in which our texts appear to a reader of ``language``.

    Args:
        language: code of it, such as ``pt-br``; the active one if it is empty.
    """
    if not settings.USE_I18N:
        return SOURCE
    wanted = language or translation.get_language() or settings.LANGUAGE_CODE
    known = (code for code in (wanted, settings.LANGUAGE_CODE) if _has_catalog(code))
    return next(known, SOURCE)


@cache
def _has_catalog(language: str) -> bool:
    """Return whether our texts are written in ``language``, or translated by us or by the site."""
    if language.split("-", maxsplit=1)[0] == SOURCE:
        return True
    locale = [to_locale(language)]
    if gettext.find("django", str(OWN), locale):
        return True
    return any(
        gettext.translation("django", folder, locale, fallback=True).gettext(SAMPLE) != SAMPLE
        for folder in _folders()
    )


def _folders() -> Iterator[str | PathLike[str]]:
    """Yield where Django looks for catalogs: a site may translate our texts in an app of its own."""
    yield from settings.LOCALE_PATHS
    for app in apps.get_app_configs():
        yield Path(app.path) / "locale"


def _forget(*, setting: str, **_kwargs: object) -> None:
    if setting in ("LOCALE_PATHS", "INSTALLED_APPS"):
        _has_catalog.cache_clear()


setting_changed.connect(_forget, dispatch_uid="cognito_mfa.values.languages")
