"""People who sign in at Cognito's own pages, through another package: its login stays, the second
factor is ours.

``COGNITO_MFA["TOKEN_PROVIDER"]`` hands out the access token that such a sign-in left in the session.
With it a person sets up an authenticator here; at later sign-ins Cognito asks for the code, and the
sign-in is the proof. What it proves, and of whom, is decided once, when it happens, from what came with
it; nothing here is called on an ordinary request.

SECURITY: the tokens come from the site's own session, which got them from Cognito over TLS; their
signatures are not checked again. A provider must never take one from a request. People are linked when
they sign in, never later; and before a set-up Cognito itself is asked whose token it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from cognito_mfa import arrival, changes, enrolment, gate, lifecycle, linking, pending, proof
from cognito_mfa.conf import SELF_SERVICE_SCOPE, get_conf
from cognito_mfa.exceptions import BadReply, CognitoMFAError, Refused, SignInAgain
from cognito_mfa.gateway import (
    NOTHING,
    SOFTWARE_TOKEN_MFA,
    OwnAccount,
    Person,
    Tokens,
    get_gateway,
    providers_in,
)
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of
from cognito_mfa.pending import PendingSignIn, Purpose
from cognito_mfa.promotion import BACKEND, Outcome
from cognito_mfa.sealing import seal, unseal
from cognito_mfa.secret_text import SecretText

logger = logging.getLogger(__name__)

KEY = f"{proof.PREFIX}token"
MANAGED_LOGIN = (
    "MANAGED_LOGIN"  # the method in proofs and events: which factor, Cognito does not say
)
SETUP_MAX_AGE = (
    pending.TTL
)  # seconds from the sign-in to a first set-up, as with a password of ours

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True, init=False)
class OtherSignIn:
    """What a sign-in by another package left; a ``TOKEN_PROVIDER`` returns one, or the bare token.

    Args:
        access_token: as Cognito gave it, a plain text; it is closed here, and shown nowhere. Anything
            else is no token.
        claims: of the ID token that came with it; None when nobody knows them. Without them nobody
            knows either whether an identity provider signed the person in, and the sign-in proves nothing.
    """

    access_token: SecretText
    claims: Mapping[str, Any] | None = field(default=None, repr=False)

    def __init__(
        self, access_token: str | SecretText, claims: Mapping[str, Any] | None = None
    ) -> None:
        object.__setattr__(self, "access_token", _closed(access_token))
        object.__setattr__(self, "claims", claims)

    @classmethod
    def of(cls, access_token: str | SecretText, id_token: str | SecretText) -> OtherSignIn:
        """Return both tokens of one sign-in; the claims of the ID token are read unchecked."""
        import jwt

        access_token, id_token = _closed(access_token), _closed(id_token)
        try:
            claims = jwt.decode(id_token.reveal(), options={"verify_signature": False})
        except Exception:  # noqa: BLE001 - as in the gateway: the token must not leave in the library's frames
            claims = None
        return cls(access_token, claims)


def _closed(token: object) -> SecretText:
    return SecretText(token) if isinstance(token, (str, SecretText)) else NOTHING


# ------------------------------------------------------------------------------- what the session has


def is_used(request: HttpRequest) -> bool:
    """Tell whether who is signed in came through another package's sign-in at Cognito."""
    return request.user.is_authenticated and _trust(request) is not None


@sensitive_variables()
def keep(request: HttpRequest, sign_in: OtherSignIn, user: Any) -> None:
    """Keep what the sign-in of ``user`` brought, encrypted, until it is over or a set-up is done.

    For providers whose package keeps no token of its own, or keeps it in clear.
    """
    # login() may come after this, and may empty the session: who signs in may be another than before.
    request.cognito_mfa_sign_in = (user, sign_in)  # type: ignore[attr-defined]
    if request.user.is_authenticated and request.user == user:
        request.session[KEY] = seal({"user": str(user.pk), **asdict(sign_in)})


@sensitive_variables()
def kept(request: HttpRequest) -> OtherSignIn | None:
    """Return what ``keep`` kept of who is signed in, or None."""
    payload = unseal(request.session.get(KEY)) or {}
    # SECURITY: a sign-in that failed may have brought somebody else's token.
    if payload.pop("user", None) != str(request.user.pk):
        return None
    return OtherSignIn(**payload)


@sensitive_variables()
def person_here(request: HttpRequest) -> Person | None:
    """Return who the session's token speaks for, unchecked; None without a token of this pool.

    Asks nobody, so a page may be shown by it.
    """
    try:
        sign_in = _provided(request)
        return _person(sign_in) if sign_in else None
    except CognitoMFAError:
        return None


@sensitive_variables()
def is_of_this_pool(sign_in: OtherSignIn) -> bool:
    """Tell whether a token is one of the pool's, by what it says of itself."""
    try:
        _person(sign_in)
    except CognitoMFAError:
        return False
    return True


def is_recent(person: Person, limit: float) -> bool:
    """Tell whether the person signed in at Cognito at most ``limit`` seconds ago."""
    at = _auth_time(person)
    return at is not None and time.time() - at <= limit


