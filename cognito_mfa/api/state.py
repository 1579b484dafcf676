"""The state of a session: the user, the proof, and the next step."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from cognito_mfa import managed_login
from cognito_mfa.cognito.types import EMAIL_OTP, SELECT_MFA_TYPE, SMS_MFA
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import ended_sessions, gate, policy
from cognito_mfa.enforcement.redirects import destination, safe_url
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.forms import FactorForm, NewPasswordForm
from cognito_mfa.managed_login import judgment
from cognito_mfa.models import identity_in_pool, identity_of
from cognito_mfa.sign_in import link_question, setup_email
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.steps import password_rules
from cognito_mfa.steps.setup import valid_until

# The words of ``step`` and ``purpose``, which never change.
STEPS = {
    Step.START: "sign_in",
    Step.CHALLENGE: "challenge",
    Step.NEW_PASSWORD: "new_password",
    Step.LINK: "link",
    Step.SETUP: "setup",
    Step.PASSWORD_RESET: "reset_password",
    Step.PASSWORD_CHANGE: "change_password",
    Step.SETUP_DONE: "done",
    Step.OWN_PAGE: "done",
    Step.DONE: "done",
}
SELECT_CHALLENGE = "select_challenge"
PURPOSES = {
    Purpose.SIGN_IN: "sign_in",
    Purpose.SET_UP: "set_up",
    Purpose.REPLACE: "replace",
    Purpose.REMOVE: "remove",
    Purpose.CHANGE_PASSWORD: "change_password",
    Purpose.SIGN_OUT: "sign_out_elsewhere",
}
CODE_KINDS = {SMS_MFA: "sms", EMAIL_OTP: "email"}  # and "app" for every other


def session_object(
    request: HttpRequest, *, next_url: str = "", messages: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the session object, without calling Cognito.

    Args:
        request: whose session it is.
        next_url: where the user goes after the sign-in; validated here.
        messages: texts about what was done just now.
    """
    user: Any = request.user
    pending = _pending(request)
    step = step_of(request, pending)
    data = _STEP_DATA.get(step, _no_data)(request, pending)
    if step == "done":
        data = {**data, "next": destination(request, next_url)}
    return {
        "signed_in": user.is_authenticated,
        "username": user.get_username() if user.is_authenticated else "",
        "mfa": _mfa(request),
        "step": step,
        "step_data": {**data, **({"messages": list(messages)} if messages else {})},
    }


def step_of(request: HttpRequest, pending: PendingSignIn | None = None) -> str:
    """Return the word for the step that comes next.

    Args:
        request: whose session it is.
        pending: the pending sign-in, if it was read just now.
    """
    pending = pending or _pending(request)
    if pending.step is Step.CHALLENGE and pending.required_challenge.name == SELECT_MFA_TYPE:
        return SELECT_CHALLENGE
    if pending.step is Step.START:
        user = request.user
        is_in = user.is_authenticated and not gate.blocks(request, user)
        return "done" if is_in else "sign_in"
    return STEPS[pending.step]


def _pending(request: HttpRequest) -> PendingSignIn:
    pending = PendingSignIn.load(request) or PendingSignIn()
    if pending.step is Step.LINK:
        try:
            link_question.person_of(pending)
        except CognitoMFAError:  # of another pool than the settings name now
            return PendingSignIn()
        if not pending.is_for(request.user):
            return PendingSignIn()
    return pending


