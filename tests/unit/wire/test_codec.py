"""From text to commands, and to what is wrong with them (rows JSON, TYPE, SIZE, UNI)."""

import json
from math import isinf
from time import process_time
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.game import commands
from votegame.game.commands import AnyCommand
from votegame.game.room_settings import RoomSettings, SettingsPatch
from votegame.wire.codec import BadFrame, Codec, decode_object
from votegame.wire.limits import Limits

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
CODEC = Codec(Limits())

VALID = {
    "authenticate": {"token": "t"},
    "create_room": {},
    "join_room": {"room_code": "ABC234"},
    "leave_room": {"room_code": "ABC234"},
    "resume": {"room_code": "ABC234", "stream": UUID, "last_seq": 7},
    "update_settings": {"room_code": "ABC234", "settings": {"total_rounds": 5}},
    "start_game": {"room_code": "ABC234"},
    "submit_answer": {"room_code": "ABC234", "round_id": UUID, "answer": "an answer"},
    "start_voting": {"room_code": "ABC234", "round_id": UUID},
    "submit_vote": {"room_code": "ABC234", "round_id": UUID, "answer_id": UUID},
    "end_round": {"room_code": "ABC234", "round_id": UUID},
    "next_round": {"room_code": "ABC234"},
    "kick_player": {"room_code": "ABC234", "user_id": UUID},
    "lock_room": {"room_code": "ABC234"},
    "unlock_room": {"room_code": "ABC234"},
    "transfer_host": {"room_code": "ABC234", "user_id": UUID},
    "pause_game": {"room_code": "ABC234"},
    "resume_game": {"room_code": "ABC234"},
    "extend_phase": {"room_code": "ABC234", "round_id": UUID, "seconds": 30},
    "skip_question": {"room_code": "ABC234", "round_id": UUID},
    "play_again": {"room_code": "ABC234"},
    "react": {"room_code": "ABC234", "reaction": "applause"},
    "ping": {},
}


def message(name: str, **changes) -> dict:
    return {"type": name, "id": "1"} | VALID[name] | changes


def decoded(name: str, **changes):
    return CODEC.decode(json.dumps(message(name, **changes)))


FORGED = "a` - at `$.y"


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("react", {"reaction": FORGED}, "reaction"),
        ("react", {"reaction": " - at `$.x"}, "reaction"),
        ("join_room", {"role": FORGED}, "role"),
        ("create_room", {"settings": {"tone": FORGED}}, "settings.tone"),
        ("create_room", {"settings": {"x` - at `$.max_players": 1}}, "settings.x` - at `$.max_players"),
    ],
)
def test_what_is_quoted_of_a_frame_is_never_taken_for_the_field(name, changes, field):
    assert decoded(name, **changes).details["field"] == field


@pytest.mark.parametrize("language", ["de\n", "pt-BR\n", "d\n", "de\n\n", "de-\nAT"])
def test_a_language_has_no_line_break_anywhere(language):
    bad = decoded("create_room", settings={"language": language})
    assert (bad.code, bad.details["field"]) == (ErrorCode.BAD_MESSAGE, "settings.language")


@pytest.mark.parametrize("role", ["player", "spectator"])
def test_one_joins_as_a_player_or_as_a_spectator(role):
    assert decoded("join_room", role=role).role == role


@pytest.mark.parametrize("role", ["host", "Player", "\ud800", "", None, 1, ["player"]])
def test_there_is_no_other_role(role):
    assert field(decoded("join_room", role=role)) == "role"


def field(outcome) -> str:
    assert isinstance(outcome, BadFrame)
    assert outcome.code is ErrorCode.BAD_MESSAGE
    return outcome.details["field"]


@pytest.mark.parametrize("name", VALID)
def test_every_command_is_decoded(name):
    command = decoded(name)

    assert isinstance(command, commands.Command)
    assert (command.id, command.__struct_config__.tag) == ("1", name)
    assert CODEC.decode(json.dumps(message(name)).encode()) == command


def test_fields_come_in_their_normal_form():
    answer = decoded("submit_answer", room_code="abc-234", round_id=UUID.upper(), answer=" cafe\u0301 \n")
    vote = decoded("submit_vote", answer_id=UUID.upper())
    resume = decoded("resume", stream=UUID.upper())
    create = decoded("create_room", settings={"topic": " e\u0301 ", "max_players": 200, "results_seconds": 3})

    assert (answer.room_code, answer.round_id, answer.answer) == ("ABC234", UUID, "caf\u00e9")
    assert (vote.answer_id, resume.stream) == (UUID, UUID)
    assert create.settings == SettingsPatch(topic="\u00e9", max_players=200, results_seconds=3)


