"""Tokens as they are signed and read back: whatever isn't exactly ours stays out (RFC 8725)."""

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.auth import Auth
from daemon.errors import AuthError
from tests.fakes.accounts import SECRET
from tests.unit.auth.test_auth import NOW, make, payload_of


def access(auth: Auth) -> str:
    """Make an access token without a login."""
    user = auth.users.get("admin")
    assert user is not None
    return auth._tokens(user, family="").access


def forged(auth: Auth, algorithm: str = "HS256", without: str = "", **changes: Any) -> str:
    payload = payload_of(access(auth)) | changes
    payload.pop(without, None)
    key = auth.keys.signing
    return jwt.encode(payload, key.key, algorithm=algorithm, headers={"kid": key.kid})


@pytest.mark.parametrize(
    "name", ["exp", "iat", "nbf", "iss", "aud", "sub", "jti", "usefor", "scope"]
)
def test_a_token_without_a_required_claim_is_refused(name: str) -> None:
    auth = make()
    auth.verify(forged(auth))
    with pytest.raises(AuthError):
        auth.verify(forged(auth, without=name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "other"),
        ("aud", "other"),
        ("exp", NOW + 600.5),
        ("exp", True),
        ("exp", "2800000000"),
        ("exp", [1]),
        ("nbf", int(NOW) + 31),
        ("iat", int(NOW) + 31),
        ("sub", 5),
        ("jti", {}),
        ("scope", ["process:read"]),
        ("scope", None),
        ("pid", 5),
        ("fam", ["x"]),
        ("prv", 1),
        ("epo", 7),
        ("mxv", -1),
        ("mxv", True),
        ("mxs", "9"),
        ("usefor", ["access"]),
    ],
)
def test_a_claim_of_a_wrong_kind_is_refused(name: str, value: Any) -> None:
    auth = make()
    with pytest.raises(AuthError):
        auth.verify(forged(auth, **{name: value}))


def test_scopes_that_we_do_not_know_count_for_nothing() -> None:
    auth = make()
    assert auth.verify(forged(auth, scope="root whep:view")).scopes == {"whep:view"}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_or_key_is_refused() -> None:
    auth = make()
    payload = payload_of(access(auth))
    kid = {"kid": auth.keys.signing.kid}
    others = [
        forged(auth, "HS384"),
        forged(auth, "HS512"),
        jwt.encode(payload, "", algorithm="none", headers=kid),
        jwt.encode(payload, SECRET, algorithm="HS256", headers=kid),
        jwt.encode(payload, auth.keys.signing.key, algorithm="HS256"),
        jwt.encode(payload, auth.keys.signing.key, headers={"kid": "other"}),
        jwt.encode(payload, b"x", algorithm="HS256", headers=kid),
    ]
    for token in others:
        with pytest.raises(AuthError):
            auth.verify(token)


segment = st.text(alphabet='eyJhbGciOiJ9-_A=%{}[]"', max_size=60)
header = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3
)


@given(
    st.text(max_size=300) | st.builds(lambda a, b, c: f"{a}.{b}.{c}", segment, segment, segment)
)
def test_no_text_gets_in_or_breaks_anything(text: str) -> None:
    with pytest.raises(AuthError):
        make().verify(text)


@given(
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jku", "jwk", "crit", "b64"]), header)
)
def test_no_header_gets_in_or_breaks_anything(fields: dict[str, Any]) -> None:
    body = jwt.utils.base64url_encode(b'{"sub":"admin"}').decode()
    head = jwt.utils.base64url_encode(json.dumps(fields).encode()).decode()
    with pytest.raises(AuthError):
        make().verify(f"{head}.{body}.c2ln")


def test_a_deep_header_is_refused() -> None:
    head = jwt.utils.base64url_encode(b"[" * 3000).decode()
    with pytest.raises(AuthError):
        make().verify(f"{head}.e30.c2ln")
