"""`python -m tests.chaos --seconds 600 [--seed 1] [--kinds kill,pause] [--report FILE]`: chaos, and a report of it."""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bots import Client
from tests.chaos.cluster import ChaosCluster
from tests.chaos.faults import KINDS
from tests.chaos.party import Judged, Party
from tests.chaos.report import report

FAULTS_A_NIGHT = 15
"""After so many everything must come to its end, and is looked at; then it goes on with the same database."""
TWO_AT_ONCE = 0.25


async def run(seconds: float, seed: int, kinds: Sequence[str]) -> tuple[str, bool]:
    """The reports of all nights, and whether all was well."""
    rng = random.Random(seed)
    cluster = ChaosCluster(3, rng=random.Random(seed))
    reports: list[str] = []
    is_well = True
    try:
        await cluster.start()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            night_seed, night_began = rng.getrandbits(31), time.monotonic()
            async with Party(cluster, seed=night_seed) as party:
                for _ in range(FAULTS_A_NIGHT):
                    if time.monotonic() - began > seconds or party.failures():
                        break
                    await asyncio.sleep(rng.uniform(0.3, 3))
                    names = rng.choices(kinds, k=2 if rng.random() < TWO_AT_ONCE else 1)
                    if "kill all" in names:
                        names = ["kill all"]  # no node is left for another one
                    print(f"{time.monotonic() - began:6.1f} s: {' and '.join(names)}", flush=True)
                    await party.suffer(*names)
                judged = await party.end()
            took = time.monotonic() - night_began
            reports.append(report(judged, seconds=took, seed=night_seed, forwarded=await _forwarded(cluster)))
            print(reports[-1], flush=True)
            is_well = is_well and not judged.violations
            if not is_well:
                _keep(judged, night_seed)
                break
    finally:
        await cluster.close()
    return "\n".join(reports), is_well


async def _forwarded(cluster: ChaosCluster) -> int:
    return int(sum([await member.metric("votegame_forwarded_total") for member in cluster.members]))


def _keep(judged: Judged, seed: int) -> None:
    """What one needs to find out what happened."""
    folder = Path(f"chaos-{seed}")
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(judged.said):
        (folder / f"node-{number}.log").write_text(text)
    offset = time.time() - time.monotonic()
    named = {client.room_code for client in judged.clients if client.room_code and _is_named(client, judged.violations)}
    for client in judged.clients:
        if client.room_code in named:
            lines = [
                f"{at + offset:.3f} {connection} {kind} {json.dumps(content)}\n"
                for kind, connection, at, content in client.history
            ]
            (folder / f"{client.name}.history").write_text("".join(lines))
    (folder / "violations").write_text("\n".join(judged.violations))
    faults = [
        f"{fault.start + offset:.3f} {fault.end + offset:.3f} {fault.kind} {sorted(fault.nodes)}\n"
        for fault in judged.faults
    ]
    claims = [
        f"{claim.at + offset:.3f} {code} {claim.epoch} {claim.url}\n"
        for code, of in judged.owners.claims.items()
        for claim in of
    ]
    (folder / "faults").write_text("".join(faults))
    (folder / "claims").write_text("".join(sorted(claims)))
    (folder / "log").write_text(
        "".join(f"{code} {json.dumps(row)}\n" for code, rows in judged.logs.rows.items() for row in rows)
    )
    print(f"What was seen and said is in {folder}/")


def _is_named(client: Client, violations: Sequence[str]) -> bool:
    """Whether something is said of a client or of his room."""
    return any(
        f"{client.name}:" in what or f"told {client.name})" in what or client.room_code in what for what in violations
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--report", type=Path, default=Path("chaos-report.md"))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    text, is_well = asyncio.run(run(args.seconds, args.seed, args.kinds.split(",")))
    args.report.write_text(f"# Chaos, seed {args.seed}\n\n{text}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
