"""The web page: a photo or a webcam picture in; faces marked, a table, charts; people by name.

`lay_out` puts it around `PageActions`, which do the work. No picture is kept, and nothing on the
page comes from another machine.
"""

import base64
import html
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

try:
    import gradio as gr
except ImportError:
    raise ImportError(
        'The web page needs Gradio: python -m pip install "reading-faces[app]"'
    ) from None
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from jinja2 import Template

from helpers import embedders
from reading_faces.page_actions import LONGEST_NAME, PageActions, count_of
from reading_faces.reader import FaceReader, FaceReading, PhotoReading

MOST_BYTES = 20 * 2**20
# The marked photo is shown, not measured: a browser needs no more pixels, and no more charts.
LONGEST_SIDE_SHOWN = 1600
MOST_CHARTS = 8
# Seconds after which Gradio looks for photos that were sent and never read, and how old they get.
SWEEP = (60, 600)
NOTHING = "Nothing yet."


def tell(reading: PhotoReading) -> str:
    """Say in one sentence how reading went."""
    if reading.error:
        return failure(reading.error)
    if not reading.faces:
        return "No face was found on this photo."
    count = len(reading.faces)
    return f"Done: {count_of(count, 'face')} {'was' if count == 1 else 'were'} read."


def failure(sentence: str) -> str:
    """Return a sentence about what went wrong; the words say so, not the colour alone."""
    return f'<span class="failed">Not done. {html.escape(sentence)}</span>'


def enrolled(people: list[str]) -> str:
    """Say who is enrolled. Names come from people: here and elsewhere, they are escaped."""
    return f"Enrolled: {html.escape(', '.join(people)) or 'nobody yet'}."


def attempt(act: Callable[..., str], name: str, *rest) -> tuple[str, str]:
    """Enrol or forget somebody; return what to say of it, and the name if it is to be mended."""
    try:
        return html.escape(act(name, *rest)), ""
    except ValueError as error:
        return failure(str(error)), name


def report(reading: PhotoReading, marked: np.ndarray | None, thresholds: dict[str, float]) -> str:
    """Return the marked photo, a table with a row a face, and a chart a face.

    `thresholds` say from which probability on each action unit is called present.
    """
    if marked is None:
        return NOTHING
    return Template(beside(".html"), autoescape=True, trim_blocks=True).render(
        description=describe(reading),
        picture=as_address(marked),
        rows=[to_row(number, face, thresholds) for number, face in enumerate(reading.faces, 1)],
        charts=[face for face in reading.faces[:MOST_CHARTS] if face.emotion],
        most_charts=MOST_CHARTS,
    )


def describe(reading: PhotoReading) -> str:
    """Return the alternative text of the marked photo."""
    if not reading.faces:
        return "The photo; no face was found on it."
    found = [f"Face {n}: {face.label or 'a face'}." for n, face in enumerate(reading.faces, 1)]
    more = f" And {len(found) - 12} more." if len(found) > 12 else ""
    return f"The photo with its {count_of(len(found), 'face')} marked. {' '.join(found[:12])}{more}"


def to_row(number: int, face: FaceReading, thresholds: dict[str, float]) -> dict[str, str]:
    """Return what the table says of a face: of each part that was read, by its column."""
    row = {"face": str(number)}
    if face.emotion:
        row["emotion"] = face.top_emotion
        row["probability"] = f"{max(face.emotion.values()):.0%}"
    if face.identity:
        row["name"] = face.identity[0] or "unknown"
        row["similarity"] = f"{face.identity[1]:.2f}"
    if face.action_units:
        present = [unit for unit, p in face.action_units.items() if p >= thresholds.get(unit, 0.5)]
        row["action units"] = " ".join(present) or "none"
    x, y, width, height = face.box
    row["place, px"], row["size, px"] = f"{x:.0f}, {y:.0f}", f"{width:.0f} × {height:.0f}"
    return row | {"confidence": f"{face.confidence:.1%}"}


