"""The search language of CKAN's readers: the part of Solr's that they send.

    air quality                          words, each of which must begin a word of the dataset
    title:noise   tags:"street noise"    a field with a word or a phrase; `*` at its end is any ending
    -organization:a   +res_format:CSV    without, with
    organization:(a OR b)                one of several values
    organization:a OR organization:b     one of several terms
    metadata_modified:[2026-01-01T00:00:00Z TO *]   a range; `{` and `}` exclude the end

Terms side by side must all hold, and OR binds closer than that: `groups:a OR groups:b tags:x` is
"one of the groups, and the tag", as the harvesters that write it mean. A request is read in linear
time; what cannot be read raises Unreadable.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from city.clock import from_iso, iso
from city.errors import InvalidRequest

MAX_LENGTH = 4000
MAX_DEPTH = 10

Fields = Mapping[str, tuple[str, ...]]
"""What a dataset has in each field; `TEXT` is what words are looked for in."""

TEXT = "text"
Test = Callable[[Fields], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<punctuation>[()])|(?P<sign>[+!-])(?=[^\s)+!-])"
    r"|(?P<field>[A-Za-z_][A-Za-z0-9_.]*):(?=\S)"
    r'|(?P<range>[\[{][^\]}\[{]*[\]}])|"(?P<phrase>(?:[^"\\]|\\.)*)"'
    r'|(?P<word>(?:[^\s()"\[\]{}\\]|\\.)+))',
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_RANGE = re.compile(r"\s*(\S+)\s+TO\s+(\S+)\s*")
_WORDS = re.compile(r"\w+")


class Unreadable(InvalidRequest):
    """The query is not one that this language has."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse(query: str, known: Iterable[str]) -> Test:
    """The test that a query is; `known` are the fields that it may name. Raises Unreadable."""
    if len(query) > MAX_LENGTH:
        raise Unreadable(f"a query may have {MAX_LENGTH} characters")
    return _Parser(_tokens(query), frozenset(known)).whole()


def words(query: str) -> Test:
    """The test that the words of a text are, whatever else is in it."""
    return _all([_begins(TEXT, word) for word in _WORDS.findall(query[:MAX_LENGTH])])