def allows_setup(person: Person) -> bool:
    """Tell whether the access token has the scope that every set-up needs (facts §7.1)."""
    return SELF_SERVICE_SCOPE in str(person.claims.get("scope", "")).split()


# ---------------------------------------------------------------------------- when somebody signs in


def on_signed_in(
    *, request: HttpRequest | None = None, user: Any = None, **_kwargs: object
) -> None:
    """Judge a sign-in, if it happened at Cognito's own pages; what was proven before is forgotten.

    Receives Django's ``user_logged_in``. What is in doubt proves nothing; nothing here stops a sign-in.
    """
    if request is None or not hasattr(request, "session"):
        return
    trust = _trust(request)
    if trust is None:
        return
    came, sign_in = getattr(request, "cognito_mfa_sign_in", (None, None))
    if sign_in is not None and came == user:
        keep(request, sign_in, user)
    try:
        _judge(request, user, everyone=trust == "everyone")
    except CognitoMFAError as error:
        logger.warning("sign_in_proves_nothing: user %s: %s", user.pk, error)


@sensitive_variables()
def _judge(request: HttpRequest, user: Any, *, everyone: bool) -> None:
    sign_in = _provided(request)
    if sign_in is None:
        return
    person = _person(sign_in)
    provider = _provider(person)
    if provider:
        arrival.note(request.session, user, provider=provider)
        return
    identity = linking.link_signed_in(person, user)
    at = _auth_time(person)
    if at is None or not _factor_answered(sign_in, person):
        return
    if everyone or _was_asked(identity, at):
        _prove(request, identity, at)


def _factor_answered(sign_in: OtherSignIn, person: Person) -> bool:
    """Tell whether nothing speaks against a second factor at Cognito.

    ``amr`` decides where there is one. Without it, whoever has a provider linked to the account may
    have come through that, and nobody was asked (facts §2.2).
    """
    methods = person.claims.get("amr")
    if isinstance(methods, list):
        return "mfa" in methods
    return sign_in.claims is not None and not providers_in(person.claims.get("identities"))


def _was_asked(identity: CognitoIdentity, at: float) -> bool:
    """Tell whether Cognito must have asked for a code, because an authenticator counted by then.

    Whoever signed in before that, and comes back by the cookie of managed login, was not asked.
    """
    token = identity.software_token
    return (
        identity.status == Status.ENABLED
        and token is not None
        and at >= token.verified_at.timestamp()
    )


def _prove(request: HttpRequest, identity: CognitoIdentity, at: float) -> None:
    # SECURITY: from when Cognito says, so that coming back by a cookie for ever makes no proof young.
    proof.write(request.session, identity, method=MANAGED_LOGIN, at=min(at, time.time()))
    identity.software_tokens.filter(retired_at=None).update(last_used_at=timezone.now())
    MFAEvent.objects.record(MFAEvent.Kind.SIGNED_IN, identity, detail=MANAGED_LOGIN)
    logger.info("signed_in: user %s, method %s", identity.user_id, MANAGED_LOGIN)


# ------------------------------------------------------------------------------- what people then do


@sensitive_variables()
def begin(
    request: HttpRequest, *, purpose: Purpose = Purpose.SIGN_IN, next_url: str = ""
) -> Outcome:
    """Begin a set-up, or a change, with the token of the sign-in elsewhere; talks to Cognito.

    Raises:
        SignInAgain: there is no token, it is too old for this, or an authenticator counts already.
        ScopeMissing: the token allows no set-up; the operator must ask for more at the sign-in.
        Refused: a provider signs the person in, or the account is not that of who is signed in.
    """
    pending.clear(request)
    sign_in = _provided(request)
    if sign_in is None:
        raise SignInAgain("set-up", "NoToken")
    person, access = _person(sign_in), sign_in.access_token
    change = purpose is not Purpose.SIGN_IN
    _check_recent(request, person, change=change)
    account = get_gateway().own_account(access)
    if account.sub != person.sub:
        raise BadReply("GetUser", "SomebodyElse")
    _refuse_people_of_providers(account, person)
    identity = _identity(request, person)
    if purpose is Purpose.REMOVE:
        return lifecycle.remove(request, identity, Tokens(access), signed_in_already=True)
    if not change and _has_one(request, identity, account, access):
        raise SignInAgain("set-up", "AlreadySetUp")
    begun = PendingSignIn(
        purpose=purpose,
        username=account.username,
        sub=identity.sub,
        next_url=next_url,
        generation=identity.generation,
        signed_in_already=True,
    )
    return enrolment.begin(request, begun, Tokens(access))


def _identity(request: HttpRequest, person: Person) -> CognitoIdentity:
    """Return the identity that was linked when the person signed in.

    SECURITY: nothing is linked here. A token that a sign-in in this session left behind, without making
    its owner the session's user, would give somebody else's account an authenticator of the owner's.
    """
    linking.check_signed_in(person, request.user)
    identity = identity_of(request.user)
    if identity is None:  # signed in before all this was switched on
        raise SignInAgain("set-up", "TooOld")
    return identity


