"""Settings of a site whose people sign in at Cognito's own pages, through other packages.

What must name the address of the pool's managed login is set by the tests, once the local one runs.
"""

from __future__ import annotations

from importlib.util import find_spec

from tests.settings import *  # noqa: F403
from tests.settings import COGNITO_MFA as PLAIN
from tests.settings import INSTALLED_APPS as PLAIN_APPS
from tests.settings import MIDDLEWARE as PLAIN_MIDDLEWARE

MISSING = [name for name in ("mozilla_django_oidc", "allauth") if find_spec(name) is None]

ROOT_URLCONF = "tests.other_sign_ins.urls"
LOGIN_URL = "oidc_authentication_init"
INSTALLED_APPS = [*PLAIN_APPS]
MIDDLEWARE = [*PLAIN_MIDDLEWARE]
AUTHENTICATION_BACKENDS = [
    "cognito_mfa.backends.CognitoBackend",
    "django.contrib.auth.backends.ModelBackend",
]
if not MISSING:
    INSTALLED_APPS += [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
        "allauth.socialaccount.providers.amazon_cognito",
    ]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    AUTHENTICATION_BACKENDS += [
        "cognito_mfa.contrib.mozilla_oidc.CognitoOIDCBackend",
        "mozilla_django_oidc.auth.OIDCAuthenticationBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ]

OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email aws.cognito.signin.user.admin"
OIDC_RP_CLIENT_ID = PLAIN["CLIENT_ID"]
OIDC_RP_CLIENT_SECRET = "clientsecretclientsecretclientsecret"
OIDC_USE_PKCE = True
COGNITO_MFA = {**PLAIN, "CLIENT_SECRET": OIDC_RP_CLIENT_SECRET}
SOCIALACCOUNT_LOGIN_ON_GET = True
ACCOUNT_EMAIL_VERIFICATION = "none"
