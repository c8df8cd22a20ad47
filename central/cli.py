"""The command `tidegate-central`, for operators."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn

from central.accounts import store
from central.accounts.mail import Mailer
from central.accounts.model import MAX_NAME, NAME_PATTERN
from central.accounts.service import AccountService
from central.accounts.tokens import Tokens
from central.authority import DEFAULT_NAMES, TlsFiles, make_authority, tls_files
from central.db import open_database
from central.identity import FILE_NAME as ID_FILE
from central.identity import central_id_of
from central.registry.service import Registry, register_bundled
from central.server import central_config
from central.settings import Settings, make_data_dir, read_secret
from policies import PolicyError, load_policy
from sandbox.errors import TidegateError
from sandbox.heap import settle
from sandbox.host import terminal
from sandbox.host.database import Database
from sandbox.host.isolation import Isolator
from sandbox.host.logs import set_up_logging
from sandbox.host.passwords import MAX_LENGTH, MIN_LENGTH, Passwords
from sandbox.host.problems import Findings
from sandbox.host.serving import listen
from sandbox.host.startup import NotReady, missing, settings_of, stop
from sandbox.manifest import load_pair

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run the central of a federation.")
DataDir = Annotated[Path | None, typer.Option("--data", help="Data directory (TIDEGATE_CENTRAL_DATA_DIR).")]


@app.callback()
def _set_up() -> None:
    # Nothing that central writes is anybody else's to read.
    os.umask(0o077)
    set_up_logging()


@app.command()
def init(
    host: Annotated[list[str] | None, typer.Option("--host", help="A name or address of this server; may be repeated.")] = None,
    data: DataDir = None,
    admin: Annotated[
        str, typer.Option(help="Name of an administrator to make. The password is typed, or one line of standard input; empty: generated.")
    ] = "",
) -> None:
    """Set up a data directory: secrets, certificates, database, the pairs that come with Tidegate, the first administrator."""
    with settings_of(Settings, data) as settings, _errors():
        make_data_dir(settings.data_dir)
        load_policy(settings.policy)
        with _database(settings) as database:
            name = _administrator(admin, database)
            tls = make_authority(settings, host or ())
            read_secret(settings.data_dir / "row.secret")
            accounts = _accounts(settings, database)
            pairs = register_bundled(database)
            typer.echo(f"data directory   {settings.data_dir}")
            typer.echo(f"names            {', '.join(tls.names)}")
            typer.echo(f"pairs            {', '.join(f'{pair.manifest.name} {pair.manifest.version}' for pair in pairs) or 'none'}")
            typer.echo(f"CA fingerprint   {tls.fingerprint}")
            if name:
                password, text = _password(name)
                accounts.make_administrator(name, password)
                typer.echo(f"administrator    {text}")
        typer.echo(_next_step(settings, tls, data), err=True)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (TIDEGATE_CENTRAL_HOST, 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (TIDEGATE_CENTRAL_PORT, 8443); 0 for any.")] = None,
    data: DataDir = None,
) -> None:
    """Serve pages, API and links on one TLS port."""
    with settings_of(Settings, data, host=host, port=port) as settings, _errors():
        _is_set_up(settings)
        with _only_one(settings.data_dir):
            # Before the address is taken, so that what is wrong with the database is the last thing said and not the first of a log.
            with _database(settings) as database:
                has_admin = _has_admin(database)
            _serve(settings, make_authority(settings), has_admin)


@app.command("add-pair")
def add_pair(
    folder: Annotated[Path, typer.Argument(help="Folder with NAMECentral.py, NAMERemote.py and manifest.toml.")], data: DataDir = None
) -> None:
    """Register a pair from a folder."""

    async def register(settings: Settings, database: Database) -> str:
        policy = load_policy(settings.policy)
        isolator = Isolator(policy, settings.blas_threads)
        try:
            version = await Registry(database, isolator, policy).register(load_pair(folder), "")
            return f"{version.name} {version.version} {version.digest}"
        finally:
            await isolator.close()

    with settings_of(Settings, data) as settings, _errors():
        _is_set_up(settings)
        with _database(settings) as database:
            typer.echo(asyncio.run(register(settings, database)))


@app.command("set-password")
def set_password(username: str, data: DataDir = None) -> None:
    """Set a user's password: typed, or one line of standard input; empty: generated. Open sessions of the user end."""
    with settings_of(Settings, data) as settings, _errors():
        _is_set_up(settings)
        with _database(settings) as database:
            password, text = _password(username)
            _accounts(settings, database).set_password(username, password)
            typer.echo(text)


