"""Following every hint of ``check`` on a new project ends with a site where people can sign in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scratch import LOCAL, ScratchSite

PROBLEM = re.compile(r"\(cognito_mfa\.([EW]\d{3})\) (.*?)\n\tHINT: (.*)")


@pytest.fixture
def site(tmp_path: Path) -> ScratchSite:
    """A site of ``startproject`` with Django's own pages for accounts, and ours in INSTALLED_APPS."""
    site = ScratchSite(tmp_path)
    site.append('INSTALLED_APPS.append("cognito_mfa")' + LOCAL)
    pages = '    path("accounts/", include("django.contrib.auth.urls")),\n]'
    site.replace(site.urls, "]", pages, last=True)
    return site


def literal(hint: str, pattern: str) -> str:
    found = re.search(pattern, hint)
    assert found, hint
    return found[1]


def add_middleware(site: ScratchSite, hint: str) -> None:
    wanted, after = re.findall(r"'([\w.]+)'", hint)[:2]
    assert "in MIDDLEWARE" in hint or "to MIDDLEWARE" in hint
    site.replace(site.settings, f"'{after}',", f"'{after}',\n    '{wanted}',")


def add_backend(site: ScratchSite, hint: str) -> None:
    backend = literal(hint, r"Add '([\w.]+)' to AUTHENTICATION_BACKENDS")
    site.append(f"AUTHENTICATION_BACKENDS = ['{backend}']")


def add_urls(site: ScratchSite, hint: str) -> None:
    pattern = literal(hint, r"Add (path.*\)) to the site's urls.py")
    site.replace(site.urls, "]", f"    {pattern},\n]", last=True)


def set_value(site: ScratchSite, hint: str) -> None:
    site.append(literal(hint, r"Set (\w+ = '[\w:]+')"))


def set_login_redirect(site: ScratchSite, hint: str) -> None:
    address = literal(hint, r"such as ('/')")
    site.append(f"LOGIN_REDIRECT_URL = {address}")


def put_redirect(site: ScratchSite, hint: str) -> None:
    redirect = literal(hint, r"put (path\(.*\)) before it")
    site.replace(site.urls, "urlpatterns = [", f"urlpatterns = [\n    {redirect},")
    imported = "from django.views.generic import RedirectView\n"
    site.replace(site.urls, "from django.urls", f"{imported}from django.urls")


def replace_admin(site: ScratchSite, hint: str) -> None:
    old, new = re.findall(r"'([\w.]+)'", hint)[:2]
    site.replace(site.settings, f"'{old}'", f"'{new}'")


FOLLOW: dict[str, Callable[[ScratchSite, str], None]] = {
    "E006": add_middleware,
    "E008": add_backend,
    "E010": add_urls,
    "W006": set_value,
    "E033": set_value,
    "W045": put_redirect,
    "W047": set_login_redirect,
    "W008": replace_admin,
}


def check(site: ScratchSite) -> str:
    said = site.manage("check", wanted=None)
    assert "System check identified" in said, said
    return said


def follow_all(site: ScratchSite) -> list[str]:
    """Follow all hints, round after round, until ``check`` has nothing more to say; return the ids."""
    followed: list[str] = []
    while problems := PROBLEM.findall(check(site)):
        assert len(followed) < 20, problems
        for number, _message, hint in problems:
            FOLLOW[number](site, hint)
            followed.append(number)
    return followed


def test_every_hint_leads_to_a_site_where_people_can_sign_in(site: ScratchSite) -> None:
    followed = follow_all(site)
    assert {"E006", "E008", "E010", "E033", "W045", "W047", "W008"} == set(followed)
    assert len(followed) == len(set(followed))
    assert "no issues" in site.manage("check", "--fail-level", "WARNING")
    site.manage("migrate", "-v", "0")
    site.run(
        """
way = Client().get("/private/", follow=True)
assert way.redirect_chain[-1][0] == "/account/sign-in/?next=/private/", way.redirect_chain
assert 'type="password"' in way.text

visitor.sign_in(next_url="/private/")
visitor.scan()
assert visitor.confirm_setup().status_code == 302
assert visitor.is_in()
assert visitor.get("/accounts/login/?next=/private/").url == "/account/sign-in/?next=/private/"

boss = get_user_model().objects.create_superuser("boss")
from django.core.management import call_command
call_command("cognito_mfa_link", "boss", "--username", "boss", "--reason", "first superuser", "--no-email")
visitor = Visitor(Client(), cognito)
way = visitor.get("/admin/", follow=True).redirect_chain
assert way[-1][0].startswith("/account/sign-in/"), way
visitor.sign_in("boss", next_url="/admin/")
visitor.scan()
visitor.confirm_setup()
assert visitor.get("/admin/").status_code == 200
"""
    )
