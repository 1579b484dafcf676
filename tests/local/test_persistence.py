"""The state file: everything survives a restart, and a kill loses at most the last answer."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from cognito_mfa.local import Behavior, Clock, LocalCognito, PasswordPolicy
from cognito_mfa.local.persistence import StateFileError
from cognito_mfa.local.rules.state import DeviceTracking
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import START, http_client, populated
from tests.local.processes import finished, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pool.json"


def opened(path: Path, at: float = START) -> LocalCognito:
    return LocalCognito(Clock(at, ticking=False), state_file=path)


def test_a_setup_goes_on_after_a_restart_at_every_step(path: Path) -> None:
    populated(opened(path), mfa="ON", behavior=Behavior(acr_and_amr=True))
    session = Caller(opened(path).client()).password()["Session"]
    session = Caller(opened(path).client()).associate(session)["Session"]
    again = opened(path)
    code = again.pool(POOL_ID).pending_code_for("newcomer")
    session = Caller(again.client()).verify(session, code, "Phone")["Session"]
    done = Caller(opened(path).client()).respond("MFA_SETUP", session)
    last = opened(path)
    assert last.client().get_user(AccessToken=access_token(done))["Username"] == "newcomer"
    refresh_token = done["AuthenticationResult"]["RefreshToken"]
    assert Caller(last.client()).refresh(refresh_token)
    later = opened(path, START + 30)
    challenge = Caller(later.client()).password()
    assert challenge["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == "Phone"
    code = later.pool(POOL_ID).code_for("newcomer")
    Caller(later.client()).enter_code(challenge["Session"], code, "newcomer")
    with refused("ExpiredCodeException"):
        caller = Caller(opened(path, START + 30).client())
        caller.enter_code(caller.password()["Session"], code, "newcomer")


def test_everything_reads_back_as_it_was(path: Path) -> None:
    cognito = opened(path)
    pool = populated(
        cognito,
        mfa="ON",
        sms=True,
        alias_attributes=["email"],
        required_attributes=["name"],
        custom_attributes=["custom:shoe"],
        policy=PasswordPolicy(minimum_length=12),
        behavior=Behavior(code_failures_before_lock=None, secret_bytes=20),
    )
    pool.create_client("secret", secret="s" * 30)
    Caller(cognito.client()).password()
    cognito.client().create_user_pool(PoolName="mine", UserPoolTags={"a": "b"})
    assert LocalCognito.load(path).account == cognito.account


def test_what_is_under_way_reads_back_too(path: Path) -> None:
    """Devices, groups, codes on their way, SRP exchanges, replaced tokens, attempts."""
    cognito = opened(path)
    pool = populated(cognito, device_tracking=DeviceTracking(replaces_mfa=True))
    pool.create_client("rotating", rotation_grace=10)
    boto = cognito.client()
    boto.create_group(UserPoolId=POOL_ID, GroupName="editors", Precedence=1)
    boto.admin_add_user_to_group(UserPoolId=POOL_ID, Username="newcomer", GroupName="editors")
    result = Caller(boto, "rotating").password()["AuthenticationResult"]
    boto.confirm_device(
        AccessToken=result["AccessToken"],
        DeviceKey=result["NewDeviceMetadata"]["DeviceKey"],
        DeviceSecretVerifierConfig={"PasswordVerifier": "Ag==", "Salt": "Ag=="},
    )
    boto.get_tokens_from_refresh_token(
        RefreshToken=result["RefreshToken"],
        ClientId="rotating",
        DeviceKey=result["NewDeviceMetadata"]["DeviceKey"],
    )
    pool.user("newcomer").attributes["email_verified"] = "true"
    boto.forgot_password(ClientId=CLIENT_ID, Username="newcomer")
    boto.initiate_auth(
        ClientId=CLIENT_ID,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": "regular", "SRP_A": "5"},
    )
    state = pool.state
    user = pool.user("newcomer")
    assert all([state.groups, state.replaced_tokens, state.attempts, cognito.account.exchanges])
    assert all([user.devices, user.groups, user.sent_codes])
    assert LocalCognito.load(path).account == cognito.account


def test_a_file_of_an_earlier_version_of_ours_still_opens(path: Path) -> None:
    """What it does not say yet has its default."""
    populated(opened(path), mfa="ON")
    document = json.loads(path.read_text())
    del document["account"]["exchanges"]
    (pool,) = document["account"]["pools"].values()
    for newer in ("pretence", "groups", "attempts", "device_tracking", "replaced_tokens"):
        del pool[newer]
    for user in pool["users"].values():
        for newer in ("devices", "groups", "sent_codes", "earlier_passwords"):
            del user[newer]
    path.write_text(json.dumps(document))
    assert Caller(opened(path).client()).password("regular")["Session"]


def test_failures_are_remembered(path: Path) -> None:
    """A lock is no lock when a restart lifts it."""
    populated(opened(path), mfa="ON")
    for _ in range(5):
        with refused("NotAuthorizedException", "Incorrect username or password."):
            Caller(opened(path).client()).password("regular", "Wrong-Horse-7")
    with refused("NotAuthorizedException", "Password attempts exceeded"):
        Caller(opened(path).client()).password("regular")


def test_a_spent_session_stays_spent(path: Path) -> None:
    pool = populated(opened(path), mfa="ON")
    session = Caller(opened(path).client()).password("regular")["Session"]
    code = pool.code_for("regular")
    Caller(opened(path).client()).enter_code(session, code)
    with refused("NotAuthorizedException"):
        Caller(opened(path).client()).enter_code(session, code)


def test_only_its_owner_reads_it(path: Path) -> None:
    old_mask = os.umask(0)
    try:
        opened(path).create_pool(POOL_ID)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_process_left_is_no_obstacle(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    path.with_name("pool.json.tmp").symlink_to(elsewhere)
    opened(path).create_pool(POOL_ID)
    assert elsewhere.read_text() == "precious"
    assert [one.id for one in opened(path).pools()] == [POOL_ID]
    assert not path.with_name("pool.json.tmp").exists()


def test_no_password_and_no_token_is_in_it(path: Path) -> None:
    cognito = opened(path)
    populated(cognito, mfa="OPTIONAL")
    result = Caller(cognito.client()).password()["AuthenticationResult"]
    text = path.read_text()
    for secret in (PASSWORD, result["AccessToken"], result["RefreshToken"]):
        assert secret not in text


def test_reading_writes_nothing(path: Path) -> None:
    cognito = opened(path)
    populated(cognito)
    before = path.stat().st_mtime_ns
    boto = cognito.client()
    boto.admin_get_user(UserPoolId=POOL_ID, Username="regular")
    boto.list_users(UserPoolId=POOL_ID)
    assert path.stat().st_mtime_ns == before


def test_a_copy_can_be_saved_and_loaded(path: Path, cognito: LocalCognito) -> None:
    populated(cognito, mfa="ON")
    cognito.save(path)
    before = path.read_bytes()
    loaded = LocalCognito.load(path, clock=cognito.clock)
    assert loaded.code_for("regular") == cognito.code_for("regular")
    loaded.create_pool("us-east-1_Another00")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a state file"),
        ("{", "is not a state file"),
        ("[1]", "is not a state file"),
        ('{"pools": []}', "is not a state file"),
        ('{"format": "cognito_mfa.local", "version": 99}', "version 99 .* reads version 1"),
        ('{"format": "cognito_mfa.local", "version": 1}', "does not hold"),
        ('{"format": "cognito_mfa.local", "version": 1, "account": {"x": 1}}', "does not hold"),
        (
            '{"format": "cognito_mfa.local", "version": 1, "account": {"region": 5}}',
            "does not hold .*str expected",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_and_kept(path: Path, text: str, complaint: str) -> None:
    path.write_text(text)
    with pytest.raises(StateFileError, match=complaint):
        opened(path)
    assert path.read_text() == text


def test_the_file_names_its_version(path: Path) -> None:
    opened(path).create_pool(POOL_ID)
    document = json.loads(path.read_text())
    assert (document["format"], document["version"]) == ("cognito_mfa.local", 1)


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.11, 0.17])
def test_a_kill_loses_at_most_the_last_answer(path: Path, delay: float) -> None:
    """kill -9 at any moment: anyone who was answered is there after a restart."""
    process, url = started("--state", str(path), "--pool", POOL_ID, "--client", CLIENT_ID)
    boto, answered = http_client(url), 0
    timer = threading.Timer(delay, lambda: os.kill(process.pid, signal.SIGKILL))
    timer.start()
    try:
        while True:
            boto.admin_create_user(
                UserPoolId=POOL_ID, Username=f"user{answered}", MessageAction="SUPPRESS"
            )
            answered += 1
    except Exception:  # noqa: BLE001, S110 - however the end shows
        pass
    timer.join()
    finished(process)
    kept = len(LocalCognito.load(path).pool(POOL_ID).state.users)
    assert kept in (answered, answered + 1)


def test_killed_again_and_again_it_forgets_no_one(path: Path) -> None:
    """Five lives with one file, each ended by kill -9 while calls go on; no one who was answered
    for is missing after the last, and each life begins where the one before was ended."""
    answered = 0
    for _ in range(5):
        process, url = started("--state", str(path), "--pool", POOL_ID)
        boto, busy = http_client(url), threading.Event()
        killer = threading.Thread(target=_kill_once, args=[busy, process.pid])
        killer.start()
        try:
            while True:
                boto.admin_create_user(
                    UserPoolId=POOL_ID, Username=f"user{answered}", MessageAction="SUPPRESS"
                )
                answered += 1
                busy.set()
        except Exception:  # noqa: BLE001 - however the end shows
            busy.set()
        killer.join()
        finished(process)
        kept = len(LocalCognito.load(path).pool(POOL_ID).state.users)
        assert kept in (answered, answered + 1)
        answered = kept


def _kill_once(busy: threading.Event, process: int) -> None:
    busy.wait()
    os.kill(process, signal.SIGKILL)


def test_a_server_that_is_killed_starts_again_where_it_was(path: Path) -> None:
    arguments = ("--state", str(path), "--pool", POOL_ID, "--client", CLIENT_ID, "--mfa", "ON")
    process, url = started(*arguments)
    boto = http_client(url)
    boto.admin_create_user(
        UserPoolId=POOL_ID, Username="ada", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    session = Caller(boto).password("ada")["Session"]
    os.kill(process.pid, signal.SIGKILL)
    finished(process)
    process, url = started(*arguments)
    answer = Caller(http_client(url)).respond(
        "NEW_PASSWORD_REQUIRED", session, "ada", NEW_PASSWORD=PASSWORD
    )
    assert answer["ChallengeName"] == "MFA_SETUP"
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0
