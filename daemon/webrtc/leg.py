"""Leg: one loopback UDP socket for one track, bound once and kept over FFmpeg's restarts."""

import contextlib
import errno
import os
import secrets
import socket
import time
from pathlib import Path

from daemon.errors import RtpError
from daemon.rtc import rtcp, rtp
from daemon.webrtc.ffmpeg_args import PACKET_SIZE, LegAddress

RECEIVE_BUFFER = 4 << 20  # bytes asked for: seconds of media if we stall
BATCH = 64  # datagrams per wake-up, then others have their turn
LEAST = 13  # bytes of an RTP packet that carries anything
SSRC_LIMIT = 1 << 31  # FFmpeg 5 takes a signed number
UDP_TABLE = Path("/proc/net/udp")


class Leg:
    """One track on its way in. Everything that FFmpeg didn't send is dropped and counted."""

    def __init__(self, kind: str, payload_type: int, *, most: int = PACKET_SIZE) -> None:
        """``most``: bytes of a packet; what is larger is dropped."""
        self.kind = kind
        self._most = most
        self.payload_type = payload_type
        self.packets = 0
        self.octets = 0
        self.dropped: dict[str, int] = {}
        self.last_packet: float | None = None
        self.address: LegAddress | None = None
        self._is_proven = False
        self._sample = (time.monotonic(), 0, 0.0)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind(("127.0.0.1", 0))

    def begin_run(self) -> LegAddress:
        """Choose a new source port and SSRC for the next FFmpeg; forget the last one's."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
            reserved.bind(("127.0.0.1", 0))
            source_port = reserved.getsockname()[1]
        self._drain()
        # the kernel drops what comes from any other socket
        self.socket.connect(("127.0.0.1", source_port))
        self._drain()
        self._is_proven = False
        self.last_packet = None
        self.address = LegAddress(
            port=self.socket.getsockname()[1],
            source_port=source_port,
            payload_type=self.payload_type,
            ssrc=1 + secrets.randbelow(SSRC_LIMIT - 1),
        )
        return self.address

    def receive(self, now: float) -> tuple[list[rtp.Packet], list[rtcp.SenderReport]]:
        """Read a batch of what has come: packets and reports."""
        packets: list[rtp.Packet] = []
        reports: list[rtcp.SenderReport] = []
        for _ in range(BATCH):
            try:
                data = self.socket.recv(self._most + 1)
            except BlockingIOError:
                return packets, reports
            except OSError as error:
                if error.errno != errno.ECONNREFUSED:
                    raise
                continue  # FFmpeg's port is closed; what it sent before still comes
            self._sort(data, packets, reports, now)
            if len(data) < self._most:
                break  # FFmpeg fills all packets of a frame but the last
        return packets, reports

    def bitrate(self, now: float) -> float:
        """Bits a second since it was last asked, but for at least a second."""
        then, octets, rate = self._sample
        if now - then >= 1.0:
            rate = (self.octets - octets) * 8 / (now - then)
            self._sample = (now, self.octets, rate)
        return rate

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()

    def _sort(
        self,
        data: bytes,
        packets: list[rtp.Packet],
        reports: list[rtcp.SenderReport],
        now: float,
    ) -> None:
        if not self._is_proven and not self._prove():
            self._drop("alien")
            return
        try:
            if len(data) > 1 and 192 <= data[1] <= 223:  # RFC 5761 section 4
                ssrc = self.address.ssrc if self.address else None
                reports += [
                    packet
                    for packet in rtcp.parse(data)
                    if isinstance(packet, rtcp.SenderReport) and packet.ssrc == ssrc
                ]
                return
            if not LEAST <= len(data) <= self._most:
                self._drop("size")
                return
            packet = rtp.parse(data)
        except RtpError:
            self._drop("malformed")
            return
        if self.address is None or packet.ssrc != self.address.ssrc:
            self._drop("ssrc")
        elif packet.payload_type != self.payload_type:
            self._drop("payload_type")
        else:
            self.packets += 1
            self.octets += len(packet.payload)
            self.last_packet = now
            packets.append(packet)

    def _prove(self) -> bool:
        """Whether the source port belongs to our own user, where the system can say so."""
        assert self.address is not None
        self._is_proven = _port_is_ours(self.address.source_port)
        return self._is_proven

    def _drain(self) -> None:
        """Throw away what an earlier run, or somebody else, left in the buffer."""
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    self.socket.recv(1)
                except ConnectionRefusedError:
                    continue

    def _drop(self, why: str) -> None:
        self.dropped[why] = self.dropped.get(why, 0) + 1


def _port_is_ours(port: int) -> bool:
    try:
        table = UDP_TABLE.read_text()
    except OSError:  # no Linux, or a sandbox: the connected socket is the only guard
        return True
    suffix = f":{port:04X}"
    owners = [
        fields[7]
        for fields in map(str.split, table.splitlines()[1:])
        if fields[1].endswith(suffix)
    ]
    return bool(owners) and all(owner == str(os.getuid()) for owner in owners)
