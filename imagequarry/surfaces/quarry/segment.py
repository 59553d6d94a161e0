"""/segment: prompted and automatic segmentation, extraction of objects, and what was found before."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile

from imagequarry.capabilities import cutouts
from imagequarry.capabilities.drive import Sent
from imagequarry.capabilities.intake import Opened
from imagequarry.capabilities.mask_formats import MaskFormat
from imagequarry.errors import InvalidInput
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry import job_replies, replies
from imagequarry.surfaces.quarry.dialect import NAME
from imagequarry.surfaces.quarry.prompts import DEFAULT_BOX, box_prompt, single_prompts
from imagequarry.surfaces.quarry.schemas import (
    DriveFolderField,
    EverythingForm,
    ExtractionReply,
    MaskFormatField,
    MasksReply,
    ModelField,
    SegmentationReply,
)

router = APIRouter(prefix="/segment", tags=[NAME])


def picture(image: Annotated[UploadFile, File(description="JPEG, PNG, WebP, BMP or TIFF.")], here: Here) -> Opened:
    """The uploaded picture, decoded."""
    return here.archive.take(image.file)


def model(here: Here, model_type: ModelField = None) -> str | None:
    """The model asked for, refused here when there is none of that name."""
    return replies.known_model(here, model_type)


Picture = Annotated[Opened, Depends(picture)]
Model = Annotated[str | None, Depends(model)]


@router.post("/single")
def single(
    here: Here,
    model: Model,
    picture: Picture,
    points: Annotated[str | None, Form(description="JSON list of {x, y}, fractions 0..1.")] = None,
    boxes: Annotated[str | None, Form(description="JSON list of {x1, y1, x2, y2}, fractions 0..1.")] = None,
    text: Annotated[str | None, Form(max_length=256, description="Words for what to find; needs SAM 3.")] = None,
    mask_format: MaskFormatField = "png",
) -> SegmentationReply:
    """Segment what words name, or what points (all together) and boxes (each for itself) mean; else everything."""
    prompts = single_prompts(points, boxes)
    if text and (prompts.points or prompts.boxes):
        raise InvalidInput("text: Words go without points and boxes.")
    kept = here.orders.single(picture, prompts, model, text)
    return replies.segmentation(kept, mask_format)


@router.post("/auto")
def auto(
    here: Here,
    model: Model,
    picture: Picture,
    wish: Annotated[EverythingForm, Depends()],
    response: Response,
    mask_format: MaskFormatField = "png",
) -> MasksReply:
    """Segment everything in the picture."""
    answer = here.segmentation.everything(picture.raster, vars(wish), model)
    response.headers["X-Model"] = answer.model
    return replies.masks(answer, mask_format)


@router.post("/box")
def box(
    here: Here,
    model: Model,
    picture: Picture,
    response: Response,
    box: Annotated[str | None, Form(description=f"JSON box in pixels. Default: {DEFAULT_BOX}")] = None,
    multimask_output: Annotated[bool, Form(description="Three masks instead of the best one.")] = True,
    mask_format: MaskFormatField = "png",
) -> MasksReply:
    """Segment what a box holds."""
    prompt = box_prompt(box, picture.raster.width, picture.raster.height)
    answer = here.segmentation.prompted(picture.raster, [prompt], model, most=3 if multimask_output else 1)
    response.headers["X-Model"] = answer.model
    return replies.masks(answer, mask_format)


@router.post("/objects/extract")
def extract(
    here: Here,
    model: Model,
    picture: Picture,
    response: Response,
    min_pixels: Annotated[int, Form(ge=0, description="Smallest object, in pixels.")] = 5000,
    save_dir: Annotated[str, Form(description="Folder below RESULTS_DIR.")] = "./results",
    save_to_drive: Annotated[bool, Form(description="Send the objects to Google Drive too.")] = False,
    drive_folder_id: DriveFolderField = None,
) -> ExtractionReply:
    """Cut every object out, each into a PNG file of its own with a transparent background."""
    folder = cutouts.results_folder(here.results, save_dir)
    answer = here.segmentation.everything(picture.raster, model=model)
    response.headers["X-Model"] = answer.model
    extraction = cutouts.extract_objects(picture.raster, answer.candidates, min_pixels, folder)
    sent = here.drive.send(extraction.saved, drive_folder_id) if save_to_drive else Sent()
    return replies.extraction(here, extraction, sent)


@router.get("/job/{job_id}")
def job(job_id: str, here: Here, mask_format: Annotated[MaskFormat, Query()] = "png") -> SegmentationReply:
    """What a segmentation found."""
    return replies.segmentation(job_replies.found(here, job_id), mask_format)


@router.get("/job/{job_id}/visualization", response_class=Response)
def visualization(job_id: str, here: Here) -> Response:
    """The picture with its masks in colours, as an SVG image."""
    found = job_replies.found(here, job_id)
    return replies.drawing(found, here.archive.raster(found.image_id or found.id))
