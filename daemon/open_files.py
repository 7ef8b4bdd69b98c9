"""How many files we may have open: sockets, pipes and FFmpegs count, too (setrlimit(2))."""

import contextlib
import resource

WANTED = 65_536


def raise_limit() -> None:
    """Take as many as we are allowed: service managers give 1,024, and more to who asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    wanted = WANTED if hard == endless else min(WANTED, hard)
    if soft != endless and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has another limit above this one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
