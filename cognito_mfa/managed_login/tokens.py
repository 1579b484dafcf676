"""People who sign in at Cognito's own pages, through another package: its login stays, the second
factor is ours.

``COGNITO_MFA["TOKEN_PROVIDER"]`` hands out the tokens that such a sign-in left in the session. With them
a person sets up an authenticator here; at later sign-ins Cognito asks for the code. What a sign-in proves,
and of whom, is decided once, when it happens (``evidence``); nothing here is called on an ordinary request.

SECURITY: nobody is believed about where a token comes from. Before anybody is linked, or anything proven,
the pool's own keys must have signed it, for this pool and app client, and for this time. People are linked
when they sign in, never later; and before a set-up Cognito itself is asked whose token it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.authenticator import transitions, wrong_code_alerts
from cognito_mfa.cognito import claims, deadline, user_api
from cognito_mfa.cognito.claims import person_of, providers_in
from cognito_mfa.cognito.token_verification import is_in_force
from cognito_mfa.cognito.types import NOTHING, SOFTWARE_TOKEN_MFA, OwnAccount, Person, Tokens
from cognito_mfa.conf import SELF_SERVICE_SCOPE, get_conf
from cognito_mfa.enforcement import gate, proof
from cognito_mfa.enforcement.account_state import BACKEND
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    CognitoMFAError,
    LinkRefusedReason,
    Refused,
    RefusedReason,
    SignInAgain,
    SignInAgainReason,
)
from cognito_mfa.managed_login import evidence
from cognito_mfa.managed_login.evidence import Evidence
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of
from cognito_mfa.sign_in import enrollment, linking, removal
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.sign_in.pending import TTL, PendingSignIn, Purpose, clear_pending
from cognito_mfa.sign_in.snapshot import Snapshot
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.comparison import ascii_lower
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

KEY = f"{proof.PREFIX}token"
MANAGED_LOGIN = (
    "MANAGED_LOGIN"  # the method in proofs and events: which factor, Cognito does not say
)
DOUBT = f"{proof.PREFIX}doubt"
SENT = f"{proof.PREFIX}sent"
CANNOT_ASK = "CANNOT_ASK"  # beside the names of Doubt: Cognito was asked, and did not say
# Another sign-in there may well end as this one did: those who have an authenticator may sign in here.
NO_WAY_ON_THERE = frozenset({CANNOT_ASK, "STALE", "DEVICE", "LINKED", "UNTOLD"})
PATIENCE = 8.0  # seconds that judging a sign-in may take; it goes on without a proof then
SETUP_MAX_AGE = TTL  # seconds from the sign-in to a first set-up, as with a password of ours

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True, init=False)
class OtherSignIn:
    """What a sign-in by another package left; a ``TOKEN_PROVIDER`` returns one, or the bare token.

    Args:
        access_token: as Cognito gave it, a plain text; it is closed here, and shown nowhere. Anything
            else is no token.
        claims: of the ID token that came with it, where a package has read it and thrown it away. SECURITY:
            nobody has checked its signature, so they can only speak against somebody.
        id_token: as Cognito gave it; empty where nobody has it. Without it and without claims nobody knows
            whether an identity provider signed the person in, and only ``amr`` makes a proof.
    """

    access_token: SecretText
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    id_token: SecretText = NOTHING

    def __init__(
        self,
        access_token: str | SecretText,
        claims: Mapping[str, Any] | None = None,
        id_token: str | SecretText = "",
    ) -> None:
        object.__setattr__(self, "access_token", _closed(access_token))
        object.__setattr__(self, "claims", claims if isinstance(claims, Mapping) else None)
        object.__setattr__(self, "id_token", _closed(id_token))

    @classmethod
    def of(cls, access_token: str | SecretText, id_token: str | SecretText) -> OtherSignIn:
        """Return both tokens of one sign-in, as Cognito gave them."""
        return cls(access_token, id_token=id_token)


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
        request.session[KEY] = encrypt({"user": str(user.pk), **asdict(sign_in)})


@sensitive_variables()
def kept(request: HttpRequest) -> OtherSignIn | None:
    """Return what ``keep`` kept of who is signed in, or None."""
    payload = decrypt(request.session.get(KEY)) or {}
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
        return _person(sign_in, check_signatures=False) if sign_in else None
    except CognitoMFAError:
        return None


def is_recent(person: Person, limit: float) -> bool:
    """Tell whether the person signed in at Cognito at most ``limit`` seconds ago."""
    at = evidence.auth_time(person)
    ago = None if at is None else seconds_since(at)
    return ago is not None and ago <= limit


def may_sign_in_here(request: HttpRequest) -> bool:
    """Tell whether another sign-in at Cognito's pages may lead to the same end, so that ours is offered."""
    return BACKEND in settings.AUTHENTICATION_BACKENDS and _doubt_here(request) in NO_WAY_ON_THERE


