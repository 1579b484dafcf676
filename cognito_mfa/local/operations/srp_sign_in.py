"""USER_SRP_AUTH and PASSWORD_VERIFIER: a sign-in in which the password is never sent.

The responses for users who do not exist look like those for users who do.

See "Secure Remote Password" and "Unknown users" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from cognito_mfa.local.errors import InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.operations import custom_challenges, password_attempts
from cognito_mfa.local.operations.context import Context, Payload, required
from cognito_mfa.local.operations.password_attempts import WRONG
from cognito_mfa.local.operations.secret_hash import check_secret_hash
from cognito_mfa.local.rules import directory, srp
from cognito_mfa.local.rules.passwords import SALT_BYTES
from cognito_mfa.local.rules.srp_exchanges import our_side, secret_block
from cognito_mfa.local.rules.state import (
    AppClient,
    SignInSession,
    SrpExchange,
    User,
    UserPool,
)

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TIMESTAMP = re.compile(
    rf"(?:{'|'.join(DAYS)}) ({'|'.join(MONTHS)}) (\d\d?) (\d\d):(\d\d):(\d\d) (?:UTC|GMT) (\d{{4}})",
    re.ASCII,
)
BAD_TIMESTAMP = "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."

Values = Mapping[str, str]


def begin_srp(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User | None,
    values: Values,
    *,
    admin: bool,
    session: SignInSession | None = None,
) -> Payload:
    """Begin an exchange, which shows neither whether the user exists nor whether they may sign in.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user; None if there is none with the name.
        values: The values of the request, as a map of strings.
        admin: Whether an Admin operation asks.
        session: The custom sign-in, if this is a step of one.

    Returns:
        PASSWORD_VERIFIER, with the server's side of the exchange.

    Raises:
        InvalidParameterException: SRP_A is not a public value.
    """
    public = client_value(required(values, "SRP_A"))
    salt, verifier = _known_of(pool, user, values["USERNAME"])
    exchange = context.exchanges.begin(
        pool, client, user, client_value=public, verifier=verifier, admin=admin
    )
    exchange.session = session.id if session is not None else ""
    name = user.username if user is not None else _pretended_id(pool, values["USERNAME"])
    # There is no Session, because the secret block replaces it.
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": salt,
            "SRP_B": exchange.public,
            "SECRET_BLOCK": secret_block(exchange),
            "USERNAME": name,
            "USER_ID_FOR_SRP": name,
        },
    }


def verify_password_claim(
    context: Context, pool: UserPool, client: AppClient, values: Values, *, admin: bool
) -> Payload:
    """Handle the response to PASSWORD_VERIFIER.

    After a wrong claim, the client can try again until the exchange is too old.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        values: The values of the request, as a map of strings.
        admin: Whether an Admin operation asks.

    Returns:
        What follows a correct password.

    Raises:
        NotAuthorizedException: The claim is wrong or too late, or the user cannot sign in.
    """
    username = required(values, "USERNAME")
    block = required(values, "PASSWORD_CLAIM_SECRET_BLOCK")
    claim = required(values, "PASSWORD_CLAIM_SIGNATURE")
    sent_at = parse_timestamp(required(values, "TIMESTAMP"))
    check_secret_hash(client, values, username)
    exchange = context.exchanges.find(block)
    if exchange is None or exchange.device_key:
        raise NotAuthorizedException(WRONG)
    user = bound_to_exchange(context, exchange, pool, client, username, admin=admin)
    password_attempts.check_may_try(context, user)
    right = _right_claim(pool, user, exchange, sent_at)
    if not hmac.compare_digest(right.encode(), claim.encode()):
        raise password_attempts.wrong_password(context, pool, user)
    check_fresh(context, pool, sent_at)
    context.exchanges.spend(exchange)
    custom = _custom_session(context, exchange)
    device_key = values.get("DEVICE_KEY", "")
    return password_attempts.after_password(
        context, pool, client, user, admin=admin, device_key=device_key, custom=custom
    )


def _custom_session(context: Context, exchange: SrpExchange) -> SignInSession | None:
    """Return the custom sign-in that an exchange is a step of, with the password in its history."""
    if not exchange.session:
        return None
    session = context.sessions.get_open(exchange.session)
    if session is None:
        raise NotAuthorizedException(WRONG)
    session.factors = ["pwd"]
    custom_challenges.add_result(session, "PASSWORD_VERIFIER", result=True)
    return session


def check_fresh(context: Context, pool: UserPool, sent_at: datetime) -> None:
    """Refuse a claim whose time is too far from the clock's.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        sent_at: The TIMESTAMP of the claim.

    Raises:
        NotAuthorizedException: The difference is larger than the pool's behavior allows.
    """
    tolerance = pool.behavior.srp_timestamp_tolerance
    if tolerance is not None and abs(sent_at.timestamp() - context.clock.now()) > tolerance:
        raise NotAuthorizedException(WRONG)


def bound_to_exchange(
    context: Context,
    exchange: SrpExchange,
    pool: UserPool,
    client: AppClient,
    username: str,
    *,
    admin: bool,
) -> User:
    """Return the user of an exchange, if the request matches everything that it is bound to.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        exchange: The exchange of the secret block.
        pool: The user pool.
        client: The app client.
        username: The name that the response gives.
        admin: Whether an Admin operation asks.

    Returns:
        The user.

    Raises:
        NotAuthorizedException: Something does not match.
    """
    bound = (exchange.pool_id, exchange.client_id) == (pool.id, client.id)
    same_kind = exchange.admin is admin or pool.behavior.admin_and_public_calls_mix
    user = directory.user_named(pool, username)
    if not bound or not same_kind or user is None or user.sub != exchange.sub:
        raise NotAuthorizedException(WRONG)
    return user


def parse_timestamp(text: str) -> datetime:
    """Read a TIMESTAMP as leniently as Java does.

    A wrong weekday or a leading zero only fails when the signature is compared.

    Raises:
        InvalidParameterException: It is not a timestamp.
    """
    parsed = TIMESTAMP.fullmatch(text)
    if parsed is None:
        raise InvalidParameterException(BAD_TIMESTAMP)
    month, *numbers = parsed.groups()
    day, hour, minute, second, year = map(int, numbers)
    try:
        return datetime(year, MONTHS.index(month) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise InvalidParameterException(BAD_TIMESTAMP) from None


def timestamp(at: datetime) -> str:
    """Write a TIMESTAMP: EEE MMM d HH:mm:ss z yyyy, in English whatever the locale."""
    clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day} {clock} UTC {at.year:04}"


def client_value(text: str) -> int:
    """Return the number in SRP_A.

    Raises:
        InvalidParameterException: It is not a public value of SRP.
    """
    try:
        return srp.client_value(text)
    except srp.BadPublicValue:
        raise InvalidParameterException("SRP_A is not a public value of SRP") from None


def _known_of(pool: UserPool, user: User | None, typed: str) -> tuple[str, int]:
    """Return salt and verifier. Without a user or a password, they are random but the same each time."""
    if user is not None and user.password is not None:
        return user.password.salt, srp.verifier(int(user.password.x, 16))
    salt = _pretended(pool, "salt", typed)[:SALT_BYTES]
    # As in a real salt, the first bit is clear, and the first byte is not zero.
    salt = bytes([salt[0] % 0x7F + 1]) + salt[1:]
    return salt.hex(), srp.verifier(int.from_bytes(_pretended(pool, "x", typed), "big"))


def _pretended_id(pool: UserPool, typed: str) -> str:
    """Return a fake id in the form of the pool's ids: a UUID if users sign in with an address."""
    by_address = bool(pool.username_attributes) or ("@" in typed and bool(pool.alias_attributes))
    if not by_address:
        return typed
    return str(uuid.UUID(bytes=_pretended(pool, "sub", typed)[:16], version=4))


def _pretended(pool: UserPool, what: str, typed: str) -> bytes:
    message = f"{what}:{directory.folded(pool, typed)}".encode()
    return hmac.digest(pool.pretence.encode(), message, hashlib.sha256)


def _right_claim(pool: UserPool, user: User, exchange: SrpExchange, sent_at: datetime) -> str:
    _, verifier = _known_of(pool, user, user.username)
    key = srp.session_key(int(exchange.client_value, 16), our_side(exchange), verifier)
    return srp.signature(
        key,
        pool.id.partition("_")[2].encode(),
        user.username.encode(),
        base64.b64decode(secret_block(exchange)),
        timestamp(sent_at).encode(),
    )
