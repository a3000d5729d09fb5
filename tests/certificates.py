"""Certificates for tests, made when they are needed."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that is its own authority: its file, and the context of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(key).add_extension(_HERE, critical=False).sign(key, hashes.SHA256())
    return _written(folder, authority), _context(folder, authority, key)


def signed_by_an_authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The file of an authority as `openssl req -x509` makes it, and the context of a server for 127.0.0.1 below it."""
    key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(key).sign(key, hashes.SHA256())
    of_server = _builder("votegame test server", authority.subject, server_key).add_extension(_HERE, critical=False)
    return _written(folder, authority), _context(folder, of_server.sign(key, hashes.SHA256()), server_key)


_HERE = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    builder = _builder("votegame tests", _name("votegame tests"), key)
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _written(folder: Path, authority: x509.Certificate) -> Path:
    path = folder / "authority.pem"
    path.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return path


def _context(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
