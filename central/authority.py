"""Central's own certificate authority and server certificate, for operators who bring none.

The authority's certificate is public: sites fetch it and pin its SHA-256. Its key never leaves the data directory.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.settings import Settings

CA_DAYS: Final = 3650
SERVER_DAYS: Final = 397
RENEW_DAYS: Final = 30
DEFAULT_NAMES: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates are. `key` belongs to `certificate`."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def ca_pem(self) -> bytes:
        """The authority's certificate, as sites fetch it."""
        return self.ca.read_bytes()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, as sites type it."""
        digest = x509.load_pem_x509_certificate(self.ca_pem).fingerprint(hashes.SHA256())
        return digest.hex(":").upper()

    @property
    def names(self) -> tuple[str, ...]:
        """The names and addresses the server's certificate is good for; the server answers to no others."""
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternatives.get_values_for_type(x509.DNSName)
        return (*names, *(str(address) for address in alternatives.get_values_for_type(x509.IPAddress)))


def tls_files(settings: Settings) -> TlsFiles:
    """The operator's files, or those that :func:`make_authority` made."""
    if settings.tls_certificate is not None and settings.tls_key is not None and settings.tls_ca is not None:
        return TlsFiles(settings.tls_ca, settings.tls_certificate, settings.tls_key)
    folder = settings.data_dir / "tls"
    return TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")


def make_authority(settings: Settings, names: Iterable[str] = ()) -> TlsFiles:
    """Create what is missing: an authority once, a server certificate when there is none for `names` or it ends soon.

    An operator's own certificate is left as it is.
    """
    files = tls_files(settings)
    if settings.tls_certificate is not None:
        return files
    files.ca.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_key_path = files.ca.with_name("ca.key")
    is_new = not files.ca.exists()
    if is_new:
        _make_ca(files.ca, ca_key_path)
    wanted = tuple(dict.fromkeys((*names, *DEFAULT_NAMES)))
    if is_new or not files.certificate.exists() or (names and set(files.names) != set(wanted)) or _ends_soon(files.certificate):
        if not names and files.certificate.exists():
            wanted = files.names
        _make_certificate(files, ca_key_path, wanted)
    return files


def _make_ca(path: Path, key_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tidegate central authority")])
    builder = _builder(name, name, key.public_key(), CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    _write_private(key_path, _key_pem(key))
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _make_certificate(files: TlsFiles, ca_key_path: Path, names: Iterable[str]) -> None:
    ca = x509.load_pem_x509_certificate(files.ca_pem)
    ca_key = serialization.load_pem_private_key(ca_key_path.read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{ca_key_path} does not hold an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tidegate central")])
    builder = _builder(name, ca.subject, key.public_key(), SERVER_DAYS)
    for extension, is_critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(text) for text in names]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical=is_critical)
    _write_private(files.key, _key_pem(key))
    files.certificate.write_bytes(builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _ends_soon(path: Path) -> bool:
    end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return end - datetime.now(UTC) < timedelta(days=RENEW_DAYS)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write_private(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
