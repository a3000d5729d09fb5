"""What is generated in `protocol/` is current, valid by its own standard, and true of the examples and the views."""

import json
import re
import runpy
import sys
from pathlib import Path

import jsonschema
import msgspec
import openapi_spec_validator
import pytest

from tests.strict import check_answer
from votegame.files import protocol_directory
from votegame.spec import kinds
from votegame.spec.calls import CALLS
from votegame.spec.output import generated, stale
from votegame.web.auth_views import AuthViews
from votegame.web.health import HealthViews
from votegame.web.room_views import RoomViews
from votegame.wire.handshake import PROTOCOL as SUBPROTOCOL

PROTOCOL = Path(__file__).parents[2] / "protocol"
EXAMPLES = {path.stem: json.loads(path.read_bytes()) for path in (PROTOCOL / "examples").glob("*.json")}
HTTP_EXAMPLES = sorted(name for name in EXAMPLES if name.startswith("http."))
SCHEMAS = {path.stem: json.loads(path.read_bytes()) for path in (PROTOCOL / "schemas").glob("*.json")}
OPENAPI = json.loads((PROTOCOL / "openapi.json").read_bytes())
ASYNCAPI = json.loads((PROTOCOL / "asyncapi.json").read_bytes())
REMEDY = "run `make protocol`, and commit what it writes"


def schema_of(example: str) -> dict:
    """The schema for an example: `notice.vote_update` for `notice.vote_update.progress`."""
    names = (example, example.rpartition(".")[0], example.split(".", maxsplit=1)[0])
    return SCHEMAS[next(name for name in names if name in SCHEMAS)]


def is_valid(schema: dict, value) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def found(document: dict, ref: str):
    """What a reference inside a document leads to; fails when there is nothing."""
    node = document
    for name in ref.removeprefix("#/").split("/"):
        node = node[name.replace("~1", "/")]
    return node


def refs(node) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(refs, node.values()))
    return set().union(*map(refs, node)) if isinstance(node, list) else set()


def test_generated_files_are_current():
    texts = generated(protocol_directory())
    assert stale(PROTOCOL, texts) == [], REMEDY
    for name, text in texts.items():
        assert (PROTOCOL / name).read_text(encoding="utf-8") == text, f"protocol/{name} is not current: {REMEDY}"


def test_the_command_writes_what_is_current_and_removes_what_is_gone(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(PROTOCOL / "examples")
    for name in ("settings", "limits", "errors"):
        (tmp_path / f"{name}.json").write_bytes((PROTOCOL / f"{name}.json").read_bytes())
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "command.dance.json").write_text("{}")

    monkeypatch.setattr(sys, "argv", ["votegame.spec", str(tmp_path)])
    runpy.run_module("votegame.spec", run_name="__main__")

    for name, text in generated(PROTOCOL).items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    assert not (tmp_path / "schemas" / "command.dance.json").exists()


def test_there_is_a_schema_for_every_kind_of_frame():
    assert set(SCHEMAS) == set(kinds.documents())


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_valid_and_stand_alone(name):
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["$id"] == f"{name}.json"
    for ref in refs(schema):
        assert found(schema, ref)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_says_what_it_means(name):
    schema = SCHEMAS[name]
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part.get("description") or "oneOf" in part, part
        for field, described in part.get("properties", {}).items():
            assert described.get("description") or found(schema, described["$ref"])["description"], field


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - set(HTTP_EXAMPLES)))
def test_examples_are_valid_by_their_schemas(name):
    jsonschema.Draft202012Validator(schema_of(name)).validate(EXAMPLES[name])


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - set(HTTP_EXAMPLES)))
def test_schemas_refuse_examples_that_lack_a_field(name):
    required = set(EXAMPLES[name]) - {"settings", "field", "reason", "phase", "retry_after", "can_watch"}
    for field in required:
        rest = {key: value for key, value in EXAMPLES[name].items() if key != field}
        assert not is_valid(schema_of(name), rest), field


def test_what_may_grow_may_grow():
    event = EXAMPLES["event.room_closed"]
    assert is_valid(SCHEMAS["event.room_closed"], {**event, "reason": "fire", "since": "v1.1"})
    assert is_valid(SCHEMAS["error"], {**EXAMPLES["error.bad_json"], "code": "new_code"})
    command = EXAMPLES["command.update_settings"]
    assert is_valid(SCHEMAS["command.update_settings"], {**command, "surprise": 1})
    assert not is_valid(SCHEMAS["command.update_settings"], {**command, "settings": {"surprise": 1}})


