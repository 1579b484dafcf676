"""Every outcome that has an event in the log, as its user, administrator, or operator brings it about."""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections, router
from django.test import Client, RequestFactory, TestCase
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa import bearer
from cognito_mfa.authenticator import (
    code_attempts,
    emails,
    exemptions,
    links,
    permissions,
    status,
)
from cognito_mfa.authenticator.permissions import ActionDenied
from cognito_mfa.bearer import BearerRefused
from cognito_mfa.cognito import token_verification
from cognito_mfa.exceptions import BadCode
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from cognito_mfa.monitoring import log_events
from tests.factories import make, reset_in_admin
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

NEW = "Correct-Horse-8"
SHOWN = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b")


class Heard(logging.Handler):
    """Keeps the records of the events' logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def names(self) -> list[str]:
        return [vars(record)["cognito_mfa_event"] for record in self.records]

    def fields(self, name: str) -> dict[str, Any]:
        """Return the fields of the only record of that event."""
        (record,) = [one for one in self.records if vars(one)["cognito_mfa_event"] == name]
        prefix = log_events.PREFIX
        return {
            key.removeprefix(prefix): value
            for key, value in vars(record).items()
            if key.startswith(prefix)
        }


class Clock:
    """The clock of the process, which a test moves."""

    ahead = 0.0

    def read(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Site:
    """A site, one of its users, and what its log says."""

    pool: LocalPool
    visitor: Visitor
    settings: Settings
    heard: Heard = field(repr=False)
    clock: Clock = field(repr=False)

    def start(self) -> None:
        """Forget what was logged to come here."""
        self.heard.records.clear()

    def configure(self, **conf: Any) -> None:
        self.settings.COGNITO_MFA = {**self.settings.COGNITO_MFA, **conf}

    def come(self) -> None:
        """Let the user come with an app, and forget what was logged."""
        self.visitor.come_with_app()
        self.start()

    def post(self, name: str, **data: str) -> Any:
        return self.visitor.post(reverse(f"cognito_mfa:{name}"), data)

    def fail(self, operation: str, fault: Any) -> None:
        self.visitor.cognito.faults.on(operation, fault, times=1)

    @property
    def identity(self) -> CognitoIdentity:
        return CognitoIdentity.objects.get(username="newcomer")

    def superuser(self) -> Visitor:
        """Return an administrator with a recent code."""
        make(self.pool, "root", is_staff=True, is_superuser=True)
        admin = Visitor(Client(), self.visitor.cognito)
        admin.come_with_app("root")
        self.start()
        return admin


# --------------------------------------------------------------------------------------- the outcomes


def first_sign_in(site: Site) -> None:
    site.visitor.set_up()


def later_sign_in(site: Site) -> None:
    site.come()
    site.visitor.sign_in()
    site.visitor.enter_code()


def wrong_password(site: Site) -> None:
    site.visitor.sign_in(password="wrong-password")


def wrong_code(site: Site) -> None:
    site.come()
    site.visitor.sign_in()
    site.visitor.enter_code(site.visitor.wrong_code())


def too_many_codes(site: Site) -> None:
    site.come()
    site.visitor.sign_in()
    last = code_attempts.MAX_ATTEMPTS - 1
    earlier = timezone.now() - dt.timedelta(days=1)
    CodeFailures.objects.update(failures=last, total=last, last_at=earlier)
    site.visitor.enter_code(site.visitor.wrong_code())


def code_while_locked(site: Site) -> None:
    too_many_codes(site)
    site.start()
    site.visitor.enter_code()


def throttled_by_cognito(site: Site) -> None:
    # twice, because a throttled call is repeated once
    error = faults.Error("TooManyRequestsException", "slow")
    site.visitor.cognito.faults.on("InitiateAuth", error, times=2)
    site.visitor.sign_in()


def unavailable(site: Site) -> None:
    site.visitor.cognito.faults.on("InitiateAuth", faults.Unreachable())
    site.visitor.sign_in()


def misconfigured(site: Site) -> None:
    site.fail("InitiateAuth", faults.Error("ResourceNotFoundException", "no client"))
    site.visitor.sign_in()


def stops_calling(site: Site) -> None:
    site.configure(CIRCUIT_BREAKER=1)
    unavailable(site)


def calls_again(site: Site) -> None:
    stops_calling(site)
    site.start()
    site.visitor.cognito.faults.clear()
    site.clock.ahead += 60
    site.visitor.sign_in()


def database_down(site: Site) -> None:
    site.settings.ROOT_URLCONF = "tests.api.urls"
    site.come()

    def fail(*_args: object) -> None:
        raise OperationalError("could not connect to db.example as alice")

    with connections[router.db_for_write(CognitoIdentity)].execute_wrapper(fail):
        site.visitor.get(reverse("cognito_mfa_api:session"))


def nothing_pending(site: Site) -> None:
    site.post("challenge", code="123456")


def another_step(site: Site) -> None:
    site.visitor.sign_in()
    site.start()
    site.post("challenge", code="123456")


def overtaken(site: Site) -> None:
    site.come()
    site.visitor.sign_in()
    site.identity.invalidate_proofs()
    site.start()
    site.visitor.enter_code()


def unknown_challenge(site: Site) -> None:
    rename = faults.Edit(lambda answer: {**answer, "ChallengeName": "CUSTOM_CHALLENGE"})
    site.fail("InitiateAuth", rename)
    site.visitor.sign_in()


def signed_out_elsewhere(site: Site) -> None:
    site.come()
    site.post("sign_out_elsewhere")


def new_phone(site: Site) -> None:
    site.come()
    site.post("device_replace", password=PASSWORD)
    site.visitor.enter_code()
    site.visitor.scan()
    site.visitor.confirm_setup()


def new_phone_unconfirmed(site: Site) -> None:
    site.come()
    site.post("device_replace", password=PASSWORD)
    site.visitor.enter_code()
    site.visitor.scan()
    site.start()
    site.fail("VerifySoftwareToken", faults.Timeout(executed=True))
    site.visitor.confirm_setup()


def turned_off(site: Site) -> None:
    site.pool.state.mfa = "OPTIONAL"
    site.come()
    site.configure(REQUIRED=False, ALLOW_REMOVE=True)
    site.post("device_remove", password=PASSWORD)
    site.visitor.enter_code()


def turning_off_refused(site: Site) -> None:
    site.come()
    site.configure(REQUIRED=False, ALLOW_REMOVE=True)
    site.post("device_remove", password=PASSWORD)
    site.visitor.enter_code()


def renamed(site: Site) -> None:
    site.come()
    site.post("device_rename", friendly_name="Secret phone")


def _with_recovery_codes(site: Site) -> list[str]:
    site.configure(RECOVERY_CODES=True)
    site.come()
    site.post("recovery_codes")
    page = site.visitor.text(site.visitor.get(reverse("cognito_mfa:recovery_codes")))
    return SHOWN.findall(page)


def recovery_codes(site: Site) -> None:
    _with_recovery_codes(site)


def recovered(site: Site) -> None:
    code = _with_recovery_codes(site)[0]
    site.visitor.sign_in()
    site.start()
    site.post("recover", code=code)


def recovery_refused(site: Site) -> None:
    code = _with_recovery_codes(site)[0]
    site.visitor.sign_in()
    site.start()
    site.fail("AdminDeleteSoftwareToken", faults.Error("AccessDeniedException", "no"))
    site.post("recover", code=code)


def password_changed(site: Site) -> None:
    site.come()
    new = {"new_password1": NEW, "new_password2": NEW}
    site.post("password_change", old_password=PASSWORD, code=site.visitor.code(), **new)


def password_change_refused(site: Site) -> None:
    site.come()
    short = {"new_password1": "Sh-1", "new_password2": "Sh-1"}
    site.post("password_change", old_password=PASSWORD, code=site.visitor.code(), **short)
    new = {"new_password1": NEW, "new_password2": NEW}
    site.start()
    site.post("password_change_confirm", old_password="wrong-password", **new)


def password_reset(site: Site) -> None:
    site.come()
    site.visitor.sign_out()
    site.post("password_reset", username="newcomer")
    code = site.visitor.cognito.outbox[-1].code
    site.post("password_reset_confirm", code=code, new_password1=NEW, new_password2=NEW)


def reset_code_not_sent(site: Site) -> None:
    site.fail("ForgotPassword", faults.Error("NotAuthorizedException", "User is disabled"))
    site.post("password_reset", username="newcomer")


def use_token(token: str) -> None:
    """Call an API with a token, which is refused."""
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    with suppress(BearerRefused):
        bearer.authenticate(request)


def token_refused(site: Site) -> None:
    use_token("eyJhbGciOiJub25lIn0.e30.")


def token_not_verified(site: Site) -> None:
    token = site.pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid"])["AccessToken"]
    token_verification.forget_keys()
    # Nothing listens there.
    factory = "cognito_mfa.cognito.make_client"
    site.configure(CLIENT_FACTORY=factory, ENDPOINT_URL="http://127.0.0.1:9")
    use_token(token)


def link_refused(site: Site) -> None:
    site.configure(CREATE_USERS=False)
    site.visitor.sign_in()
    site.visitor.scan()
    site.visitor.confirm_setup()


def sign_in_refused(site: Site) -> None:
    site.come()
    User.objects.filter(username="newcomer").update(is_active=False)
    site.visitor.sign_out()
    site.visitor.sign_in()
    site.visitor.enter_code()


def linked_by_hand(site: Site) -> None:
    user = User.objects.create_user("ada")
    found = links.find_in_pool(username="newcomer")
    links.link(user, found, actor=None, reason="Ticket 7")


def link_moved(site: Site) -> None:
    linked_by_hand(site)
    site.start()
    found = links.find_in_pool(username="newcomer")
    links.link(User.objects.create_user("eve"), found, actor=None, reason="Ticket 8", move=True)


def unlinked(site: Site) -> None:
    linked_by_hand(site)
    site.start()
    links.unlink(site.identity, actor=None, reason="Ticket 9")


def user_deleted(site: Site) -> None:
    make(site.pool, "ada").user.delete()


def user_disabled(site: Site) -> None:
    identity = make(site.pool, "ada")
    site.pool.user("ada").enabled = False
    status.refresh_status(identity)


def status_changed(site: Site) -> None:
    status.refresh_status(make(site.pool, "ada"))


def rights_changed(site: Site) -> None:
    Group.objects.create(name="Editors")
    site.configure(GROUPS={"editors": ["Editors"]})
    site.come()
    boto = site.visitor.cognito.client()
    boto.create_group(UserPoolId=POOL_ID, GroupName="editors")
    boto.admin_add_user_to_group(UserPoolId=POOL_ID, GroupName="editors", Username="newcomer")
    site.visitor.sign_in()
    site.visitor.enter_code()


def reset_by_staff(site: Site) -> None:
    site.come()
    admin = site.superuser()
    reset_in_admin(admin, site.identity)


def reset_interrupted(site: Site) -> None:
    site.come()
    admin = site.superuser()
    site.fail("AdminUserGlobalSignOut", faults.Error("AccessDeniedException", "no"))
    reset_in_admin(admin, site.identity)


def exemption_granted(site: Site) -> None:
    root = User.objects.create_superuser("root")
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(User.objects.create_user("ada"), until=until, reason="Lost", actor=root)


def exemption_revoked(site: Site) -> None:
    exemption_granted(site)
    site.start()
    root = User.objects.get(username="root")
    (granted,) = User.objects.get(username="ada").mfa_exemptions.all()
    exemptions.revoke(granted, reason="Found", actor=root)


def failures_cleared(site: Site) -> None:
    identity = make(site.pool, "ada")
    with suppress(BadCode), code_attempts.count_attempt("ada", sub=identity.sub):
        raise BadCode
    status.clear_failures("ada", sub=identity.sub, actor=None, reason="Ticket 7")


def permission_denied(site: Site) -> None:
    staff = User.objects.create_user("clerk", is_staff=True)
    try:
        permissions.require(permissions.RESET, staff, make(site.pool, "ada"))
    except ActionDenied as denied:
        permissions.record_denial(denied)


def events_exported(site: Site) -> None:
    admin = site.superuser()
    admin.client.post(
        reverse("admin:cognito_mfa_mfaevent_export"), {"format": "csv", "reason": "Audit"}
    )


def events_purged(site: Site) -> None:
    long_ago = timezone.now() - dt.timedelta(days=1000)
    MFAEvent.objects.create(kind=MFAEvent.Kind.RENAMED, at=long_ago)
    call_command("cognito_mfa_purge", "--older-than", "900", verbosity=0)


def sync(site: Site) -> None:
    site.come()
    call_command("cognito_mfa_sync", "--older-than", "0", verbosity=0)


def sync_without_permission(site: Site) -> None:
    site.come()
    site.visitor.cognito.faults.on("*", faults.Error("AccessDeniedException", "no"))
    with suppress(CommandError):
        call_command("cognito_mfa_sync", "--older-than", "0", verbosity=0)


def sync_of_a_few(site: Site) -> None:
    site.come()
    make(site.pool, "ada")
    call_command("cognito_mfa_sync", "--older-than", "0", "--limit", "1", verbosity=0)


def email_without_template(site: Site) -> None:
    site.come()
    using = router.db_for_write(CognitoIdentity)
    with TestCase.captureOnCommitCallbacks(using=using, execute=True):
        emails.send("no_such_kind", site.identity)


def blocked(site: Site) -> None:
    site.visitor.client.force_login(
        make(site.pool, "ada").user, "cognito_mfa.backends.CognitoBackend"
    )
    site.visitor.get("/private/")


def would_block(site: Site) -> None:
    site.configure(ENFORCEMENT="observe")
    blocked(site)


OUTCOMES: dict[Callable[[Site], None], list[str]] = {
    first_sign_in: ["user_created", "software_token_verified", "signed_in"],
    later_sign_in: ["signed_in"],
    wrong_password: ["password_refused"],
    wrong_code: ["code_rejected"],
    too_many_codes: ["code_entry_locked", "code_rejected"],
    code_while_locked: ["step_refused"],
    throttled_by_cognito: ["cognito_refused"],
    unavailable: ["cognito_failed"],
    misconfigured: ["cognito_failed"],
    stops_calling: ["circuit_opened", "cognito_failed"],
    calls_again: ["circuit_closed"],
    database_down: ["storage_failed"],
    nothing_pending: ["stale_step"],
    another_step: ["stale_step"],
    overtaken: ["stale_step"],
    unknown_challenge: ["challenge_not_supported"],
    signed_out_elsewhere: ["signed_out_elsewhere"],
    new_phone: ["software_token_replaced", "signed_in"],
    new_phone_unconfirmed: ["change_unconfirmed", "cognito_failed"],
    turned_off: ["software_token_removed", "signed_in"],
    turning_off_refused: ["removal_refused"],
    renamed: ["device_renamed"],
    recovery_codes: ["recovery_codes_created"],
    recovered: ["recovery_code_used", "mfa_reset"],
    recovery_refused: ["recovery_code_used", "recovery_code_returned", "cognito_failed"],
    password_changed: ["password_changed"],
    password_change_refused: ["password_change_refused"],
    password_reset: ["password_reset"],
    reset_code_not_sent: ["reset_code_not_sent"],
    token_refused: ["token_refused"],
    token_not_verified: ["token_not_verified"],
    link_refused: ["link_refused"],
    sign_in_refused: ["sign_in_refused"],
    linked_by_hand: ["linked"],
    link_moved: ["link_moved"],
    unlinked: ["unlinked"],
    user_deleted: ["user_deleted"],
    user_disabled: ["status_changed", "user_disabled"],
    status_changed: ["status_changed"],
    rights_changed: ["rights_changed", "signed_in"],
    reset_by_staff: ["mfa_reset_requested", "mfa_reset"],
    reset_interrupted: ["mfa_reset_requested", "mfa_reset_interrupted"],
    exemption_granted: ["exemption_granted"],
    exemption_revoked: ["exemption_revoked"],
    failures_cleared: ["failures_cleared"],
    permission_denied: ["permission_denied"],
    events_exported: ["events_exported"],
    events_purged: ["events_purged"],
    sync: ["sync_finished"],
    sync_without_permission: ["sync_interrupted"],
    sync_of_a_few: ["status_changed", "sync_part"],
    email_without_template: ["email_not_sent"],
    blocked: ["request_blocked"],
    would_block: ["would_block"],
}
