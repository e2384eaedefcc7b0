"""A query in Athena's dialect, checked as Athena checks it, in DuckDB's words.

What DuckDB would take and Athena would not (an alias in GROUP BY, a text compared with a time, LIMIT
before OFFSET, functions of DuckDB's own) is refused here, with Athena's name of the error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import Token, TokenType, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from sandbox.athena import functions
from sandbox.athena.catalog import Table
from sandbox.athena.failures import QueryFailed
from sandbox.athena.statements import DIALECT, tokens_of

PATH = "$path"
"""The hidden column: the file that a row is from."""

UNNAMED = "_col"
"""A result column that the query does not name is called so, and by its place."""

UNKNOWN_SYNTAX = (exp.Qualify, exp.ILike, exp.Pivot)
"""What other dialects have, and sqlglot therefore reads."""

FAMILIES = {
    "text": exp.DataType.TEXT_TYPES,
    "number": exp.DataType.NUMERIC_TYPES,
    "time": exp.DataType.TEMPORAL_TYPES,
    "boolean": {exp.DataType.Type.BOOLEAN},
}
"""Types that may be compared with each other."""

Tables = Mapping[tuple[str, str], Table]
"""The tables of a query by database and name."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One mention of a table: the view that stands for it, the columns it must have, the conditions on it."""

    view: str
    table: Table
    columns: frozenset[str]
    conditions: Sequence[exp.Expr]


@dataclass(frozen=True, slots=True)
class Translation:
    """The query for DuckDB, on a view for each scan."""

    sql: str
    scans: Sequence[Scan]


def translate(text: str, database: str, find: Callable[[str, str], Table]) -> Translation:
    """Check and translate a query; `find` gives the table of a database and a name.

    Raises QueryFailed as Athena would fail the query.
    """
    tokens = tokens_of(text)
    _check_words(tokens)
    _check_order(tokens)
    query = _parsed(text)
    tables = _tables(query, database, find)
    query = _qualified(query, database, tables)
    _check_comparisons(query)
    for number, (node, _) in enumerate(_mentions(query)):
        node.meta["view"] = f"scan_{number}"
    scans = _scans(query, tables)
    for node, _ in _mentions(query):
        node.replace(exp.table_(node.meta["view"], alias=node.args["alias"].this.copy()))
    return Translation(query.transform(functions.replaced).sql("duckdb"), scans)


def _check_words(tokens: Sequence[Token]) -> None:
    """Refuse functions that are not known to run alike, and casts by colons."""
    for place, token in enumerate(tokens[:-1]):
        if token.token_type is TokenType.DCOLON:
            raise _mismatched(token)
        if tokens[place + 1].token_type is not TokenType.L_PAREN:
            continue
        foreign = token.token_type in {TokenType.LEFT, TokenType.RIGHT, TokenType.FORMAT}
        named = place and tokens[place - 1].token_type in {TokenType.ALIAS, TokenType.WITH}
        called = token.token_type is TokenType.VAR and not named
        if foreign or (called and token.text.lower() not in functions.FUNCTIONS):
            raise QueryFailed(
                "FUNCTION_NOT_FOUND",
                f"line {token.line}:{token.col}: Function '{token.text.lower()}' is not one that runs "
                "here as it does on AWS",
            )


def _check_order(tokens: Sequence[Token]) -> None:
    """OFFSET stands before LIMIT."""
    limited = [False]
    for token in tokens:
        match token.token_type:
            case TokenType.L_PAREN:
                limited.append(False)
            case TokenType.R_PAREN if len(limited) > 1:
                limited.pop()
            case TokenType.LIMIT:
                limited[-1] = True
            case TokenType.OFFSET if limited[-1]:
                raise _mismatched(token)


def _mismatched(token: Token) -> QueryFailed:
    place = f"line {token.line}:{token.col}"
    return QueryFailed("SYNTAX_ERROR", f"{place}: mismatched input '{token.text}'")


def _parsed(text: str) -> exp.Query:
    try:
        query = parse_one(text, read=DIALECT)
    except SqlglotError as error:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: {error}") from error
    if not isinstance(query, exp.Query):
        raise QueryFailed("NOT_SUPPORTED", "Only SELECT and UNLOAD run here")
    if unknown := query.find(*UNKNOWN_SYNTAX):
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: mismatched input '{unknown.key.upper()}'")
    return query


def _tables(query: exp.Query, database: str, find: Callable[[str, str], Table]) -> Tables:
    keys = {
        (node.db.lower() or database, node.name.lower())
        for scope in traverse_scope(query)
        for node in scope.sources.values()
        if isinstance(node, exp.Table)
    }
    return {key: find(*key) for key in sorted(keys)}


