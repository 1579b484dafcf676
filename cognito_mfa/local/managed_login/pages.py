"""The pages of managed login: a sign-in at /oauth2/authorize, /logout, and /confirmUser.

Next to them are /oauth2/token and /oauth2/userInfo, which programs call. The rules of a sign-in
are those of the operations, and it ends with an authorization code instead of tokens.

Missing: the browser's cookie that signs in again for an hour, sign-up, forgotten passwords, and a
real identity provider (a form replaces it).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from cognito_mfa.local.errors import CognitoError, InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.json_text import compact
from cognito_mfa.local.managed_login import sign_in
from cognito_mfa.local.managed_login.oauth import (
    Asked,
    Authorization,
    OAuthError,
    check_challenge,
    check_client,
    check_flow,
    check_resource,
    client_id_in,
    scopes_of_user,
)
from cognito_mfa.local.managed_login.providers import (
    UNAVAILABLE,
    chosen,
    has_passwords,
    providers_of,
)
from cognito_mfa.local.managed_login.qr_code import otpauth_link, svg
from cognito_mfa.local.operations import sign_up, software_token
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.operations.domains import has_managed_login
from cognito_mfa.local.operations.secret_hash import secret_hash
from cognito_mfa.local.rules.state import AppClient, IdentityProvider, UserPool
from cognito_mfa.local.wire.messages import WebRequest, WireResponse, respond
from cognito_mfa.local.wire.origins import Access, Place

JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
CODE_KEYS = {
    "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE",
    "SMS_MFA": "SMS_MFA_CODE",
    "EMAIL_OTP": "EMAIL_OTP_CODE",
    "NEW_PASSWORD_REQUIRED": "NEW_PASSWORD",
    "SELECT_MFA_TYPE": "ANSWER",
}
TITLES = {
    "SOFTWARE_TOKEN_MFA": "Enter your code",
    "SMS_MFA": "Enter your code",
    "EMAIL_OTP": "Enter your code",
    "NEW_PASSWORD_REQUIRED": "Choose a new password",
    "SELECT_MFA_TYPE": "Choose an MFA method",
}
LABELS = {
    "username": "Username",
    "password": "Password",
    "SOFTWARE_TOKEN_MFA_CODE": "Code from your authenticator app",
    "SMS_MFA_CODE": "Code from the text message",
    "EMAIL_OTP_CODE": "Code from the email",
    "NEW_PASSWORD": "New password",
    "ANSWER": "MFA method",
    "code": "Code from your authenticator app",
    "subject": "User ID at the provider",
    "email": "Email address at the provider",
}
#: Who calls what: people, whose browsers go there, and programs, those in pages of other origins
#: among them.
PLACES: Mapping[str, Place] = {
    "/oauth2/authorize": Place(Access.PAGE, ("GET", "POST")),
    "/login": Place(Access.PAGE, ("GET", "POST")),
    "/logout": Place(Access.PAGE, ("GET",)),
    # SECURITY: programs that look at links before a person follows one ask with HEAD.
    "/confirmUser": Place(Access.PAGE, ("GET",), changes=True),
    "/oauth2/token": Place(Access.ENDPOINT, ("POST",)),
    "/oauth2/revoke": Place(Access.ENDPOINT, ("POST",)),
    "/oauth2/userInfo": Place(Access.ENDPOINT, ("GET", "POST")),
}
BAD_USER_INFO = "Bad OAuth2 request at UserInfo Endpoint"
INVALID_TOKEN = (
    "Access token is expired, disabled, or deleted, or the user has globally signed out."  # noqa: S105
)
#: The flow that a client must be allowed, by response_type.
FLOWS = {"code": "code", "token": "implicit"}
#: What a token request must have, by grant_type.
NEEDED = {"authorization_code": ("code", "redirect_uri"), "refresh_token": ("refresh_token",)}
HIDDEN_WHILE_TYPED = ("password", "NEW_PASSWORD")
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { box-sizing: border-box; max-width: 26rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem }
label, button, input { display: block; box-sizing: border-box; font: inherit }
label { margin: 1rem 0 }
input { width: 100%; padding: .5rem }
button { padding: .5rem 1.5rem }
svg { display: block; width: 14rem; height: 14rem }
[role=alert] { border-left: .25rem solid #c00; padding-left: .75rem }
code { overflow-wrap: anywhere }
"""
#: SECURITY: no script, no style but the one above, and nothing from elsewhere. "form-action" is left
#: out: browsers apply it to the redirect after a form, which leads to the client's site.
POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    # Not "no-referrer", with which browsers send our own forms with the origin "null".
    "Referrer-Policy": "same-origin",
}
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style>
</head><body><p><em>Local Cognito emulator for development. Not AWS.</em></p><h1>{title}</h1>{body}</body></html>
"""

Fields = Mapping[str, str]


class ManagedLogin:
    """The pages and endpoints of an account's pools."""

    def __init__(self, context: Context) -> None:
        """Serve the pools of an account.

        Args:
            context: The account, as its operations see it.
        """
        self.context = context.ending_with(sign_in.signed_in)
        self._authorization = Authorization(self.context)
        self._pages = {
            "/oauth2/authorize": self._authorize,
            "/login": self._authorize,
            "/oauth2/token": self._token,
            "/oauth2/revoke": self._revoke,
            "/oauth2/userInfo": self._user_info,
            "/logout": self._logout,
            "/confirmUser": self._confirm_user,
        }

    def answer(self, request: WebRequest) -> WireResponse:
        """Return the response to a request for one of the pages."""
        return self._pages[request.path](request)

    # ------------------------------------------------------------------------------- pages

    def _authorize(self, request: WebRequest) -> WireResponse:
        query = request.query
        try:
            _check_once(request, "client_id", "redirect_uri")
            pool, client = self._authorization.client(query.get("client_id", ""))
            _check_registered(client, "CallbackURLs", query.get("redirect_uri", ""))
            provider = chosen(pool, client, query)
        except OAuthError as error:
            # SECURITY: never back to an address that is not registered.
            return _page("This link doesn’t work", escape(error.code), status=400)
        back = query["redirect_uri"]
        state = {"state": query["state"]} if "state" in query else {}
        try:
            _check_once(request)
            asked = _asked(pool, client, query, provider)
        except OAuthError as error:
            told = {**error.parameters, **state}
            return _redirect(back, told, fragment=query.get("response_type") == "token")
        if request.method != "POST":
            return _first_page(asked, query)
        try:
            outcome = self._step(asked, request.form)
            if "User" in outcome:
                return self._back(asked, outcome, state)
            return self._next_page(asked, outcome)
        except CognitoError as error:
            return self._again(asked, query, request.form, error.message)

    def _back(self, asked: Asked, outcome: Payload, state: Fields) -> WireResponse:
        """To the client, with what it asked for."""
        user, factors = outcome["User"], outcome["Factors"]
        if asked.response_type == "token":
            tokens = self._authorization.give_tokens(asked, user, factors)
            return _redirect(asked.redirect_uri, {**tokens, **state}, fragment=True)
        code = self._authorization.give_code(asked, user, factors)
        return _redirect(asked.redirect_uri, {"code": code, **state})

    def _step(self, asked: Asked, form: Fields) -> Payload:
        """One answered form. Raises CognitoError."""
        step, session = form.get("step", ""), form.get("session", "")
        if asked.provider is not None:
            return self._through_provider(asked, asked.provider, form)
        if step == "MFA_SETUP":
            verified = software_token.verify_software_token(
                self.context, {"Session": session, "UserCode": form.get("code", "")}
            )
            return sign_in.answer_challenge(
                self.context, asked, step, verified.get("Session", session), {}
            )
        if step in CODE_KEYS:
            key = CODE_KEYS[step]
            return sign_in.answer_challenge(
                self.context, asked, step, session, {key: form.get(key, "")}
            )
        if not has_passwords(asked.client):
            raise NotAuthorizedException(UNAVAILABLE)
        return sign_in.check_password(
            self.context, asked, form.get("username", ""), form.get("password", "")
        )

    def _through_provider(self, asked: Asked, provider: IdentityProvider, form: Fields) -> Payload:
        subject = form.get("subject", "")
        if not subject:
            raise InvalidParameterException("The provider must say which of its users this is.")
        said = {name: form.get(name, "") for name in _mapped(provider)}
        attributes = {name: value for name, value in said.items() if value}
        return sign_in.sign_in_federated(self.context, asked, provider, subject, attributes)

    def _next_page(self, asked: Asked, outcome: Payload, error: str = "") -> WireResponse:
        name, session = outcome["ChallengeName"], outcome["Session"]
        if name == "MFA_SETUP":
            waiting = software_token.associate_software_token(self.context, {"Session": session})
            return self._setup_page(asked, waiting["SecretCode"], waiting["Session"])
        if name not in TITLES:  # a sign-in that began with the API
            raise InvalidParameterException(f"Managed login has no page for {name}.")
        parameters = outcome["ChallengeParameters"]
        device, methods = (
            parameters.get(key) for key in ("FRIENDLY_DEVICE_NAME", "MFAS_CAN_CHOOSE")
        )
        text = f"Enter one of {methods}." if methods else f"Device: {device}" if device else ""
        hidden = {"step": name, "session": session}
        return _form_page(TITLES[name], [CODE_KEYS[name]], hidden, error, text=text)

    def _setup_page(self, asked: Asked, secret: str, session: str, error: str = "") -> WireResponse:
        account = sign_in.username_of(self.context, asked.pool, session)
        link = otpauth_link(secret, issuer=asked.pool.name, account=account)
        explanation = (
            "<p>Scan this QR code with your authenticator app, then enter the code that the app "
            f'shows.</p>{svg(link)}<p><a href="{escape(link)}">Open in an authenticator app on this '
            f"device</a></p><p>Setup key: <code>{escape(secret)}</code></p>"
        )
        hidden = {"step": "MFA_SETUP", "session": session}
        title = "Set up an authenticator app"
        return _form_page(title, ["code"], hidden, error, explanation=explanation)

    def _again(self, asked: Asked, query: Fields, form: Fields, text: str) -> WireResponse:
        """The same form, where its session still lives and is at that step; else from the beginning."""
        step, session = form.get("step", ""), form.get("session", "")
        live = sign_in.live_session(self.context, asked, step, session)
        if live is None or step not in (*TITLES, "MFA_SETUP"):
            return _first_page(asked, query, text)
        if step == "MFA_SETUP":
            return self._setup_page(asked, live.secret, session, text)
        hidden = {"step": step, "session": session}
        return _form_page(TITLES[step], [CODE_KEYS[step]], hidden, text)

    def _logout(self, request: WebRequest) -> WireResponse:
        """To where the client wants the user to be, or to the sign-in of another user."""
        query = request.query
        again = "logout_uri" not in query and "redirect_uri" in query
        registered, name = (
            ("CallbackURLs", "redirect_uri") if again else ("LogoutURLs", "logout_uri")
        )
        try:
            _, client = self._authorization.client(query.get("client_id", ""))
            _check_registered(client, registered, query.get(name, ""))
        except OAuthError as error:
            return _page("This link doesn’t work", escape(error.code), status=400)
        if again:
            return respond(302, b"", {"Location": f"/login?{request.raw_query}"})
        return _redirect(query[name], {})

    def _confirm_user(self, request: WebRequest) -> WireResponse:
        """Confirm a sign-up. As at Cognito, to follow the link is enough."""
        query = request.query
        username, code = query.get("user_name", ""), query.get("confirmation_code", "")
        parameters = {"Username": username, "ConfirmationCode": code}
        try:
            _, client = self._authorization.client(query.get("client_id", ""))
            if client.secret is not None:
                parameters["SecretHash"] = secret_hash(client, username, client.secret)
            sign_up.confirm_sign_up(self.context, {"ClientId": client.id, **parameters})
        except OAuthError as error:
            return _page("This link doesn’t work", escape(error.code), status=400)
        except CognitoError as error:
            return _page("This link doesn’t work", escape(error.message), status=400)
        return _page("Your registration has been confirmed", "<p>You can sign in now.</p>")

    # --------------------------------------------------------------------------- endpoints

    def _token(self, request: WebRequest) -> WireResponse:
        try:
            return _json(self._tokens_for(request))
        except OAuthError as error:
            return _json(error.parameters, status=400)
        except CognitoError as error:  # of a function of the pool
            problem = {"error": "invalid_request", "error_description": error.message}
            return _json(problem, status=400)

    def _tokens_for(self, request: WebRequest) -> dict[str, Any]:
        """Raises OAuthError."""
        form = request.form
        _check_once(request)
        client_id = client_id_in(form, request.authorization)
        if not client_id:
            raise OAuthError("invalid_request")
        pool, client = self._authorization.client(client_id)
        check_client(client, form, request.authorization)
        if not all(
            form.get(name) for name in NEEDED.get(form.get("grant_type", ""), ["grant_type"])
        ):
            raise OAuthError("invalid_request")
        if form.get("grant_type") == "authorization_code":
            return self._authorization.tokens_for_code(pool, client, form)
        if form.get("grant_type") == "refresh_token":
            return self._authorization.refreshed_tokens(pool, client, form)
        if form.get("grant_type") == "client_credentials":
            return self._authorization.token_for_client(pool, client, form)
        raise OAuthError("unsupported_grant_type")

    def _revoke(self, request: WebRequest) -> WireResponse:
        form = request.form
        try:
            _check_once(request)
            pool, client = self._authorization.client(client_id_in(form, request.authorization))
            check_client(client, form, request.authorization)
            self._authorization.revoke(pool, client, form)
        except OAuthError as error:
            status = 401 if error.code == "invalid_client" else 400
            return _json(error.parameters, status=status)
        return respond(200, b"", {"Content-Type": None, "Cache-Control": "no-store"})

    def _user_info(self, request: WebRequest) -> WireResponse:
        kind, _, token = request.authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return _challenge(400, "invalid_request", BAD_USER_INFO)
        try:
            claims = self._authorization.user_info(token)
        except NotAuthorizedException:
            return _challenge(401, "invalid_token", INVALID_TOKEN)
        return _json(claims)


