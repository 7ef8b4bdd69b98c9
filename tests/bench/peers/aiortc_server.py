"""aiortc as a WHEP server in little code: a file in real time, relayed to each viewer.

``python -m tests.bench.peers.aiortc_server FILE PORT``
"""

import asyncio
import os
import signal
import sys

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, Response, request

# the bench is on loopback, whose addresses aioice leaves out
aioice.ice.get_host_addresses = lambda *_, **__: ["127.0.0.1"]


async def run(path: str, port: int) -> None:
    """Serve until SIGTERM."""
    app = Quart(__name__)
    player, relay = MediaPlayer(path, decode=False), MediaRelay()
    peers: set[RTCPeerConnection] = set()
    ended = asyncio.Event()

    @app.post("/whep")
    async def subscribe() -> Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.add(peer)
        offer = RTCSessionDescription(str(await request.get_data(as_text=True)), "offer")
        for track in filter(None, (player.video, player.audio)):
            peer.addTrack(relay.subscribe(track))
        await peer.setRemoteDescription(offer)
        await peer.setLocalDescription(await peer.createAnswer())
        return Response(peer.localDescription.sdp, 201, content_type="application/sdp")

    config = Config()
    config.loglevel = "warning"
    config.bind = [f"127.0.0.1:{port}"]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print(f"serving at http://127.0.0.1:{port}/whep", flush=True)
    await serve(app, config, shutdown_trigger=ended.wait)
    os._exit(0)  # the player's threads and peers end with the process, not one by one


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))