def _qualified(query: exp.Query, database: str, tables: Tables) -> exp.Query:
    """The query with every column named with its table, and every type known."""
    schema = MappingSchema(dialect=DIALECT)
    for key, table in tables.items():
        schema.add_table(exp.table_(key[1], db=key[0]), table.schema | {PATH: "VARCHAR"})
    for column in query.find_all(exp.Column):
        column.meta["written"] = True
    for select in query.find_all(exp.Select):
        select.set("expressions", [_named(shown) for shown in select.expressions])
    try:
        qualified = qualify(
            query, dialect=DIALECT, db=database, schema=schema, expand_alias_refs=False
        )
    except SqlglotError as error:
        raise QueryFailed("COLUMN_NOT_FOUND", f"line 1:1: {error}") from error
    for select in qualified.find_all(exp.Select):
        select.set("expressions", [shown for shown in select.expressions if not _hidden(shown)])
    for place, shown in enumerate(qualified.selects):
        if shown.alias == UNNAMED:
            shown.set("alias", exp.to_identifier(f"_col{place}", quoted=True))
    return annotate_types(qualified, schema=schema, dialect=DIALECT)


def _named(projection: exp.Expr) -> exp.Expr:
    """The projection with a name, if its expression gives it none: sqlglot would give it one."""
    if isinstance(projection, exp.Column | exp.Alias | exp.Star | exp.Dot):
        return projection
    return exp.alias_(projection, UNNAMED, quoted=True)


def _hidden(projection: exp.Expr) -> bool:
    """Whether a star brought in the hidden column."""
    column = projection.unalias()
    return isinstance(column, exp.Column) and column.name == PATH and not column.meta.get("written")


def _check_comparisons(query: exp.Query) -> None:
    for comparison in query.find_all(exp.Predicate):
        for other in _compared_with(comparison):
            left, right = _family(comparison.this), _family(other)
            if left and right and left != right:
                raise QueryFailed(
                    "TYPE_MISMATCH",
                    f"line 1:1: Cannot compare {comparison.this.type} with {other.type}: "
                    f"{comparison.sql(DIALECT)}",
                )


def _compared_with(comparison: exp.Expr) -> list[exp.Expr]:
    match comparison:
        case exp.In():
            return comparison.expressions
        case exp.Between():
            return [comparison.args["low"], comparison.args["high"]]
        case exp.Binary():
            return [comparison.expression]
    return []


def _family(value: exp.Expr) -> str | None:
    return next((name for name, types in FAMILIES.items() if value.is_type(*types)), None)


def _mentions(query: exp.Query) -> Iterator[tuple[exp.Table, exp.Select]]:
    """Each mention of a table, with the SELECT around it."""
    for scope in traverse_scope(query):
        for node in scope.sources.values():
            if isinstance(node, exp.Table) and isinstance(scope.expression, exp.Select):
                yield node, scope.expression


def _scans(query: exp.Query, tables: Tables) -> list[Scan]:
    """What each scan needs, once conditions and columns have been pushed down to it."""
    pushed = pushdown_projections(pushdown_predicates(query.copy(), dialect=DIALECT))
    return [
        Scan(
            view=node.meta["view"],
            table=tables[node.db, node.name],
            columns=_columns(pushed, node.alias),
            conditions=[
                _unqualified(condition)
                for condition in _conditions(select, node.alias)
                if _is_about(condition, node.alias)
            ],
        )
        for node, select in _mentions(pushed)
    ]


def _is_about(condition: exp.Expr, alias: str) -> bool:
    """Whether the condition says something of this table alone."""
    tables = {column.table for column in condition.find_all(exp.Column)}
    return tables == {alias} and not condition.find(exp.Query)


def _columns(query: exp.Query, alias: str) -> frozenset[str]:
    return frozenset(
        column.name for column in query.find_all(exp.Column) if column.table in {"", alias}
    )


def _conditions(select: exp.Select, alias: str) -> Iterator[exp.Expr]:
    """The conditions that every row of the table must meet."""
    if where := select.args.get("where"):
        yield from _conjuncts(where.this)
    for join in select.args.get("joins", []):
        if "on" in join.args and (not join.side or join.alias_or_name == alias):
            yield from _conjuncts(join.args["on"])


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from condition.flatten()
    else:
        yield condition


def _unqualified(condition: exp.Expr) -> exp.Expr:
    def bare(node: exp.Expr) -> exp.Expr:
        return exp.column(node.name, quoted=True) if isinstance(node, exp.Column) else node

    return condition.transform(functions.replaced).transform(bare)
