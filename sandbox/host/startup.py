"""Why a command cannot begin: what the machine does not give is one sentence with its remedy and exit status 2, never a traceback.

Exit status 1 is for a command that could begin and whose answer is no. Anything else is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn, Protocol, TypeVar

import typer
from alembic.util import CommandError
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

EXIT_NO: Final = 1
EXIT_NOT_READY: Final = 2
RESTORE: Final = "restore it from a backup of the data directory"


class HostSettings(Protocol):
    """Settings of a server."""

    model_config: ClassVar[SettingsConfigDict]

    def __init__(self, **values: Any) -> None: ...

    @property
    def data_dir(self) -> Path:
        """Where the server keeps what it keeps."""


SettingsT = TypeVar("SettingsT", bound=HostSettings)


class NotReady(Exception):
    """Something that the operator has to put right first; the text is the sentence and the remedy."""


def stop(text: str, status: int = EXIT_NO) -> NoReturn:
    """Say `text` on standard error and end the command."""
    typer.echo(text, err=True)
    raise typer.Exit(status)


@contextmanager
def said_in_one_sentence(data_dir: Path) -> Iterator[None]:
    """End the command with a sentence when what it needs of the machine is not there."""
    try:
        yield
    except NotReady as error:
        stop(str(error), EXIT_NOT_READY)
    except Exception as error:
        sentence = explain(error, data_dir)
        if sentence is None:
            raise
        stop(sentence, EXIT_NOT_READY)


def explain(error: Exception, data_dir: Path) -> str | None:
    """The sentence and remedy for a failure of files, network or database; None for any other."""
    if isinstance(error, ssl.SSLError):
        return f"The TLS certificate and its key cannot be used ({error.reason}); check that both files are PEM and belong together."
    if isinstance(error, OSError):
        return _explain_os(error, data_dir)
    if isinstance(error, ImportError):
        return _explain_import(error)
    if isinstance(error, NoSuchModuleError | ArgumentError):
        return "The database URL is not understood; it begins with sqlite:/// or postgresql+psycopg://."
    if isinstance(error, DBAPIError):
        reason = str(error.orig).strip().split("\n", 1)[0]
        return f"The database cannot be used ({reason}); check its address and its owner, or {RESTORE} ({data_dir})."
    if isinstance(error, CommandError):
        return f"The database was made by another version of Tidegate ({error}); install the newest version, or {RESTORE} ({data_dir})."
    return None


def missing(path: Path, data_dir: Path) -> str:
    """The sentence and remedy for a file that is not there: one of the data directory, or one that a setting names."""
    remedy = RESTORE if path.is_relative_to(data_dir) else "correct the setting that names it, or bring the file back"
    return f"{path} is missing; {remedy}."


def _explain_os(error: OSError, data_dir: Path) -> str | None:
    path = error.filename if isinstance(error.filename, str | os.PathLike) else data_dir
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ENOENT:
            return missing(Path(path), data_dir)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{path} cannot be used ({reason}); give it to the user who runs this command, or choose another place with --data."
        case errno.ENOSPC | errno.EDQUOT:
            return f"{path} cannot be written ({reason}); make room on that disk."
    if isinstance(error, PermissionError) and error.errno is None and reason:
        # Ours: a secret that others may read.
        return reason
    if error.filename is None:
        # Not about a file: nothing here knows a remedy, and a traceback says more.
        return None
    return f"{path} cannot be used ({reason}); put that right, or choose another place with --data."


def _explain_import(error: ImportError) -> str | None:
    if (error.name or "").split(".")[0] not in ("psycopg", "psycopg2"):
        return None
    return "A database at PostgreSQL needs the package psycopg, which is not installed; install it: pip install 'psycopg[binary]'"


@contextmanager
def settings_of(kind: type[SettingsT], data_dir: Path | None, **given: Any) -> Iterator[SettingsT]:
    """The settings, with what the command line gave; what goes wrong inside, or is wrong with them, ends the command with a sentence."""
    values = {name: value for name, value in {"data_dir": data_dir, **given}.items() if value is not None}
    try:
        settings = kind(**values)
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        stop("; ".join(_wrong(prefix, item["loc"], item["msg"]) for item in error.errors()), EXIT_NOT_READY)
    with said_in_one_sentence(settings.data_dir):
        yield settings


def _wrong(prefix: str, location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return f"{message}; correct the environment"
    name = str(location[0])
    return f"{name}: {message}; correct the option or the environment variable {prefix}{name.upper()}"
