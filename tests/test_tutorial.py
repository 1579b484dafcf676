"""README's steps and the tutorial, followed to the letter in a fresh project."""

from __future__ import annotations

import ast
import os
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from tests.local.processes import finished, started
from tests.scratch import ROOT, ScratchSite

README = (ROOT / "README.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
POOL = {
    "COGNITO_USER_POOL_ID": "us-east-1_Example00",
    "COGNITO_CLIENT_ID": "exampleclient0000000000000",
}
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
# No step of the reader's: the answers to what createsuperuser asks, and AWS.
ANSWERS = {
    "DJANGO_SUPERUSER_PASSWORD": "never asked for",
    "DJANGO_SUPERUSER_EMAIL": "admin@example.com",
}


def python(text: str) -> list[str]:
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in blocks]


def commands(text: str) -> list[list[str]]:
    """Return the arguments of each ``manage.py`` in ``text``."""
    return [
        shlex.split(line) for line in re.findall(r"^python manage\.py (.+)$", text, re.MULTILINE)
    ]


def change_settings(site: ScratchSite, blocks: list[str]) -> None:
    """Write what the blocks of code say, and put the lists where they say it."""
    lists = {}
    for block in blocks:
        rest = block
        for found in re.finditer(
            r"^(INSTALLED_APPS|MIDDLEWARE) = \[.*?^\]\n", block, re.MULTILINE | re.DOTALL
        ):
            lists[found[1]] = ast.literal_eval(found[0].partition(" = ")[2])
            rest = rest.replace(found[0], "")
        site.append(rest)
    (before, ours) = lists["MIDDLEWARE"]
    assert before == AUTHENTICATION
    site.append(f"MIDDLEWARE.insert(MIDDLEWARE.index({before!r}) + 1, {ours!r})")
    site.append("INSTALLED_APPS.remove('django.contrib.admin')")
    site.append(f"INSTALLED_APPS = [*{lists['INSTALLED_APPS']!r}, *INSTALLED_APPS]")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScratchSite:
    for name, value in {**POOL, **ANSWERS}.items():
        monkeypatch.setenv(name, value)
    return ScratchSite(tmp_path)


def test_the_steps_of_the_readme_lead_into_the_admin(site: ScratchSite) -> None:
    steps = README.split("\n## Install it\n", 1)[1].split("\n### What the pool needs\n", 1)[0]
    (settings, urls) = python(steps)
    change_settings(site, [settings])
    site.append("COGNITO_MFA['CLIENT_FACTORY'] = 'cognito_mfa.local.make_client'")
    (line,) = re.findall(r"^    path\(.*\),$", urls, re.MULTILINE)
    site.replace(site.urls, "]", f"{line}\n]", last=True)

    migrate, check, _doctor, create, link = commands(steps)
    site.manage(*migrate)
    assert "no issues" in site.manage(*check, "--fail-level", "WARNING")
    site.manage(*create, "--noinput")
    site.run(
        f"""
from django.core.management import call_command
pool.create_user("admin", password=PASSWORD)
call_command(*{link!r})
visitor.sign_in("admin")
visitor.scan()
visitor.confirm_setup(friendly_name="Phone")
page = visitor.get("/admin/")
assert page.status_code == 200, page.status_code
assert "Site administration" in page.content.decode()
"""
    )


@pytest.fixture
def local_cognito(tmp_path: Path) -> Iterator[str]:
    """Start it as the tutorial does, but for the port."""
    (line,) = re.findall(r"^python -m cognito_mfa\.local (.+)$", TUTORIAL, re.MULTILINE)
    arguments = shlex.split(line)
    arguments[arguments.index("pool.json")] = str(tmp_path / "pool.json")
    process, url = started(*arguments)
    yield url
    process.terminate()
    assert finished(process) == 0


def test_the_tutorial_leads_into_the_admin(
    local_cognito: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name, value in ANSWERS.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    site = ScratchSite(project)
    text = TUTORIAL.replace("http://127.0.0.1:9229", local_cognito)
    *settings, urls, create_user = python(text)
    if django.VERSION >= (6, 1):  # which refuses EMAIL_BACKEND beside its own MAILERS
        settings = [block for block in settings if "EMAIL_BACKEND" not in block]
    change_settings(site, settings)
    site.urls.write_text(urls)
    (project / "create_user.py").write_text(create_user)

    migrate, check, create, link, _runserver = commands(text)
    site.manage(*migrate)
    assert "no issues" in site.manage(*check, "--fail-level", "WARNING")
    site.run((project / "create_user.py").read_text(), with_cognito=False)
    site.manage(*create, "--noinput")
    for name, value in re.findall(r"(AWS_\w+)=(\w+)", text):
        monkeypatch.setenv(name, value)
    assert "Linked admin (a superuser) to ada" in site.manage(*link)
    signed_in = site.run(
        """
import re
import pyotp

client = Client()
way = client.get("/admin/", follow=True).redirect_chain[-1][0]
client.post(way, {"username": "ada", "password": "Correct-Horse-7"})
page = client.get("/account/setup/").content.decode()
uri = re.search(r'otpauth://[^"]+', page)[0].replace("&amp;", "&")
client.post("/account/setup/", {"code": pyotp.parse_uri(uri).now(), "friendly_name": "Phone"})
print(client.get("/admin/").content.decode())
""",
        with_cognito=False,
    )
    assert "Site administration" in signed_in
    assert "admin" in signed_in
