"""Listening: TLS, certificates that change, and places that a reload exchanges (H8)."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from quart import Quart, request

from daemon.config import Config
from daemon.errors import ConfigError
from daemon.http.front import Front
from tests.e2e.daemon import free_port
from tests.e2e.waiting import DEADLINE


def write_certificate(directory: Path, name: str) -> tuple[str, str]:
    """Make a certificate for 127.0.0.1 by the name of ``name``; gives both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(cert_file), str(key_file)


def config_of(place: str, **tls: object) -> Config:
    return Config.model_validate({"address": place, "tls": tls})


@asynccontextmanager
async def front() -> AsyncIterator[Front]:
    app = Quart(__name__)

    @app.get("/")
    async def show() -> str:
        return request.scheme

    @app.get("/slow")
    async def slow() -> str:
        entered.set()
        await release.wait()
        return "done"

    entered, release = asyncio.Event(), asyncio.Event()
    made = Front(app)
    made.entered, made.release = entered, release  # type: ignore[attr-defined]
    try:
        yield made
    finally:
        await made.end()
        await until_closed()


async def until_closed() -> None:
    """Wait for connections that never got through their handshake: the server has no list."""
    transports = vars(asyncio.get_running_loop())["_transports"]
    async with asyncio.timeout(DEADLINE):
        while any(one._sock is not None for one in list(transports.values())):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # there is no event


async def get(url: str, **options: object) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE, **options) as http:  # type: ignore[arg-type]
        return (await http.get(url)).text


def name_of(port: int, version: ssl.TLSVersion | None = None) -> str:
    """Give the name in the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as plain,
        context.wrap_socket(plain) as secure,
    ):
        data = secure.getpeercert(binary_form=True)
        # to its end: who leaves in the middle of a handshake is left to the garbage collector
        secure.sendall(b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
        while secure.recv(4096):
            pass
    assert data is not None
    [common] = x509.load_der_x509_certificate(data).subject
    return str(common.value)


async def test_both_doors_and_a_certificate_that_changes(tmp_path: Path) -> None:
    cert_file, key_file = write_certificate(tmp_path, "first")
    tls = {"enable": True, "cert_file": cert_file, "key_file": key_file}
    clear, secure = free_port(), free_port()
    config = config_of(f"127.0.0.1:{clear}", **tls, address=f"127.0.0.1:{secure}")
    async with front() as here:
        shown = await here.listen(config)
        assert shown == [f"http://127.0.0.1:{clear}", f"https://127.0.0.1:{secure}"]
        assert await get(shown[0]) == "http"
        trust = ssl.create_default_context(cafile=cert_file)
        assert await get(shown[1], verify=trust) == "https"
        assert await asyncio.to_thread(name_of, secure) == "first"
        write_certificate(tmp_path, "second")
        await here.listen(config)
        assert await asyncio.to_thread(name_of, secure) == "second"
        write_certificate(tmp_path, "third")
        certificate = here._certificate
        assert certificate is not None
        certificate._stamp = ()  # mtimes within one tick of the clock are equal
        await certificate.check()
        assert await asyncio.to_thread(name_of, secure) == "third"
        await asyncio.to_thread(Path(key_file).write_text, "garbage")
        await certificate.check()
        with pytest.raises(ConfigError, match="cert_file"):
            await here.listen(config)
        assert await asyncio.to_thread(name_of, secure) == "third"


async def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    cert_file, key_file = write_certificate(tmp_path, "one")
    secure = free_port()
    tls = {"enable": True, "cert_file": cert_file, "key_file": key_file}
    config = config_of("127.0.0.1:0", **tls, address=f"127.0.0.1:{secure}")
    async with front() as here:
        await here.listen(config)
        version = ssl.TLSVersion.TLSv1_2
        assert await asyncio.to_thread(name_of, secure, version) == "one"
        # asyncio leaves a refused handshake's transport to the garbage collector, which fails
        # a later test: so no client tries TLS 1.1 here
        certificate = here._certificate
        assert certificate is not None
        assert certificate.context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_place_that_is_taken_changes_nothing() -> None:
    async with front() as here:
        [url] = await here.listen(config_of("127.0.0.1:0"))
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            with pytest.raises(ConfigError, match="in use"):
                await here.listen(config_of(f"127.0.0.1:{taken}"))
        assert await get(url) == "http"


async def test_requests_that_are_under_way_survive_a_move() -> None:
    async with front() as here:
        [old] = await here.listen(config_of("127.0.0.1:0"))
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(get(f"{old}/slow"))
            await here.entered.wait()  # type: ignore[attr-defined]
            [new] = await here.listen(config_of(f"127.0.0.1:{free_port()}"))
            assert await get(new) == "http"
            with pytest.raises(httpx.ConnectError):
                await get(old)
            here.release.set()  # type: ignore[attr-defined]
        assert slow.result() == "done"


async def test_a_wider_address_may_have_the_same_port_and_comes_back_if_it_fails() -> None:
    port = free_port()
    async with front() as here:
        await here.listen(config_of(f"127.0.0.1:{port}"))
        await here.listen(config_of(f":{port}"))
        assert await get(f"http://127.0.0.1:{port}") == "http"
        with pytest.raises(ConfigError):
            await here.listen(config_of(f"203.0.113.99:{port}"))
        assert await get(f"http://127.0.0.1:{port}") == "http"
