"""The OpenAPI 3.1 document of the HTTP API, from the table of calls and the types of bodies and answers."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from votegame import __version__
from votegame.errors import ErrorCode
from votegame.game.commands import Command, UpdateSettings
from votegame.spec import answers
from votegame.spec.calls import CALLS, Call
from votegame.spec.components import Schema, components
from votegame.spec.sources import Sources
from votegame.wire.errors import ERROR_TABLE, problem

_REF: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_LATE: Final = "408"
_NOT_IN_BODY: Final = frozenset({"type", "id"})
_PATH_FIELDS: Final = MappingProxyType({"code": "room_code", "round_id": "round_id"})
_WAITING: Final = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE})
_SAMPLES: Final[Mapping[ErrorCode, Mapping[str, Any]]] = MappingProxyType(
    {
        ErrorCode.BAD_MESSAGE: {"field": "display_name"},
        ErrorCode.WRONG_PHASE: {"phase": "voting"},
        ErrorCode.ROOM_FULL: {"can_watch": True},
        ErrorCode.GAME_IN_PROGRESS: {"can_watch": True},
        ErrorCode.RATE_LIMITED: {"retry_after": 1},
    }
)


def openapi(sources: Sources) -> Schema:
    """The document."""
    bodies = [call.body for call in CALLS if call.body is not None]
    shapes = [shape for call in CALLS for shape in call.answers]
    schemas = components([*bodies, *shapes, answers.Problem], sources, ref_template=_REF)
    paths: dict[str, Schema] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call, schemas)
    taken = {kind.__name__ for kind in bodies if issubclass(kind, Command)}
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/", "description": "This server."}],
        "tags": _TAGS,
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in taken},
            "examples": {code: _example(code, sources) for code in _all_codes()},
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


def _all_codes() -> list[ErrorCode]:
    met = {code for call in CALLS for code in call.codes}
    return [code for code in ErrorCode if code in met]


def _example(code: ErrorCode, sources: Sources) -> Schema:
    return {"summary": sources.errors[code], "value": problem(code, _SAMPLES.get(code, {}))}


def _operation(call: Call, schemas: Mapping[str, Schema]) -> Schema:
    names = re.findall(r"{(\w+)}", call.path)
    parameters = [{"$ref": f"#/components/parameters/{name}"} for name in [*names, *["key"] * call.is_command]]
    return {
        "operationId": _operation_id(call),
        "summary": call.summary,
        "tags": [call.group],
        "security": _ACCESS[call.access],
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(call, schemas)} if call.body is not None else {}),
        "responses": {str(call.status): _answer(call), **_refusals(call)},
    }


def _operation_id(call: Call) -> str:
    words = re.findall(r"\w+", re.sub(r"{\w+}", "", call.path.removeprefix("/api")))
    return "_".join([call.method, *words])


def _body(call: Call, schemas: Mapping[str, Schema]) -> Schema:
    assert call.body is not None
    schema: Schema = {"$ref": _REF.format(name=call.body.__name__)}
    if issubclass(call.body, Command):
        schema = _fields_in_body(call, schemas[call.body.__name__])
    return {"required": call.body_is_needed, "content": {_JSON: {"schema": schema}}}


def _fields_in_body(call: Call, command: Schema) -> Schema:
    """Of a command what stands in the body: not its `type` and `id`, nor what the path has or leads to."""
    in_path = {field for name, field in _PATH_FIELDS.items() if f"{{{name}}}" in call.path}
    left_out = _NOT_IN_BODY | in_path | ({"room_code"} if in_path else set())
    properties = {name: field for name, field in command["properties"].items() if name not in left_out}
    required = [name for name in command["required"] if name not in left_out]
    whole: Schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
    if call.body is UpdateSettings:
        return {"anyOf": [whole, {"$ref": _REF.format(name="SettingsPatch")}]}
    return whole


def _answer(call: Call) -> Schema:
    if not call.answers:
        return {"description": call.summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    refs = [{"$ref": _REF.format(name=shape.__name__)} for shape in call.answers]
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    sets_cookie = answers.Admission in call.answers
    headers = {"headers": {"Set-Cookie": {"$ref": "#/components/headers/Set-Cookie"}}} if sets_cookie else {}
    doc = " Or: ".join((shape.__doc__ or "").splitlines()[0] for shape in call.answers)
    return {"description": doc, **headers, "content": {_JSON: {"schema": schema}}}


def _refusals(call: Call) -> dict[str, Schema]:
    """Responses by status, each with the codes that have it."""
    codes_by_status: dict[str, list[ErrorCode]] = {}
    for code in call.codes:
        codes_by_status.setdefault(str(ERROR_TABLE[code].status), []).append(code)
    if ErrorCode.TOO_LARGE in call.codes:
        codes_by_status[_LATE] = [ErrorCode.UNAVAILABLE]
    return {status: _refusal(codes_by_status[status]) for status in sorted(codes_by_status)}


def _refusal(codes: list[ErrorCode]) -> Schema:
    described = ", ".join(f"`{code.value}`" for code in codes)
    waits = {"headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}} if _WAITING & {*codes} else {}
    examples = {code.value: {"$ref": f"#/components/examples/{code.value}"} for code in codes}
    content = {_PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}, "examples": examples}}
    return {"description": described, **waits, "content": content}


_INFO: Final[Schema] = {
    "title": "votegame over HTTP",
    "version": __version__,
    "description": (
        "Accounts, rooms and games over HTTP, and health. The same rooms are played over the WebSocket at `/ws`, which "
        "`/asyncapi.json` describes; `/docs/protocol` tells of both. Errors are problem documents (RFC 9457): go by "
        "`code`."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
_TAGS: Final = [
    {"name": "accounts", "description": "Logins. The quickest way in is a guest."},
    {"name": "rooms", "description": "Making rooms, joining, leaving, looking."},
    {"name": "games", "description": "Playing."},
    {"name": "health", "description": "For balancers and operators."},
]
_LOGIN: Final[list[Schema]] = [{"bearer": []}, {"cookie": []}]
_ACCESS: Final[Mapping[str, list[Schema]]] = MappingProxyType(
    {"open": [], "optional": [{}, *_LOGIN], "login": _LOGIN, "operator": [{}, {"metrics": []}]}
)
_PARAMETERS: Final[Schema] = {
    "code": {
        "name": "code",
        "in": "path",
        "required": True,
        "description": "The room's code, in any case.",
        "schema": {"type": "string"},
        "example": "ABC234",
    },
    "round_id": {
        "name": "round_id",
        "in": "path",
        "required": True,
        "description": "The round, a UUID; `state.round` has that of the present one.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": (
            "The command's `id`, chosen by you, remembered for 10 minutes: with the same key and content a call can be "
            "sent again safely. Without it every call is a command of its own."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    },
}
_HEADERS: Final[Schema] = {
    "Retry-After": {
        "description": "Seconds to wait, where they are known.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Set-Cookie": {"description": "The login cookie, which is all that a browser needs.", "schema": {"type": "string"}},
}
_SECURITY: Final[Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The `token` that a login returned."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-votegame",
        "description": "The login cookie of browsers; `votegame` where the server is reached over plain HTTP.",
    },
    "metrics": {"type": "http", "scheme": "bearer", "description": "The operator's `METRICS_TOKEN`."},
}
