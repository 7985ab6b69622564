"""The web page: photos in; faces marked, a card a face, people by name.

`lay_out` puts it around `PageActions`, which do the work. No photo is kept on the disk, and nothing
on the page comes from another machine.
"""

import base64
import functools
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
from matplotlib import cbook
from PIL import Image

try:
    import gradio as gr
except ImportError:
    raise ImportError(
        'The web page needs Gradio: python -m pip install "reading-faces[app]"'
    ) from None
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from jinja2 import Template

from helpers import data, embedders, settings
from reading_faces.page_actions import LONGEST_NAME, PageActions, Shown, count_of, to_jpeg
from reading_faces.reader import FaceReader, PhotoReading, to_frame

MOST_BYTES = 20 * 2**20
# Seconds after which Gradio looks for files that programs have sent it, and how old they get.
SWEEP = (60, 600)


def tell(reading: PhotoReading) -> str:
    """Say in one sentence how reading went; ValueError if it failed."""
    if reading.error:
        raise ValueError(reading.error)
    if not reading.faces:
        return "No face was found on this photo."
    count = len(reading.faces)
    return f"Done: {count_of(count, 'face')} {'was' if count == 1 else 'were'} read."


def report(photos: list[Shown], thresholds: dict[str, float]) -> str:
    """Return each photo marked, and a card a face.

    `thresholds` say from which probability on each action unit is called present.
    """
    readings = [photo.reading for photo in photos]
    written = json.dumps({"images": [reading.to_dict() for reading in readings]}, indent=1)
    table = to_frame(readings).to_csv(index=False) if photos else ""
    return template(0).render(
        photos=photos,
        thresholds=thresholds,
        csv=encode(table.encode("utf-8-sig")),
        json=encode(written.encode()),
        longest_name=LONGEST_NAME,
        address=as_address,
        Path=Path,
    )


def enrolled(actions: PageActions) -> str:
    """Say who is enrolled. Names come from people: here and elsewhere, they are escaped."""
    names = actions.reader.gallery.names.tolist()
    return template(2).render(people={name: names.count(name) for name in actions.people})


def as_address(file: bytes) -> str:
    """Return the address of an `<img>` that holds its picture, a JPEG file."""
    return f"data:image/jpeg;base64,{encode(file)}"


def encode(content: bytes) -> str:
    """Return bytes as letters that can stand in an address."""
    return base64.b64encode(content).decode()


@functools.cache
def beside(ending: str) -> str:
    """Return the file of this module's name with another ending: words, style, script, template."""
    return Path(__file__).with_suffix(ending).read_text(encoding="utf-8")


@functools.cache
def template(part: int) -> Template:
    """Return a part of the template: what was read, where to begin, who is enrolled."""
    return Template(beside(".html").split("\n===\n")[part], autoescape=True, trim_blocks=True)


@functools.cache
def examples() -> dict[str, bytes]:
    """Return the files of photos to try, by what is on them: those that are on this machine."""
    found = {}
    crew = settings.SHIPPED / "photos" / "sts-106.jpg"
    if crew.is_file():
        found["A crew in orbit"] = crew.read_bytes()
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        found["Grace Hopper"] = file.read()
    if importlib.util.find_spec("skimage"):
        from skimage.data import astronaut

        found["Eileen Collins"] = to_jpeg(astronaut())
    made = data.load_keypoints("made").images[:8].reshape(2, 4, 96, 96)
    sheet = np.pad(made, ((0, 0), (0, 0), (16, 16), (16, 16)), constant_values=127)
    sheet = Image.fromarray(sheet.swapaxes(1, 2).reshape(256, 512)).convert("RGB")
    found["Made people"] = to_jpeg(np.array(sheet.resize((1024, 512), Image.Resampling.BICUBIC)))
    return found


def thumbnail(file: bytes) -> str:
    """Return the address of a small copy of a picture file."""
    with Image.open(io.BytesIO(file)) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((240, 240))
        return as_address(to_jpeg(np.array(picture)))


INTRODUCTION, IN_MEMORY, FACENET = beside(".md").split("\n---\n")


# How the page is served: no history, no monitor, nothing from other machines.
SERVED = {
    "run_history": False,
    "enable_monitoring": False,
    "ssr_mode": False,
    "max_file_size": MOST_BYTES,
    "footer_links": [],
    "theme": gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ),
    "css": beside(".css"),
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

    @app.middleware("http")
    async def refuse_large(request: Request, go_on):
        length = request.headers.get("content-length", "0" if request.method == "GET" else "")
        # The page sends a photo as letters, of which there are more by a third.
        most = MOST_BYTES if request.url.path == "/predict" else MOST_BYTES * 3 // 2
        if not length.isdecimal() or int(length) > most:
            return JSONResponse({"detail": f"A photo has at most {MOST_BYTES:,} bytes."}, 413)
        return await go_on(request)

    @app.post("/predict")
    async def predict(request: Request) -> dict:
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


