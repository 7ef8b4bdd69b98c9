"""Device: cameras, sound cards and screens of this machine (Linux; datarhei-core.md a.4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CARD = re.compile(r"^ *(\d+) \[[^\]]*\]: (.*)$", re.MULTILINE)
_CAPTURE = re.compile(r"^ *\d+: \[ *(\d+)- *(\d+)\]: digital audio capture$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Device:
    """One device: ``id`` is FFmpeg's address of it, ``media`` is video or audio."""

    id: str
    name: str
    extra: str
    media: str


def find(root: Path = Path("/")) -> dict[str, tuple[Device, ...]]:
    """Look what is plugged in, by the kind of device that FFmpeg opens it with."""
    return {
        "alsa": tuple(_microphones(root / "proc/asound")),
        "fbdev": tuple(_screens(root)),
        "video4linux2": tuple(_cameras(root)),
    }


def _cameras(root: Path) -> Iterator[Device]:
    for place in _numbered(root / "sys/class/video4linux", "video"):
        if (root / "dev" / place.name).exists():
            bus = place / "device"
            extra = bus.resolve().name if bus.exists() else ""
            yield Device(f"/dev/{place.name}", _read(place / "name").strip(), extra, "video")


def _microphones(sound: Path) -> Iterator[Device]:
    cards = dict(_CARD.findall(_read(sound / "cards")))
    for card, number in _CAPTURE.findall(_read(sound / "devices")):
        if card in cards:
            yield Device(f"hw:{card},{number}", cards[card], "", "audio")


def _screens(root: Path) -> Iterator[Device]:
    for place in _numbered(root / "sys/class/graphics", "fb"):
        if (root / "dev" / place.name).exists():
            size = _read(place / "virtual_size").strip().replace(",", "x")
            yield Device(f"/dev/{place.name}", f"/dev/{place.name}", size, "video")


def _numbered(directory: Path, name: str) -> list[Path]:
    """Give the entries that are this name and a number, by their number."""
    pattern = re.compile(rf"{name}\d+")
    found = [one for one in directory.glob(f"{name}*") if pattern.fullmatch(one.name)]
    return sorted(found, key=lambda one: int(one.name.removeprefix(name)))


def _read(path: Path) -> str:
    """Read a small file of the kernel's; "" if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
