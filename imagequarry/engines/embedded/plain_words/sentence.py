"""What was seen as one English sentence."""

from __future__ import annotations

from imagequarry.engines.embedded.plain_words.sight import Sight, light_of

LARGE_FACE = 0.3
TINY = 16
WIDE = 2.4


def sentence(sight: Sight) -> str:
    """One sentence without a full stop that says nothing that was not seen."""
    subject = _scene(sight)
    if subject:
        return subject[0].upper() + subject[1:]
    picture = _picture(sight)
    thing = _thing(sight)
    colours = _colours(sight)
    if thing:
        # The colours of the background are named already.
        return f"{picture} {thing}" if sight.backdrop or not colours else f"{picture} {thing}, {colours}"
    if sight.view.colourless:
        return picture
    return f"{picture}, {colours}" if colours else f"{picture} in several colours"


def _picture(sight: Sight) -> str:
    """The picture with its article, size and light: "A dark picture"."""
    view = sight.view
    words = []
    if min(view.width, view.height) < TINY:
        words.append("tiny")
    elif view.width >= WIDE * view.height:
        words.append("wide")
    light = light_of(view)
    if light:
        words.append(light)
    if view.colourless:
        words.append("black and white")
    if (sight.sky or sight.plants) and not words:
        words.append("outdoor") if sight.sky else None
    article = "An" if words[:1] == ["outdoor"] else "A"
    return " ".join([article, *words, "picture"])


def _scene(sight: Sight) -> str:
    """A sentence about the whole when there is no more to say than one thing, else nothing."""
    if sight.even:
        return f"a plain {sight.colours[0]} picture" if sight.colours else "a plain picture"
    if sight.document:
        return "a document with rows of dark text on light paper"
    if sight.people or sight.cats:
        return ""
    if sight.sunset:
        return "a sunset with a glowing sky above a dark ground"
    if sight.night:
        return "a night picture with many small lights in the dark"
    return ""


def _thing(sight: Sight) -> str:
    """What the picture shows and where: "of a person in front of a plain grey background"."""
    who = _who(sight)
    around = _around(sight)
    if who:
        return f"of {who} {around}" if around else f"of {who}"
    if sight.backdrop:
        colour = f"a mostly {sight.backdrop.subject} subject" if sight.backdrop.subject else "a subject"
        return f"of {colour} {sight.backdrop.place} in front of a plain {sight.backdrop.colour} background"
    return around


def _who(sight: Sight) -> str:
    # Some faces are overlooked: of more than one it is not said how many.
    if len(sight.people) > 1:
        return "people"
    if sight.people:
        return "a person's face" if sight.people[0].height >= LARGE_FACE * sight.view.rows else "a person"
    return "a cat" if sight.cats else ""


def _around(sight: Sight) -> str:
    who = bool(sight.people or sight.cats)
    if sight.backdrop and who:
        return f"in front of a plain {sight.backdrop.colour} background"
    if sight.sky:
        sky = f"a {sight.sky.colour} sky"
        if sight.water:
            return f"with water under {sky}"
        return f"with green plants under {sky}" if sight.plants else f"under {sky}"
    if sight.plants:
        return "filled with green plants" if sight.plants.share > 0.6 and not who else "with green plants"
    return ""


def _colours(sight: Sight) -> str:
    """ "mostly brown and grey" or where two colours are; nothing when no colour stands out or there are none."""
    if sight.view.colourless:
        return ""
    if sight.arrangement and not sight.sky:
        return sight.arrangement
    return f"mostly {' and '.join(sight.colours)}" if sight.colours else ""
