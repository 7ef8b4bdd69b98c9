"""Who may come near at all: networks that are allowed or blocked, and changes that are not."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from daemon.config import Config
from daemon.errors import ForbiddenError

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """``block`` wins; an empty ``allow`` is everybody."""

    allow: Networks = ()
    block: Networks = ()

    def permit(self, address: str) -> bool:
        """Whether this address may; what is no address, such as a Unix socket, is ours."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return True
        if any(parsed in network for network in self.block):
            return False
        return not self.allow or any(parsed in network for network in self.allow)


@dataclass(frozen=True, slots=True)
class Access:
    """``api.access`` and ``api.read_only``."""

    http: Rules = Rules()
    https: Rules = Rules()
    is_read_only: bool = False

    def check(self, path: str, scheme: str, address: str) -> None:
        """Raise ForbiddenError for an address that may not call the API or read metrics."""
        if not (path in {"/api", "/metrics"} or path.startswith("/api/")):
            return
        rules = self.https if scheme == "https" else self.http
        if not rules.permit(address):
            raise ForbiddenError("Forbidden", reason="address-blocked")


EVERYBODY = Access()


def access_of(config: Config) -> Access:
    """Read the configuration."""
    api = config.api
    return Access(
        http=Rules(_networks(api.access.http.allow), _networks(api.access.http.block)),
        https=Rules(_networks(api.access.https.allow), _networks(api.access.https.block)),
        is_read_only=api.read_only,
    )


def _networks(texts: tuple[str, ...]) -> Networks:
    return tuple(ip_network(text, strict=False) for text in texts)
