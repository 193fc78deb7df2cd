"""A self-signed certificate, so that headsets and tablets in the same network get HTTPS, which WebXR needs."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.local import lan_address

DAYS = 397
"""The longest validity that browsers accept."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Paths of certificate and key (PEM), and the certificate's SHA-256 in hexadecimal."""

    certificate: Path
    key: Path
    fingerprint: str


def self_signed(folder: Path, names: Sequence[str] = ()) -> CertificateFiles:
    """Write `viscera.crt` and `viscera.key` (readable only by the owner) for this machine and further `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, _names(names))
    files = CertificateFiles(
        folder / "viscera.crt", folder / "viscera.key", certificate.fingerprint(hashes.SHA256()).hex(":")
    )
    files.key.unlink(missing_ok=True)
    handle = os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write(key.private_bytes(*pem))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return files


def _names(further: Sequence[str]) -> list[x509.GeneralName]:
    host = socket.gethostname()
    host_names = dict.fromkeys(["localhost", "127.0.0.1", "::1", lan_address(), host, f"{host}.local", *further])
    return [_name(name) for name in host_names]


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName]) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Viscera")])
    now = datetime.datetime.now(datetime.UTC)
    # The second one: DIMSE nodes show each other their certificates.
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )
