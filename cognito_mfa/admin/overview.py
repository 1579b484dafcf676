"""The overview: how many users have set up MFA, what went wrong, and which exemptions expire next.

Numbers come from the last snapshot and say how old they are. Names come from short, indexed queries. A page view
counts nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from cognito_mfa.admin import formats
from cognito_mfa.admin.changelists import LockedFilter, ReadOnly, ResetFilter
from cognito_mfa.admin.confirmation import page_context, refused
from cognito_mfa.admin.refusals import Text
from cognito_mfa.authenticator import exemptions, permissions
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import rollout
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, OverviewSnapshot
from cognito_mfa.reports.overview import RECENT, STALE_AFTER, Numbers, Share, count, latest, read

SHOWN = 10  # rows of a table; the others are folded
RECENT_WEEKS = 8  # of the setups; the earlier ones are folded
NEW = dt.timedelta(minutes=1)
Status = CognitoIdentity.Status


class Section(NamedTuple):
    """A part of the page: a heading and a table.

    A function of the figures and the admin site's name makes each.

    Attributes:
        title: heading.
        headings: of the columns; the first column heads its row.
        rows: of the table.
        notes: what must be known to read them.
        is_current: whether it is live, not of the last snapshot.
        folded: rows of the same table that are seldom needed.
        unfold: what opens them.
    """

    title: Text
    headings: Sequence[Text]
    rows: Sequence[Sequence[object]]
    notes: Sequence[Text] = ()
    is_current: bool = False
    folded: Sequence[Sequence[object]] = ()
    unfold: Text = ""


def coverage(numbers: Numbers, _site: str) -> Section:
    """Show who is required to use MFA, and who has set it up."""
    groups = [(_("Group: %(name)s") % {"name": group.name}, group) for group in numbers.groups]
    shares: list[tuple[Text, Share | None]] = [
        (_("Required to use MFA"), numbers.required),
        (_("All active users"), numbers.all_users),
        (_("Staff"), numbers.staff),
        *groups[:SHOWN],
    ]
    notes = [_("Users who have set up MFA count as set up, even if they’re exempt.")]
    if numbers.required is None:
        notes.append(
            _(
                "Users required to use MFA can’t be counted, because a function on this site "
                "decides for each request."
            )
        )
    return Section(
        _("MFA coverage"),
        (_("Users"), _("Coverage"), _("Set up"), _("Exempt"), _("Without MFA"), _("Total")),
        [_share_row(title, share) for title, share in shares if share is not None],
        notes=notes,
        folded=[_share_row(title, share) for title, share in groups[SHOWN:]],
        unfold=_("More groups"),
    )


def would_be_blocked(numbers: Numbers, _site: str) -> Section | None:
    """Show the users who would have been blocked, if the site is or was in observe mode."""
    if get_conf().ENFORCEMENT != "observe" and not numbers.would_block:
        return None
    days = rollout.RECENT.days
    recently = ngettext(
        "Users who would have been blocked in the last %(count)d day",
        "Users who would have been blocked in the last %(count)d days",
        days,
    )
    rows = [
        (_("Users who would have been blocked"), numbers.would_block),
        (recently % {"count": days}, numbers.would_block_recently),
        (_("Their requests"), numbers.would_block_requests),
    ]
    notes = [_("In observe mode, no one is blocked. The site only counts the users who would be.")]
    return Section(_("Observe mode"), (_("Metric"), _("Total")), _counted(rows), notes=notes)


def statuses(numbers: Numbers, site: str) -> Section:
    """Show what Cognito said, and how much of that is old.

    Args:
        numbers: of the site.
        site: the admin site that has the lists, by its name in the URLconf.
    """
    url = _url(site, CognitoIdentity)
    rows: list[tuple[Text, int]] = [
        (_link(f"{url}?status__exact={status.value}", status.label), numbers.statuses[status])
        for status in Status
    ]
    rows += [
        (_("Never signed in with this user pool"), numbers.unlinked),
        (_("Stale status"), numbers.stale),
    ]
    days = STALE_AFTER.days
    stale = ngettext(
        "Stale: last read from Cognito more than %(count)d day ago, or never.",
        "Stale: last read from Cognito more than %(count)d days ago, or never.",
        days,
    )
    return Section(
        _("Status in Cognito"),
        (_("Status"), _("Users")),
        _counted(rows),
        notes=[stale % {"count": days}] if numbers.stale else [],
    )


def setups(numbers: Numbers, _site: str) -> Section:
    """Show setups by week since the first one, each number beside its bar."""
    most = max((week.set_up for week in numbers.weeks), default=0)
    rows = [
        (date_format(week.monday, "DATE_FORMAT"), _n(week.set_up), _bar(week.set_up, most))
        for week in reversed(numbers.weeks_with_setups)
    ]
    headings = (_("Week of"), _("Set up"), "")
    return Section(
        _("Setups per week"),
        headings,
        rows[:RECENT_WEEKS],
        folded=rows[RECENT_WEEKS:],
        unfold=_("Earlier weeks"),
    )


def failures(numbers: Numbers, site: str) -> Section:
    """Show recent failures, each number leading to its list.

    Args:
        numbers: of the site.
        site: the admin site that has the lists, by its name in the URLconf.
    """
    events = _url(site, MFAEvent)
    counters = f"{site}:cognito_mfa_codefailures_changelist"
    resets = f"{_url(site, CognitoIdentity)}?{ResetFilter.parameter_name}={ResetFilter.UNFINISHED}"
    locked = f"{reverse(counters)}?{LockedFilter.parameter_name}={LockedFilter.LOCKED}"
    days = RECENT.days
    wrong = ngettext(
        "Wrong codes in the last %(count)d day", "Wrong codes in the last %(count)d days", days
    )
    locks = ngettext(
        "Locked after too many wrong codes in the last %(count)d day",
        "Locked after too many wrong codes in the last %(count)d days",
        days,
    )
    rows = [
        (
            _link(f"{events}?kind__exact=CODE_REJECTED", wrong % {"count": days}),
            numbers.wrong_codes,
        ),
        (
            _link(f"{events}?kind__exact=CODE_ENTRY_LOCKED", locks % {"count": days}),
            numbers.locks,
        ),
        (_link(locked, _("Locked users")), numbers.locked),
        (_link(resets, _("Unfinished resets")), numbers.unfinished_resets),
    ]
    return Section(_("Failures"), (_("Metric"), _("Total")), _counted(rows))


def next_to_expire() -> Section:
    """Show whose exemption ends next."""
    rows = [
        (row.user, formats.moment(row.expires_at), row.reason, row.granted_by or formats.NONE)
        for row in exemptions.by_expiry()[:SHOWN]
    ]
    headings = (_("User"), _("Expires"), _("Reason"), _("Granted by"))
    return Section(_("Next exemptions to expire"), headings, rows, is_current=True)


def half_done() -> Section:
    """Show the oldest resets that Cognito has not confirmed."""
    waiting = MFAReset.objects.unfinished().select_related("identity", "actor")
    rows = [
        (
            row.identity,
            formats.moment(row.requested_at),
            row.trouble or _("Interrupted"),
            row.actor or formats.NONE,
        )
        for row in waiting.order_by("requested_at", "pk")[:SHOWN]
    ]
    headings = (_("User"), _("Requested"), _("Last error"), _("Requested by"))
    return Section(_("Unfinished resets"), headings, rows, is_current=True)


# The page from top to bottom. Another section is one more function. Those that show figures wait for the first
# snapshot.
FROM_SNAPSHOT = tuple[Callable[[Numbers, str], Section | None], ...]
ABOVE: FROM_SNAPSHOT = (coverage, would_be_blocked, failures)
CURRENT: tuple[Callable[[], Section], ...] = (half_done, next_to_expire)
BELOW: FROM_SNAPSHOT = (statuses, setups)


class OverviewAdmin(ReadOnly, admin.ModelAdmin):
    """The overview is where the list of snapshots would be, so that the admin's own menus lead to it."""

    def has_view_permission(self, request: HttpRequest, _obj: Model | None = None) -> bool:
        return permissions.has_permission(permissions.COUNT, request.user)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        name = "cognito_mfa_overviewsnapshot"
        return [
            path("", site.admin_view(self.overview), name=f"{name}_changelist"),
            path("count/", site.admin_view(require_POST(self.count_again)), name=f"{name}_count"),
        ]

    def overview(self, request: HttpRequest) -> HttpResponseBase:
        """Show the last snapshot, or say that there is none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        last, site = latest(), self.admin_site.name
        numbers = read(last) if last else None
        above, below = (
            [section(numbers, site) for section in sections] if numbers else []
            for sections in (ABOVE, BELOW)
        )
        context = {
            **page_context(self, request, gettext_lazy("MFA overview")),
            "taken_at": last and last.taken_at,
            "is_new": last is not None and timezone.now() - last.taken_at < NEW,
            "sections": filter(None, [*above, *(section() for section in CURRENT), *below]),
        }
        return TemplateResponse(request, "admin/cognito_mfa/overview.html", context)

    def count_again(self, request: HttpRequest) -> HttpResponse:
        """Update the figures, which reads whole tables."""
        try:
            permissions.require(permissions.COUNT, request.user)
        except permissions.ActionDenied as denied:
            return refused(request, denied)
        count()
        self.message_user(request, _("Overview updated."), messages.SUCCESS)
        return HttpResponseRedirect(_url(self.admin_site.name, OverviewSnapshot))


def _share_row(title: Text, share: Share) -> Sequence[object]:
    numbers = (share.enabled, share.exempt, share.missing, share.people)
    return (title, _coverage_bar(share), *map(_n, numbers))


def _counted(rows: Sequence[tuple[Text, int]]) -> list[Sequence[object]]:
    """Return the rows that count something: a table of zeros says no more than "None"."""
    return [(title, _n(number)) for title, number in rows if number]


def _coverage_bar(share: Share) -> SafeString | str:
    """Return the percentage with a bar, which screen readers skip."""
    if share.percent is None:
        return formats.NONE
    return format_html("{} {}", _bar(share.enabled, share.people), formats.percent(share.percent))


def _n(number: int) -> str:
    return str(number_format(number, force_grouping=True))


def _url(site: str, model: type[Any]) -> str:
    return reverse(f"{site}:cognito_mfa_{model._meta.model_name}_changelist")


def _link(url: str, text: Text) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def _bar(value: int, most: int) -> SafeString:
    """Return a bar for ``value``; screen readers read the number that stands beside it."""
    bar = '<meter class="cognito-mfa-bar" min="0" max="{}" value="{}" aria-hidden="true"></meter>'
    return format_html(bar, max(most, 1), value)
