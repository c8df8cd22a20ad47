"""`tidegate-site`: set up a site, serve its pages, configure and enrol it from a terminal, check its ledger.

`config` and `enrol` work on the data directory of a site that is not being served; a served one is configured in its pages or over its API.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn

from policies import PolicyError
from remote.app import create_app
from remote.config.service import ConfigService
from remote.db import open_database
from remote.keys import KeyFileError, Keys
from remote.owner.service import OwnerService
from remote.settings import Settings
from sandbox.errors import TidegateError
from sandbox.heap import settle
from sandbox.host import terminal
from sandbox.host.database import Database
from sandbox.host.logs import set_up_logging
from sandbox.host.serving import listen, server_config
from sandbox.host.startup import NotReady, settings_of, stop
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
    with settings_of(Settings, data) as settings:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        Keys(settings.data_dir).create_row_secret()
        with _database(settings) as database:
            service = OwnerService(database)
            if service.is_set:
                stop("This site is set up already; `tidegate-site password` sets a new password.")
            _set_password(service, owner or getpass.getuser())
        typer.echo(_next_step(settings, data), err=True)


@app.command()
def password(
    data: DataDir = None,
    owner: Annotated[str, typer.Option(help="Name of the owner, as approvals record it.")] = "",
) -> None:
    """Set a new password for the owner and revoke every session."""
    with _ready(data) as settings, _database(settings) as database:
        _set_password(OwnerService(database), owner or getpass.getuser())


@app.command()
def serve(
    data: DataDir = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages; 0 takes a free one and the log says which.")] = None,
    host: Annotated[str | None, typer.Option(help="A loopback address; anything else is refused.")] = None,
    policy: Annotated[str | None, typer.Option(help="A built-in policy by name, or a file.")] = None,
) -> None:
    """Serve the pages on loopback and keep the link to central open."""
    with _ready(data, port=port, host=host, policy=policy) as settings:
        try:
            application = create_app(settings)
        except (PolicyError, KeyFileError, ValueError) as error:
            raise NotReady(str(error)) from error
        listener = listen(settings.host, settings.port)
        set_up_logging()
        structlog.get_logger().info("site.listening", url=_url(settings.host, listener.getsockname()[1]))
        config = server_config(application, ws="none")
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
    with _config(data) as service:
        found = asyncio.run(service.set_central(central, site_id, fingerprint))
    typer.echo(f"Central is {found.url}; its certificate authority has the fingerprint you typed. Next: tidegate-site enrol", err=True)


@app.command()
def enrol(
    username: Annotated[str, typer.Option(help="Your user name at central.")],
    data: DataDir = None,
) -> None:
    """Make a key for this site and enrol it at central; the password of your account there is read from standard input."""
    with _config(data) as service:
        found = asyncio.run(service.enrol(username, terminal.ask_hidden(f"Password of {username} at central: ")))
    typer.echo(f"Enrolled as {found.site_id} at {found.url}.", err=True)


@ledger_app.command("verify")
def verify_ledger(data: DataDir = None) -> None:
    """Check the hash chain of this site's ledger; exit 1 when it is broken."""
    with _ready(data) as settings:
        path = settings.ledger
        if not path.exists():
            stop(f"{path} does not exist: nothing has left this site.")
        verdict = verify(path)
    if not verdict.holds:
        stop(f"{path}: the chain is broken at line {verdict.broken_line}.")
    typer.echo(f"{path}: {verdict.n_lines} lines, the chain holds, last hash {verdict.last_hash}")


def main() -> None:
    """Entry point."""
    app()


@contextlib.contextmanager
def _ready(data: Path | None, **given: Any) -> Iterator[Settings]:
    with settings_of(Settings, data, **given) as settings:
        if not settings.database.exists():
            raise NotReady(
                f"{settings.data_dir} is not a site's data directory; make it with: tidegate-site init --data {settings.data_dir}"
            )
        yield settings


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.database)
    try:
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def _config(data: Path | None) -> Iterator[ConfigService]:
    with _ready(data) as settings, _database(settings) as database:
        try:
            yield ConfigService(database, Keys(settings.data_dir), settings.proxy)
        except TidegateError as error:
            stop(str(error))


def _set_password(service: OwnerService, owner: str) -> None:
    typed = terminal.ask_hidden("Password for the pages of this site (empty: make one up): ")
    chosen = typed or secrets.token_urlsafe(12)
    try:
        service.set_password(owner, chosen)
    except TidegateError as error:
        stop(str(error))
    if not typed:
        typer.echo(f"Password: {chosen}")
        typer.echo("It is shown this once.", err=True)


def _next_step(settings: Settings, data: Path | None) -> str:
    """What the owner does after `init`."""
    return "\n".join(
        (
            f"Site set up in {settings.data_dir}. Next: tidegate-site serve{f' --data {data}' if data else ''}",
            f"Then open {_url(settings.host, settings.port)} on this machine and sign in with the password.",
            "On the page Configuration type what central's administrator tells you: address, site_id and CA fingerprint.",
        )
    )


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
