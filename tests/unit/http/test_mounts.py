"""The address by which FFmpeg reaches the memory file system."""

import pytest

from daemon.http.mounts import memfs_url


@pytest.mark.parametrize(
    ("configured", "shown", "begin"),
    [
        (":8080", ":8080", "http://127.0.0.1:8080/"),
        (":0", "[::]:4711", "http://127.0.0.1:4711/"),  # takes both; IPv6 may be off
        ("0.0.0.0:8080", "0.0.0.0:8080", "http://127.0.0.1:8080/"),
        ("[::]:8080", "[::]:8080", "http://[::1]:8080/"),  # IPv6 only
        ("localhost:0", "127.0.0.1:4711", "http://127.0.0.1:4711/"),
        ("192.0.2.1:80", "192.0.2.1:80", "http://192.0.2.1:80/"),
    ],
)
def test_it_is_one_that_leads_to_us(configured: str, shown: str, begin: str) -> None:
    assert memfs_url(configured, shown) == f"{begin}memfs/~write"
