// libdatachannel as a WHEP server in little code: RTP from FFmpeg in, the same bytes to each viewer.
// Usage: node libdatachannel.mjs VIDEO_PORT AUDIO_PORT VIDEO_SSRC AUDIO_SSRC
import dgram from "node:dgram";
import http from "node:http";
import rtc from "node-datachannel";

const [videoPort, audioPort, videoSsrc, audioSsrc] = process.argv.slice(2).map(Number);
const tracks = { video: new Set(), audio: new Set() };
const peers = new Set();

for (const [kind, port] of [["video", videoPort], ["audio", audioPort]]) {
  const socket = dgram.createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
  socket.on("message", (packet) => {
    for (const track of tracks[kind]) {
      try {
        if (track.isOpen()) track.sendMessageBinary(packet);
      } catch {
        tracks[kind].delete(track); // its viewer left in between
      }
    }
  });
  socket.bind(port, "127.0.0.1");
}

function answer(offer, done) {
  const peer = new rtc.PeerConnection("viewer", { iceServers: [], bindAddress: "127.0.0.1" });
  peers.add(peer);
  const video = new rtc.Video("0", "SendOnly");
  video.addH264Codec(102);
  video.addSSRC(videoSsrc, "bench", "bench", "video");
  const audio = new rtc.Audio("1", "SendOnly");
  audio.addOpusCodec(111);
  audio.addSSRC(audioSsrc, "bench", "bench", "audio");
  const own = { video: peer.addTrack(video), audio: peer.addTrack(audio) };
  for (const kind of ["video", "audio"]) tracks[kind].add(own[kind]);
  peer.onStateChange((state) => {
    if (state !== "closed" && state !== "failed") return;
    for (const kind of ["video", "audio"]) tracks[kind].delete(own[kind]);
    peers.delete(peer);
  });
  peer.onGatheringStateChange((state) => {
    if (state === "complete") done(peer.localDescription().sdp);
  });
  peer.setRemoteDescription(offer, "offer");
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    answer(Buffer.concat(chunks).toString(), (sdp) => {
      response.writeHead(201, { "Content-Type": "application/sdp" }).end(sdp);
    });
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(`serving at http://127.0.0.1:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
