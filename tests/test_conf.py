"""settings.COGNITO_MFA: what is accepted, and what is said about the rest."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from cognito_mfa.conf import SETTINGS, Conf, get_conf, given_settings, problems

GOOD: dict[str, Any] = {"USER_POOL_ID": "eu-west-1_AbCdEfGhI", "CLIENT_ID": "abc"}


def test_the_region_comes_with_the_pool() -> None:
    assert Conf(GOOD).REGION == "eu-west-1"
    assert Conf({**GOOD, "USER_POOL_ID": "us-gov-west-1_AbCdEfGhI"}).REGION == "us-gov-west-1"
    assert Conf({**GOOD, "REGION": "eu-central-1"}).REGION == "eu-central-1"


def test_durations_are_timedeltas_or_seconds() -> None:
    assert Conf({**GOOD, "PROOF_MAX_AGE": dt.timedelta(hours=1)}).PROOF_MAX_AGE == 3600
    assert Conf({**GOOD, "PROOF_MAX_AGE": 60}).PROOF_MAX_AGE == 60


def test_a_date_may_come_from_the_environment() -> None:
    moment = dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)  # midnight in Berlin
    for given in ("2026-12-01", dt.date(2026, 12, 1), "2026-12-01T00:00:00+01:00", moment):
        assert moment == Conf({**GOOD, "REQUIRED_FROM": given}).REQUIRED_FROM
    assert Conf({**GOOD, "REQUIRED_FROM": ""}).REQUIRED_FROM is None


def test_what_a_file_of_secrets_adds_is_no_part_of_a_value() -> None:
    given = {
        "USER_POOL_ID": "eu-west-1_AbCdEfGhI\n",
        "CLIENT_ID": " abc\r\n",
        "CLIENT_SECRET": "secret\n",
        "REGION": "eu-west-1 ",
        "ENDPOINT_URL": " https://cognito.example\n",
    }
    conf = Conf(given)
    assert (conf.USER_POOL_ID, conf.CLIENT_ID) == ("eu-west-1_AbCdEfGhI", "abc")
    assert (conf.REGION, conf.ENDPOINT_URL) == ("eu-west-1", "https://cognito.example")
    assert conf.client_secret() == "secret"
    assert Conf({**given, "CLIENT_SECRET": lambda: "secret\n"}).client_secret() == "secret"


@pytest.mark.parametrize("pool_id", ["local_2kFmGWGB", "mypool_1", "a_b_1", "x" * 53 + "_1"])
def test_a_pool_id_has_awss_own_pattern_where_the_region_is_given(pool_id: str) -> None:
    conf = Conf({"USER_POOL_ID": pool_id, "CLIENT_ID": "abc", "REGION": "us-east-1"})
    assert (pool_id, "us-east-1") == (conf.USER_POOL_ID, conf.REGION)


def test_an_empty_environment_variable_is_no_secret() -> None:
    assert Conf({**GOOD, "CLIENT_SECRET": ""}).client_secret() is None
    assert Conf({**GOOD, "CLIENT_SECRET": lambda: "from a vault"}).client_secret() == "from a vault"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USER_POOL_ID", "AbCdEfGhI"),
        ("USER_POOL_ID", "local_2kFmGWGB"),  # without REGION
        ("USER_POOL_ID", "eu-west-1_AbC dEf"),
        ("USER_POOL_ID", "eu-west-1_" + "x" * 46),
        ("USER_POOL_ID", None),
        ("CLIENT_ID", ""),
        ("CLIENT_SECRET", 7),
        ("ISSUER", 7),
        ("REQUIRED", "evrybody"),
        ("REQUIRED", "False"),
        ("REQUIRED", None),
        ("REQUIRED", True),
        ("REQUIRED", {"groups": []}),
        ("REQUIRED", {"groups": "Editors"}),
        ("REQUIRED", {"group": ["Editors"]}),
        ("REQUIRED", {"groups": [7]}),
        ("CIRCUIT_BREAKER", 0),
        ("CIRCUIT_BREAKER", 101),
        ("CIRCUIT_BREAKER", True),
        ("CIRCUIT_BREAKER", "5"),
        ("CIRCUIT_BREAKER", 2.5),
        ("ENFORCEMENT", "on"),
        ("ENFORCEMENT", False),
        ("REQUIRED_FROM", "soon"),
        ("REQUIRED_FROM", "2026-12-01T09:00:00"),
        ("REQUIRED_FROM", dt.datetime(2026, 12, 1)),  # noqa: DTZ001 - that is the point
        ("REQUIRED_FROM", 20261201),
        ("GRACE_PERIOD", "7 days"),
        ("GRACE_PERIOD", 0),
        ("AUTH_FLOW", "CUSTOM_AUTH"),
        ("PROOF_MAX_AGE", 0),
        ("PROOF_MAX_AGE", "12h"),
        ("PROOF_MAX_AGE", True),
        ("PROOF_MAX_AGE", float("nan")),
        ("CREATE_USERS", "False"),
        ("CREATE_USERS", 1),
        ("USER_RESOLVER", "resolver"),
        ("USER_RESOLVER", "not a.path"),
        ("TRUSTED_BACKENDS", "a.b"),
        ("TRUSTED_BACKENDS", [7]),
        ("TRUSTED_BACKENDS", {"a.b": "all"}),
        ("TRUSTED_BACKENDS", {"a.b": ["everyone"]}),
        ("TRUSTED_BACKENDS", {"backend": "everyone"}),
        ("TOKEN_PROVIDER", "provider"),
        ("FEDERATED", "allow"),
        ("USER_FIELDS", ["given_name"]),
        ("USER_FIELDS", {"given_name": ""}),
        ("USER_FIELDS", {"given_name": ["first_name"]}),
        ("GROUPS", ["editors"]),
        ("GROUPS", {"editors": 7}),
        ("GROUPS", {"editors": ["Editors", 7]}),
        ("STAFF_GROUPS", "staff"),
        ("STAFF_GROUPS", [""]),
        ("USER_UPDATER", "updater"),
        ("FEDERATED", True),
    ],
    ids=str,
)
def test_a_value_that_means_nothing_is_refused_not_guessed(name: str, value: object) -> None:
    (problem,) = problems({**GOOD, name: value})
    assert problem.setting == name
    assert problem.hint
    with pytest.raises(ImproperlyConfigured, match=name):
        Conf({**GOOD, name: value})


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    (problem,) = problems({**GOOD, "USER_POOL": "x"})
    assert problem.hint == "Did you mean 'USER_POOL_ID'?"
    (problem,) = problems({**GOOD, "proof_max_age": 5})
    assert problem.hint == "Did you mean 'PROOF_MAX_AGE'?"
    (problem,) = problems({**GOOD, "ZZZ": 5})
    assert "USER_POOL_ID" in problem.hint


def test_what_is_required_is_missed() -> None:
    assert {problem.setting for problem in problems({})} == {"USER_POOL_ID", "CLIENT_ID"}


def test_settings_are_read_again_when_they_change(settings: Settings) -> None:
    assert get_conf().ISSUER == "Example Ltd"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ISSUER": "Another"}
    assert get_conf().ISSUER == "Another"


def test_no_representation_shows_the_secret() -> None:
    assert "hush" not in repr(Conf({**GOOD, "CLIENT_SECRET": "hush"}))


def test_every_default_can_be_read_by_its_own_reader() -> None:
    for name, setting in SETTINGS.items():
        if name not in ("USER_POOL_ID", "CLIENT_ID"):
            assert setting.read(setting.default) == setting.default, name
        assert hasattr(Conf(GOOD), name)


def test_the_address_of_a_redis_may_have_a_password_which_nothing_shows() -> None:
    conf = Conf({**GOOD, "REDIS_URL": " rediss://:hunter2@redis:6379/0\n"})
    assert conf.REDIS_URL == "rediss://:hunter2@redis:6379/0"
    assert "hunter2" not in repr(vars(conf))
    assert Conf({**GOOD, "REDIS_URL": ""}).REDIS_URL is None
    (problem,) = problems({**GOOD, "REDIS_URL": "amqp://:hunter2@rabbit"})
    assert problem.message == "must start with redis:// or rediss://"


def test_reports_about_other_settings_do_not_show_the_password_of_redis(settings: Settings) -> None:
    settings.COGNITO_MFA = {**GOOD, "REDIS_URL": "redis://:hunter2@redis"}
    assert "hunter2" not in repr(given_settings())
    assert get_conf().REDIS_URL == "redis://:hunter2@redis"
