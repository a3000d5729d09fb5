import msgspec
import pytest

from tests.fakes import a_bank
from votegame.game.house import House
from votegame.settings import Settings
from votegame.settings.derived import house_of, limits_of
from votegame.wire.limits import Limits

OF_THE_PROTOCOL = {"id_chars", "answer_chars", "name_chars", "server_frame_bytes"}
"""Or follow from others; these no setting changes."""


def test_what_is_not_set_is_as_the_protocol_says():
    bank = a_bank()
    default = House(bank=bank)
    assert house_of(Settings(), bank, has_moderation=False) == msgspec.structs.replace(
        default, max_members=Settings().max_members
    )
    for name in ("answer_chars", "command_burst"):
        assert getattr(limits_of(Settings()), name) == getattr(Limits(), name)


@pytest.mark.parametrize(("rate_limits", "is_bounded"), [("on", True), ("off", False)])
def test_how_often_in_ten_minutes_is_a_limit_per_time(rate_limits, is_bounded):
    house = house_of(Settings(rate_limits=rate_limits), a_bank(), has_moderation=False)
    assert (house.most_remembered < 1_000) == is_bounded


def test_every_limit_that_an_operator_may_change_is_told_as_he_set_it():
    defaults = Settings()
    changed = {name: getattr(defaults, name) + 1 for name in Limits.__struct_fields__ if name not in OF_THE_PROTOCOL}
    limits = limits_of(Settings(**changed))
    assert {name: getattr(limits, name) for name in changed} == changed


def test_numbers_without_a_fraction_are_told_without_a_point():
    told = msgspec.json.decode(msgspec.json.encode(limits_of(Settings(reply_seconds=7.0))))
    assert isinstance(told["reply_seconds"], int)
