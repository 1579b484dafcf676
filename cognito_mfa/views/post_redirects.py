"""Redirect after every POST: what the page has to say waits in the session for the GET that follows.

A browser that shows the answer to a POST repeats it on Reload, and shows an error page of its own on Back, because
our pages are never cached. So a browser is always redirected, also after an error. Scripts and htmx, which have no
Back, get the answer at once, with its status.

Only who posted sees it: it is kept for the address of the form, encrypted, for one minute and one GET. No password and
no code is ever part of it.

SECURITY: a browser without a session keeps it in a cookie. A stranger who posts cannot fill the session table.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form
from django.forms.utils import ErrorDict
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.encoding import iri_to_uri

from cognito_mfa.enforcement import responses, unchanged_sessions
from cognito_mfa.enforcement.proof import PREFIX
from cognito_mfa.enforcement.redirects import own_path
from cognito_mfa.forms import SecretField
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.values import languages
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.views.posted_secrets import SECRET_FIELDS

KEY = f"{PREFIX}answers"
TTL = 60.0  # seconds from a POST to the GET that shows its answer
MAX_KEPT = 3  # answers at once: each is of another page
MAX_LENGTH = 500  # characters of a typed value; a longer one is typed again
MAX_TEXTS = 20  # errors of a field
COOKIE = "cognito_mfa_answer"  # how its name begins
MAX_COOKIE = 2500  # characters; browsers and web servers refuse more than a few thousand
_TAKEN = "_cognito_mfa_answer"  # of the request: what was taken for it


class SeeOther(HttpResponseRedirect):
    """A redirect to the page that says why the POST was not accepted.

    Attributes:
        answered: the status that a script would have got, for a site's middleware that counts failures.
        retry_after: seconds until the next attempt makes sense; empty where a script would not be told.
    """

    status_code = 303
    answered = 403
    retry_after = ""


class Answer(NamedTuple):
    """What was kept of the answer to a POST.

    Attributes:
        template: of a page that stands for itself; empty for the form, which is shown again.
        context: of that template.
        data: what was typed into the form, without secrets.
        errors: texts by the name of the field.
    """

    template: str = ""
    context: Mapping[str, Any] = {}
    data: Mapping[str, list[str]] = {}
    errors: Mapping[str, list[str]] = {}

    def show_in(self, form: Form) -> None:
        """Give ``form`` what was typed and the errors, as if it had been submitted."""
        data = QueryDict(mutable=True)
        for name, values in self.data.items():
            data.setlist(form.add_prefix(name), values)
        form.data, form.is_bound, form.cleaned_data = data, True, {}
        errors = ErrorDict(renderer=form.renderer)
        for name, texts in self.errors.items():
            # A field that is gone by now, such as of an attribute, says it for the whole form.
            known = name if name in form.fields else NON_FIELD_ERRORS
            css_class = "nonfield" if known == NON_FIELD_ERRORS else None
            errors.setdefault(
                known, form.error_class(error_class=css_class, renderer=form.renderer)
            )
            errors[known].extend(texts)
        vars(form)["_errors"] = errors  # what ``full_clean`` fills


def wants_redirect(request: HttpRequest) -> bool:
    """Return whether the answer to ``request`` is shown by a browser, which must not repeat the POST."""
    is_htmx = request.headers.get("HX-Request") == "true"
    return request.method == "POST" and not is_htmx and responses.wants_page(request)


def redirected(request: HttpRequest, response: HttpResponseBase, url: str) -> HttpResponseBase:
    """Return the redirect to ``url``, which will show ``response``.

    Or ``response``, if there is nothing to keep.

    Args:
        request: which posted.
        response: what the view answered, not yet rendered.
        url: of the page that the form is on.
    """
    if not isinstance(response, TemplateResponse) or "Content-Disposition" in response:
        return response
    with translation.override(languages.with_catalog()):  # in which the page will be
        answer = _answer(response)
    redirect = SeeOther(url)
    session = request.session
    session.get(KEY)  # loads it: the cookie may name one that is gone
    if session.is_empty():
        _keep_in_cookie(redirect, url, answer)
    else:
        _keep(request, url, answer)
    redirect.answered, redirect.retry_after = (
        response.status_code,
        response.get("Retry-After", ""),
    )
    return redirect


def take(request: HttpRequest) -> Answer | None:
    """Return the answer that waits for this GET, and forget it; None if there is none."""
    if request.method != "GET":
        return None
    if _TAKEN not in vars(request):  # one page may show another, which asks again
        vars(request)[_TAKEN] = _opened(request, _take_kept(request) or _in_cookie(request))
    found: Answer | None = vars(request)[_TAKEN]
    return found


def forget_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie whose answer ``response`` shows.

    Args:
        request: for a page.
        response: to it.
    """
    if request.method == "GET" and _in_cookie(request) is not None:
        path = own_path(request)
        response.delete_cookie(
            _cookie_of(path), path=path, samesite=settings.SESSION_COOKIE_SAMESITE
        )


def _take_kept(request: HttpRequest) -> dict[str, Any] | None:
    kept = request.session.get(KEY)
    if not isinstance(kept, dict):
        return None
    payload = decrypt(kept.pop(_own_place(request), None))
    if payload is None:
        return None
    if kept:
        request.session[KEY] = kept
    else:
        del request.session[KEY]
    _save(request)
    return payload


