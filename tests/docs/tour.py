"""The tour of a page: its ```bash blocks, run in order in one shell, and the output that each promises.

A ```bash block is part of the page's tour. A ```json or ```text block that follows it, with nothing
but prose between, is what it prints. `…` in an expected output stands for anything. Commands a
reader must not run in one go (to start a city, to deploy it) stand in ```sh blocks and are not run.
"""

import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

ANYTHING = "…"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END_OF_STEP = "\x1eend of step\x1e"


@dataclass(frozen=True, slots=True)
class Step:
    """A command block at a line of its page, and the output (json or text) that the page shows for it."""

    line: int
    commands: str
    language: str = ""
    output: str = ""


def steps(page: str) -> list[Step]:
    """The tour of a page in Markdown."""
    found: list[Step] = []
    previous = ""
    for fence in FENCE.finditer(page):
        language, content = fence.groups()
        if language == "bash":
            found.append(Step(page.count("\n", 0, fence.start()) + 1, content))
        elif language in {"json", "text"} and previous == "bash":
            found[-1] = Step(found[-1].line, found[-1].commands, language, content)
        previous = language
    return found


def run(
    tour: list[Step], environment: dict[str, str], directory: Path, timeout: float
) -> tuple[list[str], str]:
    """What each step printed, and everything the shell said on stderr.

    The shell ends at the first command that fails, so there may be fewer outputs than steps.
    Whatever the tour leaves running in the background ends with it.
    """
    script = ["set -eo pipefail", "trap 'kill $(jobs -p) 2> /dev/null; wait' EXIT"]
    script += [f"{step.commands}\nprintf '%s' '{END_OF_STEP}'" for step in tour]
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", "\n".join(script)],
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, errors = shell.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        printed, errors = shell.communicate()
        errors += f"\nNot done after {timeout:g} seconds."
    return printed.split(END_OF_STEP)[:-1], errors


def shows(step: Step, printed: str) -> bool:
    """Whether what the step printed is what the page says it prints."""
    if step.language == "json":
        return _json_matches(json.loads(step.output), json.loads(printed))
    return not step.language or _text_matches(_lines(step.output), _lines(printed))


def _json_matches(expected: object, actual: object) -> bool:
    match expected:
        case str():
            return expected == ANYTHING or (
                isinstance(actual, str) and _text_matches(expected, actual)
            )
        case [*items, last] if last == ANYTHING:
            return isinstance(actual, list) and _all_match(items, actual[: len(items)])
        case list():
            return isinstance(actual, list) and _all_match(expected, actual)
        case dict():
            return isinstance(actual, dict) and _members_match(expected, actual)
    return type(expected) is type(actual) and expected == actual


def _all_match(expected: list[object], actual: list[object]) -> bool:
    return len(expected) == len(actual) and all(map(_json_matches, expected, actual))


def _members_match(expected: dict[str, object], actual: dict[str, object]) -> bool:
    """The member `"…": "…"` allows any further members."""
    named = expected.keys() - {ANYTHING}
    if not (named <= actual.keys() and (ANYTHING in expected or named == actual.keys())):
        return False
    return all(_json_matches(expected[name], actual[name]) for name in named)


def _text_matches(expected: str, actual: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split(ANYTHING))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
