"""The site's users in the admin: their MFA status, and no Django passwords, because Cognito has them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from cognito_mfa.admin import MFAUserAdminMixin


class NewUserForm(forms.ModelForm):
    """A new user, to be linked to a user pool user afterwards."""

    class Meta:
        model = User
        fields = ("username", "email")

    def save(self, commit: bool = True) -> Any:
        """Save the user without a usable password."""
        self.instance.set_unusable_password()
        return super().save(commit)


admin.site.unregister(User)


@admin.register(User)
class MFAUserAdmin(MFAUserAdminMixin, UserAdmin):
    """Django's own, with the column, the filter, and the actions of the app."""

    list_display = ("username", "is_staff")  # so few that a phone shows the status, too
    fieldsets = (
        (None, {"fields": ("username",)}),
        *(UserAdmin.fieldsets or ())[1:],
    )
    add_form = NewUserForm
    add_fieldsets = ((None, {"fields": ("username", "email")}),)
