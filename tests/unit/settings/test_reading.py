import os
import stat

import pytest

from votegame.errors import ConfigurationError
from votegame.settings import Settings, documented, kept_secret, read_settings
from votegame.wire.limits import Limits

SECRET = "Zk3v9Qm1xW7rT5yB8nL2pD6sF4hJ0gCa"


def problems(environ=None, dotenv=None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(environ or {}, dotenv)
    first, *lines = str(caught.value).splitlines()
    assert first == "These settings make no sense:"
    return [line.strip() for line in lines]


@pytest.fixture
def dotenv(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / ".env"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_without_anything_set_the_defaults_hold():
    assert read_settings({"HOME": "/nowhere"}) == Settings()


def test_each_variable_is_the_attribute_in_upper_case():
    settings = read_settings({"PORT": "9", "DEBUG": "true", "GRACE_SECONDS": "1.5", "NODE_ID": "left"})
    assert (settings.port, settings.debug, settings.grace_seconds, settings.node_id) == (9, True, 1.5, "left")


def test_the_environment_wins_over_the_file(dotenv):
    path = dotenv("PORT=1\nMAX_ROOMS=7\nLOG_LEVEL=error\n")
    settings = read_settings({"PORT": "2", "LOG_LEVEL": ""}, path)
    assert (settings.port, settings.max_rooms, settings.log_level) == (2, 7, "info")


def test_the_file_may_have_comments_quotes_exports_and_a_byte_order_mark(dotenv):
    path = dotenv("\ufeff# first\n\n  export PORT = 5\nNODE_ID='a b'\nMETRICS_TOKEN=\"x=y\"\n")
    settings = read_settings({}, path)
    assert (settings.port, settings.node_id, settings.metrics_token) == (5, "a b", "x=y")


def test_no_file_is_no_problem(tmp_path):
    assert read_settings({}, tmp_path / ".env") == Settings()


def test_the_file_may_hold_nothing_unknown(dotenv):
    path = dotenv("PORTT=1\nwhat is this\n")
    assert problems({}, path) == [f"{path}, line 2: expected NAME=value", f"PORTT in {path}: there is no such variable"]


def test_a_file_that_is_no_text_is_refused(dotenv):
    path = dotenv(b"PORT=\xff")
    assert problems({}, path) == [f"{path}: cannot be read (expected UTF-8)"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(dotenv):
    path = dotenv("PORT=1")
    path.chmod(0)
    assert problems({}, path)[0].startswith(f"{path}: cannot be read")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "abc", "expected a whole number"),
        ("PORT", "70000", "expected a whole number <= 65535"),
        ("PORT", "-1", "expected a whole number >= 0"),
        ("MAX_ROOMS", "0", "expected a whole number >= 1"),
        ("MAX_ROOMS", "1_000", "expected a whole number"),
        ("MAX_PLAYERS", "1001", "expected a whole number <= 1000"),
        ("MAX_MEMBERS", "2001", "expected a whole number <= 2000"),
        ("MAX_MEMBERS", "199", "expected at least as many as MAX_PLAYERS, 200"),
        ("GRACE_SECONDS", "soon", "expected a number"),
        ("GRACE_SECONDS", "0", "expected a number > 0.0"),
        ("GRACE_SECONDS", "nan", "expected a number > 0.0"),
        ("GRACE_SECONDS", "inf", "expected a number <= 31536000.0"),
        ("LOGIN_DAYS", "1e300", "expected a number <= 36500.0"),
        ("BCRYPT_COST", "4", "expected a whole number >= 10"),
        ("DEBUG", "yes", "expected true or false"),
        ("LOG_LEVEL", "loud", "expected debug or info or warning or error"),
        ("ENVIRONMENT", "staging", "expected development or production"),
        ("RATE_LIMITS", "false", "expected on or off"),
        ("ALLOWED_ORIGINS", "*", "not an origin: '*'"),
        ("PUBLIC_URL", "https://play.example.org/game", "not an origin: 'https://play.example.org/game'"),
        ("PUBLIC_URL", "http://[::1", "not an origin: 'http://[::1'"),
        ("ALLOWED_ORIGINS", "https://a.example,https://*.example.org", "not an origin: 'https://*.example.org'"),
        (
            "ALLOWED_ORIGINS",
            "https://a.example https://b.example",
            "not an origin: 'https://a.example https://b.example'",
        ),
        ("ALLOWED_ORIGINS", "https://bücher.example", "not an origin: 'https://bücher.example'"),
        ("NODE_ID", "left\udcff", "expected UTF-8"),
        ("TRUSTED_PROXIES", "proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_nonsense_is_refused_with_its_name_and_what_was_expected(name, value, expected):
    assert problems({name: value}) == [f"{name}: {expected}"]


def test_every_player_is_a_member():
    assert problems({"MAX_PLAYERS": "500", "MAX_MEMBERS": "499"}) == [
        "MAX_MEMBERS: expected at least as many as MAX_PLAYERS, 500"
    ]
    assert read_settings({"MAX_PLAYERS": "50", "MAX_MEMBERS": "50"}).max_members == 50


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "host:6379",
        "redis://",
        "redis:///0",
        "redis://host:port",
        "redis://host:99999",
        "redis://host/zero",
        "redis://host/0/1",
        "redis://[x",
        "rediss+sentinel://host",
        "unix://",
        "unix:///",
        "unix://run/redis.sock",
    ],
)
def test_redis_must_be_named_by_a_url_that_means_one(url):
    assert problems({"REDIS_URL": url}) == [
        "REDIS_URL: expected redis://user:password@host:6379, rediss:// with TLS, or unix:///path"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:p%40ss@host:6380/0",
        "redis://user:password@[::1]:6379/3",
        "rediss://host:6380?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=1",
        "unix://:password@/run/redis.sock",
    ],
)
def test_redis_may_be_named_in_each_of_its_forms(url, dotenv):
    assert read_settings({"REDIS_URL": url}).redis_url == url
    assert read_settings({}, dotenv(f"REDIS_URL={url}\n")).redis_url == url


