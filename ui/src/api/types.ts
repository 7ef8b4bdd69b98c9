/** Wire types: what the daemon answers (docs/reference/api.md). Words that we don't know may come. */

export interface About {
  app: string;
  auths: string[];
  name?: string;
  id?: string;
  created_at?: string;
  uptime_seconds?: number;
  version: { number: string; compiler?: string; arch?: string };
  product?: { name: string; version: string };
  alarms?: { code: string; text: string; since: number }[];
}

export interface IO {
  id?: string;
  address: string;
  options: string[];
  cleanup?: unknown[];
}

export interface WebRTCConfig {
  enabled: boolean;
  video_pt: number;
  audio_pt: number;
  force_transcode: boolean;
  instant_start?: string; // what who joins gets at once: "gop", "keyframe", "off"
  vp8?: string; // "auto", or "off"; the daemon names it only when it is off
}

export interface ProcessConfig {
  id: string;
  reference: string;
  input: IO[];
  output: IO[];
  options: string[];
  reconnect: boolean;
  reconnect_delay_seconds: number;
  autostart: boolean;
  stale_timeout_seconds: number;
  limits: { cpu_usage: number; memory_mbytes: number; waitfor_seconds: number };
  webrtc: WebRTCConfig;
  /** What a newer daemon may add; kept as it came. */
  [unknown: string]: unknown;
}

export interface ProgressIO {
  id: string;
  address: string;
  index: number;
  stream: number;
  format: string;
  type: string;
  codec: string;
  coder?: string;
  fps?: number;
  bitrate_kbit?: number;
  width?: number;
  height?: number;
  pix_fmt?: string;
  sampling_hz?: number;
  layout?: string;
  channels?: number;
}

export interface Progress {
  inputs: ProgressIO[];
  outputs: ProgressIO[];
  frame: number;
  fps: number;
  size_kb: number;
  time: number;
  bitrate_kbit: number;
  speed: number;
  drop: number;
  dup: number;
}

export interface ProcessState {
  order: string;
  exec: string;
  runtime_seconds: number;
  reconnect_seconds: number;
  last_logline: string;
  progress: Progress;
  memory_bytes: number;
  cpu_usage: number;
  command: string[];
  pid?: number | null;
  exit_code?: number | null;
  restarts?: number;
}

export interface Process {
  id: string;
  reference: string;
  created_at: number;
  updated_at: number;
  config: ProcessConfig;
  state: ProcessState;
  metadata?: Record<string, unknown> | null;
}

export interface Run {
  created_at: number;
  prelude: string[];
  log: [string, string][];
}

export interface Report extends Run {
  history: Run[];
}

export interface ProbeStream {
  index: number;
  stream: number;
  type: string;
  codec: string;
  profile?: string;
  pix_fmt: string;
  width: number;
  height: number;
  fps: number;
  sampling_hz: number;
  channels: number;
  layout: string;
  has_b_frames?: boolean | null;
  keyframe_interval_seconds?: number | null;
}

export interface Probe {
  streams: ProbeStream[];
  log: string[];
}

export interface TrackPlan {
  kind: string;
  action: string;
  codec: string;
  reasons: { code: string; text: string }[];
}

export interface LegState {
  packets: number;
  bytes: number;
  bitrate_bits: number;
  last_packet_seconds: number | null;
}

export interface ViewerState {
  id: string;
  state: string;
  address: string;
  user_agent: string;
  connected_seconds: number | null;
  bytes_sent: number;
  packets_sent: number;
  packets_lost: number;
  rtt_ms: number | null;
  jitter_ms: number;
}

export interface WhepStatus {
  process_id: string;
  state: string;
  reason: string;
  plan: TrackPlan[];
  source: Record<string, LegState>;
  viewers: ViewerState[];
}

export interface WebRTCState {
  enabled: boolean;
  state: string;
  reason: string;
  candidates: string[];
  gso: boolean;
  processes: number;
  viewers: number;
  total_viewers: number;
  counters: Record<string, number>;
}

export interface Metrics {
  metrics: { name: string; values: [number, number | null][] }[];
}

export interface Skills {
  ffmpeg: { version: string; compiler: string; configuration: string };
  codecs: Record<string, { id: string; name: string; encoders: string[] | null; decoders: string[] | null }[]>;
  formats: Record<string, { id: string; name: string }[]>;
  protocols: Record<string, { id: string; name: string }[]>;
}

export interface ViewerToken {
  token: string;
  expires_at: number | string;
  url: string;
}

export type Command = "start" | "stop" | "restart" | "reload";
