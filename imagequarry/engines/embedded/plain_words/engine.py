"""The engine that describes a picture by what can be measured in it."""

from __future__ import annotations

from collections.abc import Sequence

from imagequarry.domain.card import ModelCard
from imagequarry.domain.describing import Tag
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.plain_words.faces import Detectors
from imagequarry.engines.embedded.plain_words.sentence import sentence
from imagequarry.engines.embedded.plain_words.sight import see

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


class PlainWords:
    """A captioner and a tagger in one, that has no weights; the cascades for faces are read at their first use."""

    def __init__(self) -> None:
        self._detectors = Detectors()

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes: there are none."""
        return 0

    def captions(self, images: Sequence[Raster]) -> list[str]:
        """One sentence for each picture, without a full stop, in their order."""
        return [sentence(see(image, self._detectors)) for image in images]

    def tags(self, images: Sequence[Raster]) -> list[list[Tag]]:
        """What each picture shows, the surest first, no name twice; empty where nothing is sure enough."""
        return [see(image, self._detectors).tags for image in images]
