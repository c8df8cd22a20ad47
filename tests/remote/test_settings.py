"""A site listens on loopback only, and has no default secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from remote.settings import Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "site.example.org", ""])  # noqa: S104 - refused
def test_any_address_but_loopback_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="loopback"):
        Settings(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_addresses_are_accepted(host: str) -> None:
    assert Settings(host=host).host == host


def test_no_setting_is_a_secret() -> None:
    assert not [name for name in Settings.model_fields if "secret" in name or "password" in name or "key" in name]
