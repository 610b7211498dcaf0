"""The reference in Markdown, from the code: settings, tables, assets, API, command line, metrics.

Each function gives the text of one part. Nothing is known here that the code does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import typer
from prometheus_client.parser import text_string_to_metric_families
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from movie_assets.cli import app as command
from movie_assets.definitions import build_definitions
from movie_assets.serving.api.app import create_app
from movie_assets.serving.api.metrics import Metrics
from movie_assets.serving.api.options import ServingSettings
from movie_assets.settings import Settings
from movie_assets.warehouse import TABLES
from movie_assets.warehouse.schema import Column, TableSchema

_METHODS = ("get", "post", "put", "delete")


def settings() -> str:
    """Every setting: variable, default, meaning."""
    return _table(
        ("variable", "default", "meaning"),
        (
            (f"`{name}`", _default(field), _sentence(field.description))
            for field in Settings.model_fields.values()
            for name in _variables(field)
        ),
    )


def _variables(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    return (
        [str(name) for name in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]
    )


def _default(field: FieldInfo) -> str:
    return "none" if field.default in (None, "") else f"`{field.default}`"


def tables() -> str:
    """Every table and view of the warehouse."""
    return "\n\n".join(_one_table(schema) for schema in TABLES.values())


def _one_table(schema: TableSchema) -> str:
    lines = [f"## `{schema.name}`", schema.description]
    lines += [f"A row's key: {', '.join(f'`{name}`' for name in schema.primary_key)}."]
    if schema.may_be_empty:
        lines[-1] += " It may be empty."
    rows = (
        (f"`{column.name}`", f"`{column.duckdb_type}`", _values(column), column.description)
        for column in schema.columns
    )
    lines.append(_table(("column", "type", "values", "meaning"), rows))
    for view in schema.views:
        columns = ", ".join(f"`{name}`" for name in view.columns)
        lines.append(f"View `{view.name}`: {view.description} Its columns: {columns}.")
    return "\n\n".join(lines)


def _values(column: Column) -> str:
    bounds = _bounds(column.minimum, column.maximum)
    return ", ".join(filter(None, [bounds, "or null" if column.nullable else ""]))


def _bounds(least: float | None, most: float | None) -> str:
    if least is None or most is None:
        return "" if least is most else f"≥ {least:g}" if most is None else f"≤ {most:g}"
    return f"{least:g} to {most:g}"


@cache
def graph() -> Any:
    """The asset graph with the default settings, and nothing of this machine's."""
    return _definitions().resolve_asset_graph()


@cache
def _definitions() -> dg.Definitions:
    return build_definitions(Settings(_env_file=None))


def assets() -> str:
    """Every asset, what it needs, what is checked of it."""
    rows = []
    for key in graph().toposorted_asset_keys:
        node = graph().get(key)
        parents = ", ".join(f"`{parent.to_user_string()}`" for parent in sorted(node.parent_keys))
        checks = ", ".join(f"`{name}`" for name in sorted(check.name for check in node.check_keys))
        rows.append(
            (
                f"`{key.to_user_string()}`",
                node.group_name,
                _sentence(node.description),
                parents,
                checks,
            )
        )
    return _table(("asset", "group", "holds", "made from", "checks"), rows)


def automation() -> str:
    """Jobs, schedules and sensors."""
    defs = _definitions()
    rows = [
        *((f"`{job.name}`", "job", _sentence(job.description)) for job in defs.jobs or ()),
        *(
            (f"`{schedule.name}`", f"schedule, `{schedule.cron_schedule}`", _described(schedule))
            for schedule in defs.schedules or ()
        ),
        *((f"`{sensor.name}`", "sensor", _described(sensor)) for sensor in defs.sensors or ()),
    ]
    return _table(("name", "kind", "does"), rows)


def _described(thing: Any) -> str:
    return _sentence(thing.description)


