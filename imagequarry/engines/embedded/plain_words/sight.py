"""All that is seen in one picture, gathered once for the caption and the tags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagequarry.domain.describing import Tag
from imagequarry.domain.raster import Raster
from imagequarry.engines.embedded.plain_words import scenes
from imagequarry.engines.embedded.plain_words.colour_names import main_colours, named, shares
from imagequarry.engines.embedded.plain_words.document import is_document
from imagequarry.engines.embedded.plain_words.faces import Detectors, Face
from imagequarry.engines.embedded.plain_words.layout import Backdrop, arrangement_of, backdrop_of
from imagequarry.engines.embedded.plain_words.scenes import Part
from imagequarry.engines.embedded.plain_words.view import View, look

# What is less sure than this is not said.
SURE = 0.55
EVEN = 2.5


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen, by kind. ``even``: the picture is of one colour and nothing else."""

    view: View
    colours: list[str]
    arrangement: str
    even: bool
    document: bool
    people: list[Face]
    cats: list[Face]
    sky: Part | None
    plants: Part | None
    water: Part | None
    sunset: Part | None
    night: bool
    backdrop: Backdrop | None

    @property
    def tags(self) -> list[Tag]:
        """The things seen, the surest first, then how the picture looks."""
        found = {
            "document": 0.9 * self.document,
            "person": max((face.score for face in self.people), default=0.0),
            "face": max((face.score for face in self.people), default=0.0),
            "cat": max((face.score for face in self.cats), default=0.0),
            "sky": self.sky.score if self.sky else 0.0,
            "plants": self.plants.score if self.plants else 0.0,
            "water": self.water.score if self.water else 0.0,
            "sunset": self.sunset.score if self.sunset else 0.0,
            "night": 0.7 * self.night,
            "black and white": 0.95 * (self.view.colourless and not self.even),
        }
        tags = [Tag(name, round(score, 3)) for name, score in found.items() if score >= SURE]
        return sorted(tags, key=lambda tag: -tag.score) + self._looks

    @property
    def _looks(self) -> list[Tag]:
        """Light and main colours, by which a picture can be found that shows nothing else; after all things."""
        colours = [] if self.view.colourless else self.colours
        return [Tag(word, SURE) for word in (light_of(self.view), *colours) if word]


def see(image: Raster, detectors: Detectors) -> Sight:
    """Everything that can be said of a picture."""
    view = look(image)
    names = named(view)
    colours = main_colours(shares(names))
    arrangement = arrangement_of(names) if scenes.is_scene(view) else ""
    even = bool(view.lightness.std() < EVEN and view.chroma.std() < EVEN and view.texture.max() < 2 * EVEN)
    if even or not scenes.is_scene(view):
        return Sight(view, colours, arrangement, even, False, [], [], None, None, None, None, False, None)
    if is_document(view):
        return Sight(view, colours, arrangement, False, True, [], [], None, None, None, None, False, None)
    people = detectors.people(view)
    cats = detectors.cats(view, people)
    large = any(face.height > 0.3 * view.rows for face in people + cats)
    plants = None if view.colourless else scenes.plants_of(view)
    sky = None if large else scenes.sky_of(view)
    # A pale wall is like a pale sky; not so above plants.
    if sky and sky.colour == "pale" and (people or not plants):
        sky = None
    return Sight(
        view=view,
        colours=colours,
        arrangement=arrangement,
        even=False,
        document=False,
        people=people,
        cats=cats,
        sky=sky,
        plants=plants,
        water=scenes.water_of(view, sky),
        sunset=None if people or view.colourless else scenes.sunset_of(view),
        night=not people and scenes.is_night(view),
        backdrop=None if sky else backdrop_of(view, names),
    )


def light_of(view: View) -> str:
    """ "bright", "dark" or nothing, by the mean lightness."""
    mean = float(np.mean(view.lightness))
    return "dark" if mean < 26 else "bright" if mean > 72 else ""
