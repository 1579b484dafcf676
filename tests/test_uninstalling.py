"""Uninstalling, as the manual has it: its commands and its code are run from the page itself."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from tests.scratch import LOCAL, ROOT, ScratchSite

PAGE = (ROOT / "docs" / "uninstalling.md").read_text()
OURS = "cognito_mfa.backends.CognitoBackend"
DJANGOS = "django.contrib.auth.backends.ModelBackend"


def step(number: int) -> str:
    """Return the text of a numbered step of the page."""
    return PAGE.split(f"\n## {number}. ", 1)[1].split("\n## ", 1)[0]


def code(number: int, language: str) -> list[str]:
    """Return the blocks of code in a step, without what indents them."""
    blocks = re.findall(rf"( *)```{language}\n(.*?)```", step(number), re.DOTALL)
    return [textwrap.dedent(block) for _indent, block in blocks]


def commands(number: int) -> list[list[str]]:
    """Return the arguments of each ``manage.py`` in a step."""
    lines = [line for block in code(number, "console") for line in block.splitlines()]
    start = "$ python manage.py "
    assert lines
    assert all(line.startswith(start) for line in lines)
    return [shlex.split(line.removeprefix(start)) for line in lines]


@pytest.fixture
def site(tmp_path: Path) -> ScratchSite:
    """A site as README has it, with people who have signed in, and a superuser who is linked."""
    site = ScratchSite(tmp_path)
    site.replace(site.settings, "'django.contrib.admin'", "'cognito_mfa.apps.MFAAdminConfig'")
    site.replace(
        site.settings,
        "    'django.contrib.auth',",
        "    'cognito_mfa',\n    'django.contrib.auth',",
    )
    authentication = "    'django.contrib.auth.middleware.AuthenticationMiddleware',\n"
    gate = "    'cognito_mfa.middleware.RequireMFAMiddleware',\n"
    site.replace(site.settings, authentication, authentication + gate)
    site.append(f"AUTHENTICATION_BACKENDS = ['{OURS}']")
    site.append("LOGIN_URL = 'cognito_mfa:sign_in'\nLOGIN_REDIRECT_URL = '/'")
    site.append(LOCAL)
    site.replace(site.urls, "]", '    path("account/", include("cognito_mfa.urls")),\n]', last=True)
    assert "no issues" in site.manage("check", "--fail-level", "WARNING")
    site.manage("migrate", "-v", "0")
    site.run(
        """
visitor.set_up()
assert visitor.is_in()
boss = get_user_model().objects.create_superuser("boss", password="for-the-admin-7")
from django.contrib.auth.models import Group, Permission
group = Group.objects.create(name="Helpdesk")
group.permissions.set(Permission.objects.filter(content_type__app_label="cognito_mfa"))
assert group.permissions.exists()
from django.core.management import call_command
call_command("cognito_mfa_link", "boss", "--username", "boss", "--reason", "first superuser", "--no-email")
"""
    )
    return site


def remove_from_site(site: ScratchSite) -> None:
    """Do what the table of step 3 says."""
    for setting in ("MIDDLEWARE", "AUTHENTICATION_BACKENDS", "INSTALLED_APPS", "LOGIN_URL"):
        assert f"`{setting}`" in step(3)
    site.replace(site.settings, "    'cognito_mfa.middleware.RequireMFAMiddleware',\n", "")
    site.replace(site.settings, OURS, DJANGOS)
    site.replace(site.settings, "cognito_mfa.apps.MFAAdminConfig", "django.contrib.admin")
    assert '`"admin:login"`' in step(3)
    site.replace(site.settings, "'cognito_mfa:sign_in'", "'admin:login'")
    silenced = re.search(r"`(\[\"cognito_mfa\.E006.*?\])`", step(3))
    assert silenced
    site.append(f"SILENCED_SYSTEM_CHECKS = {silenced[1]}")
    ours, djangos = 'path("account/", include("cognito_mfa.urls"))', "django.contrib.auth.urls"
    assert f'include("{djangos}")' in step(3)
    site.replace(site.urls, ours, f'path("accounts/", include("{djangos}"))')


def test_the_page_leaves_nothing_behind(site: ScratchSite) -> None:
    (passwords,), (links,) = code(1, "python"), code(2, "python")
    site.run(passwords, with_cognito=False)
    assert "us-east-1_Example00," in site.run(links, with_cognito=False)
    remove_from_site(site)
    for number in (4, 5):
        for command in commands(number):
            site.manage(*command)
    site.replace(site.settings, "    'cognito_mfa',\n", "")
    site.append("del COGNITO_MFA, SILENCED_SYSTEM_CHECKS")
    said = [site.manage(*command) for command in commands(6)]
    assert "no issues" in said[-1]
    assert "cognito_mfa" not in site.settings.read_text().replace(LOCAL, "").replace(
        "cognito_mfa.E0", ""
    )
    site.manage("makemigrations", "--check", "--dry-run")
    site.run(
        """
import sys
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

assert not apps.is_installed("cognito_mfa")
assert not any(name.startswith("cognito_mfa") for name in sys.modules)
assert not [name for name in connection.introspection.table_names() if "cognito" in name]
assert not ContentType.objects.filter(app_label="cognito_mfa").exists()
assert not Permission.objects.filter(content_type__app_label="cognito_mfa").exists()
assert not Group.objects.get().permissions.exists()
assert not MigrationRecorder.Migration.objects.filter(app="cognito_mfa").exists()
assert not Session.objects.exists()

# The superuser signs in with Django's password.
client = Client()
way = client.get("/private/", follow=True).redirect_chain[-1][0]
assert way == "/admin/login/?next=/private/", way
client.post(way, {"username": "boss", "password": "for-the-admin-7", "next": "/private/"})
assert client.get("/private/").status_code == 200
assert client.get("/admin/").status_code == 200

# A user whom a sign-in created gets a password by mail.
person = get_user_model().objects.get(username="newcomer")
assert person.email == "newcomer@example.com"
Client().post("/accounts/password_reset/", {"email": person.email})
assert [message.to for message in mail.outbox] == [[person.email]]

# Users can be deleted, in the admin too.
client.post(f"/admin/auth/user/{person.pk}/delete/", {"post": "yes"})
assert get_user_model().objects.get().username == "boss"
get_user_model().objects.all().delete()
""",
        with_cognito=False,
    )


def test_without_the_page_users_cannot_be_deleted(site: ScratchSite) -> None:
    """What the page is for: an app that is only taken out of the settings leaves its tables."""
    remove_from_site(site)
    site.replace(site.settings, "    'cognito_mfa',\n", "")
    said = site.run(
        """
from django.db import IntegrityError
try:
    get_user_model().objects.get(username="newcomer").delete()
except IntegrityError:
    print("refused")
""",
        with_cognito=False,
    )
    assert "refused" in said
    assert "IntegrityError" in PAGE
