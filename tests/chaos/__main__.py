"""`python -m tests.chaos --seconds 600 [--seed 1] [--kinds kill,sleep]`: chaos for a while, and a report of it."""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter

from tests.chaos.faults import KINDS
from tests.chaos.party import Party
from tests.nodes import Nodes


async def run(seconds: float, seed: int, kinds: list[str]) -> int:
    nodes = Nodes(3, DRAIN_SECONDS="1")
    await nodes.start()
    rng = random.Random(seed)
    try:
        began = time.monotonic()
        async with Party(nodes, seed=seed) as party:
            while time.monotonic() - began < seconds:
                await party.suffer([rng.choice(kinds)])
                sys.stdout.write(".")
                sys.stdout.flush()
            found = await party.end()
            counts = party.counts()
    finally:
        await nodes.close()
    lines = [f"\n\n{time.monotonic() - began:.0f} s of chaos on three nodes, seed {seed}"]
    lines += [f"  {kind}: {count}" for kind, count in sorted(Counter(party.faults.struck).items())]
    lines += [f"  {name}: {count}" for name, count in counts.items()]
    lines += [f"  violations: {len(found)}", *found[:50]]
    sys.stdout.write("\n".join(lines) + "\n")
    return bool(found)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--kinds", default=",".join(KINDS))
    args = parser.parse_args()
    return asyncio.run(run(args.seconds, args.seed, args.kinds.split(",")))


sys.exit(main())
