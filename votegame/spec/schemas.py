"""A JSON Schema (2020-12) for each kind of frame: each file stands alone, so that any tool can use it as it is."""

from typing import Any, Final

from votegame.spec import kinds
from votegame.spec.components import Schema, components
from votegame.spec.sources import Sources

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF: Final = "#/$defs/{name}"


def schema_files(sources: Sources) -> dict[str, Schema]:
    """The schemas by the names of their files."""
    return {f"{name}.json": _schema(name, types, sources) for name, types in sorted(kinds.documents().items())}


def _schema(name: str, types: tuple[type, ...], sources: Sources) -> Schema:
    parts = components(types, sources, ref_template=_REF)
    head = {"$schema": _DIALECT, "$id": f"{name}.json", "title": name}
    if len(types) > 1:
        body: Schema = {"oneOf": [{"$ref": _REF.format(name=kind.__name__)} for kind in types]}
    else:
        body = parts.pop(types[0].__name__)
        del body["title"]
    described = {"description": body.pop("description")} if "description" in body else {}
    defs: dict[str, Any] = {"$defs": parts} if parts else {}
    return {**head, **described, **body, **defs}