NOT_JSON = [
    "",
    " ",
    "\n",
    "{",
    "{}}",
    '{"type":}',
    '{"type":"ping","id":"1",}',
    "{'type':'ping'}",
    "{} // comment",
    "{}{}",
    '{"type":"ping","id":"1"}{"type":"ping","id":"1"}',
    '\ufeff{"type":"ping","id":"1"}',
    "[" * 16_000,
    '{"a":' * 3_000,
    '{"type":"ping","id":"a\tb"}',
    '{"type":"ping","id":"1","x":NaN}',
    "NaN",
    "-Infinity",
    "1e999",
    '{"type":"ping","id":"1","x":1e999}',
    '{"type":"ping","id":"1","x":-1E+400}',
    "[-1e999]",
    json.dumps(message("resume")).replace(": 7", ": 1e999"),
    '{"type":"ping","id":"1","x":1' + "0" * 250 + "e99}",
    '{"type":"ping","id":"1","x":[-' + "9" * 400 + ".0]}",
]


@pytest.mark.parametrize("text", NOT_JSON)
def test_what_is_not_json_is_bad_json(text):
    assert CODEC.decode(text) == BadFrame(ErrorCode.BAD_JSON)
    assert CODEC.decode(text.encode()) == BadFrame(ErrorCode.BAD_JSON)


@pytest.mark.parametrize("name", VALID)
def test_in_no_command_an_unknown_field_hides_what_is_not_json(name):
    text = json.dumps(message(name), separators=(",", ":"))

    assert CODEC.decode('{"x":1e999,' + text[1:]) == BadFrame(ErrorCode.BAD_JSON)
    assert CODEC.decode(text[:-1] + ',"x":1e999}') == BadFrame(ErrorCode.BAD_JSON)


def test_bytes_that_are_not_utf_8_are_bad_json():
    assert CODEC.decode(b'{"type":"ping","id":"\xff"}') == BadFrame(ErrorCode.BAD_JSON)
    assert CODEC.decode(b'{"type":"ping","id":"1","x":"\xff"}') == BadFrame(ErrorCode.BAD_JSON)


@pytest.mark.parametrize("text", ["[]", '"ping"', "1", "1.5", "null", "true", "9" * 5_000])
def test_what_is_not_an_object_is_bad_message_without_a_field(text):
    outcome = CODEC.decode(text)

    assert (field(outcome), outcome.command_id) == ("", None)


@pytest.mark.parametrize("bad", [None, 7, "", "x" * 65, {}, [], True, "a\x00", "a\x85", "\ud800"])
def test_without_a_usable_id_the_reply_has_none(bad):
    outcome = decoded("ping", id=bad)

    assert (field(outcome), outcome.command_id) == ("id", None)


def test_a_missing_id_comes_before_a_wrong_type():
    outcome = CODEC.decode('{"type":"nonsense"}')

    assert (field(outcome), outcome.command_id) == ("id", None)


@pytest.mark.parametrize("bad", [None, 7, [], {}])
def test_a_type_that_is_no_text_is_bad_message(bad):
    outcome = CODEC.decode(json.dumps({"id": "1", "type": bad}))

    assert (field(outcome), outcome.command_id) == ("type", "1")
    assert field(CODEC.decode('{"id":"1"}')) == "type"


@pytest.mark.parametrize("name", ["nonsense", "__init__", "welcome", "ok", "x" * 10_000, "\ud800", ""])
def test_unknown_types_are_repeated_but_not_at_length(name):
    outcome = CODEC.decode(json.dumps({"id": "1", "type": name}))

    assert (outcome.code, outcome.command_id) == (ErrorCode.UNKNOWN_TYPE, "1")
    assert outcome.details["command"] == name.encode("utf-8", "replace").decode()[:64]


@pytest.mark.parametrize(
    "bad", [7, [], None, {}, True, "ABC23", "ABC2345", "ABC_23", "x" * 1000, "ABC23\u0000", "\ud800BC234"]
)
def test_bad_room_codes_name_their_field(bad):
    assert field(decoded("join_room", room_code=bad)) == "room_code"


