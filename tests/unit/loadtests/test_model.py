"""The arithmetic of capacity, on costs that one can work out in the head."""

import pytest

from loadtests.bench import capacity
from loadtests.bench.model import Costs, Sizes, commands_per_player, limits, need, node_limits, value_at
from loadtests.bench.outputs import write_csv

COSTS = Costs(
    us_per_command=[(100, 200.0), (10_000, 200.0)],
    database_us_per_command=[(100, 50.0)],
    commits_per_second=[(0, 0.0), (1_000, 500.0)],
    idle_us_per_connection=0.0,
    kb_per_connection=20.0,
    empty_kb=100_000.0,
    deliveries_per_command=10.0,
    forwarded_ratio=2.0,
    redis_us_per_forwarded=10.0,
    redis_bytes_per_forwarded=1_000.0,
)
SIZES = Sizes(round_seconds=17.0, peak=1.0, core_share=0.5, connections_per_node=10_000)


def test_a_player_gives_two_commands_a_round_and_a_share_of_the_start():
    assert commands_per_player(SIZES) == pytest.approx(17 / 8 / 17)


def test_a_curve_is_straight_between_its_points_and_level_beyond_them():
    curve = [(100, 1.0), (200, 3.0)]
    assert [value_at(curve, at) for at in (0, 100, 150, 200, 999)] == [1.0, 1.0, 2.0, 3.0, 3.0]


def test_the_first_limit_of_a_node_comes_first():
    first, *_ = node_limits(COSTS._replace(us_per_command=[(100, 1_000.0)]), SIZES, forwarded=0.0)
    assert (first.resource, first.players) == ("CPU of its core", 4_000)
    assert node_limits(COSTS, SIZES, forwarded=0.0)[0].resource == "connections"


def test_pings_of_many_connections_cost_players():
    dear = COSTS._replace(us_per_command=[(100, 1_000.0)], idle_us_per_connection=125.0)
    assert node_limits(dear, SIZES, forwarded=0.0)[0].players == 2_000


def test_what_many_players_need():
    one = need(100_000, COSTS, SIZES, forwarded=0.0)
    assert one.nodes == 10
    assert one.commands == pytest.approx(12_500)
    assert one.deliveries == pytest.approx(125_000)
    assert one.commits == pytest.approx(10 * 500)
    assert one.database_cores == pytest.approx(0.625)
    assert one.redis_cores == one.redis_mbit == 0


def test_forwarding_needs_more_nodes_and_redis():
    one = need(100_000, COSTS._replace(us_per_command=[(100, 500.0)]), SIZES, forwarded=1.0)
    assert one.nodes == 25
    assert one.redis_cores == pytest.approx(0.125)
    assert one.redis_mbit == pytest.approx(100)


def test_few_players_still_need_two_nodes_so_that_games_outlive_one():
    assert need(10, COSTS, SIZES, forwarded=0.0).nodes == 2


def test_the_limits_of_the_whole_are_in_order_and_without_redis_where_nothing_is_forwarded():
    local = [one.resource for one in limits(COSTS, SIZES, forwarded=0.0)]
    assert local == ["PostgreSQL: commits", "PostgreSQL: connections", "PostgreSQL: CPU"]
    assert {one.resource for one in limits(COSTS, SIZES, forwarded=1.0)} > set(local)


def test_each_limit_has_something_that_is_done_then():
    found = [*node_limits(COSTS, SIZES, forwarded=1.0), *limits(COSTS, SIZES, forwarded=1.0)]
    assert {one.resource for one in found} == set(capacity._REMEDIES)


def test_rates_that_were_not_reached_are_no_costs(tmp_path):
    columns = {"server": "votegame", "database_us_per_command": 50, "deliveries_per_command": 10}
    write_csv(
        tmp_path / "rates.csv",
        [
            columns | {"rate": 100, "us_per_command": 200, "commits_per_second": 90, "reached": 1.0},
            columns | {"rate": 9_000, "us_per_command": 1, "commits_per_second": 90, "reached": 0.2},
        ],
    )
    memory = {"server": "votegame", "connections": 10_000, "empty_kb": 90_000, "kb_per_connection": 17}
    write_csv(tmp_path / "memory.csv", [memory | {"idle_us_per_connection_second": 5}])
    node = {"nodes": 2, "redis_bytes_per_command": 700}
    write_csv(
        tmp_path / "nodes.csv",
        [
            node | {"share": 0.0, "forwarded_share": 0.0, "us_per_command": 200, "redis_us_per_command": 1},
            node | {"share": 1.0, "forwarded_share": 1.0, "us_per_command": 300, "redis_us_per_command": 11},
        ],
    )
    costs = capacity.costs_of(tmp_path)
    assert costs.us_per_command == [(100.0, 200.0)]
    assert costs.forwarded_ratio == 1.5
    assert costs.redis_us_per_forwarded == 10
    assert "1,000,000" in capacity.page(tmp_path)


def test_a_folder_without_curves_says_so(tmp_path):
    assert "not measured" in capacity.page(tmp_path)
