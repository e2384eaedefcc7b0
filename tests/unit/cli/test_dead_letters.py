"""Dead letters: looking changes nothing; replaying moves each letter to where it belongs."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from boto3.session import Session

from cli.dead_letters import RETURNS, DeadLetters
from cli.stack import Stack

DEAD, LIVE = "NotificationDeadLetterQueueUrl", "NotificationQueueUrl"


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack whose notification queue and dead-letter queue exist."""
    sqs: Any = boto3.client("sqs")
    stack = Stack("city", Session())
    fifo = {"FifoQueue": "true"}
    vars(stack)["outputs"] = {
        output: sqs.create_queue(QueueName=f"{uuid4().hex}.fifo", Attributes=fifo)["QueueUrl"]
        for output in (DEAD, LIVE)
    }
    yield stack
    for url in stack.outputs.values():
        sqs.delete_queue(QueueUrl=url)


def give_up(stack: Stack, *bodies: str) -> None:
    for body in bodies:
        stack.session.client("sqs").send_message(
            QueueUrl=stack.outputs[DEAD],
            MessageBody=body,
            MessageGroupId="g",
            MessageDeduplicationId=uuid4().hex,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": "404"}},
        )


def bodies(stack: Stack, queue: str) -> list[str]:
    return [letter.body for letter in DeadLetters(stack, wait=0).look(queue, 10)]


def test_every_queue_that_letters_return_to_is_an_output_of_the_template() -> None:
    assert RETURNS[DEAD] == LIVE


def test_looking_shows_reasons_and_removes_nothing(stack: Stack) -> None:
    give_up(stack, "one", "two")
    letters = DeadLetters(stack, wait=0)
    for _ in range(2):
        assert [(one.body, one.reason) for one in letters.look(DEAD, 10)] == [
            ("one", "404"),
            ("two", "404"),
        ]
    assert letters.count(DEAD) == 2


def test_replay_moves_letters_in_order(stack: Stack) -> None:
    give_up(stack, "one", "two", "three")
    assert len(list(DeadLetters(stack, wait=0).replay(DEAD))) == 3
    assert bodies(stack, LIVE) == ["one", "two", "three"]
    assert bodies(stack, DEAD) == []


def test_replay_leaves_letters_that_come_meanwhile(stack: Stack) -> None:
    letters = DeadLetters(stack, wait=0)
    give_up(stack, "later")
    assert list(letters.replay(DEAD)) == []
    assert bodies(stack, DEAD) == ["later"]
