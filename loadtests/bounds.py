"""Numbers of a command line that lie in bounds."""

import argparse
import math


def within(value: float, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf) -> float:
    """`value`, which is finite.

    Raises:
        argparse.ArgumentTypeError: It is out of bounds.
    """
    if not (above < value < math.inf and least <= value <= most):
        bounds = {"more than": above, "at least": least, "at most": most}
        said = ", ".join(f"{words} {bound:g}" for words, bound in bounds.items() if math.isfinite(bound))
        raise argparse.ArgumentTypeError(f"must be {said or 'a number'}, not {value:g}")
    return value
