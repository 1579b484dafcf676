"""Change lists that stay fast with a million rows: no full count, no join for names, no query per row."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import formats
from cognito_mfa.authenticator.code_attempts import LOCKED
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import policy
from cognito_mfa.models import CognitoIdentity, MFAExemption, MFAReset, SoftwareToken
from cognito_mfa.values import typed
from cognito_mfa.values.untrusted import is_storable

CAP = 10_000
MOST_GROUPS = 100  # in a filter
MISSING = _("Required, not set up")

# Django's own pictures.
ICONS = {
    CognitoIdentity.Status.ENABLED: "yes",
    CognitoIdentity.Status.NOT_SET_UP: "no",
    CognitoIdentity.Status.UNKNOWN: "unknown",
    CognitoIdentity.Status.GONE: "alert",
}


def status_as_icon_and_word(status: str) -> SafeString:
    """Show both: color or a picture alone means nothing to many people."""
    return _icon_and_word(status, get_language())


def with_icon(name: str, text: Any) -> SafeString:
    """Return ``text`` behind one of the pictures of Django's admin.

    Args:
        name: such as "yes", "no", "alert".
        text: what the picture means.
    """
    url = static(f"admin/img/icon-{name}.svg")
    return format_html(
        '<span class="cognito-mfa-status"><img src="{}" alt=""> {}</span>', url, text
    )


@lru_cache(maxsize=256)  # a list shows few different ones, on each of its rows
def _icon_and_word(status: str, _language: str | None) -> SafeString:
    known = CognitoIdentity.Status(status)
    return with_icon(ICONS[known], known.label)


class CappedCount(int):
    """A count that was capped, so the real number may be larger."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class CappedPaginator(Paginator):
    """Counts no further than ``CAP``, and offers no page beyond: no one pages through a million."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        # Keys alone: what is added to a row for the eye would be worked out for each that is counted.
        keys = self.object_list.order_by().values("pk")
        found = keys[: CAP + 1].count()
        return CappedCount(CAP) if found > CAP else found

    def page(self, number: int | str) -> Page[Any]:
        page = super().page(number)
        features = connections[self.object_list.db].features
        if page.number > 1 and features.allow_sliced_subqueries_with_in:
            # PostgreSQL would work out and join everything for the rows of all the pages before.
            keys = page.object_list.values("pk")  # type: ignore[attr-defined]
            page.object_list = self.object_list.filter(pk__in=keys)
        return page


class FastListMixin(ModelAdmin):
    """For a ``ModelAdmin`` over many rows, a site's own as well: a count that stops at ``CAP``.

    What is searched decides as much: ``search_fields`` that an index answers, such as ``^username`` here
    and ``username__exact`` on Django's own users.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the change list for the filters in the URL.

        Raises:
            IncorrectLookupParameters: also for a text that no database takes, where Django lets the database
                fail; the list is then shown without filters.
        """
        given = [text for name, values in request.GET.lists() for text in (name, *values)]
        if not all(map(is_storable, given)):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for what was pasted, without the invisible marks that came along.

        Args:
            request: of the list, or of a field that completes what is typed.
            queryset: what is searched.
            search_term: as typed.
        """
        return super().get_search_results(request, queryset, typed.line(search_term))


class ReadOnly:
    """Lets no one add, change, or delete rows, because only the app itself writes them."""

    empty_value_display = formats.NONE

    def has_add_permission(self, _request: HttpRequest, *_obj: Any) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, _obj: Model | None = None) -> bool:
        return isinstance(self, ModelAdmin) and deletes_others(request)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """Return what makes the admin's menus show the model: never that it goes with a row of another's."""
        perms: dict[str, bool] = super().get_model_perms(request)  # type: ignore[misc]
        return {**perms, "delete": False}


def deletes_others(request: HttpRequest) -> bool:
    """Return whether the page deletes rows of another model, which also deletes related rows of ours.

    Django's admin deletes a user only for who may delete all that goes with it. The permission to delete
    the user is enough here. Otherwise no one could fulfill a request for erasure.
    """
    view = getattr(request.resolver_match, "func", None)
    acting = getattr(view, "model_admin", None)  # set by every ModelAdmin on its own views
    if acting is None or acting.opts.app_label == CognitoIdentity._meta.app_label:
        return False
    name = getattr(view, "__name__", "")
    return name == "delete_view" or (name == "changelist_view" and request.method == "POST")


