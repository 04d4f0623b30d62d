"""Secured OPC-UA against asyncua's server: policies, trust, identity, and what must be refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager

from drivers.base import Write, WriteStatus
from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.session.certificates import create, load, trust
from drivers.opcua.session.security import PolicyName, Security
from drivers.points import OpcUaAddress, Point, Quality
from drivers.times import Times
from tests.machine_time import utc_now
from tests.patience import patience
from tests.servers.opcua_parts import node_id, url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime.now(UTC)
POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
POINT = Point("a", OpcUaAddress("urn:a", "s=a"), "", True)


class OneUser(UserManager):
    """Lets in who is anonymous, and operator with the right password."""

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        from asyncua.crypto.permission_rules import User, UserRole

        if username is not None and (username, password) != ("operator", "secret"):
            return None
        return User(role=UserRole.Admin)


class Secured:
    def __init__(self, server: Server, security: Security, folder: Path) -> None:
        self.server = server
        self.security = security
        self.folder = folder

    def driver(self, **settings: Any) -> OpcUaDriver:
        security = replace(self.security, **settings)
        url = url_of(self.server)
        return OpcUaDriver(url, [POINT], timeout_s=10, times=Times(now=utc_now), security=security)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    folder = tmp_path_factory.mktemp("pki")
    ours = folder / "own.der", folder / "own.pem"
    theirs = folder / "server.der", folder / "server.pem"
    create(*ours, host="gateway", now=NOW, days=10)
    certificate = create(*theirs, host="server", now=NOW, days=10)
    trust(folder / "trusted", certificate)
    server = Server(user_manager=OneUser())
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    await server.set_application_uri("urn:server:bms")
    server.set_security_policy(POLICIES)
    await server.load_certificate(str(theirs[0]))
    await server.load_private_key(str(theirs[1]))
    index = await server.register_namespace("urn:a")
    node = await server.nodes.objects.add_variable(node_id("a", index), "a", 1.5)
    await node.set_writable()
    await server.start()
    security = Security("basic256sha256", "sign_and_encrypt", *ours, folder / "trusted")
    yield Secured(server, security, folder)
    await server.stop()


@pytest.mark.parametrize("mode", ["sign", "sign_and_encrypt"])
@pytest.mark.parametrize("policy", ["basic256sha256", "aes128", "aes256"])
async def test_every_policy_reads_and_writes(
    secured: Secured, policy: PolicyName, mode: str
) -> None:
    async with secured.driver(policy=policy, mode=mode) as driver:
        for value in (2.5, 1.5):
            (result,) = await driver.write([Write("a", value)])
            assert (result.status, result.detail) == (WriteStatus.OK, "")
            (sample,) = await driver.read(["a"])
            assert (sample.value, sample.quality) == (value, Quality.GOOD)


async def refusal(driver: OpcUaDriver) -> str:
    async with driver:
        (sample,) = await driver.read(["a"])
    assert sample.quality is Quality.BAD
    return sample.detail


async def test_an_unknown_server_is_refused_with_the_way_to_trust_it(secured: Secured) -> None:
    text = await refusal(secured.driver(trusted=secured.folder / "nobody"))
    certificate = load(secured.folder / "server.der")
    assert "not trusted" in text
    assert certificate.sha1 in text
    assert f"bms cert trust SITE LINK --thumbprint {certificate.sha1}" in text
    trust(secured.folder / "somebody", certificate)
    async with secured.driver(trusted=secured.folder / "somebody") as driver:
        assert (await driver.read(["a"]))[0].quality is Quality.GOOD


async def test_a_policy_that_is_not_offered_is_not_replaced_by_a_weaker_one(
    secured: Secured,
) -> None:
    plain = Server()
    await plain.init()
    plain.set_endpoint("opc.tcp://127.0.0.1:0")
    plain.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await plain.start()
    try:
        url = url_of(plain)
        text = await refusal(
            OpcUaDriver(url, [POINT], times=Times(now=utc_now), security=secured.security)
        )
        assert "does not offer Basic256Sha256 SignAndEncrypt" in text
        assert "it offers: None" in text
    finally:
        await plain.stop()


async def test_users(secured: Secured) -> None:
    async with secured.driver(user="operator", password="secret") as driver:
        assert (await driver.read(["a"]))[0].quality is Quality.GOOD
    text = await refusal(secured.driver(user="operator", password="guess"))
    assert "BadUserAccessDenied" in text
    assert "guess" not in text
    assert "guess" not in repr(replace(secured.security, user="operator", password="guess"))


async def test_a_password_is_not_sent_in_the_clear(secured: Secured) -> None:
    text = await refusal(secured.driver(policy="none", user="operator", password="secret"))
    assert "not sent without encryption" in text


async def test_expired_certificates_are_refused(secured: Secured) -> None:
    old = secured.folder / "old.der", secured.folder / "old.pem"
    create(*old, host="gateway", now=NOW - timedelta(days=20), days=10)
    text = await refusal(secured.driver(certificate=old[0], key=old[1]))
    assert "our own certificate cannot be used: it expired on" in text


async def test_the_key_is_for_our_eyes_only(secured: Secured) -> None:
    assert os.stat(secured.folder / "own.pem").st_mode & 0o777 == 0o600  # noqa: PTH116
    made = load(secured.folder / "own.der")
    assert made.application_uri == "urn:gateway:bms"
    assert (made.not_after - NOW).days in (9, 10)


async def test_subscriptions_over_a_secured_channel(secured: Secured) -> None:
    news = asyncio.Event()
    async with secured.driver() as driver:
        feeding = asyncio.create_task(
            driver.feed(lambda batch: news.set() if batch.good else None, 0.1)
        )
        async with patience():
            await news.wait()
        feeding.cancel()
        await asyncio.wait([feeding])
