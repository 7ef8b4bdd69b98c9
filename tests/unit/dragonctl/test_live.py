"""Small words of ``dragonctl live``."""

import pytest

from dragonctl.commands.live import lost, program

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (X11) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "Chrome 140"),
        (f"Mozilla/5.0 (X11) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge 140"),
        ("Mozilla/5.0 (X11; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox 143"),
        (f"Mozilla/5.0 (Macintosh) {WEBKIT} Version/18.2 Safari/605.1", "Safari 18"),
        ("dragonctl/0.1.0", "dragonctl/0.1.0"),
        ("libfoo/1 (a; b)", "libfoo/1"),
        ("Safari/", "Safari"),
        ("", ""),
    ],
)
def test_programs_have_the_names_that_people_use(user_agent: str, name: str) -> None:
    assert program(user_agent) == name


def test_the_share_of_lost_packets() -> None:
    assert lost({"packets_sent": 1000, "packets_lost": 5}) == "0.5 %"
    assert lost({"packets_sent": 0, "packets_lost": 0}) == "-"
