// A WHEP player in little code: the tests' own page. Everything a test asks is in `player`.
"use strict";

const player = {
  peer: null,
  session: null,
  started: 0,
  picture: null, // ms from the POST to the first picture on the page
  ear: null,
  shown: [], // each frame on the page: ms since the POST, RTP timestamp, counter of them all
  states: [],
  dtls: [],

  // `via`: the port of a relay that stands between us and the server;
  // `codec`: the only one that is offered for video, such as VP8, and its retransmission.
  async play(url, token, via = null, codec = "") {
    const peer = new RTCPeerConnection();
    player.peer = peer;
    player.picture = null;
    player.shown = [];
    peer.onconnectionstatechange = () => player.states.push(peer.connectionState);
    const stream = new MediaStream();
    peer.ontrack = (event) => {
      stream.addTrack(event.track);
      const dtls = event.receiver.transport;
      dtls.onstatechange = () => player.dtls.push(dtls.state);
    };
    const wanted = peer.addTransceiver("video", { direction: "recvonly" });
    if (codec) {
      const { codecs } = RTCRtpReceiver.getCapabilities("video");
      const kept = [`video/${codec}`, "video/rtx"];
      wanted.setCodecPreferences(codecs.filter((one) => kept.includes(one.mimeType)));
    }
    peer.addTransceiver("audio", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    player.started = performance.now();
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
      body: peer.localDescription.sdp,
    });
    let text = await answer.text();
    if (answer.status !== 201) throw new Error(`${answer.status}: ${text}`);
    player.session = new URL(answer.headers.get("Location"), url).href;
    const video = document.querySelector("video");
    video.srcObject = stream;
    const see = (now, frame) => {
      if (player.peer !== peer) return;
      player.picture ??= now - player.started;
      player.shown.push([now - player.started, frame.rtpTimestamp, frame.presentedFrames]);
      video.requestVideoFrameCallback(see);
    };
    video.requestVideoFrameCallback(see);
    if (via !== null) text = player.reroute(text, via);
    await peer.setRemoteDescription({ type: "answer", sdp: text });
  },

  // Leave one candidate in the answer: the relay's port on loopback.
  reroute(sdp, port) {
    const lines = sdp.split("\r\n");
    const kept = lines.filter((line) => !line.startsWith("a=candidate:") || / 127\./.test(line));
    return kept
      .map((line) => line.replace(/^(a=candidate:\S+ 1 udp \d+ \S+) \d+ /i, `$1 ${port} `))
      .join("\r\n");
  },

  // Called by a click, without which a browser lets no page make sound.
  async unmute() {
    const video = document.querySelector("video");
    video.muted = false;
    const audio = new AudioContext({ sampleRate: 48000 });
    await audio.resume();
    player.ear = audio.createAnalyser();
    player.ear.fftSize = 8192;
    audio.createMediaStreamSource(video.srcObject).connect(player.ear);
  },

  // Root mean square of the last 0.17 s of sound, 0 to 1.
  loudness() {
    if (!player.ear) return 0;
    const values = new Float32Array(player.ear.fftSize);
    player.ear.getFloatTimeDomainData(values);
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  },

  async leave() {
    const answer = await fetch(player.session, { method: "DELETE" });
    return answer.status;
  },

  // Join, watch for so many ms after the first picture, and tell; the session goes on.
  async join(url, token, ms) {
    await player.play(url, token);
    while (player.picture === null) {
      if (performance.now() - player.started > 60000) throw new Error("no picture in a minute");
      await new Promise((done) => setTimeout(done, 5));
    }
    await new Promise((done) => setTimeout(done, ms));
    return { picture: player.picture, shown: player.shown };
  },

  // Leave and hang up, so that the next join finds a new page.
  async hangUp() {
    const status = await player.leave();
    player.peer.close();
    document.querySelector("video").srcObject = null;
    return status;
  },

  async stats() {
    const video = document.querySelector("video");
    const found = {
      state: player.peer.connectionState,
      dtls: player.dtls,
      width: video.videoWidth,
      height: video.videoHeight,
      time: video.currentTime,
      paused: video.paused,
      muted: video.muted,
      frames: 0,
      freezes: 0,
      at: 0, // ms, when these numbers were true
      received: 0, // frames
      dropped: 0,
      keyframes: 0,
      lost: 0, // packets of video
      repaired: 0,
      nacks: 0,
      plis: 0,
      picture: player.picture,
      loudness: player.loudness(),
      energy: 0,
      cipher: "",
      codecs: {},
      skew: null, // ms that the sound is behind the picture, on the sender's clock
    };
    const playout = {};
    const report = await player.peer.getStats();
    for (const one of report.values()) {
      if (one.type === "transport") found.cipher = one.srtpCipher ?? "";
      if (one.type !== "inbound-rtp") continue;
      const codec = report.get(one.codecId);
      if (codec) found.codecs[one.kind] = codec.mimeType;
      playout[one.kind] = one.estimatedPlayoutTimestamp;
      if (one.kind === "video") {
        found.frames = one.framesDecoded;
        found.freezes = one.freezeCount;
        found.at = one.timestamp;
        found.received = one.framesReceived;
        found.dropped = one.framesDropped;
        found.keyframes = one.keyFramesDecoded;
        found.lost = one.packetsLost;
        found.repaired = one.retransmittedPacketsReceived ?? 0;
        found.nacks = one.nackCount;
        found.plis = one.pliCount;
      } else {
        found.energy = one.totalAudioEnergy;
      }
    }
    if (playout.audio && playout.video) found.skew = playout.video - playout.audio;
    return found;
  },

  // Mean brightness of the picture, and how far its darkest and brightest parts are apart.
  look() {
    const video = document.querySelector("video");
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const { data } = context.getImageData(0, 0, 64, 36);
    const values = [];
    for (let at = 0; at < data.length; at += 4) {
      values.push((data[at] + data[at + 1] + data[at + 2]) / 3);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return { mean, contrast: Math.max(...values) - Math.min(...values) };
  },

  // Flashes and beeps on one clock: when a picture is shown, and when a sample leaves the audio
  // graph, whose own buffers make the beeps some 60 ms late. Ends with so many of each, or after
  // a minute.
  async watchSync(count) {
    const video = document.querySelector("video");
    const audio = player.ear.context;
    const canvas = new OffscreenCanvas(8, 8);
    const pencil = canvas.getContext("2d", { willReadFrequently: true });
    const flashes = [];
    let white = false;
    const look = (now, frame) => {
      pencil.drawImage(video, 0, 0, 8, 8);
      const bright = pencil.getImageData(4, 4, 1, 1).data[0] > 128;
      if (bright && !white) flashes.push(frame.expectedDisplayTime);
      white = bright;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    const code = `registerProcessor("ear", class extends AudioWorkletProcessor {
      constructor() { super(); this.loud = -1; }
      process([input]) {
        const values = input[0] ?? [];
        for (let at = 0; at < values.length; at++) {
          if (Math.abs(values[at]) < 0.1) continue;
          const time = (currentFrame + at) / sampleRate;
          if (time - this.loud > 0.3) this.port.postMessage(time);
          this.loud = time;
        }
        return true;
      }
    })`;
    await audio.audioWorklet.addModule(
      URL.createObjectURL(new Blob([code], { type: "text/javascript" })),
    );
    const ear = new AudioWorkletNode(audio, "ear");
    const beeps = [];
    ear.port.onmessage = ({ data }) => {
      const { contextTime, performanceTime } = audio.getOutputTimestamp();
      beeps.push(performanceTime + (data - contextTime) * 1000);
    };
    audio.createMediaStreamSource(video.srcObject).connect(ear).connect(audio.destination);
    const deadline = performance.now() + 60000;
    while (Math.min(flashes.length, beeps.length) < count && performance.now() < deadline) {
      await new Promise((done) => setTimeout(done, 100));
    }
    return { flashes, beeps };
  },
};

document.querySelector("video").addEventListener("click", player.unmute);
