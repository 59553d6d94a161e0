"""Search: words against what pictures say and show, and pictures against pictures.

Several rankings become one by reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009): a picture gets
1 / (60 + rank) from each ranking it is in, because the scores of different rankings cannot be compared.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from imagequarry.capabilities.archive import Archive
from imagequarry.capabilities.spaces import Spaces
from imagequarry.domain.described import DescribedImage, Space
from imagequarry.domain.describing import Vectors
from imagequarry.stores import vectors
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.words import Words

_RANK_CONSTANT: Final = 60
# A ranking is read this much deeper than the page: what is low in one may be high in another.
_DEEPER: Final = 50
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Found:
    """A picture and how near it is to what was asked, 0..1."""

    image: DescribedImage
    score: float


class Search:
    """Finds described pictures."""

    def __init__(
        self, spaces: Spaces, stored: vectors.Vectors, descriptions: Descriptions, words: Words, archive: Archive
    ) -> None:
        self._spaces = spaces
        self._vectors = stored
        self._descriptions = descriptions
        self._words = words
        self._archive = archive

    def by_words(
        self,
        query: str,
        *,
        objects: Sequence[str] = (),
        limit: int = 100,
        offset: int = 0,
        min_score: float | None = None,
    ) -> list[Found]:
        """Pictures whose caption, objects or file name mean or hold the words, or that show them, best first.

        ``objects``: only pictures with any of these. ``score`` is the cosine between the query and the picture's
        words; where no model makes vectors of texts, that between the query and the picture, or else the share of the
        query's words that the picture's words hold.
        """
        depth = offset + limit + _DEEPER
        rankings = [[id for id, _ in self._words.search(query, depth, objects=objects)]]
        scores: dict[str, float] = {}
        with self._spaces.encoder("picture") as pictures:
            if pictures is not None and pictures.reads_words:
                asked = pictures.encode_words([query])
                rankings.append(self._nearest(pictures.space, asked, depth, objects))
                scores |= self._cosines(pictures.space, asked, rankings)
        with self._spaces.encoder("text") as texts:
            if texts is not None:
                asked = texts.encode([query])
                rankings.append(self._nearest(texts.space, asked, depth, objects))
                scores |= self._cosines(texts.space, asked, rankings)
        ids = _fused(rankings)
        known = self._descriptions.many([id for id in ids if id not in scores])
        scores |= {id: _share(query, image) for id, image in known.items()}
        return self._page(ids, scores, limit, offset, min_score)

    def like(
        self,
        image_id: str,
        *,
        objects: Sequence[str] = (),
        limit: int = 100,
        offset: int = 0,
        min_score: float | None = None,
    ) -> list[Found]:
        """Pictures that look like a kept one, itself left out, the likest first. Raises ``ImageNotFound``."""
        with self._spaces.encoder("picture") as pictures:
            assert pictures is not None  # the embedded encoder is always there
            vector = self._vectors.fetch(pictures.space, [image_id]).get(image_id)
            if vector is None:  # kept by a surface that describes nothing
                vector = pictures.encode([self._archive.raster_once(image_id)])[0]
            asked = np.asarray(vector, np.float32)[None]
            # One more, for the picture itself.
            hits = self._vectors.nearest(pictures.space, asked, offset + limit + 1, objects=objects)[0]
        scores = {hit.image_id: _bounded(hit.score) for hit in hits if hit.image_id != image_id}
        return self._page(list(scores), scores, limit, offset, min_score)

    def _nearest(self, space: Space, asked: Vectors, depth: int, objects: Sequence[str]) -> list[str]:
        return [hit.image_id for hit in self._vectors.nearest(space, asked, depth, objects=objects)[0]]

    def _cosines(self, space: Space, asked: Vectors, rankings: Sequence[Sequence[str]]) -> dict[str, float]:
        """The cosine of every ranked picture that has a vector there."""
        ids = list(dict.fromkeys(id for ranking in rankings for id in ranking))
        return {id: _bounded(float(vector @ asked[0])) for id, vector in self._vectors.fetch(space, ids).items()}

    def _page(
        self, ids: Sequence[str], scores: dict[str, float], limit: int, offset: int, min_score: float | None
    ) -> list[Found]:
        passing = [id for id in ids if min_score is None or scores.get(id, 0.0) >= min_score][offset : offset + limit]
        # One that was deleted meanwhile is left out.
        known = self._descriptions.many(passing)
        return [Found(known[id], scores.get(id, 0.0)) for id in passing if id in known]


def _fused(rankings: Sequence[Sequence[str]]) -> list[str]:
    """All that is ranked anywhere, the best first; equals in the order of their ids."""
    sums: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            sums[id] += 1 / (_RANK_CONSTANT + rank)
    return sorted(sums, key=lambda id: (-sums[id], id))


def _share(query: str, image: DescribedImage) -> float:
    """The share of the query's words that begin a word of the picture's."""
    if image.description is None:
        return 0.0
    said = " ".join([image.description.caption, *(tag.name for tag in image.description.objects), image.image.filename])
    there = [word.lower() for word in _WORD.findall(said.replace("_", " "))]
    asked = [word.lower() for word in _WORD.findall(query)]
    return sum(any(word.startswith(wanted) for word in there) for wanted in asked) / max(1, len(asked))


def _bounded(cosine: float) -> float:
    return min(1.0, max(0.0, cosine))
