"""The bus between nodes: Redis, and its twin in memory."""

from typing import Final

LARGEST_BYTES: Final = 1024 * 1024
"""Of a message that is received; larger ones, which no node of ours sends, are dropped."""
