"""A web application of the pool, as it uses the pool's own pages."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

from tests.local.browser import FORM, Browser
from tests.local.caller import CLIENT_ID, PASSWORD
from tests.local.raw import Response, request

CALLBACK = "https://site.example/callback"


SELF_SERVICE = "aws.cognito.signin.user.admin"


WEB: dict[str, Any] = {
    "CallbackURLs": [CALLBACK],
    "LogoutURLs": ["https://site.example/bye"],
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthScopes": ["openid", "email", "profile", SELF_SERVICE],
}


VERIFIER = "v" * 43


CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


class Site:
    """A client of managed login."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, path: str = "/oauth2/authorize", /, **changes: str | None) -> Browser:
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": f"openid email {SELF_SERVICE}",
            "state": "as it was",
            **changes,
        }
        kept = {name: value for name, value in query.items() if value is not None}
        return Browser(f"{self.url}{path}?{urlencode(kept)}")

    def code(self, username: str = "newcomer", **changes: str | None) -> str:
        browser = self.open(**changes)
        browser.fill_in(username=username, password=PASSWORD)
        return str(browser.answer["code"])

    def exchange(self, code: str, *, basic: str = "", **changes: str) -> Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "code": code,
            "redirect_uri": CALLBACK,
            **changes,
        }
        headers = dict(FORM)
        if basic:
            encoded = base64.b64encode(f"{CLIENT_ID}:{basic}".encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        return request(self.url, "POST", "/oauth2/token", urlencode(form), headers)

    def tokens(self, username: str = "newcomer", **changes: str | None) -> Any:
        response = self.exchange(self.code(username, **changes))
        assert response.status == 200, response.body
        return response.json()

    def user_info(self, token: str) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        return request(self.url, "GET", "/oauth2/userInfo", None, headers)
