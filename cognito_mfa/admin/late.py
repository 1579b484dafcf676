"""Admin pages that are imported when the first of them is asked for.

Django's admin imports every app's pages in every process, also in those that never show one. Ours are
many, so the admin is given a stand-in for each: it knows the addresses, and makes the true
``ModelAdmin`` as soon as anything else is wanted of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

Routes = Sequence[tuple[str, str]]

# Of any ModelAdmin, in its own order: the address, and the end of its name.
USUAL: Routes = (
    ("", "changelist"),
    ("add/", "add"),
    ("<path:object_id>/history/", "history"),
    ("<path:object_id>/delete/", "delete"),
    ("<path:object_id>/change/", "change"),
    ("<path:object_id>/", ""),
)
CONFIRM = ("<path:object_id>/confirm/<slug:action>/", "confirm")
# A confirmed deed must not be undone because the next one fails: these make their own transactions.
OWN_TRANSACTIONS = frozenset({"changelist", "confirm"})


def register(
    model: type[Model], dotted_path: str, routes: Routes, *, own_transactions: bool = False
) -> None:
    """Let the ``ModelAdmin`` at ``dotted_path`` show ``model``.

    Args:
        routes: its addresses, as its ``get_urls()`` has them; a test compares the two.
        own_transactions: whether its views in ``OWN_TRANSACTIONS`` stay out of ATOMIC_REQUESTS.
    """
    apart = OWN_TRANSACTIONS if own_transactions else frozenset[str]()

    def stand_in(model: type[Model], site: admin.AdminSite) -> LateAdmin:
        return LateAdmin(dotted_path, (routes, apart), model, site)

    admin.site.register(model, stand_in)  # type: ignore[arg-type]


class LateAdmin(SimpleLazyObject):
    """Stands in the registry for a ``ModelAdmin`` whose module is not imported yet."""

    def __init__(
        self,
        dotted_path: str,
        addresses: tuple[Routes, frozenset[str]],
        model: type[Model],
        site: admin.AdminSite,
    ) -> None:
        super().__init__(lambda: import_string(dotted_path)(model, site))
        # Not self.late: any attribute set on a lazy object is set on what it stands for.
        prefix = f"{model._meta.app_label}_{model._meta.model_name}"
        self.__dict__["_late"] = (*addresses, prefix)

    @property
    def urls(self) -> list[URLPattern]:
        """Return patterns as those of the true one, whose views are found when they are called."""
        routes, apart, prefix = self.__dict__["_late"]
        return [
            path(
                route,
                _late_view(self, number, apart=name in apart),
                name=f"{prefix}_{name}" if name else None,
            )
            for number, (route, name) in enumerate(routes)
        ]


def _late_view(late: Any, number: int, *, apart: bool) -> Callable[..., HttpResponseBase]:
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer: HttpResponseBase = late.get_urls()[number].callback(request, *args, **kwargs)
        return answer

    return transaction.non_atomic_requests(view) if apart else view
