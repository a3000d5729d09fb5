"""The Locust kit: whole games over the real protocol, counted while they are played. See LOCUST.md.

locust -f loadtests/locustfile.py --headless --host http://127.0.0.1:8080 -u 200 -r 20 -t 60s --shape steady
"""

import sys
from pathlib import Path

# From wherever Locust is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from locust import events

from loadtests.kit import options
from loadtests.kit.run import Run
from loadtests.kit.users import Host, HttpPlayer, LateComer, Player, Spectator

__all__ = ["Host", "HttpPlayer", "LateComer", "Player", "Run", "Spectator"]

events.init_command_line_parser.add_listener(options.add)