@pytest.mark.parametrize("prefix", ["a" * 65, "a:b", "a b", "spiel-é", "line\n", "*"])
def test_a_prefix_is_short_and_plain(prefix):
    assert problems({"REDIS_PREFIX": prefix}) == [
        "REDIS_PREFIX: expected at most 64 letters and digits of ASCII, -, _ and ."
    ]
    assert read_settings({"REDIS_PREFIX": "A-z_0.9"}).redis_prefix == "A-z_0.9"


def test_all_problems_come_in_one_message():
    assert len(problems({"PORT": "x", "DEBUG": "x", "PUBLIC_URL": "x"})) == 3


@pytest.mark.parametrize("url", ["mysql://host/db", "host/db", "postgresql://[x"])
def test_the_database_must_be_postgres(url):
    expected = "DATABASE_URL: expected postgresql://user:password@host/database"
    assert problems({"DATABASE_URL": url, "SECRET_KEY": SECRET}) == [expected]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
@pytest.mark.parametrize("query", ["", "?sslmode=require", "?sslmode=verify-full&sslrootcert=system"])
def test_urls_of_databases_are_taken_as_platforms_write_them(scheme, query):
    url = f"{scheme}://ada:p%40ss@db.example.com:5433/game{query}"
    assert read_settings({"DATABASE_URL": url, "SECRET_KEY": SECRET}).database_url == url


@pytest.mark.parametrize("environ", [{"DATABASE_URL": "postgresql://h/d"}, {"ENVIRONMENT": "production"}])
def test_a_secret_is_required_where_others_depend_on_it(environ):
    environ = {"PUBLIC_URL": "https://play.example.org", **environ}
    assert problems(environ) == ["SECRET_KEY: required in production and with DATABASE_URL, the same on all nodes"]
    assert read_settings({**environ, "SECRET_KEY": SECRET}).secret_key == SECRET


