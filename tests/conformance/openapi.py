"""docs/reference/openapi.yaml as a value; holds answers against it, copies it to the package.

Run ``python -m tests.conformance.openapi`` after a change.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from quart import Response

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "docs/reference/openapi.yaml"
COPY = ROOT / "daemon/http/openapi.json"


def document() -> dict[str, Any]:
    """Read the document as written."""
    loaded: dict[str, Any] = yaml.safe_load(SOURCE.read_text())
    return loaded


def copy_text() -> str:
    """Write what the daemon serves."""
    return json.dumps(document(), separators=(",", ":"), ensure_ascii=False) + "\n"


DOCUMENT = document()


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def dereferenced(item: dict[str, Any]) -> dict[str, Any]:
    return resolve(item["$ref"]) if "$ref" in item else item


def fit(name: str, value: Any) -> None:
    """Hold a JSON value against the schema of this name. Raises ValidationError."""
    schema = resolve(f"#/components/schemas/{name}") | {"components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


async def check(method: str, path: str, response: Response) -> None:
    """Hold one real answer against the document."""
    operation = DOCUMENT["paths"][path][method.lower()]
    status = str(response.status_code)
    assert status in operation["responses"], (method, path, status)
    described = dereferenced(operation["responses"][status])
    for name, header in described.get("headers", {}).items():
        assert name in response.headers or not header.get("required")
    if "content" not in described:
        assert await response.get_data() == b""
        return
    kind = response.content_type.partition(";")[0]
    text = await response.get_data(as_text=True)
    value = json.loads(text) if kind.endswith("json") else text
    schema = described["content"][kind]["schema"] | {"components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


if __name__ == "__main__":
    COPY.write_text(copy_text())
