"""What loading the app costs: no boto3, no qrcode, no cryptography, no local Cognito."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["cognito_mfa.apps.MFAAdminConfig", "django.contrib.auth",
        "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "cognito_mfa"],
    ROOT_URLCONF="cognito_mfa.urls", SECRET_KEY="x", STATIC_URL="/static/",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
import cognito_mfa.middleware, cognito_mfa.backends, cognito_mfa.admin, cognito_mfa.contrib.admin_site
heavy = {"boto3", "botocore", "qrcode", "cryptography", "jwt", "pyotp", "opentelemetry", "cognito_mfa.local"}
print(sorted(heavy & set(sys.modules)))
"""


def run(script: str) -> str:
    """Run ``script`` in a fresh interpreter and return what it prints."""
    done = subprocess.run(  # noqa: S603 - this very file's text
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_loading_the_app_loads_nothing_heavy() -> None:
    assert run(SCRIPT) == "[]"


def test_the_package_itself_imports_nothing() -> None:
    script = "import sys, cognito_mfa; print('django' in sys.modules, cognito_mfa.__version__)"
    assert run(script).startswith("False ")
