"""**Refresh status from Cognito** on a selection of any size: few users within the request, many by the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from cognito_mfa.authenticator import background_refresh
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.celery.conftest import StartWorker
from tests.celery.processes import Redis, given, until
from tests.factories import make, reading
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:cognito_mfa_cognitoidentity_changelist"
Crowd = Callable[[int], list[CognitoIdentity]]


def refresh_all(admin: Visitor, *, url: str = LIST) -> str:
    """Select all users of the list, on all its pages, and refresh them."""
    page = CognitoIdentity.objects.order_by("-pk").first()
    data: dict[str, Any] = {
        "action": "refresh_status",
        "select_across": "1",
        "_selected_action": [page.pk if page else 0],
    }
    return admin.text(admin.client.post(reverse(url), data, follow=True))


def test_a_worker_refreshes_a_large_selection(
    admin: Visitor, crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    crowd(120)
    admin.cognito.forget_calls()
    page = refresh_all(admin)
    assert "The status of 121 users will be refreshed in the background." in page
    assert admin.cognito.operations() == []
    first, second = map(given, broker.queued())
    assert len(first["identities"]) + len(second["identities"]) == 121
    assert set(first) == {"identities", "actor", "asked_at"}

    start_worker()

    unknown = CognitoIdentity.objects.filter(checked_at=None)
    until(lambda: not unknown.exists(), "all users are refreshed")
    assert CognitoIdentity.objects.filter(status="ENABLED").count() == 61
    assert CognitoIdentity.objects.filter(status="NOT_SET_UP").count() == 60
    event = MFAEvent.objects.filter(kind="STATUS_CHANGED").latest("pk")
    assert event.actor is not None
    assert event.actor.username == "root"


def test_few_users_are_refreshed_at_once(admin: Visitor, crowd: Crowd, broker: Redis) -> None:
    crowd(4)
    assert "Refreshed the status of 5 users" in refresh_all(admin)
    assert broker.queued() == []


def test_without_a_broker_as_many_as_before_are_refreshed_at_once(
    admin: Visitor, crowd: Crowd, no_broker: None
) -> None:
    crowd(12)
    assert "Refreshed the status of 13 users" in refresh_all(admin)


def test_without_a_broker_more_are_not_refreshed_and_the_page_says_so(
    admin: Visitor, crowd: Crowd, no_broker: None
) -> None:
    crowd(101)
    admin.cognito.forget_calls()
    assert "The task queue isn’t available, so nothing was refreshed." in refresh_all(admin)
    assert admin.cognito.operations() == []


def test_a_broker_that_fails_midway_leaves_a_true_number(
    admin: Visitor, crowd: Crowd, broker: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(119)
    real = background_refresh._chunks

    def then_fail(rows: Any) -> Any:
        for chunk in real(rows):
            yield chunk
            broker.kill()

    monkeypatch.setattr(background_refresh, "_chunks", then_fail)
    page = refresh_all(admin)
    assert "The status of 100 users will be refreshed in the background." in page
    assert "The task queue stopped accepting users" in page


class TestTheTask:
    """``cognito_mfa.tasks.refresh``, as it runs in a worker."""

    @pytest.fixture(autouse=True)
    def _broker(self, broker: Redis) -> None:
        """Its rate is kept in Redis."""

    @staticmethod
    def run(identities: list[CognitoIdentity], actor: User, **more: Any) -> None:
        from cognito_mfa.tasks import refresh

        asked = {"asked_at": timezone.now().isoformat(), **more}
        refresh(identities=[row.pk for row in identities], actor=actor.pk, **asked)

    def test_a_message_that_arrives_twice_asks_once(self, admin: Visitor, crowd: Crowd) -> None:
        rows, root = crowd(3), User.objects.get(username="root")
        asked_at = timezone.now().isoformat()
        self.run(rows, root, asked_at=asked_at)
        admin.cognito.forget_calls()
        self.run(rows, root, asked_at=asked_at)
        assert admin.cognito.operations() == []

    def test_whom_the_administrator_may_not_refresh_is_skipped_and_recorded(
        self, admin: Visitor, pool: LocalPool, crowd: Crowd
    ) -> None:
        helper = make(pool, "helper", is_staff=True).user
        helper.user_permissions.add(Permission.objects.get(codename="refresh_status"))
        rows = [CognitoIdentity.objects.get(username="root"), *crowd(1)]
        before = rows[0].checked_at
        self.run(rows, helper)
        assert CognitoIdentity.objects.get(username="root").checked_at == before
        assert CognitoIdentity.objects.get(username="user0000").status == "ENABLED"
        assert MFAEvent.objects.filter(kind="PERMISSION_DENIED", actor=helper).count() == 1

    def test_rows_and_administrators_that_are_gone_and_late_messages_do_nothing(
        self, admin: Visitor, crowd: Crowd, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        rows, root = crowd(2), User.objects.get(username="root")
        CognitoIdentity.objects.filter(pk=rows[0].pk).delete()
        self.run(rows, root)
        assert f"refresh_finished: by {root.pk}, count 2" in caplog.text
        assert CognitoIdentity.objects.get(pk=rows[1].pk).checked_at is not None
        admin.cognito.forget_calls()
        self.run(rows, root, asked_at="2026-01-01T00:00:00+00:00")
        assert f"refresh_interrupted: by {root.pk}, count 2, reason expired" in caplog.text
        User.objects.filter(pk=root.pk).update(is_active=False)
        self.run(rows, root)
        assert f"refresh_interrupted: by {root.pk}, count 2, reason not_active" in caplog.text
        assert admin.cognito.operations() == []

    def test_a_cognito_that_does_not_answer_is_asked_again_later(
        self, admin: Visitor, crowd: Crowd
    ) -> None:
        from celery.exceptions import Retry

        from cognito_mfa.tasks import refresh

        rows, root = crowd(2), User.objects.get(username="root")
        arguments = {
            "identities": [row.pk for row in rows],
            "actor": root.pk,
            "asked_at": timezone.now().isoformat(),
        }
        admin.cognito.faults.on(reading(), faults.Error("InternalErrorException"), times=9)
        with pytest.raises(Retry):
            refresh.apply(kwargs=arguments, throw=True)
