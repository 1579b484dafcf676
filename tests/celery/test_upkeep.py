"""Tasks for Celery's beat that cron would run as commands."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from cognito_mfa.authenticator import reset
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent, MFAReset, OverviewSnapshot
from tests.factories import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _app(celery_app: Any, no_broker: None) -> None:
    """None of them needs a broker."""


def test_interrupted_resets_are_finished(pool: LocalPool, cognito: LocalCognito) -> None:
    from cognito_mfa.tasks import finish_resets

    row = reset.request(make(pool, "ada"), actor=None, reason="Ticket 7")
    finish_resets()
    row.refresh_from_db()
    assert row.finished_at is not None


def test_failures_in_a_row_end_it(pool: LocalPool, cognito: LocalCognito) -> None:
    from cognito_mfa.tasks import finish_resets

    for name in ("ada", "bob", "cyd", "dan"):
        reset.request(make(pool, name), actor=None, reason="Ticket 7")
    cognito.faults.on("AdminDeleteSoftwareToken", faults.Error("NotAuthorizedException"), times=99)
    finish_resets()
    assert MFAReset.objects.unfinished().exclude(trouble="").count() == 3


def test_old_events_are_purged(pool: LocalPool) -> None:
    from cognito_mfa.tasks import purge

    identity = make(pool, "ada")
    MFAEvent.objects.record(MFAEvent.Kind.SIGNED_IN, identity)
    MFAEvent.objects.update(at=timezone.now() - dt.timedelta(days=9))
    purge(older_than=10)
    assert MFAEvent.objects.filter(kind="SIGNED_IN").exists()
    purge(older_than=8)
    assert not MFAEvent.objects.filter(kind="SIGNED_IN").exists()
    with pytest.raises(ValueError, match="at least 1 day"):
        purge(older_than=0)


def test_the_overview_is_counted(pool: LocalPool) -> None:
    from cognito_mfa.tasks import count_overview

    count_overview()
    assert OverviewSnapshot.objects.count() == 1
