"""What the model of the rules refuses: the code, in the order of precedence of the protocol."""

OF_HOST = {
    "update_settings",
    "start_game",
    "next_round",
    "start_voting",
    "end_round",
    "kick_player",
    "lock_room",
    "unlock_room",
    "transfer_host",
    "pause_game",
    "resume_game",
    "extend_phase",
    "skip_question",
    "play_again",
}

PHASES = {
    "update_settings": ["lobby", "finished"],
    "start_game": ["lobby"],
    "submit_answer": ["answering"],
    "start_voting": ["answering"],
    "skip_question": ["answering"],
    "submit_vote": ["voting"],
    "end_round": ["answering", "voting"],
    "extend_phase": ["answering", "voting"],
    "pause_game": ["answering", "voting", "results"],
    "resume_game": ["answering", "voting", "results"],
    "next_round": ["results"],
    "play_again": ["finished"],
}
"""Of those commands that are not for every phase."""

ENDLESS = {
    "update_settings",
    "lock_room",
    "unlock_room",
    "transfer_host",
    "pause_game",
    "resume_game",
    "extend_phase",
    "play_again",
}
"""Nothing in the game bounds how often these can be given."""


def refusal(model, said, now) -> str | None:
    """What speaks against a command that is no repetition."""
    if model.phase == "closed":
        return "room_not_found"
    if said.kind != "join_room" and said.user not in model.members:
        return "not_member"
    if said.kind in OF_HOST and said.user != model.host:
        return "not_host"
    if said.round_of is not None and model.phase != "lobby" and said.round_of != model.rounds_begun:
        return "stale_round"
    if said.kind in PHASES and model.phase not in PHASES[said.kind]:
        return "wrong_phase"
    if said.kind in {"pause_game", "resume_game"} and model.deadline is None and model.remaining_ms is None:
        return "wrong_phase"
    if said.kind in ENDLESS and model.commands_of(said.user, now) >= model.most_remembered:
        return "rate_limited"
    if said.kind in SPECIAL:
        return SPECIAL[said.kind](model, said, now)
    return None


def _joining(model, said, now):
    is_new = said.user not in model.members
    if is_new and said.user in model.banned:
        return "kicked"
    if is_new and model.locked:
        return "room_locked"
    wants_seat = said.detail != "spectator" if is_new else said.user in model.spectators and said.detail == "player"
    if wants_seat and not model.settings["late_join"] and model.phase in {"answering", "voting", "results"}:
        return "game_in_progress"
    if wants_seat and len(model.seated()) >= model.settings["max_players"]:
        return "room_full"
    if is_new and len(model.members) >= model.max_members:
        return "room_full"
    if (is_new or wants_seat) and model.commands_of(said.user, now) >= model.most_remembered:
        return "rate_limited"
    return None


def _starting(model, said, now):
    return "not_enough_players" if len(model.there()) < 2 else None


def _skipping(model, said, now):
    if model.answers or model.n_skipped == 3:
        return "cannot_skip"
    return _starting(model, said, now)


def _answering(model, said, now):
    if said.user in model.answers or len(model.flagged.get(said.user, [])) == 3:
        return "already_answered"
    return "not_player" if said.user not in model.participants() else None


def _voting(model, said, now):
    if said.detail not in model.answers:
        return "answer_not_found"
    if said.detail == said.user:
        return "self_vote"
    if said.user in model.votes:
        return "already_voted"
    return "not_player" if said.user not in model.participants() else None


def _kicking(model, said, now):
    if said.detail == said.user:
        return "bad_message"
    return "player_not_found" if said.detail not in model.members else None


def _handing_over(model, said, now):
    return "player_not_found" if said.detail not in model.seated() else None


SPECIAL = {
    "join_room": _joining,
    "start_game": _starting,
    "next_round": _starting,
    "skip_question": _skipping,
    "submit_answer": _answering,
    "submit_vote": _voting,
    "kick_player": _kicking,
    "transfer_host": _handing_over,
}
