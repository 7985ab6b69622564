"""The web page: a photo or a webcam picture in; faces marked, a table, charts; people by name.

`build_page` lays it out around a `Desk`, which does the work. No picture is kept, and nothing on
the page comes from another machine.
"""

import base64
import html
import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from helpers import plots
from helpers.embedders import Embedder, SmallEmbedder, embedder_of
from reading_faces.page_actions import LONGEST_NAME, Desk, count_of, load_reader
from reading_faces.reader import FaceReader, FaceReading, PhotoReading

MOST_BYTES = "20mb"
# The marked photo is shown, not measured: a browser needs no more pixels, and no more charts.
LONGEST_SIDE_SHOWN = 1600
MOST_CHARTS = 8
# Seconds after which Gradio looks for photos that were sent and never read, and how old they get.
SWEEP = (60, 600)


# What a visitor sees, as HTML. Names come from people: they are escaped.

NOTHING = "Nothing yet."


def tell(reading: PhotoReading) -> str:
    """Say in one sentence how reading went."""
    if reading.error:
        return failure(reading.error)
    if not reading.faces:
        return "No face was found on this photo."
    found = "1 face was" if len(reading.faces) == 1 else f"{len(reading.faces)} faces were"
    return f"Done: {found} read."


def failure(sentence: str) -> str:
    """Return a sentence about what went wrong; the words say so, not the colour alone."""
    return f'<span class="failed">Not done. {html.escape(sentence)}</span>'


def report(reading: PhotoReading, marked: np.ndarray | None, thresholds: dict[str, float]) -> str:
    """Return the marked photo, a table with a row a face, and a chart a face.

    `thresholds` say from which probability on each action unit is called present.
    """
    if marked is None:
        return NOTHING
    parts = [f"<figure>{picture(*shrunk(marked), describe(reading))}</figure>"]
    if reading.faces:
        parts.append(table(reading, thresholds))
        parts += ["<h3>Emotions</h3>", '<div class="charts">']
        parts += [chart(n, face) for n, face in enumerate(reading.faces[:MOST_CHARTS], 1)]
        parts.append("</div>")
    if len(reading.faces) > MOST_CHARTS:
        parts.append(f"<p>Charts are drawn for the {MOST_CHARTS} largest faces only.</p>")
    return "\n".join(parts)


def describe(reading: PhotoReading) -> str:
    """Return the alternative text of the marked photo."""
    if not reading.faces:
        return "The photo; no face was found on it."
    found = [f"Face {number}: {label(face)}." for number, face in enumerate(reading.faces, 1)]
    more = f" And {len(found) - 12} more." if len(found) > 12 else ""
    return f"The photo with its {count_of(len(found), 'face')} marked. {' '.join(found[:12])}{more}"


def label(face: FaceReading) -> str:
    """Return what a face is called: emotion and name, as far as they were read."""
    parts = [f"{face.top_emotion} {face.emotion[face.top_emotion]:.0%}"] if face.emotion else []
    parts += [face.identity[0] or "unknown"] if face.identity else []
    return ", ".join(parts) or "a face"


def table(reading: PhotoReading, thresholds: dict[str, float]) -> str:
    """Return a row for each face, and only columns of which something was read."""
    rows = []
    for number, face in enumerate(reading.faces, 1):
        x, y, width, height = face.box
        row = {"face": number}
        if face.emotion:
            row |= {"emotion": face.top_emotion}
            row |= {"probability": f"{max(face.emotion.values()):.0%}"}
        if face.identity:
            row |= {"name": face.identity[0] or "unknown"}
            row |= {"similarity": f"{face.identity[1]:.2f}"}
        if face.action_units:
            present = [u for u, p in face.action_units.items() if p >= thresholds.get(u, 0.5)]
            row |= {"action units": " ".join(present) or "none"}
        row |= {"place, px": f"{x:.0f}, {y:.0f}", "size, px": f"{width:.0f} × {height:.0f}"}
        rows.append(row | {"confidence": f"{face.confidence:.1%}"})
    body = pd.DataFrame(rows).to_html(index=False, border=0, justify="unset")
    return (
        "<h3>Faces</h3>"
        f'<div class="wide" role="region" tabindex="0" aria-label="Table of faces">{body}</div>'
    )


