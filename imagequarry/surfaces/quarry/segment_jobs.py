"""/segment/…/async and /segment/batch: segmentation that outlives its request."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form

from imagequarry.errors import JobNotFound
from imagequarry.surfaces.here import Here
from imagequarry.surfaces.quarry import job_replies, replies
from imagequarry.surfaces.quarry.dialect import NAME
from imagequarry.surfaces.quarry.prompts import DEFAULT_BOX, box_prompt, fractions
from imagequarry.surfaces.quarry.schemas import (
    BatchReply,
    BatchRequest,
    BatchTaken,
    DriveFolderField,
    EverythingForm,
    TaskReply,
)
from imagequarry.surfaces.quarry.segment import Model, Picture

router = APIRouter(prefix="/segment", tags=[NAME])


@router.post("/auto/async")
def auto_async(here: Here, model: Model, picture: Picture, wish: Annotated[EverythingForm, Depends()]) -> TaskReply:
    """Segment everything in the picture, in the background."""
    return TaskReply(task_id=here.orders.everything(picture, model, vars(wish)).id)


@router.post("/box/async")
def box_async(
    here: Here,
    model: Model,
    picture: Picture,
    box: Annotated[str | None, Form(description=f"JSON box in pixels. Default: {DEFAULT_BOX}")] = None,
    multimask_output: Annotated[bool, Form(description="Three masks instead of the best one.")] = True,
) -> TaskReply:
    """Segment what a box holds, in the background."""
    prompt = box_prompt(box, picture.raster.width, picture.raster.height)
    return TaskReply(task_id=here.orders.box(picture, model, prompt, most=3 if multimask_output else 1).id)


@router.post("/objects/extract/async")
def extract_async(
    here: Here,
    model: Model,
    picture: Picture,
    wish: Annotated[EverythingForm, Depends()],
    min_pixels: Annotated[int, Form(ge=0, description="Smallest object, in pixels.")] = 5000,
    save_dir: Annotated[str, Form(description="Folder below RESULTS_DIR.")] = "./results",
    save_to_drive: Annotated[bool, Form(description="Send the objects to Google Drive too.")] = False,
    drive_folder_id: DriveFolderField = None,
) -> TaskReply:
    """Cut every object out, in the background."""
    job = here.orders.extract(picture, model, vars(wish), min_pixels, save_dir, save_to_drive, drive_folder_id or None)
    return TaskReply(task_id=job.id)


@router.post("/batch")
def batch(here: Here, body: BatchRequest) -> BatchTaken:
    """Segment many pictures in the background, each for itself."""
    model = replies.known_model(here, body.model_type)
    points, boxes = body.points or [], body.boxes or []
    prompts = [
        fractions((points[i] or []) if i < len(points) else [], (boxes[i] or []) if i < len(boxes) else [])
        for i in range(len(body.images))
    ]
    return job_replies.taken(here.orders.batch(body.images, prompts, model, body.named()))


@router.get("/batch/{batch_job_id}")
def batch_status(batch_job_id: str, here: Here) -> BatchReply:
    """How far a batch is, and what became of each picture."""
    job = here.board.get(batch_job_id)
    if not job.is_batch:
        raise JobNotFound
    return job_replies.batch(here, job)