def _refuse_people_of_providers(account: OwnAccount, person: Person) -> None:
    """Refuse where an authenticator would never be asked for, or nobody could tell whether it was."""
    if _owner(account.username, account.providers):
        raise Refused("set-up", "Federated")
    if account.providers and not isinstance(person.claims.get("amr"), list):
        raise Refused("set-up", "Linked")


def _check_recent(request: HttpRequest, person: Person, *, change: bool) -> None:
    """A change wants a sign-in with a code of the last minutes, a first set-up one of this quarter-hour."""
    conf = get_conf()
    if not is_recent(person, conf.REAUTH_MAX_AGE if change else SETUP_MAX_AGE):
        raise SignInAgain("set-up", "TooOld")
    if change:
        age = gate.proof_age(request, request.user)
        if age is None or age > conf.REAUTH_MAX_AGE:
            raise SignInAgain("set-up", "TooOld")


@sensitive_variables()
def _has_one(
    request: HttpRequest, identity: CognitoIdentity, account: OwnAccount, access_token: SecretText
) -> bool:
    """Tell whether an authenticator counts for the person already, as far as Cognito lets us know.

    Setting the preference is the question, where nothing is known: it fails without a verified
    authenticator, and makes one count whose preference was lost (security.md B-19b). Not where it was
    removed here: the person may no longer have the one that this would bring back.
    """
    found = SOFTWARE_TOKEN_MFA in account.factors
    if not found and identity.status in (Status.ENABLED, Status.UNKNOWN):
        found = get_gateway().prefer_software_token(access_token)
    if not found:
        identity.learn(Status.NOT_SET_UP)
        return False
    if identity.software_token is None:
        changes.passed(request, identity, "", unconfirmed=False)
    identity.learn(Status.ENABLED, preferred_factor=SOFTWARE_TOKEN_MFA)
    return True


# ------------------------------------------------------------------------------- reading what is there


def _trust(request: HttpRequest) -> str | None:
    """Return what the settings say of this session's sign-in, if it is one at Cognito's own pages."""
    conf, backend = get_conf(), request.session.get(BACKEND_SESSION_KEY)
    word = conf.trust_in(backend)
    ours = conf.TOKEN_PROVIDER is None or backend == BACKEND
    return None if ours or word == "elsewhere" else word


@sensitive_variables()
def _provided(request: HttpRequest) -> OtherSignIn | None:
    """Ask the site's provider. A provider that fails is one that has nothing."""
    provider = get_conf().TOKEN_PROVIDER
    if provider is None:
        return None
    try:
        ask: Callable[[HttpRequest], Any] = (
            import_string(provider) if isinstance(provider, str) else provider
        )
        given = ask(request)
    except Exception as error:  # noqa: BLE001 - a site's own code may fail in any way
        # Logged when it is over: a handler may look at the error at hand, and its frames hold tokens.
        given, failed = None, type(error).__name__
    else:
        failed = ""
    if failed:
        logger.error("token_provider_failed: %s", failed)
    sign_in = OtherSignIn(given) if isinstance(given, str) else given
    del given
    if not isinstance(sign_in, OtherSignIn) or not sign_in.access_token:
        return None
    known = isinstance(sign_in.claims, Mapping)
    return sign_in if known else OtherSignIn(sign_in.access_token)


@sensitive_variables()
def _person(sign_in: OtherSignIn) -> Person:
    """Return who signed in.

    Raises:
        BadReply: the token is another pool's or client's, or out of date; or the claims are of somebody
            else's.
    """
    person = get_gateway().person(Tokens(sign_in.access_token))
    claims = sign_in.claims or {}
    if claims.get("sub", person.sub) != person.sub:
        raise BadReply("tokens", "ClaimsDisagree")
    if not _is_in_force(person.claims):
        raise BadReply("tokens", "OutOfDate")
    return replace(
        person,
        email=str(claims.get("email") or ""),
        email_verified=str(claims.get("email_verified", "")).lower() == "true",
        claims={**claims, **person.claims},
    )


def _is_in_force(claims: Mapping[str, Any]) -> bool:
    expires, begins, now = claims.get("exp"), claims.get("nbf", 0), time.time()
    if not isinstance(expires, int) or not isinstance(begins, int):
        return False
    return begins - proof.SKEW <= now <= expires + proof.SKEW


def _provider(person: Person) -> str:
    """Return the identity provider that owns the account, or an empty string for one of the pool's own.

    By the claim and the name together: a stranger can choose a name that looks like a provider's, and
    an account of the pool's own can have a provider linked to it.
    """
    return _owner(person.username, providers_in(person.claims.get("identities")))


def _owner(username: str, providers: tuple[str, ...]) -> str:
    name = username.lower()
    return next((one for one in providers if name.startswith(f"{one.lower()}_")), "")


def _auth_time(person: Person) -> float | None:
    """Return when the person signed in at Cognito; None for a time that cannot be."""
    at = person.claims.get("auth_time")
    if not isinstance(at, int) or isinstance(at, bool) or at > time.time() + proof.SKEW:
        return None
    return float(at)
