"""What a scene is made of, by colour, texture and place: sky, plants, water, a sunset, the night."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imagequarry.engines.embedded.plain_words.view import Mask, View

# Sides below this many pixels of the view hold no scene.
SMALLEST = 48
SMOOTH = 3.5
SKY_LEAST, PLANTS_LEAST, WATER_LEAST = 0.08, 0.17, 0.12
LIGHTS_LEAST = 12
TOP_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a scene: where it is (h, w), and how sure it is that it is that, 0..1."""

    where: Mask
    score: float
    colour: str = ""

    @property
    def share(self) -> float:
        """Its share of the picture."""
        return float(self.where.mean())


def is_scene(view: View) -> bool:
    """Whether the picture is large enough to hold one."""
    return min(view.rows, view.columns) >= SMALLEST


def sky_of(view: View) -> Part | None:
    """A smooth blue or bright grey area along the upper edge that ends above the lower one, lighter than the rest."""
    smooth = view.texture < SMOOTH
    blue = (view.hue > 215) & (view.hue < 300) & (view.chroma > 7) & (view.lightness > 25)
    pale = (view.chroma <= 12) & (view.lightness > 62)
    cloudy = blue | pale
    blue_sky = _along_top(smooth & blue)
    if blue_sky is not None and not view.colourless:
        # Clouds belong to the sky below or between which the blue is.
        whole = _along_top(cloudy & (view.texture < 3 * SMOOTH))
        whole = blue_sky if whole is None else whole | blue_sky
        share_of_blue = (blue & whole).sum() / whole.sum()
        score = _sky_score(view, whole, 0.75)
        if score and share_of_blue > 0.5 and view.chroma[whole].mean() > 9:
            return Part(whole, score, "blue" if share_of_blue > 0.75 else "cloudy")
    grey_sky = None if view.colourless else _along_top(smooth & pale)
    if grey_sky is not None:
        score = _sky_score(view, grey_sky, 0.55)
        below = ~grey_sky
        if score and view.lightness[below].mean() < view.lightness[grey_sky].mean() - 18:
            return Part(grey_sky, score, "pale")
    return None


def _sky_score(view: View, where: Mask, base: float) -> float:
    """How sure it is that an area along the upper edge is sky; 0 when it is not."""
    share = float(where.mean())
    if share < SKY_LEAST or where[-1].mean() > 0.35 or where[-view.rows // 8 :].mean() > 0.35:
        return 0.0
    # Deep under water it is blue and dark as well.
    if view.lightness[where].mean() < 40 and view.chroma[where].mean() > 40:
        return 0.0
    # Towards the horizon it gets lighter, a wall or water further away darker.
    height = np.arange(view.rows)[:, None] / max(1.0, float(np.percentile(np.nonzero(where)[0], 95)))
    if view.lightness[where & (height > 0.6)].mean() < view.lightness[where & (height < 0.3)].mean() - 9:
        return 0.0
    below = view.texture[~where]
    if np.percentile(below, 60) < 0.75 * SMOOTH:
        return 0.0
    # Its lower end is nowhere at the top: a wall behind a subject reaches down at the sides.
    depth = where.sum(0) / view.rows
    sides = max(float(depth[: view.columns // 12].mean()), float(depth[-view.columns // 12 :].mean()))
    if sides > 0.78:
        return 0.0
    return min(0.95, base + 0.5 * min(share, 0.4))


def plants_of(view: View) -> Part | None:
    """Green that leans to yellow rather than to blue, and is neither faint nor smooth."""
    green = (view.hue > 104) & (view.hue < 150) & (view.chroma > 13) & (view.lightness > 14) & (view.lightness < 88)
    vivid = float((green & (view.hue > 110) & (view.hue < 140) & (view.chroma > 18)).mean())
    if vivid < PLANTS_LEAST or not 112.5 < view.hue[green].mean() < 137 or view.chroma[green].mean() < 20.4:
        return None
    texture = view.texture[green]
    if np.median(texture) < 1.8 or (texture > 2).mean() < 0.55:
        return None
    return Part(green, min(0.95, 0.6 + 0.6 * min(vivid, 0.6)))


def water_of(view: View, sky: Part | None) -> Part | None:
    """Blue from side to side under a sky, with ripples: light changes more from row to row than along a row."""
    if sky is None:
        return None
    bluish = (view.hue > 180) & (view.hue < 305) & (view.chroma > 8) & (view.lightness > 12) & (view.lightness < 78)
    where = _largest(bluish & ~sky.where)
    if where is None or where.mean() < WATER_LEAST or where[-view.rows // 6 :].mean() < 0.4:
        return None
    if where.mean(1).max() < 0.85 or where[: view.rows // 8].mean() > 0.1:
        return None
    across = np.abs(cv2.Sobel(view.lightness, cv2.CV_32F, 1, 0))[where].mean()
    down = np.abs(cv2.Sobel(view.lightness, cv2.CV_32F, 0, 1))[where].mean()
    ripples = float(down / (across + 1e-3))
    if ripples < 1.2:
        return None
    return Part(where, min(0.9, 0.35 + 0.2 * min(ripples, 2) + 0.3 * min(1, float(where.mean()) / 0.4)))


def sunset_of(view: View) -> Part | None:
    """A smooth glow of red to yellow from side to side in the upper part, above a dark ground."""
    glow = (view.hue > 15) & (view.hue < 95) & (view.chroma > 30) & (view.lightness > 25) & (view.texture < SMOOTH)
    where = _largest(glow)
    if where is None or where.mean() < 0.2 or where.mean(1).max() < 0.9:
        return None
    heights = np.flatnonzero(where.any(1))
    ground = float((view.lightness[-view.rows // 5 :] < 22).mean())
    if ground < 0.6 or heights.mean() > 0.55 * view.rows:
        return None
    return Part(where, min(0.9, 0.4 + 0.3 * ground + 0.4 * float(where.mean())))


def is_night(view: View) -> bool:
    """Whether there are many small lights in the dark."""
    dark = view.lightness < 18
    if dark.mean() < 0.7 or dark[: view.rows // 4].mean() < 0.7:
        return False
    bright = (view.lightness > 45).astype(np.uint8)
    _, _, figures, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    sizes = figures[1:, cv2.CC_STAT_AREA]
    lights = sizes[sizes < 0.001 * bright.size]
    # A lit subject breaks up into some specks too, but most of its light is in large pieces.
    return bool(len(lights) >= LIGHTS_LEAST and lights.sum() > 0.5 * sizes.sum())


def _along_top(mask: Mask) -> Mask | None:
    """The pieces of a mask that start at the upper edge, when they cover enough of it."""
    joined = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, label = cv2.connectedComponents(joined, connectivity=4)
    # Not the very edge: scans have a frame.
    margin = len(label) // 25
    starts = np.unique(label[margin])
    found: Mask = np.isin(label, starts[starts > 0])
    return found if len(starts) and found[margin].mean() >= TOP_LEAST else None


def _largest(mask: Mask) -> Mask | None:
    """The largest piece of a mask."""
    _, label, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if len(figures) < 2:
        return None
    found: Mask = label == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())
    return found
