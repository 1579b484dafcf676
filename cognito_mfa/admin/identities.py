"""The pages of identities: which users are linked, and the state of their MFA.

All fields are read-only. Actions change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin import TabularInline
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import event_details, formats
from cognito_mfa.admin.authenticator_actions import (
    CLEAR,
    RESET,
    UNLINK,
    AuthenticatorActionsMixin,
    may_have_app,
)
from cognito_mfa.admin.buttons import Button, ButtonsMixin
from cognito_mfa.admin.changelists import (
    FastListMixin,
    PoolFilter,
    ReadOnly,
    ResetFilter,
    status_as_icon_and_word,
    user_filters,
    with_active_token,
    with_icon,
)
from cognito_mfa.admin.confirmation import refused, way_to_a_code
from cognito_mfa.admin.link_page import LinkPageMixin, link_url
from cognito_mfa.admin.refusals import Text
from cognito_mfa.admin.resets import MFAResetInline
from cognito_mfa.admin.user_state import UserState
from cognito_mfa.authenticator import permissions, recovery, recovery_codes
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason, Right
from cognito_mfa.databases import own_transactions
from cognito_mfa.models import (
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    SoftwareToken,
)

Status = CognitoIdentity.Status


class SoftwareTokenInline(ReadOnly, TabularInline):
    """The authenticator apps that a user has and had."""

    model = SoftwareToken
    template = "admin/cognito_mfa/rows.html"
    fields = ("device", "verified_at", "last_used", "retired_at", "retired_because")
    readonly_fields = ("device", "last_used")
    verbose_name_plural = _("authenticator apps, current and past")
    extra = 0

    @admin.display(description=_("device name"))
    def device(self, token: SoftwareToken) -> str:
        return token.friendly_name or str(_("Unnamed device"))

    @admin.display(description=_("last used"))
    def last_used(self, token: SoftwareToken) -> str:
        return formats.moment(token.last_used_at)


class MFAEventInline(ReadOnly, TabularInline):
    """The latest events of a user."""

    model = MFAEvent
    template = "admin/cognito_mfa/rows.html"
    fields = ("at", "kind", "details", "shown_reason", "actor")
    readonly_fields = ("details", "shown_reason")
    verbose_name_plural = _("recent activity")
    extra = 0
    SHOWN = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[MFAEvent]:
        return super().get_queryset(request).select_related("actor")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        shown = self.SHOWN

        class Latest(formset):  # type: ignore[misc, valid-type]
            def get_queryset(self) -> Any:
                return super().get_queryset()[:shown]

        return Latest

    @admin.display(description=_("details"))
    def details(self, event: MFAEvent) -> str:
        return event_details.shown(event)

    @admin.display(description=_("reason"))
    def shown_reason(self, event: MFAEvent) -> str:
        return event_details.shown_reason(event)


class CognitoIdentityAdmin(
    ReadOnly, ButtonsMixin, AuthenticatorActionsMixin, LinkPageMixin, FastListMixin
):
    """Users and the state of their MFA, as Cognito last said."""

    list_display = (
        "person",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "last_checked",
    )
    search_fields = ("^username", "^email")
    search_help_text = _("Searches the start of the username or email address.")
    ordering = ("-pk",)
    actions = ("refresh_status", "reset_mfa", "clear_failures", "unlink")
    inlines = (SoftwareTokenInline, MFAResetInline, MFAEventInline)
    confirmed_actions = (RESET, CLEAR, UNLINK)
    change_list_template = "admin/cognito_mfa/cognitoidentity/change_list.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("shown_user", "obstacles"),
                    ("required", "exempt_until"),
                    ("status_with_date", "unfinished_reset"),
                    ("code_entry", "last_sign_in"),
                )
            },
        ),
        (
            _("Authenticator app"),
            {
                "fields": (
                    ("device", "method"),
                    ("set_up_on", "last_used_on"),
                    ("unconfirmed_change", "recovery_codes_left"),
                )
            },
        ),
        (
            _("User pool"),
            {
                "classes": ("collapse",),
                "fields": (
                    ("username", "pool_id"),
                    ("sub", "created_at"),
                    ("shown_email", "shown_previous_email"),
                    ("disabled_at", "generation"),
                ),
            },
        ),
    )
    readonly_fields = flatten_fieldsets(fieldsets)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CognitoIdentity]:
        return with_active_token(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        # Where the site offers none, "0 left" would read as if the user had used them up.
        return fieldsets if recovery.is_offered() else _without(fieldsets, "recovery_codes_left")

    def get_list_filter(self, request: HttpRequest) -> Any:
        own = ("status", ResetFilter, PoolFilter, "preferred_factor", "checked_at")
        return [own[0], *user_filters(), *own[1:]]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        identity = super().get_object(request, object_id, from_field)
        if identity is not None:
            identity.shown_state = UserState(request, identity)
        return identity

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_refresh"
        view = self.admin_site.admin_view(self.refresh_view)
        return [path("<path:object_id>/refresh/", view, name=name), *super().get_urls()]

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        return queryset

    # -------------------------------------------------------------------------- the page of one user

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one user, under a heading that says what is shown.

        Args:
            request: the administrator's.
            object_id: the identity's primary key.
            form_url: as in Django.
            extra_context: as in Django.
        """
        context = {"title": _("MFA status"), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @method_decorator(own_transactions)
    def refresh_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refresh one user from Cognito, and redirect back to their page; a GET only redirects.

        Args:
            request: of the actor.
            object_id: key of the identity.
        """
        identity = self.get_object(request, object_id)
        if identity is None:
            raise Http404
        if not permissions.has_permission(permissions.REFRESH, request.user):
            right = permissions.REFRESH
            return refused(
                request, ActionDenied(right, request.user, identity, DenialReason.PERMISSION)
            )
        if request.method == "POST":
            if (way := way_to_a_code(request, permissions.REFRESH)) is not None:
                return way
            self.refresh(request, [identity])
        return HttpResponseRedirect(self.url_of(identity))

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[Button]:
        """Return the buttons for actions that apply to this user and that this administrator may perform.

        Args:
            request: the administrator's.
            row: the identity.
        """
        identity: CognitoIdentity = row
        state: UserState = row.shown_state

        def may(right: Right) -> bool:
            return permissions.denial_reason(right, request.user, identity) is None

        if may(permissions.REFRESH):
            yield Button(self._url("refresh", identity), _("Refresh status"), is_post=True)
        if may(permissions.RESET) and may_have_app(identity):
            yield self._confirm(identity, RESET.name, _("Reset authenticator app…"))
        if may(permissions.CLEAR) and state.may_be_unlocked:
            yield self._confirm(identity, CLEAR.name, _("Unlock code entry…"))
        yield from self._exemption_buttons(request, identity)
        if may(permissions.LINK):
            move = f"{link_url(self.admin_site.name)}?{urlencode({'identity': identity.pk})}"
            yield Button(move, _("Link to another user…"))
            if state.unfinished_reset is None:
                yield self._confirm(identity, UNLINK.name, _("Unlink…"))

    def _exemption_buttons(
        self, request: HttpRequest, identity: CognitoIdentity
    ) -> Iterator[Button]:
        if not self.admin_site.is_registered(MFAExemption):
            return
        state: UserState = identity.shown_state  # type: ignore[attr-defined]
        name = f"{self.admin_site.name}:cognito_mfa_mfaexemption"
        may_revoke, may_grant = (
            permissions.denial_reason(right, request.user, row) is None
            for right, row in (
                (permissions.REVOKE, state.exemption),
                (permissions.GRANT, identity.user),
            )
        )
        if state.exemption is not None and may_revoke:
            url = reverse(f"{name}_confirm", args=[state.exemption.pk, "revoke"])
            yield Button(url, _("Revoke exemption…"))
        if may_grant and (state.is_required or state.exemption is not None):
            query = urlencode({"user": identity.user_id})
            label = _("Grant exemption") if state.exemption is None else _("Extend exemption")
            yield Button(f"{reverse(f'{name}_add')}?{query}", label)

    def _confirm(self, identity: CognitoIdentity, action: str, label: Text) -> Button:
        return Button(self._url("confirm", identity, action), label)

    def _url(self, name: str, identity: CognitoIdentity, *more: str) -> str:
        meta = self.opts
        full = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_{name}"
        return reverse(full, args=[identity.pk, *more])

    # --------------------------------------------------------------------------------------- values

    @admin.display(description=_("user"), ordering="username")
    def person(self, identity: CognitoIdentity) -> str:
        return str(identity)

    @admin.display(description=_("user"))
    def shown_user(self, identity: CognitoIdentity) -> SafeString | str:
        meta = type(identity.user)._meta
        name = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"
        try:
            url = reverse(name, args=[identity.user_id])
        except NoReverseMatch:  # the site's users need not be in its admin
            return str(identity.user)
        return format_html('<a href="{}">{}</a>', url, identity.user)

    @admin.display(description=_("sign-in problems"))
    def obstacles(self, identity: Any) -> SafeString | str:
        found = identity.shown_state.obstacles()
        lines = ((with_icon("alert", text),) for text in found)
        return format_html_join(SafeString("<br>"), "{}", lines) or str(_("None known"))

    @admin.display(description=_("MFA required"))
    def required(self, identity: Any) -> str:
        return str(identity.shown_state.requirement())

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, identity: Any) -> SafeString:
        status = status_as_icon_and_word(identity.status)
        if not identity.reset_unfinished:
            return status
        return format_html("{} · {}", status, _("reset unfinished"))

    @admin.display(description=_("status"))
    def status_with_date(self, identity: Any) -> SafeString:
        status = status_as_icon_and_word(identity.status)
        checked = formats.moment(identity.checked_at, none=_("Never"))
        return format_html("{} ({})", status, _("last checked: %(date)s") % {"date": checked})

    @admin.display(description=_("exempt until"))
    def exempt_until(self, identity: Any) -> str:
        return str(identity.shown_state.exempt_until())

    @admin.display(description=_("code entry"))
    def code_entry(self, identity: Any) -> str:
        return str(identity.shown_state.code_entry())

    @admin.display(description=_("last sign-in"))
    def last_sign_in(self, identity: Any) -> str:
        return str(identity.shown_state.last_sign_in())

    @admin.display(description=_("unfinished reset"))
    def unfinished_reset(self, identity: Any) -> str:
        return str(identity.shown_state.reset())

    @admin.display(description=_("device name"), empty_value="")
    def friendly_name(self, identity: Any) -> str | None:
        name: str | None = identity.active_name
        return name

    @admin.display(description=_("set up on"))
    def set_up_since(self, identity: Any) -> str:
        return formats.day(identity.active_since)

    @admin.display(description=_("last used"))
    def last_used(self, identity: Any) -> str:
        return formats.day(identity.app_used_at if identity.active_since else None)

    @admin.display(description=_("last checked"), ordering="checked_at")
    def last_checked(self, identity: CognitoIdentity) -> str:
        return formats.day(identity.checked_at, none=_("Never"))

    @admin.display(description=_("device name"))
    def device(self, identity: Any) -> str:
        if identity.active_name is None:
            return formats.NONE
        return identity.active_name or str(_("Unnamed device"))

    @admin.display(description=_("set up on"))
    def set_up_on(self, identity: Any) -> str:
        return formats.moment(identity.active_since)

    @admin.display(description=_("last used"))
    def last_used_on(self, identity: Any) -> str:
        if identity.active_since is None:
            return formats.NONE
        # The code of the setup is not counted, after which the user has signed in.
        return formats.moment(identity.app_used_at, none=_("Not since setup"))

    @admin.display(description=_("preferred MFA method"))
    def method(self, identity: CognitoIdentity) -> str:
        return identity.get_preferred_factor_display() or formats.NONE

    @admin.display(description=_("not confirmed"))
    def unconfirmed_change(self, identity: CognitoIdentity) -> str:
        return identity.get_unconfirmed_display() or formats.NONE

    @admin.display(description=_("recovery codes left"))
    def recovery_codes_left(self, identity: Any) -> int | str:
        if identity.active_since is None:
            return formats.NONE
        return recovery_codes.left(identity)

    @admin.display(description=_("verified email address"))
    def shown_email(self, identity: CognitoIdentity) -> str:
        return identity.email or formats.NONE

    @admin.display(description=_("previous email address"))
    def shown_previous_email(self, identity: CognitoIdentity) -> str:
        return identity.previous_email or formats.NONE


def _without(fieldsets: Any, name: str) -> list[Any]:
    """Return ``fieldsets`` without the field ``name``, which shares its line with another one."""

    def kept(line: str | Sequence[str]) -> str | Sequence[str]:
        return line if isinstance(line, str) else tuple(field for field in line if field != name)

    return [
        (title, {**options, "fields": [kept(line) for line in options["fields"]]})
        for title, options in fieldsets
    ]
