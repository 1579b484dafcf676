"""A plain site with Django's users, and Django's own pages for passwords beside ours."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import COGNITO_MFA as CONF

ROOT_URLCONF = "tests.sites.urls"
COGNITO_MFA = {**CONF, "USER_RESOLVER": "cognito_mfa.sign_in.linking.by_verified_email"}