def _asked(
    pool: UserPool, client: AppClient, query: Fields, provider: IdentityProvider | None
) -> Asked:
    """Raises OAuthError."""
    response_type = query.get("response_type", "")
    if response_type not in FLOWS:
        raise OAuthError("invalid_request")
    check_flow(client, FLOWS[response_type])
    # The classic hosted UI does not know the parameter. There is no cookie here that could sign in.
    if "none" in query.get("prompt", "").split() and has_managed_login(pool):
        raise OAuthError("login_required")
    challenge, resource = query.get("code_challenge", ""), query.get("resource", "")
    check_challenge(challenge, query.get("code_challenge_method", ""))
    check_resource(resource)
    return Asked(
        response_type,
        pool,
        client,
        query["redirect_uri"],
        scopes_of_user(pool, client, query.get("scope", "")),
        query.get("state", ""),
        query.get("nonce", ""),
        challenge,
        resource,
        provider,
    )


def _check_once(request: WebRequest, *names: str) -> None:
    """Refuse a request with one of these parameters twice, or with any (RFC 6749)."""
    if request.repeated & (frozenset(names) or request.repeated):
        raise OAuthError("invalid_request")


def _check_registered(client: AppClient, list_name: str, url: str) -> None:
    if url not in client.settings.get(list_name, []):
        raise OAuthError("redirect_mismatch")


