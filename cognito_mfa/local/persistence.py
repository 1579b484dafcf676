"""The state file: an account in an SQLite database, to which each call adds what it changed.

A call is one transaction, which the kernel has before the answer is given: no kill takes it back,
and no kill leaves half of one. SQLite syncs its log to the disk from time to time, so after a loss
of power the file is whole and may lack the newest changes. The file contains keys and secrets, so
only its owner may read it. Unknown content is an error.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cognito_mfa.local.account_log import SCHEMA, AccountLog, UnreadableLogError
from cognito_mfa.local.rules.state import Account

#: How SQLite's header names files of ours, and their layout: "LCog", and a version.
APPLICATION = int.from_bytes(b"LCog", "big")
VERSION = 3
OWNER_ONLY = 0o600
#: Pages in the log before they are moved to the database, which is when the disk is waited for.
PAGES_BEFORE_SYNC = 4000


class StateFileError(Exception):
    """The state file cannot be used; the text says why and what to do."""


class StateFile:
    """An open state file, which no other process can open until it is closed."""

    def __init__(self, path: Path) -> None:
        """Open a state file, which is created if there is none.

        Args:
            path: The state file.

        Raises:
            StateFileError: The file is in use, or is no state file of this version.
            OSError: The file cannot be created or read.
        """
        self.path = path
        lock = _locked(path)
        try:
            if not path.exists():
                _create(path)
            database = _opened(path)
            path.chmod(OWNER_ONLY)
        except BaseException:
            _unlock(lock)
            raise
        self._log = AccountLog(database)
        # At the end of the process, too, and however it is let go of.
        self._release = weakref.finalize(self, _close, database, lock)

    def close(self) -> None:
        """Release the file for other processes. Closing it twice is not an error."""
        self._release()

    def __enter__(self) -> StateFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self) -> Account | None:
        """Return the account in the file; None if the file is new.

        Raises:
            StateFileError: The file does not hold what its version says.
        """
        try:
            return self._log.read()
        except UnreadableLogError as error:
            raise StateFileError(
                f"{self.path} does not hold what a state file of version {VERSION} holds "
                f"({error}). Move the file away to start with an empty one."
            ) from None
        except sqlite3.Error as error:
            raise StateFileError(
                f"{self.path} is damaged ({error}). Move the file away to start with an empty one."
            ) from None

    def begin(self, account: Account | None, make: Callable[[], Account]) -> Account:
        """Keep an account from now on.

        Args:
            account: What to keep instead of what is in the file; None keeps that.
            make: Returns an account for a file that has none.

        Returns:
            The account whose changes ``write`` writes.

        Raises:
            StateFileError: The file does not hold what its version says, or cannot be written.
        """
        before = self.read() if account is None else None
        kept = account or before or make()
        if before is None:
            self.replace(kept)
        self._log.watch(kept)
        return kept

    def replace(self, account: Account) -> None:
        """Write a whole account in place of what is in the file. Raises StateFileError."""
        with self._written():
            self._log.replace(account)

    def write(self, account: Account) -> None:
        """Write what changed in the account of ``begin``. Where that fails, the next call tries.

        Raises:
            StateFileError: The disk is full, for example, or the file was closed.
        """
        with self._written():
            self._log.write(account)

    @contextmanager
    def _written(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateFileError(f"{self.path} cannot be written: {error}.") from error


def read(path: Path) -> Account | None:
    """Return the account in a state file; None if the file is new.

    Raises:
        StateFileError: The file is none, or in use.
        FileNotFoundError: There is no file.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no state file {path}.")
    with StateFile(path) as file:
        return file.read()


def save(path: Path, account: Account) -> None:
    """Write an account to a state file that nothing else uses.

    Args:
        path: The state file.
        account: What to write.
    """
    with StateFile(path) as file:
        file.replace(account)


def _locked(path: Path) -> IO[bytes] | None:
    """The open lock file beside a state file. The kernel lets go of it when the process ends.

    SQLite's own lock is lost as soon as the process closes the file for another reason. Where there
    is no ``flock``, SQLite's has to do, and it does: Windows has no such rule.
    """
    try:
        import fcntl
    except ImportError:
        return None
    beside = path.with_name(f"{path.name}.lock")
    lock = os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY), "wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise _in_use(path) from None
    return lock


def _unlock(lock: IO[bytes] | None) -> None:
    if lock is not None:
        lock.close()


def _close(database: sqlite3.Connection, lock: IO[bytes] | None) -> None:
    database.close()
    _unlock(lock)


def _in_use(path: Path) -> StateFileError:
    return StateFileError(f"{path} is in use by another local Cognito.")


def _create(path: Path) -> None:
    """Create an empty state file, which no kill leaves unfinished."""
    temporary = path.with_name(f"{path.name}.tmp")
    # A leftover of a killed process may have any mode, and a link could point anywhere.
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    database = sqlite3.connect(temporary.absolute(), isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute(SCHEMA)
    finally:
        database.close()
    temporary.replace(path)


def _opened(path: Path) -> sqlite3.Connection:
    """The database, once it is ours and no one else's."""
    try:
        database = sqlite3.connect(
            path.absolute(), timeout=0, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:  # a folder, for example
        raise StateFileError(f"{path} cannot be used: {error}.") from None
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check(path, database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BEFORE_SYNC}")
    except sqlite3.OperationalError as error:
        database.close()
        busy = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        raise (
            _in_use(path) if busy else StateFileError(f"{path} cannot be used: {error}.")
        ) from None
    except BaseException:
        database.close()
        raise
    return database


def _check(path: Path, database: sqlite3.Connection) -> None:
    """Refuse what is no state file of this version, before anything in it is changed."""
    try:
        ((application,), (version,)) = (
            database.execute(f"PRAGMA {name}").fetchone()
            for name in ("application_id", "user_version")
        )
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        application = version = 0
    if application != APPLICATION:
        raise StateFileError(
            f"{path} is not a state file of this local Cognito. Name another file, or move it away."
        )
    if version != VERSION:
        raise StateFileError(
            f"{path} has version {version} and this local Cognito reads version {VERSION}. "
            "Move the file away to start with an empty one."
        )
