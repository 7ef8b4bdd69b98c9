"""The options that FFmpeg knows, from its own help, for daemon/restream/options.txt.

Run ``python -m tests.options FFMPEG...`` with every version that counts, 5.1 and the newest.
"""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "daemon/restream/options.txt"
HEAD = "# Made by `python -m tests.options` from `ffmpeg -h full`; reviewed in grammar.py.\n"
TEXTS = {"string", "dictionary", "binary"}  # of libraries: what may hold anything
OWN_TEXTS = {"map", "metadata", "program", "stream_group", "timestamp", "force_key_frames"}
_LIBRARY = re.compile(r"^  -(\S+)\s+<(\w+)>\s+([EDFVASXRBTP.]{8,12})")
_OWN = re.compile(r"^-(\w+)(?:\[:<[^>]+>\])?(?: |$)")


def read(binary: str) -> tuple[set[str], set[str]]:
    """Ask a program; give the names of words and of texts."""
    command = [binary, "-hide_banner", "-h", "full"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words: set[str] = set()
    texts: set[str] = set()
    is_own = True
    for line in text.splitlines():
        is_own = is_own and not line.endswith("AVOptions:")
        if is_own and (match := _OWN.match(line)):
            (texts if match[1] in OWN_TEXTS else words).add(match[1])
        elif not is_own and (match := _LIBRARY.match(line)) and set(match[3][:2]) & set("ED"):
            (texts if match[2] in TEXTS else words).add(match[1])
    return words, texts


def table(binaries: list[str]) -> str:
    """Write the table: all names of words, then all of texts."""
    words: set[str] = set()
    texts: set[str] = set()
    for binary in binaries:
        found = read(binary)
        words |= found[0]
        texts |= found[1]
    parts = [HEAD]
    for title, names in (("words", words - texts), ("texts", texts)):
        lines = textwrap.fill(" ".join(sorted(names)), 96, break_on_hyphens=False)
        parts.append(f"[{title}]\n{lines}\n")
    return "".join(parts)


if __name__ == "__main__":
    TABLE.write_text(table(sys.argv[1:]))
