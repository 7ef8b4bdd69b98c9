"""/ui/: the web UI as it was built into ``daemon/_ui``; ``/`` leads there.

All locations are relative, so that the UI works below any prefix of a proxy.
"""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from quart import Blueprint, Response, request

from daemon.errors import NotFoundError
from daemon.http.encoding import takes_gzip
from daemon.http.guard import Scope, needs

BUNDLE = Path(str(files("daemon"))) / "_ui"
INDEX = "index.html"
# as the bundler names what never changes: a name, then a hash of what is inside
_HASHED = re.compile(r"assets/.*[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+")
_FOREVER = "public, max-age=31536000, immutable"
_PAGE = "text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "connect-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "frame-ancestors "
)
_NOT_BUILT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>dragonctl: UI not built</title>
<h1>UI not built: run <code>make ui</code></h1>
<p>Everything else works: the API, <code>dragonctl</code>, and WHEP for your players.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the bundle, in memory; ``packed`` is the same by gzip, or None."""

    body: bytes
    packed: bytes | None
    content_type: str
    cache_control: str


def routes(frame_ancestors: tuple[str, ...]) -> Blueprint:
    """Build the blueprint. ``frame_ancestors``: origins whose pages may frame the UI."""
    views = _Views(BUNDLE, _headers(frame_ancestors))
    blueprint = Blueprint("ui", __name__)
    blueprint.get("/ui")(views.lead)
    blueprint.get("/ui/")(views.index)
    blueprint.get("/ui/<path:name>")(views.asset)
    return blueprint


class _Views:
    def __init__(self, bundle: Path, headers: Mapping[str, str]) -> None:
        self._bundle = bundle
        self._headers = headers
        self._assets = load(bundle)

    @needs(Scope.PUBLIC)
    async def lead(self) -> Response:
        return lead_here()

    @needs(Scope.PUBLIC)
    async def index(self) -> Response:
        if INDEX not in self._assets:
            self._assets = load(self._bundle)  # it may have been built meanwhile
        if INDEX not in self._assets:
            return self._finish(Response(_NOT_BUILT, 200, content_type=_PAGE), "no-store")
        return await self._send(self._assets[INDEX])

    @needs(Scope.PUBLIC)
    async def asset(self, name: str) -> Response:
        found = self._assets.get(name)
        if found is None:
            raise NotFoundError("Not Found", details=["the UI has no file of this name"])
        return await self._send(found)

    async def _send(self, asset: Asset) -> Response:
        is_packed = asset.packed is not None and takes_gzip()
        body = asset.packed if is_packed and asset.packed is not None else asset.body
        response = Response(body, 200, content_type=asset.content_type)
        if asset.packed is not None:
            response.vary.add("Accept-Encoding")
        if is_packed:
            response.content_encoding = "gzip"
        response.set_etag(sha256(body).hexdigest()[:32])
        await response.make_conditional(request)
        return self._finish(response, asset.cache_control)

    def _finish(self, response: Response, cache_control: str) -> Response:
        response.headers.update(self._headers)
        response.headers["Cache-Control"] = cache_control
        return response


def lead_here() -> Response:
    """Send a browser on to the UI; also from ``/``, where the disk has no page of its own."""
    return Response(b"", 307, {"Location": "ui/", "Cache-Control": "no-cache"})


def load(bundle: Path) -> dict[str, Asset]:
    """Read the whole bundle, which is small, by the names under ``/ui/``; {}: there is none."""
    return dict(_assets(bundle)) if (bundle / INDEX).is_file() else {}


def _assets(bundle: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(bundle.rglob("*")):
        if not path.is_file() or path.suffix == ".gz":
            continue
        name = path.relative_to(bundle).as_posix()
        packed = path.with_name(f"{path.name}.gz")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        is_text = kind.startswith("text/") or kind.endswith(("json", "javascript"))
        yield (
            name,
            Asset(
                path.read_bytes(),
                packed.read_bytes() if packed.is_file() else None,
                f"{kind}; charset=utf-8" if is_text else kind,
                _FOREVER if _HASHED.fullmatch(name) else "no-cache",
            ),
        )


def _headers(frame_ancestors: tuple[str, ...]) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": _POLICY + (" ".join(frame_ancestors) or "'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "cross-origin" if frame_ancestors else "same-origin",
    }
    if not frame_ancestors:
        headers["X-Frame-Options"] = "DENY"  # it has no word for a list of origins
    return headers
