"""What the machine does not give is said in one sentence; what is wrong with our own code is not hidden."""

from __future__ import annotations

import errno
import importlib.util
import os
import ssl
from pathlib import Path

import pytest
import trustme
import typer
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from sandbox.host.startup import explain, said_in_one_sentence

FOLDER = Path("/srv/tidegate")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "--data"),
        (errno.EROFS, "--data"),
        (errno.ENOSPC, "make room"),
        (errno.ENOENT, "backup"),
        (errno.EIO, "--data"),
    ],
)
def test_a_failure_of_files_names_the_file_and_a_remedy(number: int, remedy: str) -> None:
    sentence = explain(OSError(number, os.strerror(number), "/srv/tidegate/lock"), FOLDER)
    assert sentence is not None
    assert "/srv/tidegate/lock" in sentence
    assert remedy in sentence


def test_a_failure_that_is_about_no_file_keeps_its_traceback() -> None:
    assert explain(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)), FOLDER) is None
    assert explain(OSError("a text of somebody's"), FOLDER) is None


def test_postgresql_without_its_driver_is_told_how_to_get_it() -> None:
    sentence = explain(ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), FOLDER)
    assert sentence is not None
    assert "psycopg[binary]" in sentence


def test_a_module_of_ours_that_is_missing_is_a_bug() -> None:
    assert explain(ModuleNotFoundError("No module named 'central.x'", name="central.x"), FOLDER) is None


def test_a_database_server_that_is_not_there_is_named_in_one_line() -> None:
    assert importlib.util.find_spec("psycopg") is not None
    engine = create_engine("postgresql+psycopg://tide:secret-word@127.0.0.1:1/tidegate")
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    sentence = explain(caught.value, FOLDER)
    assert sentence is not None
    assert "127.0.0.1" in sentence
    assert "secret-word" not in sentence
    assert "\n" not in sentence


def test_a_key_that_does_not_fit_its_certificate_is_said(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    other.private_key_pem.write_to_path(tmp_path / "server.key")
    with pytest.raises(ssl.SSLError) as caught:
        ssl.create_default_context().load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    sentence = explain(caught.value, FOLDER)
    assert sentence is not None
    assert "belong together" in sentence


def test_a_bug_keeps_its_traceback_and_everything_else_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), said_in_one_sentence(FOLDER):
        raise KeyError("ours")
    with pytest.raises(typer.Exit) as ended, said_in_one_sentence(FOLDER):
        Path("/nowhere/at/all").read_bytes()
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == "/nowhere/at/all is missing; correct the setting that names it, or bring the file back.\n"