@pytest.mark.parametrize(
    "bad", ["", "x", f"{{{UUID}}}", UUID.replace("-", ""), f"urn:uuid:{UUID}", UUID + "\n", 7, None]
)
def test_only_canonical_uuids_are_taken(bad):
    assert field(decoded("end_round", round_id=bad)) == "round_id"
    assert field(decoded("submit_vote", answer_id=bad)) == "answer_id"
    assert field(decoded("resume", stream=bad)) == "stream"


@pytest.mark.parametrize(
    "bad", ["-1", "-0", "1.5", "1.0", "1E2", '"7"', "true", "null", str(2**53 + 1), str(2**64), "9" * 4_301]
)
def test_last_seq_is_an_integer_that_can_be_one(bad):
    text = json.dumps(message("resume")).replace('"last_seq": 7', f'"last_seq": {bad}')

    assert field(CODEC.decode(text)) == "last_seq"


def test_minus_zero_where_nobody_looks_does_no_harm_and_large_numbers_are_exact():
    text = json.dumps(message("resume"))

    assert CODEC.decode(text.replace('"last_seq": 7', '"last_seq": 0, "more": -0')).last_seq == 0
    assert CODEC.decode(text.replace('"last_seq": 7', f'"last_seq": {2**53}')).last_seq == 2**53


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (None, "settings"),
        ([], "settings"),
        ({"nonsense": 1}, "settings.nonsense"),
        ({"max_players": 1}, "settings.max_players"),
        ({"max_players": 201}, "settings.max_players"),
        ({"max_players": 2.5}, "settings.max_players"),
        ({"max_players": True}, "settings.max_players"),
        ({"max_players": "10"}, "settings.max_players"),
        ({"answer_seconds": 9}, "settings.answer_seconds"),
        ({"answer_seconds": 10**9}, "settings.answer_seconds"),
        ({"results_seconds": 2}, "settings.results_seconds"),
        ({"results_seconds": -1}, "settings.results_seconds"),
        ({"topic": "x" * 61}, "settings.topic"),
        ({"topic": "a\nb"}, "settings.topic"),
        ({"topic": "\ud800"}, "settings.topic"),
        ({"language": "e"}, "settings.language"),
        ({"vote_updates": "x"}, "settings.vote_updates"),
        ({"questions": None}, "settings.questions"),
        ({"questions": "Why?"}, "settings.questions"),
        ({"questions": [f"{n}?" for n in range(21)]}, "settings.questions"),
        ({"questions": ["Why?", 7]}, "settings.questions[1]"),
        ({"questions": ["Why?", " "]}, "settings.questions[1]"),
        ({"questions": ["x" * 121]}, "settings.questions[0]"),
        ({"questions": ["x" * 481]}, "settings.questions[0]"),
        ({"questions": ["a\u0000b"]}, "settings.questions[0]"),
        ({"questions": ["Why?", "\u200b"]}, "settings.questions[1]"),
        ({"questions": ["Why?", "\ud800"]}, "settings.questions[1]"),
        ({"questions": ["Why?", "Where?", "Why?"]}, "settings.questions[2]"),
        ({"questions": ["Who's a king?", "Whos the KING"]}, "settings.questions[1]"),
    ],
)
def test_bad_settings_name_their_path(settings, path):
    assert field(decoded("create_room", settings=settings)) == path
    assert field(decoded("update_settings", settings=settings)) == path


def test_own_questions_come_in_their_normal_form_and_order():
    given = ["Why\r\nnot?", " cafe\u0301? ", "\U0001f355?", "\U0001f354?", "x" * 120]
    own = decoded("update_settings", settings={"questions": given}).settings.questions
    assert own == ("Why\nnot?", "caf\u00e9?", "\U0001f355?", "\U0001f354?", "x" * 120)
    assert decoded("create_room", settings={"questions": []}).settings == SettingsPatch(questions=())


def test_the_most_and_longest_own_questions_fit_into_a_frame_with_all_other_settings_however_they_are_written():
    settings = {
        **msgspec.to_builtins(RoomSettings(topic="\u8336" * 60, language="x" * 35)),
        "questions": [chr(0x4E00 + n) * 120 for n in range(20)],
    }
    escaped = json.dumps(message("update_settings", id="\u8336" * 64, settings={**settings, "language": "en"}))
    assert len(escaped) < Limits().frame_bytes
    assert isinstance(CODEC.decode(escaped), commands.UpdateSettings)
    widest = [chr(0x20000 + n) * 120 for n in range(20)]
    plain = json.dumps(message("update_settings", settings={"questions": widest}), ensure_ascii=False).encode()
    assert len(plain) < Limits().frame_bytes
    assert isinstance(CODEC.decode(plain), commands.UpdateSettings)


