"""Opening a catalog: SQLite beside the set, or a schema of a PostgreSQL server.

SQLite runs with a write-ahead log, ``synchronous=FULL`` (a label survives a power
cut), foreign keys, and one writer at a time that waits for the other.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Update,
    bindparam,
    create_engine,
    event,
    text,
    update,
)
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    OperationalError,
)

from pipeline.errors import CatalogError
from pipeline.home import SetFolder

DATABASE_URL = "MEKIKI_DATABASE_URL"
BUSY_TIMEOUT_S = 30.0
_THREADS = 30  # connections that are kept for them; to prepare one takes a while
_AT_ONCE = 500  # values of one question; SQLite takes no more than 999 everywhere
_MIGRATIONS = Path(__file__).parent / "migrations"

Value = TypeVar("Value", int, str)


@dataclass(frozen=True)
class Database:
    """An open database of one set; ``name`` is how messages call it."""

    engine: Engine
    name: str
    _turn: AbstractContextManager[object] = field(default_factory=nullcontext)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads; all of it sees the same moment.

        Raises:
            CatalogError: The file is damaged, the server is gone, ...
        """
        with self._explained(), self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is written whole or not at all.

        Writers wait for each other, so that what one reads and then writes can't
        have been changed in between.

        Raises:
            CatalogError: The disk is full, the server is gone, ...
        """
        with self._turn, self._explained(), self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(hashtext(current_schema()))")
                )
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in our words what is the world's fault."""
        try:
            yield
        except IntegrityError as error:
            if "foreign key" not in str(error.orig).lower():
                raise
            raise CatalogError(
                "a photo that this step is about was taken down meanwhile; nothing was"
                " changed by it, run the same command again"
            ) from error
        except DBAPIError as error:
            # what a driver calls its errors varies; what SQLAlchemy does, does not
            is_worlds_fault = isinstance(error, OperationalError)
            is_worlds_fault |= type(error) is DatabaseError
            if is_worlds_fault or error.connection_invalidated:
                raise CatalogError(_unusable(self.name, error)) from error
            raise

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(folder: SetFolder, database_url: str | None) -> Database:
    """Open the set's catalog, creating it or bringing its tables up to date.

    Args:
        folder: The set; SQLite lies in it as ``catalog.db``.
        database_url: ``postgresql://...`` for a server: the set gets the schema
            ``mekiki_<set>``. ``None`` or empty for SQLite.

    Raises:
        CatalogError: It can't be reached, opened or brought up to date.
    """
    if database_url:
        database = _open_postgresql(database_url, f"mekiki_{folder.name}")
    else:
        folder.folder.mkdir(parents=True, exist_ok=True)
        database = _open_sqlite(folder.catalog_file)
    try:
        _migrate(database)
    except DBAPIError as error:
        database.close()
        raise CatalogError(_unusable(database.name, error)) from error
    except CommandError as error:
        database.close()
        raise CatalogError(
            f"{database.name} was written by a newer mekiki ({error});"
            " install that version to open it"
        ) from error
    return database


def in_parts(values: Collection[Value]) -> Iterator[list[Value]]:
    """Yield values, sorted, in lists that are short enough for one question."""
    ordered = sorted(values)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


def update_each(key: Column[Value], *columns: Column[Any]) -> Update:
    """Return the statement that gives many rows of a table new values, each its own.

    A row is given as ``key`` and ``new_`` before the name of each column.
    """
    return (
        update(key.table)
        .where(key == bindparam("key", type_=key.type))
        .values(
            {
                column.name: bindparam(f"new_{column.name}", type_=column.type)
                for column in columns
            }
        )
    )


def drop_database(folder: SetFolder, database_url: str | None) -> None:
    """Delete the set's catalog with all that is in it."""
    if database_url:
        database = _open_postgresql(database_url, f"mekiki_{folder.name}")
        with database.engine.begin() as connection:
            connection.execute(text(f'DROP SCHEMA "mekiki_{folder.name}" CASCADE'))
        database.close()
    for end in ("", "-wal", "-shm"):
        Path(f"{folder.catalog_file}{end}").unlink(missing_ok=True)


def _open_sqlite(file: Path) -> Database:
    engine = create_engine(
        f"sqlite:///{file}",
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None},
        pool_size=_THREADS,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    # SQLite lets writers try again after a while, whoever came first; a process's own
    # threads can do better: they take turns.
    return Database(engine, str(file), threading.Lock())


def _open_postgresql(url: str, schema: str) -> Database:
    name = "the database of MEKIKI_DATABASE_URL"
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"} or not rest:
        raise CatalogError(f"{DATABASE_URL} must be a postgresql:// address")
    try:
        engine = create_engine(
            f"postgresql+psycopg://{rest}",
            pool_pre_ping=True,  # the server may have been started anew
            max_overflow=-1,  # its own limit is enough, and says so in words
            connect_args={"options": f'-csearch_path="{schema}"'},
        )
        with engine.begin() as connection:
            # "if not exists" alone fails where two create it at once
            lock = text("SELECT pg_advisory_xact_lock(hashtext(:schema))")
            connection.execute(lock, {"schema": schema})
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    except (ArgumentError, ValueError) as error:
        raise CatalogError(f"{DATABASE_URL} must be a postgresql:// address") from error
    except ImportError as error:
        raise CatalogError(
            "PostgreSQL needs the extra: pip install 'mekiki[postgres]'"
        ) from error
    except DBAPIError as error:
        raise CatalogError(_unusable(name, error)) from error
    return Database(engine, f"{name}, schema {schema}")


def _migrate(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with database.read() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _unusable(name: str, error: DBAPIError) -> str:
    cause = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return f"{name} can't be used: {cause[0]}; nothing was changed by this step"
