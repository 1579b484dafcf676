"""Taking the event log along: what the file holds, who may, and what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.reports import event_log
from tests.factories import make
from tests.visitor import POOL_ID, Visitor, prove

LIST = "admin:cognito_mfa_mfaevent_changelist"
EXPORT = "admin:cognito_mfa_mfaevent_export"
Kind = MFAEvent.Kind


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up("root")
    return visitor


def export(admin: Visitor, file_format: str, **query: str) -> Any:
    return admin.client.post(reverse(EXPORT, query=query), {"format": file_format})


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_csv_holds_what_the_list_shows(pool: LocalPool, admin: Visitor) -> None:
    ada = make(pool, "ada")
    root = User.objects.get(username="root")
    MFAEvent.objects.record(Kind.FAILURES_CLEARED, ada, actor=root, reason="Ä, 7", detail="100")
    MFAEvent.objects.record(Kind.CODE_REJECTED, make(pool, "bea"))
    page = admin.text(admin.get(reverse(LIST), query_params={"q": "ada"}))
    assert f'href="{reverse(EXPORT)}?q=ada"' in page
    asked = admin.text(admin.get(reverse(EXPORT), query_params={"q": "ada"}))
    assert "The file contains the 1 event that matches the current filters." in asked
    assert f'action="{reverse(EXPORT)}?q=ada"' in asked

    response = export(admin, "csv", q="ada")

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="mfa-events-')
    body = response.getvalue()
    assert body.startswith(b"\xef\xbb\xbfid,at,username,kind,detail,reason,actor\r\n")
    event = MFAEvent.objects.get(kind="FAILURES_CLEARED")
    assert read_csv(body) == [
        {
            "id": str(event.pk),
            "at": event.at.astimezone(dt.UTC).isoformat(),
            "username": "ada",
            "kind": "FAILURES_CLEARED",
            "detail": "100",
            "reason": "Ä, 7",
            "actor": "root",
        }
    ]


def test_json_lines_hold_the_same(pool: LocalPool, admin: Visitor) -> None:
    event = MFAEvent.objects.record(Kind.CODE_REJECTED, make(pool, "ada"))
    MFAEvent.objects.filter(pk=event.pk).update(
        detail="line\nbreak =1+1"
    )  # as before it was checked
    response = export(admin, "jsonl", kind__exact="CODE_REJECTED")
    assert response.headers["Content-Type"] == "application/jsonl"
    (line,) = response.getvalue().decode().splitlines()
    row = json.loads(line)
    assert (row["username"], row["detail"], row["actor"]) == ("ada", "line\nbreak =1+1", "")
    assert dt.datetime.fromisoformat(row["at"]) == MFAEvent.objects.get(pk=row["id"]).at


def test_no_cell_is_a_formula(pool: LocalPool, admin: Visitor) -> None:
    """Users choose friendly names and usernames, so these may begin like a formula."""
    evil = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "x;=1", "＝1")  # noqa: RUF001
    ada = make(pool, "ada")
    for text in evil:
        MFAEvent.objects.record(Kind.RENAMED, ada, detail=text, reason=text)
    rows = read_csv(export(admin, "csv", kind__exact="RENAMED").getvalue())
    assert len(rows) == len(evil)
    for row in rows:
        for cell in (row["detail"], row["reason"]):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "＝"))  # noqa: RUF001
            assert ";=" not in cell


def test_that_it_was_exported_is_written_down(pool: LocalPool, admin: Visitor) -> None:
    export(admin, "csv", kind__exact="SIGNED_IN", q="ro")
    event = MFAEvent.objects.get(kind="EVENTS_EXPORTED")
    assert event.actor == User.objects.get(username="root")
    assert event.detail == "csv kind__exact=SIGNED_IN&q=ro"
    assert "kind__exact=SIGNED_IN" in LogEntry.objects.latest("pk").change_message


def test_it_is_a_right_of_its_own(pool: LocalPool, admin: Visitor) -> None:
    """Seeing the log is one thing, exporting it another."""
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    for codes in (["view_mfaevent"], ["export_events"]):
        root.user_permissions.set(Permission.objects.filter(codename__in=codes))
        assert export(admin, "csv").status_code == 403
        assert admin.get(reverse(EXPORT)).status_code == 403
    root.user_permissions.set(Permission.objects.filter(codename="view_mfaevent"))
    assert reverse(EXPORT) not in admin.text(admin.get(reverse(LIST)))
    assert not MFAEvent.objects.filter(kind="EVENTS_EXPORTED").exists()

    root.user_permissions.add(Permission.objects.get(codename="export_events"))
    assert reverse(EXPORT) in admin.text(admin.get(reverse(LIST)))
    assert export(admin, "csv").status_code == 200


def test_who_exports_must_have_answered_a_code_recently(pool: LocalPool, admin: Visitor) -> None:
    session = admin.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - 301}
    session.save()
    assert export(admin, "csv").url.startswith(reverse("cognito_mfa:sign_in") + "?again=1")


def test_no_get_and_no_foreign_form_exports(pool: LocalPool, admin: Visitor) -> None:
    response = admin.get(reverse(EXPORT), query_params={"format": "csv"})
    assert "Content-Disposition" not in response.headers
    careful = type(admin.client)(enforce_csrf_checks=True)
    careful.cookies = admin.client.cookies
    assert careful.post(reverse(EXPORT), {"format": "csv"}).status_code == 403
    assert not MFAEvent.objects.filter(kind="EVENTS_EXPORTED").exists()


def test_a_filter_that_makes_no_sense_leads_back_to_the_list(
    pool: LocalPool, admin: Visitor
) -> None:
    response = export(admin, "csv", nonsense="1")
    assert response.url == reverse(LIST) + "?e=1"
    assert not MFAEvent.objects.filter(kind="EVENTS_EXPORTED").exists()


def test_another_format_is_refused(pool: LocalPool, admin: Visitor) -> None:
    assert "Select a valid choice" in admin.text(export(admin, "exe"))


def test_memory_and_queries_grow_with_no_more_than_a_piece(
    pool: LocalPool,
    admin: Visitor,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_log, "CHUNK", 10)
    ada = make(pool, "ada")
    for _ in range(35):
        MFAEvent.objects.record(Kind.RENAMED, ada)
    events = MFAEvent.objects.filter(kind="RENAMED")
    with django_assert_num_queries(5):  # 10, 10, 10, 5 and the end
        pieces = list(event_log.as_json_lines(events))
    assert [piece.count(b"\n") for piece in pieces] == [10, 10, 10, 5]
    keys = [json.loads(line)["id"] for line in b"".join(pieces).splitlines()]
    assert keys == sorted(events.values_list("pk", flat=True), reverse=True)


def test_an_empty_log_is_an_empty_file(db: None) -> None:
    assert list(event_log.as_json_lines(MFAEvent.objects.all())) == []
    assert read_csv(b"".join(event_log.as_csv(MFAEvent.objects.all()))) == []


def test_under_asgi_it_is_sent_piece_by_piece(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "CHUNK", 2)
    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    identity = CognitoIdentity.objects.create(user=root, pool_id=POOL_ID, sub="r", username="root")
    for number in range(5):
        MFAEvent.objects.record(Kind.RENAMED, None, username=f"p{number}")
    client = AsyncClient()
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    prove(client, identity)

    async def pieces() -> list[bytes]:
        url = reverse(EXPORT, query={"kind__exact": "RENAMED"})
        response: Any = await client.post(url, {"format": "jsonl"})
        assert response.is_async
        return [piece async for piece in response.streaming_content]

    assert [piece.count(b"\n") for piece in async_to_sync(pieces)()] == [2, 2, 1]
