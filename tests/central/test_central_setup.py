"""First start: secrets, certificates, schema, the command line."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from pydantic import ValidationError
from sqlalchemy import inspect
from typer.testing import CliRunner

from central import authority
from central.app import create_app
from central.authority import make_authority
from central.cli import app
from central.db import Base, open_database
from central.server import central_config
from central.settings import Settings, read_secret
from central.tables import TABLES
from tests.central.serving import set_up

COMMAND = Path(sys.executable).parent / "tidegate-central"


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("central")
    assert run("init", "--data", str(folder), "--admin", "ada").returncode == 0
    return folder


@pytest.fixture
def in_this_process(monkeypatch):
    """A command may run here and leaves the process as it was: its log would go on to where this call's errors went."""
    monkeypatch.setattr("central.cli.set_up_logging", lambda: None)
    before = os.umask(0o077)
    yield
    os.umask(before)


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(COMMAND), *arguments], input=text, capture_output=True, text=True, check=False, timeout=240)


def test_migrations_on_an_empty_database_equal_the_models(tmp_path):
    with contextlib.closing(open_database(f"sqlite:///{tmp_path / 'x.sqlite3'}")) as database:
        database.upgrade()
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            assert {table.name for table in TABLES} | {"alembic_version"} == set(inspect(connection).get_table_names())
        database.upgrade()


def test_sqlite_has_a_write_ahead_log_and_foreign_keys(tmp_path):
    with contextlib.closing(open_database(f"sqlite:///{tmp_path / 'x.sqlite3'}")) as database, database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_no_secret_has_a_default(tmp_path):
    first, second = read_secret(tmp_path / "a" / "key"), read_secret(tmp_path / "b" / "key")
    assert first != second
    assert len(first) == 32
    assert read_secret(tmp_path / "a" / "key") == first
    names = [name for name in Settings.model_fields if "secret" in name or "password" in name or "key" in name]
    assert all(Settings.model_fields[name].default is None for name in names)


def test_secrets_are_readable_by_the_service_user_only_and_refused_otherwise(tmp_path):
    path = tmp_path / "key"
    read_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        read_secret(path)


def test_half_a_certificate_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="set together"):
        Settings(data_dir=tmp_path, tls_certificate=tmp_path / "x.pem")


@pytest.mark.parametrize("contact", ["security@example.org", "http://example.org", "mailto:a@b\nContact: mailto:c@d", "mailto:"])
def test_a_contact_that_is_no_address_of_its_kind_is_refused(tmp_path, contact):
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, security_contact=contact)


async def test_the_contact_for_reports_of_holes_is_told_where_rfc_9116_looks_for_it(settings):
    contact = "mailto:security@example.org"
    for given, status in (("", 404), (contact, 200)):
        app = create_app(settings.model_copy(update={"security_contact": given}), make_authority(settings))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://localhost") as client:
            told = await client.get("/.well-known/security.txt")
        assert told.status_code == status
    fields = dict(line.split(": ", 1) for line in told.text.splitlines())
    assert fields["Contact"] == contact
    assert datetime.now(UTC) < datetime.fromisoformat(fields["Expires"]) < datetime.now(UTC) + timedelta(days=365)


def test_a_result_is_kept_for_a_day_at_most(tmp_path):
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, result_seconds=86_401)