def as_address(photo: np.ndarray) -> str:
    """Return the address of an `<img>` that holds its picture, so that no file of it is written."""
    image, file = Image.fromarray(photo), io.BytesIO()
    image.thumbnail((LONGEST_SIDE_SHOWN, LONGEST_SIDE_SHOWN))
    image.save(file, "jpeg", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def beside(ending: str) -> str:
    """Return the file of this module's name with another ending: words, style, script, template."""
    return Path(__file__).with_suffix(ending).read_text(encoding="utf-8")


INTRODUCTION, ABOUT_PEOPLE, IN_MEMORY, FACENET = beside(".md").split("\n---\n")


# How the page is served: no history, no monitor, nothing from other machines.
THEME = gr.themes.Default(
    primary_hue="blue",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(button_primary_background_fill="*primary_700", button_primary_text_color="white")
SERVED = {
    "run_history": False,
    "enable_monitoring": False,
    "ssr_mode": False,
    "max_file_size": MOST_BYTES,
    "footer_links": [],
    "theme": THEME,
    "css": beside(".css"),
    "js": beside(".js"),
}


def build_page(reader: FaceReader | None = None, gallery_file: Path | None = None) -> gr.Blocks:
    """Build the page; `build_page().launch()` shows it in a notebook, and nobody else sees it.

    It reads by the shipped models unless there is another `reader`, and raises what `PageActions`
    does, which keeps people in the `gallery_file`.
    """
    actions = PageActions(reader or FaceReader(), gr.utils.get_upload_folder(), gallery_file)
    return lay_out(actions)


def build_app(reader: FaceReader, gallery_file: Path | None = None) -> FastAPI:
    """Build what `serve` serves: the page, and `/predict`, to which programs send a photo.

    Who posts a form with a file `photo` to `/predict` gets what `predict --json` prints; neither a
    path nor an address is ever taken from them.
    """
    actions = PageActions(reader, gr.utils.get_upload_folder(), gallery_file)
    app = FastAPI(openapi_url=None)

    @app.post("/predict")
    async def predict(request: Request) -> dict:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise HTTPException(413, f"A photo has at most {MOST_BYTES:,} bytes.")
        async with request.form(max_files=1) as form:
            photo = form.get("photo")
            if photo is None or isinstance(photo, str):
                raise HTTPException(400, "Send a form with a file called photo.")
            content = await photo.read()
        return await run_in_threadpool(actions.predict, photo.filename, content)

    return gr.mount_gradio_app(app, lay_out(actions), "/", show_error=False, **SERVED)


class Page(gr.Blocks):
    """A page that a notebook's plain `.launch()` shows here alone: no tunnel, as in Colab."""

    def launch(self, **options):
        """Show it as `serve` does, besides what `options` say."""
        return super().launch(**({"share": False} | SERVED | options))


def lay_out(actions: PageActions) -> Page:
    """Put the page around what it does."""
    units = actions.reader.load().get("action_units")
    card = units.card if units else {}
    # From which probability on each action unit is called present.
    thresholds = dict(zip(card.get("units", ()), card.get("thresholds", ()), strict=False))

    def show(path):
        yield "Reading the photo …", gr.skip(), gr.skip(), gr.skip()
        reading, marked, embeddings = actions.read(path)
        yield tell(reading), report(reading, marked, thresholds), embeddings, None

    def change(act, name, *rest):
        told, left = attempt(act, name, *rest)
        return told, enrolled(actions.people), left

    def leave(request: gr.Request):
        # Gradio would keep what it has shown to a visitor, the marked photo too, for an hour.
        page.state_holder.session_data.pop(request.session_hash, None)

    # What visitors do is not for programs.
    ours = {"api_visibility": "private", "concurrency_id": "reader"}
    with Page(title="Reading faces", analytics_enabled=False, delete_cache=SWEEP) as page:
        gr.Markdown(INTRODUCTION)
        page.state_session_capacity = 100
        photo = gr.Image(
            label="Photo",
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            # As others see the face: left stays left.
            webcam_options=gr.WebcamOptions(mirror=False),
            height=320,
        )
        # Where the server has put the photo: Gradio itself would fetch one from any address, and
        # decode it first.
        path = gr.Textbox(visible="hidden")
        read = gr.Button("Read the faces", variant="primary")
        status = gr.HTML(elem_id="told-reading")
        gr.Markdown("## What was read")
        result = gr.HTML(NOTHING, elem_id="result")
        faces = gr.State(time_to_live=SWEEP[1])
        file = actions.gallery_file
        kept = f"They are kept in `{file.name}`." if file else IN_MEMORY
        if embedders.facenet_is_here() and actions.reader.embedder.name != embedders.FaceNet.name:
            kept += f"\n\n{FACENET}"
        gr.Markdown(ABOUT_PEOPLE.format(kept))
        people = gr.HTML(elem_id="told-people")
        with gr.Row():
            name = gr.Textbox(label="Name", max_length=LONGEST_NAME)
            number = gr.Number(1, label="Face number in the last photo", precision=0, minimum=1)
        with gr.Row():
            enroll = gr.Button("Enrol this face")
            forget = gr.Button("Forget this name")
        changed = gr.HTML(elem_id="told-change")
        read.click(None, photo, path, js="(photo) => photo ? photo.path : null").then(
            show, path, [status, result, faces, photo], show_progress_on=result, **ours
        )
        ours["show_progress"] = "hidden"
        told = [changed, people, name]
        enroll.click(partial(change, actions.enroll), [name, number, faces], told, **ours)
        forget.click(partial(change, actions.forget), name, told, **ours)
        page.load(lambda: enrolled(actions.people), None, people, **ours)
        page.unload(leave)
    return page
