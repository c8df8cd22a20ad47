"""The command `tidegate-central`, for operators."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn

from central.accounts.mail import Mailer
from central.accounts.service import AccountService
from central.accounts.tokens import Tokens
from central.authority import TlsFiles, make_authority, tls_files
from central.db import open_database
from central.identity import central_id_of
from central.registry.service import Registry, register_bundled
from central.server import server_config
from central.settings import Settings, make_data_dir, read_secret
from policies import PolicyError, load_policy
from sandbox.errors import TidegateError
from sandbox.heap import settle
from sandbox.host.database import Database
from sandbox.host.isolation import Isolator
from sandbox.host.logs import set_up_logging
from sandbox.host.passwords import MIN_LENGTH, Passwords
from sandbox.host.problems import Findings
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
    admin: Annotated[str, typer.Option(help="Make an administrator; the password is read from standard input, else generated.")] = "",
) -> None:
    """Set up a data directory: secrets, certificates, database, the pairs that come with Tidegate."""
    settings = _settings(data)
    make_data_dir(settings.data_dir)
    with _errors():
        load_policy(settings.policy)
        tls = make_authority(settings, host or ())
        read_secret(settings.data_dir / "row.secret")
        read_secret(settings.data_dir / "session.key")
        database = open_database(settings.database)
        database.upgrade()
        pairs = register_bundled(database)
        typer.echo(f"data directory   {settings.data_dir}")
        typer.echo(f"names            {', '.join(tls.names)}")
        typer.echo(f"pairs            {', '.join(f'{pair.manifest.name} {pair.manifest.version}' for pair in pairs) or 'none'}")
        typer.echo(f"CA fingerprint   {tls.fingerprint}")
        if admin:
            password, text = _password(admin)
            _accounts(settings, database).make_administrator(admin, password)
            typer.echo(f"administrator    {text}")
        database.close()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (TIDEGATE_CENTRAL_HOST, 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (TIDEGATE_CENTRAL_PORT, 8443); 0 for any.")] = None,
    data: DataDir = None,
) -> None:
    """Serve pages, API and links on one TLS port."""
    settings = _settings(data, host=host, port=port)
    if not tls_files(settings).certificate.exists():
        _stop(f"{settings.data_dir} is not set up; run: tidegate-central init --data {settings.data_dir}")
    with _errors(), _only_one(settings.data_dir):
        _serve(settings, make_authority(settings))


@app.command("add-pair")
def add_pair(
    folder: Annotated[Path, typer.Argument(help="Folder with NAMECentral.py, NAMERemote.py and manifest.toml.")], data: DataDir = None
) -> None:
    """Register a pair from a folder."""
    settings = _settings(data)

    async def register() -> str:
        database = open_database(settings.database)
        database.upgrade()
        policy = load_policy(settings.policy)
        isolator = Isolator(policy, settings.blas_threads)
        try:
            version = await Registry(database, isolator, policy).register(load_pair(folder), "")
            return f"{version.name} {version.version} {version.digest}"
        finally:
            await isolator.close()
            database.close()

    with _errors():
        typer.echo(asyncio.run(register()))


@app.command("set-password")
def set_password(username: str, data: DataDir = None) -> None:
    """Set a user's password: read from standard input, else generated. Open sessions of the user end."""
    settings = _settings(data)
    with _errors():
        database = open_database(settings.database)
        database.upgrade()
        password, text = _password(username)
        _accounts(settings, database).set_password(username, password)
        typer.echo(text)
        database.close()


@app.command()
def fingerprint(data: DataDir = None) -> None:
    """Print the SHA-256 of the certificate authority, which sites type."""
    files = tls_files(_settings(data))
    if not files.ca.exists():
        _stop("no certificate authority yet; run: tidegate-central init")
    typer.echo(files.fingerprint)


def main() -> None:
    """Entry point."""
    app()


def _settings(data: Path | None, **given: Any) -> Settings:
    values = {key: value for key, value in {"data_dir": data, **given}.items() if value is not None}
    return Settings(**values)


def _serve(settings: Settings, tls: TlsFiles) -> None:
    config = server_config(settings, tls)
    listener = socket.create_server((settings.host, settings.port), family=_family(settings.host), backlog=512)
    address, port = listener.getsockname()[:2]
    settle()
    structlog.get_logger().info("central.serving", address=address, port=port, names=tls.names)
    uvicorn.Server(config).run(sockets=[listener])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Two servers on one data directory would break the ledger's chain."""
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _stop(f"another central uses {data_dir}")
    try:
        yield
    finally:
        os.close(descriptor)


def _accounts(settings: Settings, database: Database) -> AccountService:
    central_id = central_id_of(settings.data_dir)
    tokens = Tokens(read_secret(settings.data_dir / "session.key"), central_id)
    return AccountService(settings, database, tokens, Mailer(settings, database), Passwords(), central_id)


def _password(username: str) -> tuple[str, str]:
    """One line of standard input, unless that is a terminal or empty; and what to tell the operator."""
    given = "" if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if given and len(given) < MIN_LENGTH:
        _stop(f"the password must have at least {MIN_LENGTH} characters")
    password = given or secrets.token_urlsafe(12)
    return password, username if given else f"{username}, password {password} (shown once)"


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except Findings as error:
        lines = [f"{item.module}:{item.line}: {item.sentence} {item.remedy}".rstrip() for item in error.findings]
        _stop("\n".join([*lines, str(error)]))
    except (TidegateError, PolicyError, PermissionError, ValueError) as error:
        _stop(str(error))


def _stop(text: str) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(1)
