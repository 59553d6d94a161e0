"""Every kind of job the server does: a visible list."""

from __future__ import annotations

from imagequarry.jobs import exporting, indexing, modelling, pulling, segmenting
from imagequarry.jobs.kinds import Kind, Tools

KINDS: tuple[Kind[Tools], ...] = (
    segmenting.EVERYTHING,
    segmenting.BOX,
    segmenting.EXTRACT,
    segmenting.SINGLE,
    segmenting.BATCH,
    indexing.INDEX,
    indexing.AGAIN,
    modelling.MODEL,
    modelling.MODELS,
    exporting.EXPORT,
    pulling.PULL,
)
