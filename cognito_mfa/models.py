"""The site's data about its users' MFA. No column contains a secret, and no method calls AWS."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Columns, Statement, Table
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cognito_mfa.conf import get_conf
from cognito_mfa.databases import (
    CurrentForeignKey,
    CurrentOneToOneField,
    CurrentQuerySet,
    StoredGeneratedField,
    atomic_for,
)
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason
from cognito_mfa.monitoring import log_events
from cognito_mfa.values import clocks
from cognito_mfa.values.untrusted import USERNAME_LENGTH, storable

FRIENDLY_NAME_LENGTH = 64
LANGUAGE_LENGTH = 16

PoolModel = TypeVar("PoolModel", bound=models.Model)

# What Django asks on PostgreSQL, UPPER(x::text) LIKE UPPER('a%'), and on SQLite, x LIKE 'a%', which ignores case.
_EXPRESSIONS = {
    "postgresql": "UPPER(%(column)s::text) text_pattern_ops",
    "sqlite": "%(column)s COLLATE NOCASE",
}


def _shown(at: dt.datetime) -> str:
    """Return a date and time in the active language's format."""
    local = timezone.localtime(at) if timezone.is_aware(at) else at
    return date_format(local, "DATETIME_FORMAT")


class PrefixIndex(models.Index):
    """An index for ``istartswith`` on one text column, also where a plain index cannot serve it."""

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        expression = _EXPRESSIONS.get(schema_editor.connection.vendor)
        if expression is None:
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        quote, table = schema_editor.quote_name, model._meta.db_table
        field: Any = model._meta.get_field(self.fields[0])
        # References instead of text: SQLite renames tables while it changes them.
        column = Columns(table, [field.column], quote)
        return Statement(
            "CREATE INDEX %(name)s ON %(table)s (%(expression)s)",
            name=quote(str(self.name)),
            table=Table(table, quote),
            expression=Statement(expression, column=column),
        )


class InPoolQuerySet(CurrentQuerySet[PoolModel]):
    """Rows about user pool users, from several pools if the site has changed its pool."""

    def in_pool(self) -> Self:
        """Return the rows of the user pool that the settings name.

        SECURITY: after a change of pools, another user may have the same username in the new one.
        """
        return self.filter(pool_id=get_conf().USER_POOL_ID)

    def in_other_pools(self) -> Self:
        """Return the rows of every other user pool."""
        # Two ranges of an index, which are empty on most sites; "not equal" would read the whole table.
        ours = get_conf().USER_POOL_ID
        return self.filter(models.Q(pool_id__lt=ours) | models.Q(pool_id__gt=ours))


class CognitoIdentityQuerySet(InPoolQuerySet["CognitoIdentity"]):
    """Identities, of whatever user pool."""

    def with_device(self) -> Self:
        """Return the rows with both names of the active software token, in the same query."""
        is_active = models.Q(software_tokens__retired_at=None)
        return self.annotate(
            _active=models.FilteredRelation("software_tokens", condition=is_active),
            device_name=models.F("_active__friendly_name"),
            device_cognito_name=models.F("_active__cognito_name"),
        )


def new_nonce() -> int:
    """Return a random value that distinguishes a generation from others with the same number.

    SECURITY: a restored database counts on from an older generation, and gives rows the keys of others that were made
    and lost since. By numbers alone, proofs of that time would be valid again.
    """
    return secrets.randbits(63)


