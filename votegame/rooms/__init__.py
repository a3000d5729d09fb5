"""Rooms: each an actor, alone in changing it, behind a gate that opens when the journal has committed."""
