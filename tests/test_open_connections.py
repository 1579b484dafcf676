"""A connection that a test leaves open is named, and closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection, connections

from tests.open_connections import end_other_sessions, none_left_open


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.open_connections.PATIENCE", 0.0)


def use_the_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return threading.current_thread().name


def close_the_connection() -> None:
    connections.close_all()


closable = pytest.mark.skipif(
    settings.DATABASES["default"]["NAME"] == ":memory:",
    reason="needs PostgreSQL: nothing closes an SQLite database in memory",
)


@closable
@pytest.mark.django_db(transaction=True)
def test_a_thread_that_keeps_its_connection_is_named() -> None:
    with ThreadPoolExecutor(1) as thread:
        with pytest.raises(AssertionError) as caught, none_left_open():
            name = thread.submit(use_the_database).result()
        assert repr(name) in str(caught.value)
        thread.submit(close_the_connection).result()


@closable
@pytest.mark.django_db(transaction=True)
def test_a_thread_that_closes_it_is_not() -> None:
    with ThreadPoolExecutor(1) as thread, none_left_open():
        thread.submit(use_the_database).result()
        thread.submit(close_the_connection).result()


@pytest.mark.django_db(transaction=True)
def test_the_one_of_the_test_itself_is_not() -> None:
    connection.close()
    with none_left_open():
        use_the_database()


@closable
@pytest.mark.django_db(transaction=True)
def test_another_session_is_ended_and_its_query_named(monkeypatch: pytest.MonkeyPatch) -> None:
    end_other_sessions()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT 'whose'")
        with pytest.raises(AssertionError, match="SELECT 'whose'"):
            end_other_sessions()
    other.close()
    monkeypatch.undo()  # PostgreSQL needs a moment to end it
    end_other_sessions()
