"""That a room is ours: how its actor gets it into memory, and gives it back."""

import structlog

from votegame.errors import StoreError
from votegame.ids import NodeId, RoomCode, RoomId
from votegame.rooms.environment import Environment
from votegame.rooms.opening import NotNow, Outcome, open_room
from votegame.rooms.ports import Claim

log = structlog.get_logger(__name__)


class Ownership:
    """The claim of one actor on its room, from the first until it is given back."""

    def __init__(self, env: Environment, room_code: RoomCode) -> None:
        self._env = env
        self._room_code = room_code
        self._claim: Claim | None = None
        self._must_claim_anew = False

    @property
    def room_id(self) -> RoomId | None:
        """The room that is ours, or was; None when it never was, or was handed over."""
        return None if self._claim is None else self._claim.room_id

    def begin_with(self, claim: Claim) -> None:
        """The room was loaded, or made, under `claim`."""
        self._claim = claim

    def distrust(self) -> None:
        """The lease has lapsed: what was claimed before, and is only now being loaded, may not be ours."""
        self._must_claim_anew = True

    async def open(self, claim: Claim | None) -> Outcome:
        """Claim the room, unless it was claimed already, and load it."""
        opened = await open_room(self._env, self._room_code, claim)
        while self._must_claim_anew:
            self._must_claim_anew = False
            opened = await open_room(self._env, self._room_code, None)
        if isinstance(opened, NotNow):
            self._claim = opened.claim
        return opened

    async def hand_over(self, node_id: NodeId) -> None:
        """Release the room to a node, under the fence; if what came of it is not known, whoever asks next finds out."""
        assert self._claim is not None
        claim, self._claim = self._claim, None
        try:
            await self._env.store.release(claim.room_id, claim.epoch, to=node_id)
        except StoreError as error:
            log.warning("room perhaps not handed over", room_code=self._room_code, reason=str(error))

    async def give_up(self) -> bool:
        """Let another node, or the sweeper, have the room at once; False to be tried again.

        Without effect when the room was claimed since.
        """
        if self._claim is None:
            return True
        try:
            await self._env.store.release(self._claim.room_id, self._claim.epoch)
        except StoreError as error:
            log.warning("room not given up yet", room_code=self._room_code, reason=str(error))
            return False
        return True
