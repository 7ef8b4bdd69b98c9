"""A stand-in for FFmpeg that does what a script says.

It takes FFmpeg's arguments; the script is the value of the global option ``-script``: verbs
with arguments, divided by ``;``. Without one it makes progress for ever. Like FFmpeg it ends
with 255 on SIGINT and SIGTERM.

    say TEXT            a line on stderr
    flood MIB KIND      to stderr: lines, long (no line end), nul, invalid (UTF-8)
    progress N PERIOD   N reports (0: for ever), one frame each, PERIOD seconds apart
    stall PERIOD        the same report for ever
    sleep SECONDS       and wait: for ever
    exit CODE           die NUMBER: by a signal; stop: itself, by SIGSTOP
    ignore NAMES        signals such as INT,TERM
    fork                a child in our group that holds our pipes; its pid is said
    leave               the same in a session of its own
    eat MIB             memory that is really used
    spin                one CPU for ever
    solo PATH           hold a lock on PATH; says "DOUBLE" in PATH.double if somebody else does
    arguments PATH      append our arguments to PATH as a line of JSON
"""

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

MIB = 1024 * 1024
KEPT: list[Any] = []
FLOODS = {
    "lines": b"[h264 @ 0x1] error while decoding MB 1 2, bytestream -3\n",
    "long": b"x" * 64,
    "nul": b"\0" * 63 + b"\n",
    "invalid": b"\xff\xfe\x80" * 21 + b"\n",
}


def report(frame: int) -> None:
    """One block of ``-progress``."""
    pipe = int(sys.argv[sys.argv.index("-progress") + 1].removeprefix("pipe:"))
    text = f"frame={frame}\nfps=25.0\ntotal_size={frame * 1000}\nout_time_us={frame * 40000}\n"
    os.write(pipe, f"{text}speed=1x\nprogress=continue\n".encode())


def progress(count: str, period: str) -> None:
    frame = 0
    while not int(count) or frame < int(count):
        frame += 1
        report(frame)
        time.sleep(float(period))


def stall(period: str) -> None:
    while True:
        report(1)
        time.sleep(float(period))


def say(*text: str) -> None:
    os.write(2, f"{' '.join(text)}\n".encode())


def flood(mib: str, kind: str) -> None:
    piece = FLOODS[kind]
    chunk = piece * (65536 // len(piece))
    left = int(float(mib) * MIB)
    while left > 0:
        left -= os.write(2, chunk)


def wait() -> None:
    while True:
        time.sleep(60)


def ignore(names: str) -> None:
    for name in names.split(","):
        signal.signal(signal.Signals[f"SIG{name}"], signal.SIG_IGN)


def fork(*, is_leaving: bool = False) -> None:
    pid = os.fork()
    if pid == 0:
        if is_leaving:
            os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    say("child", str(pid))


def eat(mib: str) -> None:
    KEPT.append(bytearray(os.urandom(1) * (int(mib) * MIB)))


def spin() -> None:
    while True:
        pass


def solo(path: str) -> None:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    KEPT.append(lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with open(f"{path}.double", "a", encoding="utf-8") as file:  # noqa: PTH123 -- no site
            file.write("DOUBLE\n")


def arguments(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib costs 10 ms
        file.write(json.dumps(sys.argv[1:]) + "\n")


VERBS: dict[str, Callable[..., None]] = {
    "arguments": arguments,
    "die": lambda number: os.kill(os.getpid(), int(number)),
    "eat": eat,
    "exit": lambda code: os._exit(int(code)),
    "flood": flood,
    "fork": fork,
    "ignore": ignore,
    "leave": lambda: fork(is_leaving=True),
    "progress": progress,
    "say": say,
    "sleep": lambda seconds: time.sleep(float(seconds)),
    "solo": solo,
    "spin": spin,
    "stall": stall,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "wait": wait,
}


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(255))
    script = "progress 0 0.05"
    if "-script" in sys.argv:
        script = sys.argv[sys.argv.index("-script") + 1]
    for line in script.split(";"):
        verb, *values = line.split()
        VERBS[verb](*values)
    os._exit(0)


if __name__ == "__main__":
    main()
