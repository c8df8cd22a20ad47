"""The secrets of a site, each in a file of its own that only its owner can read: the row secret and the site's Ed25519 key.

They never enter the database, a message or a log. A file that others can read is refused rather than repaired: somebody may have read it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ROW_FILE: Final = "row-secret"
ROW_SECRET_BYTES: Final = 32
SITE_KEY_NAME: Final = "site-key.pem"


class KeyFileError(ValueError):
    """A key file is missing, readable by others, or not what it should be."""


class Keys:
    """The key files in a site's data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create_row_secret(self) -> None:
        """Make the row secret unless there is one: a new one would change every draw of a repeated job."""
        path = self._folder / ROW_FILE
        if not path.exists():
            _write_private(path, secrets.token_bytes(ROW_SECRET_BYTES))

    def row_secret(self) -> bytes:
        """The secret from which the gate derives row draws. Raises :class:`KeyFileError`."""
        data = _read_private(self._folder / ROW_FILE)
        if len(data) != ROW_SECRET_BYTES:
            raise KeyFileError(f"{ROW_FILE} does not hold {ROW_SECRET_BYTES} bytes")
        return data

    def draft_site_key(self) -> Ed25519PrivateKey:
        """A fresh key, not stored until central has accepted it (:meth:`keep_site_key`)."""
        return Ed25519PrivateKey.generate()

    def keep_site_key(self, key: Ed25519PrivateKey) -> None:
        """Store the key this site signs with, in place of the one before."""
        data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        draft = self._folder / f"{SITE_KEY_NAME}.new"
        draft.unlink(missing_ok=True)
        _write_private(draft, data)
        draft.replace(self._folder / SITE_KEY_NAME)

    def site_key(self) -> Ed25519PrivateKey:
        """The key this site signs with. Raises :class:`KeyFileError`."""
        key = load_pem_private_key(_read_private(self._folder / SITE_KEY_NAME), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"{SITE_KEY_NAME} is not an Ed25519 key")
        return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half, as central stores it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_private(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path.name} cannot be read ({error.strerror}); restore it from a backup of the data directory") from error
    if mode & 0o077:
        raise KeyFileError(f"{path.name} can be read by others (mode {mode & 0o777:o}); find out why, then chmod 600")
    return path.read_bytes()