def _mfa(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    if not user.is_authenticated:
        return {"verified": False, "verified_at": None, "required": False, "set_up": False}
    identity, age = identity_of(user), gate.proof_age(request, user)
    return {
        "verified": gate.is_proven(request, user),
        "verified_at": None if age is None else _moment(time.time() - age),
        "required": policy.is_enforced() and policy.is_required(request),
        "set_up": identity is not None and identity.software_token is not None,
    }


def _moment(seconds: float) -> str:
    return iso(dt.datetime.fromtimestamp(round(seconds), tz=dt.UTC))


def iso(moment: dt.datetime) -> str:
    """Return a moment in the format of RFC 3339, in UTC, to the second."""
    return moment.astimezone(dt.UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


# ------------------------------------------------------------------------------------ what a step needs


def _no_data(_request: HttpRequest, _pending: PendingSignIn) -> dict[str, Any]:
    return {}


def _sign_in(request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    identity = identity_of(request.user)
    known = pending.username or (identity.username if identity else "")
    elsewhere = managed_login.is_active(request) and not judgment.may_sign_in_here(request)
    return {
        "username": known,
        "next": safe_url(request, pending.next_url),
        "elsewhere": elsewhere,
        "ended": _ended(request),
    }


def _ended(request: HttpRequest) -> dict[str, str] | None:
    """Return why the session ended or needs another sign-in, as the gate says; None if it does not.

    SECURITY: only a browser with the session's cookie learns this, which was signed in before.
    """
    user: Any = request.user
    ending = gate.end_reason(request, user if user.is_authenticated else None)
    if ending is None:
        return None
    return {"code": ending.value, "detail": str(ended_sessions.DENIALS[ending].title)}


def _challenge(_request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    challenge = pending.required_challenge
    return {
        **_common(pending),
        "method": CODE_KINDS.get(challenge.name, "app"),
        "destination": challenge.destination,
        "device_name": pending.device_name,
        "unconfirmed": pending.is_setup_unconfirmed,
        "recovery": pending.offers_recovery,
    }


def _select_challenge(_request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    choices = FactorForm(factors=pending.required_challenge.factors).fields["factor"]
    offered = [{"name": name, "label": str(label)} for name, label in choices.choices]  # type: ignore[attr-defined]
    return {**_common(pending), "factors": offered}


def _new_password(_request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    challenge = pending.required_challenge
    form = NewPasswordForm(
        attributes=challenge.required_attributes, present=challenge.present_attributes
    )
    fields = {name: form.fields[name] for name in form.attribute_names if name in form.fields}
    return {
        **_common(pending),
        **_rules(),
        "attributes": [
            {
                "name": name,
                "label": str(field.label),
                "required": field.required,
                "choices": [str(value) for value, _label in getattr(field, "choices", ())],
            }
            for name, field in fields.items()
        ],
    }


def _setup(request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    identity = identity_in_pool(request.user) if pending.has_old_app else None
    replaced = identity.software_token if identity else None
    return {
        **_common(pending),
        "expires_in": expires_in(pending),
        "friendly_name": pending.friendly_name,
        "replaces": replaced.friendly_name if replaced else "",
        "was_reset": pending.was_reset,
    }


def _reset_password(_request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    return {
        **_rules(),
        "username": pending.username,
        "sign_in": pending.form_id,
        "code_kept": bool(pending.reset_code),
        "required": pending.reset_required,
    }


def _change_password(_request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    return {**_common(pending), **_rules()}


def _link(request: HttpRequest, pending: PendingSignIn) -> dict[str, Any]:
    person = link_question.person_of(pending)
    return {
        "here": request.user.get_username(),
        "account": person.username,
        "email": person.email,
        "question": link_question.digest(pending),
    }


def _done(request: HttpRequest, _pending: PendingSignIn) -> dict[str, Any]:
    identity = identity_of(request.user)
    return {**setup_email.recall(request, identity.software_token if identity else None)}


def _common(pending: PendingSignIn) -> dict[str, Any]:
    return {
        "username": pending.username,
        "purpose": PURPOSES[pending.purpose],
        "sign_in": pending.form_id,
    }


def _rules() -> dict[str, Any]:
    return {"rules": [str(text) for text in password_rules.context()["password_rules"]]}


def expires_in(pending: PendingSignIn) -> int:
    """Return the number of seconds for which the QR code can certainly be confirmed."""
    until = valid_until(pending)
    return max(0, int(until.timestamp() - time.time())) if until else 0


def issuer(request: HttpRequest) -> str:
    """Return the name of the site in the authenticator app."""
    return get_conf().ISSUER or request.get_host()


_STEP_DATA: Mapping[str, Callable[[HttpRequest, PendingSignIn], dict[str, Any]]] = {
    "sign_in": _sign_in,
    "challenge": _challenge,
    SELECT_CHALLENGE: _select_challenge,
    "new_password": _new_password,
    "setup": _setup,
    "reset_password": _reset_password,
    "change_password": _change_password,
    "link": _link,
    "done": _done,
}
