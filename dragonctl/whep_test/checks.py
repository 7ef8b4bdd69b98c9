"""Protocol checks, named by the rows of the WHEP checklist; notes unless the test is strict.

The draft is draft-ietf-wish-whep; what it shares with WHIP is RFC 9725.
"""

import re
from collections.abc import Callable, Iterable

from dragonctl.whep_test import answer as sdp
from dragonctl.whep_test.model import Check, Level, Options, ViewerReport
from dragonctl.whep_test.signalling import SDP, Exchange, Signalling, origin
from dragonctl.whep_test.transport import LOOPBACK

STRONG_ETAG = re.compile(r'"[!#-~\x80-\xff]+"', re.ASCII)
MUST, SHOULD = Level.MUST, Level.SHOULD


def check_protocol(
    options: Options, exchange: Exchange, offer: str, report: ViewerReport
) -> list[Check]:
    """Check one viewer's exchange: HTTP, the answer, the end."""
    checks = list(_check_redirects(exchange))
    if exchange.status >= 300:
        return checks + list(_check_refusal(exchange))
    checks += _check_created(exchange)
    checks += _check_https(options, exchange)
    try:
        checks += check_answer(sdp.parse(offer), sdp.parse(exchange.body))
    except sdp.AnswerError as error:
        checks.append(Check("post-jsep", MUST, False, f"the answer {error}"))
    checks += _check_delete(exchange, report)
    return checks


def _check_redirects(exchange: Exchange) -> Iterable[Check]:
    if exchange.redirects:
        statuses = ", ".join(map(str, exchange.redirects))
        yield Check("post-redirect", MUST, True, f"redirected with {statuses}")


def _check_refusal(exchange: Exchange) -> Iterable[Check]:
    headers = exchange.headers
    is_problem = exchange.media_type == "application/problem+json"
    text = f"the refusal's type is {exchange.media_type or 'missing'} (RFC 9457 describes one)"
    yield Check("err-problem", SHOULD, is_problem, text)
    if exchange.status == 401:
        scheme = headers.get("www-authenticate", "").partition(" ")[0].lower()
        text = f"401 names the scheme {scheme or '(none)'} in WWW-Authenticate"
        yield Check("auth-bearer", MUST, scheme == "bearer", text)
    if exchange.status == 409:
        text = f"409 has Retry-After: {headers.get('retry-after', '(none)')}"
        yield Check("post-409", MUST, "retry-after" in headers, text)
    if exchange.status == 406:
        is_offer = exchange.media_type == SDP and exchange.session_url is not None
        text = "406 carries an SDP offer and a Location"
        yield Check("co-406", MUST, is_offer, text if is_offer else f"not so: {text}")


def _check_created(exchange: Exchange) -> Iterable[Check]:
    headers = exchange.headers
    yield Check("post-201", MUST, exchange.status == 201, f"the status is {exchange.status}")
    given = headers.get("content-type", "(none)")
    is_sdp = exchange.media_type == SDP
    yield Check("post-ctype", MUST, is_sdp, f"Content-Type of the answer is {given}")
    has_location = exchange.session_url is not None
    text = "Location gives the session URL" if has_location else "no usable Location"
    yield Check("post-location", MUST, has_location, text)
    etag = headers.get("etag", "")
    is_strong = bool(STRONG_ETAG.fullmatch(etag)) and etag != '"*"'
    text = f"ETag is {etag or '(none)'}; strong ones only, if ICE restart is supported"
    yield Check("post-etag", SHOULD, is_strong, text)


def _check_https(options: Options, exchange: Exchange) -> Iterable[Check]:
    scheme, host, _ = origin(exchange.url)
    if scheme != "https" and host not in {*LOOPBACK, "localhost"}:
        yield Check("https", MUST, False, "plain HTTP beyond loopback: anyone can read it")
    elif scheme == "https" and options.verify_tls:
        yield Check("https", MUST, True, "HTTPS with a certificate that verifies")


def _check_delete(exchange: Exchange, report: ViewerReport) -> Iterable[Check]:
    if exchange.session_url is None:
        return
    status = report.delete_status
    text = "DELETE was not answered" if status is None else f"DELETE was answered {status}"
    is_met = status is not None and 200 <= status < 300
    if any(reason.code == "server-ended" for reason in report.reasons):
        is_met = is_met or status == 404  # it was gone already
    yield Check("delete-200", MUST, is_met, text)


