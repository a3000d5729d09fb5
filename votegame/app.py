"""The composition root: the one place that knows every part, makes them, and joins them.

Parts are opened in the order in which they need each other, and closed in the opposite one: first nobody new comes in,
then clients are told to come back, then rooms finish what they decided, then the journal writes it, and only then the
database goes.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

import structlog

from votegame import tasks
from votegame.auth.accounts import Accounts
from votegame.auth.passwords import PasswordHasher
from votegame.auth.revocations import Revocations
from votegame.auth.tokens import Tokens
from votegame.clock import DatabaseClock
from votegame.cluster.lease import HeldLease
from votegame.cluster.node import Node
from votegame.cluster.router import LocalRouter
from votegame.cluster.sweeper import Sweeper
from votegame.game.house import House
from votegame.gateway.gateway import Gateway
from votegame.gateway.ports import GatewaySettings
from votegame.ids import NodeId, PooledRandom, new_uuid
from votegame.metrics import Metrics
from votegame.questions.bank import BankSource, built_in_bank
from votegame.rooms.environment import Environment
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.registry import Registry
from votegame.settings import Settings
from votegame.storage.database import Database
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.rooms import PostgresRoomStore
from votegame.storage.users import PostgresUserStore
from votegame.web.app import make_app
from votegame.wire.close_codes import CloseCode
from votegame.wire.limits import Limits