class SecondFactorFilter(SimpleListFilter):
    """On a list of users: their MFA status, users who never signed in included."""

    title = _("MFA status")
    parameter_name = "second_factor"
    NEVER = "never"
    ANOTHER_POOL = "another_pool"
    MISSING = "missing"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        missing = [(self.MISSING, MISSING)] if policy.applicable_users() is not None else []
        return [
            *missing,
            *CognitoIdentity.Status.choices,
            (self.NEVER, _("Never signed in with Cognito")),
            (self.ANOTHER_POOL, _("Linked in another user pool")),
        ]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == self.NEVER:
            return queryset.filter(cognito_identity=None)
        pool = Q(cognito_identity__pool_id=get_conf().USER_POOL_ID)
        if value == self.ANOTHER_POOL:
            return queryset.filter(~pool, cognito_identity__isnull=False)
        if value == self.MISSING:
            return queryset.filter(pk__in=users_without_mfa().values("pk"))
        if value in CognitoIdentity.Status.values:
            # Not by a join: for one page, SQLite would collect and sort everyone who has a common status.
            own = CognitoIdentity.objects.in_pool().filter(user=OuterRef("pk"), status=value)
            return queryset.filter(Exists(own))
        return queryset


def users_without_mfa() -> QuerySet[Any]:
    """Return the users of the overview's "Without MFA".

    The policy requires MFA of them, and they have neither MFA nor an exemption.

    None where only a function of the site can tell of whom it requires it.
    """
    users = current_rows(get_user_model()).order_by()
    required = policy.applicable_users()
    if required is None:
        return users.none()
    own = CognitoIdentity.objects.in_pool().filter(user=OuterRef("pk"))
    exempt = MFAExemption.objects.valid().order_by().filter(user=OuterRef("pk"))
    has_mfa = Exists(own.filter(CognitoIdentity.with_factor()))
    return users.filter(policy.active_users(), required, ~has_mfa, ~Exists(exempt))


class MissingFilter(SimpleListFilter):
    """On a list of identities: users who must use MFA but have not set it up."""

    title = _("MFA required")
    parameter_name = "required"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        known = policy.applicable_users() is not None
        return [(SecondFactorFilter.MISSING, MISSING)] if known else []

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != SecondFactorFilter.MISSING:
            return queryset
        return queryset.filter(user__in=users_without_mfa().values("pk"))


class StaffFilter(SimpleListFilter):
    """On a list of identities: staff, and users who are not staff."""

    title = _("staff")
    parameter_name = "staff"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        staff = policy.staff_users()
        if self.value() not in ("yes", "no") or staff is None:
            return queryset
        users = current_rows(get_user_model()).filter(staff).order_by().values("pk")
        chosen = Q(user__in=users)
        return queryset.filter(chosen if self.value() == "yes" else ~chosen)


class GroupFilter(SimpleListFilter):
    """On a list of identities: users in a group."""

    title = _("group")
    parameter_name = "group"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        names = Group.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in names[:MOST_GROUPS]]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None or chosen not in {key for key, _name in self.lookup_choices}:
            return queryset
        members = current_rows(get_user_model()).filter(groups__pk=chosen).order_by()
        return queryset.filter(user__in=members.values("pk"))


def user_filters() -> list[type[SimpleListFilter]]:
    """Return the filters by staff status and group, if the user model has these fields."""
    found: list[type[SimpleListFilter]] = [MissingFilter]
    if policy.staff_users() is not None:
        found.append(StaffFilter)
    if policy.user_model_has_field("groups"):
        field: Any = get_user_model()._meta.get_field("groups")
        found += [GroupFilter] if field.related_model is Group else []
    return found


class PoolFilter(SimpleListFilter):
    """On a list of identities: those of the pool that the settings name, or of former ones."""

    title = _("user pool")
    parameter_name = "pool"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("this", _("This user pool")), ("former", _("Another user pool"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = queryset
        if self.value() in ("this", "former"):
            rows = rows.in_pool() if self.value() == "this" else rows.in_other_pools()
        found: QuerySet[Any] = rows
        return found


class ResetFilter(SimpleListFilter):
    """On a list of identities: those whose reset is not finished."""

    title = _("reset")
    parameter_name = "reset"
    UNFINISHED = "unfinished"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.UNFINISHED, _("Unfinished"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != self.UNFINISHED:
            return queryset
        return queryset.filter(pk__in=MFAReset.objects.unfinished().values("identity"))


class LockedFilter(SimpleListFilter):
    """On a list of failed attempts: users whose code entry is locked."""

    title = _("state")
    parameter_name = "state"
    LOCKED = "locked"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.LOCKED, _("Locked"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(LOCKED) if self.value() == self.LOCKED else queryset


def with_active_token(identities: QuerySet[CognitoIdentity]) -> QuerySet[CognitoIdentity]:
    """Add name and dates of the active authenticator, and whether a reset is stuck, in the same query."""
    return identities.annotate(**_columns())


@cache  # nothing in it is about one request, and Django copies what it is given
def _columns() -> dict[str, Any]:
    active = SoftwareToken.objects.active().filter(identity=OuterRef("pk"))
    unfinished = MFAReset.objects.unfinished().filter(identity=OuterRef("pk"))
    # Not a join: it would be made for every row that is only counted, or passed on the way to a page.
    return {
        "active_name": Subquery(active.values("friendly_name")[:1]),
        "active_since": Subquery(active.values("verified_at")[:1]),
        "reset_unfinished": Exists(unfinished),
    }
