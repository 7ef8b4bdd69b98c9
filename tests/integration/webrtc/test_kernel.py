"""What the kernel counts: datagrams that found a socket's buffer full."""

import socket
import sys

import pytest

from daemon.webrtc.kernel import dropped_datagrams


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts")
def test_what_found_the_buffer_full_is_counted() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        receiver.bind(("127.0.0.1", 0))
        assert dropped_datagrams(receiver) == 0
        for _ in range(200):
            sender.sendto(bytes(1000), receiver.getsockname())
        receiver.setblocking(False)
        received = 0
        try:
            while receiver.recv(2048):
                received += 1
        except BlockingIOError:
            pass
        assert dropped_datagrams(receiver) == 200 - received > 0


def test_a_socket_that_is_closed_has_lost_nothing_that_matters() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        pass
    assert dropped_datagrams(sock) == 0