def _first_page(asked: Asked, query: Fields, error: str = "") -> WireResponse:
    if asked.provider is not None:
        title = f"Sign in with {asked.provider.name} (simulated)"
        fields = ["subject", *_mapped(asked.provider)]
        return _form_page(title, fields, {"step": "provider"}, error)
    links = "".join(
        f'<p><a href="?{escape(urlencode({**query, "identity_provider": one.name}))}">'
        f"Sign in with {escape(one.name)}</a></p>"
        for one in providers_of(asked.pool, asked.client)
    )
    if not has_passwords(asked.client):
        return _page("Sign in", links)
    values = {"username": query.get("login_hint", "")}
    fields = ["username", "password"]
    return _form_page("Sign in", fields, {"step": "password"}, error, values=values, more=links)


def _mapped(provider: IdentityProvider) -> list[str]:
    """The attributes that the provider says something about, besides the username."""
    return [name for name in provider.attribute_mapping if name != "username"]


def _form_page(
    title: str,
    fields: Sequence[str],
    hidden: Fields,
    error: str = "",
    *,
    text: str = "",
    explanation: str = "",
    values: Fields | None = None,
    more: str = "",
) -> WireResponse:
    """A form that goes back to the address it came from, with the client's request in it.
    ``explanation`` is HTML."""
    inputs = [_input("hidden", name, value) for name, value in hidden.items()]
    for name in fields:
        kind = "password" if name in HIDDEN_WHILE_TYPED else "text"
        given = (values or {}).get(name, "")
        label = LABELS.get(name) or f"Attribute {escape(name)}"
        inputs.append(f"<label>{label} {_input(kind, name, given)}</label>")
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    body = f"{alert}<p>{escape(text)}</p>" if text else f"{alert}{explanation}"
    button = '<button type="submit">Continue</button>'
    body += f'<form method="post">{"".join(inputs)}{button}</form>{more}'
    return _page(escape(title), body, status=400 if error else 200)


def _input(kind: str, name: str, value: str) -> str:
    return f'<input type="{kind}" name="{escape(name)}" value="{escape(value)}" autocomplete="off">'


def _page(title: str, body: str, *, status: int = 200) -> WireResponse:
    return respond(status, PAGE.format(title=title, body=body, style=STYLE).encode(), HTML)


def _json(payload: Mapping[str, Any], *, status: int = 200) -> WireResponse:
    return respond(status, compact(payload).encode(), JSON)


def _challenge(status: int, error: str, text: str) -> WireResponse:
    """A refusal of user info. The header has no scheme, as Cognito's has none."""
    response = _json({"error": error, "error_description": text}, status=status)
    challenge = f'error="{error}", error_description="{text}"'
    return replace(response, headers={**response.headers, "WWW-Authenticate": challenge})


def _redirect(url: str, more: Fields, *, fragment: bool = False) -> WireResponse:
    """``more`` goes into the query; into the fragment for the implicit grant (RFC 6749)."""
    parts = urlsplit(url)
    if fragment:
        there = parts._replace(fragment=urlencode(more))
        return respond(302, b"", {"Location": urlunsplit(there)})
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return respond(302, b"", {"Location": urlunsplit(parts._replace(query=query))})
