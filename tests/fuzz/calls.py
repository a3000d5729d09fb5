"""What is thrown at the HTTP API: requests by the published OpenAPI, whole and broken, on behalf of those in a room.

Tokens, codes and ids of answers are put in that somebody really has, since none would be guessed.
"""

import json
from typing import Any
from urllib.parse import quote

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from tests.fuzz.backdrop import Backdrop
from tests.fuzz.documented import PROTOCOL
from tests.strict import check_answer

# The others ask whether what fits the schema is taken, and what does not is refused: but no schema can say what is
# judged here as well, Unicode and the operator's limits, and a login or a room is asked for first.
MADE = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
SCHEMA = schemathesis.openapi.from_dict(json.loads((PROTOCOL / "openapi.json").read_text()))
OPERATIONS = {operation.label: operation for operation in (one.ok() for one in SCHEMA.get_all_operations())}
CALLERS = st.sampled_from(["host", "host", "guest", "outsider", "nobody", "forger", "as generated"])
NOBODY = "00000000-0000-4000-8000-000000000000"


def cases(label: str) -> st.SearchStrategy[Case]:
    """Requests of one operation, whole ones and broken ones."""
    return st.one_of([OPERATIONS[label].as_strategy(generation_mode=mode) for mode in GenerationMode])


class Caller:
    """A room with a host and a guest, who have answered, and an outsider; and a way to call for them."""

    def __init__(self, backdrop: Backdrop) -> None:
        self._backdrop = backdrop
        self._session = requests.Session()
        self._session.cookies.set_policy(_NoCookies())
        self._people = {name: self._guest(name) for name in ("host", "guest", "outsider")}
        self.room_code = self._call("host", "POST", "/api/rooms", {"settings": {"total_rounds": 20}})["room_code"]
        self._call("guest", "POST", "/api/rooms/join", {"room_code": self.room_code})
        self.round_id = self._call("host", "POST", f"/api/game/{self.room_code}/start")["round_id"]
        path = f"/api/game/rounds/{self.round_id}/answer"
        self.answer_id = self._call("guest", "POST", path, {"answer": "by the guest"})["answer_id"]

    def _guest(self, name: str) -> dict[str, Any]:
        return self._call("", "POST", "/api/auth/guest", {"display_name": name})

    def _call(self, name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._people[name]['token']}"} if name else {}
        answer = self._session.request(method, self._backdrop.url + path, json=body, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def call(self, case: Case, *, caller: str, of_path: str | None, in_body: bool) -> int:
        """Make this request, and hold the answer to what is documented; returns its status."""
        headers = case.headers if case.headers is not None else {}
        if caller in self._people:
            headers["Authorization"] = f"Bearer {self._people[caller]['token']}"
        elif caller == "forger":
            headers["Authorization"] = f"Bearer {self._people['host']['token'][:-3]}AAA"
        elif caller == "nobody":
            headers.pop("Authorization", None)
        case.headers = headers
        if of_path is not None:
            self._put_into_path(case.path_parameters, of_path)
        if in_body and isinstance(case.body, dict):
            known = {
                "room_code": self.room_code,
                "answer_id": self.answer_id,
                "user_id": self._people["guest"]["user"]["id"],
            }
            case.body |= {name: value for name, value in known.items() if name in case.body}
        answer = case.call(base_url=self._backdrop.url, session=self._session, timeout=10)
        case.validate_response(answer, checks=[CHECKS.get_one(name) for name in MADE])
        check_answer(
            case.method,
            case.path,
            status=answer.status_code,
            content_type=answer.headers.get("content-type", [""])[0].partition(";")[0],
            body=answer.content,
        )
        return answer.status_code

    def _put_into_path(self, parameters: dict[str, Any], of_path: str) -> None:
        foreign = self._backdrop.look()
        codes = {
            "own": self.room_code,
            "foreign": foreign["room"],
            "written otherwise": f"{self.room_code.lower()[:3]}-{self.room_code[3:].lower()}",
        }
        rounds = {
            "own": self.round_id,
            "foreign": foreign["round"] or NOBODY,
            "written otherwise": self.round_id.upper(),
        }
        for name, values in (("code", codes), ("round_id", rounds)):
            if name in parameters:
                parameters[name] = quote(values[of_path])


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):
    """Who one is, is told by each request."""

    def set_ok(self, *_args: Any) -> bool:
        return False
