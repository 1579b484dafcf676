"""Creates the boto3 clients, with their timeouts, attempts, and endpoints.

boto3 is imported when the first call is made.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.signals import setting_changed
from django.db import connections
from django.utils.module_loading import import_string

from cognito_mfa.cognito import circuit_breaker, retry_budget
from cognito_mfa.cognito.deadline import CALLS, CallThread
from cognito_mfa.cognito.endpoints import is_aws, refuse_endpoint, refuse_local
from cognito_mfa.cognito.errors import hint_for
from cognito_mfa.cognito.integrity import refuse_unbelievable
from cognito_mfa.conf import NAME, SETTINGS, Conf, get_conf
from cognito_mfa.exceptions import Misconfigured

if TYPE_CHECKING:
    from botocore.config import Config

CONNECT_TIMEOUT = 3  # seconds
READ_TIMEOUT = 8  # seconds for each packet, not for the answer
CONNECTIONS = CALLS  # one for each call at a time; botocore's own default is 10
READ_ATTEMPTS = 3
SERVICE = "cognito-identity-provider"  # in the names of botocore's events

# A second send of these would fail, or do its work twice: they are sent once.
CONSUMING = frozenset(
    {
        "InitiateAuth",
        "AdminInitiateAuth",
        "RespondToAuthChallenge",
        "AdminRespondToAuthChallenge",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "GetTokensFromRefreshToken",
        "ForgotPassword",
        "ConfirmForgotPassword",
        "ChangePassword",
    }
)

_clients: dict[int, Any] = {}  # by the number of attempts
_lock = threading.Lock()


def make_client(
    *, region_name: str, endpoint_url: str | None = None, config: Config | None = None
) -> Any:
    """Build the boto3 client; the default of ``COGNITO_MFA["CLIENT_FACTORY"]``.

    Args:
        region_name: the pool's Region.
        endpoint_url: another address than AWS's own, for a local Cognito.
        config: attempts, timeouts and connections; a factory of your own must honor it.
    """
    import boto3
    from botocore.config import Config

    # A session of our own: boto3's default session is shared with the site and not thread-safe.
    make = partial(
        boto3.session.Session().client,
        "cognito-idp",
        region_name=region_name,
        endpoint_url=endpoint_url,
    )
    client = make(config=config)
    agent = _user_agent(client.meta.config)
    if agent is None:
        return client
    return make(config=(config or Config()).merge(Config(user_agent=agent)))


def _user_agent(config: Any) -> str | None:
    """Return botocore's User-Agent; None where the site adds to it.

    Left to itself, botocore makes it twice for each call: 4% of a call, and more in older versions. It does not say
    how it spells what a site adds.

    Args:
        config: of a client.
    """
    import botocore

    if config.user_agent_appid or config.user_agent_extra:
        return None
    # The last part is the session's own, which is added to a given text as well.
    return str(config.user_agent).removesuffix(f" Botocore/{botocore.__version__}")


def makes_clients_itself(conf: Conf) -> bool:
    """Return whether clients come from ``make_client``, and from no factory of the site."""
    return bool(SETTINGS["CLIENT_FACTORY"].default == conf.CLIENT_FACTORY)


def client_for(operation: str) -> Any:
    """Return the process's client for ``operation``: one attempt where a call consumes something."""
    return client_with(1 if operation in CONSUMING else READ_ATTEMPTS)


def client_with(attempts: int) -> Any:
    """Return the process's client that makes up to so many attempts."""
    client = _clients.get(attempts)
    if client is None:
        with _lock:
            client = _clients.get(attempts)
            if client is None:
                client = _clients[attempts] = _build(get_conf(), attempts)
    return client


def has_operation(operation: str) -> bool:
    """Return whether the installed botocore knows ``operation``, which may be newer than it.

    Raises:
        Misconfigured: no client can be made, such as for a profile that does not exist.
    """
    try:
        client = client_for(operation)
    except Exception as error:  # noqa: BLE001 - as in a call; what a credential process printed stays here
        name = type(error).__name__
    else:
        return operation in client.meta.service_model.operation_names
    raise Misconfigured(operation, name, sent="no", hint=hint_for(name))


def has_credentials() -> bool:
    """Return whether AWS credentials were found, without asking AWS whether they are valid.

    botocore looks for them when it makes a client, and says what it found nowhere else. What it does not say is
    taken for yes: the call itself will tell.

    Raises:
        Misconfigured: no client can be made, such as for a profile that does not exist.
    """
    has_operation("AdminUserGlobalSignOut")  # raises where no client can be made
    return credentials_of(client_for("AdminUserGlobalSignOut")) is not None


