"""What cffi makes of burst.h: its values have no types of ours."""

from typing import Any

ffi: Any
lib: Any