def api() -> str:
    """Every call of the HTTP API, from its OpenAPI document."""
    document = create_app(ServingSettings(Path("published"))).openapi()
    calls = [
        _call(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in _METHODS
    ]
    models = [_model(name, model) for name, model in document["components"]["schemas"].items()]
    return "\n\n".join(["## Calls", *calls, "## Models", *models])


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"### `{method.upper()} {path}`"]
    lines.append(_plain(operation.get("description") or operation["summary"]))
    if parameters := operation.get("parameters"):
        rows = (
            (
                f"`{parameter['name']}`",
                _kind(parameter["schema"]),
                _shown(parameter["schema"].get("default")),
                _sentence(parameter.get("description") or parameter["schema"].get("description")),
            )
            for parameter in parameters
        )
        lines.append(_table(("parameter", "type", "default", "meaning"), rows))
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"Body: {_kind(body['schema'])} as `{media}`.")
    answers = (
        (f"`{status}`", _sentence(answer.get("description")), _content(answer))
        for status, answer in operation["responses"].items()
    )
    lines.append(_table(("status", "when", "body"), answers))
    return "\n\n".join(line for line in lines if line)


def _content(answer: dict[str, Any]) -> str:
    return ", ".join(
        f"{_kind(body.get('schema', {}))} as `{media}`"
        for media, body in answer.get("content", {}).items()
    )


def _model(name: str, model: dict[str, Any]) -> str:
    required = set(model.get("required", ()))
    rows = (
        (
            f"`{field}`",
            _kind(schema),
            "" if field in required else _shown(schema.get("default")),
            _sentence(schema.get("description")),
        )
        for field, schema in model.get("properties", {}).items()
    )
    lines = [f"### `{name}`", _plain(model.get("description", ""))]
    lines.append(_table(("field", "type", "default", "meaning"), rows))
    return "\n\n".join(line for line in lines if line)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[`{name}`](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [
        f"{sign} {schema[name]}"
        for name, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("minLength", "length ≥"),
            ("maxLength", "length ≤"),
        )
        if name in schema
    ]
    kind = schema.get("format") or schema.get("type", "anything")
    return f"{kind} ({', '.join(bounds)})" if bounds else str(kind)


def _shown(default: Any) -> str:
    return "" if default is None else f"`{default}`"


def command_line() -> str:
    """Every command, its arguments and options."""
    group = typer.main.get_command(command)
    parts = [_plain(group.help or ""), _options(group.params)]
    for name, found in group.commands.items():  # type: ignore[attr-defined]
        parts += [f"## `movie-assets {name}`", _plain(found.help or ""), _options(found.params)]
    return "\n\n".join(part for part in parts if part)


def _options(params: Iterable[Any]) -> str:
    rows = []
    for param in params:
        is_option = param.param_type_name == "option"
        names = [*param.opts, *param.secondary_opts] if is_option else [param.metavar]
        is_said = param.default not in (None, False, "", ()) and not callable(param.default)
        rows.append(
            (
                ", ".join(f"`{name}`" for name in names),
                _bounds(getattr(param, "min", None), getattr(param, "max", None)),
                f"`{param.default}`" if is_said else "",
                _sentence(param.help),
            )
        )
    return _table(("option", "values", "default", "meaning"), rows) if rows else ""


def metrics() -> str:
    """Every metric of the server, as Prometheus is told of it."""
    figures = Metrics()
    figures.observe("GET", "/v1/movies", 200, 0.01)
    figures.count_reload("swapped")
    text, _ = figures.write(_Nothing(), "text/plain")
    rows = []
    for family in text_string_to_metric_families(text.decode()):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        names = ", ".join(f"`{label}`" for label in sorted(labels))
        # Creation times come beside each counter and histogram; they are the library's.
        if not family.name.endswith("_created"):
            total = "_total" if family.type == "counter" else ""
            rows.append((f"`{family.name}{total}`", family.type, names, family.documentation))
    return _table(("metric", "type", "labels", "meaning"), rows)


class _Nothing:
    """No snapshot is served."""

    served = None
    problem = None


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines: Iterator[Sequence[str]] = iter([heads, ["---"] * len(heads), *rows])
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in lines
    )


def _sentence(text: str | None) -> str:
    """On one line, with a full stop."""
    line = " ".join(_plain(text or "").split())
    return line if not line or line[-1] in ".!?" else f"{line}."


def _plain(text: str) -> str:
    """Markdown of a docstring."""
    return text.replace("``", "`").replace("\b", "").strip()
