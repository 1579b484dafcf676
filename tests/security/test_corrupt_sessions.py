"""What is under a session key of ours and not of our making is nothing: no server error, no way in, and no way out.

A store that lost half of a value, another version of this app behind the same balancer, or a site's own code may have
written it.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.enforcement import impersonation, proof
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.sign_in.encryption import encrypt
from cognito_mfa.values.clocks import seconds_since
from tests.visitor import Visitor

ROOT = Path(cognito_mfa.__file__).parent
WRITTEN = re.compile(r'KEY\w*\s*=\s*f"{(?:proof\.)?PREFIX}(\w+)"|KEPT = f"{proof\.PREFIX}(\w+)"')
KEYS = sorted(
    {
        name
        for path in ROOT.rglob("*.py")
        for found in WRITTEN.findall(path.read_text(encoding="utf-8"))
        for name in found
        if name
    }
)
# One with each database and Django; the values and pages of the others are a sweep.
EACH_KEY = [KEYS[0], *(pytest.param(name, marks=pytest.mark.sweep) for name in KEYS[1:])]
NOW = time.time()
ODD: list[Any] = [
    1,
    1e308,
    True,
    "x",
    [1],
    ["a", "b"],
    [10**30],
    [{}],
    [None] * 9,
    {"owner": 1},
    {"owner": [], "at": "x"},
    {"user": 1, "why": 5},
]
SEALED: list[Any] = [
    {},
    {"at": "x"},
    {"at": None, "username": 5},
    {"step": "START", "expires_at": "x"},
    {"user": "1", "access_token": 5, "of another version": 1},
    {"codes": 5, "set": None, "identity": 1, "at": NOW},
    {"at": NOW, "user": None, "of another version": 1},
]
VALUES = [*ODD, *(encrypt(payload) for payload in SEALED)]
PAGES = ["sign-in/", "challenge/", "setup/", "setup/done/", "device/", "recovery-codes/", "link/"]


def put(browser: Client, name: str, value: Any) -> None:
    session = browser.session
    session[f"{proof.PREFIX}{name}"] = value
    session.save()
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)


def test_every_key_is_tried() -> None:
    """Those of ten modules, found by the way they are written."""
    assert {"proof", "pending", "answers", "wrong_codes", "impersonator", "token"} <= set(KEYS)
    assert len(KEYS) == 14


@pytest.mark.parametrize("name", EACH_KEY)
def test_a_whole_sign_in_goes_its_way(name: str, pool: LocalPool, visitor: Visitor) -> None:
    """Red without the looks at what is read in ``wrong_code_alerts``, ``post_redirects`` and ``seconds_since``."""
    visitor.set_up()
    for value in VALUES:
        person = visitor.another_browser()
        person.secret = visitor.secret
        put(person.client, name, value)
        assert person.sign_in(password="Wrong-Horse-7").answered < 500
        put(person.client, name, value)
        person.sign_in()
        if name != "pending":  # without which there is no sign-in
            put(person.client, name, value)
        assert person.enter_code(person.wrong_code()).answered < 500
        person.enter_code()
        assert person.is_in(), value
        visitor.wait(30)


@pytest.mark.parametrize("who", ["visitor", "unproven", "proven"])
@pytest.mark.parametrize("name", EACH_KEY)
def test_no_page_fails_and_none_opens(
    name: str, who: str, pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    visitor.set_up()
    browser = visitor.client if who == "proven" else Client()
    if who == "unproven":
        user = get_user_model().objects.create_user("mallory")
        browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    for value in VALUES:
        put(browser, name, value)
        for page in PAGES:
            assert browser.get(f"/account/{page}").status_code < 500, (page, value)
        if who != "proven":
            assert browser.get("/private/").status_code == 302


@pytest.mark.parametrize(
    "value", [None, "x", [], {}, pytest.param(10**400, id="more than a float holds")]
)
def test_a_time_that_is_no_number_is_none(value: Any) -> None:
    assert seconds_since(value) is None


@pytest.mark.parametrize("kept", [None, 1, "x", {}, {"a": 1}, [None] * 9])
def test_records_that_are_none_are_no_impersonators(kept: Any) -> None:
    assert impersonation._kept_for(kept, get_user_model()(pk=1)) == impersonation.Records()