def _doubt_here(request: HttpRequest) -> str:
    """Return why the last sign-in proved nothing; empty where it did, or another's."""
    record = request.session.get(DOUBT)
    if not isinstance(record, dict) or record.get("user") != str(request.user.pk):
        return ""
    return str(record.get("why") or "")


def allows_setup(person: Person) -> bool:
    """Tell whether the access token has the scope that every set-up needs (facts §7.1)."""
    return SELF_SERVICE_SCOPE in str(person.claims.get("scope", "")).split()


# ---------------------------------------------------------------------------- when somebody signs in


def note_sent(request: HttpRequest) -> None:
    """Write down that this browser is sent to sign in now, and whatever was signed in is signed out."""
    request.session[SENT] = time.time()


def remember_sent(request: HttpRequest | None) -> None:
    """Keep what ``note_sent`` wrote, until the request is over: the sign-in forgets it."""
    session = getattr(request, "session", None)
    if session is not None:
        request.cognito_mfa_sent_at = session.get(SENT)  # type: ignore[union-attr]


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
        with deadline.within(PATIENCE):
            _judge(request, user, everyone=trust == "everyone")
    except CognitoMFAError as error:
        _note_doubt(request, user, CANNOT_ASK)
        logger.warning("sign_in_proves_nothing: user %s: %s", user.pk, error)


@sensitive_variables()
def _judge(request: HttpRequest, user: Any, *, everyone: bool) -> None:
    sign_in = _provided(request)
    if sign_in is None:
        return
    person = _person(sign_in)
    account = None if sign_in.id_token else _told_by_cognito(sign_in, person)
    if account is not None:
        person = _as_told(person, account)
    provider = _provider(person)
    if provider:
        proof.record_federated_sign_in(request.session, user, provider=provider)
        return
    if not sign_in.id_token and account is None and identity_of(user) is None:
        linking.refuse(
            person, user, LinkRefusedReason.NOTHING_TOLD
        )  # not even whether the address was verified
    identity = linking.link_signed_in(person, user)
    sent_at = getattr(request, "cognito_mfa_sent_at", None)
    known = Evidence(sign_in.access_token, person, _providers(sign_in, person), account, sent_at)
    found = evidence.doubt(known, identity, everyone=everyone)
    if found is None:
        _prove(request, identity, person)
    else:
        _note_doubt(request, user, found.name)
        logger.info("sign_in_proves_nothing: user %s: %s", user.pk, found.value)


@sensitive_variables()
def _told_by_cognito(sign_in: OtherSignIn, person: Person) -> OwnAccount | None:
    """Ask Cognito about the person, where no ID token that could be checked is at hand."""
    try:
        account = user_api.own_account(sign_in.access_token)
    except CognitoMFAError as error:
        logger.warning("person_not_told: %s", error)
        return None
    if account.sub != person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    return account


def _as_told(person: Person, account: OwnAccount) -> Person:
    return person_of(person.claims, account.told, trusts=get_conf().TRUST_POOL_EMAIL)


def _providers(sign_in: OtherSignIn, person: Person) -> tuple[str, ...] | None:
    """Return the providers that were linked when the ID token was made; None where there was none."""
    if sign_in.id_token:
        return providers_in(person.claims.get("identities"))
    return None if sign_in.claims is None else providers_in(sign_in.claims.get("identities"))


def _note_doubt(request: HttpRequest, user: Any, why: str) -> None:
    request.session[DOUBT] = {"user": str(user.pk), "why": why}


