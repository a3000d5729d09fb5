"""The generated files, as text, and how they get to where they belong."""

import json
from pathlib import Path

from votegame.spec import sources
from votegame.spec.asyncapi import asyncapi
from votegame.spec.components import Schema
from votegame.spec.openapi import openapi
from votegame.spec.schemas import schema_files


def generated(folder: Path) -> dict[str, str]:
    """The text of each generated file by its path in `folder`, made from what is written by hand there."""
    found = sources.read(folder)
    schemas = {f"schemas/{name}": schema for name, schema in schema_files(found).items()}
    documents = {**schemas, "asyncapi.json": asyncapi(found), "openapi.json": openapi(found)}
    return {path: _text(document) for path, document in documents.items()}


def write(folder: Path) -> None:
    """Write all generated files into `folder`, and remove schemas of what is gone."""
    texts = generated(folder)
    (folder / "schemas").mkdir(exist_ok=True)
    for path in stale(folder, texts):
        path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Schemas in `folder` that are none of the generated files any more."""
    return [path for path in sorted((folder / "schemas").glob("*.json")) if f"schemas/{path.name}" not in texts]


def _text(document: Schema) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
