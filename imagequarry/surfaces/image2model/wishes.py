"""How a model should be made, as a form or a body says it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from imagequarry.errors import InvalidInput, ModelNotFound
from imagequarry.jobs.model_orders import ModelWish
from imagequarry.runtime.parts import Runtime
from imagequarry.surfaces.image2model.schemas import ModelFields


def fields_of(texts: Mapping[str, str]) -> ModelFields:
    """The texts of a form; those of other names mean nothing. Raises ``RequestValidationError``."""
    try:
        return ModelFields.model_validate(dict(texts))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in found]) from None


def wish_of(here: Runtime, fields: ModelFields) -> ModelWish:
    """The wish, refused when it names a model that cannot run.

    A name that means none is a bad parameter, not a missing page. Raises ``ModelUnavailable``, ``RemoteNotSetUp``.
    """
    try:
        here.meshes.ready(fields.model_type)
    except ModelNotFound as error:
        makers = [one.card.name for one in here.meshes.available()]
        raise InvalidInput(f"model_type: One of {', '.join(makers)}.", allowed_types=makers) from error
    return fields.wish
