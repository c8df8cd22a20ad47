"""Signing in, as far as both hosts do it alike: passwords, attempts, tokens of a request."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from limits import RateLimitItemPerHour
from starlette.requests import Request

from sandbox.errors import Code, InputError, LimitError
from sandbox.host.access import token_of
from sandbox.host.attempts import Attempts
from sandbox.host.passwords import Passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def request(*headers: tuple[str, str], address: tuple[str, int] | None = ("10.0.0.1", 5)) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "client": address})


def test_a_password_matches_its_own_hash_only() -> None:
    passwords = Passwords(QUICK)
    hashed = passwords.hash("a long password")
    assert passwords.matches(hashed, "a long password")
    assert not passwords.matches(hashed, "a long passwore")
    assert not passwords.matches("no hash at all", "a long password")


def test_nobody_has_no_password() -> None:
    assert not Passwords(QUICK).matches(None, "")


def test_keys_are_counted_apart() -> None:
    attempts = Attempts(RateLimitItemPerHour(1))
    attempts.count("a")
    attempts.count("b")
    with pytest.raises(LimitError):
        attempts.count("a")


def test_a_bearer_token_goes_before_the_cookie() -> None:
    both = request(("authorization", "Bearer abc"), ("cookie", "name=def"))
    assert token_of(both, "name") == "abc"
    assert token_of(request(("cookie", "name=def")), "name") == "def"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc"])
def test_what_is_no_token_is_none(header: str) -> None:
    with pytest.raises(InputError) as caught:
        token_of(request(("authorization", header)), "name")
    assert caught.value.code is Code.ACCESS_SIGN_IN
