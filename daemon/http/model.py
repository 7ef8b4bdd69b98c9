"""Bodies by pydantic's models; what doesn't fit is told by its place, never by its value."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from daemon.errors import InvalidError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], body: Any) -> Model:
    """Give the model of a body. Raises InvalidError with datarhei's words."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidError("Invalid JSON", details=lines, reason="invalid-json") from None
