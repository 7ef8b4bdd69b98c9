"""certificate: new each time, known by any of its strong fingerprints."""

import datetime
import hashlib

import pytest
from OpenSSL import crypto

from daemon.rtc.certificate import Certificate, matches, usable
from tests.unit.rtc.dtls_client import Client

CERTIFICATE = Certificate.generate()
VIEWER = Client()
X509 = crypto.load_certificate(crypto.FILETYPE_ASN1, VIEWER.der)


def test_a_certificate_is_new_each_time_and_lasts_thirty_days() -> None:
    other = Certificate.generate()
    assert other.fingerprint != CERTIFICATE.fingerprint
    name, _, digest = other.fingerprint.partition(" ")
    assert name == "sha-256"
    assert len(bytes.fromhex(digest.replace(":", ""))) == 32
    assert digest == digest.upper()
    lasts = other.not_after - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=29) < lasts <= datetime.timedelta(days=30)


def test_its_repr_shows_no_key() -> None:
    assert "context" not in repr(CERTIFICATE)


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
def test_one_fingerprint_that_matches_is_enough(name: str) -> None:
    good = VIEWER.fingerprint(name)
    bad = (name, bytes(len(good[1])))
    assert matches(usable([bad, good]), X509)
    assert matches(usable([good, bad]), X509)
    assert not matches(usable([bad, bad]), X509)
    assert not matches(usable([]), X509)


def test_a_digest_counts_under_its_own_hash_only() -> None:
    digest = VIEWER.fingerprint("sha-256")[1]
    assert not matches(usable([("sha-384", digest), ("sha-512", digest)]), X509)


def test_names_are_compared_without_case_and_weak_hashes_dropped() -> None:
    sha1 = hashlib.sha1(VIEWER.der).digest()
    offered = [("SHA-256", b"a"), ("sha-1", sha1), ("md5", b"b"), ("", b"c"), ("Sha-512", b"d")]
    assert usable(offered) == (("sha-256", b"a"), ("sha-512", b"d"))