def test_settings_that_change_nothing_are_settings():
    assert decoded("update_settings", settings={"results_seconds": 0}).settings == SettingsPatch(results_seconds=0)
    assert field(CODEC.decode('{"type":"update_settings","id":"1","room_code":"ABC234"}')) == "settings"


@pytest.mark.parametrize(
    "bad",
    [[], {}, 7, None, "", "  ", "x" * 281, "x" * 2000, "a\u0000b", "a\u202eb", "\u200b", "\ud800", "\udc00\ud800"],
)
def test_bad_answers_name_their_field(bad):
    outcome = decoded("submit_answer", answer=bad)

    assert (field(outcome), outcome.command_id) == ("answer", "1")


@pytest.mark.parametrize("bad", [None, 7, "", "Applause", " heart", "\ud800", ["fire"]])
def test_reactions_are_of_a_fixed_set(bad):
    assert field(decoded("react", reaction=bad)) == "reaction"


def test_a_swapped_pair_is_no_text_and_a_whole_pair_is():
    text = json.dumps(message("submit_answer", answer="ANSWER"))

    assert field(CODEC.decode(text.replace("ANSWER", r"\udc00\ud800"))) == "answer"
    assert CODEC.decode(text.replace("ANSWER", r"\ud83d\ude00")).answer == "\U0001f600"


def test_unknown_fields_are_ignored_whatever_they_hold():
    plain = decoded("ping")

    assert decoded("ping", score=7, user_id="x", deep=[[[[{}]]]]) == plain
    assert decoded("ping", x="\ud800") == plain
    assert CODEC.decode('{"type":"ping","id":"1","x":1e308}') == plain
    assert CODEC.decode('{"type":"ping","id":"1","x":[' + "9" * 5_000 + "]}") == plain
    assert CODEC.decode('{"type":"ping","id":"1","x":%s}' % ("[" * 16 + "]" * 16)) == plain


def test_of_equal_names_the_last_one_counts():
    twice = '{"type":"ping","type":"join_room","id":"0","id":"1","room_code":"XXXXXX","room_code":"ABC234"}'

    assert CODEC.decode(twice) == decoded("join_room")
    assert CODEC.decode('{"type":"join_room","id":"1","type":"ping"}') == decoded("ping")


def test_what_is_said_of_bad_fields_is_short_and_clean():
    outcome = decoded("create_room", settings={"x" * 5_000 + "\ud800": 1, "vote_updates": "\ud800"})
    long_key = decoded("create_room", settings={"x" * 5_000: 1})

    json.dumps(outcome.details).encode()
    assert len(long_key.details["field"]) <= 80
    assert len(long_key.details["reason"]) <= 200


def test_limits_of_the_operator_hold():
    codec = Codec(Limits(answer_chars=5, max_players=4, id_chars=8))

    assert field(codec.decode(json.dumps(message("submit_answer", answer="123456")))) == "answer"
    assert (
        field(codec.decode(json.dumps(message("create_room", settings={"max_players": 5})))) == "settings.max_players"
    )
    assert field(codec.decode(json.dumps(message("ping", id="123456789")))) == "id"


def test_answers_are_checked_only_where_there_is_a_moderator():
    def asked(codec, how):
        return codec.decode(json.dumps(message("create_room", settings={"moderation": how})))

    assert field(asked(CODEC, "on")) == "settings.moderation"
    assert asked(CODEC, "off").settings.moderation == "off"
    assert asked(Codec(Limits(), has_moderation=True), "on").settings.moderation == "on"
    assert field(asked(CODEC, "perhaps")) == "settings.moderation"


