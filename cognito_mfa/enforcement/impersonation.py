"""Staff who act as another user, through django-hijack or django-impersonate: whose proof is required.

The user in front of the screen is the impersonator. Their proof and the policy's answer about
them decide. An impersonator is never asked to set up an authenticator app for the other user. A session that only says
that it is an impersonation proves nothing: it needs the impersonator's own proof, and the package's present consent.

django-impersonate leaves the session with the impersonator, so that the proof in it is theirs. django-hijack signs the
other user in, which empties the session. So the impersonator's records are kept under a key of ours, bound to the user
whom the package's own key names first, and restored when they return. They keep their age.
"""

from __future__ import annotations

import logging
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, get_user_model
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import proof
from cognito_mfa.enforcement.request_user import is_signed_in
from cognito_mfa.models import key_of

logger = logging.getLogger(__name__)

KEPT = f"{proof.PREFIX}impersonator"
BEFORE = "_cognito_mfa_before"  # of the request: what the session said before the view ran
ASKED = "_cognito_mfa_acting"  # of the request: who acts as its user
HIJACK, HIJACKS_KEY = "hijack", "hijack_history"
IMPERSONATE, IMPERSONATES_KEY = "impersonate", "_impersonate"


class Records(NamedTuple):
    """What a session says about one user's sign-in.

    Attributes:
        signed_in: key of the user who signed in.
        backend: through which.
        proof: our record that MFA was passed.
        federated: our record of a sign-in through an identity provider.
        link: our record of the link by which they signed in.
        sign_outs: our record of how often they had ended all other sessions by then.
    """

    signed_in: Any = None
    backend: Any = None
    proof: Any = None
    federated: Any = None
    link: Any = None
    sign_outs: Any = None


class Impersonation(NamedTuple):
    """A user who acts as another user.

    Attributes:
        package: that lets them.
        person: who acts; None if they no longer may: deleted, deactivated, or without the right.
        records: of the user's own sign-in.
    """

    package: str
    person: Any
    records: Records

    def way_back(self) -> str:
        """Return the address of the package's view that ends it; empty where the site has none."""
        try:
            return reverse("hijack:release" if self.package == HIJACK else "impersonate-stop")
        except NoReverseMatch:
            return ""


@cache
def _installed() -> frozenset[str]:
    """Return which of the packages the site has; cached, because every request needs it."""
    return frozenset(filter(apps.is_installed, (HIJACK, IMPERSONATE)))


def _forget_installed(*, setting: str, **_kwargs: object) -> None:
    if setting == "INSTALLED_APPS":
        _installed.cache_clear()


setting_changed.connect(_forget_installed, dispatch_uid="cognito_mfa.enforcement.impersonation")


def is_possible(request: HttpRequest) -> bool:
    """Return whether the session names an impersonation. Costs no query once the session is loaded."""
    if not _installed():
        return False
    session = getattr(request, "session", None)
    return session is not None and bool(
        session.get(HIJACKS_KEY) or session.get(IMPERSONATES_KEY) is not None
    )


def find(request: HttpRequest, user: Any) -> Impersonation | None:
    """Return the impersonation of ``user`` that ``request`` is part of, or None.

    Costs a query with django-hijack, once for each request.

    Args:
        request: with its session, if it has one.
        user: whom the request is from; a visitor is never impersonated.
    """
    if not is_possible(request) or not is_signed_in(user):
        return None
    return _find_hijack(request, user) or _find_impersonate(request, user)


def records_of(session: Any) -> Records:
    """Return what ``session`` says about the sign-in of its own user."""
    return Records(
        session.get(SESSION_KEY),
        session.get(BACKEND_SESSION_KEY),
        session.get(proof.KEY),
        session.get(proof.FEDERATED_KEY),
        session.get(proof.LINK_KEY),
        session.get(proof.SIGN_OUTS_KEY),
    )


# ---------------------------------------------------------------------------------- django-impersonate


def _find_impersonate(request: HttpRequest, user: Any) -> Impersonation | None:
    named = request.session.get(IMPERSONATES_KEY)
    # Set by its middleware, which asked whether they may.
    person = getattr(request, "impersonator", None)
    if named is None or person is None or IMPERSONATE not in _installed():
        return None
    own = records_of(request.session)
    acts = is_signed_in(person) and str(person.pk) == str(own.signed_in)
    if not acts or str(getattr(named, "pk", named)) != key_of(user):
        return None
    return Impersonation(IMPERSONATE, person, own)


# --------------------------------------------------------------------------------------- django-hijack


def _find_hijack(request: HttpRequest, user: Any) -> Impersonation | None:
    session = request.session
    history = session.get(HIJACKS_KEY)
    of_the_session = str(session.get(SESSION_KEY)) == key_of(user)
    if not history or not of_the_session or HIJACK not in _installed():
        return None
    # Asked once for each request, and again after a view has changed who acts as whom.
    asked = (str(history), str(user.pk))
    answer = vars(request).get(ASKED)
    if answer is None or answer[0] != asked:
        answer = vars(request)[ASKED] = (asked, _who_may(history, user))
    person = answer[1]
    return Impersonation(HIJACK, person, _kept_for(session.get(KEPT), person))


