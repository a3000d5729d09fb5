"""The AsyncAPI 3.0 document: the WebSocket with everything that is said on it, in one file that needs no other.

It describes the server, as AsyncAPI wants it: the server receives commands, and sends replies, events and notices.
"""

from typing import Any, Final

from votegame import __version__
from votegame.spec import kinds
from votegame.spec.components import Schema, components
from votegame.spec.sources import Sources
from votegame.wire.handshake import PROTOCOL

_REF: Final = "#/components/schemas/{name}"
_CHANNEL: Final = {"$ref": "#/channels/ws"}
_CODE: Final = "^[23456789A-HJ-NP-Za-hj-np-z -]+$"


def asyncapi(sources: Sources) -> Schema:
    """The document."""
    frames = kinds.frames()
    types = [kind for some in frames.values() for kind in some]
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {"ws": {**_WS, "messages": {name: _message_ref(name) for name in frames}}},
        "operations": _operations(),
        "components": {
            "messages": {name: _message(name, some, sources) for name, some in frames.items()},
            "schemas": components(types, sources, ref_template=_REF),
            "securitySchemes": _SECURITY,
        },
    }


def _message_ref(name: str) -> Schema:
    return {"$ref": f"#/components/messages/{name}"}


def _message(name: str, types: tuple[type, ...], sources: Sources) -> Schema:
    refs = [{"$ref": _REF.format(name=kind.__name__)} for kind in types]
    examples = [{"payload": example} for example in sources.examples_of(name)]
    has_id = name.startswith(("command.", "ok.", "error"))
    return {
        "name": name,
        "title": name,
        "summary": " Or: ".join((kind.__doc__ or "").splitlines()[0] for kind in types),
        **({"correlationId": {"location": "$message.payload#/id"}} if has_id else {}),
        "payload": refs[0] if len(refs) == 1 else {"oneOf": refs},
        **({"examples": examples} if examples else {}),
    }


def _operations() -> dict[str, Schema]:
    sent = {"action": "send", "channel": _CHANNEL}
    return {
        **{name.removeprefix("command."): _command(name) for name in kinds.commands()},
        "tell": {
            **sent,
            "summary": "What a connection is sent unasked: `welcome` first, then events and notices of its rooms.",
            "messages": [_in_channel(name) for name in kinds.told()],
        },
    }


def _command(name: str) -> Schema:
    ok = name.replace("command.", "ok.")
    return {
        "action": "receive",
        "channel": _CHANNEL,
        "messages": [_in_channel(name)],
        "reply": {"channel": _CHANNEL, "messages": [_in_channel(ok), _in_channel("error")]},
    }


def _in_channel(name: str) -> Schema:
    # A message of a channel is referred to through the channel.
    return {"$ref": f"#/channels/ws/messages/{name}"}


_INFO: Final[Schema] = {
    "title": "votegame",
    "version": __version__,
    "description": (
        "The WebSocket protocol of votegame, version 1. What the frames mean, and in which order they come, is told in "
        "v1.md. Clients ignore fields, events and notices that they do not know: within v1 the server only adds."
    ),
    "license": {"name": "MIT"},
}
_SECURED: Final = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("bearer", "cookie")]
_HOST: Final[Schema] = {
    "host": {"default": "localhost:8000", "description": "Host, and port if it is not the usual one."}
}
_SERVERS: Final[Schema] = {
    "plain": {
        "host": "{host}",
        "protocol": "ws",
        "description": "On one's own machine.",
        "variables": _HOST,
        "security": _SECURED,
    },
    "secure": {
        "host": "{host}",
        "protocol": "wss",
        "description": "Everywhere else.",
        "variables": _HOST,
        "security": _SECURED,
    },
}
_WS: Final[dict[str, Any]] = {
    "address": "/ws",
    "title": "The WebSocket",
    "description": "One text message is one JSON object. Everything of all rooms of a connection goes over it.",
    "bindings": {
        "ws": {
            "method": "GET",
            "query": {
                "type": "object",
                "properties": {
                    "room": {
                        "type": "string",
                        "pattern": _CODE,
                        "description": "The code of a room, as a hint for load balancers; never needed.",
                    },
                    "cookie": {
                        "type": "string",
                        "const": "no",
                        "description": "Has the server not look at the login cookie.",
                    },
                },
            },
            "headers": {
                "type": "object",
                "properties": {
                    "Sec-WebSocket-Protocol": {
                        "type": "string",
                        "const": PROTOCOL,
                        "description": "The version of the protocol; echoed when it is offered.",
                    }
                },
            },
            "bindingVersion": "0.1.0",
        }
    },
}
_SECURITY: Final[dict[str, Schema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": (
            "The token that a login over HTTP returns, in `Authorization`. Clients that cannot set headers send the "
            "command `authenticate` first."
        ),
    },
    "cookie": {
        "type": "httpApiKey",
        "in": "cookie",
        "name": "__Host-votegame",
        "description": "The login cookie of browsers; `votegame` where the server is reached over plain HTTP.",
    },
}