def test_before_login_only_authenticate_counts():
    def outcome(**fields):
        return CODEC.decode_before_login(json.dumps(fields))

    unauthenticated = BadFrame(ErrorCode.UNAUTHENTICATED, "1")
    assert outcome(**message("authenticate")) == commands.Authenticate(id="1", token="t")
    assert outcome(**message("ping")) == unauthenticated
    assert outcome(**message("join_room", room_code=7)) == unauthenticated
    assert outcome(**message("submit_answer", answer="")) == unauthenticated
    assert outcome(**message("ping", id=None)) == BadFrame(ErrorCode.UNAUTHENTICATED)
    assert field(outcome(**message("authenticate", token=""))) == "token"
    assert outcome(type="nonsense", id="1").code is ErrorCode.UNKNOWN_TYPE
    assert CODEC.decode_before_login("{").code is ErrorCode.BAD_JSON


ODD = "aA1-{ \0\n\u0301\ud800\u202e\U0001f600"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ODD, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(ODD, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_without_an_exception(data):
    CODEC.decode(data)
    CODEC.decode_before_login(data)


@given(st.text(ODD + '"\\:,[]}eE.+u', max_size=200))
def test_any_text_is_decoded_without_an_exception(data):
    CODEC.decode(data)


digits = st.builds(lambda digit, count: digit * count, st.sampled_from("019"), st.integers(0, 450))
exponents = st.sampled_from(["", "e", "E+", "e-", "e0"])


@given(head=st.sampled_from(["1", "-7"]), more=digits, part=digits, exponent=exponents, power=st.integers(0, 10**4))
def test_a_number_in_an_unknown_field_is_json_or_not_whoever_reads_it(head, more, part, exponent, power):
    number = head + more + (f".{part}" if part else "") + (f"{exponent}{power}" if exponent else "")
    is_json = number.lstrip("-").isdigit() or not isinf(float(number))
    expected = commands.Ping(id="1") if is_json else BadFrame(ErrorCode.BAD_JSON)

    assert CODEC.decode(f'{{"type":"ping","id":"1","x":{number}}}') == expected
    assert CODEC.decode(f'{{"type":"ping","id":"1","x":[ {number}]}}') == expected
    assert (decode_object(f'{{"display_name":"","x":{number}}}'.encode(), Entry) == Entry("")) is is_json


known_fields = st.sampled_from(
    ["id", "room_code", "role", "settings", "answer", "round_id", "stream", "last_seq", "token", "reaction", "type"]
)


@given(name=st.sampled_from(sorted(VALID)), changes=st.dictionaries(known_fields, json_values, max_size=3))
def test_any_values_in_known_fields_give_a_command_or_a_reason(name, changes):
    outcome = CODEC.decode(json.dumps(message(name) | changes))

    assert isinstance(outcome, BadFrame | commands.Command)
    if isinstance(outcome, BadFrame):
        json.dumps(dict(outcome.details), ensure_ascii=False).encode()
    else:
        assert CODEC.decode(msgspec.json.encode(outcome)) == outcome


bodies = st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode())


@given(known=st.sampled_from(get_args(AnyCommand)), body=bodies, key=st.text(ODD, max_size=70))
def test_any_body_is_a_command_of_its_route_or_refused(known, body, key):
    fields = VALID[known.__struct_config__.tag] | {"id": key}
    outcome = CODEC.decode_body(body, known, fields, whole="settings")

    assert isinstance(outcome, BadFrame | known)
    assert isinstance(outcome, BadFrame) or outcome.id == key


def ping(more: str) -> str:
    return f'{{"type":"ping","id":"1","x":{more}}}'


DEAR = {
    "digits": ping("9" * 16_000),
    "a small number in many digits": '{"type":"ping","id":"1","x":%se-15900}' % ("9" * 15_900),
    "many long numbers": ping("[" + ",".join(["9" * 250 + "e-249"] * 60) + "]"),
    "places where a number may begin": ping('"' + ":1.1.1" * 2_600 + '"'),
    "depth": ping("[" * 16_000),
    "objects in objects": ping('{"":' * 4_000),
    "escapes": ping('"' + r"\ud800" * 2_600 + '"'),
    "a long id": '{"type":"ping","id":"' + "\u0301" * 8_000 + '"}',
    "a long type": '{"id":"1","type":"' + "\u0301" * 8_000 + '"}',
    "marks": json.dumps(message("submit_answer", answer="a" + "\u0301\u0316" * 250), ensure_ascii=False),
    "hardly any names": ping("0" + ',"":0' * 3_000),
    "words of the decoder": json.dumps(message("react", reaction="contains unknown field `" * 650)),
    "places": json.dumps(message("create_room", settings={"tone": " - at `$.y`" * 1_300})),
    "unknown settings": json.dumps(message("create_room", settings={f"x{n}": "\ud83d" for n in range(900)})),
}