def _tokens(query: str) -> list[_Token]:
    tokens, place, end = [], 0, len(query.rstrip())
    while place < end:
        found = _TOKEN.match(query, place)
        if found is None:
            raise Unreadable(f"the query cannot be read from character {place + 1}")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind]))
        place = found.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens: side by side, OR, AND, one term."""

    def __init__(self, tokens: list[_Token], known: frozenset[str]) -> None:
        self._tokens = tokens
        self._known = known
        self._place = 0
        self._depth = 0

    def whole(self) -> Test:
        test = self._side_by_side("")
        if self._place < len(self._tokens):
            raise Unreadable("the query has a ) too many")
        return test

    def _side_by_side(self, field: str) -> Test:
        tests = []
        while (token := self._next()) is not None and token != _CLOSE:
            tests.append(self._any(field))
        return _all(tests)

    def _any(self, field: str) -> Test:
        tests = [self._both(field)]
        while self._take("OR", "||"):
            tests.append(self._both(field))
        return tests[0] if len(tests) == 1 else lambda found: any(test(found) for test in tests)

    def _both(self, field: str) -> Test:
        tests = [self._term(field)]
        while self._take("AND", "&&"):
            tests.append(self._term(field))
        return _all(tests)

    def _term(self, field: str) -> Test:
        is_negated = False
        while (token := self._next()) in _NEGATIONS or token == _PLUS:
            is_negated ^= token != _PLUS
            self._place += 1
        test = self._plain(field)
        return _not(test) if is_negated else test

    def _plain(self, field: str) -> Test:
        """A term without a sign: a group, a field with a value or group, or a value."""
        token = self._next()
        if token is None or token == _CLOSE or (field and token.kind == "field"):
            raise Unreadable("the query ends where a term is expected, or has a field of a field")
        self._place += 1
        if token == _OPEN:
            return self._group(field)
        if token.kind == "field":
            return self._plain(self._known_field(token.text))
        return _value(field or TEXT, token)

    def _known_field(self, field: str) -> str:
        if field not in self._known:
            raise Unreadable(
                f"there is no field {field}; there are {', '.join(sorted(self._known))}"
            )
        return field

    def _group(self, field: str) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"a query may have {MAX_DEPTH} groups inside each other")
        test = self._side_by_side(field)
        if self._next() != _CLOSE:
            raise Unreadable("the query lacks a )")
        self._place += 1
        self._depth -= 1
        return test

    def _next(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self, *operators: str) -> bool:
        token = self._next()
        is_one = token is not None and token.kind == "word" and token.text in operators
        self._place += is_one
        return is_one


_OPEN = _Token("punctuation", "(")
_CLOSE = _Token("punctuation", ")")
_PLUS = _Token("sign", "+")
_NEGATIONS = (_Token("sign", "-"), _Token("sign", "!"), _Token("word", "NOT"))


def _value(field: str, token: _Token) -> Test:
    match token.kind:
        case "range":
            return _between(field, token.text)
        case "phrase":
            return _is(field, _unescaped(token.text))
        case "word" if token.text in {"OR", "AND", "||", "&&"}:
            raise Unreadable(f"{token.text} stands where a term is expected")
        case "word" if token.text in {"*", "*:*"}:
            return lambda found: field == TEXT or bool(found.get(field))
        case "word" if token.text.endswith("*") and not token.text.endswith("\\*"):
            return _begins(field, _unescaped(token.text[:-1]))
        case _:
            text = _unescaped(token.text)
            return _begins(field, text) if field == TEXT else _is(field, text)


def _is(field: str, text: str) -> Test:
    """A value is the text; of the words of a dataset, all of the text's are there in a row."""
    if field not in _WORDED:
        wanted = text.casefold()
        return lambda found: any(value.casefold() == wanted for value in found.get(field, ()))
    sought = " " + " ".join(_WORDS.findall(text.casefold())) + " "
    return lambda found: any(sought in _spaced(value) for value in found.get(field, ()))


_WORDED = {TEXT, "title", "notes"}
"""Fields that are prose: one looks for words in them."""


def _begins(field: str, text: str) -> Test:
    """A value, or a word of it, begins with the text."""
    start = text.casefold()
    if field not in _WORDED:
        return lambda found: any(
            value.casefold().startswith(start) for value in found.get(field, ())
        )
    sought = [f" {word}" for word in _WORDS.findall(start)]
    return lambda found: all(
        any(word in _spaced(value) for value in found.get(field, ())) for word in sought
    )


def _spaced(value: str) -> str:
    return " " + " ".join(_WORDS.findall(value.casefold())) + " "


def _between(field: str, text: str) -> Test:
    ends = _RANGE.fullmatch(text[1:-1])
    if ends is None:
        raise Unreadable("a range is written [first TO last], with * for no limit")
    first, last = (end.strip('"') for end in ends.groups())
    open_first, open_last = text[0] == "{", text[-1] == "}"
    if field.startswith("metadata_"):
        first, last = _moment(first), _moment(last)

    def holds(value: str) -> bool:
        after = first == "*" or value > first or (value == first and not open_first)
        before = last == "*" or value < last or (value == last and not open_last)
        return after and before

    return lambda found: any(holds(value) for value in found.get(field, ()))


def _moment(text: str) -> str:
    """A moment in the form that datasets have it, so that texts compare as moments do."""
    if text == "*":
        return text
    try:
        return iso(from_iso(text), "microseconds")
    except ValueError as error:
        raise Unreadable(f"{text} is no ISO 8601 date and time") from error


def _all(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda found: all(test(found) for test in tests)


def _not(test: Test) -> Test:
    return lambda found: not test(found)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