def credentials_of(client: Any) -> Any:
    """Return what ``client`` signs its calls with; None without any.

    The client itself where it does not say it.
    """
    signer = getattr(client, "_request_signer", None)
    return getattr(signer, "_credentials", client)


def endpoint() -> str:
    """Return the address that calls go to; "AWS" before the first call.

    Such as ``https://cognito-idp.eu-west-1.amazonaws.com``.
    """
    client = next(iter(_clients.values()), None)
    if client is None:
        return "AWS"
    parts = urlsplit(url_of(client))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a name and password


def url_of(client: Any) -> str:
    """Return where ``client`` sends its calls.

    Not ``meta.endpoint_url`` alone, which is another host with dual-stack endpoints in GovCloud and the ISO Regions.
    """
    resolve = getattr(client, "_resolve_endpoint_ruleset", None)
    model_of = getattr(getattr(client.meta, "service_model", None), "operation_model", None)
    if resolve is None or model_of is None:  # what a site's factory made, or another botocore
        return str(client.meta.endpoint_url)
    return str(resolve(model_of("InitiateAuth"), {}, {})[0])


def forget_clients(**kwargs: object) -> None:
    """Drop the clients: settings changed, or this is a forked child that must not share connections.

    What was learned about the service that they called is dropped too.
    """
    if kwargs.get("setting", NAME) == NAME:
        _clients.clear()
        circuit_breaker.reset()
        retry_budget.reset()


def _start_anew() -> None:
    """Replace the lock and drop the clients in a forked child: a thread of the parent may have held it."""
    global _lock
    _lock = threading.Lock()
    forget_clients()


setting_changed.connect(forget_clients, dispatch_uid="cognito_mfa.cognito.clients")
os.register_at_fork(after_in_child=_start_anew)


def _build(conf: Conf, attempts: int) -> Any:
    factory = conf.CLIENT_FACTORY
    make: Callable[..., Any] = import_string(factory) if isinstance(factory, str) else factory
    held = _open_connections()
    try:
        client = make(
            region_name=conf.REGION,
            endpoint_url=conf.ENDPOINT_URL,
            config=_config(attempts=attempts),
        )
    finally:
        _close_database(held)
    url = url_of(client)
    refuse_local(client)
    from_aws = is_aws(url) or _is_where_boto3_goes(conf, url)
    refuse_endpoint(conf, url, from_aws=from_aws)
    guard = partial(refuse_unbelievable, from_aws=from_aws)
    client.meta.events.register(f"before-parse.{SERVICE}", guard)
    _silence_debug_logs()
    return client


def _open_connections() -> set[Any]:
    """Return this thread's database connections that are open."""
    return {one for one in connections.all(initialized_only=True) if one.connection is not None}


def _close_database(held: set[Any]) -> None:
    """Close database connections that a site's factory opened in the thread of a call.

    The thread stays, and does nothing for the database.

    Never in another thread: there, the connections belong to a request.

    Args:
        held: which were open before, and stay so.
    """
    if isinstance(threading.current_thread(), CallThread):
        for one in connections.all(initialized_only=True):
            if one not in held:
                one.close()


def _is_where_boto3_goes(conf: Conf, url: str) -> bool:
    """Return whether no configured endpoint leads to ``url``.

    Then it is AWS's, whatever its name is one day.

    Asked only of names that are not AWS's by our list.

    Args:
        conf: the app's settings.
        url: where the client sends its calls.
    """
    if conf.ENDPOINT_URL or not makes_clients_itself(conf):
        return False
    from botocore.config import Config

    option: dict[str, Any] = {
        "ignore_configured_endpoint_urls": True
    }  # unknown to botocore's stubs
    try:
        config = Config(**option)
        own = make_client(region_name=conf.REGION, config=config)
    except Exception:  # noqa: BLE001 - a botocore that does not know the option has no such endpoints either
        return False
    return url_of(own) == url


def _config(*, attempts: int) -> Config:
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=CONNECTIONS,
        # In full, because botocore's default sends a lost answer five times, and may change.
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
        # Cognito checks its input itself. botocore's check takes 3% of a call, and its refusals quote values.
        parameter_validation=False,
    )


class _DropCallDebug(logging.Filter):
    """SECURITY: botocore's DEBUG lines print passwords, codes, secrets, tokens and session strings."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not isinstance(
            threading.current_thread(), CallThread
        )


_drop_call_debug = _DropCallDebug()


def _silence_debug_logs() -> None:
    # Filters are not inherited, so each logger gets it. The site's other AWS calls keep their log lines.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("botocore", "boto3", "urllib3"):
            logging.getLogger(name).addFilter(_drop_call_debug)
