"""The API reference page, made from the OpenAPI schema: FastAPI's own page loads scripts from elsewhere, which the CSP forbids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the reference shows it."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[str, ...]
    body: str
    """Media type of the body, or empty."""
    fields: tuple[str, ...]
    """Fields of a JSON body, with their types."""
    statuses: tuple[str, ...]


def operations(schema: dict[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI `schema`, in its order."""
    found = []
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            media = next(iter(content), "")
            found.append(
                Operation(
                    method.upper(),
                    path,
                    operation.get("summary", ""),
                    operation.get("description", ""),
                    tuple(f"{parameter['name']} ({parameter['in']})" for parameter in operation.get("parameters", ())),
                    media,
                    tuple(_fields(content.get(media, {}).get("schema", {}), schema)),
                    tuple(operation.get("responses", {})),
                )
            )
    return found


def _fields(body: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    reference = body.get("$ref", "")
    model = schema.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], body)
    required = model.get("required", ())
    return [f"{name}: {_type(field)}{'' if name in required else ' (optional)'}" for name, field in model.get("properties", {}).items()]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("type") or field.get("$ref", "object").rpartition("/")[2])
