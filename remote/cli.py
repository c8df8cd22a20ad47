"""`tidegate-site`: set up a site, serve its pages, configure and enrol it from a terminal, check its ledger.

`config` and `enrol` work on the data directory of a site that is not being served; a served one is configured in its pages or over its API.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
import uvicorn
from pydantic import ValidationError

from policies import PolicyError
from remote.app import create_app
from remote.config.service import ConfigService
from remote.db import open_database
from remote.keys import KeyFileError, Keys
from remote.owner.service import OwnerService
from remote.settings import Settings
from sandbox.errors import TidegateError
from sandbox.heap import settle
from sandbox.host.idle import IDLE_SECONDS
from sandbox.host.logs import set_up_logging
from sandbox.ledger import verify

app = typer.Typer(
    help="A site of Tidegate: approves pairs, holds its own data, answers central.", no_args_is_help=True, add_completion=False
)
ledger_app = typer.Typer(help="The ledger of this site.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")

DataDir = Annotated[Path | None, typer.Option("--data", help="Data directory; else TIDEGATE_SITE_DATA_DIR, else the user's own.")]


@app.command()
def init(
    data: DataDir = None,
    owner: Annotated[str, typer.Option(help="Name of the owner, as approvals record it.")] = "",
) -> None:
    """Make the data directory, the row secret and the owner's password (read from standard input, or made up and shown once)."""
    settings = _settings(data)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    Keys(settings.data_dir).create_row_secret()
    database = open_database(settings.database)
    service = OwnerService(database)
    try:
        if service.is_set:
            _stop("This site is set up already; `tidegate-site password` sets a new password.")
        _set_password(service, owner or getpass.getuser())
    finally:
        database.close()
    typer.echo(f"Site set up in {settings.data_dir}. Next: tidegate-site serve", err=True)


@app.command()
def password(
    data: DataDir = None,
    owner: Annotated[str, typer.Option(help="Name of the owner, as approvals record it.")] = "",
) -> None:
    """Set a new password for the owner and revoke every session."""
    settings = _ready(data)
    database = open_database(settings.database)
    try:
        _set_password(OwnerService(database), owner or getpass.getuser())
    finally:
        database.close()


@app.command()
def serve(
    data: DataDir = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages; 0 takes a free one and the log says which.")] = None,
    host: Annotated[str | None, typer.Option(help="A loopback address; anything else is refused.")] = None,
    policy: Annotated[str | None, typer.Option(help="A built-in policy by name, or a file.")] = None,
) -> None:
    """Serve the pages on loopback and keep the link to central open."""
    settings = _ready(data, port=port, host=host, policy=policy)
    try:
        application = create_app(settings)
    except (PolicyError, KeyFileError, ValueError) as error:
        _stop(str(error))
    listener = _listen(settings.host, settings.port)
    set_up_logging()
    address = f"http://{_in_url(settings.host)}:{listener.getsockname()[1]}"
    structlog.get_logger().info("site.listening", url=address)
    config = uvicorn.Config(
        application,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
    )
    config.load()
    settle()
    uvicorn.Server(config).run(sockets=[listener])


@app.command()
def config(
    central: Annotated[str, typer.Option(help="https://host:port of central.")],
    site_id: Annotated[str, typer.Option(help="From the mail that said your account was approved.")],
    fingerprint: Annotated[str, typer.Option(help="SHA-256 of central's certificate authority, with or without colons.")],
    data: DataDir = None,
) -> None:
    """Tell a site that is not being served where its central is."""
    settings = _ready(data)
    database = open_database(settings.database)
    try:
        service = ConfigService(database, Keys(settings.data_dir), settings.proxy)
        found = asyncio.run(service.set_central(central, site_id, fingerprint))
    except TidegateError as error:
        _stop(str(error))
    finally:
        database.close()
    typer.echo(f"Central is {found.url}; its certificate authority has the fingerprint you typed. Next: tidegate-site enrol", err=True)


@app.command()
def enrol(
    username: Annotated[str, typer.Option(help="Your user name at central.")],
    data: DataDir = None,
) -> None:
    """Make a key for this site and enrol it at central; the password of your account there is read from standard input."""
    settings = _ready(data)
    word = getpass.getpass(f"Password of {username} at central: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    database = open_database(settings.database)
    try:
        service = ConfigService(database, Keys(settings.data_dir), settings.proxy)
        found = asyncio.run(service.enrol(username, word))
    except TidegateError as error:
        _stop(str(error))
    finally:
        database.close()
    typer.echo(f"Enrolled as {found.site_id} at {found.url}.", err=True)


@ledger_app.command("verify")
def verify_ledger(data: DataDir = None) -> None:
    """Check the hash chain of this site's ledger; exit 1 when it is broken."""
    path = _ready(data).ledger
    if not path.exists():
        _stop(f"{path} does not exist: nothing has left this site.")
    verdict = verify(path)
    if not verdict.holds:
        _stop(f"{path}: the chain is broken at line {verdict.broken_line}.")
    typer.echo(f"{path}: {verdict.n_lines} lines, the chain holds, last hash {verdict.last_hash}")


def main() -> None:
    """Entry point."""
    app()


def _settings(data: Path | None, **given: Any) -> Settings:
    chosen = {key: value for key, value in {"data_dir": data, **given}.items() if value is not None}
    try:
        return Settings(**chosen)
    except ValidationError as error:
        _stop("; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()))


def _ready(data: Path | None, **given: Any) -> Settings:
    settings = _settings(data, **given)
    if not settings.database.exists():
        _stop(f"{settings.data_dir} is not a site's data directory; make it with: tidegate-site init")
    return settings


def _set_password(service: OwnerService, owner: str) -> None:
    typed = getpass.getpass("Password for the pages of this site (empty: make one up): ") if sys.stdin.isatty() else sys.stdin.readline()
    chosen = typed.rstrip("\r\n") or secrets.token_urlsafe(12)
    try:
        service.set_password(owner, chosen)
    except TidegateError as error:
        _stop(str(error))
    if not typed.rstrip("\r\n"):
        typer.echo(f"Password: {chosen}")
        typer.echo("It is shown this once.", err=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        # Listening already: who reads the address in the log may connect at once, and waits in the backlog.
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        _stop(f"Port {port} of {host} cannot be used ({os.strerror(error.errno or 0)}); choose another with --port.")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _stop(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
