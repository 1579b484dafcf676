"""User models that refuse much, each for another reason; the settings choose one, and Django leaves out the others."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db import IntegrityError, models
from django.db.models.signals import post_save, pre_save


class Team(models.Model):
    """What a user may belong to."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Badge(models.Model):
    """The parent of ``Employee``, in a table of its own."""

    badge = models.CharField(max_length=8, unique=True, null=True, blank=True)

    def __str__(self) -> str:
        return self.badge or ""


class Existing(models.Manager["Employee"]):
    """Finds whom no one has deleted; and has no ``create_user``."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted=False)


class Employee(Badge, AbstractBaseUser):
    """Refuses for the reason by which a user is called."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(max_length=40, unique=True, null=True)  # noqa: DJ001 - and shorter than addresses
    number = models.IntegerField()  # which no one fills
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True)
    first_name = models.CharField(max_length=20, blank=True)
    last_name = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    objects: ClassVar[Any] = Existing()

    class Meta:
        swappable = "AUTH_USER_MODEL"
        unique_together = [("first_name", "last_name")]
        constraints = [
            models.CheckConstraint(condition=models.Q(number__gte=0), name="number_is_positive")
        ]

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.username != "unnumbered":
            self.number = 1
        if self._state.adding:
            self.last_name = f"Number {Employee._base_manager.count()}"
            self.first_name = "x" * 30 if self.username == "validates" else ""
        if self.username == "pair":
            self.last_name = "taken"
        if BEHAVIORS.get(self.username, bool)(self) is not False:
            super().save(*args, **kwargs)


def create_user(*, phone: str) -> None:
    """Want what no sign-in has."""


def fail(error: Exception) -> None:
    raise error


BEHAVIORS: dict[str, Callable[[Any], object]] = {
    "negative": lambda user: setattr(user, "number", -1),
    "text": lambda user: setattr(user, "number", "some-secret"),
    "teamless": lambda user: setattr(user, "team_id", 4711),
    "badge": lambda user: setattr(user, "badge", "taken"),
    "long_badge": lambda user: setattr(user, "badge", "some-secret"),
    "empty_badge": lambda user: setattr(user, "badge", ""),
    "validates": lambda user: user.full_clean(["password"]),
    "pair": lambda user: user.validate_unique(),
    "denied": lambda user: fail(PermissionDenied(user.email)),
    "missing": lambda user: create_user(),  # type: ignore[call-arg]
    "broken": lambda user: fail(RuntimeError(user.email)),
    "silent": lambda user: False,
    "hidden": lambda user: setattr(user, "deleted", True),
}


def before(instance: Any, **_kwargs: object) -> None:
    if isinstance(instance, Employee) and instance.username == "received":
        raise LookupError(instance.email)


def after(instance: Any, **_kwargs: object) -> None:
    if isinstance(instance, Employee) and instance.username == "profiled":
        raise IntegrityError("UNIQUE constraint failed: shop_profile.nickname")


pre_save.connect(before)
post_save.connect(after)


class Numbered(AbstractBaseUser):
    """Known by a number."""

    number = models.PositiveIntegerField(unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "number"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"


class Unique(AbstractBaseUser):
    """Known by a UUID."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "key"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"


class Called(AbstractBaseUser):
    """Known by a phone number."""

    phone = models.CharField(max_length=16, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "phone"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"


class Keyed(AbstractBaseUser):
    """With a UUID as primary key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "name"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"


class Coded(AbstractBaseUser):
    """With a name as primary key."""

    name = models.CharField(max_length=150, primary_key=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "name"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"


class Remaining(BaseUserManager["Distant"]):
    """Finds whom no one has deleted."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Distant(AbstractBaseUser):
    """With a key that no script can read as a number, an order with gaps, and no column for who may sign in."""

    id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=150, unique=True)
    rank = models.IntegerField(null=True)
    deleted_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    USERNAME_FIELD = "name"
    objects: ClassVar[Any] = Remaining()

    class Meta:
        swappable = "AUTH_USER_MODEL"
        ordering = ["rank"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is None:
            self.pk = 2**62 + Distant._base_manager.count()
        super().save(*args, **kwargs)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.left_at is None


class Initials(AbstractBaseUser):
    """Known by a short name of letters, with an address that must be there."""

    name = models.CharField(max_length=8, unique=True, validators=[RegexValidator(r"^[a-z]+$")])
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "name"
    objects: ClassVar[Any] = BaseUserManager()

    class Meta:
        swappable = "AUTH_USER_MODEL"
