"""The owner's password and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from remote.db import open_database
from remote.owner.service import OwnerService
from sandbox.errors import Code, TidegateError
from sandbox.host.database import Database

PASSWORD = "correct horse"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path / "site.db")
    yield made
    made.close()


@pytest.fixture
def service(database: Database) -> OwnerService:
    made = OwnerService(database, attempts_per_minute=5)
    made.set_password("olga", PASSWORD)
    return made


def code_of(call: object, *arguments: object) -> Code:
    with pytest.raises(TidegateError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_the_right_password_opens_a_session(service: OwnerService) -> None:
    assert service.find(service.sign_in(PASSWORD)).name == "olga"


@pytest.mark.parametrize("password", ["", "correct horse ", "Correct horse", "x" * 10_000])
def test_a_wrong_password_does_not(service: OwnerService, password: str) -> None:
    assert code_of(service.sign_in, password) is Code.ACCESS_CREDENTIALS


def test_nobody_signs_in_before_init(database: Database) -> None:
    assert code_of(OwnerService(database).sign_in, "") is Code.ACCESS_CREDENTIALS


def test_too_many_attempts_are_refused_even_with_the_right_password(service: OwnerService) -> None:
    for _ in range(5):
        code_of(service.sign_in, "wrong")
    assert code_of(service.sign_in, PASSWORD) is Code.ACCESS_TOO_MANY


def test_a_session_that_was_signed_out_is_over(service: OwnerService) -> None:
    token, other = service.sign_in(PASSWORD), service.sign_in(PASSWORD)
    service.sign_out(service.find(token))
    assert code_of(service.find, token) is Code.ACCESS_SIGN_IN
    assert service.find(other).name == "olga"


def test_a_new_password_revokes_every_session(service: OwnerService) -> None:
    token = service.sign_in(PASSWORD)
    service.set_password("olga", "another password")
    assert code_of(service.find, token) is Code.ACCESS_SIGN_IN


def test_a_session_ends_by_itself(database: Database) -> None:
    now = datetime.now(UTC)
    service = OwnerService(database, session_hours=1, clock=lambda: now)
    service.set_password("olga", PASSWORD)
    token = service.sign_in(PASSWORD)
    now += timedelta(minutes=59)
    assert service.find(token)
    now += timedelta(minutes=2)
    assert code_of(service.find, token) is Code.ACCESS_SIGN_IN


@pytest.mark.parametrize("token", ["", "x", "correct horse"])
def test_a_token_that_was_never_given_out_opens_nothing(service: OwnerService, token: str) -> None:
    assert code_of(service.find, token) is Code.ACCESS_SIGN_IN


def test_neither_password_nor_token_is_stored(service: OwnerService, database: Database, tmp_path: Path) -> None:
    token = service.sign_in(PASSWORD)
    with database.transaction() as session:
        stored = session.execute(text("SELECT password_hash FROM owner")).scalar_one()
    assert stored.startswith("$argon2id$")
    database.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("site.db*"))
    assert PASSWORD.encode() not in content
    assert token.encode() not in content


@pytest.mark.parametrize("password", ["", "nine four", "x" * 257])
def test_a_poor_password_is_refused(service: OwnerService, password: str) -> None:
    assert code_of(service.set_password, "olga", password) is Code.REQUEST_INVALID
