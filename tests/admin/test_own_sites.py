"""Our pages on admin sites of one's own: registered by one call, and every link stays on the site."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.urls import include, path, reverse
from pytest_django import Settings

from cognito_mfa import admin as pages
from cognito_mfa.contrib.admin_site import MFAAdminSite
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAExemption
from tests.factories import make, reset_in_admin
from tests.urls import home, private
from tests.visitor import Visitor


class ThemeAdmin(ModelAdmin):
    """The base class of an admin theme."""

    theme = "dark"


def urls(*sites: AdminSite, default: bool) -> Any:
    # A class, which can be a key of Django's cache of resolvers.
    patterns = {
        "urlpatterns": [
            path("", home),
            path("private/", private),
            path("account/", include("cognito_mfa.urls")),
            *([path("admin/", admin.site.urls)] if default else []),
            *(path(f"{site.name}/", site.urls) for site in sites),
        ]
    }
    return type("Urls", (), patterns)


def registered() -> AdminSite:
    site = MFAAdminSite(name="backoffice")
    site.register(User, UserAdmin)
    pages.register(site)
    return site


def mirrored() -> AdminSite:
    """The loop of sites that want everything twice."""
    site = MFAAdminSite(name="backoffice")
    for model, page in admin.site._registry.items():
        site.register(model, type(page))
    return site


def themed() -> AdminSite:
    site = MFAAdminSite(name="backoffice")
    site.register(User, UserAdmin)
    pages.register(site, base=ThemeAdmin)
    return site


@pytest.fixture(params=[registered, mirrored, themed])
def own_site(request: pytest.FixtureRequest) -> AdminSite:
    made: AdminSite = request.param()
    return made


@pytest.fixture(params=[True, False], ids=["beside the default site", "alone"])
def staff(
    request: pytest.FixtureRequest,
    settings: Settings,
    pool: LocalPool,
    visitor: Visitor,
    own_site: AdminSite,
) -> Visitor:
    settings.ROOT_URLCONF = urls(own_site, default=request.param)
    make(pool, "root", is_staff=True, is_superuser=True)
    make(pool, "ada")
    pool.register_software_token("ada")
    visitor.come_with_app("root")
    return visitor


def test_every_page_opens_and_leads_to_no_other_site(staff: Visitor) -> None:
    """`jazzband/django-two-factor-auth#138`, `labd/wagtail-2fa#5`: pages for one admin site only."""
    ada = CognitoIdentity.objects.get(username="ada")
    user = User.objects.get(username="root")
    exemption = MFAExemption.objects.create(
        user=ada.user, reason="x", granted_by=user, expires_at=ada.created_at.replace(year=2099)
    )
    names = [f"cognito_mfa_{model._meta.model_name}_changelist" for model in pages.PAGES]
    addresses = [reverse(f"backoffice:{name}") for name in names]
    addresses += [
        reverse("backoffice:cognito_mfa_cognitoidentity_change", args=[ada.pk]),
        reverse("backoffice:cognito_mfa_cognitoidentity_confirm", args=[ada.pk, "reset_mfa"]),
        reverse("backoffice:cognito_mfa_cognitoidentity_confirm", args=[ada.pk, "unlink"]),
        reverse("backoffice:cognito_mfa_cognitoidentity_link"),
        reverse("backoffice:cognito_mfa_mfaexemption_change", args=[exemption.pk]),
        reverse("backoffice:cognito_mfa_mfaexemption_add"),
        reverse("backoffice:cognito_mfa_mfaevent_export"),
    ]
    for address in addresses:
        response = staff.get(address)
        assert response.status_code == 200, address
        links = re.findall(r'(?:href|action|src)="(/[^"]*)"', staff.text(response))
        inside = {link.split("/")[1] for link in links}
        assert inside <= {"backoffice", "static", "account", ""}, (address, links)


def test_actions_work_there(staff: Visitor) -> None:
    staff.post(reverse("backoffice:cognito_mfa_overviewsnapshot_count"))
    ada = CognitoIdentity.objects.get(username="ada")
    assert "Reset the authenticator app of ada." in reset_in_admin(staff, ada, site="backoffice")
    ada.refresh_from_db()
    assert ada.status == CognitoIdentity.Status.NOT_SET_UP


def test_what_the_site_registered_before_stays() -> None:
    site = AdminSite(name="own")
    site.register(CognitoIdentity, ModelAdmin)
    pages.register(site)
    assert type(site._registry[CognitoIdentity]) is ModelAdmin
    pages.register(site)  # twice is once


def test_a_theme_gives_its_base() -> None:
    site = themed()
    for model, page in pages.PAGES.items():
        assert isinstance(site._registry[model], ThemeAdmin)
        assert isinstance(site._registry[model], page)


def test_the_list_opens_where_only_people_are_registered(
    settings: Settings, pool: LocalPool, visitor: Visitor
) -> None:
    site = MFAAdminSite(name="backoffice")
    site.register(CognitoIdentity, pages.PAGES[CognitoIdentity])
    settings.ROOT_URLCONF = urls(site, default=False)
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    response = visitor.get(reverse("backoffice:cognito_mfa_cognitoidentity_changelist"))
    assert response.status_code == 200
    assert "Overview" not in visitor.text(response)
