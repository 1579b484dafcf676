import cognito_mfa.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Census",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "taken_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="counted"),
                ),
                ("numbers", models.JSONField(default=dict, verbose_name="numbers")),
            ],
            options={
                "verbose_name": "census",
                "verbose_name_plural": "overview",
                "permissions": [("view_overview", "Can see the overview")],
                "get_latest_by": "taken_at",
                "default_permissions": (),
                "indexes": [models.Index(fields=["taken_at"], name="cognito_mfa_census_taken")],
            },
        ),
        migrations.CreateModel(
            name="CodeFailures",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("pool_id", models.CharField(max_length=55, verbose_name="user pool")),
                (
                    "username",
                    models.CharField(max_length=128, verbose_name="name in the user pool"),
                ),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, verbose_name="wrong codes in a row"),
                ),
                (
                    "last_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="last tried"
                    ),
                ),
            ],
            options={
                "verbose_name": "counter of wrong codes",
                "verbose_name_plural": "counters of wrong codes",
                "indexes": [
                    models.Index(fields=["failures", "id"], name="cognito_mfa_failures_most"),
                    cognito_mfa.indexes.PrefixIndex(
                        fields=["username"], name="cognito_mfa_failures_prefix"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pool_id", "username"), name="cognito_mfa_failures_of"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CognitoIdentity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("pool_id", models.CharField(max_length=55, verbose_name="user pool")),
                (
                    "sub",
                    models.CharField(
                        help_text="Cognito's own, lasting id of the person.",
                        max_length=64,
                        verbose_name="sub",
                    ),
                ),
                (
                    "username",
                    models.CharField(max_length=128, verbose_name="name in the user pool"),
                ),
                (
                    "email",
                    models.EmailField(blank=True, max_length=254, verbose_name="e-mail address"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("UNKNOWN", "Unknown"),
                            ("NOT_SET_UP", "Not set up"),
                            ("ENABLED", "Set up"),
                            ("GONE", "Not in the user pool"),
                        ],
                        default="UNKNOWN",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "preferred_factor",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("SOFTWARE_TOKEN_MFA", "Authenticator app"),
                            ("SMS_MFA", "Text message"),
                            ("EMAIL_OTP", "E-mail"),
                        ],
                        max_length=32,
                        verbose_name="preferred factor",
                    ),
                ),
                (
                    "checked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last checked"),
                ),
                (
                    "generation",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="When it moves, older sessions must prove themselves again.",
                        verbose_name="generation",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        help_text="Of the last sign-in; mails are written in it.",
                        max_length=16,
                        verbose_name="language",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="linked since"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cognito_identity",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "Cognito identity",
                "verbose_name_plural": "Cognito identities",
                "permissions": [
                    ("refresh_status", "Can refresh the status from Cognito"),
                    ("reset_mfa", "Can reset the authenticator of others"),
                    ("clear_failures", "Can clear the counter of wrong codes"),
                ],
            },
        ),
        migrations.CreateModel(
            name="MFAEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        blank=True, max_length=128, verbose_name="name in the user pool"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("SIGNED_IN", "Signed in with a code"),
                            ("CODE_REJECTED", "Wrong code"),
                            ("SOFTWARE_TOKEN_VERIFIED", "Authenticator app set up"),
                            ("CODES_STOPPED", "Too many wrong codes: stopped"),
                            ("SOFTWARE_TOKEN_REPLACED", "Authenticator app replaced"),
                            ("SOFTWARE_TOKEN_REMOVED", "Authenticator app removed"),
                            ("RENAMED", "Device renamed"),
                            ("STATUS_CHANGED", "Status changed in Cognito"),
                            ("RESET_REQUESTED", "Reset requested"),
                            ("MFA_RESET", "Authenticator reset"),
                            ("EXEMPTION_GRANTED", "Exemption granted"),
                            ("EXEMPTION_REVOKED", "Exemption revoked"),
                            ("FAILURES_CLEARED", "Counter of wrong codes cleared"),
                            ("EVENTS_EXPORTED", "Event log exported"),
                            ("EVENTS_PURGED", "Event log purged"),
                        ],
                        max_length=32,
                        verbose_name="what",
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="when"
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("detail", models.CharField(blank=True, max_length=200, verbose_name="detail")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="events",
                        to="cognito_mfa.cognitoidentity",
                        verbose_name="identity",
                    ),
                ),
            ],
            options={
                "verbose_name": "MFA event",
                "verbose_name_plural": "MFA events",
                "ordering": ["-pk"],
                "permissions": [("export_events", "Can export the events")],
            },
        ),
        migrations.CreateModel(
            name="MFAExemption",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                (
                    "granted_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="granted"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
                (
                    "granted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="granted by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mfa_exemptions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "exemption",
                "verbose_name_plural": "exemptions",
                "ordering": ["-granted_at", "-pk"],
                "permissions": [("grant_exemption", "Can grant and revoke exemptions")],
            },
        ),
        migrations.CreateModel(
            name="MFAReset",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                (
                    "requested_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="requested"
                    ),
                ),
                (
                    "token_deleted_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="authenticator removed"
                    ),
                ),
                (
                    "signed_out_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="signed out everywhere"
                    ),
                ),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="finished"),
                ),
                (
                    "trouble",
                    models.CharField(blank=True, max_length=200, verbose_name="what stopped it"),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="resets",
                        to="cognito_mfa.cognitoidentity",
                        verbose_name="identity",
                    ),
                ),
            ],
            options={
                "verbose_name": "reset",
                "verbose_name_plural": "resets",
                "ordering": ["-requested_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="SoftwareToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "friendly_name",
                    models.CharField(blank=True, max_length=64, verbose_name="friendly name"),
                ),
                (
                    "verified_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="set up"),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last used"),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True, verbose_name="retired")),
                (
                    "retired_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("REPLACED", "replaced"),
                            ("REMOVED", "removed"),
                            ("RESET", "reset by an administrator"),
                            ("REMOVED_ELSEWHERE", "no longer in Cognito"),
                        ],
                        max_length=20,
                        verbose_name="why retired",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="software_tokens",
                        to="cognito_mfa.cognitoidentity",
                        verbose_name="identity",
                    ),
                ),
            ],
            options={
                "verbose_name": "authenticator app",
                "verbose_name_plural": "authenticator apps",
                "ordering": ["-verified_at"],
            },
        ),
        migrations.AddIndex(
            model_name="cognitoidentity",
            index=models.Index(fields=["pool_id", "username"], name="cognito_mfa_pool_username"),
        ),
        migrations.AddIndex(
            model_name="cognitoidentity",
            index=cognito_mfa.indexes.PrefixIndex(
                fields=["username"], name="cognito_mfa_username_prefix"
            ),
        ),
        migrations.AddIndex(
            model_name="cognitoidentity",
            index=cognito_mfa.indexes.PrefixIndex(
                fields=["email"], name="cognito_mfa_email_prefix"
            ),
        ),
        migrations.AddIndex(
            model_name="cognitoidentity",
            index=models.Index(fields=["status", "id"], name="cognito_mfa_status_id"),
        ),
        migrations.AddConstraint(
            model_name="cognitoidentity",
            constraint=models.UniqueConstraint(
                fields=("pool_id", "sub"), name="cognito_mfa_pool_and_sub"
            ),
        ),
        migrations.AddIndex(
            model_name="mfaevent",
            index=models.Index(fields=["kind", "at"], name="cognito_mfa_event_kind_at"),
        ),
        migrations.AddIndex(
            model_name="mfaevent",
            index=cognito_mfa.indexes.PrefixIndex(
                fields=["username"], name="cognito_mfa_event_username"
            ),
        ),
        migrations.AddIndex(
            model_name="mfaexemption",
            index=models.Index(
                condition=models.Q(("revoked_at", None)),
                fields=["user", "expires_at"],
                name="cognito_mfa_exemption_valid",
            ),
        ),
        migrations.AddIndex(
            model_name="mfaexemption",
            index=models.Index(
                condition=models.Q(("revoked_at", None)),
                fields=["expires_at"],
                name="cognito_mfa_exemption_expiry",
            ),
        ),
        migrations.AddIndex(
            model_name="mfareset",
            index=models.Index(
                condition=models.Q(("finished_at", None)),
                fields=["identity"],
                name="cognito_mfa_reset_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="softwaretoken",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at", None)),
                fields=("identity",),
                name="cognito_mfa_one_active_token",
            ),
        ),
    ]
