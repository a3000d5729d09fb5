"""How commands and records are named on the wire and in the log: by the names of their classes."""


def tag_of(class_name: str) -> str:
    """`SubmitAnswer` becomes `submit_answer`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in class_name).lstrip("_")