def _who_may(history: Any, user: Any) -> Any:
    """Return the first impersonator, if each one may still act as the next user; otherwise None."""
    people = _people(history)
    if any(one is None or not getattr(one, "is_active", True) for one in people):
        return None
    # SECURITY: the package checks the right only once, at the start. A user who has lost it must stop.
    return people[0] if all(_allows(a, b) for a, b in pairwise([*people, user])) else None


def _people(history: Any) -> list[Any]:
    users = current_rows(get_user_model()).select_related("cognito_identity")
    try:
        keys = [str(key) for key in history]
        found = {str(user.pk): user for user in users.filter(pk__in=keys)}
    except (TypeError, ValueError, ValidationError):  # not of the package's making
        return [None]
    return [found.get(key) for key in keys]


def _allows(hijacker: Any, hijacked: Any) -> bool:
    from hijack.conf import settings as of_the_package

    try:
        check = import_string(of_the_package.HIJACK_PERMISSION_CHECK)
        return bool(check(hijacker=hijacker, hijacked=hijacked))
    except Exception:
        # SECURITY: a rule that fails must not allow an impersonation.
        logger.exception("impersonation_check_failed: user %s as user %s", hijacker.pk, hijacked.pk)
        return False


def _kept_for(kept: Any, person: Any) -> Records:
    """Return what was kept for ``person``; empty records if it belongs to another user."""
    if not isinstance(kept, list) or len(kept) > len(Records()):
        return Records()
    found = Records(*kept)
    return found if person is not None and found.signed_in == str(person.pk) else Records()


def touch(request: HttpRequest, identity: Any) -> None:
    """Record activity in the proof that is kept for the user who impersonates.

    Args:
        request: whose session keeps the proof.
        identity: of the user who impersonates.
    """
    kept = request.session.get(KEPT)
    if identity is None or not isinstance(kept, list) or len(kept) > len(Records()):
        return
    records = Records(*kept)
    if records.signed_in != str(identity.user_id):
        return
    record = proof.touched(records.proof, identity)
    if record is not None:
        request.session[KEPT] = list(records._replace(proof=record))
        proof.save_now(request.session)


def is_recorded() -> bool:
    """Return whether the site has django-hijack, for which ``record_before_view`` must run."""
    return HIJACK in _installed()


def record_before_view(request: HttpRequest) -> None:
    """Note what the session says, in case the view starts or ends an impersonation."""
    session = getattr(request, "session", None)
    if session is not None:
        history = [str(key) for key in session.get(HIJACKS_KEY) or ()]
        vars(request)[BEFORE] = (history, records_of(session), session.get(KEPT))


def on_started(*, request: HttpRequest, hijacker: Any, hijacked: Any, **_given: Any) -> None:
    """Receive ``hijack_started``: keep the records of the user who impersonates.

    Args:
        request: whose view signed the other user in.
        hijacker: who acted until now.
        hijacked: whom they act as from now on.
    """
    history, own, kept = vars(request).pop(BEFORE, ([], Records(), None))
    # SECURITY: signing in as the other user proves nothing about them.
    proof.drop_all(request.session)
    logger.info("impersonation_started: user %s as user %s", hijacker.pk, hijacked.pk)
    if history:
        _keep(request, kept, first=history[0])
    else:
        _keep(request, [str(own.signed_in), *own[1:]], first=str(hijacker.pk))


def on_ended(*, request: HttpRequest, hijacker: Any, hijacked: Any, **_given: Any) -> None:
    """Receive ``hijack_ended``: give the kept records back to the user they belong to.

    Args:
        request: whose view signed the first user in again.
        hijacker: who stops acting as ``hijacked``.
        hijacked: whom they acted as.
    """
    history, _, kept = vars(request).pop(BEFORE, ([], Records(), None))
    proof.drop_all(request.session)
    logger.info("impersonation_ended: user %s as user %s", hijacker.pk, hijacked.pk)
    if not history:
        return
    if request.session.get(HIJACKS_KEY):
        _keep(request, kept, first=history[0])
        return
    # The record names its owner, generation, and time: no other user can use it, and it keeps its age.
    back = _kept_for(kept, hijacker)
    for key, record in (
        (proof.KEY, back.proof),
        (proof.FEDERATED_KEY, back.federated),
        (proof.LINK_KEY, back.link),
        (proof.SIGN_OUTS_KEY, back.sign_outs),
    ):
        if record is not None:
            request.session[key] = record


def _keep(request: HttpRequest, kept: Any, *, first: str) -> None:
    """Write down what was kept, if it is of whom the package's own key names first."""
    named = [str(key) for key in request.session.get(HIJACKS_KEY) or ()]
    if kept and named[:1] == [first] == [kept[0]]:
        request.session[KEPT] = list(kept)


def connect() -> None:
    """Listen to django-hijack, where it is installed."""
    if apps.is_installed(HIJACK):
        from hijack.signals import hijack_ended, hijack_started

        hijack_started.connect(on_started, dispatch_uid="cognito_mfa.enforcement.impersonation")
        hijack_ended.connect(on_ended, dispatch_uid="cognito_mfa.enforcement.impersonation")