class CognitoIdentity(models.Model):
    """A Django user's link to a user of the pool, and what Cognito last said about it."""

    class Status(models.TextChoices):
        UNKNOWN = "UNKNOWN", _("Unknown")
        NOT_SET_UP = "NOT_SET_UP", _("Not set up")
        ENABLED = "ENABLED", _("Set up")
        GONE = "GONE", _("Not in the user pool")

    class Factor(models.TextChoices):
        SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA", _("Authenticator app")
        SMS_MFA = "SMS_MFA", _("Text message")
        EMAIL_OTP = "EMAIL_OTP", _("Email")

    SENT_CODES = (Factor.SMS_MFA, Factor.EMAIL_OTP)

    class Unconfirmed(models.TextChoices):
        """A change that Cognito was asked for and whose reply was lost; the next sign-in settles it."""

        SET_UP = "SET_UP", _("Confirming a new authenticator app")
        SWITCH_ON = "SWITCH_ON", _("Turning on a confirmed app")
        REMOVAL = "REMOVAL", _("Turning off two-step verification")

    user = CurrentOneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="cognito_identity",
        verbose_name=_("user"),
    )
    pool_id = models.CharField(_("user pool"), max_length=55)
    sub = models.CharField(
        _("sub"), max_length=64, help_text=_("Cognito’s permanent ID for the user.")
    )
    username = models.CharField(_("username in the user pool"), max_length=128)
    email = models.EmailField(
        _("email address"),
        blank=True,
        help_text=_("The address that the user pool has verified. Empty without one."),
    )
    previous_email = models.EmailField(
        _("previous email address"),
        blank=True,
        help_text=_("The verified address before this one. It’s notified of changes, too."),
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.UNKNOWN
    )
    preferred_factor = models.CharField(
        _("preferred MFA method"), max_length=32, choices=Factor.choices, blank=True
    )
    unconfirmed = models.CharField(
        _("not confirmed"), max_length=16, choices=Unconfirmed.choices, blank=True
    )
    checked_at = models.DateTimeField(_("last checked"), null=True, blank=True)
    # Here and not in the app's own row, so that a sign-in writes it with the status. Read ``SoftwareToken.last_used_at``.
    app_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    disabled_at = models.DateTimeField(
        _("disabled since"),
        null=True,
        blank=True,
        help_text=_("When this site learned that the user is disabled in the user pool."),
    )
    generation = models.PositiveIntegerField(
        _("generation"),
        default=0,
        help_text=_("Incremented to make existing sessions pass MFA again."),
    )
    nonce = models.BigIntegerField(
        _("nonce"),
        default=new_nonce,
        editable=False,
        help_text=_("Random, and new with each generation."),
    )
    proofs_ended_at = models.DateTimeField(
        _("proofs ended"),
        null=True,
        editable=False,
        help_text=_(
            "When the generation was last incremented. Tokens of earlier sign-ins don’t pass MFA."
        ),
    )
    sign_outs = models.PositiveIntegerField(
        _("sign-outs everywhere"),
        default=0,
        help_text=_("How many times the user ended all other sessions."),
    )
    # When a new password was sent to Cognito, until its outcome is recorded. Written before that, as a reset is: the process may
    # end when Cognito has just changed it.
    password_sent_at = models.DateTimeField(null=True, editable=False)
    language = models.CharField(
        _("language"),
        max_length=LANGUAGE_LENGTH,
        blank=True,
        help_text=_("Language of the last sign-in. Emails are sent in this language."),
    )
    created_at = models.DateTimeField(_("linked on"), default=timezone.now)
    # Of rows that ``with_device`` returned, as they were read; None without an active software token.
    device_name: str | None
    device_cognito_name: str | None

    objects = CognitoIdentityQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("Cognito identity")
        verbose_name_plural = _("Cognito identities")
        constraints = [
            models.UniqueConstraint(fields=["pool_id", "sub"], name="cognito_mfa_pool_and_sub")
        ]
        indexes = [
            models.Index(fields=["pool_id", "username"], name="cognito_mfa_pool_username"),
            PrefixIndex(fields=["username"], name="cognito_mfa_username_prefix"),
            PrefixIndex(fields=["email"], name="cognito_mfa_email_prefix"),
            models.Index(fields=["status", "id"], name="cognito_mfa_status_id"),
        ]
        permissions = [
            ("refresh_status", _("Can refresh the MFA status from Cognito")),
            ("reset_mfa", _("Can reset other users’ authenticator apps")),
            ("clear_failures", _("Can unlock code entry")),
            ("link_user", _("Can link, move, and unlink users")),
        ]

    def __str__(self) -> str:
        """Return the name that people read; some pools give users their ``sub`` as username."""
        known_by_name = self.username != self.sub
        return self.username if known_by_name else self.email or self.sub

    @property
    def in_this_pool(self) -> bool:
        """Whether Cognito would be asked about the right user.

        SECURITY: after a change of pools, another user may have the same username in the new one.
        """
        return self.pool_id == get_conf().USER_POOL_ID

    @property
    def software_token(self) -> SoftwareToken | None:
        """The active software token, or None; one query each time."""
        return self.software_tokens.active().first()

    @classmethod
    def with_factor(cls, prefix: str = "") -> models.Q:
        """Return what selects the identities whose user has a second factor: an app, or codes that are sent.

        Args:
            prefix: of lookups, such as ``cognito_identity__``.
        """
        app = models.Q(**{f"{prefix}status": cls.Status.ENABLED})
        return app | models.Q(**{f"{prefix}preferred_factor__in": cls.SENT_CODES})

    @property
    def uses_sent_codes(self) -> bool:
        """Return whether a code by text message or email is the user's second factor."""
        return self.status != self.Status.GONE and self.preferred_factor in self.SENT_CODES

    def record_sent_codes(self, method: str) -> None:
        """Record the kind of sent code that the user has just entered; empty for none.

        Args:
            method: Cognito's name of the factor.
        """
        known = self.preferred_factor if self.preferred_factor in self.SENT_CODES else ""
        if self.status != self.Status.ENABLED and method != known:
            self.preferred_factor = method
            self.save(update_fields=["preferred_factor"])

    def record_status(
        self,
        status: Status,
        *,
        preferred_factor: str = "",
        unconfirmed: Unconfirmed | Literal[""] = "",
    ) -> None:
        """Record the status that Cognito just returned, or that it is unknown.

        Args:
            status: as Cognito said it; UNKNOWN while a change is unconfirmed.
            preferred_factor: Cognito's name of it; empty without one.
            unconfirmed: the change whose outcome is unknown; empty when all is known.
        """
        self.status, self.preferred_factor = status, preferred_factor
        self.unconfirmed, self.checked_at = unconfirmed, timezone.now()
        self.save(update_fields=["status", "preferred_factor", "unconfirmed", "checked_at"])

    def invalidate_proofs(
        self,
        kind: MFAEvent.Kind | None = None,
        *,
        since: int | None = None,
        actor: Any = None,
        reason: str = "",
        detail: str = "",
    ) -> int:
        """End every proof and every pending sign-in by raising the generation, and record the event of it.

        Nothing else raises the generation. A sign-in that started earlier notices by the number or, where its
        user was not known yet, by the event; see ``sign_in.factor_snapshot``.

        Args:
            kind: what happened, one of ``MFAEvent.INVALIDATES_PROOFS``; by default STATUS_CHANGED.
            since: the generation with which the change began; None for a change that is valid whatever happened
                since.
            actor: the user who did it; None when it was the identity's own user.
            reason: why, as an administrator gave it.
            detail: as in the event.

        Returns:
            The generation before, read under the lock.

        Raises:
            ChallengeLost: the generation was raised since, or the row is gone; nothing was written.
        """
        kind = MFAEvent.Kind.STATUS_CHANGED if kind is None else kind
        if kind not in MFAEvent.INVALIDATES_PROOFS:
            raise ValueError(f"{kind} is not one of the events that end proofs")
        rows = type(self).objects.filter(pk=self.pk)
        with atomic_for(CognitoIdentity):
            before = rows.select_for_update().values_list("generation", flat=True).first()
            if before is None or since not in (None, before):
                raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
            nonce = new_nonce()
            ended_at = timezone.now()
            rows.update(generation=before + 1, nonce=nonce, proofs_ended_at=ended_at)
            if kind in MFAEvent.ENDS_RECOVERY_CODES:
                self.recovery_codes.all().delete()
            MFAEvent.objects.record(kind, self, actor=actor, reason=reason, detail=detail)
        self.generation, self.nonce, self.proofs_ended_at = before + 1, nonce, ended_at
        return before

    def end_sessions(
        self, kind: MFAEvent.Kind, *, since: int | None = None, detail: str = ""
    ) -> int:
        """End every session of the user, whether it had passed MFA or not, and record the event of it.

        Args:
            kind: as ``invalidate_proofs`` takes it.
            since: likewise.
            detail: likewise.

        Returns:
            The generation before, read under the lock.

        Raises:
            ChallengeLost: the generation was raised since, or the row is gone; nothing was written.
        """
        with atomic_for(CognitoIdentity):
            before = self.invalidate_proofs(kind, since=since, detail=detail)
            rows = type(self).objects.filter(pk=self.pk)
            rows.update(sign_outs=models.F("sign_outs") + 1)
            self.sign_outs = rows.values_list("sign_outs", flat=True).get()
        return before

    def record_enabled(self) -> None:
        """Record that the user is not disabled in the pool, because Cognito just signed them in."""
        self.disabled_at, self.checked_at = None, timezone.now()
        self.save(update_fields=["disabled_at", "checked_at"])

    def record_right_code(self) -> None:
        """Record that a code of the authenticator app was just right, which settles any unknown outcome.

        Raises:
            ChallengeLost: a reset or another change ended this sign-in since the row was read; nothing was written.
        """
        now = timezone.now()
        told = {
            "status": self.Status.ENABLED,
            "preferred_factor": self.Factor.SOFTWARE_TOKEN_MFA,
            "unconfirmed": "",
            "checked_at": now,
            "app_used_at": now,
            "disabled_at": None,
        }
        same = {"pk": self.pk, "generation": self.generation, "nonce": self.nonce}
        if not type(self).objects.filter(**same).update(**told):
            raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
        for name, value in told.items():
            setattr(self, name, value)

    def retire_token(self, because: SoftwareToken.Retired) -> bool:
        """Retire the active software token; return whether there was one.

        The recovery codes end with it, except where one of them has just been used.
        """
        if because != SoftwareToken.Retired.RECOVERED:
            self.recovery_codes.all().delete()
        return self.software_tokens.retire(because)

    @property
    def code_failures(self) -> int:
        """How many codes in a row were wrong."""
        row = CodeFailures.objects.filter(pool_id=self.pool_id, sub=self.sub).first()
        return row.failures if row else 0