def answers(actions: PageActions):
    """Return what the script of the page calls: one function, which never fails."""
    card = getattr(actions.reader.load().get("action_units"), "card", {})
    # From which probability on each action unit is called present.
    thresholds = dict(zip(card.get("units", ()), card.get("thresholds", ()), strict=False))

    def act(visitor: str, call: dict) -> str:
        match call["do"]:
            case "read":
                name, content = str(call["name"])[-200:], photo_in(call["photo"])
                return tell(actions.read(visitor, name, content, bool(call.get("more"))))
            case "example":
                return tell(actions.read(visitor, call["name"], examples()[call["name"]]))
            case "enroll":
                return actions.enroll(visitor, call["photo"], call["face"], call["name"])
            case "forget":
                return actions.forget(call["name"])
        raise KeyError(call["do"])

    def answer(call: dict) -> dict:
        told = {}
        try:
            visitor = str(call["visitor"])[:64]
            if call["do"] != "look":
                told = {"told": act(visitor, call), "failed": False}
                told["result"] = report(actions.shown(visitor), thresholds)
        except ValueError as error:
            told = {"told": f"Not done. {error}", "failed": True}
        except (KeyError, TypeError, AttributeError):
            told = {"told": "Not done. The page must be loaded anew.", "failed": True}
        return told | {"people": enrolled(actions), "ready": actions.ready.is_set()}

    return answer


def photo_in(letters: str) -> bytes:
    """Return the photo file that the page has sent as letters; ValueError if it is none."""
    try:
        content = base64.b64decode(letters, validate=True)
    except (ValueError, TypeError):
        raise ValueError("This is no photo file.") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"A photo has at most {MOST_BYTES // 2**20} MB.")
    return content


def watching(actions: PageActions):
    """Return what the script of the live view calls with a frame: what to draw on it."""

    def watch(call: dict) -> dict:
        try:
            content = base64.b64decode(call["frame"], validate=True)
            tracks = actions.watch(str(call["visitor"])[:64], content, float(call["seconds"]))
        except (ValueError, KeyError, TypeError):
            return {"told": "Not done. The camera's picture cannot be read."}
        seen = [track.reading.to_dict() | {"label": track.reading.label} for track in tracks]
        return {"faces": [{"number": t.number} | s for t, s in zip(tracks, seen, strict=True)]}

    return watch


def lay_out(actions: PageActions) -> Page:
    """Put the page around what it does."""
    sessions = {}

    def come(visitor: str, request: gr.Request):
        sessions[request.session_hash] = visitor

    def leave(request: gr.Request):
        actions.leave(sessions.pop(request.session_hash, ""))

    file = actions.gallery_file
    kept = f"They are kept in `{file.name}`." if file else IN_MEMORY
    if embedders.facenet_is_here() and actions.reader.embedder.name != embedders.FaceNet.name:
        kept += f"\n\n{FACENET}"
    start = template(1).render(
        examples={name: thumbnail(picture) for name, picture in examples().items()},
        most_bytes=MOST_BYTES,
    )
    ours = {"api_visibility": "private", "show_progress": "hidden"}
    who = "window.visitor ??= crypto.getRandomValues(new Uint32Array(4)).join('-')"
    with Page(title="Reading faces", analytics_enabled=False, delete_cache=SWEEP) as page:
        introduction, people = INTRODUCTION.split("\n## ")
        gr.Markdown(introduction)
        script, live = beside(".js").split("// ===\n")
        part = {"apply_default_css": False, "value": ""}
        with gr.Tab("Photos"):
            js = {"js_on_load": f"{who};\n{script}", "server_functions": [answers(actions)]}
            gr.HTML(html_template=start, **part, **js)
        with gr.Tab("Live"):
            js = {"js_on_load": f"{who};\n{live}", "server_functions": [watching(actions)]}
            gr.HTML(html_template=template(3).render(), **part, **js)
        gr.Markdown(f"## {people.format(kept)}")
        # Only when a visitor has left does Gradio say so, by a name of its own for them.
        visitor = gr.Textbox(visible="hidden")
        page.load(come, visitor, None, js=f"() => {who}", **ours)
        page.unload(leave)
    return page