@app.command()
def fingerprint(data: DataDir = None) -> None:
    """Print the SHA-256 of the certificate authority, which sites type."""
    with settings_of(Settings, data) as settings:
        _is_set_up(settings)
        typer.echo(tls_files(settings).fingerprint)


def main() -> None:
    """Entry point."""
    app()


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.database)
    try:
        database.upgrade()
        yield database
    finally:
        database.close()


def _is_set_up(settings: Settings) -> None:
    """What `init` made is all there. Made anew, a secret or an authority would cut off every site without a word."""
    folder, tls = settings.data_dir, tls_files(settings)
    own = [folder / name for name in (ID_FILE, "row.secret", "session.key")]
    # Before the first serve nothing hangs on these files yet, and `init` makes what it did not come to.
    if not settings.ledger_path.exists() and not all(path.exists() for path in own):
        raise NotReady(f"{folder} is not set up; run: tidegate-central init --data {folder}")
    for path in (*own, tls.ca, tls.certificate, tls.key):
        if not path.exists():
            raise NotReady(missing(path, folder))


def _has_admin(database: Database) -> bool:
    with database.transaction() as session:
        return store.has_admin(session)


def _administrator(name: str, database: Database) -> str:
    """The name of the administrator to make; empty when there is one and none is wanted."""
    if not name and not _has_admin(database):
        if not terminal.is_there():
            raise NotReady("Nobody could approve accounts: there is no administrator yet; name one: tidegate-central init --admin NAME")
        name = terminal.ask("Name of the first administrator: ")
        if not name:
            raise NotReady("An administrator needs a name; run tidegate-central init again, or with --admin NAME.")
    if name and (len(name) > MAX_NAME or not re.fullmatch(NAME_PATTERN, name)):
        raise NotReady(
            f"{name!r} is no user name: it has at most {MAX_NAME} letters, digits, dots, dashes and underscores. "
            "Choose another one: tidegate-central init --admin NAME"
        )
    return name


def _next_step(settings: Settings, tls: TlsFiles, data: Path | None) -> str:
    """What an operator does after `init`."""
    is_reachable = tls.names[0] not in DEFAULT_NAMES
    serve = ["tidegate-central serve", *(["--host 0.0.0.0"] if is_reachable else []), *([f"--data {data}"] if data else [])]
    address = f"https://{f'[{tls.names[0]}]' if ':' in tls.names[0] else tls.names[0]}:{settings.port}"
    lines = [
        f"Next: {' '.join(serve)}",
        f"Then open {address} and sign in as an administrator. A browser takes the certificate once it knows {tls.ca}.",
        f"Tell every site the address {address} and, by telephone, the CA fingerprint above.",
    ]
    if not is_reachable:
        lines.append("Only this machine can use these names; for others run init again with --host NAME.")
    return "\n".join(lines)


def _serve(settings: Settings, tls: TlsFiles, has_admin: bool) -> None:
    try:
        config = central_config(settings, tls)
    except ValueError as error:
        raise NotReady(str(error)) from error
    listener = listen(settings.host, settings.port)
    address, port = listener.getsockname()[:2]
    settle()
    log = structlog.get_logger()
    if not has_admin:
        log.warning("central.no_administrator", sentence="Nobody can approve accounts.", remedy="tidegate-central init --admin NAME")
    log.info("central.serving", address=address, port=port, names=tls.names)
    uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Two servers on one data directory would break the ledger's chain."""
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise NotReady(f"Another central uses {data_dir}; end it first, or choose another place with --data.") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _accounts(settings: Settings, database: Database) -> AccountService:
    central_id = central_id_of(settings.data_dir)
    tokens = Tokens(read_secret(settings.data_dir / "session.key"), central_id)
    return AccountService(settings, database, tokens, Mailer(settings, database), Passwords(), central_id)


def _password(username: str) -> tuple[str, str]:
    """A password, and what to tell the operator."""
    given = terminal.ask_hidden(f"Password for {username} (empty: make one up): ")
    if given and not MIN_LENGTH <= len(given) <= MAX_LENGTH:
        stop(f"The password must have at least {MIN_LENGTH} and at most {MAX_LENGTH} characters.")
    password = given or secrets.token_urlsafe(12)
    return password, username if given else f"{username}, password {password} (shown once)"


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except Findings as error:
        lines = [f"{item.module}:{item.line}: {item.sentence} {item.remedy}".rstrip() for item in error.findings]
        stop("\n".join([*lines, str(error)]))
    except TidegateError as error:
        stop(str(error))
    except PolicyError as error:
        raise NotReady(str(error)) from error
