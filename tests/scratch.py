"""A Django project made by ``startproject`` in a directory of its own, for tests that follow the manual to the letter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The local Cognito stands for AWS. It is no step of the manual's.
LOCAL = """
COGNITO_MFA = {
    "USER_POOL_ID": "us-east-1_Example00",
    "CLIENT_ID": "exampleclient0000000000000",
    "ISSUER": "Example Ltd",
    "CLIENT_FACTORY": "cognito_mfa.local.make_client",
}
"""
VIEWS = '''"""The site's own pages."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse


def home(request):
    return HttpResponse("home")


@login_required
def private(request):
    return HttpResponse(f"private page of {request.user.get_username()}")
'''
URLS = """from django.contrib import admin
from django.urls import include, path

from mysite import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.home),
    path("private/", views.private),
]
"""
# Before each script: the site, with the tests' visitor, and a pool that a file keeps from one script to the next.
START = """
import django

django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
from django.test.utils import setup_test_environment

setup_test_environment()
"""
WITH_COGNITO = """
from cognito_mfa.local import LocalCognito
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

cognito = LocalCognito(state_file={state!r})
door = cognito.installed()
door.__enter__()
if not cognito.pools():
    pool = cognito.create_pool(POOL_ID, mfa="ON")
    pool.create_client(CLIENT_ID)
    for name in ("newcomer", "boss"):
        attributes = {{"email": f"{{name}}@example.com", "email_verified": "true"}}
        pool.create_user(name, password=PASSWORD, attributes=attributes)
pool = cognito.pool(POOL_ID)
visitor = Visitor(Client(), cognito)
"""


class ScratchSite:
    """A project in a directory, which is changed as people change theirs, and run by its ``manage.py``.

    Args:
        place: an empty directory.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._run("-m", "django", "startproject", "mysite", ".")
        self.settings, self.urls = place / "mysite" / "settings.py", place / "mysite" / "urls.py"
        (place / "mysite" / "views.py").write_text(VIEWS)
        self.urls.write_text(URLS)
        self.append("ALLOWED_HOSTS = ['*']")

    def append(self, lines: str) -> None:
        """Write ``lines`` at the end of the settings."""
        self.settings.write_text(f"{self.settings.read_text()}\n{lines}\n")

    def replace(self, file: Path, old: str, new: str, *, last: bool = False) -> None:
        """Replace the first ``old`` in a file, which must have it.

        Args:
            file: of the project.
            old: what is there.
            new: what is written instead.
            last: replace the last one.
        """
        text = file.read_text()
        assert old in text, f"{old!r} is not in {file.name}"
        before, _old, after = text.rpartition(old) if last else text.partition(old)
        file.write_text(f"{before}{new}{after}")

    def manage(self, *arguments: str, wanted: int | None = 0) -> str:
        """Run ``manage.py`` and return what it prints, errors included.

        Args:
            arguments: of the command line.
            wanted: its exit code; None for any.
        """
        return self._run("manage.py", *arguments, wanted=wanted)

    def run(self, script: str, *, with_cognito: bool = True) -> str:
        """Run lines of Python in the site, and return what they print.

        Args:
            script: the lines; an assertion in it fails the test.
            with_cognito: with ``cognito``, ``pool`` and ``visitor``, as in the other tests.
        """
        state = str(self.place / "pool.json")
        cognito = WITH_COGNITO.format(state=state) if with_cognito else ""
        return self._run("-c", START + cognito + script)

    def _run(self, *arguments: str, wanted: int | None = 0) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(self.place))),
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if not (self.place / "manage.py").exists():
            del environment["DJANGO_SETTINGS_MODULE"]
        ended = subprocess.run(  # noqa: S603
            [sys.executable, *arguments],
            cwd=self.place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = ended.stdout + ended.stderr
        assert wanted in (None, ended.returncode), said
        return said
