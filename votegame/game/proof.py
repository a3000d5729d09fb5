"""What a record that cannot follow raises: the fold trusts nothing."""

from votegame.errors import CorruptLogError
from votegame.game.records import Record


def require(holds: bool, record: Record, problem: str) -> None:  # noqa: FBT001
    """Raise CorruptLogError of `record`, unless `holds`."""
    if not holds:
        raise refusal(record, problem)


def refusal(record: Record, problem: str) -> CorruptLogError:
    """That `record` cannot follow, and why."""
    return CorruptLogError(f"position {record.position}, {record.payload.__struct_config__.tag}: {problem}")
