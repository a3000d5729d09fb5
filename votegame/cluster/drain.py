"""Drain: how a node leaves without anybody noticing much.

Others are told first, so that nothing is handed over to a node that leaves itself. Then every room goes to another
node, between two of its commits, while this node's connections go on being served over the links. Only then are clients
sent away, a few at a time, so that those who come back do not all do so at once. Bounded by its caller.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from votegame import tasks
from votegame.cluster.node import Node
from votegame.cluster.ports import NodeStore
from votegame.cluster.router import ClusterRouter
from votegame.errors import StoreError
from votegame.ids import NodeId

_LOOK_SECONDS: Final = 0.01
"""About as long as a room takes to move: the next one is not to wait for long."""
HAND_OVER_SECONDS: Final = 5.0
"""How long rooms may take to be handed over before clients are sent away all the same."""

log = structlog.get_logger(__name__)


async def drain(
    node: Node, router: ClusterRouter, nodes: NodeStore, *, send_away: Callable[[], Awaitable[None]]
) -> None:
    """Leave, if there is another node that stays; otherwise there is nowhere for anyone to go.

    Args:
        node: This node.
        router: The way to its rooms.
        nodes: The register of nodes.
        send_away: Sends all clients away, spread over some seconds.
    """
    try:
        await node.drain()
        others = await nodes.nodes_to_hand_over_to(node.node_id)
    except StoreError as error:
        log.warning("not drained: the other nodes are not known", reason=str(error))
        return
    if not others:
        return
    log.info("draining", others=len(others))
    try:
        # Whatever happens, clients are to be sent away, and the node to end as it should.
        async with asyncio.timeout(HAND_OVER_SECONDS):
            with tasks.surviving("drain"):
                await _empty(router, others)
    except TimeoutError:
        log.warning("some rooms are not handed over yet")
    keeping_empty = tasks.start(_keep_empty(router, others), name="drain")
    try:
        with tasks.surviving("drain"):
            await send_away()
    finally:
        await tasks.end([keeping_empty])


async def _empty(router: ClusterRouter, others: Sequence[NodeId]) -> None:
    """Hand over what is here, and what is opened meanwhile, until nothing is left."""
    left = router.hand_over_all(others)
    while left:
        await asyncio.sleep(_LOOK_SECONDS)
        left = router.hand_over_all(others)


async def _keep_empty(router: ClusterRouter, others: Sequence[NodeId]) -> None:
    """Hand over what is opened here meanwhile, for a client who is still here."""
    while True:
        with tasks.surviving("drain"):
            router.hand_over_all(others)
        await asyncio.sleep(_LOOK_SECONDS)
