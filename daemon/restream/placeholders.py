"""Placeholders such as {memfs} and {rtmp,name=x} in a process config; pure text.

The grammar, and what is known where, is that of datarhei-core.md f.1.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from urllib.parse import unquote_plus

from daemon.restream.config import ConfigCleanup, ConfigIO, ProcessConfig

_PLACEHOLDER = re.compile(
    r"\{(?P<name>[a-z]+(?::[A-Za-z0-9]+)?)(?:\^(?P<escape>.))?(?:,(?P<parameters>[^{}]*))?\}"
)
_VARIABLE = re.compile(r"\$(processid|reference|inputid|outputid)")
_FIELD = re.compile(r"\{(\w+)\}")

SRT_LATENCY_MICROSECONDS = "20000"
# Of all those that a daemon can register, what each place understands
_DISK = ("diskfs", "fs:")
_FILES = (*_DISK, "memfs")
_STREAMS = (*_FILES, "rtmp", "srt")


def resolve(config: ProcessConfig, values: Mapping[str, str]) -> ProcessConfig:
    """Give the config with its placeholders replaced; unknown ones stay as they are.

    ``values`` has diskfs, memfs, fs:NAME with their value, and rtmp, srt with a template in
    which {name}, and for srt {latency} and {mode}, are filled in from the parameters.
    """
    own = {"processid": config.id, "reference": config.reference}
    inputs = tuple(_resolve_io(element, own, values, "input") for element in config.input)
    outputs = tuple(_resolve_io(element, own, values, "output") for element in config.output)
    glob = _Resolver({}, values, _DISK, "")
    return replace(
        config, options=glob.replace_all(config.options), input=inputs, output=outputs
    )


class _Resolver:
    """What one place of the config understands."""

    def __init__(
        self, own: Mapping[str, str], values: Mapping[str, str], known: Iterable[str], mode: str
    ) -> None:
        self._own = own
        self._values = values
        self._known = tuple(known)
        self._mode = mode

    def replace_in(self, text: str) -> str:
        return _PLACEHOLDER.sub(self._replace, text)

    def replace_all(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.replace_in(text) for text in texts)

    def _replace(self, match: re.Match[str]) -> str:
        value = self._look_up(match["name"], match["parameters"] or "")
        if value is None:
            return match[0]
        return _escape(value, match["escape"]) if match["escape"] else value

    def _look_up(self, name: str, parameters: str) -> str | None:
        if name in self._own:
            return self._own[name]
        if not name.startswith(self._known):
            return None
        if name.startswith("fs:"):
            return self._values.get(name, "")  # datarhei: empty, not left as it is
        template = self._values.get(name)
        if template is None or name not in {"rtmp", "srt"}:
            return template
        return self._fill(template, _parse_parameters(parameters, self._substitute))

    def _fill(self, template: str, parameters: Mapping[str, str]) -> str:
        fields = {"latency": SRT_LATENCY_MICROSECONDS, **parameters, "mode": self._mode}
        return _FIELD.sub(lambda match: fields.get(match[1], match[0]), template)

    def _substitute(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self._own.get(match[1], match[0]), text)


def _resolve_io(
    element: ConfigIO, own: Mapping[str, str], values: Mapping[str, str], kind: str
) -> ConfigIO:
    mode = "publish" if kind == "output" else "request"
    element_id = _Resolver(own, {}, (), "").replace_in(element.id)
    own = {**own, f"{kind}id": element_id}
    return ConfigIO(
        id=element_id,
        address=_Resolver(own, values, _STREAMS, mode).replace_in(element.address),
        options=_Resolver(own, values, _FILES, mode).replace_all(element.options),
        cleanup=tuple(_resolve_cleanup(rule, own) for rule in element.cleanup),
    )


def _resolve_cleanup(rule: ConfigCleanup, own: Mapping[str, str]) -> ConfigCleanup:
    return replace(rule, pattern=_Resolver(own, {}, (), "").replace_in(rule.pattern))


def _parse_parameters(text: str, substitute: Callable[[str], str]) -> dict[str, str]:
    found = (parameter.partition("=") for parameter in text.split(","))
    return {key: substitute(unquote_plus(value)) for key, equals, value in found if equals}


def _escape(value: str, character: str) -> str:
    r"""Escape for FFmpeg's nested option lists: ``\`` becomes three, ``:`` gets two."""
    if character == "\\":
        return value.replace("\\", "\\\\\\")
    return value.replace("\\", "\\\\\\").replace(character, f"\\\\{character}")
