"""Securing a connection before it is made: policy, identity, and whether the server is believed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties

from bms.texts.clean import device_text
from bms.texts.messages import message_of, msg
from drivers.errors import DeviceRefused
from drivers.opcua.session.certificates import Certificate, CertificateProblem, load, parse, trusted
from drivers.opcua.session.security import PolicyName, Security

_POLICIES: dict[PolicyName, type[security_policies.SecurityPolicy]] = {
    "basic256sha256": security_policies.SecurityPolicyBasic256Sha256,
    "aes128": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "aes256": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_MODES = {
    "sign": ua.MessageSecurityMode.Sign,
    "sign_and_encrypt": ua.MessageSecurityMode.SignAndEncrypt,
}


async def secure(client: Client, security: Security, now: datetime) -> None:
    """Prepare a client; call it before `connect`. Raises DeviceRefused, whose text is for people.

    The server must show, and in the secure channel own, exactly a certificate of the trust list:
    so nothing else about it (issuer, host name) decides. Certificates must be valid at `now`.
    """
    _identify(client, security)
    if security.policy == "none":
        if security.password is not None:
            raise DeviceRefused(msg("a password is not sent without encryption: choose a policy"))
        return
    certificate, key, directory = security.certificate, security.key, security.trusted
    if certificate is None or key is None or directory is None:
        raise DeviceRefused(
            msg(
                "security {policy} needs a certificate, a key, a trust list", policy=security.policy
            )
        )
    try:
        own = load(certificate)
        endpoint = _choose(await client.connect_and_get_server_endpoints(), security)
        server = parse(endpoint.ServerCertificate or b"")
    except CertificateProblem as error:
        raise DeviceRefused(message_of(error)) from None
    problem = own.problem(now)
    if problem:
        raise DeviceRefused(
            msg("our own certificate cannot be used: {problem}; renew it", problem=problem)
        )
    check_trusted(server, security, now)
    client.application_uri = own.application_uri
    await client.set_security(
        _POLICIES[security.policy],
        CertProperties(certificate, "der"),
        CertProperties(key, "pem"),
        server_certificate=CertProperties(server.der, "der"),
        mode=_MODES[security.mode],
    )
    if security.user_certificate is not None and security.user_key is not None:
        await client.load_client_certificate(str(security.user_certificate))
        await client.load_private_key(security.user_key)


def check_trusted(server: Certificate, security: Security, now: datetime) -> None:
    """Raises DeviceRefused unless somebody has looked at this certificate, and it is valid."""
    assert security.trusted is not None
    if server.sha256 not in trusted(security.trusted):
        raise DeviceRefused(
            msg(
                "the server's certificate is not trusted: {subject}, thumbprint (SHA-1) "
                "{thumbprint}; compare it at the server, then: {command}",
                subject=server.subject,
                thumbprint=server.sha1,
                command=f"{security.trust_command} --thumbprint {server.sha1}",
            )
        )
    problem = server.problem(now)
    if problem:
        raise DeviceRefused(
            msg("the server's certificate cannot be used: {problem}", problem=problem)
        )


async def server_certificate(url: str, security: Security, timeout_s: float) -> Certificate:
    """What the server shows for a policy, without believing it. Raises DeviceRefused."""
    client = Client(url, timeout=timeout_s)
    endpoint = _choose(await client.connect_and_get_server_endpoints(), security)
    try:
        return parse(endpoint.ServerCertificate or b"")
    except CertificateProblem as error:
        raise DeviceRefused(message_of(error)) from None


def offered(endpoint: ua.EndpointDescription) -> str:
    """Policy and mode of an endpoint in words."""
    policy = device_text(str(endpoint.SecurityPolicyUri).rpartition("#")[2]) or "?"
    mode = endpoint.SecurityMode
    return policy if mode is ua.MessageSecurityMode.None_ else f"{policy} {mode.name}"


def _identify(client: Client, security: Security) -> None:
    if security.user is not None:
        client.set_user(security.user)
    if security.password is not None:
        client.set_password(security.password)


def _choose(
    endpoints: Sequence[ua.EndpointDescription], security: Security
) -> ua.EndpointDescription:
    wanted = _POLICIES[security.policy].URI, _MODES[security.mode]
    for endpoint in endpoints:
        if (endpoint.SecurityPolicyUri, endpoint.SecurityMode) == wanted:
            return endpoint
    there = ", ".join(sorted({offered(endpoint) for endpoint in endpoints})) or msg("nothing")
    raise DeviceRefused(
        msg(
            "the server does not offer {policy} {mode}; it offers: {offers}",
            policy=wanted[0].rpartition("#")[2],
            mode=wanted[1].name,
            offers=there,
        )
    )
