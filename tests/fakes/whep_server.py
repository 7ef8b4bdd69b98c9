"""A small real WHEP server, and its bad relatives: aiortc behind a few lines of HTTP/1.1."""

import asyncio
import math
from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import av
from aiortc import (
    AudioStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.rtp import RtpPacket

from dragonctl.whep_test.media import NAL_IDR, h264_units
from dragonctl.whep_test.transport import close_peer, dtls_transport, gather

WIDTH, HEIGHT, FPS = 160, 120, 20
RATE, SAMPLES = 48000, 960
TONE_HZ, TONE_AMPLITUDE = 440, 8192  # a peak of -12 dBFS
CLOCK = 90000


@dataclass(frozen=True)
class Behaviour:
    """How the server behaves; the default is well."""

    codec: str = "H264"
    picture: str = "counter"  # counter, frozen, black, none
    sound: str = "tone"  # tone, silent, none
    content_type: str = "application/sdp"
    location: str = "relative"  # relative, absolute, none
    token: str | None = None
    refusal: tuple[int, dict[str, str], str] | None = None
    redirects: tuple[int, ...] = ()
    lost_one_in: int = 0  # packets of the media, and all retransmissions
    has_key_frames: bool = True
    ends_after: float | None = None
    is_hanging: bool = False
    is_unreachable: bool = False  # its candidates lead nowhere
    rejects: str = ""  # a kind whose m-line gets port 0
    mangle: Callable[[str], str] = field(default=lambda answer: answer)


class Pictures(VideoStreamTrack):
    """A bar code of a running counter; or one that stands still, or none to be seen."""

    def __init__(self, picture: str) -> None:
        super().__init__()
        self._picture = picture
        self._number = 0
        self._start = asyncio.get_running_loop().time()

    async def recv(self) -> av.VideoFrame:
        if self._picture == "none":
            await asyncio.Event().wait()
        await _until(self._start + self._number / FPS)
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        shown = 0 if self._picture == "frozen" else self._number
        luma = _black() if self._picture == "black" else _bar_code(shown)
        frame.planes[0].update(luma)
        for plane in frame.planes[1:]:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = self._number * CLOCK // FPS
        frame.time_base = Fraction(1, CLOCK)
        self._number += 1
        return frame


class Sound(AudioStreamTrack):
    """A sine, or silence."""

    def __init__(self, sound: str) -> None:
        super().__init__()
        self._amplitude = TONE_AMPLITUDE if sound == "tone" else 0
        self._is_mute = sound == "none"
        self._number = 0
        self._start = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        if self._is_mute:
            await asyncio.Event().wait()
        await _until(self._start + self._number * SAMPLES / RATE)
        first = self._number * SAMPLES
        step = 2 * math.pi * TONE_HZ / RATE
        values = (round(self._amplitude * math.sin(step * (first + i))) for i in range(SAMPLES))
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(array("h", values).tobytes())
        frame.pts, frame.sample_rate = first, RATE
        frame.time_base = Fraction(1, RATE)
        self._number += 1
        return frame


async def _until(moment: float) -> None:
    """Keep a live source's pace."""
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


def _bar_code(number: int) -> bytes:
    bits = [(number >> (bit // 2)) & 1 for bit in range(16)]
    cell = WIDTH // len(bits)
    row = b"".join(bytes([200 if bit else 60]) * cell for bit in bits)
    return row * HEIGHT


def _black() -> bytes:
    return bytes([16]) * (WIDTH * HEIGHT)


@dataclass
class Request:
    """What came over HTTP."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


Response = tuple[int, dict[str, str], str]


class FakeWhepServer:
    """Serves on 127.0.0.1 while the ``async with`` lasts; ``url`` is its endpoint."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.requests: list[Request] = []
        self.sessions: dict[str, RTCPeerConnection] = {}
        self.deleted: list[str] = []
        self.has_connected = asyncio.Event()
        self.url = ""
        self._closing = asyncio.Event()
        self._created = 0
        self._base = ""
        self._tasks: asyncio.TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self.url = f"{self._base}/whep"
        self._enders: list[asyncio.Task[None]] = []
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self._closing.set()
        for ender in self._enders:
            ender.cancel()
        for peer in [*self.sessions.values()]:
            assert await close_peer(peer)
        await self._tasks.__aexit__(None, None, None)
        await self._server.wait_closed()

    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            fields = (line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in fields}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Request(method, path, headers, body.decode())
            self.requests.append(request)
            status, fields_out, text = await self._answer(request)
            lines = [
                f"HTTP/1.1 {status} x",
                "Connection: close",
                f"Content-Length: {len(text)}",
            ]
            lines += [f"{name}: {value}" for name, value in fields_out.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n" + text).encode())
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, request: Request) -> Response:
        methods: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "POST": self._post,
            "DELETE": self._delete,
        }
        handle = methods.get(request.method)
        if handle is not None:
            return await handle(request)
        return 200, {"Content-Type": "application/sdp", "Accept-Post": "application/sdp"}, ""

    async def _post(self, request: Request) -> Response:
        behaviour = self.behaviour
        if behaviour.is_hanging:
            await self._closing.wait()
            return 503, {}, ""
        step = len(self.posts()) - 1
        if step < len(behaviour.redirects):
            return behaviour.redirects[step], {"Location": f"/moved/{step}"}, ""
        if behaviour.refusal is not None:
            return behaviour.refusal
        if (
            behaviour.token
            and request.headers.get("authorization") != f"Bearer {behaviour.token}"
        ):
            return 401, {"WWW-Authenticate": 'Bearer realm="x"'}, ""
        return await self._create(request.body)

    async def _create(self, offer: str) -> Response:
        behaviour = self.behaviour
        identifier = f"s{self._created}"
        self._created += 1
        peer = await self._open(offer)
        self.sessions[identifier] = peer
        await peer.setLocalDescription(await peer.createAnswer())
        answer = behaviour.mangle(_dress(peer.localDescription.sdp, behaviour))
        headers = {"Content-Type": behaviour.content_type, "ETag": '"one"'}
        prefix = {"relative": "", "absolute": self._base}.get(behaviour.location)
        if prefix is not None:
            headers["Location"] = f"{prefix}/session/{identifier}"
        return 201, headers, answer

    async def _open(self, offer: str) -> RTCPeerConnection:
        behaviour = self.behaviour
        peer = RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        for track in (Pictures(behaviour.picture), Sound(behaviour.sound)):
            if behaviour.rejects == track.kind:
                peer.addTransceiver(track.kind, direction="inactive")
            else:
                peer.addTransceiver(track, direction="sendonly")
        for transceiver in peer.getTransceivers():
            if transceiver.kind == "video":
                capabilities = RTCRtpReceiver.getCapabilities("video")
                assert capabilities is not None
                names = {f"video/{behaviour.codec}", "video/rtx"}
                wanted = [c for c in capabilities.codecs if c.mimeType in names]
                transceiver.setCodecPreferences(wanted)
        if behaviour.is_unreachable:  # nor can the server find the viewer by itself
            kept = (line for line in offer.splitlines() if not line.startswith("a=candidate"))
            offer = "\r\n".join(kept) + "\r\n"
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        dtls = dtls_transport(peer)
        dtls._set_role("server")
        dtls.on("statechange", lambda: self._note(peer, dtls.state))
        self._impair(peer)
        await gather(peer, needs_loopback=True)
        return peer

    def _note(self, peer: RTCPeerConnection, state: str) -> None:
        if state != "connected":
            return
        self.has_connected.set()
        if self.behaviour.ends_after is not None:
            self._enders.append(self._tasks.create_task(self._end(peer)))

    async def _end(self, peer: RTCPeerConnection) -> None:
        assert self.behaviour.ends_after is not None
        await asyncio.sleep(self.behaviour.ends_after)
        await dtls_transport(peer).stop()  # a bare close_notify, without RTCP BYE

    def _impair(self, peer: RTCPeerConnection) -> None:
        """Stand between aiortc and the wire."""
        behaviour = self.behaviour
        dtls = dtls_transport(peer)
        send = dtls._send_rtp
        video = next(t.sender for t in peer.getTransceivers() if t.kind == "video")

        async def impaired(data: bytes) -> None:
            is_rtcp = 192 <= data[1] <= 223
            ssrc = int.from_bytes(data[8:12], "big")
            sequence = int.from_bytes(data[2:4], "big")
            is_blind = not behaviour.has_key_frames and ssrc == video._ssrc and _is_key(data)
            is_lost = behaviour.lost_one_in and not sequence % behaviour.lost_one_in
            is_impaired = behaviour.lost_one_in or not behaviour.has_key_frames
            is_again = is_impaired and ssrc == video._rtx_ssrc
            if is_rtcp or not (is_blind or is_lost or is_again):
                await send(data)

        dtls._send_rtp = impaired  # type: ignore[method-assign]

    async def _delete(self, request: Request) -> Response:
        identifier = request.path.rpartition("/")[2]
        peer = self.sessions.pop(identifier, None)
        self.deleted.append(identifier)
        if peer is None:
            return 404, {}, ""
        assert await close_peer(peer)
        return 200, {}, ""


def _is_key(data: bytes) -> bool:
    return any(kind == NAL_IDR for kind, _ in h264_units(RtpPacket.parse(data).payload))


def _dress(answer: str, behaviour: Behaviour) -> str:
    """Give aiortc's answer what WHEP wants, and take what the behaviour forbids."""
    lines = []
    is_rejected = False
    for line in answer.splitlines():
        if line.startswith("m="):
            is_rejected = bool(behaviour.rejects) and line.startswith(f"m={behaviour.rejects}")
            if is_rejected:
                words = line.split()
                line = f"{words[0]} 0 {words[2]} {words[3]}"
        if is_rejected and not line.startswith(("m=", "c=", "a=mid")):
            continue
        if line.startswith("a=group:BUNDLE") and behaviour.rejects:
            line = f"a=group:BUNDLE {1 if behaviour.rejects == 'video' else 0}"
        if behaviour.is_unreachable and line.startswith("a=candidate"):
            continue
        lines.append(line)
        if line == "a=rtcp-mux":
            lines.append("a=rtcp-mux-only")
    if behaviour.is_unreachable:
        lines.append("a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host")
    return "\r\n".join(lines) + "\r\n"
