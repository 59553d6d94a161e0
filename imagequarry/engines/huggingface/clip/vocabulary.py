"""The words that are looked for in a picture where nobody chose others: the objects of COCO, and words for scenes."""

from __future__ import annotations

from collections.abc import Sequence

from imagequarry.errors import InvalidInput

MOST_WORDS = 5000
LONGEST_WORD = 80

# The 80 names of COCO (Lin et al. 2014).
COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear"),
    *("hair drier", "toothbrush"),
)

SCENES = (
    *("beach", "mountain", "forest", "sea", "lake", "river", "waterfall", "desert", "field", "garden", "park"),
    *("sky", "clouds", "sunset", "sunrise", "night", "snow", "rain", "fog", "fire", "fireworks", "tree", "flower"),
    *("street", "city", "skyline", "building", "house", "church", "castle", "bridge", "tower", "road", "harbour"),
    *("kitchen", "bedroom", "bathroom", "living room", "office", "classroom", "restaurant", "shop", "stadium"),
    *("concert", "wedding", "birthday party", "portrait", "selfie", "baby", "child", "crowd", "food", "drink"),
    *("document", "screenshot", "map", "drawing", "painting", "statue", "poster", "logo", "diagram", "insect", "fish"),
)

VOCABULARY: tuple[str, ...] = (*COCO, *SCENES)


def words_of(words: Sequence[str]) -> tuple[str, ...]:
    """The words in lower case with single spaces, each once, in their order. Raises ``InvalidInput`` where there are
    none, too many, or one is too long."""
    cleaned = tuple(dict.fromkeys(word for word in (" ".join(word.lower().split()) for word in words) if word))
    if not 0 < len(cleaned) <= MOST_WORDS:
        raise InvalidInput(f"A vocabulary has between 1 and {MOST_WORDS} words.")
    if any(len(word) > LONGEST_WORD or not word.isprintable() for word in cleaned):
        raise InvalidInput(f"A word of a vocabulary has {LONGEST_WORD} characters at most, all of them printable.")
    return cleaned