def chart(number: int, face: FaceReading) -> str:
    """Return the bar chart of a face's emotions."""
    if not face.emotion:
        return ""
    likely = sorted(face.emotion.items(), key=lambda item: -item[1])
    alt = f"Bar chart of face {number}: " + ", ".join(f"{name} {p:.0%}" for name, p in likely) + "."
    image = picture(*plots.encode(plots.emotion_bars(face.emotion)), alt)
    caption = html.escape(f"Face {number}: {label(face)}")
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def shrunk(photo: np.ndarray) -> tuple[str, bytes]:
    """Return a photo as `"jpeg"` and the bytes of one that a screen can show."""
    image, file = Image.fromarray(photo), io.BytesIO()
    image.thumbnail((LONGEST_SIDE_SHOWN, LONGEST_SIDE_SHOWN))
    image.save(file, "jpeg", quality=90)
    return "jpeg", file.getvalue()


def picture(kind: str, data: bytes, alt: str) -> str:
    """Return an `<img>` that holds its picture, so that no file of it is written."""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img alt="{html.escape(alt)}" src="{source}">'


# The page.

INTRODUCTION = """
# Reading faces

Finds the faces on a photo, marks 15 keypoints, and names the expression, the action units and
whoever you have enrolled. An expression is not a feeling, and the answer is often wrong: do not
judge anybody by it.

Everything happens on the machine that runs this page. A photo is deleted as soon as it is read;
what was read stays in memory until you close the page.

## Photo
"""

ABOUT_PEOPLE = """
## People

Enrol only people who agree to it. What is kept of them are their name and a row of numbers for each
face, no picture. {}
"""

IN_MEMORY = (
    "Without a gallery file they live in memory, and are forgotten when the server ends; "
    "`serve --gallery FILE` keeps them."
)

STYLE = """
main { width: 100%; min-width: 0; max-width: 1000px !important; margin: 0 auto !important }
[id^=told] .html-container, #result .html-container { padding: 0 !important }
[id^=told] { min-height: 1.6em }
.failed { font-weight: 600; border-left: 4px solid currentColor; padding-left: .6em }
#result { min-width: 0; overflow: hidden }
#result figure { margin: 0 0 1rem }
#result img { display: block; max-width: 100%; max-height: 85vh; background: white }
#result .charts { display: flex; flex-wrap: wrap; gap: 1rem }
#result .charts figure { flex: 0 1 400px; min-width: 0 }
#result .wide { overflow-x: auto; margin-bottom: 1rem }
#result th, #result td { padding: .35em .7em; text-align: left; white-space: nowrap }
.or { color: inherit !important }
:focus-visible { outline: 3px solid currentColor !important; outline-offset: 2px }
"""

# Gradio cannot say in Python that a screen reader shall read what changes.
ON_LOAD = """() => {
  for (const told of document.querySelectorAll("[id^=told]")) {
    told.setAttribute("role", "status");
    told.setAttribute("aria-live", "polite");
  }
}"""


def build_page(
    reader: FaceReader | None = None,
    embedder: Embedder | None = None,
    gallery_file: Path | None = None,
):
    """Build the page; `build_page().launch()` shows it in a notebook, and nobody else sees it.

    Parameters
    ----------
    reader : by default the shipped models, with the people of `gallery_file` if that is there.
    embedder : by default the one that made the reader's gallery, or ours.
    gallery_file : where people are kept; without one they are forgotten when the program ends.

    Returns
    -------
    A `gradio.Blocks`. Its endpoint `/predict` takes a photo and gives what `predict --json` prints.

    Raises
    ------
    ValueError
        If Gradio is not installed, or the gallery or a model cannot be loaded.
    """
    gr = load_gradio()
    if reader is None:
        reader, embedder = load_reader(gallery_file)
    elif embedder is None:
        known = reader.gallery
        embedder = embedder_of(known) if known else SmallEmbedder()
    desk = Desk(reader, embedder, gr.utils.get_upload_folder(), gallery_file)
    desk.warm_up()
    page = lay_out(gr, desk)
    # A notebook's plain `.launch()` must not open a tunnel, as it would in Colab.
    page.launch = partial(page.launch, **launch_options(gr))
    return page


