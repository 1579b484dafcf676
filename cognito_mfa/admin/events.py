"""The admin of the event log, which is filtered, searched, and exported with the current filters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import event_details, formats
from cognito_mfa.admin.changelists import FastListMixin, ReadOnly
from cognito_mfa.admin.confirmation import page_context, refused, way_to_a_code
from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason
from cognito_mfa.models import MFAEvent
from cognito_mfa.reports import event_log


class ExportForm(forms.Form):
    """The format of the file."""

    format = forms.ChoiceField(
        label=_("Format"),
        choices=[
            ("csv", _("CSV (for spreadsheets)")),
            ("jsonl", _("JSON Lines (for scripts)")),
        ],
        initial="csv",
    )


class MFAEventAdmin(ReadOnly, FastListMixin):
    """The event log, newest first."""

    change_list_template = "admin/cognito_mfa/mfaevent/change_list.html"

    list_display = ("when", "username", "kind", "details", "shown_reason", "actor")
    list_filter = ("kind", "at")
    search_fields = ("^username",)
    search_help_text = _(
        "Searches the start of the username in the user pool, or the reference that a refused user quotes."
    )
    list_select_related = ("actor",)
    readonly_fields = ("at", "identity", "username", "kind", "details", "shown_reason", "actor")
    fields = readonly_fields

    @admin.display(description=_("when"), ordering="at")
    def when(self, event: MFAEvent) -> str:
        return formats.short_moment(event.at)

    @admin.display(description=_("details"))
    def details(self, event: MFAEvent) -> str:
        return event_details.shown(event)

    @admin.display(description=_("reason"))
    def shown_reason(self, event: MFAEvent) -> str:
        return event_details.shown_reason(event)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MFAEvent], search_term: str
    ) -> tuple[QuerySet[MFAEvent], bool]:
        """Find events by the start of the username, and refusals by their reference.

        Args:
            request: of the list.
            queryset: what is searched.
            search_term: as typed or pasted.
        """
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if reference := event_details.reference_in(search_term):
            found |= event_details.with_reference(queryset, reference)
        return found, duplicates

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the administrator may export the log; seeing it is another permission."""
        return permissions.has_permission(
            permissions.EXPORT, request.user
        ) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="cognito_mfa_mfaevent_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the format, then send what the list shows with these filters, all its pages."""
        if not self.has_export_permission(request):
            right = permissions.EXPORT
            return refused(
                request, ActionDenied(right, request.user, None, DenialReason.PERMISSION)
            )
        if (way := way_to_a_code(request, permissions.EXPORT)) is not None:
            return way
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:  # as the list itself answers it
            name = f"{self.admin_site.name}:cognito_mfa_mfaevent_changelist"
            return HttpResponseRedirect(f"{reverse(name)}?e=1")
        form = ExportForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._write_down(request, form.cleaned_data["format"])
            return _file(request, changelist.get_queryset(request), form.cleaned_data["format"])
        context = {
            **page_context(self, request, _("Export events")),
            "form": form,
            "count": changelist.result_count,
            "query": changelist.get_query_string(),
        }
        return TemplateResponse(request, "admin/cognito_mfa/mfaevent/export.html", context)

    def _write_down(self, request: HttpRequest, file_format: str) -> None:
        """Record who exported which events, as an event and in the admin's log."""
        what = f"{file_format} {request.GET.urlencode()}".strip()
        kind = MFAEvent.Kind.EVENTS_EXPORTED
        event = MFAEvent.objects.record(kind, None, actor=request.user, detail=what)
        self.log_change(request, event, f"Events exported: {what}")


def _file(
    request: HttpRequest, events: QuerySet[MFAEvent], file_format: str
) -> StreamingHttpResponse:
    write, content_type = event_log.FORMATS[file_format]
    pieces: Any = write(events)
    if isinstance(request, ASGIRequest):  # or Django would gather all pieces first
        pieces = _from_a_thread(pieces)
    name = f"mfa-events-{timezone.now():%Y-%m-%d-%H%M}.{file_format}"
    disposition = f'attachment; filename="{name}"'
    return StreamingHttpResponse(
        pieces, content_type=content_type, headers={"Content-Disposition": disposition}
    )


async def _from_a_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    take = sync_to_async(lambda: next(pieces, None))
    while (piece := await take()) is not None:
        yield piece
