"""The bus between nodes: Redis, and its twin in memory."""

from typing import Final

from votegame.cluster.envelope import ENVELOPE_BYTES

LARGEST_BYTES: Final = ENVELOPE_BYTES
"""Of a message that is received; larger ones, which no node of ours sends, are dropped."""