class SoftwareTokenQuerySet(CurrentQuerySet["SoftwareToken"]):
    """Authenticator apps, those that were replaced, removed or reset among them."""

    def active(self) -> Self:
        """Return the ones in use: at most one for each identity."""
        return self.filter(retired_at=None)

    def retire(self, because: SoftwareToken.Retired) -> bool:
        """Retire the ones in use, and return whether there were any."""
        used = CognitoIdentity.objects.filter(pk=models.OuterRef("identity")).values("app_used_at")
        retired = {"retired_at": timezone.now(), "retired_because": because}
        return bool(self.active().update(final_use_at=models.Subquery(used), **retired))


class SoftwareToken(models.Model):
    """An authenticator app that was set up.

    Cognito keeps one for each user, and tells its name only in challenges: "Friendly name" in docs/cognito-behavior.md.
    """

    class Retired(models.TextChoices):
        REPLACED = "REPLACED", _("replaced")
        REMOVED = "REMOVED", _("removed")
        RESET = "RESET", _("reset by an administrator")
        RECOVERED = "RECOVERED", _("reset with a recovery code")
        REMOVED_ELSEWHERE = "REMOVED_ELSEWHERE", _("no longer in Cognito")
        ANOTHER_POOL = "ANOTHER_POOL", _("the site changed to another user pool")

    identity = models.ForeignKey(
        CognitoIdentity,
        on_delete=models.CASCADE,
        related_name="software_tokens",
        verbose_name=_("identity"),
    )
    friendly_name = models.CharField(_("device name"), max_length=FRIENDLY_NAME_LENGTH, blank=True)
    cognito_name = models.CharField(
        _("name in Cognito"),
        max_length=FRIENDLY_NAME_LENGTH,
        blank=True,
        help_text=_(
            "The name entered during setup. Renaming the device here doesn’t change it in Cognito."
        ),
    )
    verified_at = models.DateTimeField(_("set up"), default=timezone.now)
    final_use_at = models.DateTimeField(_("last used"), null=True, editable=False)
    retired_at = models.DateTimeField(_("inactive since"), null=True, blank=True)
    retired_because = models.CharField(
        _("reason inactive"), max_length=20, choices=Retired.choices, blank=True
    )
    # The identity while the app is active. A user has one active app, and no condition says so, because MariaDB,
    # MySQL, and Oracle have no unique constraints with conditions.
    active_for = StoredGeneratedField(
        expression=models.Case(models.When(retired_at=None, then=models.F("identity"))),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
        unique=True,
    )

    objects = SoftwareTokenQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")
        ordering = ["-verified_at"]

    def __str__(self) -> str:
        return self.friendly_name or str(_("authenticator app"))

    @property
    def last_used_at(self) -> dt.datetime | None:
        """When a code of this app was last right; for the active app, the identity's row has it."""
        return self.identity.app_used_at if self.retired_at is None else self.final_use_at

    @classmethod
    def activate(cls, identity: CognitoIdentity, *, friendly_name: str) -> SoftwareToken:
        """Create the new active software token, and retire the one before it as replaced.

        Args:
            identity: the user's.
            friendly_name: what the user calls the device, and Cognito too; cut to its column.
        """
        with atomic_for(CognitoIdentity):
            CognitoIdentity.objects.select_for_update().get(pk=identity.pk)
            identity.software_tokens.retire(cls.Retired.REPLACED)
            identity.app_used_at = None
            identity.save(update_fields=["app_used_at"])
            name = friendly_name[:FRIENDLY_NAME_LENGTH]
            return cls.objects.create(identity=identity, friendly_name=name, cognito_name=name)