def test_the_certificate_is_signed_by_the_authority_for_the_names_and_kept(tmp_path):
    settings = Settings(data_dir=tmp_path)
    files = make_authority(settings, ["central.example", "10.1.2.3"])
    ca = x509.load_pem_x509_certificate(files.ca_pem)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    certificate.verify_directly_issued_by(ca)
    assert files.names == ("central.example", "localhost", "10.1.2.3", "127.0.0.1")
    assert files.fingerprint.replace(":", "").lower() == ca.fingerprint(hashes.SHA256()).hex()
    before = files.certificate.read_bytes()
    assert make_authority(settings).certificate.read_bytes() == before
    again = make_authority(settings, ["other.example"])
    assert again.names == ("other.example", "localhost", "127.0.0.1")
    assert again.fingerprint == files.fingerprint
    for key in (files.key, files.ca.with_name("ca.key")):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_certificate_that_ends_soon_is_renewed_for_the_same_names(tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(authority, "SERVER_DAYS", authority.RENEW_DAYS - 1)
    files = make_authority(settings, ["central.example"])
    monkeypatch.undo()
    renewed = make_authority(settings)
    end = x509.load_pem_x509_certificate(renewed.certificate.read_bytes()).not_valid_after_utc
    assert end - datetime.now(UTC) > timedelta(days=authority.RENEW_DAYS)
    assert renewed.names == files.names


def test_init_sets_up_and_prints_the_fingerprint_and_a_generated_password_once(tmp_path):
    done = run("init", "--data", str(tmp_path / "c"), "--host", "central.example", "--admin", "ada")
    assert done.returncode == 0, done.stderr
    assert "central.example" in done.stdout
    assert "shown once" in done.stdout
    printed = run("fingerprint", "--data", str(tmp_path / "c")).stdout.strip()
    assert printed in done.stdout
    assert len(printed.split(":")) == 32
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700
    again = run("init", "--data", str(tmp_path / "c"), "--admin", "ada")
    assert again.returncode == 1
    assert "taken" in again.stderr
    assert run("fingerprint", "--data", str(tmp_path / "c")).stdout.strip() == printed


def test_init_takes_a_password_from_standard_input_and_does_not_print_it(tmp_path):
    done = run("init", "--data", str(tmp_path), "--admin", "ada", text="a long password\n")
    assert done.returncode == 0, done.stderr
    assert "a long password" not in done.stdout + done.stderr
    assert run("init", "--data", str(tmp_path), "--admin", "bob", text="short\n").returncode == 1


def test_init_says_what_comes_next_and_what_sites_are_told(tmp_path):
    done = run("init", "--data", str(tmp_path / "c"), "--host", "central.example", "--admin", "ada")
    assert f"tidegate-central serve --host 0.0.0.0 --data {tmp_path / 'c'}" in done.stderr
    assert done.stderr.count("https://central.example:8443") == 2
    assert "CA fingerprint above" in done.stderr
    local = run("init", "--data", str(tmp_path / "l"), "--admin", "ada").stderr
    assert "https://localhost:8443" in local
    assert "init again with --host NAME" in local


def test_init_without_a_terminal_makes_no_central_that_nobody_administers(tmp_path):
    done = run("init", "--data", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "tidegate-central init --admin NAME" in done.stderr
    assert run("serve", "--data", str(tmp_path)).returncode == 2
    assert run("init", "--data", str(tmp_path), "--admin", "a b").returncode == 2
    assert run("init", "--data", str(tmp_path), "--admin", "ada").returncode == 0
    assert run("init", "--data", str(tmp_path), "--host", "central.example").returncode == 0


def test_init_at_a_terminal_asks_for_the_first_administrator_and_a_password(tmp_path):
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [str(COMMAND), "init", "--data", str(tmp_path)], stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as process:
        os.close(end)
        shown = ""
        for question, answer in (
            ("Name of the first administrator: ", "ada"),
            ("Password for ada (empty: make one up): ", "a long password"),
        ):
            while question not in shown:
                shown += os.read(terminal, 1024).decode()
            os.write(terminal, f"{answer}\n".encode())
        with contextlib.suppress(OSError):  # how Linux says that nobody has the other end any more
            while chunk := os.read(terminal, 1024):
                shown += chunk.decode()
        assert process.wait(60) == 0
    os.close(terminal)
    assert "administrator    ada" in shown
    assert "a long password" not in shown
    assert _administrators(tmp_path) == ["ada"]


def test_serve_says_when_nobody_can_approve_accounts(tmp_path):
    assert run("init", "--data", str(tmp_path), "--admin", "ada").returncode == 0
    _change(tmp_path, "DELETE FROM accounts")
    with subprocess.Popen([str(COMMAND), "serve", "--data", str(tmp_path), "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        events = [json.loads(server.stderr.readline()) for _ in range(2)]
        server.terminate()
    assert [event["event"] for event in events] == ["central.no_administrator", "central.serving"]
    assert events[0]["remedy"] == "tidegate-central init --admin NAME"


def _change(folder, statement):
    with contextlib.closing(sqlite3.connect(folder / "central.sqlite3")) as connection, connection:
        return connection.execute(statement).fetchall()


def _administrators(folder):
    return [name for name, roles in _change(folder, "SELECT username, roles FROM accounts") if "admin" in roles]


def _take_away(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "environment", "words"),
    [
        (_take_away("tls/server.key"), {}, ["server.key is missing", "backup"]),
        (_take_away("tls/ca.pem"), {}, ["ca.pem is missing", "backup"]),
        (_take_away("row.secret"), {}, ["row.secret is missing", "backup"]),
        (_take_away("central_id"), {}, ["central_id is missing", "backup"]),
        (lambda folder: (folder / "session.key").chmod(0o644), {}, ["chmod 600"]),
        (lambda folder: (folder / "central.sqlite3").write_bytes(b"no database" * 999), {}, ["not a database", "backup"]),
        (lambda folder: _change(folder, "UPDATE alembic_version SET version_num = '9999'"), {}, ["another version", "newest"]),
        (lambda folder: None, {"PORT": "many"}, ["TIDEGATE_CENTRAL_PORT"]),
        (lambda folder: None, {"POLICY": "lax"}, ["no built-in policy"]),
        (lambda folder: None, {"DATABASE_URL": "nonsense"}, ["postgresql+psycopg://"]),
        (lambda folder: None, {"DATABASE_URL": "sqlite:////nowhere/at/all"}, ["unable to open"]),
        (lambda folder: None, {"TLS_CERTIFICATE": "x", "TLS_KEY": "y", "TLS_CA": "z"}, ["is missing", "the setting that names it"]),
        (lambda folder: None, {"TLS_CERTIFICATE": "x"}, ["set together"]),
    ],
)
def test_what_keeps_central_from_serving_is_one_sentence(set_up_once, in_this_process, tmp_path, monkeypatch, spoil, environment, words):
    shutil.copytree(set_up_once, tmp_path / "c")
    # It has served before: what is missing now was there.
    (tmp_path / "c" / "ledger.jsonl").touch(0o600)
    spoil(tmp_path / "c")
    for name, value in environment.items():
        monkeypatch.setenv(f"TIDEGATE_CENTRAL_{name}", value)
    done = CliRunner().invoke(app, ["serve", "--data", str(tmp_path / "c"), *([] if "PORT" in environment else ["--port", "0"])])
    assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert [word for word in words if word not in done.stderr] == []


def test_an_init_that_was_broken_off_is_run_again(set_up_once, in_this_process, tmp_path):
    shutil.copytree(set_up_once, tmp_path / "c")
    (tmp_path / "c" / "session.key").unlink()
    serve = ["serve", "--data", str(tmp_path / "c"), "--port", "0"]
    done = CliRunner().invoke(app, serve)
    assert (done.exit_code, "run: tidegate-central init" in done.stderr) == (2, True)
    assert CliRunner().invoke(app, ["init", "--data", str(tmp_path / "c")]).exit_code == 0
    assert (tmp_path / "c" / "session.key").exists()


@pytest.mark.parametrize(("name", "password"), [("a" * 65, ""), ("ada lovelace", ""), ("ada", "p" * 257), ("ada", "short")])
def test_init_makes_no_administrator_that_could_never_sign_in(in_this_process, tmp_path, name, password):
    done = CliRunner().invoke(app, ["init", "--data", str(tmp_path / "c"), "--admin", name], input=f"{password}\n")
    assert done.exit_code in (1, 2)
    assert _administrators(tmp_path / "c") == []


def test_a_port_in_use_is_one_sentence(set_up_once):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--data", str(set_up_once), "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Address already in use" in done.stderr
    assert "--port" in done.stderr


def test_an_authority_made_anew_signs_a_certificate_of_its_own(tmp_path):
    settings = Settings(data_dir=tmp_path)
    files = make_authority(settings, ["central.example"])
    files.ca.unlink()
    again = make_authority(settings, ["central.example"])
    certificate = x509.load_pem_x509_certificate(again.certificate.read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(again.ca_pem))


def test_a_forgotten_password_is_set_on_the_command_line(tmp_path):
    assert run("init", "--data", str(tmp_path), "--admin", "ada", text="a long password\n").returncode == 0
    done = run("set-password", "ada", "--data", str(tmp_path))
    assert "shown once" in done.stdout
    assert run("set-password", "nobody", "--data", str(tmp_path)).returncode == 1


def test_serve_without_init_says_what_to_do(tmp_path):
    done = run("serve", "--data", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "tidegate-central init" in done.stderr


def test_add_pair_shows_findings_with_lines_and_registers_nothing(tmp_path):
    assert run("init", "--data", str(tmp_path / "c"), "--admin", "ada").returncode == 0
    source = Path(__file__).parents[2] / "algorithms" / "SIMI"
    folder = tmp_path / "SIMI"
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes().replace(b'version = "1.0.0"', b'version = "1.0.1"'))
    added = run("add-pair", str(folder), "--data", str(tmp_path / "c"))
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("SIMI 1.0.1 ")
    (folder / "SIMIRemote.py").write_bytes(b"import socket\n")
    refused = run("add-pair", str(folder), "--data", str(tmp_path / "c"))
    assert refused.returncode == 1
    assert "SIMIRemote.py:1:" in refused.stderr


def test_a_broken_ledger_stops_the_start(tmp_path):
    assert run("init", "--data", str(tmp_path), "--admin", "ada").returncode == 0
    (tmp_path / "ledger.jsonl").write_text('{"previous":"nonsense"}\n')
    done = run("serve", "--data", str(tmp_path), "--port", "0")
    assert done.returncode == 2
    assert "chain is broken" in done.stderr


def test_a_connection_that_an_api_client_still_keeps_is_not_closed(tmp_path):
    settings = Settings(data_dir=tmp_path / "central")
    set_up(settings)
    assert central_config(settings, make_authority(settings)).timeout_keep_alive > httpx.Limits().keepalive_expiry
