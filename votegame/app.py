"""The composition root: the one place that knows every part, makes them, and joins them.

Parts are opened in the order in which they need each other. They are closed so that nothing that was decided is lost,
and clients learn of it: first nobody new comes in, then rooms finish what they decided and the journal writes it, then
sockets are closed with word to come back and the site stops, then the node gives up its lease, and only then the
database goes.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog
from aiohttp import web

from votegame import tasks
from votegame.auth.accounts import Accounts
from votegame.auth.keys import derived_key
from votegame.auth.passwords import PasswordHasher
from votegame.auth.revocations import Revocations
from votegame.auth.tokens import Tokens
from votegame.bus.redis import RedisBus
from votegame.clock import DatabaseClock
from votegame.cluster.cluster import Cluster
from votegame.cluster.drain import HAND_OVER_SECONDS, drain
from votegame.cluster.envelope import Sealer
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.node import Node
from votegame.cluster.outlets import Outlets
from votegame.cluster.router import ClusterRouter, LocalRouter
from votegame.cluster.sweeper import Sweeper
from votegame.gateway.gateway import Gateway
from votegame.gateway.ports import GatewaySettings
from votegame.ids import NodeId, PooledRandom, new_uuid
from votegame.limits.accounts import AccountRates
from votegame.limits.admission import Admission
from votegame.metrics import Metrics
from votegame.providers import Model
from votegame.pulse import Pulse
from votegame.question_supply import answer_moderator, question_supply
from votegame.questions.bank import built_in_bank
from votegame.rooms.environment import Environment
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.registry import Registry
from votegame.settings import Settings
from votegame.settings.derived import house_of, limits_of
from votegame.storage.database import Database
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.questions import PostgresQuestionStore
from votegame.storage.retention import Retention
from votegame.storage.rooms import PostgresRoomStore
from votegame.storage.users import PostgresUserStore
from votegame.web import docs, static_files
from votegame.web.app import make_app
from votegame.web.auth_views import AuthViews
from votegame.web.commands import Commands
from votegame.web.health import HealthViews
from votegame.web.identity import Doorman, Identity
from votegame.web.room_views import RoomViews
from votegame.web.runner import Site
from votegame.web.sessions import CookieStorage
from votegame.web.web_client import WebClient
from votegame.wire.close_codes import CloseCode
from votegame.wire.codec import Codec

_NODE_STOP_SECONDS: Final = 5.0
_TAKES_NOTHING_SECONDS: Final = 2.0
_SILENT: Final = "the database does not answer"
_TAKES_NOTHING: Final = "the database takes nothing new"
_STARTING: Final = "starting"
_STOPPING: Final = "stopping"
_FULL: Final = "too many connections"

log = structlog.get_logger(__name__)


class Server:
    """A node with everything that belongs to it."""

    def __init__(
        self,
        settings: Settings,
        *,
        database_url: str,
        secret: str,
        model: Model | None = None,
        on_death: tasks.OnDeath | None = None,
        on_drain_wanted: Callable[[], None] = lambda: None,
    ) -> None:
        """Make all parts; none is opened, and no task runs.

        Args:
            settings: All settings.
            database_url: A migrated database.
            secret: What keys are derived from.
            model: Makes questions, and judges texts where the settings say so; closed with the node.
            on_death: Told when the node has lost what it cannot do without, and is to be stopped.
            on_drain_wanted: Called when an operator wants the node to leave, and it is to be stopped.
        """
        self._on_death = on_death
        self._on_drain_wanted = on_drain_wanted
        self._settings = settings
        self._model = model
        self._moderator = model if settings.moderates else None
        self._secret = secret
        self._obstacle: str | None = _STARTING
        self._metrics = Metrics()
        self._memberships = Memberships(rooms_per_user=settings.rooms_per_user)
        self._admission = Admission(
            lag_seconds=settings.overload_lag_seconds,
            commit_seconds=settings.overload_commit_seconds,
            is_member=self._memberships.is_member,
            observe=self._metrics.turned_away,
        )
        self._clock = DatabaseClock()
        self._lease = HeldLease(self._clock)
        self._database = Database(database_url)
        self._rooms = PostgresRoomStore(self._database)
        self._slow_rooms = PostgresRoomStore(self._database, journal="slow journal")
        self._nodes = PostgresNodeStore(self._database)
        self._questions = PostgresQuestionStore(self._database)
        self._make_accounts(secret)
        self._make_gateway()
        self._make_rooms()
        self._site = Site(
            self._make_app(secret),
            host=settings.host,
            port=settings.port,
            max_sockets=settings.max_connections,
            sockets=lambda: self._gateway.socket_count,
        )
        self._retention = Retention(self._database, log_days=settings.log_days)
        self._tasks: list[asyncio.Task[None]] = []
        self._pulse = Pulse(clock=self._clock, admission=self._admission, journal=self._journal, metrics=self._metrics)
        self._show_gauges()

    def _show_gauges(self) -> None:
        self._metrics.look_at(
            rooms=lambda: len(self._registry),
            is_lease_valid=self._lease.is_valid,
            is_redis_away=lambda: self._cluster is not None and not self._links.is_subscribed,
            lasting_lag=lambda: self._admission.lag,
            commit_age=self._journal.age,
            overload_level=lambda: self._admission.level,
        )

    @property
    def node_id(self) -> NodeId:
        """What other nodes, and their logs, call this one."""
        return self._node.node_id

    def _make_accounts(self, secret: str) -> None:
        settings = self._settings
        self._users = PostgresUserStore(self._database)
        self._passwords = PasswordHasher(cost=settings.bcrypt_cost)
        self._revocations = Revocations(self._users, self._clock)
        self._accounts = Accounts(
            self._users,
            passwords=self._passwords,
            tokens=Tokens(secret, previous=settings.secret_key_previous),
            revocations=self._revocations,
            rates=AccountRates(settings),
            clock=self._clock,
            settings=settings,
        )
        self._identity = Identity(self._accounts)
        self._doorman = Doorman(settings)

    def _make_gateway(self) -> None:
        settings = self._settings
        limits = limits_of(settings)
        self._gateway = Gateway(
            settings=GatewaySettings(
                limits=limits,
                max_connections=settings.max_connections,
                unauthenticated_per_address=settings.sockets_per_address,
                has_moderation=self._moderator is not None,
                rates_are_on=settings.rates_are_on,
            ),
            identity=self._identity,
            doorman=self._doorman,
            revocations=self._revocations,
            clock=self._clock,
            lease_is_valid=self._lease.is_valid,
            rng=PooledRandom(),
            metrics=self._metrics,
            admission=self._admission,
        )
        self._codec = Codec(limits, has_moderation=self._moderator is not None)
        self._commands = Commands(
            limits=limits,
            doors=self._gateway.doors,
            clock=self._clock,
            lease_is_valid=self._lease.is_valid,
            rates_are_on=settings.rates_are_on,
            count=self._metrics.command,
        )

    def _make_rooms(self) -> None:
        settings, rng, bank = self._settings, PooledRandom(), built_in_bank()
        node_id = NodeId(new_uuid(rng))
        self._supply = question_supply(
            self._model,
            settings,
            store=self._questions,
            database=self._database,
            bank=bank,
            clock=self._clock,
            metrics=self._metrics,
            rng=rng,
        )
        here = Outlets(sockets=self._gateway.outlet, requests=self._commands)
        self._cluster = self._make_cluster(node_id, here) if settings.redis_url else None
        self._journal = Journal(
            self._rooms, self._clock, slow_store=self._slow_rooms, observe_commit=self._metrics.commit
        )
        env = Environment(
            node_id=node_id,
            store=self._rooms,
            journal=self._journal,
            outlet=here if self._cluster is None else self._cluster.audience,
            clock=self._clock,
            rng=rng,
            house=house_of(settings, bank, has_moderation=self._moderator is not None),
            memberships=self._memberships,
            questions=self._supply,
            moderator=answer_moderator(self._moderator, clock=self._clock, metrics=self._metrics),
            elsewhere=None if self._cluster is None else self._cluster.remote,
            admission=self._admission,
            reply_seconds=settings.reply_seconds,
            rates_are_on=settings.rates_are_on,
            retire_seconds=settings.retire_seconds,
            observe_turn=self._metrics.turn,
        )
        self._registry = Registry(env, max_rooms=settings.max_rooms)
        self._node = Node(
            node_id,
            settings.label,
            store=self._nodes,
            clock=self._clock,
            lease=self._lease,
            registry=self._registry,
            sweeper=Sweeper(node_id, store=self._rooms, clock=self._clock, registry=self._registry),
            close_sockets=self._gateway.send_away,
        )
        self._node.on_drain_wanted = self._on_drain_wanted
        self._cluster_router = None if self._cluster is None else self._cluster.router(self._registry, self._nodes)
        if self._cluster_router is not None:
            self._node.on_lapse_over = self._cluster_router.lapse_is_over

    def _make_cluster(self, node_id: NodeId, here: Outlets) -> Cluster:
        settings = self._settings
        keys = [derived_key(each, "links") for each in (self._secret, settings.secret_key_previous) if each]
        observe = self._metrics.link_messages
        self._bus = RedisBus(settings.redis_url, prefix=settings.redis_prefix, node_id=node_id, observe=observe)
        self._links = Links(
            node_id,
            bus=self._bus,
            sealer=Sealer(*keys),
            clock=self._clock,
            lease=self._lease,
            observe=observe,
        )
        return Cluster(
            links=self._links,
            clock=self._clock,
            lease=self._lease,
            here=here,
            sockets=self._gateway,
            reply_seconds=settings.reply_seconds,
            observe_forward=self._metrics.forwarded,
        )

    def _make_app(self, secret: str) -> web.Application:
        settings = self._settings
        auth = AuthViews(
            self._accounts, self._identity, self._doorman, self._rooms.rooms_of_user, admission=self._admission
        )
        rooms = RoomViews(self._commands, self._codec, self._identity, self._doorman, self._rooms.room_of_round)
        health = HealthViews(
            doorman=self._doorman,
            metrics=self._metrics,
            metrics_token=settings.metrics_token,
            obstacles=self._obstacles,
            admission=self._admission,
        )
        app = make_app(
            settings,
            cookies=CookieStorage(settings, secret=secret, clock=self._clock),
            doorman=self._doorman,
            routes=[
                auth.routes(),
                rooms.routes(),
                health.routes(),
                WebClient(settings).routes(),
                docs.routes(),
                static_files.routes(),
            ],
            ws_handler=self._gateway.handle,
            observe_request=self._metrics.request,
        )
        app.on_shutdown.append(self._close_sockets)
        return app

    def _obstacles(self) -> Sequence[str]:
        if self._obstacle is not None:
            return [self._obstacle]
        obstacles = {
            _SILENT: not self._lease.is_valid(),
            _TAKES_NOTHING: self._journal.fullness.seconds() > _TAKES_NOTHING_SECONDS,
            _FULL: self._site.is_full,
        }
        return [what for what, is_so in obstacles.items() if is_so]

    async def start(self) -> int:
        """Open everything and let clients in; returns the port.

        Raises:
            StoreError: The database cannot be had.
            ConfigurationError: The address cannot be had.
        """
        await self._database.open()
        # Before anyone can ask for anything: logins and rooms are dated by the database's time.
        await self._node.join()
        port = await self._site.start()
        self._tasks = [
            tasks.start(self._journal.run(), name="journal", on_death=self._on_death),
            tasks.start(self._pulse.run(), name="pulse"),
            tasks.start(self._retention.run(), name="retention"),
        ]
        await self._revocations.start()
        self._supply.start()
        await self._node.start(alone=self._cluster_router is None)
        if self._cluster_router is not None:
            self._cluster_router.start()
        router = self._cluster_router or LocalRouter(self._registry)
        self._commands.start(router)
        await self._gateway.start(router)
        self._obstacle = None
        return port

    async def stop(self) -> None:
        """Close everything. What was decided is kept; clients are told to come back.

        With other nodes there, rooms go to them before, and clients after.
        """
        self._obstacle = _STOPPING
        self._gateway.refuse_newcomers()
        self._registry.refuse_creations()
        if self._cluster_router is not None:
            await self._drain(self._cluster_router)
        await self._end_rooms()
        await self._site.stop()
        if self._cluster_router is not None:
            await self._cluster_router.stop()
            await self._bus.aclose()
        await self._node.stop()
        await self._revocations.stop()
        await self._supply.close()
        if self._model is not None:
            await self._model.close()
        await tasks.end(self._tasks)
        self._passwords.stop()
        await self._rooms.close()
        await self._slow_rooms.close()
        await self._nodes.close()
        await self._users.close()
        await self._questions.close()
        await self._database.close()

    async def _drain(self, router: ClusterRouter) -> None:
        seconds = self._settings.drain_seconds
        try:
            async with asyncio.timeout(HAND_OVER_SECONDS + seconds + _NODE_STOP_SECONDS):
                await drain(
                    self._node, router, self._nodes, send_away=partial(self._gateway.send_away, seconds=seconds)
                )
        except TimeoutError:
            log.warning("not drained in time")

    async def _end_rooms(self) -> None:
        try:
            async with asyncio.timeout(_NODE_STOP_SECONDS):
                await self._registry.stop()
                await self._journal.flush()
        except TimeoutError:
            log.warning("not everything could be written before the stop; what was not was not acknowledged")
            await self._registry.abort()

    async def _close_sockets(self, _app: web.Application) -> None:
        await self._gateway.stop(CloseCode.RESTARTING)
