"""Observe mode: no one is blocked, and each request that would have been is logged and counted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cognito_mfa.enforcement import rollout
from cognito_mfa.models import BlockedRequest
from tests.enforcement.people import exempted, linked, proven_one, signed_in
from tests.enforcement.servers import CALLERS, SERVERS, Ask, Send
from tests.enforcement.site import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
servers = pytest.mark.parametrize("send", SERVERS.values(), ids=SERVERS)


@pytest.fixture(autouse=True)
def _observing(conf: Callable[..., None]) -> None:
    conf(ENFORCEMENT="observe")


@servers
def test_every_stop_that_did_not_happen_is_counted_once(
    send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    user = linked()
    browser = signed_in(user)
    paths = ["/gated/function/?token=secret", "/gated/async-class/", "/admin/"]
    with caplog.at_level("INFO", logger="cognito_mfa.events"):
        answers = send(browser, [Ask(path) for path in paths])

    assert answers[0].body == SECRET.encode()
    assert BlockedRequest.objects.get().requests == 3
    logged = [record.getMessage() for record in caplog.records]
    assert f"would_block: user {user.pk}, view gated-function" in logged
    assert "secret" not in caplog.text


@servers
@pytest.mark.parametrize("person", [proven_one, exempted])
def test_requests_that_pass_write_nothing(send: Send, person: Callable[[], Any]) -> None:
    browser = person()
    asks = [Ask("/gated/function/"), Ask("/exempt/function/"), Ask("/gated/async-function/")]
    with CaptureQueriesContext(connection) as queries:
        send(browser, asks)
    assert not BlockedRequest.objects.exists()
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_exempt_views_are_no_stops() -> None:
    signed_in(linked()).get("/exempt/function/")
    assert not BlockedRequest.objects.exists()


def test_marks_hold_all_the_same() -> None:
    answer = signed_in(linked()).get("/required/function/", headers=CALLERS["json"])
    assert answer.status_code == 403


def test_the_summary_tells_how_many_since_when() -> None:
    assert rollout.summary() == (0, 0, 0, None, None)
    for name in ("one", "two"):
        signed_in(linked(name)).get("/gated/function/")
    earlier = timezone.now() - timedelta(days=30)
    BlockedRequest.objects.filter(user__username="one").update(
        first_at=earlier, last_at=earlier, requests=5
    )

    summary = rollout.summary()

    assert (summary.people, summary.recent, summary.requests) == (2, 1, 6)
    assert summary.since == earlier
    assert summary.latest is not None
    assert summary.latest > earlier


def test_a_user_who_is_gone_in_the_meantime_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    user = get_user_model()(pk=4711)
    request = HttpRequest()
    request.resolver_match = None
    rollout.record_would_block(request, user)
    rollout.record_would_block(request, user)  # the same request: once is enough
    BlockedRequest.objects.filter(
        user_id=4711
    ).delete()  # SQLite looks at the end of the transaction
    assert caplog.text.count("could not be counted") <= 1


@pytest.mark.postgresql
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer at a time"
)
@pytest.mark.django_db(transaction=True)
def test_many_first_stops_at_once_lose_none() -> None:
    user = linked()
    ready = threading.Barrier(8)

    def stop() -> None:
        request = HttpRequest()
        request.resolver_match = None
        ready.wait(timeout=30)
        rollout.record_would_block(request, user)
        connections.close_all()

    threads = [threading.Thread(target=stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert BlockedRequest.objects.get().requests == 8
