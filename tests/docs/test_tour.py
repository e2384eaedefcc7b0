import os
from pathlib import Path

import pytest

from tests.docs.tour import Step, run, shows, steps

PAGE = """
Start it:

```sh
make run
```

Then ask:

```bash
NAME=Room1
echo "$NAME"
```

and it says

```text
Room1
```

```json
{"not": "an output"}
```

```bash
echo "[\\"$NAME\\"]"
```
```json
["Room1"]
```
"""


def test_bash_blocks_are_steps_with_the_output_that_follows_them() -> None:
    assert steps(PAGE) == [
        Step(10, 'NAME=Room1\necho "$NAME"\n', "text", "Room1\n"),
        Step(25, 'echo "[\\"$NAME\\"]"\n', "json", '["Room1"]\n'),
    ]


def test_steps_share_one_shell(tmp_path: Path) -> None:
    outputs, _ = run(steps(PAGE), dict(os.environ), tmp_path, timeout=10)
    assert outputs == ["Room1\n", '["Room1"]\n']


def test_a_failing_command_ends_the_tour(tmp_path: Path) -> None:
    tour = [Step(1, "echo one"), Step(2, "echo reason >&2; false"), Step(3, "echo three")]
    outputs, errors = run(tour, dict(os.environ), tmp_path, timeout=10)
    assert outputs == ["one\n"]
    assert errors == "reason\n"


def test_background_processes_end_with_the_tour(tmp_path: Path) -> None:
    tour = [Step(1, "sleep 60 > /dev/null 2>&1 &\necho $!")]
    [process], _ = run(tour, dict(os.environ), tmp_path, timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)


def test_a_tour_that_never_ends_is_stopped(tmp_path: Path) -> None:
    tour = [Step(1, "echo one"), Step(2, "sleep 60 & sleep 60")]
    outputs, errors = run(tour, dict(os.environ), tmp_path, timeout=0.5)
    assert outputs == ["one\n"]
    assert errors == "\nNot done after 0.5 seconds."


@pytest.mark.parametrize(
    ("language", "expected", "printed"),
    [
        ("text", "HTTP/1.1 201 Created\n…\nLocation: /v2/…", "HTTP/1.1 201 Created\r\nDate: x\r\nLocation: /v2/entities\r\n\r\n"),
        ("text", "a … c", "a b c"),
        ("json", '{"a": 1, "b": [1]}', '{"b":[1],"a":1}'),
        ("json", '{"id": "…", "…": "…"}', '{"id": 7, "other": true}'),
        ("json", '[{"id": "E1"}, "…"]', '[{"id": "E1"}, {"id": "E2"}, 3]'),
        ("json", '{"at": "2026-…Z"}', '{"at": "2026-01-01T00:00:00.000Z"}'),
        ("", "", "anything"),
    ],
)  # fmt: skip
def test_outputs_that_match(language: str, expected: str, printed: str) -> None:
    assert shows(Step(1, "", language, expected), printed)


@pytest.mark.parametrize(
    ("language", "expected", "printed"),
    [
        ("text", "a", "a b"),
        ("json", '{"a": 1}', '{"a": 1, "b": 2}'),
        ("json", '{"a": 1, "…": "…"}', '{"b": 2}'),
        ("json", '{"a": 1}', '{"a": true}'),
        ("json", "[1, 2]", "[1]"),
        ("json", '{"at": "2026-…Z"}', '{"at": 2026}'),
    ],
)
def test_outputs_that_differ(language: str, expected: str, printed: str) -> None:
    assert not shows(Step(1, "", language, expected), printed)
