"""What leaves over the links of a node, and what is made of what comes."""

import asyncio

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.fakes import LoopClock
from tests.unit.cluster.links_kit import End
from tests.unit.rooms.table import settle
from votegame.cluster.envelope import CloseSockets, Detached, Missed, NotHere, Published, Replied, ResumedRoom, Sealer
from votegame.cluster.lease import LEASE_MS, HeldLease
from votegame.cluster.link import DOWN_SECONDS, QUEUE_BYTES
from votegame.cluster.links import BEAT_SECONDS, LINKS, Links

pytestmark = pytest.mark.looptime

FRAME = msgspec.Raw(b"{}")
GONE = NotHere(room_code="ABC234")
CLOSED = CloseSockets(room_code="ABC234", close_code=1012)
EVENT = Published(room_code="ABC234", frame=FRAME, seq=4)
NOTICE = Published(room_code="ABC234", frame=FRAME)
KEPT = Replied(room_code="ABC234", token=1, connection_id="c", frame=FRAME, durable=True)
READ = Replied(room_code="ABC234", token=1, connection_id="c", frame=FRAME, durable=False)
CAUGHT_UP = ResumedRoom(room_code="ABC234", ref=1, missed=[])
LEFT = Detached(room_code="ABC234", user_id=None)


@pytest.fixture
async def end():
    end = End()
    yield end
    await end.links.stop()