@pytest.mark.parametrize(
    "weak", ["short", SECRET[:31], "a" * 64, "changeme-0123456789-abcdefghijklmn", "Your-Secret" * 4]
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS"])
def test_a_weak_secret_is_refused_and_not_repeated(name, weak):
    (problem,) = problems({name: weak})
    assert problem.startswith(f"{name}: expected at least 32 characters that nobody can guess")
    assert weak not in problem


def test_production_has_rates_and_an_address():
    found = problems({"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "RATE_LIMITS": "off"})
    assert [line.split(":")[0] for line in found] == ["PUBLIC_URL", "RATE_LIMITS"]


@pytest.mark.parametrize("own", ["http://play.example.org", "http://127.0.0.1.example.org", "http://192.0.2.1:8000"])
def test_production_is_reached_by_tls_or_else_cookies_could_be_read_on_the_way(own):
    found = problems({"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "PUBLIC_URL": own})
    assert found == ["PUBLIC_URL: expected https in production, except on this machine itself"]


@pytest.mark.parametrize(
    "own", ["https://play.example.org", "http://localhost:8000", "http://127.0.0.1", "http://[::1]:1"]
)
def test_production_may_be_tried_on_the_machine_itself(own):
    assert read_settings({"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "PUBLIC_URL": own}).own_origin == own


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URL", "STATE_DIR", "ALLOWED_ORIGINS"])
def test_what_is_no_text_is_refused_and_not_repeated(name):
    found = problems({"SECRET_KEY": SECRET, name: SECRET + "\udcff"})
    assert f"{name}: expected UTF-8" in found
    assert not any("\udcff" in line for line in found)


def test_an_address_that_is_none_is_a_problem_once():
    found = problems({"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "PUBLIC_URL": "play.example.org"})
    assert found == ["PUBLIC_URL: not an origin: 'play.example.org'"]


def test_lists_are_separated_by_commas():
    settings = read_settings(
        {"ALLOWED_ORIGINS": "https://A.example, http://b.example:80 ,", "TRUSTED_PROXIES": "10.0.0.1/8,::1"}
    )
    assert settings.origins == {"https://a.example", "http://b.example"}
    assert [str(network) for network in settings.proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.own_origin is None


def test_there_is_a_model_with_a_key_or_with_a_server_that_may_want_none():
    assert not read_settings({"OPENAI_MODEL": "some-model"}).has_model
    assert read_settings({"OPENAI_API_KEY": "sk-1"}).has_model
    assert read_settings({"OPENAI_BASE_URL": "http://ollama:11434/v1"}).has_model


@pytest.mark.parametrize(
    "url",
    [
        "localhost:11434/v1",
        "ftp://localhost/v1",
        "http:///v1",
        "http://localhost:port/v1",
        "https://user:password@models.example/v1",
        "https://models.example/v1?key=1",
        "http://local host/v1",
        "http://[::1/v1",
    ],
)
def test_a_server_of_models_has_an_address_that_can_be_told(url):
    (problem,) = problems({"OPENAI_BASE_URL": url})
    assert problem.startswith("OPENAI_BASE_URL: expected http:// or https://")
    assert "password@" not in problem


@pytest.mark.parametrize("key", ["sk-1 2", "sk-ключ", "sk-1\nX-Other: 1"])
def test_a_key_that_no_header_can_have_is_refused_and_not_repeated(key):
    (problem,) = problems({"OPENAI_API_KEY": key})
    assert problem == "OPENAI_API_KEY: expected a key, which has no blanks and only characters of ASCII"


def test_nobody_judges_texts_without_a_model():
    (problem,) = problems({"OPENAI_MODERATION": "on"})
    assert problem.startswith("OPENAI_MODERATION: on needs OPENAI_API_KEY")
    assert read_settings({"OPENAI_MODERATION": "on", "OPENAI_API_KEY": "sk-1"}).moderates
    assert not read_settings({"OPENAI_API_KEY": "sk-1"}).moderates


def test_a_budget_may_be_without_limit():
    assert read_settings({"MODEL_CALLS_PER_DAY": "0"}).model_calls_per_day == 0
    assert problems({"MODEL_CALLS_PER_DAY": "-1"}) == ["MODEL_CALLS_PER_DAY: expected a whole number >= 0"]


def test_a_budget_of_which_nothing_can_be_spent_is_refused():
    model = {"OPENAI_API_KEY": "sk-1", "MODEL_CALLS_PER_HOUR": "1", "MODEL_TOKENS_PER_DAY": "7999"}
    assert problems(model) == [
        "MODEL_TOKENS_PER_DAY: expected 0, for no limit, or at least 8,000, for one call of the model"
    ]
    (problem,) = problems({**model, "OPENAI_MODERATION": "on", "MODEL_TOKENS_PER_DAY": "8000"})
    assert problem.startswith(
        "MODEL_CALLS_PER_HOUR: expected 0, for no limit, or at least 2, for one call of the model"
    )
    assert read_settings({**model, "OPENAI_API_KEY": ""}).model_tokens_per_day == 7999


def test_every_setting_is_documented():
    rows = documented()
    assert [name for name, _default, _meaning in rows] == [name.upper() for name in Settings.__struct_fields__]
    assert all(meaning.endswith(".") for _name, _default, meaning in rows)
    defaults = {name: default for name, default, _meaning in rows}
    assert (defaults["PORT"], defaults["DEBUG"], defaults["GRACE_SECONDS"]) == ("8000", "false", "20")
    assert read_settings(defaults) == Settings()


class TestKeptSecret:
    def test_is_made_once_for_its_owner_alone(self, tmp_path):
        state_dir = tmp_path / "new" / "state"
        secret = kept_secret(state_dir)
        assert len(secret) >= 32
        assert kept_secret(state_dir) == secret
        assert [path.name for path in state_dir.iterdir()] == ["secret_key"]
        assert stat.S_IMODE((state_dir / "secret_key").stat().st_mode) == 0o600

    @pytest.mark.parametrize("content", [b"", b"half a sec", b"\xff" * 64])
    def test_that_is_none_is_refused(self, tmp_path, content):
        (tmp_path / "secret_key").write_bytes(content)
        with pytest.raises(ConfigurationError, match="does not hold a secret"):
            kept_secret(tmp_path)

    def test_in_a_folder_that_is_none_is_refused(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(ConfigurationError, match=r"STATE_DIR .* cannot be used"):
            kept_secret(tmp_path / "file")


def test_an_operator_may_change_each_limit_but_those_that_the_protocol_names():
    fixed = set(Limits.__struct_fields__) - set(Settings.__struct_fields__)
    assert fixed == {"server_frame_bytes", "id_chars", "answer_chars", "name_chars"}
