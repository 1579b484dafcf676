"""The identity's state comes with the user, and is never older than what the request itself changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import UserManager
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from cognito_mfa.backends import CognitoBackend
from cognito_mfa.enforcement.identity_state import IdentityState, astate_of, state_of
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.enforcement.people import linked

pytestmark = pytest.mark.django_db


def loaded(user: Any) -> Any:
    return CognitoBackend().get_user(user.pk)


def test_it_says_what_the_row_says(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = linked()
    row = user.cognito_identity
    row.refresh_from_db()
    with django_assert_num_queries(1):
        state = state_of(loaded(user))
    assert state == IdentityState(*(getattr(row, name) for name in IdentityState.__slots__))


def test_a_user_without_an_identity_costs_no_query_either(
    django_user_model: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = django_user_model.objects.create_user("nobody")
    with django_assert_num_queries(1):
        assert state_of(loaded(user)) is None


def test_what_this_request_changed_is_seen_at_once() -> None:
    """A proof of the generation before would open the gate to the very view that ended it."""
    user = loaded(linked())
    before = state_of(user)
    user.cognito_identity.invalidate_proofs(MFAEvent.Kind.MFA_RESET)
    after = state_of(user)
    assert before
    assert after
    assert after.generation == before.generation + 1


def test_the_next_request_sees_a_change_of_another_process() -> None:
    user = linked()
    assert state_of(loaded(user))
    CognitoIdentity.objects.filter(user=user).update(generation=7)
    state = state_of(loaded(user))
    assert state
    assert state.generation == 7


def test_a_user_of_another_backend_costs_one_query_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user = get_user_model().objects.get(pk=linked().pk)
    with django_assert_num_queries(1):
        assert state_of(user) == state_of(user) == user.cognito_identity


async def no_queries(user: Any) -> Any:
    return await astate_of(user)


def test_the_async_version_needs_no_thread_for_what_is_loaded() -> None:
    from asgiref.sync import async_to_sync

    user = loaded(linked())
    assert async_to_sync(no_queries)(user) == state_of(user)


class OneTenant(UserManager[Any]):
    """Knows whose request it is, as managers of multi-tenant sites do."""

    hides_everybody = False

    def get_queryset(self) -> QuerySet[Any]:
        users = super().get_queryset()
        return users.none() if type(self).hides_everybody else users


def test_a_manager_that_filters_by_request_is_asked_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A user of another tenant must stay hidden, however often ours were loaded before."""
    user = linked()
    manager = OneTenant()
    manager.model = get_user_model()
    monkeypatch.setattr(get_user_model()._meta, "default_manager", manager)
    assert state_of(loaded(user))
    monkeypatch.setattr(OneTenant, "hides_everybody", True)
    assert loaded(user) is None