def load_gradio():
    """Return the module `gradio`; ValueError if it is not installed."""
    try:
        import gradio
    except ImportError:
        raise ValueError(
            'The web page needs Gradio: python -m pip install "reading-faces[app]"'
        ) from None
    return gradio


def lay_out(gr, desk: Desk):
    """Return the page; `gr` is Gradio."""
    thresholds = unit_thresholds(desk.reader)

    def show(upload):
        yield "Reading the photo …", gr.skip(), gr.skip(), gr.skip()
        reading, marked, embeddings = desk.read(upload)
        yield tell(reading), report(reading, marked, thresholds), embeddings, None

    def who() -> str:
        people = desk.gallery.people
        return f"Enrolled: {html.escape(', '.join(people)) if people else 'nobody yet'}."

    def change(act, name, *rest):
        try:
            return html.escape(act(name, *rest)), who(), ""
        except ValueError as error:
            return failure(str(error)), who(), name

    def leave(request: gr.Request):
        page.state_holder.session_data.pop(request.session_hash, None)

    # What visitors do is not for programs; they have an endpoint of their own.
    ours = {"api_visibility": "private", "concurrency_id": "reader"}
    with gr.Blocks(title="Reading faces", analytics_enabled=False, delete_cache=SWEEP) as page:
        gr.Markdown(INTRODUCTION)
        photo = gr.Image(
            label="Photo",
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            # As others see the face: left stays left.
            webcam_options=gr.WebcamOptions(mirror=False),
            height=320,
        )
        send_only(photo, gr.Error)
        read = gr.Button("Read the faces", variant="primary")
        status = gr.HTML(elem_id="told-reading")
        gr.Markdown("## What was read")
        result = gr.HTML(NOTHING, elem_id="result")
        faces = gr.State(time_to_live=SWEEP[1])
        kept = f"They are kept in `{desk.gallery_file.name}`." if desk.gallery_file else IN_MEMORY
        gr.Markdown(ABOUT_PEOPLE.format(kept))
        people = gr.HTML(elem_id="told-people")
        with gr.Row():
            name = gr.Textbox(label="Name", max_length=LONGEST_NAME)
            number = gr.Number(1, label="Face number in the last photo", precision=0, minimum=1)
        with gr.Row():
            enroll = gr.Button("Enrol this face")
            forget = gr.Button("Forget this name")
        changed = gr.HTML(elem_id="told-change")
        # The photo goes to our own reader as it came: Gradio would decode it first.
        read.click(
            show,
            photo,
            [status, result, faces, photo],
            preprocess=False,
            show_progress_on=result,
            **ours,
        )
        ours["show_progress"] = "hidden"
        told = [changed, people, name]
        enroll.click(partial(change, desk.enroll), [name, number, faces], told, **ours)
        forget.click(partial(change, desk.forget), name, told, **ours)
        gr.on(
            [],
            desk.predict,
            photo,
            gr.JSON(visible=False),
            preprocess=False,
            api_name="predict",
            concurrency_id="reader",
        )
        page.load(who, None, people, **ours)
        page.unload(leave)
    return page


def unit_thresholds(reader: FaceReader) -> dict[str, float]:
    """Return from which probability on each action unit is called present, as the card says."""
    units = reader.load().get("action_units")
    card = units.card if units else {}
    return dict(zip(card.get("units", ()), card.get("thresholds", ()), strict=False))


def send_only(photo, refuse: type[Exception]) -> None:
    """Keep Gradio from fetching a photo from an address that a program names instead of sending it.

    `photo` is a `gradio.Image`, and `refuse` what Gradio tells visitors.
    """
    keep = photo.async_move_resource_to_block_cache

    async def take(path: str | Path | None) -> str | None:
        if str(path).lower().startswith(("http:", "https:")):
            raise refuse("Send the photo itself; this page fetches nothing from other machines.")
        return await keep(path)

    photo.async_move_resource_to_block_cache = take


def launch_options(gr) -> dict:
    """Return how the page is served: to this machine, from this machine alone, with no history."""
    theme = gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(button_primary_background_fill="*primary_700", button_primary_text_color="white")
    return {
        "share": False,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": MOST_BYTES,
        "state_session_capacity": 100,
        "footer_links": [],
        "theme": theme,
        "css": STYLE,
        "js": ON_LOAD,
    }
