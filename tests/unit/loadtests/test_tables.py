from loadtests.bench.slices import Slice
from loadtests.bench.tables import report


def of(server, number, cpu_ns):
    return Slice(server, "saturated", number, 1.0, 1.0, 1_000, 9_000, cpu_ns, 0, 0.001, 0.002, 1_000, 0.0, ())


def test_each_base_is_compared_with_each_other_server_once_and_by_round():
    slices = [of("floor", 1, 10**8), of("old", 1, 4 * 10**8), of("new", 1, 2 * 10**8)]
    slices += [of("floor", 2, 2 * 10**8), of("old", 2, 8 * 10**8), of("new", 2, 4 * 10**8)]
    text = report(slices, bases=["floor", "old"])
    ratios = [line for line in text.splitlines() if " / " in line]
    assert ratios == [
        "| new / floor | 2.00 (2.00-2.00) | 2.00 (2.00-2.00) |",
        "| old / floor | 4.00 (4.00-4.00) | 4.00 (4.00-4.00) |",
        "| new / old | 0.50 (0.50-0.50) | 0.50 (0.50-0.50) |",
    ]


def test_a_row_has_what_a_command_and_a_delivery_cost():
    row = next(line for line in report([of("floor", 1, 9 * 10**7)], bases=[]).splitlines() if "| floor |" in line)
    assert [cell.split()[0] for cell in row.strip("| ").split(" | ")][:6] == [
        "floor",
        "90.0",
        "10.00",
        "9.00",
        "1,000",
        "9",
    ]