def _in_cookie(request: HttpRequest) -> dict[str, Any] | None:
    payload = decrypt(request.COOKIES.get(_cookie_of(own_path(request))))
    # What waits in a session has no place, and is of no use in a cookie.
    is_here = payload is not None and payload.pop("place", None) == _own_place(request)
    return payload if is_here else None


def _opened(request: HttpRequest, payload: dict[str, Any] | None) -> Answer | None:
    if payload is None:
        return None
    ago = seconds_since(payload.pop("at", 0.0))
    is_own = payload.pop("user", None) == request.session.get(SESSION_KEY)
    if not is_own or ago is None or ago > TTL:
        return None
    try:
        answer = Answer(**payload)
    except TypeError:  # of another version of this app, a minute ago
        return None
    pending = answer.context.get("pending")
    return answer._replace(context={**answer.context, "pending": _pending(pending)})


def _answer(response: TemplateResponse) -> Answer:
    context = dict(response.context_data or {})
    form = context.get("form")
    if isinstance(form, Form) and form.is_bound:
        return Answer(data=_typed(form), errors=_texts(form))
    return Answer(template=str(response.template_name), context=_plain(context))


def _keep(request: HttpRequest, url: str, answer: Answer) -> None:
    session, place = request.session, _place(url)
    before = session.get(KEY)
    others = before.items() if isinstance(before, dict) else ()
    kept = {name: text for name, text in others if name != place}
    newest = dict(list(kept.items())[-(MAX_KEPT - 1) :])
    payload = _payload(answer, session.get(SESSION_KEY))
    session[KEY] = {**newest, place: encrypt(payload)}
    # The middleware saves a new session, and sets its cookie.
    if session.session_key:
        _save(request)


def _keep_in_cookie(redirect: SeeOther, url: str, answer: Answer) -> None:
    for kept in (answer, answer._replace(data={})):
        text = encrypt({**_payload(kept, None), "place": _place(url)})
        if len(text) <= MAX_COOKIE:
            break
    else:
        return
    path = urlsplit(url).path
    redirect.set_cookie(
        _cookie_of(path),
        text,
        max_age=int(TTL),
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def _payload(answer: Answer, user: str | None) -> dict[str, Any]:
    return {**answer._asdict(), "at": time.time(), "user": user}


def _save(request: HttpRequest) -> None:
    """Save the session; when another tab has ended it, this request leaves it alone instead of failing."""
    session = request.session
    is_known = session.session_key == request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    try:
        session.save()
        # The middleware gives the browser the cookie of a session that it does not know yet.
        session.modified = not is_known
    except UpdateError:
        unchanged_sessions.keep_session_unchanged(request)


def _own_place(request: HttpRequest) -> str:
    query = request.META.get("QUERY_STRING", "")
    return _place(f"{own_path(request)}?{iri_to_uri(query)}")


def _place(url: str) -> str:
    """Return the key of what is kept for a page: its address, however it is encoded."""
    parts = urlsplit(url)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    text = repr((unquote(parts.path), query))
    return _digest(text)


def _cookie_of(path: str) -> str:
    """Return the name of the cookie of a page.

    Each page has one, which is sent with requests for this page alone.
    """
    return f"{COOKIE}_{_digest(path)[:8]}"


def _digest(text: str) -> str:
    return salted_hmac("cognito_mfa.views.post_redirects", text, algorithm="sha256").hexdigest()


def _typed(form: Form) -> dict[str, list[str]]:
    """Return what was typed into the fields of ``form`` that hold no secret, within bounds."""
    found: dict[str, list[str]] = {}
    for name, field in form.fields.items():
        if isinstance(field, SecretField) or name in SECRET_FIELDS:
            continue
        values = form.data.getlist(form.add_prefix(name)) if hasattr(form.data, "getlist") else []
        # The last one is what the form read.
        if not any(isinstance(value, SecretText) or len(value) > MAX_LENGTH for value in values):
            found[name] = values[-1:]
    return found


def _texts(form: Form) -> dict[str, list[str]]:
    """Return the errors of ``form``, within bounds: some quote what was typed."""
    # A slice of an ErrorList has the errors, not their texts; the list of it has the texts.
    return {
        name: [str(text)[:MAX_LENGTH] for text in list(texts)[:MAX_TEXTS]]
        for name, texts in form.errors.items()
    }


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of a page that stands for itself, as JSON can hold it.

    What every page has is left out.
    """
    found: dict[str, Any] = {
        name: str(value) if isinstance(value, str) else value
        for name, value in context.items()
        if _is_plain(value)
    }
    pending = context.get("pending")
    if isinstance(pending, PendingSignIn):
        # Its secrets, tokens and challenge are of other types.
        plain = {name: value for name, value in vars(pending).items() if _is_plain(value)}
        names = {"step": pending.step.name, "purpose": pending.purpose.name}
        found["pending"] = {**plain, **names}
    return found


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _pending(kept: Any) -> PendingSignIn:
    if not isinstance(kept, dict):
        return PendingSignIn()
    try:
        names = {"step": Step[kept["step"]], "purpose": Purpose[kept["purpose"]]}
        return PendingSignIn(**{**kept, **names})
    except (KeyError, TypeError):  # of another version of this app, a minute ago
        return PendingSignIn()
