"""From variables and a `.env` file to settings. What makes no sense is told all at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from votegame.errors import ConfigurationError
from votegame.settings.contradictions import contradictions
from votegame.settings.values import Settings


def read_settings(environ: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """The settings of `environ`, and of the file `dotenv` where the environment is silent.

    A variable of the environment that is set to nothing has its default, whatever the file says.

    Raises:
        ConfigurationError: Something makes no sense; the message names everything that does not.
    """
    known = {name.upper(): name for name in Settings.__struct_fields__}
    problems: list[str] = []
    written = _read_dotenv(dotenv, problems) if dotenv is not None and dotenv.is_file() else {}
    problems += [f"{name} in {dotenv}: there is no such variable" for name in written if name not in known]
    given = {name: value for name, value in {**written, **environ}.items() if value}
    good: dict[str, Any] = {}
    for name in known.keys() & given.keys():
        if not _is_text(given[name]):
            problems.append(f"{name}: expected UTF-8")
            continue
        try:
            good[known[name]] = _converted(known[name], given[name])
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {_expected(known[name], error)}")
    settings = Settings(**good)
    problems += contradictions(settings)
    if problems:
        lines = [f"  {line}" for line in sorted(problems)]
        raise ConfigurationError("\n".join(["These settings make no sense:", *lines]))
    return settings


def _is_text(value: str) -> bool:
    """Whether `value` can be written again: bytes that were no UTF-8 come from the environment as surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _converted(name: str, value: str) -> Any:
    return getattr(msgspec.convert({name: value}, Settings, strict=False), name)


def _expected(name: str, error: msgspec.ValidationError) -> str:
    """What was expected, in the words of people who write variables rather than types."""
    annotation = Settings.__annotations__[name]
    options = get_args(annotation)
    if options and all(isinstance(option, str) for option in options):
        return f"expected {' or '.join(options)}"
    if annotation is bool:
        return "expected true or false"
    text = str(error).split(" - at ")[0].partition(", got")[0]
    for kind, word in (("int", "a whole number"), ("float", "a number"), ("str", "a text")):
        text = text.replace(f"`{kind}`", word)
    return text.replace("Expected", "expected")


def _read_dotenv(path: Path, problems: list[str]) -> dict[str, str]:
    """Lines of `NAME=value`, the value in quotes or not; blank lines and those that begin with # are passed over."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'expected UTF-8'})")
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, is_pair, value = text.partition("=")
        if not is_pair:
            problems.append(f"{path}, line {number}: expected NAME=value")
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name.strip()] = value
    return values
