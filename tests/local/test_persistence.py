"""The state file: everything survives a restart, and a kill loses at most the last answer."""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa.local import Behavior, Clock, LocalCognito, PasswordPolicy
from cognito_mfa.local.persistence import StateFileError
from cognito_mfa.local.rules.state import Account, DeviceTracking
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import START, http_client, populated
from tests.local.processes import finished, run, started
from tests.local.raw import post


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pool.json"


class Lives:
    """One process after another with the same file: each that is opened ends the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: LocalCognito | None = None

    def __call__(self, at: float = START) -> LocalCognito:
        self.end()
        self.last = LocalCognito(Clock(at, ticking=False), state_file=self.path)
        return self.last

    def end(self) -> None:
        if self.last is not None:
            self.last.close()

    def kept(self) -> Account:
        """What is in the file after the last of them."""
        self.end()
        return LocalCognito.load(self.path).account


@pytest.fixture
def opened(path: Path) -> Iterator[Lives]:
    lives = Lives(path)
    yield lives
    lives.end()


def content(path: Path) -> str:
    """Everything that is in the file, once it is closed."""
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(text for (text,) in database.execute("SELECT changes FROM log"))


def test_a_setup_goes_on_after_a_restart_at_every_step(opened: Lives) -> None:
    populated(opened(), mfa="ON", behavior=Behavior(acr_and_amr=True))
    session = Caller(opened().client()).password()["Session"]
    session = Caller(opened().client()).associate(session)["Session"]
    again = opened()
    code = again.pool(POOL_ID).pending_code_for("newcomer")
    session = Caller(again.client()).verify(session, code, "Phone")["Session"]
    done = Caller(opened().client()).respond("MFA_SETUP", session)
    last = opened()
    assert last.client().get_user(AccessToken=access_token(done))["Username"] == "newcomer"
    refresh_token = done["AuthenticationResult"]["RefreshToken"]
    assert Caller(last.client()).refresh(refresh_token)
    later = opened(START + 30)
    challenge = Caller(later.client()).password()
    assert challenge["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == "Phone"
    code = later.pool(POOL_ID).code_for("newcomer")
    Caller(later.client()).enter_code(challenge["Session"], code, "newcomer")
    with refused("ExpiredCodeException"):
        caller = Caller(opened(START + 30).client())
        caller.enter_code(caller.password()["Session"], code, "newcomer")


def test_everything_reads_back_as_it_was(opened: Lives, path: Path) -> None:
    cognito = opened()
    pool = populated(
        cognito,
        mfa="ON",
        sms=True,
        alias_attributes=["email"],
        required_attributes=["name"],
        custom_attributes=["custom:shoe"],
        schema=[
            {
                "Name": "age",
                "AttributeDataType": "Number",
                "NumberAttributeConstraints": {"MinValue": "18"},
            }
        ],
        policy=PasswordPolicy(minimum_length=12),
        behavior=Behavior(code_failures_before_lock=None, secret_bytes=20),
    )
    pool.create_client("secret", secret="s" * 30)
    Caller(cognito.client()).password()
    cognito.client().create_user_pool(PoolName="mine", UserPoolTags={"a": "b"})
    assert opened.kept() == cognito.account


def test_what_is_under_way_reads_back_too(opened: Lives, path: Path) -> None:
    """Devices, groups, codes on their way, SRP exchanges, replaced tokens, attempts."""
    cognito = opened()
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
    assert all([state.groups, state.attempts, cognito.account.exchanges])
    assert any(at for one in state.families.values() for at in one.refresh_tokens.values())
    assert all([user.devices, user.groups, user.sent_codes])
    assert opened.kept() == cognito.account


def test_failures_are_remembered(opened: Lives) -> None:
    """A lock is no lock when a restart lifts it."""
    populated(opened(), mfa="ON")
    for _ in range(5):
        with refused("NotAuthorizedException", "Incorrect username or password."):
            Caller(opened().client()).password("regular", "Wrong-Horse-7")
    with refused("NotAuthorizedException", "Password attempts exceeded"):
        Caller(opened().client()).password("regular")


def test_a_spent_session_stays_spent(opened: Lives) -> None:
    pool = populated(opened(), mfa="ON")
    session = Caller(opened().client()).password("regular")["Session"]
    code = pool.code_for("regular")
    Caller(opened().client()).enter_code(session, code)
    with refused("NotAuthorizedException"):
        Caller(opened().client()).enter_code(session, code)


def test_only_its_owner_reads_it(opened: Lives, path: Path) -> None:
    old_mask = os.umask(0)
    try:
        opened().create_pool(POOL_ID)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_process_left_is_no_obstacle(
    opened: Lives, path: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    path.with_name("pool.json.tmp").symlink_to(elsewhere)
    opened().create_pool(POOL_ID)
    assert elsewhere.read_text() == "precious"
    assert [one.id for one in opened().pools()] == [POOL_ID]
    assert not path.is_symlink()
    assert not path.with_name("pool.json.tmp").exists()


def test_no_password_and_no_token_is_in_it(opened: Lives, path: Path) -> None:
    cognito = opened()
    populated(cognito, mfa="OPTIONAL")
    result = Caller(cognito.client()).password()["AuthenticationResult"]
    cognito.close()
    text = content(path)
    assert "newcomer@example.com" in text
    for secret in (PASSWORD, result["AccessToken"], result["RefreshToken"]):
        assert secret not in text


def test_reading_writes_nothing(opened: Lives, path: Path) -> None:
    cognito = opened()
    populated(cognito)
    log = path.with_name("pool.json-wal")
    before = log.read_bytes()
    boto = cognito.client()
    boto.admin_get_user(UserPoolId=POOL_ID, Username="regular")
    boto.list_users(UserPoolId=POOL_ID)
    assert log.read_bytes() == before


def test_what_is_changed_by_hand_is_kept_with_the_next_call(opened: Lives) -> None:
    """A test may hold a user and change anything at any time."""
    cognito = opened()
    pool = populated(cognito)
    user, boto = pool.user("regular"), cognito.client()
    boto.list_users(UserPoolId=POOL_ID)
    user.enabled = False
    user.attributes["name"] = "Reg"
    boto.list_users(UserPoolId=POOL_ID)
    kept = opened.kept().pools[POOL_ID].users["regular"]
    assert (kept.enabled, kept.attributes["name"]) == (False, "Reg")


def test_a_copy_can_be_saved_and_loaded(path: Path, cognito: LocalCognito) -> None:
    populated(cognito, mfa="ON")
    cognito.save(path)
    before = path.read_bytes()
    loaded = LocalCognito.load(path, clock=cognito.clock)
    assert loaded.code_for("regular") == cognito.code_for("regular")
    loaded.create_pool("us-east-1_Another00")
    assert path.read_bytes() == before


def test_a_copy_takes_the_place_of_another(path: Path, cognito: LocalCognito) -> None:
    with LocalCognito(state_file=path) as earlier:
        populated(earlier)
    cognito.create_pool("us-east-1_Another00")
    cognito.save(path)
    assert list(LocalCognito.load(path).account.pools) == ["us-east-1_Another00"]


def test_an_account_that_is_given_takes_the_place_of_the_one_in_the_file(
    opened: Lives, cognito: LocalCognito
) -> None:
    populated(opened())
    opened.end()
    cognito.create_pool("us-east-1_Another00")
    with LocalCognito(state_file=opened.path, account=cognito.account) as given:
        given.create_pool("us-east-1_Third0000")
    assert list(opened.kept().pools) == ["us-east-1_Another00", "us-east-1_Third0000"]


def test_there_is_nothing_to_load(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no state file .*pool\.json"):
        LocalCognito.load(path)
    assert list(path.parent.iterdir()) == []


def test_a_folder_is_no_state_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StateFileError, match=r"pool\.json cannot be used"):
        LocalCognito(state_file=path)


OLD = '{"format":"cognito_mfa.local","version":1,"account":{"region":"us-east-1","pools":{}}}'


@pytest.mark.parametrize("text", ["", "{", "[1]", OLD, OLD + " " * 5000], ids=len)
def test_a_file_that_is_none_is_refused_and_kept(path: Path, text: str) -> None:
    """Also one of before there was a database in it."""
    path.write_text(text)
    path.chmod(0o644)
    for attempt in (
        LocalCognito.load,
        lambda path: LocalCognito(state_file=path),
        LocalCognito().save,
    ):
        with pytest.raises(StateFileError, match="is not a state file of this local Cognito"):
            attempt(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (text, 0o644)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("PRAGMA application_id = 1", "is not a state file"),
        ("PRAGMA user_version = 2", "has version 2 .* reads version 3"),
        ("PRAGMA user_version = 99", "has version 99 .* reads version 3"),
        ("DELETE FROM log WHERE id = 1", "does not hold"),
        ("UPDATE log SET changes = '{' WHERE id = 1", "does not hold"),
        ("UPDATE log SET changes = '[[]]' WHERE id = 1", "does not hold"),
        ("UPDATE log SET changes = '[[[], []]]' WHERE id = 1", "does not hold"),
        (
            'UPDATE log SET changes = \'[[[], {"region": 5, "pools": {}}]]\' WHERE id = 1',
            "does not hold .*str expected",
        ),
        ("UPDATE log SET changes = '[[[], {\"x\": 5}]]' WHERE id = 1", "does not hold"),
        ("UPDATE log SET changes = '[[[\"x\"], 5]]' WHERE id > 1", "does not hold"),
        ('UPDATE log SET changes = \'[[["a", "b"], 5]]\' WHERE id > 1', "does not hold"),
        ('UPDATE log SET changes = \'[[["region", "b"], 5]]\' WHERE id > 1', "does not hold"),
        ("UPDATE log SET changes = '[[[\"pools\"], {}, 5]]' WHERE id > 1", "does not hold"),
    ],
)
def test_a_database_that_is_none_of_ours_is_refused(
    path: Path, statement: str, complaint: str
) -> None:
    with LocalCognito(state_file=path) as cognito:
        cognito.create_pool(POOL_ID)
    change(path, statement)
    before = path.read_bytes()
    with pytest.raises(StateFileError, match=complaint):
        LocalCognito(state_file=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused_and_kept(
    opened: Lives, path: Path, part: float
) -> None:
    pool = populated(opened())
    for number in range(40):
        pool.create_user(f"user{number}", attributes={"name": "x" * 500})
    opened.end()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(StateFileError, match=r"is damaged|is not a state file"):
        opened()
    assert path.stat().st_size == int(len(whole) * part)


def test_a_change_that_cannot_be_written_is_an_error_and_written_later(opened: Lives) -> None:
    """A full disk: no answer is given for what is not kept."""
    cognito = opened()
    pool = cognito.create_pool(POOL_ID)
    assert cognito._state_file is not None
    database = cognito._state_file._log._database
    ((enough,),) = database.execute("PRAGMA max_page_count")
    database.execute("PRAGMA max_page_count = 1")  # not one more than it has
    with pytest.raises(StateFileError, match="cannot be written: database or disk is full"):
        pool.create_user("ada", attributes={"profile": "x" * 2000, "website": "x" * 2000})
    with cognito.serve() as server:
        answer = post(server.url, "ListUsers", {"UserPoolId": POOL_ID}, signed=True)
    database.execute(f"PRAGMA max_page_count = {enough}")
    assert answer.status == 500
    assert answer.json()["message"].endswith("cannot be written: database or disk is full.")
    pool.create_user("grace")
    assert list(opened.kept().pools[POOL_ID].users) == ["ada", "grace"]


def test_what_comes_after_the_end_is_refused(opened: Lives) -> None:
    cognito = opened()
    cognito.close()
    cognito.close()
    with pytest.raises(StateFileError, match="cannot be written"):
        cognito.create_pool(POOL_ID)


def test_a_second_one_is_refused_wherever_it_would_write(
    opened: Lives, path: Path, cognito: LocalCognito
) -> None:
    first = opened()
    path.read_bytes()  # which would give up a lock of POSIX
    in_use = r"pool\.json is in use by another local Cognito\."
    for attempt in (
        lambda: LocalCognito(state_file=path),
        lambda: LocalCognito.load(path),
        lambda: cognito.save(path),
        lambda: first.save(path),
    ):
        with pytest.raises(StateFileError, match=in_use):
            attempt()
    populated(first)
    opened()


def test_a_second_process_is_refused_until_the_first_is_killed(path: Path) -> None:
    process, _ = started("--state", str(path), "--pool", POOL_ID)
    second = run("--state", str(path))
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"Cannot start the local Cognito: {path} is in use by another local Cognito.\n"
    )
    os.kill(process.pid, signal.SIGKILL)
    finished(process)
    with LocalCognito(state_file=path) as third:
        assert [pool.id for pool in third.pools()] == [POOL_ID]


def test_it_is_let_go_of_without_a_word(opened: Lives, path: Path) -> None:
    """A test that forgets to close it does not keep the file from the next one."""
    LocalCognito(state_file=path).create_pool(POOL_ID)
    gc.collect()
    assert [pool.id for pool in opened().pools()] == [POOL_ID]


def test_a_stop_leaves_one_file_and_its_lock(path: Path) -> None:
    process, _ = started("--state", str(path), "--pool", POOL_ID)
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0
    assert sorted(one.name for one in path.parent.iterdir()) == ["pool.json", "pool.json.lock"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}


def written_by(cognito: LocalCognito, call: Callable[[], Any]) -> int:
    """How many characters a call writes, in hundreds, as some numbers have one more than others."""
    before = _log(cognito)
    call()
    return round((_log(cognito)[1] - before[1]) / 100)


def _log(cognito: LocalCognito) -> tuple[int, int]:
    """The rows of the log and their characters."""
    assert cognito._state_file is not None
    database = cognito._state_file._log._database
    (found,) = database.execute("SELECT count(*), sum(length(changes)) FROM log")
    return tuple(found)


def test_what_a_call_writes_depends_on_the_call_alone(opened: Lives) -> None:
    """Not on the users and sign-ins that are there already."""
    cognito = opened()
    pool = populated(cognito, mfa="ON")
    caller = Caller(cognito.client())

    def sign_in() -> None:
        session = caller.password("regular")["Session"]
        caller.enter_code(session, pool.code_for("regular"))
        cognito.clock.advance(30)

    def create(name: str) -> None:
        caller.boto.admin_create_user(UserPoolId=POOL_ID, Username=name, MessageAction="SUPPRESS")

    for _ in range(50):  # until each sign-in sees an earlier one forgotten
        sign_in()
    first = written_by(cognito, sign_in), written_by(cognito, lambda: create("first"))
    for number in range(100):
        pool.create_user(f"user{number}")
        sign_in()
    assert (written_by(cognito, sign_in), written_by(cognito, lambda: create("last"))) == first
    assert max(first) < 20


def test_a_call_writes_what_it_changed_and_no_more(opened: Lives) -> None:
    cognito = opened()
    populated(cognito)
    before = _log(cognito)[0]
    cognito.client().admin_disable_user(UserPoolId=POOL_ID, Username="regular")
    assert _log(cognito)[0] == before + 1
    cognito.close()
    newest = json.loads(content(opened.path).splitlines()[-1])
    assert newest == [[["pools", POOL_ID, "users", "regular", "enabled"], False]]


def test_a_log_does_not_grow_without_end(opened: Lives) -> None:
    """In a process that runs for weeks, either; what it says stays the same."""
    cognito = opened()
    user = populated(cognito).user("regular")
    lengths = set()
    for number in range(3000):
        with cognito.changing():
            user.attributes["name"] = f"Reg {number}"
        lengths.add(_log(cognito)[0])
    assert max(lengths) < 1200
    before = cognito.account
    assert opened.kept() == before


def test_a_log_that_cannot_be_written_anew_is_an_error_and_written_later(opened: Lives) -> None:
    """As any change that cannot be written."""
    cognito = opened()
    user = populated(cognito).user("regular")

    def change(first: int, last: int) -> None:
        for number in range(first, last + 1):
            with cognito.changing():
                user.attributes["name"] = f"Reg {number}"

    change(1, 900)
    assert cognito._state_file is not None
    database = cognito._state_file._log._database
    database.execute(
        "CREATE TRIGGER full BEFORE DELETE ON log BEGIN SELECT RAISE(FAIL, 'full'); END"
    )
    with pytest.raises(StateFileError, match="full"):
        change(901, 1200)
    length = _log(cognito)[0]
    database.execute("DROP TRIGGER full")
    change(1201, 1201)
    assert _log(cognito)[0] < 50 < length
    assert opened.kept().pools[POOL_ID].users["regular"].attributes["name"] == "Reg 1201"


def test_a_log_does_not_grow_without_end_over_many_starts(opened: Lives) -> None:
    cognito = opened()
    user = populated(cognito).user("regular")

    def change(times: int) -> None:
        for number in range(times):
            with cognito.changing():
                user.attributes["name"] = f"Reg {number}"

    change(900)
    again = opened()
    assert _log(again)[0] > 900
    user = again.pool(POOL_ID).user("regular")
    cognito = again
    change(200)
    last = opened()
    assert _log(last)[0] < 200
    assert last.account == again.account
    assert opened.kept() == again.account


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
