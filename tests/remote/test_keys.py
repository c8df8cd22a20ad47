"""Secrets lie in files that only their owner can read, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from remote.keys import ROW_SECRET_BYTES, KeyFileError, Keys


def test_secrets_are_private_files(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.create_row_secret()
    keys.keep_site_key(keys.draft_site_key())
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"row-secret": 0o600, "site-key.pem": 0o600}


def test_the_row_secret_is_made_once(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.create_row_secret()
    first = keys.row_secret()
    keys.create_row_secret()
    assert keys.row_secret() == first
    assert len(first) == ROW_SECRET_BYTES


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.create_row_secret()
    (tmp_path / "row-secret").chmod(0o640)
    with pytest.raises(KeyFileError, match="others"):
        keys.row_secret()


def test_a_missing_or_cut_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        Keys(tmp_path).row_secret()
    (tmp_path / "row-secret").write_bytes(b"short")
    (tmp_path / "row-secret").chmod(0o600)
    with pytest.raises(KeyFileError):
        Keys(tmp_path).row_secret()


def test_a_new_site_key_replaces_the_old_one(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    for _ in range(2):
        key = keys.draft_site_key()
        keys.keep_site_key(key)
        assert keys.site_key().private_bytes_raw() == key.private_bytes_raw()
