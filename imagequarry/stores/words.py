"""Words searched in what is said of pictures and in their files' names, by the full text index of either database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, column, desc, func, literal_column, select, table, text, union_all
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from imagequarry.domain.records import is_id
from imagequarry.stores.database import Database
from imagequarry.stores.descriptions import with_objects
from imagequarry.stores.images import bounded
from imagequarry.stores.lists import listed
from imagequarry.stores.tables import descriptions
from imagequarry.stores.wording import forms, is_in_word, words

_MOST_WORDS = 32
_MOST_CHARACTERS = 2000
_SHORTEST_BEGINNING = 2
# What a word that only begins so counts, beside one that stands there as it was typed.
_BEGINNING_COUNTS = 0.25
# They say nothing of a picture, and nearly every caption has one.
_FILLERS = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
    )
)

# What a word weighs in the name, in the caption and among the objects; PostgreSQL's weights are for D, C, B and A.
_BM25 = "bm25(2.0, 1.0, 1.0)"
_WEIGHTS: ColumnElement[Any] = literal_column("'{0, 0, 0.5, 1}'::real[]")
# Divides by 1 + the logarithm of the length.
_BY_LENGTH: ColumnElement[Any] = literal_column("1")
_ENGLISH: ColumnElement[Any] = literal_column("'english'::regconfig")
_VECTOR: ColumnElement[Any] = literal_column("descriptions.words", TSVECTOR())
_SIMPLE: ColumnElement[Any] = literal_column("'simple'::regconfig")


class Words:
    """Full text search over captions, objects and file names: bm25 in SQLite, ts_rank in PostgreSQL.

    ts_rank and not ts_rank_cd, because any word may match: that one measures how near to each other all of them
    stand, this one grows with how many of them there are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(
        self,
        query: str,
        limit: int = 100,
        *,
        objects: Sequence[str] = (),
        among: Sequence[str] | None = None,
        typing: bool = True,
    ) -> list[tuple[str, float]]:
        """The pictures in which any of the words stands, (id, rank) with the best first.

        A rank is positive and means nothing but its order. ``objects`` and ``among`` narrow the search to pictures
        with any of these objects, and to these ids. With ``typing``, the last word may be the beginning of one.
        Any query is safe, whatever its characters and length; one without a word finds nothing.
        """
        phrases, beginning = _understood(query, typing)
        if not phrases:
            return []
        search = _sqlite if self._database.is_sqlite else _postgresql
        found = search(phrases, beginning)
        with self._database.read() as connection:
            if objects:
                found = found.where(descriptions.c.image_id.in_(with_objects(objects)))
            if among is not None:
                found = found.where(descriptions.c.image_id.in_(listed(connection, filter(is_id, among))))
            best = found.order_by(desc("rank"), descriptions.c.number.desc()).limit(bounded(limit))
            return [(id, float(rank)) for id, rank in connection.execute(best)]


def _understood(query: str, typing: bool) -> tuple[list[str], str]:
    """The words and phrases that are asked for, and the beginning of a word that is still typed, or ""."""
    query = query[:_MOST_CHARACTERS]
    asked = words(query)[:_MOST_WORDS]
    telling = [word for word in asked if word.lower() not in _FILLERS] or asked
    phrases = list(dict.fromkeys(form for word in telling for form in forms(word)))
    beginning = asked[-1].lower() if asked and typing and is_in_word(query[-1]) else ""
    if len(beginning) < _SHORTEST_BEGINNING or asked[-1] not in telling:
        beginning = ""
    return phrases, beginning


# Below, what is quoted holds letters, marks, digits and spaces only: nothing in it means anything to either parser.


def _sqlite(phrases: list[str], beginning: str) -> Select[*tuple[Any, ...]]:
    """Ids of pictures with their ranks."""
    asked = [_matching("description_words", " OR ".join(f'"{phrase}"' for phrase in phrases), 1)]
    if beginning:
        asked.append(_matching("description_beginnings", f'"{beginning}" *', _BEGINNING_COUNTS))
    hits = union_all(*asked).subquery()
    ranks = select(hits.c.number, func.sum(hits.c.rank).label("rank")).group_by(hits.c.number).subquery()
    return select(descriptions.c.image_id, ranks.c.rank).join(ranks, ranks.c.number == descriptions.c.number)


def _matching(index: str, query: str, counts: float) -> Select[*tuple[Any, ...]]:
    # The column rank and not the function bm25, which SQLite cannot call once it has rearranged the query.
    matches = text(f"{index} MATCH :{index} AND rank MATCH '{_BM25}'").bindparams(**{index: query})
    rank: ColumnElement[float] = column("rank")  # the better, the further below zero
    return (
        select(column("rowid").label("number"), (-counts * rank).label("rank")).select_from(table(index)).where(matches)
    )


def _postgresql(phrases: list[str], beginning: str) -> Select[*tuple[Any, ...]]:
    """Ids of pictures with their ranks."""
    quoted = " | ".join(f"'{phrase}'" for phrase in phrases)
    query = _tsquery(_ENGLISH, quoted).op("||", return_type=TSQUERY())(_tsquery(_SIMPLE, quoted))
    rank: ColumnElement[float] = func.ts_rank(_WEIGHTS, _VECTOR, query, _BY_LENGTH)
    if beginning:
        begins = _tsquery(_SIMPLE, f"'{beginning}':*")
        rank += _BEGINNING_COUNTS * func.ts_rank(_WEIGHTS, _VECTOR, begins, _BY_LENGTH)
        query = query.op("||", return_type=TSQUERY())(begins)
    return select(descriptions.c.image_id, rank.label("rank")).where(_VECTOR.op("@@", is_comparison=True)(query))


def _tsquery(configuration: ColumnElement[Any], query: str) -> ColumnElement[Any]:
    return func.to_tsquery(configuration, query, type_=TSQUERY())
