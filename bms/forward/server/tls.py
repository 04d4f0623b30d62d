"""TLS to a database: whom we believe, and what to do about a server that we do not."""

from __future__ import annotations

import ssl
from pathlib import Path

from bms.core.errors import InvalidInput
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

UNKNOWN_SIGNER = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_*: no issuer, self-signed, a private root, no local issuer, no chain."""
NOT_YET_VALID, EXPIRED = 9, 10
OTHER_NAME = frozenset({62, 64})
"""Another host name, another IP address."""
NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def trust(ca: Path) -> ssl.SSLContext:
    """Only the authority in `ca` may sign for a server.

    `ca` may also be an intermediate authority, or the certificate of a server that signed itself.
    Raises InvalidInput if it cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca))
    except ssl.SSLError as error:
        raise InvalidInput(
            msg(
                "{file} holds no certificate: under 'ca' belongs the certificate of the authority "
                "as PEM, which begins with -----BEGIN CERTIFICATE-----",
                file=ca,
            )
        ) from error
    except OSError as error:
        raise InvalidInput(
            msg(
                "the certificate authority {file} cannot be read: {error}",
                file=ca,
                error=os_cause(error),
            )
        ) from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def why_no_answer(error: BaseException, ca: Path | None) -> str:
    """What went wrong on the way to a server, with the remedy where TLS is why."""
    found = _tls_error(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        return _distrust(found, ca)
    if found is not None and found.reason in NOT_TLS:
        return msg(
            "the server does not speak TLS at this address: write http:// or its TLS port in {key}",
            key="url",
        )
    # The library's own words.
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The one of OpenSSL. aiohttp's are SSLErrors too, but only wrap it."""
    while error is not None:
        wrapped = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        if wrapped is None and isinstance(error, ssl.SSLError):
            return error
        error = wrapped or error.__cause__
    return None


def _distrust(error: ssl.SSLCertVerificationError, ca: Path | None) -> str:
    code, said = error.verify_code, error.verify_message.rstrip(".")
    if code in UNKNOWN_SIGNER and ca is None:
        remedy = msg(
            "put the certificate of the authority that signed the server's (or the server's own "
            "if it signed itself) as PEM beside {file} and name the file under '{key}'",
            file="site.yaml",
            key="ca",
        )
    elif code in UNKNOWN_SIGNER:
        remedy = msg(
            "{file} is not the authority that signed it: name the one that did under '{key}'",
            file=ca,
            key="ca",
        )
    elif code in OTHER_NAME:
        remedy = msg(
            "write in {key} a name that the certificate is made for, or have one made for this",
            key="url",
        )
    elif code == EXPIRED:
        remedy = msg("renew it on the server (or set the clock of this machine)")
    elif code == NOT_YET_VALID:
        remedy = msg("set the clock of this machine or of the one that made it")
    else:
        remedy = msg("have it made again")
    return msg(
        "the server's certificate is not believed ({cause}): {remedy}", cause=said, remedy=remedy
    )
