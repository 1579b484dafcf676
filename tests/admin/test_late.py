"""The stand-ins in the admin's registry have the addresses of the pages that they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.urls import URLPattern

from cognito_mfa.admin.late import LateAdmin

OURS = {
    model.__name__: page
    for model, page in admin.site._registry.items()
    if model._meta.app_label == "cognito_mfa"
}


def described(pattern: URLPattern) -> tuple[Any, ...]:
    """Return what Django makes of a pattern: address, name, and how its view is called."""
    view: Any = pattern.callback
    apart: set[str] = getattr(view, "_non_atomic_requests", set())
    return str(pattern.pattern), pattern.name, apart, getattr(view, "csrf_exempt", False)


@pytest.mark.parametrize("name", OURS)
def test_the_addresses_are_those_of_the_page(name: str) -> None:
    page: Any = OURS[name]
    assert type(page) is LateAdmin
    assert isinstance(page, ModelAdmin)  # to all who ask: it is one as soon as that matters
    assert [described(late) for late in page.urls] == [described(own) for own in page.get_urls()]


def test_nothing_else_is_in_our_admin_by_another_way() -> None:
    assert len(OURS) == 6


def test_a_name_that_is_not_there_is_not_there() -> None:
    from cognito_mfa import admin as ours

    assert issubclass(ours.MFAUserAdminMixin, ModelAdmin)
    with pytest.raises(AttributeError):
        _ = ours.MFAUserAdmin
