"""api.access and api.read_only: who may come near, and what is not there (a.5, d.2)."""

from ipaddress import ip_network

import pytest

from daemon.http.access import Access, Rules
from tests.integration.http.scripted import Api, config

ONE = "/api/v3/process/cam"


def rules(*, allow: tuple[str, ...] = (), block: tuple[str, ...] = ()) -> Rules:
    return Rules(tuple(map(ip_network, allow)), tuple(map(ip_network, block)))


@pytest.mark.parametrize(
    ("given", "address", "is_permitted"),
    [
        (rules(), "203.0.113.7", True),
        (rules(allow=("203.0.113.0/24",)), "203.0.113.7", True),
        (rules(allow=("203.0.113.0/24",)), "198.51.100.1", False),
        (rules(block=("203.0.113.7/32",)), "203.0.113.7", False),
        (rules(allow=("0.0.0.0/0",), block=("203.0.113.7/32",)), "203.0.113.7", False),
        (rules(allow=("10.0.0.0/8",)), "2001:db8::1", False),
        (rules(allow=("10.0.0.0/8",)), "", True),  # a Unix socket
    ],
)
def test_rules(given: Rules, address: str, is_permitted: bool) -> None:
    assert given.permit(address) is is_permitted


async def test_a_blocked_address_gets_no_api_no_login_and_no_metrics() -> None:
    access = Access(http=rules(block=("203.0.113.7/32",)))
    api = Api(config(), access=access)
    for path in ("/api", "/api/login", "/api/v3/process", "/api/v3/nothing"):
        answer = await api.call("GET", path, headers={})
        assert answer.status_code == 403
        assert (await answer.get_json())["reason"] == "address-blocked"
    assert (await api.call("GET", "/ping", headers={})).status_code == 200
    assert (await api.call("GET", ONE, peer=("198.51.100.1", 1))).status_code == 200


async def test_a_forged_header_opens_nothing() -> None:
    api = Api(config(), access=Access(http=rules(allow=("127.0.0.1/32",))))
    answer = await api.call("GET", "/api", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 403


async def test_lists_of_tls_count_for_tls_only() -> None:
    api = Api(config(), access=Access(https=rules(block=("0.0.0.0/0",))))
    assert (await api.call("GET", ONE)).status_code == 200


READ_ONLY = [
    ("POST", "/api/v3/process", 404),
    ("PUT", ONE, 404),
    ("DELETE", ONE, 404),
    ("PUT", f"{ONE}/command", 404),
    ("PUT", f"{ONE}/metadata/k", 404),
    ("PUT", "/api/v3/metadata/k", 404),
    ("PUT", "/api/v3/config", 404),
    ("GET", "/api/v3/config/reload", 404),
    ("PUT", "/api/v3/fs/disk/a", 405),
    ("DELETE", "/api/v3/fs/mem/a", 405),
    ("POST", "/api/v3/users", 404),
    ("POST", f"{ONE}/token", 404),
    ("GET", ONE, 200),
    ("GET", f"{ONE}/config", 200),
    ("HEAD", f"{ONE}/whep", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), READ_ONLY)
async def test_in_read_only_mode_what_changes_is_not_there(
    method: str, path: str, status: int
) -> None:
    api = Api(config(), access=Access(is_read_only=True))
    assert (await api.call(method, path)).status_code == status
    if status != 200:
        assert (await api.call(method, path, headers={})).status_code == 401
    assert list(api.restreamer.kept) == ["cam"]


async def test_in_read_only_mode_people_can_log_in_and_watch() -> None:
    api = Api(config(), access=Access(is_read_only=True))
    body = {"username": "a", "password": "b"}
    assert (await api.call("POST", "/api/login", body=body)).status_code == 200
