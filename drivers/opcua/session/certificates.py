"""Certificates as OPC-UA wants them (OPC 10000-6, 6.2.2), and the list of those we believe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

KEY_BITS = 2048
"""What all three policies take; Basic256Sha256 and the Aes ones allow 2048 to 4096."""


class CertificateProblem(Exception):
    """A file that is no certificate, or one that cannot be used; the text is for people."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person compares, and what decides."""

    der: bytes
    subject: str
    sha1: str
    """The thumbprint that OPC-UA tools show."""
    sha256: str
    not_before: datetime
    not_after: datetime
    application_uri: str

    def problem(self, now: datetime) -> str:
        """Why it must not be used now; empty if it may."""
        if now >= self.not_after:
            return msg("it expired on {day:%Y-%m-%d}", day=self.not_after)
        if now < self.not_before:
            return msg("it is not valid before {day:%Y-%m-%d}", day=self.not_before)
        return ""


def parse(der: bytes) -> Certificate:
    """The first certificate of a DER chain. Raises CertificateProblem."""
    try:
        found = x509.load_der_x509_certificate(_first(der))
    except ValueError as error:
        raise CertificateProblem(msg("not a certificate: {cause}", cause=error)) from None
    return Certificate(
        found.public_bytes(serialization.Encoding.DER),
        found.subject.rfc4514_string(),
        found.fingerprint(hashes.SHA1()).hex().upper(),
        found.fingerprint(hashes.SHA256()).hex().upper(),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        _application_uri(found),
    )


def load(path: Path) -> Certificate:
    """A certificate file, DER or PEM. Raises CertificateProblem."""
    try:
        data = path.read_bytes()
        if data.lstrip().startswith(b"-----BEGIN"):
            data = x509.load_pem_x509_certificate(data).public_bytes(serialization.Encoding.DER)
    except OSError as error:
        cause = os_cause(error)
        raise CertificateProblem(msg("{file}: {cause}", file=path, cause=cause)) from None
    except ValueError as error:
        raise CertificateProblem(msg("{file}: {cause}", file=path, cause=error)) from None
    return parse(data)


def trusted(directory: Path) -> dict[str, Certificate]:
    """The servers that somebody has looked at, by SHA-256; other files are passed over."""
    found: dict[str, Certificate] = {}
    for path in sorted(directory.glob("*.der")) if directory.is_dir() else ():
        try:
            certificate = load(path)
        except CertificateProblem:
            continue
        found[certificate.sha256] = certificate
    return found


def trust(directory: Path, certificate: Certificate) -> Path:
    """Believe a server from now on."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{certificate.sha256.lower()}.der"
    _write(path, certificate.der, 0o644)
    return path


def create(certificate: Path, key: Path, *, host: str, now: datetime, days: int) -> Certificate:
    """Make our own key and certificate, signed by itself. Existing files are replaced.

    `host` goes into the application URI `urn:<host>:bms` and into the names of the certificate.
    """
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"bms@{host}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bms"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # it signs itself
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(f"urn:{host}:bms"), x509.DNSName(host)]
    extended = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the server's clock may be behind
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for path in (certificate, key):
        path.parent.mkdir(parents=True, exist_ok=True)
    _write(key, pem, 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.DER), 0o644)
    return load(certificate)


def _first(der: bytes) -> bytes:
    """Servers may send their issuers' certificates behind their own."""
    if len(der) < 4 or der[0] != 0x30:
        return der
    if der[1] < 0x80:
        return der[: 2 + der[1]]
    size = der[1] & 0x7F
    return der[: 2 + size + int.from_bytes(der[2 : 2 + size], "big")]


def _application_uri(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else ""


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by more than `mode` says."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