def test_the_openapi_document_is_valid():
    openapi_spec_validator.validate(OPENAPI)


def test_the_openapi_document_has_the_routes_of_the_views_and_no_others():
    health = HealthViews(doorman=None, metrics=None, metrics_token="", obstacles=list)
    views = [AuthViews(*[None] * 4), RoomViews(*[None] * 5), health]
    routes = {(re.sub(r":[^}]+", "", route.path), route.method.lower()) for view in views for route in view.routes()}

    assert {(path, method) for path, item in OPENAPI["paths"].items() for method in item} == routes


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for item in OPENAPI["paths"].values() for operation in item.values()]

    assert len(set(names)) == len(names) == len(CALLS)


def test_every_part_of_the_openapi_document_is_used():
    kept = {f"#/components/{kind}/{name}" for kind in ("schemas", "examples") for name in OPENAPI["components"][kind]}

    assert kept <= refs(OPENAPI)


def template(path: str) -> str:
    """The path in the OpenAPI document that `path` is one of."""
    return next(each for each in OPENAPI["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path))


@pytest.mark.parametrize("name", HTTP_EXAMPLES)
def test_examples_of_calls_are_as_the_table_says(name):
    request, response = EXAMPLES[name]["request"], EXAMPLES[name]["response"]
    kind = "application/json" if response["status"] < 400 else "application/problem+json"
    body = msgspec.json.encode(response["body"])
    check_answer(request["method"], request["path"], status=response["status"], content_type=kind, body=body)

    operation = OPENAPI["paths"][template(request["path"])][request["method"].lower()]
    shown = operation["responses"][str(response["status"])]["content"][kind]["schema"]
    assert is_valid({"components": OPENAPI["components"], **shown}, response["body"])
    assert ("requestBody" in operation) == ("body" in request)
    if "body" in request:
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        assert is_valid({"components": OPENAPI["components"], **asked}, request["body"])


def test_bodies_have_what_is_neither_in_the_path_nor_in_a_header():
    def fields(path: str) -> set[str]:
        schema = OPENAPI["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        return set(schema["properties"])

    assert fields("/api/game/rounds/{round_id}/answer") == {"answer"}
    assert fields("/api/game/rounds/{round_id}/vote") == {"answer_id"}
    assert fields("/api/rooms/join") == {"room_code", "role"}
    assert fields("/api/rooms") == {"settings"}


def test_the_asyncapi_document_has_every_frame_in_its_channel():
    channel = ASYNCAPI["channels"]["ws"]

    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert '"discriminator": {' not in (PROTOCOL / "asyncapi.json").read_text()
    assert channel["address"] == "/ws"
    assert set(channel["messages"]) == set(ASYNCAPI["components"]["messages"]) == set(kinds.frames())
    assert channel["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]["const"] == SUBPROTOCOL


def test_references_in_the_asyncapi_document_lead_somewhere():
    for ref in refs(ASYNCAPI):
        assert found(ASYNCAPI, ref)


def test_the_server_receives_every_command_and_answers_with_its_ok_or_an_error():
    operations = ASYNCAPI["operations"]
    commands = {name.removeprefix("command.") for name in kinds.commands()}
    assert {name for name, operation in operations.items() if operation["action"] == "receive"} == commands
    for name in commands:
        replies = {ref["$ref"].rpartition("/")[2] for ref in operations[name]["reply"]["messages"]}
        assert replies == {f"ok.{name}", "error"}
    told = {ref["$ref"].rpartition("/")[2] for ref in operations["tell"]["messages"]}
    assert told == set(kinds.told())


def test_payloads_of_the_asyncapi_document_take_their_examples():
    for message in ASYNCAPI["components"]["messages"].values():
        for example in message["examples"]:
            assert is_valid({"components": ASYNCAPI["components"], **message["payload"]}, example["payload"])


def test_room_codes_as_a_hint_are_those_that_are_taken():
    pattern = ASYNCAPI["channels"]["ws"]["bindings"]["ws"]["query"]["properties"]["room"]["pattern"]

    assert re.fullmatch(pattern, "ABC234")
    assert re.fullmatch(pattern, "abc-234")
