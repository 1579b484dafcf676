"""The field in which an administrator chooses one of the site's users, by name and not by primary key."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cognito_mfa.databases import atomic_for, current_rows
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in.site_code import INVALID_VALUE_ERRORS
from cognito_mfa.values import untrusted


class UserSelect(AutocompleteSelect):
    """Completes what is typed, and shows a user by name; a key that no user has is shown as none."""

    @property
    def media(self) -> forms.Media:
        """Return Django's own, and the script that names the field for screen readers."""
        return super().media + forms.Media(
            js=["admin/js/autocomplete.js", "cognito_mfa/user_choice.js"]
        )

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        # Django's is empty, which looks like a field without a purpose.
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        return {**attrs, "data-placeholder": _("Search for a user")}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        known = [key for key in value if find(key) is not None]
        return super().optgroups(name, known, attr)


def field(relation: Any, site: AdminSite, request: HttpRequest) -> forms.ModelChoiceField:
    """Return the field for the user: it completes names if this administrator may see users.

    Else it is for the username.

    Args:
        relation: the foreign key whose value is chosen.
        site: the admin site of the page.
        request: the administrator's.
    """
    users = current_rows(get_user_model())
    if _completes(site, request):
        widget = UserSelect(relation, site)
        chosen = forms.ModelChoiceField(queryset=users, label=_("User"), widget=widget)
        widget.choices = chosen.choices
        return chosen
    return forms.ModelChoiceField(
        queryset=users,
        label=_("Username"),
        to_field_name=get_user_model().USERNAME_FIELD,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        error_messages={"invalid_choice": _("There is no user with this username.")},
    )


def relation(model: Any, name: str) -> ForeignKey[Any, Any]:
    """Return a foreign key, whose type says what its form field may be.

    Args:
        model: one of ours.
        name: the key's.
    """
    found: ForeignKey[Any, Any] = model._meta.get_field(name)
    return found


def named(site: AdminSite, request: HttpRequest) -> Any:
    """Return the user that the address of a form names; None if this administrator may not see users.

    SECURITY: otherwise someone could list all users by counting up the key in the address.

    Args:
        site: the admin site of the page.
        request: the administrator's.
    """
    return find(request.GET.get("user", "")) if may_see_users(site, request) else None


def may_see_users(site: AdminSite, request: HttpRequest) -> bool:
    """Return whether the site's page of users, or ours, shows them to this administrator.

    Args:
        site: the admin site of the page.
        request: the administrator's.
    """
    pages = (site._registry.get(model) for model in (get_user_model(), CognitoIdentity))  # noqa: SLF001 - as Django's own widget
    return any(page is not None and page.has_view_permission(request) for page in pages)


def find(key: object) -> Any:
    """Return the user with this primary key, as an address or a form gives it; None without one."""
    text = str(key)
    if not text or not untrusted.is_storable(text):
        return None
    model = get_user_model()
    try:
        with atomic_for(model):
            return current_rows(model).filter(pk=text).first()
    except INVALID_VALUE_ERRORS:
        return None


def _completes(site: AdminSite, request: HttpRequest) -> bool:
    """Return whether the site's page of users answers what is typed."""
    page: Any = site._registry.get(get_user_model())  # noqa: SLF001 - as Django's own widget
    return bool(page and page.get_search_fields(request) and page.has_view_permission(request))
