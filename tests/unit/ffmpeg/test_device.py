"""Devices in a tree of files like the kernel's."""

from pathlib import Path

from daemon.ffmpeg.device import Device, find

CARDS = """\
 0 [ALSA           ]: bcm2835_alsa - bcm2835 ALSA
                      bcm2835 ALSA
 1 [U0x46d0x809    ]: USB-Audio - USB Device 0x46d:0x809
                      USB Device 0x46d:0x809 at usb-3f980000.usb-1.3, high speed
"""
DEVICES = """\
  0: [ 0]   : control
 16: [ 0- 0]: digital audio playback
 32: [ 1]   : control
 56: [ 1- 0]: digital audio capture
 33:        : timer
"""


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_cameras_come_by_their_number_if_they_can_be_opened(tmp_path: Path) -> None:
    kernel = tmp_path / "sys/class/video4linux"
    for number in (10, 2, 3):
        write(kernel / f"video{number}/name", f"Webcam C170: number {number}\n")
    write(kernel / "v4l-subdev0/name", "no camera")
    (tmp_path / "sys/devices/1-1.3:1.0").mkdir(parents=True)
    (kernel / "video2/device").symlink_to(tmp_path / "sys/devices/1-1.3:1.0")
    write(tmp_path / "dev/video2")
    write(tmp_path / "dev/video10")
    assert find(tmp_path)["video4linux2"] == (
        Device("/dev/video2", "Webcam C170: number 2", "1-1.3:1.0", "video"),
        Device("/dev/video10", "Webcam C170: number 10", "", "video"),
    )


def test_sound_cards_that_can_record(tmp_path: Path) -> None:
    write(tmp_path / "proc/asound/cards", CARDS)
    write(tmp_path / "proc/asound/devices", DEVICES)
    assert find(tmp_path)["alsa"] == (
        Device("hw:1,0", "USB-Audio - USB Device 0x46d:0x809", "", "audio"),
    )


def test_screens(tmp_path: Path) -> None:
    write(tmp_path / "sys/class/graphics/fb0/virtual_size", "1920,1080\n")
    write(tmp_path / "sys/class/graphics/fbcon/x")
    write(tmp_path / "dev/fb0")
    assert find(tmp_path)["fbdev"] == (Device("/dev/fb0", "/dev/fb0", "1920x1080", "video"),)


def test_a_machine_without_any(tmp_path: Path) -> None:
    assert find(tmp_path) == {"alsa": (), "fbdev": (), "video4linux2": ()}
