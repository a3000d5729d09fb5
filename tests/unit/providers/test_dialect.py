import pytest

from votegame.providers.dialect import Dialect


def names(dialect: Dialect) -> set[str]:
    return set(dialect.parameters(500))


def test_openai_is_given_the_limit_that_its_models_take():
    assert names(Dialect(is_openai=True)) == {"max_completion_tokens", "response_format", "reasoning_effort"}


def test_other_servers_are_given_the_limit_that_they_do_not_pass_over():
    assert names(Dialect(is_openai=False)) == {"max_tokens", "response_format"}
    assert Dialect(is_openai=False).parameters(500)["max_tokens"] == 500


@pytest.mark.parametrize("status", [400, 422])
def test_what_a_refusal_names_is_not_given_again(status):
    dialect = Dialect(is_openai=True)

    dialect.learn(status, "reasoning_effort Unrecognized request argument supplied: reasoning_effort")

    assert names(dialect) == {"max_completion_tokens", "response_format"}


def test_the_limit_becomes_the_other_one_once_and_never_goes_away():
    dialect = Dialect(is_openai=False)
    complaint = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."

    dialect.learn(400, complaint)
    assert names(dialect) == {"max_completion_tokens", "response_format"}
    dialect.learn(400, complaint)
    assert names(dialect) == {"max_completion_tokens", "response_format"}


@pytest.mark.parametrize(
    ("status", "complaint"), [(400, "The topic is not allowed."), (429, "response_format"), (500, "response_format")]
)
def test_other_refusals_teach_nothing(status, complaint):
    dialect = Dialect(is_openai=True)

    dialect.learn(status, complaint)

    assert names(dialect) == names(Dialect(is_openai=True))
