"""The checks and the gate map with the real Wagtail, django-unfold, django-ninja and simplejwt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

PACKAGES = ("wagtail", "unfold", "ninja", "rest_framework_simplejwt")
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in PACKAGES),
    reason="other packages are not installed: run `tox run -e py313-dj61-pg`",
)
PROBLEM = re.compile(r"\(cognito_mfa\.([EW]\d{3})\) (.*)")


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.checks.packages.settings"}
    command = [sys.executable, "-m", "django", *arguments]
    return subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )


def test_the_checks_find_each_door() -> None:
    problems = PROBLEM.findall(manage("check").stderr)
    told = {f"{number} {message}" for number, message in problems}
    for number, part in (
        ("E033", "LOGIN_URL is 'wagtailadmin_login'"),
        ("W045", "'/cms/login/'"),
        ("W045", "'/jwt/'"),
        ("W008", "'ungated' does not enforce MFA, and its own login form rejects every password"),
        ("W008", "'admin' does not enforce MFA"),
        ("W009", "without MFA at /api/only/ (JWTAuthentication)."),
        ("W048", "without MFA at /ninja/token (Bearer), /ninja/async-token (Bearer)."),
    ):
        assert any(one.startswith(number) and part in one for one in told), (number, part, told)
    assert not any("'gated'" in one for one in told)
    assert len([one for one in told if one.startswith("W008")]) == 2


def test_the_map_claims_no_more_than_is_so() -> None:
    printed = manage("cognito_mfa_urls", "--format", "json")
    entries = {entry["route"]: entry for entry in json.loads(printed.stdout)}
    dead = "asks for a password, and no backend accepts one"
    passes = "sessions only; not guarded against tokens: "
    own = "sessions only; guarded against tokens by its own code, if at all: "
    for route, state, why in (
        ("ninja/token", "partly", f"{passes}Bearer"),
        ("ninja/async-token", "partly", f"{passes}Bearer"),
        ("ninja/session", "gated", ""),
        ("ninja/required", "gated", ""),
        ("ninja/function", "partly", f"{own}<lambda>"),
        ("api/only/", "partly", f"{passes}JWTAuthentication"),
        ("api/guarded/", "gated", "guarded by IsMFAVerified"),
        ("jwt/", "gated", dead),
        ("cms/login/", "gated", dead),
        ("cms/logout/", "exempt", "wagtail's own"),
        ("ungated/login/", "gated", dead),
        ("gated/login/", "exempt", "mfa_exempt"),
        ("gated/", "gated", ""),
    ):
        assert (entries[route]["state"], entries[route]["why"]) == (state, why), route
    assert entries["ninja/token"]["view"] == "tests.checks.packages.urls.with_token"
    assert "partly" in {entry["state"] for entry in entries.values()}
