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
heavy = {
    "boto3", "botocore", "qrcode", "cryptography", "jwt", "pyotp", "opentelemetry", "cognito_mfa.local", *CELERY
}
print(sorted(heavy & set(sys.modules)))
"""
CELERY = "CELERY = ('cognito_mfa.tasks', 'celery', 'kombu', 'redis', 'throttled')\n"
EMAIL = """
import sys, django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["cognito_mfa.apps.MFAAdminConfig", "django.contrib.auth", "django.contrib.contenttypes",
        "django.contrib.sessions", "django.contrib.messages", "cognito_mfa"],
    SECRET_KEY="x", USE_TZ=True, EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    COGNITO_MFA={"USER_POOL_ID": "us-east-1_Example00", "CLIENT_ID": "x"},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
for name in CELERY[1:]:
    sys.modules[name] = None  # as without the extra
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from cognito_mfa.authenticator import emails
from cognito_mfa.checks import check_site
from cognito_mfa.models import CognitoIdentity
call_command("migrate", verbosity=0)
user = User.objects.create(username="ada", email="ada@example.com")
identity = CognitoIdentity.objects.create(user=user, pool_id="us-east-1_Example00", sub="1", username="ada")
print(emails.send("mfa_reset", identity).state.value, len(mail.outbox))
check_site(None)
import cognito_mfa.admin
print("cognito_mfa.tasks" in sys.modules)
"""


def run(script: str) -> str:
    """Run ``script`` in a fresh interpreter and return what it prints."""
    done = subprocess.run(  # noqa: S603 - this very file's text
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_loading_the_app_loads_nothing_heavy() -> None:
    assert run(CELERY + SCRIPT) == "[]"


def test_without_the_extra_nothing_of_celery_is_loaded() -> None:
    """Emails, checks, and the admin work where its packages cannot even be imported."""
    assert run(CELERY + EMAIL).splitlines() == ["sent 1", "False"]


def test_the_package_itself_imports_nothing() -> None:
    script = "import sys, cognito_mfa; print('django' in sys.modules, cognito_mfa.__version__)"
    assert run(script).startswith("False ")