def check_answer(offer: sdp.Description, answer: sdp.Description) -> list[Check]:
    """Check the answer alone (draft section 4.5, RFC 9725 section 4.4)."""
    accepted = [section for section in answer.sections if section.port]
    checks = [_check_jsep(offer, answer)]
    rules = (
        ("post-answer-sendonly", _is_sendonly, "a=sendonly"),
        ("sdp-rtcpmux", _has("rtcp-mux"), "a=rtcp-mux"),
        ("sdp-rtcpmuxonly", _has("rtcp-mux-only"), "a=rtcp-mux-only"),
    )
    for identifier, rule, text in rules:
        checks.append(_check_all(identifier, accepted, rule, text))
    checks.append(_check_bundle(answer, accepted))
    checks.append(_check_stream(accepted))
    checks += _check_transport(answer)
    return checks


def _is_sendonly(section: sdp.Section) -> bool:
    return section.direction == "sendonly"


def _has(name: str) -> Callable[[sdp.Section], bool]:
    return lambda section: section.value(name) is not None


def _check_all(
    identifier: str,
    sections: list[sdp.Section],
    rule: Callable[[sdp.Section], bool],
    text: str,
) -> Check:
    missing = [section.kind for section in sections if not rule(section)]
    if not missing:
        return Check(identifier, MUST, True, f"{text} in every accepted section")
    return Check(identifier, MUST, False, f"no {text} in {', '.join(missing)}")


def _check_jsep(offer: sdp.Description, answer: sdp.Description) -> Check:
    asked = [(section.kind, section.mid) for section in offer.sections]
    given = [(section.kind, section.mid) for section in answer.sections]
    is_met = asked == given
    text = f"sections {_list(given)}" + ("" if is_met else f", offered were {_list(asked)}")
    return Check("post-jsep", MUST, is_met, text)


def _list(sections: Iterable[tuple[str, str | None]]) -> str:
    return " ".join(f"{kind}/{mid}" for kind, mid in sections)


def _check_bundle(answer: sdp.Description, accepted: list[sdp.Section]) -> Check:
    groups = [value.split() for name, value in answer.attributes if name == "group"]
    bundled = {mid for words in groups if words[:1] == ["BUNDLE"] for mid in words[1:]}
    is_met = bundled == {section.mid for section in accepted}
    text = f"a=group:BUNDLE has {' '.join(sorted(bundled)) or 'nothing'}"
    return Check("sdp-bundle", MUST, is_met, text)


def _check_stream(accepted: list[sdp.Section]) -> Check:
    streams = {(section.value("msid") or "").split(" ")[0] for section in accepted}
    is_met = len(streams) == 1 and "" not in streams
    text = "one MediaStream" if is_met else f"a=msid names {len(streams - {''})} streams"
    return Check("sdp-msid", MUST, is_met, text)


def _check_transport(answer: sdp.Description) -> Iterable[Check]:
    section = sdp.transport_section(answer)
    setup = section.value("setup") or "(none)"
    yield Check("sdp-setup", SHOULD, setup == "passive", f"a=setup:{setup}")
    candidates = answer.candidates()
    ends = any(s.value("end-of-candidates") is not None for s in answer.sections)
    count = f"{len(candidates)} candidates, {'' if ends else 'no '}a=end-of-candidates"
    yield Check(
        "ice-allcands", MUST if not candidates else SHOULD, bool(candidates) and ends, count
    )


async def ask_more(signalling: Signalling, url: str) -> list[Check]:
    """Ask the endpoint what needs requests of its own; strict tests only."""
    checks = []
    options = await signalling.ask("OPTIONS", url)
    posts = options.headers.get("accept-post", "(none)") if options else "(no answer)"
    is_met = SDP in posts.lower()
    checks.append(Check("options-accept-post", SHOULD, is_met, f"Accept-Post: {posts}"))
    for method, identifier, level in (("GET", "get-2xx", MUST), ("HEAD", "head-ctype", SHOULD)):
        seen = await signalling.ask(method, url)
        is_met = seen is not None and 200 <= seen.status < 300
        if seen is not None and method == "HEAD":
            is_met = is_met and seen.media_type == SDP
        text = f"{method} was answered {seen.status}" if seen else f"{method} got no answer"
        checks.append(Check(identifier, level, is_met, text))
    return checks
