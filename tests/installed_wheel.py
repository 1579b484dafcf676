"""Use the installed wheel as a site does, away from the checkout: `python -I tests/installed_wheel.py`.

The tests import the package from the checkout, so they cannot tell what a release lacks.
"""

from __future__ import annotations

import sys
from importlib import metadata, util
from pathlib import Path

import django
from django.conf import settings
from django.urls import URLPattern, URLResolver

CHECKOUT = Path(__file__).resolve().parent.parent
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
urlpatterns: list[URLPattern | URLResolver] = []  # ours are importable only when the apps are


def main() -> None:
    make_a_site()
    nothing_is_missing()
    nothing_else_is_installed()
    the_site_works()


def make_a_site() -> None:
    settings.configure(
        SECRET_KEY="only-for-this-script-" * 3,
        ALLOWED_HOSTS=["testserver"],
        USE_TZ=True,
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        LOGIN_URL="cognito_mfa:sign_in",
        LOGIN_REDIRECT_URL="cognito_mfa:device",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "cognito_mfa.apps.MFAAdminConfig",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "cognito_mfa",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "cognito_mfa.middleware.RequireMFAMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["cognito_mfa.backends.CognitoBackend"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS},
            }
        ],
        COGNITO_MFA={
            "USER_POOL_ID": "us-east-1_Example00",
            "CLIENT_ID": "exampleclient0000000000000",
            "ISSUER": "Example Ltd",
        },
    )
    django.setup()
    from django.contrib import admin
    from django.urls import include, path

    urlpatterns.append(path("account/", include("cognito_mfa.urls")))
    urlpatterns.append(path("admin/", admin.site.urls))


def nothing_is_missing() -> None:
    """Templates, static files, translations, migrations, py.typed: whatever the checkout has."""
    import cognito_mfa

    installed = Path(cognito_mfa.__file__).resolve().parent
    assert not installed.is_relative_to(CHECKOUT) or ".tox" in installed.parts, installed
    source = CHECKOUT / "cognito_mfa"
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert Path("py.typed") in wanted
    missing = sorted(str(path) for path in wanted if not (installed / path).is_file())
    assert not missing, missing


def nothing_else_is_installed() -> None:
    files = metadata.files("django-cognito-mfa")
    assert files
    tops = {file.parts[0] for file in files if not file.parts[0].endswith(".dist-info")}
    assert tops == {"cognito_mfa"}, tops
    assert any(file.name == "LICENSE" for file in files)
    assert util.find_spec("example_project") is None
    assert util.find_spec("tests") is None


def the_site_works() -> None:
    from django.contrib.staticfiles import finders
    from django.core.management import call_command
    from django.test import Client

    call_command("check", fail_level="WARNING")
    call_command("migrate", verbosity=0)
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)

    page = Client().get("/account/sign-in/")
    assert page.status_code == 200, page
    assert 'name="password"' in page.text
    for name in ("cognito_mfa/cognito_mfa.css", "cognito_mfa/cognito_mfa.js"):
        assert f"/static/{name}" in page.text
        assert finders.find(name)
    gated = Client().get("/admin/")
    assert gated.status_code == 302, gated


if __name__ == "__main__":
    main()
    version = metadata.version("django-cognito-mfa")
    sys.stdout.write(f"The wheel of {version} works with Django {django.get_version()}.\n")
