"""Passwords: Argon2id with OWASP's least parameters, on two threads that nothing else uses."""

import asyncio
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, 2 passes, 1 lane: 25 ms here. The library's own default costs 250 ms and 64 MiB a try.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_SALT_BYTES = 16
_HASH_PREFIX = "$argon2id$"
# Of a random password that nobody kept: an unknown user costs as much time as a known one.
_DUMMY = (
    "$argon2id$v=19$m=19456,t=2,p=1$ZHJhZ29uY3RsLWR1bW15IQ"
    "$DqXd0JI4WTmhsFEpWvIx3r5XbBUaLZFHTpcuQmRz5bM"
)


def hash_password(text: str, salt: bytes | None = None) -> str:
    """Hash with a random salt unless one is given; blocks for about 25 ms."""
    return _HASHER.hash(text, salt=salt)


async def hash_in_pool(text: str, salt: bytes | None = None) -> str:
    """``hash_password`` without holding up the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, hash_password, text, salt)


async def password_hash(configured: str, *, username: str, secret: bytes) -> str:
    """Turn a configured password into a hash; one that is a hash already is taken as it is.

    The same password gives the same hash at every start (its salt comes from the secret), for
    the key of all tokens hangs on it: a restart must not end them.
    """
    if configured.startswith(_HASH_PREFIX):
        return configured
    salt = hmac.digest(secret, b"password salt\0" + username.encode(), hashlib.sha256)
    return await hash_in_pool(configured, salt[:_SALT_BYTES])


def needs_rehash(known_hash: str) -> bool:
    """Whether it was made with other parameters than ours of today."""
    return _HASHER.check_needs_rehash(known_hash)


async def check_password(text: str, known_hash: str | None) -> bool:
    """Compare in the pool; None, an unknown user, takes as long as a wrong password."""
    loop = asyncio.get_running_loop()
    is_right = await loop.run_in_executor(_POOL, _verify, known_hash or _DUMMY, text)
    return is_right and known_hash is not None


def _verify(known_hash: str, text: str) -> bool:
    try:
        return _HASHER.verify(known_hash, text.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