@pytest.mark.parametrize("name", DEAR)
def test_no_frame_stalls_others(name):
    assert len(DEAR[name].encode()) <= 16_384
    costs = []
    for _ in range(3):
        start = process_time()
        CODEC.decode(DEAR[name])
        costs.append(process_time() - start)
    # The dearest takes a fortieth of it.
    assert min(costs) < 0.02


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (r'{"type":"create_room","id":"1","settings":{"\ud800":null}}', "settings."),
        (r'{"type":"create_room","id":"1","settings":{"topic":"\ud800"}}', "settings.topic"),
    ],
)
def test_a_lone_surrogate_in_the_name_or_the_value_of_a_setting_is_a_bad_field(text, field):
    outcome = CODEC.decode(text)
    assert (outcome.code, outcome.command_id) == (ErrorCode.BAD_MESSAGE, "1")
    assert outcome.details["field"].startswith(field)
    json.dumps(outcome.details).encode()


def test_a_lone_surrogate_in_the_name_of_an_unknown_field_is_ignored_with_it():
    assert CODEC.decode(r'{"type":"ping","id":"1","\ud800":1}') == commands.Ping(id="1")


class TestBodies:
    def test_a_body_is_a_command_by_its_route_and_what_the_path_says_wins(self):
        body = b'{"answer": " Tea ", "id": "x", "type": "ping", "room_code": "ZZZZZZ", "round_id": 7}'
        fields = {"id": "key", "room_code": "abc234", "round_id": UUID}
        assert CODEC.decode_body(body, commands.SubmitAnswer, fields) == commands.SubmitAnswer(
            id="key", room_code="ABC234", round_id=UUID, answer="Tea"
        )

    def test_no_body_is_an_empty_one(self):
        assert CODEC.decode_body(b"", commands.StartGame, {"id": "key", "room_code": "ABC234"}) == commands.StartGame(
            id="key", room_code="ABC234"
        )

    @pytest.mark.parametrize("body", [b'{"topic": "tea"}', b'{"settings": {"topic": "tea"}}'])
    def test_the_body_may_be_the_field_itself(self, body):
        fields = {"id": "key", "room_code": "ABC234"}
        command = CODEC.decode_body(body, commands.UpdateSettings, fields, whole="settings")
        assert command.settings == SettingsPatch(topic="tea")

    @pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"a": 1e999}', b"NaN"])
    def test_what_is_no_json_is_told_as_such(self, body):
        assert CODEC.decode_body(body, commands.StartGame, {"id": "key"}) == BadFrame(ErrorCode.BAD_JSON)

    def test_what_is_no_object_and_what_has_a_wrong_field_is_told(self):
        assert CODEC.decode_body(b"[]", commands.StartGame, {"id": "key"}).details["field"] == ""
        wrong = CODEC.decode_body(b"{}", commands.StartGame, {"id": "key"})
        assert (wrong.code, wrong.details["field"]) == (ErrorCode.BAD_MESSAGE, "room_code")
        assert CODEC.decode_body(b"{}", commands.StartGame, {"id": ""}).details["field"] == "id"


class Entry(Struct):
    display_name: str


class TestBodiesOfOtherShapes:
    def test_they_are_read_as_such_whatever_stands_beside(self):
        body = b'{"display_name": "Ada", "type": 1, "more": ["\\ud800", 9%s, 1.5e300]}' % (b"9" * 5_000)
        assert decode_object(body, Entry) == Entry("Ada")

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"display_name": "Ada", "a": 1e999}', b"[" * 100_000])
    def test_what_is_no_json_is_told_as_such(self, body):
        assert decode_object(body, Entry) == BadFrame(ErrorCode.BAD_JSON)

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            (b"[]", ""),
            (b"{}", "display_name"),
            (b'{"display_name": 5}', "display_name"),
            (b'{"display_name": "\\ud800"}', "display_name"),
            (b'{"display_name": 5, "more": %s}' % (b"9" * 5_000), "display_name"),
        ],
    )
    def test_the_wrong_field_is_named(self, body, name):
        assert field(decode_object(body, Entry)) == name

    @given(st.binary(max_size=200))
    def test_any_bytes_are_an_object_or_refused(self, data):
        decode_object(data, Entry)
