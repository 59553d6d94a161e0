"""The engine that describes a picture by what can be measured in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from weakref import ref

from imagequarry.domain.card import ModelCard
from imagequarry.domain.describing import Tag
from imagequarry.domain.raster import Pixels, Raster
from imagequarry.engines.embedded.plain_words.faces import Detectors
from imagequarry.engines.embedded.plain_words.sentence import sentence
from imagequarry.engines.embedded.plain_words.sight import see

# More than a batch holds.
REMEMBERED = 64

CAPTION_CARD = ModelCard(
    name="plain-words",
    task="caption",
    family="embedded",
    description="Colours, light, layout, sky, plants, water, text and faces in one sentence: nothing to fetch.",
    version="1",
    licence="MIT",
    source="part of this package; faces by the cascades that come with OpenCV",
)
OBJECTS_CARD = ModelCard(
    name="plain-words-objects",
    task="objects",
    family="embedded",
    description="People, cats' faces, sky, plants, water, documents, sunsets and nights: nothing to fetch.",
    version="1",
    licence="MIT",
    source="part of this package; faces by the cascades that come with OpenCV",
    runs_as="plain-words",
)


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a picture."""

    caption: str
    tags: tuple[Tag, ...]


class PlainWords:
    """A captioner and a tagger in one, that has no weights; the cascades for faces are read at their first use.

    What was said of the last few pictures is remembered while they are in memory: a caption and the tags of a picture
    are asked for one after the other, and cost it once.
    """

    def __init__(self) -> None:
        self._detectors = Detectors()
        self._said: deque[tuple[ref[Pixels], Said]] = deque(maxlen=REMEMBERED)
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes: there are none."""
        return 0

    def captions(self, images: Sequence[Raster]) -> list[str]:
        """One sentence for each picture, without a full stop, in their order."""
        return [self._describe(image).caption for image in images]

    def tags(self, images: Sequence[Raster]) -> list[list[Tag]]:
        """What each picture shows, the surest first, no name twice; empty where nothing is sure enough."""
        return [list(self._describe(image).tags) for image in images]

    def _describe(self, image: Raster) -> Said:
        with self._lock:
            for pixels, said in self._said:
                if pixels() is image.rgb:
                    return said
        sight = see(image, self._detectors)
        said = Said(sentence(sight), tuple(sight.tags))
        with self._lock:
            self._said.append((ref(image.rgb), said))
        return said
