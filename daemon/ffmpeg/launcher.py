"""Stands between the daemon and FFmpeg for 12 ms, to set what must hold from the start.

A program of its own (P2, P5): ``python -I -S launcher.py PARENT STATUS PROGRESS FSIZE --
ARGV...``.
Code between fork and exec in the daemon would run with other threads' locks held.
PARENT is the daemon's pid; STATUS and PROGRESS are file descriptors, or - for none. Why exec
failed is written to STATUS, else to stderr; a good exec closes it silently. FFmpeg finds
PROGRESS as number 3. FSIZE is the size in bytes that no file may exceed, or - for none.

It imports as little as it can: ``pathlib``, ``signal`` and ``contextlib`` alone would cost more
CPU than all the rest, with each start of each process.
"""

import ctypes
import fcntl
import os
import resource
import sys

NONE = "-"
PROGRESS_FD = 3
OPEN_FILES = 1024
OOM_SCORE = b"300"  # out of memory? FFmpeg before the daemon
FIRST_FREE_FD = 10
EXIT_NOT_STARTED = 127  # what a shell says too
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25  # on Linux (but for MIPS) and macOS
SIG_DFL = None  # 0, as a pointer


def main() -> int:
    """Become the program behind ``--``; comes back only if that is impossible."""
    parent = int(sys.argv[1])
    argv = sys.argv[6:]
    status = 2
    if NONE not in sys.argv[2:4]:
        status = _place(int(sys.argv[2]), int(sys.argv[3]))
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        _reset_signals(libc)
        if sys.platform == "linux":
            _bind_to_parent(libc)
        if os.getppid() != parent:  # it died before the line above could tell us
            return EXIT_NOT_STARTED
        _limit(sys.argv[4])
        os.execv(argv[0], argv)  # noqa: S606 -- never by a shell
    except OSError as error:
        os.write(status, f"{argv[0]}: {error.strerror}".encode(errors="replace"))
    return EXIT_NOT_STARTED


def _place(status: int, progress: int) -> int:
    # closed by exec, all but number 3: the daemon waits for the end of STATUS
    kept = fcntl.fcntl(status, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE_FD)
    os.set_inheritable(status, False)
    if progress != PROGRESS_FD:
        os.dup2(progress, PROGRESS_FD)
        os.set_inheritable(progress, False)
    return kept


def _reset_signals(libc: ctypes.CDLL) -> None:
    # Python ignores these two, and what is ignored stays so over exec
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    for number in (SIGPIPE, SIGXFSZ):
        libc.signal(number, SIG_DFL)


def _bind_to_parent(libc: ctypes.CDLL) -> None:
    for option, value in ((PR_SET_PDEATHSIG, SIGKILL), (PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl failed")
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, OOM_SCORE)
        os.close(score)
    except OSError:  # some containers mount /proc read-only
        return


def _limit(file_bytes: str) -> None:
    files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if file_bytes != NONE:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]  # only root may go beyond it
        size = int(file_bytes) if hard == resource.RLIM_INFINITY else min(int(file_bytes), hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


if __name__ == "__main__":
    sys.exit(main())
