"""What a build adds to the packages: the C file of the fan-out, and the web UI."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cffi import FFI
from cffi.error import VerificationError
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCE = ROOT / "daemon/rtc/burst.c"
BUILT = "daemon/rtc/_burst.abi3.so"
BUNDLE = ROOT / "daemon/_ui"
SKIP_UI = "DRAGONCTL_SKIP_UI"  # set: build without the UI, which the daemon's page then says


class BuildHook(BuildHookInterface[Any]):
    """Runs for wheels and for editable installations alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what can be built, and say what can't."""
        if version == "standard" and not os.environ.get(SKIP_UI):
            build_ui()
            build_data["artifacts"].append("daemon/_ui/**")  # git doesn't know it
        if self.target_name != "wheel":
            return
        try:
            build_burst()
        except VerificationError as error:
            self.app.display_warning(f"no C compiler: media goes through Python ({error})")
            return
        if version == "standard":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"].append(BUILT)


def build_ui() -> None:
    """Build the web UI, unless an unpacked source archive brought it along."""
    page = BUNDLE / "index.html"
    if (ROOT / "PKG-INFO").exists() and page.exists():
        return
    subprocess.run([ROOT / "ui/make"], check=True)  # noqa: S603 - our own script
    if not page.exists():
        raise RuntimeError(
            "The web UI can't be built without Node 20.19 or newer, and npm. "
            f"Set {SKIP_UI}=1 to build without it."
        )


def build_burst() -> None:
    """Compile burst.c beside its source; VerificationError without a working compiler."""
    ffi = FFI()
    ffi.cdef(SOURCE.with_suffix(".h").read_text())
    ffi.set_source(
        "_burst",
        SOURCE.read_text(),
        include_dirs=[str(SOURCE.parent)],
        libraries=["dl"],
        extra_compile_args=["-O2", "-Wall"],
        py_limited_api=True,
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        built = Path(ffi.compile(tmpdir=folder))
        target = ROOT / BUILT
        target.unlink(missing_ok=True)  # a running daemon has the old one mapped
        target.write_bytes(built.read_bytes())
