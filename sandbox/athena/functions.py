"""The functions of Athena that run here, and what they mean to DuckDB where the two differ.

Some of Athena's have the same name in DuckDB and mean something else; those are replaced. A function
that is not listed is refused by name, also when DuckDB would know it: Athena might not.
"""

from collections.abc import Callable

from sqlglot import exp, parse_one

NAMES = """
abs acos approx_distinct approx_percentile arbitrary any_value array_agg array_join asin atan atan2
avg bool_and bool_or cardinality cast ceil ceiling coalesce concat contains corr cos count count_if
date date_add date_diff date_format date_trunc day day_of_week day_of_year degrees dense_rank
element_at every exp first_value floor from_iso8601_timestamp from_unixtime greatest hour if is_nan
json_extract_scalar lag last_value lead least length ln log10 lower lpad ltrim max max_by min min_by
minute mod month now nth_value ntile nullif percent_rank pow power quarter radians rank regexp_extract
regexp_like regexp_replace replace round row_number rpad rtrim second sequence sign sin split
split_part sqrt starts_with stddev stddev_pop stddev_samp strpos substr substring sum tan to_unixtime
trim try_cast unnest upper var_pop var_samp variance week year
"""

FUNCTIONS = frozenset(NAMES.split())

MACROS = (
    # of a value that is no scalar, Athena extracts nothing
    """CREATE MACRO athena_json_scalar(document, path) AS
       CASE WHEN json_type(document, path) IN ('OBJECT', 'ARRAY') THEN NULL
            ELSE json_extract_string(document, path) END""",
    # the shortest text that says so to the millisecond
    """CREATE MACRO athena_timestamp_text(moment) AS strftime(moment, '%Y-%m-%d %H:%M:%S.%g')""",
)
"""What DuckDB is told before any query."""


def replaced(node: exp.Expr) -> exp.Expr:
    """The node as DuckDB must compute it to get what Athena gets; types are annotated."""
    rule = RULES.get(type(node))
    return rule(node) if rule else node


def _call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    given = [argument for argument in arguments if argument is not None]
    return exp.Anonymous(this=name, expressions=given)


def _quantile(node: exp.Expr) -> exp.Expr:
    return _call("quantile_cont", node.this, node.args["quantile"])


def _division(node: exp.Expr) -> exp.Expr:
    whole = [side.is_type(*exp.DataType.INTEGER_TYPES) for side in (node.this, node.expression)]
    return exp.IntDiv(this=node.this, expression=node.expression) if all(whole) else node


def _at_zone(node: exp.Expr) -> exp.Expr:
    """The wall clock of the zone: a timestamp without a zone is UTC to Athena, local time to DuckDB."""
    instant = node.this
    if not instant.is_type("timestamptz"):
        instant = exp.AtTimeZone(this=exp.paren(instant), zone=exp.Literal.string("UTC"))
    return exp.AtTimeZone(this=exp.paren(instant), zone=node.args["zone"])


def _cast(node: exp.Expr) -> exp.Expr:
    if node.is_type(*exp.DataType.TEXT_TYPES) and node.this.is_type("timestamp"):
        return _call("athena_timestamp_text", node.this)
    if node.is_type("timestamp"):
        node.set("to", exp.DataType.build("timestamp"))  # DuckDB has a type for every precision
    return node


RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    # DuckDB's arg_max passes over rows whose value is null; Athena's does not
    exp.ArgMax: lambda node: _call("arg_max_null", node.this, node.expression),
    exp.ArgMin: lambda node: _call("arg_min_null", node.this, node.expression),
    # exact answers, so that the same query always says the same
    exp.ApproxDistinct: lambda node: exp.Count(this=exp.Distinct(expressions=[node.this])),
    exp.ApproxQuantile: _quantile,
    # DuckDB's date_diff counts boundaries; Athena counts whole units
    exp.DateDiff: lambda node: _call(
        "date_sub",
        exp.Literal.string(str(node.args["unit"].name).lower()),
        exp.cast(node.expression, "timestamp"),
        exp.cast(node.this, "timestamp"),
    ),
    exp.JSONExtractScalar: lambda node: _call(
        "athena_json_scalar", node.this, parse_one(node.expression.sql("athena"))
    ),
    exp.Div: _division,
    exp.AtTimeZone: _at_zone,
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
