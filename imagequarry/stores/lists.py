"""A list of any length as one parameter of a query: neither database bears a hundred thousand parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY


def listed(connection: Connection, texts: Iterable[str]) -> Select[Any]:
    """The texts as a table of one column, for ``in_``. None may hold NUL or a lone surrogate."""
    if connection.dialect.name == "sqlite":
        return select(func.json_each(json.dumps(list(texts))).table_valued("value").c.value)
    return select(func.unnest(literal(list(texts), ARRAY(Text))))
