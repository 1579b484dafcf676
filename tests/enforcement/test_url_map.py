"""The gate map: what it says about each view is what the gate does, and a new exempt view is found."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import path
from pytest_django import Settings

from cognito_mfa.enforcement import url_map
from tests.enforcement import site as views
from tests.enforcement.people import unproven
from tests.enforcement.servers import CALLERS, Ask, over_wsgi
from tests.enforcement.whole_site import WholeSite, addresses

LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"


def run(*arguments: Any, **options: Any) -> str:
    out = StringIO()
    call_command("cognito_mfa_urls", *arguments, stdout=out, **options)
    return out.getvalue()


class More:
    """The site with one more exempt view."""

    urlpatterns = [*views.urlpatterns, path("new/<int:x>/", views.open_view, name="new")]


class Less:
    urlpatterns = [
        entry for entry in views.urlpatterns if "exempt/class/" not in str(entry.pattern)
    ]


@pytest.mark.usefixtures("site")
def test_each_view_has_its_line() -> None:
    text = run()
    lines = text.splitlines()
    assert "exempt  /exempt/function/  tests.enforcement.site.secret  (mfa_exempt)" in lines
    assert "gated   /gated/class/  tests.enforcement.site.Secret" in lines
    assert "gated   /gated/partial/  tests.enforcement.site.secret" in lines
    assert (
        "exempt  /exempt/partial-of-exempt/  tests.enforcement.site.secret  (mfa_exempt)" in lines
    )
    assert (
        "gated   /required/exempt-outside/  tests.enforcement.site.secret  (asks for itself)"
        in lines
    )
    assert "exempt  /account/sign-in/  cognito_mfa.views.sign_in.SignInView  (mfa_exempt)" in lines
    assert lines[-1].split(", ")[0].endswith(" exempt")


@pytest.mark.usefixtures("site")
def test_json_has_all_of_it() -> None:
    entries = json.loads(run("--format", "json"))
    assert len(entries) == len(run().splitlines()) - 1
    ours = next(entry for entry in entries if entry["name"] == "cognito_mfa:setup")
    assert ours == {
        "state": "exempt",
        "route": "account/setup/",
        "name": "cognito_mfa:setup",
        "view": "cognito_mfa.views.setup.SetupView",
        "why": "mfa_exempt",
    }
    only = json.loads(run("--format", "json", "--only", "exempt"))
    assert only == [entry for entry in entries if entry["state"] == "exempt"]


@pytest.mark.django_db
def test_the_map_says_what_the_gate_does(settings: Settings) -> None:
    settings.ROOT_URLCONF = WholeSite
    states = {entry.route: entry.state for entry in url_map.entries()}
    routes = [route for route in states if "logout" not in route and "leave" not in route]
    asks = [Ask("/" + addresses()[route], headers=CALLERS["json"]) for route in routes]
    for route, answer in zip(routes, over_wsgi(unproven(), asks), strict=True):
        stopped = answer["Content-Type"] == "application/problem+json"
        assert stopped == (states[route] == "gated"), route


@pytest.mark.django_db
def test_public_is_what_no_one_must_sign_in_for(settings: Settings) -> None:
    settings.ROOT_URLCONF = Public
    (entry,) = url_map.entries()
    assert (entry.state, entry.why) == ("gated", "")

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN]
    (entry,) = url_map.entries()
    assert entry.state == "public"
    client = Client()
    assert client.get("/open/").status_code == 200
    settings.MIDDLEWARE = []
    assert {entry.state for entry in url_map.entries()} == {"public"}


class Public:
    urlpatterns = [path("open/", login_not_required(views.Secret.as_view()))]


@pytest.mark.usefixtures("site")
def test_a_new_exempt_view_fails_the_check(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "exempt.txt"
    assert "exempt view" in run("--write", str(file))
    assert "all listed in" in run("--check", str(file))

    settings.ROOT_URLCONF = More
    with pytest.raises(CommandError) as failed:
        run("--check", str(file))
    assert "/new/<int:x>/ tests.enforcement.site.open_view  (mfa_exempt)" in str(failed.value)
    assert "sign-in" not in str(failed.value)
    assert failed.value.returncode == 1

    settings.ROOT_URLCONF = Less
    assert "No longer exempt: /exempt/class/ tests.enforcement.site.Open" in run(
        "--check", str(file)
    )


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        run("--check", str(tmp_path / "nothing.txt"))


@pytest.mark.usefixtures("site")
def test_what_the_command_prints_cannot_move_the_cursor(settings: Settings) -> None:
    settings.ROOT_URLCONF = Hostile
    assert "\x1b" not in run()


class Hostile:
    urlpatterns = [path("a\x1b[2J/", views.secret)]