class TestSending:
    async def test_what_is_said_in_one_turn_leaves_in_one_envelope_for_each_node(self, end):
        end.start()
        one, other = end.far(), end.far()
        end.links.send(one.node_id, GONE)
        end.links.send(other.node_id, EVENT)
        end.links.send(one.node_id, CLOSED)
        await settle()
        assert [list(envelope.messages) for envelope in one.envelopes] == [[GONE, CLOSED]]
        assert other.got == [EVENT]
        assert len(end.bus.published) == 1
        assert end.counts["sent"] == 3

    async def test_envelopes_name_both_ends_and_how_long_the_lease_runs(self, end):
        end.start()
        far = end.far()
        end.links.send(far.node_id, GONE)
        await settle()
        (envelope,) = far.envelopes
        assert (envelope.sender, envelope.receiver, envelope.number) == (end.node_id, far.node_id, 1)
        # What is left of the lease is a float: its milliseconds may come out as one less.
        assert envelope.until_ms - end.clock.now_ms() in {2_499, 2_500}

    async def test_without_a_lease_what_is_true_now_has_no_time_left(self, end):
        end.start()
        far = end.far()
        await asyncio.sleep(3)
        far.forget()
        end.links.send(far.node_id, GONE)
        await settle()
        assert far.envelopes[-1].until_ms == end.clock.now_ms()

    async def test_what_waits_is_sent_before_the_end(self, end):
        end.start()
        far = end.far()
        end.links.send(far.node_id, GONE)
        await end.links.stop()
        assert far.got == [GONE]

    async def test_the_end_waits_for_no_bus(self, end):
        end.start()
        end.bus.waits = 60.0
        end.links.send(end.far().node_id, GONE)
        before = end.clock.seconds()
        await end.links.stop()
        assert end.clock.seconds() - before <= 1.0
        end.bus.waits = 0.0

    @pytest.mark.parametrize("fault", ["away", "nobody"])
    async def test_when_it_may_be_lost_an_epoch_begins_and_the_other_node_is_asked_again(self, end, fault):
        end.start()
        far = end.far()
        end.links.send(far.node_id, GONE)
        await settle()
        end.bus.faults = [fault]
        end.links.send(far.node_id, CLOSED)
        await settle()
        # Nothing leaves before: it would come out of its order.
        end.links.send(far.node_id, EVENT)
        await settle()
        assert far.got == [GONE]
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert end.listener.names == ["resync"]
        end.links.send(far.node_id, CLOSED)
        await settle()
        assert far.got == [GONE, CLOSED]
        assert [epoch for epoch, _ in far.places] == [0, 1, 1][: len(far.places)]
        assert far.places[1] == (1, 1)

    async def test_a_node_that_is_not_there_does_not_spoil_the_links_to_others(self, end):
        end.start()
        one, other = end.far(), end.far()
        publish = end.bus.publish

        async def to_one(batch):
            await publish([each for each in batch if each[0] == one.node_id])
            return [node_id == one.node_id for node_id, _ in batch]

        end.bus.publish = to_one
        end.links.send(other.node_id, GONE)
        end.links.send(one.node_id, GONE)
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert end.listener.heard == [("resync", other.node_id)]
        assert one.places[:2] == [(0, 1), (0, 2)]

    async def test_a_queue_that_is_too_full_is_thrown_away_and_asked_for_again(self, end):
        end.start()
        far = end.far()
        large = msgspec.structs.replace(EVENT, frame=msgspec.Raw(b'"%s"' % (b"x" * 1_000_000)))
        for _ in range(QUEUE_BYTES // 1_000_000 + 1):
            end.links.send(far.node_id, large)
        end.links.send(far.node_id, GONE)
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert far.got == []
        assert end.listener.names == ["resync"]

    async def test_more_than_an_envelope_holds_leaves_in_several_in_order(self, end):
        end.start()
        far = end.far()
        text = msgspec.Raw(b'"%s"' % (b"x" * 1_500_000))
        events = [msgspec.structs.replace(EVENT, seq=seq, frame=text) for seq in range(1, 6)]
        for event in events:
            end.links.send(far.node_id, event)
        await settle()
        assert [message.seq for message in far.got] == [1, 2, 3, 4, 5]
        assert far.places == [(0, 1), (0, 2), (0, 3)]

    async def test_a_bug_of_the_bus_ends_nothing(self, end):
        end.start()
        far = end.far()
        end.bus.faults = ["bug"]
        end.links.send(far.node_id, GONE)
        await settle()
        end.links.send(far.node_id, CLOSED)
        await settle()
        # The number that is missing tells the other node.
        assert [(envelope.number, list(envelope.messages)) for envelope in far.envelopes] == [(2, [CLOSED])]

    async def test_there_is_a_bound_on_links(self, end):
        end.start()
        peers = [f"node {number}" for number in range(LINKS + 1)]
        for peer in peers:
            end.links.send(peer, GONE)
        await settle()
        reached = [node_id for batch in end.bus.published for node_id, _ in batch]
        assert reached == peers[:LINKS]


class TestReceiving:
    async def test_messages_are_taken_in_their_order(self, end):
        end.start()
        far = end.far()
        far.send(KEPT, EVENT)
        far.send(NOTICE, READ, LEFT)
        taken = [message for name, *_, message in end.listener.heard if name == "take"]
        assert taken == [KEPT, EVENT, NOTICE, READ, LEFT]
        assert end.counts["received"] == 5

    async def test_a_bug_that_a_message_meets_loses_no_other(self, end, monkeypatch):
        end.start()
        far = end.far()
        far.send(EVENT)

        def bug(_sender, _message):
            raise RuntimeError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(end.listener, "take", bug)
            far.send(NOTICE, KEPT)
        far.send(LEFT)
        assert end.listener.names == ["take"], "what comes behind a gap is of no use"
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert Missed(epoch=1) in far.got
        far.begin_anew()
        far.send(KEPT)
        assert end.listener.names == ["take", "resync", "take"]

    async def test_a_bug_that_a_message_meets_keeps_back_that_room_and_no_other(self, end, monkeypatch):
        end.start()
        far = end.far()
        elsewhere = NotHere(room_code="XYZ789")
        taken = []

        def take(_sender, message):
            if message.room_code == "ABC234":
                raise RuntimeError("a bug")
            taken.append(message)

        monkeypatch.setattr(end.listener, "take", take)
        far.send(EVENT, elsewhere, KEPT)
        assert taken == [elsewhere]
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert far.of(Missed) == [Missed(epoch=1)]

    async def test_a_bug_that_is_met_each_time_is_not_asked_for_as_fast_as_the_bus_can(self, end, monkeypatch):
        end.start()
        far = end.far()

        def bug(_sender, _message):
            raise RuntimeError("a bug")

        monkeypatch.setattr(end.listener, "take", bug)
        far.send(EVENT)
        for _ in range(100):
            await asyncio.sleep(BEAT_SECONDS / 25)
            if far.of(Missed):
                far.forget()
                far.begin_anew()
            far.send(EVENT)
        assert end.counts["lost"] > 50
        assert far.epoch in range(4, 7)

    async def test_nor_is_it_when_the_envelope_is_late_as_well(self, end, monkeypatch):
        end.start()
        far = end.far()
        monkeypatch.setattr(end.listener, "take", _raise)
        far.send(EVENT, NOTICE, late=True)
        await settle()
        assert far.got == []
        await asyncio.sleep(BEAT_SECONDS + 0.01)
        assert far.of(Missed) == [Missed(epoch=1)]

    async def test_who_begins_anew_is_asked_again_before_what_it_says_is_taken(self, end):
        end.start()
        far = end.far()
        far.send(EVENT)
        far.begin_anew()
        far.send(KEPT)
        assert end.listener.names == ["take", "resync", "take"]

    async def test_a_gap_is_told_until_the_other_node_begins_anew(self, end):
        end.start()
        far = end.far()
        far.send(EVENT)
        far.lose(EVENT)
        far.send(EVENT)
        far.send(EVENT)
        await settle()
        assert far.got == [Missed(epoch=1)] * 2
        await asyncio.sleep(BEAT_SECONDS * 2 + 0.01)
        assert far.got[2:] == [Missed(epoch=1)] * 2
        far.forget()
        far.begin_anew()
        far.send(EVENT)
        await asyncio.sleep(BEAT_SECONDS * 2 + 0.01)
        assert far.got == []
        assert end.listener.names == ["take", "resync", "take"]

    async def test_what_is_for_several_goes_to_each_in_its_order(self, end):
        end.start()
        one, two = end.far(), end.far()
        end.links.send(two.node_id, KEPT)
        end.links.send_all([one.node_id, two.node_id], EVENT)
        await settle()
        assert (one.got, two.got) == ([EVENT], [KEPT, EVENT])

    async def test_what_comes_twice_is_taken_once(self, end):
        end.start()
        far = end.far()
        data = far.sealed(EVENT)
        end.links.received(data)
        end.links.received(data)
        assert end.listener.names == ["take"]
        assert end.counts["lost"] == 1

    async def test_who_says_that_something_was_missed_is_answered_by_a_new_epoch(self, end):
        end.start()
        far = end.far()
        end.links.send(far.node_id, EVENT)
        await settle()
        epoch = far.envelopes[0].epoch
        far.send(Missed(epoch=epoch))
        await settle()
        assert end.listener.names == ["resync"]
        assert far.places == [(0, 1), (1, 1)]
        # Said once more of what is over already.
        far.send(Missed(epoch=epoch))
        await settle()
        assert end.listener.names == ["resync"]

    @pytest.mark.parametrize("message", [NOTICE, READ, CAUGHT_UP])
    async def test_what_was_true_is_not_told_when_the_lease_of_who_says_it_is_over(self, end, message):
        end.start()
        far = end.far()
        far.send(EVENT, message, EVENT, late=True)
        assert [message for *_, message in end.listener.heard] == [EVENT]
        await settle()
        assert far.got == [Missed(epoch=1)]
        # Nor is anything that comes after it, until that node has begun anew.
        far.send(EVENT)
        assert end.listener.names == ["take"]

    async def test_nor_when_that_lease_is_from_before_the_database_s_clock_was_set_back(self, end):
        end.start()
        far = end.far()
        far.send(NOTICE, left_ms=2 * LEASE_MS + 1)
        assert end.listener.heard == []

    @pytest.mark.parametrize("message", [EVENT, KEPT, LEFT, CLOSED, GONE])
    async def test_what_is_kept_may_be_told_late(self, end, message):
        end.start()
        far = end.far()
        far.send(message, late=True)
        assert end.listener.heard == [("take", far.node_id, message)]

    async def test_what_is_not_for_this_node_or_not_of_another_is_refused(self, end):
        end.start()
        far = end.far()
        sealed = far.sealed(EVENT)
        refused = [
            b"",
            b"{}",
            sealed[:-1],
            sealed[:-1] + b" ",
            far.sealed(EVENT, key=b"x" * 32),
            far.sealed(EVENT, receiver="someone else"),
            far.sealed(EVENT, sender=end.node_id),
        ]
        for data in refused:
            end.links.received(data)
        assert end.listener.heard == []
        assert end.counts == {"refused": len(refused)}

    async def test_an_envelope_of_a_later_version_is_refused(self, end, monkeypatch):
        end.start()
        far = end.far()
        monkeypatch.setattr("votegame.cluster.envelope.VERSION", 2)
        later = far.sealed(EVENT)
        assert Sealer(b"k" * 32).opened(later) is not None
        monkeypatch.undo()
        end.links.received(later)
        assert end.counts == {"refused": 1}

    async def test_nodes_beyond_the_bound_are_not_heard(self, end):
        end.start()
        for number in range(LINKS):
            end.links.send(f"node {number}", GONE)
        end.far().send(EVENT)
        assert end.listener.heard == []

    async def test_nothing_is_taken_before_the_start(self, end):
        end.far().send(EVENT)
        assert end.listener.heard == []


class TestWatching:
    @pytest.mark.parametrize("begin", [step / 97 for step in range(97)])
    async def test_a_link_in_use_is_never_silent_for_long(self, end, begin):
        # Wherever the loop's time stands: what is left after a quarter of a second is rounded up or down.
        await asyncio.sleep(begin)
        far = end.far()
        end.start()
        await asyncio.sleep(1.01)
        assert [(number, list(envelope.messages)) for number, envelope in enumerate(far.envelopes, 1)] == [
            (number, []) for number in range(1, len(far.envelopes) + 1)
        ]
        assert len(far.envelopes) == 4

    async def test_a_link_that_is_not_in_use_is(self, end):
        end.start()
        far = end.far()
        end.listener.sharing.clear()
        end.links.send(far.node_id, GONE)
        await asyncio.sleep(2)
        assert len(far.envelopes) == 1

    async def test_a_node_that_is_not_heard_is_called_down_again_and_again(self, end):
        end.start()
        far = end.far()
        far.send(EVENT)
        await asyncio.sleep(DOWN_SECONDS - 0.1)
        assert end.listener.names == ["take"]
        assert not end.links.is_down(far.node_id)
        await asyncio.sleep(1)
        assert end.listener.heard[1:] == [("down", far.node_id)] * len(end.listener.heard[1:])
        assert len(end.listener.heard) > 3
        assert end.links.is_down(far.node_id)
        far.send()
        assert not end.links.is_down(far.node_id)

    async def test_a_node_that_is_not_heard_is_told_of_once_a_minute_while_redis_is_there(self, end):
        end.start()
        far = end.far()
        with capture_logs() as logs:
            await settle()
            end.links.unsubscribed()
            await asyncio.sleep(30)
            assert logs == []
            end.links.subscribed()
            await asyncio.sleep(90)
        assert [(entry["event"], entry["peer"]) for entry in logs] == [
            ("nothing is heard of another node", far.node_id)
        ] * 2

    async def test_refused_messages_are_told_of_once_a_minute(self, end):
        end.start()
        far = end.far()
        end.listener.sharing.clear()
        with capture_logs() as logs:
            for _ in range(90):
                end.links.received(far.sealed(EVENT, key=b"x" * 32))
                await asyncio.sleep(1)
        assert [entry["event"] for entry in logs] == ["a message between nodes was refused"] * 2

    async def test_who_has_slept_calls_nobody_down_before_it_has_listened(self, end):
        end.start()
        far = end.far()
        far.send(EVENT)
        await asyncio.sleep(0.1)
        real, slept = end.clock.seconds, 60.0
        end.clock.seconds = lambda: real() + slept
        await asyncio.sleep(2)
        assert "down" not in end.listener.names
        await asyncio.sleep(DOWN_SECONDS)
        assert "down" in end.listener.names

    async def test_a_link_that_is_used_again_is_not_down_for_having_rested(self, end):
        end.start()
        far = end.far()
        far.send(EVENT)
        end.listener.sharing.clear()
        await asyncio.sleep(60)
        end.listener.sharing.add(far.node_id)
        await asyncio.sleep(1)
        assert end.listener.names == ["take"]
        await asyncio.sleep(DOWN_SECONDS)
        assert "down" in end.listener.names

    async def test_the_dead_are_forgotten(self, end):
        end.start()
        far = end.far()
        end.listener.sharing.clear()
        end.links.send(far.node_id, GONE)
        end.links.forget(far.node_id)
        await settle()
        assert far.got == []
        await asyncio.sleep(10)
        assert not end.links.is_down(far.node_id)

    async def test_one_who_is_forgotten_while_his_envelope_is_under_way_stays_so(self, end):
        end.start()
        far = end.far()
        end.listener.sharing.clear()
        end.bus.waits, end.bus.faults = 0.1, ["nobody"]
        end.links.send(far.node_id, GONE)
        await settle()
        end.links.forget(far.node_id)
        await asyncio.sleep(1)
        assert end.listener.heard == []

    async def test_it_knows_whether_the_bus_is_there(self, end):
        assert not end.links.is_subscribed
        end.start()
        await settle()
        assert end.links.is_subscribed
        await end.links.stop()
        assert not end.links.is_subscribed

    async def test_a_listener_that_raises_is_not_looked_at_for_the_last_time(self, end):
        end.start()
        far = end.far()
        end.listener.link_down = _raise
        await asyncio.sleep(DOWN_SECONDS + 1)
        far.forget()
        del end.listener.link_down
        await asyncio.sleep(1)
        assert "down" in end.listener.names

    async def test_a_bug_that_one_node_meets_keeps_no_link_to_another_from_being_looked_at(self, end):
        end.start()
        silent, heard = end.far(), end.far()
        end.listener.peers = lambda: [silent.node_id, heard.node_id]
        end.listener.link_down = end.listener.resync = _raise
        await asyncio.sleep(DOWN_SECONDS + 0.1)
        end.links.begin_anew(silent.node_id)
        heard.send()
        heard.lose()
        heard.send()
        await settle()
        for far in (silent, heard):
            far.forget()
        await asyncio.sleep(BEAT_SECONDS * 4)
        assert len(silent.envelopes) >= 3
        assert len(heard.of(Missed)) >= 3

    async def test_a_node_beyond_the_bound_is_not_looked_at(self, end):
        end.start()
        for number in range(LINKS):
            end.links.send(f"node {number}", GONE)
        far = end.far()
        await asyncio.sleep(DOWN_SECONDS + 1)
        assert far.got == []
        assert end.listener.heard == []


def _raise(*_args):
    raise RuntimeError("a bug")


class Carried:
    """One end of a link, whose envelopes are carried by hand; its own listener and bus."""

    def __init__(self, name, other):
        clock = LoopClock()
        self.links = Links(name, bus=self, sealer=Sealer(b"key"), clock=clock, lease=HeldLease(clock))
        self.links._listener = self
        self.other, self.sent, self.taken, self.resyncs = other, [], [], 0

    async def publish(self, batch):
        self.sent += [data for _, data in batch]
        return [True for _ in batch]

    def take(self, _sender, message):
        self.taken.append(message.room_code)

    def resync(self, _peer):
        self.resyncs += 1

    async def say(self, *rooms):
        """Publish what waits, and, each in an envelope of its own, something of these rooms."""
        for room in rooms:
            self.links.send(self.other, NotHere(room_code=room))
            await self.links._publish_once()
        await self.links._publish_once()
        sent, self.sent = self.sent, []
        return sent


async def carry(one, other):
    """Carry what waits in both directions, a few times."""
    for _ in range(6):
        to_other, to_one = await one.say(), await other.say()
        for data in to_other:
            other.links.received(data)
        for data in to_one:
            one.links.received(data)


async def test_a_link_that_has_lost_something_in_both_directions_at_once_begins_anew_in_both():
    """Each then takes nothing more of the other's epoch: that something is missing must get through all the same."""
    here, there = Carried("here", "there"), Carried("there", "here")
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA2"):
            peer.links.received(data)
    lost = [*await here.say("AAAAA3"), *await there.say("AAAAA3")]
    assert len(lost) == 2
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA4"):
            peer.links.received(data)
    await carry(here, there)
    assert (here.resyncs, there.resyncs) >= (1, 1)
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA5"):
            peer.links.received(data)
    assert here.taken == there.taken == ["AAAAA2", "AAAAA5"]
    assert not await here.say()
    assert not await there.say()