def _prove(request: HttpRequest, identity: CognitoIdentity, person: Person) -> None:
    # SECURITY: from when Cognito says, so that coming back by a cookie for ever makes no proof young.
    at = evidence.auth_time(person) or 0.0
    proof.write(request.session, identity, method=MANAGED_LOGIN, at=min(at, time.time()))
    identity.software_tokens.active().update(last_used_at=timezone.now())
    wrong_code_alerts.show_since_last_sign_in(request, identity)
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
    clear_pending(request)
    if proof.federated_provider(request.session.get(proof.FEDERATED_KEY), request.user):
        raise Refused(reason=RefusedReason.FEDERATED)  # as Cognito said when the person came
    sign_in = _provided(request)
    if sign_in is None:
        raise SignInAgain(reason=SignInAgainReason.NO_TOKEN)
    person, access = _person(sign_in), sign_in.access_token
    change = purpose is not Purpose.SIGN_IN
    _check_recent(request, person, change=change)
    account = user_api.own_account(access)
    if account.sub != person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    _refuse_people_of_providers(account, person)
    identity = _identity(request, person)
    if purpose is Purpose.REMOVE:
        return removal.remove(request, identity, Tokens(access), signed_in_already=True)
    if not change and _has_one(request, identity, account, access):
        told = _doubt_here(request) not in NO_WAY_ON_THERE
        raise SignInAgain(
            reason=SignInAgainReason.ALREADY_SET_UP if told else SignInAgainReason.PROOF_UNKNOWN
        )
    pending = PendingSignIn(
        purpose=purpose,
        username=account.username,
        sub=identity.sub,
        next_url=next_url,
        snapshot=Snapshot.of(identity),
        signed_in_already=True,
    )
    return enrollment.start(request, pending, Tokens(access))


def _identity(request: HttpRequest, person: Person) -> CognitoIdentity:
    """Return the identity that was linked when the person signed in.

    SECURITY: nothing is linked here. A token that a sign-in in this session left behind, without making
    its owner the session's user, would give somebody else's account an authenticator of the owner's.
    """
    linking.check_signed_in(person, request.user)
    identity = identity_of(request.user)
    if identity is None:  # signed in before all this was switched on
        raise SignInAgain(reason=SignInAgainReason.TOO_OLD)
    return identity


def _refuse_people_of_providers(account: OwnAccount, person: Person) -> None:
    """Refuse where an authenticator would never be asked for, or nobody could tell whether it was."""
    if _owner(account.username, account.providers):
        raise Refused(reason=RefusedReason.FEDERATED)
    if account.providers and not isinstance(person.claims.get("amr"), list):
        raise Refused(reason=RefusedReason.LINKED_PROVIDER)


def _check_recent(request: HttpRequest, person: Person, *, change: bool) -> None:
    """A change wants a sign-in with a code of the last minutes, a first set-up one of this quarter-hour."""
    conf = get_conf()
    if not is_recent(person, conf.REAUTH_MAX_AGE if change else SETUP_MAX_AGE):
        raise SignInAgain(reason=SignInAgainReason.TOO_OLD)
    if change:
        age = gate.proof_age(request, request.user)
        if age is None or age > conf.REAUTH_MAX_AGE:
            raise SignInAgain(reason=SignInAgainReason.TOO_OLD)


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
    may_count = identity.status in (Status.ENABLED, Status.UNKNOWN)
    if not found and may_count and not transitions.was_removed_or_reset(identity):
        found = user_api.prefer_software_token(access_token)
        if found:
            transitions.record_switched_on(identity)
    if not found:
        identity.record_status(Status.NOT_SET_UP)
        return False
    if identity.software_token is None:
        transitions.reconcile(request, identity, "", unconfirmed=False)
    identity.record_status(Status.ENABLED, preferred_factor=SOFTWARE_TOKEN_MFA)
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
    return sign_in


@sensitive_variables()
def _person(sign_in: OtherSignIn, *, check_signatures: bool = True) -> Person:
    """Return who signed in.

    Args:
        check_signatures: for anything but showing a page, which asks nobody.

    Raises:
        BadReply: the tokens are another pool's or client's, nobody's or somebody else's, or out of date.
        Unavailable, Misconfigured: the pool's keys cannot be had.
    """
    tokens = Tokens(sign_in.access_token, sign_in.id_token)
    person = claims.read_person(tokens, check_signatures=check_signatures)
    if (sign_in.claims or {}).get("sub", person.sub) != person.sub:
        raise BadReply(reason=BadReplyReason.CLAIMS_DISAGREE)
    if not is_in_force(person.claims):
        raise BadReply(reason=BadReplyReason.OUT_OF_DATE)
    return person


def _provider(person: Person) -> str:
    """Return the identity provider that owns the account, or an empty string for one of the pool's own.

    By the claim and the name together: a stranger can choose a name that looks like a provider's, and
    an account of the pool's own can have a provider linked to it.
    """
    return _owner(person.username, providers_in(person.claims.get("identities")))


def _owner(username: str, providers: tuple[str, ...]) -> str:
    # SECURITY: whoever is taken for a provider's may be let in without a code.
    name = ascii_lower(username)
    return next((one for one in providers if name.startswith(f"{ascii_lower(one)}_")), "")