class RecoveryCodeQuerySet(CurrentQuerySet["RecoveryCode"]):
    """Recovery codes, used or not."""

    def unused(self) -> Self:
        """Return the ones that still work."""
        return self.filter(used_at=None)


class RecoveryCode(models.Model):
    """A code that resets the user's authenticator app once, when the device is lost.

    Only a hash of it is stored. A user has one set: a new one takes the place of the old one. Only
    ``cognito_mfa.authenticator.recovery_codes`` makes and checks them.
    """

    identity = models.ForeignKey(
        CognitoIdentity,
        on_delete=models.CASCADE,
        related_name="recovery_codes",
        verbose_name=_("identity"),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), help_text=_("The first character of the code, which isn’t secret.")
    )
    digest = models.CharField(_("hash"), max_length=128)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["identity", "position"], name="cognito_mfa_recovery_position"
            )
        ]

    def __str__(self) -> str:
        return _shown(self.created_at)


class CodeFailuresQuerySet(InPoolQuerySet["CodeFailures"]):
    """Counters of wrong codes, of whatever user pool."""


class CodeFailures(models.Model):
    """How many codes in a row a user got wrong, on any page and from any address.

    One row for each ``sub``; a row without one is about a username whose ``sub`` is not known yet. Only
    ``cognito_mfa.authenticator.code_attempts`` counts.
    """

    pool_id = models.CharField(_("user pool"), max_length=55)
    sub = models.CharField(_("sub"), max_length=64, blank=True)
    username = models.CharField(_("username in the user pool"), max_length=128)
    failures = models.PositiveIntegerField(_("failed attempts in a row"), default=0)
    total = models.PositiveIntegerField(
        _("wrong codes since the last right one"),
        default=0,
        help_text=_("Unlocking code entry doesn’t reset this number."),
    )
    last_at = models.DateTimeField(_("last attempt"), default=timezone.now)
    # The username while the sub is unknown: then the name has one row, else the sub. A constraint with a
    # condition would not exist on MariaDB, MySQL, and Oracle.
    name_without_sub = StoredGeneratedField(
        expression=models.Case(
            models.When(sub="", then=models.F("username")), default=models.Value("")
        ),
        output_field=models.CharField(max_length=128),
        db_persist=True,
    )

    objects = CodeFailuresQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("failed-attempt counter")
        verbose_name_plural = _("failed attempts")
        constraints = [
            models.UniqueConstraint(
                fields=["pool_id", "sub", "name_without_sub"], name="cognito_mfa_failures_of_user"
            )
        ]
        indexes = [
            models.Index(fields=["failures", "id"], name="cognito_mfa_failures_most"),
            PrefixIndex(fields=["username"], name="cognito_mfa_failures_prefix"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def in_this_pool(self) -> bool:
        """Whether it is about the pool that the settings name."""
        return self.pool_id == get_conf().USER_POOL_ID


class PostedStep(models.Model):
    """A step of a sign-in that a browser is answering, or that was accepted a moment ago.

    Only digests: they reveal neither the user nor the answer. ``cognito_mfa.sign_in.duplicate_submissions`` alone
    reads and writes it.
    """

    browser = models.CharField(_("browser"), max_length=64, unique=True)
    step = models.CharField(_("step"), max_length=64)
    # Whose authenticator the browser last tried to confirm; kept while it answers later steps.
    setup_of = models.CharField(_("setup of"), max_length=64, blank=True, db_index=True)
    at = models.DateTimeField(_("since"), default=timezone.now, db_index=True)

    objects = CurrentQuerySet["PostedStep"].as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("posted step")
        verbose_name_plural = _("posted steps")
        default_permissions = ()

    def __str__(self) -> str:
        return _shown(self.at)


class PoolPolicyQuerySet(InPoolQuerySet["PoolPolicy"]):
    """Policies, of whatever user pool."""


class PoolPolicy(models.Model):
    """A user pool's password policy, as it was last read; one row for each pool.

    Only ``cognito_mfa.authenticator.password_policy`` reads and writes it.
    """

    pool_id = models.CharField(_("user pool"), max_length=55, unique=True)
    password_rules = models.JSONField(_("password rules"), default=dict)
    read_at = models.DateTimeField(_("read"), default=timezone.now)

    objects = PoolPolicyQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("password policy")
        verbose_name_plural = _("password policies")
        default_permissions = ()

    def __str__(self) -> str:
        return self.pool_id


class SyncRunQuerySet(InPoolQuerySet["SyncRun"]):
    """Runs, of whatever user pool."""


class SyncRun(models.Model):
    """The last run of ``cognito_mfa_sync`` over a part of a user pool.

    An interrupted run continues from it. Only ``cognito_mfa.pool_sync.position`` reads and writes it.
    """

    pool_id = models.CharField(_("user pool"), max_length=55)
    shard = models.CharField(_("part"), max_length=16, help_text=_("Such as 1/1, or 2/4."))
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("synchronization")
        verbose_name_plural = _("synchronizations")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["pool_id", "shard"], name="cognito_mfa_run_of_shard")
        ]

    def __str__(self) -> str:
        return _shown(self.started_at)


class MFAResetQuerySet(CurrentQuerySet["MFAReset"]):
    """Resets, finished or not."""

    def unfinished(self) -> Self:
        """Return the ones that Cognito has not confirmed yet."""
        return self.filter(finished_at=None)


class MFAReset(models.Model):
    """A reset, saved before Cognito is asked, so that a half-done one is visible.

    An administrator asked for it, or the user with a recovery code.

    It is done when ``finished_at`` is set, and not before.
    """

    identity = models.ForeignKey(
        CognitoIdentity, on_delete=models.CASCADE, related_name="resets", verbose_name=_("identity")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    reason = models.CharField(_("reason"), max_length=200)
    by_recovery_code = models.BooleanField(_("with a recovery code"), default=False)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    token_deleted_at = models.DateTimeField(_("authenticator app removed"), null=True, blank=True)
    signed_out_at = models.DateTimeField(_("signed out everywhere"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    trouble = models.CharField(_("last error"), max_length=500, blank=True)

    objects = MFAResetQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("reset")
        verbose_name_plural = _("resets")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["finished_at", "identity"], name="cognito_mfa_reset_unfinished")
        ]

    def __str__(self) -> str:
        return f"{self.identity} · {_shown(self.requested_at)}"


class MFAExemptionQuerySet(CurrentQuerySet["MFAExemption"]):
    """Exemptions, those that expired or were revoked among them."""

    def valid(self, *, at: dt.datetime | None = None) -> Self:
        """Return the exemptions that are valid at ``at``, by default now."""
        return self.filter(_is_valid(at or timezone.now()))

    def invalid(self) -> Self:
        """Return the exemptions that are not valid now."""
        return self.exclude(_is_valid(timezone.now()))

    def valid_for(self, user: Any) -> Self:
        """Return the exemptions of ``user`` that are valid now; without the join that ``valid`` needs."""
        rows = self.filter(_is_in_time(timezone.now()), user=user)
        return rows.filter(for_superuser=True) if _is_superuser(user) else rows


class MFAExemption(models.Model):
    """A user's exemption from MFA: until when, who granted it, and why."""

    user = CurrentForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="mfa_exemptions",
        verbose_name=_("user"),
    )
    reason = models.CharField(_("reason"), max_length=200)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("granted by"),
    )
    granted_at = models.DateTimeField(_("granted"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    for_superuser = models.BooleanField(
        _("for a superuser"),
        default=False,
        help_text=_(
            "Whether the user was a superuser when it was granted. Otherwise it ends when they become one."
        ),
    )

    objects = MFAExemptionQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")
        ordering = ["-pk"]
        permissions = [("grant_exemption", _("Can grant and revoke exemptions"))]
        indexes = [
            models.Index(fields=["user", "expires_at"], name="cognito_mfa_exemption_valid"),
            models.Index(fields=["expires_at"], name="cognito_mfa_exemption_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {_shown(self.expires_at)}"

    @property
    def is_valid(self) -> bool:
        """Whether it is valid now: the same rule as ``MFAExemption.objects.valid``."""
        now = timezone.now()
        granted = _granted_since(now) < self.granted_at <= clocks.latest()
        in_time = granted and self.revoked_at is None and self.expires_at > now
        return in_time and (self.for_superuser or not _is_superuser(self.user))


def _is_in_time(at: dt.datetime) -> models.Q:
    """Return what selects exemptions by their dates.

    None is older than GRANT_MAX_AGE, however long that was when it was granted, whatever wrote the row, and
    whatever a clock said that was ahead.
    """
    latest = at + dt.timedelta(seconds=clocks.SKEW)
    granted = models.Q(granted_at__gt=_granted_since(at), granted_at__lte=latest)
    return granted & models.Q(revoked_at=None, expires_at__gt=at)


def _is_valid(at: dt.datetime) -> models.Q:
    """Return what selects valid exemptions.

    SECURITY: only a superuser may exempt a superuser, so that no exemption survives that its user becomes one.
    """
    if not _has_superusers():
        return _is_in_time(at)
    return _is_in_time(at) & (models.Q(for_superuser=True) | models.Q(user__is_superuser=False))


def _granted_since(at: dt.datetime) -> dt.datetime:
    """Return the moment after which an exemption must have been granted to be valid ``at``."""
    return at - dt.timedelta(seconds=get_conf().GRANT_MAX_AGE)


def _is_superuser(user: Any) -> bool:
    return bool(getattr(user, "is_superuser", False))


def _has_superusers() -> bool:
    """Return whether the site's users have the column."""
    return any(field.name == "is_superuser" for field in get_user_model()._meta.concrete_fields)


class BlockedRequest(models.Model):
    """A user whom the middleware would have blocked in observe mode: a counter, without a history."""

    user = CurrentOneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    requests = models.PositiveBigIntegerField(_("requests"), default=1)
    first_at = models.DateTimeField(_("first time"), default=timezone.now)
    last_at = models.DateTimeField(_("last time"), default=timezone.now)

    objects = CurrentQuerySet["BlockedRequest"].as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("observed block")
        verbose_name_plural = _("observed blocks")

    def __str__(self) -> str:
        return _shown(self.last_at)


class OverviewSnapshot(models.Model):
    """The saved figures of the overview, so that a page view counts nothing."""

    taken_at = models.DateTimeField(_("updated"), default=timezone.now)
    numbers = models.JSONField(_("figures"), default=dict)

    objects = CurrentQuerySet["OverviewSnapshot"].as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("overview snapshot")
        verbose_name_plural = _("overview")  # what the admin shows of it
        get_latest_by = "taken_at"
        default_permissions = ()
        permissions = [("view_overview", _("Can view the MFA overview"))]
        indexes = [models.Index(fields=["taken_at"], name="cognito_mfa_snapshot_taken")]

    def __str__(self) -> str:
        return _shown(self.taken_at)


class MFAEventQuerySet(CurrentQuerySet["MFAEvent"]):
    """Events; only ``record`` creates them."""

    def record(
        self,
        kind: MFAEvent.Kind,
        identity: CognitoIdentity | None,
        *,
        sub: str = "",
        username: str = "",
        user: Any = None,
        actor: Any = None,
        reason: str = "",
        detail: str = "",
    ) -> MFAEvent:
        """Record that ``kind`` happened, in the table and in the log.

        Args:
            kind: what happened.
            identity: to which user; None for a user without one, and for events about the log itself.
            sub: of a user without an identity, where it is known.
            username: of a user without an identity.
            user: the site's user, for the log, where there is no identity.
            actor: the user who did it; None when it was the identity's own user.
            reason: why, as an administrator gave it.
            detail: a method or a friendly name; never a code or a secret.
        """
        # The log may be on another machine, out of an attacker's reach. It has no names, which users choose freely.
        name = MFAEvent.LOG_EVENTS.get(kind, kind.value.lower())
        if name:
            about = identity.user_id if identity else getattr(user, "pk", None)
            log_events.write(name, user=about, by=actor.pk if actor else None)
        return self.create(
            kind=kind,
            identity=identity,
            sub=identity.sub if identity else sub[:64],
            username=identity.username if identity else storable(username, USERNAME_LENGTH),
            actor=actor,
            reason=storable(reason, 200),
            detail=storable(detail, 200),
        )

    def record_status_changes(self, changes: Iterable[tuple[Any, str]]) -> None:
        """Record that the status of many users changed in Cognito, with one query for all of them.

        Args:
            changes: something with the ``pk``, ``user_id``, ``sub`` and ``username`` of an identity, and the details.
        """
        kind, rows = MFAEvent.Kind.STATUS_CHANGED, []
        for one, detail in changes:
            log_events.write("status_changed", user=one.user_id, request_id="")
            names = {"sub": one.sub, "username": one.username}
            rows.append(
                MFAEvent(kind=kind, identity_id=one.pk, detail=storable(detail, 200), **names)
            )
        self.bulk_create(rows)


class MFAEvent(models.Model):
    """What happened to a user's MFA: written once, never changed."""

    class Kind(models.TextChoices):
        SIGNED_IN = "SIGNED_IN", _("Signed in with a code")
        CODE_REJECTED = "CODE_REJECTED", _("Wrong code")
        SOFTWARE_TOKEN_VERIFIED = "SOFTWARE_TOKEN_VERIFIED", _("Authenticator app set up")
        CODE_ENTRY_LOCKED = "CODE_ENTRY_LOCKED", _("Locked after too many wrong codes")
        SOFTWARE_TOKEN_REPLACED = "SOFTWARE_TOKEN_REPLACED", _("Authenticator app replaced")
        SOFTWARE_TOKEN_REMOVED = "SOFTWARE_TOKEN_REMOVED", _("Authenticator app removed")
        CHANGE_UNCONFIRMED = "CHANGE_UNCONFIRMED", _("Change couldn’t be confirmed")
        RENAMED = "RENAMED", _("Device renamed")
        # Django's admin has the same words for a page that resets it, and its catalog comes before ours.
        PASSWORD_RESET = "PASSWORD_RESET", pgettext_lazy("activity", "Password reset")
        PASSWORD_CHANGED = "PASSWORD_CHANGED", _("Password changed")
        STATUS_CHANGED = "STATUS_CHANGED", _("Status changed in Cognito")
        RESET_REQUESTED = "RESET_REQUESTED", _("Reset requested")
        MFA_RESET = "MFA_RESET", _("Authenticator app reset")
        EXEMPTION_GRANTED = "EXEMPTION_GRANTED", _("Exemption granted")
        EXEMPTION_REVOKED = "EXEMPTION_REVOKED", _("Exemption revoked")
        FAILURES_CLEARED = "FAILURES_CLEARED", _("Code entry unlocked")
        EVENTS_EXPORTED = "EVENTS_EXPORTED", _("Event log exported")
        EVENTS_PURGED = "EVENTS_PURGED", _("Event log purged")
        LINKED = "LINKED", _("Linked to a user of this site")
        LINK_REFUSED = "LINK_REFUSED", _("Link to a user of this site refused")
        SIGN_IN_REFUSED = "SIGN_IN_REFUSED", _("Sign-in refused by this site")
        RIGHTS_CHANGED = "RIGHTS_CHANGED", _("Groups or staff status changed as in the user pool")
        LINK_MOVED = "LINK_MOVED", _("Link to a user of this site moved")
        UNLINKED = "UNLINKED", _("Link to a user of this site ended")
        PERMISSION_DENIED = "PERMISSION_DENIED", _("Administrator’s action refused")
        DISABLED = "DISABLED", _("Disabled in the user pool")
        USER_DELETED = "USER_DELETED", _("User deleted on this site")
        RECOVERY_CODES_CREATED = "RECOVERY_CODES_CREATED", _("Recovery codes created")
        RECOVERY_CODE_USED = "RECOVERY_CODE_USED", _("Recovery code used")
        RECOVERY_CODE_RETURNED = "RECOVERY_CODE_RETURNED", _("Recovery code valid again")
        SIGNED_OUT_ELSEWHERE = "SIGNED_OUT_ELSEWHERE", _("Signed out everywhere else")

    # What users read in their own activity, where the words above are an administrator's.
    TEXTS_FOR_USERS: Mapping[str, Any] = {
        Kind.STATUS_CHANGED: _("Account status updated"),
        Kind.LINKED: _("Your account was linked to your sign-in"),
        Kind.LINK_REFUSED: _("Link of your account to a sign-in refused"),
        Kind.LINK_MOVED: _("Your account was linked to another sign-in"),
        Kind.UNLINKED: _("Your account was unlinked from your sign-in"),
        Kind.RIGHTS_CHANGED: _("Your permissions changed"),
        Kind.DISABLED: _("Your account was disabled"),
    }
    # The names that differ in the log; empty where the line says more than the row, and is written beside it.
    LOG_EVENTS = {
        Kind.SIGNED_IN: "",
        Kind.CODE_REJECTED: "",
        Kind.PERMISSION_DENIED: "",
        Kind.LINK_REFUSED: "",
        Kind.SIGN_IN_REFUSED: "",
        Kind.RENAMED: "device_renamed",
        Kind.RESET_REQUESTED: "mfa_reset_requested",
        Kind.DISABLED: "user_disabled",
    }
    # Events that raise the identity's generation, so that no proof outlives them.
    INVALIDATES_PROOFS = frozenset(
        {
            Kind.SOFTWARE_TOKEN_VERIFIED,
            Kind.SOFTWARE_TOKEN_REPLACED,
            Kind.SOFTWARE_TOKEN_REMOVED,
            Kind.CHANGE_UNCONFIRMED,
            Kind.STATUS_CHANGED,
            Kind.RESET_REQUESTED,
            Kind.MFA_RESET,
            Kind.DISABLED,
            Kind.PASSWORD_RESET,
            Kind.PASSWORD_CHANGED,
            Kind.LINK_MOVED,
            Kind.UNLINKED,
            Kind.RECOVERY_CODE_USED,
            Kind.SIGNED_OUT_ELSEWHERE,
        }
    )
    # Events that invalidate earlier recovery codes, because the authenticator app or its owner changed.
    ENDS_RECOVERY_CODES = frozenset(
        {Kind.RESET_REQUESTED, Kind.SOFTWARE_TOKEN_REMOVED, Kind.LINK_MOVED}
    )

    identity = models.ForeignKey(
        CognitoIdentity,
        on_delete=models.SET_NULL,
        null=True,
        related_name="events",
        verbose_name=_("identity"),
    )
    sub = models.CharField(_("sub"), max_length=64, blank=True)
    username = models.CharField(_("username in the user pool"), max_length=128, blank=True)
    kind = models.CharField(_("event"), max_length=32, choices=Kind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    detail = models.CharField(_("details"), max_length=200, blank=True)

    objects = MFAEventQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("MFA event")
        verbose_name_plural = _("MFA events")
        ordering = ["-pk"]  # the order of writing, which needs no index of its own
        permissions = [("export_events", _("Can export MFA events"))]
        indexes = [
            models.Index(fields=["kind", "at"], name="cognito_mfa_event_kind_at"),
            PrefixIndex(fields=["username"], name="cognito_mfa_event_username"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.username}"

    @property
    def text_for_user(self) -> str:
        """Return the text of the event for the user whose account it concerns."""
        return str(self.TEXTS_FOR_USERS.get(self.kind) or self.get_kind_display())


def identity_of(user: Any) -> CognitoIdentity | None:
    """Return the user's identity in any pool, or None.

    Costs no query for a user that our backend loaded, and one query, once, for other users.
    """
    try:
        identity: CognitoIdentity = user.cognito_identity
    except (AttributeError, ObjectDoesNotExist):  # anonymous, or never linked
        return None
    return identity


def identity_in_pool(user: Any) -> CognitoIdentity | None:
    """Return the user's identity in the pool that the settings name, or None."""
    identity = identity_of(user)
    return identity if identity is not None and identity.in_this_pool else None


def key_of(user: Any) -> str:
    """Return the primary key of one of the site's users as text; empty for any other object.

    Middleware and APIs may set services or devices as the request's user. Their rows are in another table, so their keys
    may be equal to a user's.
    """
    return str(user.pk) if isinstance(user, get_user_model()) and user.pk is not None else ""


async def aidentity_of(user: Any) -> CognitoIdentity | None:
    """Async version of ``identity_of``."""
    if key_of(user) and "cognito_identity" not in user._state.fields_cache:  # noqa: SLF001 - as Django's own
        identity = await CognitoIdentity.objects.filter(user_id=user.pk).afirst()
        user._meta.get_field("cognito_identity").set_cached_value(user, identity)
    return identity_of(user)
