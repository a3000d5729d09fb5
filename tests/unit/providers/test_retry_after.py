from datetime import UTC, datetime

import pytest

from votegame.providers.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("99999999999", 99_999_999_999.0),
        ("Fri, 27 Nov 2026 12:01:00 GMT", 60.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2026 13:01:00 +0100", 60.0),
        ("Fri, 27 Nov 2026 12:01:00 -0000", 60.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("1" * 1_000, None),
        ("Fri, 99 Nov 2026 12:01:00 GMT", None),
        ("Fri, 27 Nov 99999 12:01:00 GMT", None),
    ],
)
def test_a_number_or_a_date_tells_seconds_and_nothing_else_does(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds
