"""What we know about people's second factors. No column holds a secret, and no row calls AWS."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FRIENDLY_NAME_LENGTH = 64


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
        EMAIL_OTP = "EMAIL_OTP", _("E-mail")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="cognito_identity",
        verbose_name=_("user"),
    )
    pool_id = models.CharField(_("user pool"), max_length=55)
    sub = models.CharField(
        _("sub"), max_length=64, help_text=_("Cognito's own, lasting id of the person.")
    )
    username = models.CharField(_("name in the user pool"), max_length=128)
    email = models.EmailField(_("e-mail address"), blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.UNKNOWN
    )
    preferred_factor = models.CharField(
        _("preferred factor"), max_length=32, choices=Factor.choices, blank=True
    )
    checked_at = models.DateTimeField(_("last checked"), null=True, blank=True)
    generation = models.PositiveIntegerField(
        _("generation"),
        default=0,
        help_text=_("When it moves, older sessions must prove themselves again."),
    )
    created_at = models.DateTimeField(_("linked since"), default=timezone.now)

    class Meta:
        verbose_name = _("Cognito identity")
        verbose_name_plural = _("Cognito identities")
        constraints = [
            models.UniqueConstraint(fields=["pool_id", "sub"], name="cognito_mfa_pool_and_sub")
        ]
        indexes = [models.Index(fields=["pool_id", "username"], name="cognito_mfa_pool_username")]
        permissions = [("refresh_status", _("Can refresh the status from Cognito"))]

    def __str__(self) -> str:
        return self.username

    @property
    def software_token(self) -> SoftwareToken | None:
        """Return the active authenticator; a change list must prefetch ``active_tokens`` instead."""
        return self.software_tokens.filter(retired_at=None).first()

    def learn(self, status: Status, *, preferred_factor: str = "") -> None:
        """Write down what Cognito just said."""
        self.status, self.preferred_factor, self.checked_at = (
            status,
            preferred_factor,
            timezone.now(),
        )
        self.save(update_fields=["status", "preferred_factor", "checked_at"])


class SoftwareToken(models.Model):
    """An authenticator app that was set up. Cognito keeps one for each person, and no name (facts §4)."""

    class Retired(models.TextChoices):
        REPLACED = "REPLACED", _("replaced")
        REMOVED = "REMOVED", _("removed")
        RESET = "RESET", _("reset by an administrator")
        REMOVED_ELSEWHERE = "REMOVED_ELSEWHERE", _("no longer in Cognito")

    identity = models.ForeignKey(
        CognitoIdentity,
        on_delete=models.CASCADE,
        related_name="software_tokens",
        verbose_name=_("identity"),
    )
    friendly_name = models.CharField(
        _("friendly name"), max_length=FRIENDLY_NAME_LENGTH, blank=True
    )
    verified_at = models.DateTimeField(_("set up"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)
    retired_because = models.CharField(
        _("why retired"), max_length=20, choices=Retired.choices, blank=True
    )

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")
        ordering = ["-verified_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["identity"],
                condition=models.Q(retired_at=None),
                name="cognito_mfa_one_active_token",
            )
        ]

    def __str__(self) -> str:
        return self.friendly_name or str(_("authenticator app"))

    @classmethod
    def activate(cls, identity: CognitoIdentity, *, friendly_name: str) -> SoftwareToken:
        """Make a new active token; the one before it, if any, is replaced."""
        with transaction.atomic():
            CognitoIdentity.objects.select_for_update().get(pk=identity.pk)
            now = timezone.now()
            identity.software_tokens.filter(retired_at=None).update(
                retired_at=now, retired_because=cls.Retired.REPLACED
            )
            return cls.objects.create(
                identity=identity, friendly_name=friendly_name, verified_at=now
            )


class MFAEventManager(models.Manager["MFAEvent"]):
    """Makes events; there is no other way to write one."""

    def record(
        self, kind: MFAEvent.Kind, identity: CognitoIdentity, *, actor: Any = None, detail: str = ""
    ) -> MFAEvent:
        """Write down that ``kind`` happened to ``identity``.

        Args:
            actor: who did it; None when it was the person.
            detail: a method or a friendly name; never a code or a secret.
        """
        return self.create(
            kind=kind, identity=identity, username=identity.username, actor=actor, detail=detail
        )  # fmt: skip


class MFAEvent(models.Model):
    """What happened to a person's second factor: written once, never changed."""

    class Kind(models.TextChoices):
        SIGNED_IN = "SIGNED_IN", _("Signed in with a code")
        CODE_REJECTED = "CODE_REJECTED", _("Wrong code")
        SOFTWARE_TOKEN_VERIFIED = "SOFTWARE_TOKEN_VERIFIED", _("Authenticator app set up")
        STATUS_CHANGED = "STATUS_CHANGED", _("Status changed in Cognito")

    identity = models.ForeignKey(
        CognitoIdentity,
        on_delete=models.SET_NULL,
        null=True,
        related_name="events",
        verbose_name=_("identity"),
    )
    username = models.CharField(_("name in the user pool"), max_length=128)
    kind = models.CharField(_("what"), max_length=32, choices=Kind.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)

    objects = MFAEventManager()

    class Meta:
        verbose_name = _("MFA event")
        verbose_name_plural = _("MFA events")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.username}"


def identity_of(user: Any) -> CognitoIdentity | None:
    """Return the user's identity in any pool, or None.

    Costs no query for a user that our backend loaded, and one, once, for another's.
    """
    try:
        identity: CognitoIdentity = user.cognito_identity
    except (AttributeError, ObjectDoesNotExist):  # anonymous, or never linked
        return None
    return identity


def identity_is_loaded(user: Any) -> bool:
    """Tell whether ``identity_of(user)`` would be free."""
    field = user._meta.get_field("cognito_identity")
    return bool(field.is_cached(user))
