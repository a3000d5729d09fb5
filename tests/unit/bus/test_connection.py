import pytest

from votegame.bus import connection
from votegame.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@x",
        "redis://:hunter2@x:port",
        "redis://:hunter2@x?frobnicate=1",
        "redis://:hunter2@x?socket_timeout=soon",
        "rediss://:hunter2@x?ssl_ca_certs=/nowhere/ca.pem",
        "rediss://:hunter2@x?ssl_cert_reqs=perhaps",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_at_once_and_its_password_not_told(url):
    with pytest.raises(ConfigurationError, match="REDIS_URL") as caught:
        connection.Connection(url)
    assert "hunter2" not in str(caught.value)


def test_a_url_cannot_change_time_limits_and_retries():
    made = connection.Connection("redis://x?socket_connect_timeout=60&retry_on_timeout=true&health_check_interval=1")
    assert made._redis.socket_connect_timeout == connection.CONNECT_SECONDS
    assert made._redis.retry.get_retries() == 0
    assert made._redis.health_check_interval == 0
