"""Buttons on the page of one row, for the actions that apply to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse

from cognito_mfa.admin.refusals import Text


class Button(NamedTuple):
    """What the page of one row offers.

    Attributes:
        url: where it leads.
        label: what it does.
        is_post: whether it acts at once, by a form of its own.
        fields: what that form sends.
    """

    url: str
    label: Text
    is_post: bool = False
    fields: Mapping[str, object] = {}


class ButtonsMixin(ModelAdmin):
    """Shows the buttons of a row above it."""

    change_form_template = "admin/cognito_mfa/change_form.html"

    def buttons(self, request: HttpRequest, row: Any) -> Iterable[Button]:
        """Return the buttons on the page of ``row``.

        Those that apply to it, and that this administrator may do.

        Args:
            request: the administrator's.
            row: as ``get_object`` returned it.
        """
        return ()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one row, and what this administrator can do about it.

        Args:
            request: the administrator's.
            object_id: the primary key.
            form_url: as in Django.
            extra_context: as in Django.
        """
        row = self.get_object(request, object_id)
        context = {
            "buttons": [] if row is None else list(self.buttons(request, row)),
            **(extra_context or {}),
        }
        shown: HttpResponse = super().change_view(request, object_id, form_url, context)
        return shown
