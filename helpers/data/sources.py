"""The data sets known by name: what each one is, where it is looked for, how to get it."""

from dataclasses import dataclass
from pathlib import Path

from helpers import settings
from helpers.data.records import DataError


@dataclass(frozen=True)
class Source:
    """A known data set.

    `page` is where a person reads about it and downloads it, and `by_hand` what to put into the
    folder of its name.
    """

    what: str
    page: str
    by_hand: str
    terms: str


_KAGGLE = "https://www.kaggle.com"
KNOWN = {
    "fer2013": Source(
        what="FER-2013: 35,887 grey faces of 48 × 48 pixels, seven emotions",
        page=f"{_KAGGLE}/c/challenges-in-representation-learning-"
        "facial-expression-recognition-challenge/data",
        by_hand="fer2013.csv or icml_face_data.csv (for votes also fer2013new.csv of FERPlus)",
        terms="research use; pictures from the web. FER+ votes: MIT",
    ),
    "facial-keypoints": Source(
        what="Kaggle Facial Keypoints Detection: 7,049 grey faces of 96 × 96 pixels, 15 points",
        page=f"{_KAGGLE}/c/facial-keypoints-detection/data",
        by_hand="training.csv or training.zip",
        terms="rules of the Kaggle competition",
    ),
    "ckplus": Source(
        what="CK+: posed expressions of laboratory subjects, peak frames",
        page=f"{_KAGGLE}/datasets/shawon10/ckplus",
        by_hand="CK+48, or the official cohn-kanade-images, Emotion and Landmarks folders",
        terms="CK+ agreement: research only, no redistribution; sign it before use",
    ),
    "five-celebrities": Source(
        what="Five Celebrity Faces: press photos of five people",
        page=f"{_KAGGLE}/datasets/dansbecker/5-celebrity-faces-dataset",
        by_hand="the folders train and val",
        terms="press photos, not free; private study only",
    ),
    "orl": Source(
        what="ORL (AT&T) faces: 40 people, ten pictures each, 92 × 112 pixels, grey",
        page="https://cam-orl.co.uk/facedatabase.html",
        by_hand="the folders s1 to s40 of att_faces.zip",
        terms="credit AT&T Laboratories Cambridge",
    ),
    "lfw": Source(
        what="Labeled Faces in the Wild: 13,233 photos of 5,749 people",
        page="https://scikit-learn.org/stable/datasets/real_world.html",
        by_hand="the folder lfw_home that scikit-learn's fetch_lfw_people makes",
        terms="research use; press photos",
    ),
    "facenet": Source(
        what="weights of keras-facenet (Inception-ResNet trained on VGGFace2), 512 numbers a face",
        page="https://github.com/faustomorales/keras-facenet/releases/tag/v0.3.1",
        by_hand="20180402-114759-weights.h5",
        terms="code MIT; trained on VGGFace2 (research)",
    ),
}
FACENET_SHA256 = "8b71e7045497e841c00ee568f031d1a4d30908fceadf6884aef2dec4d545202b"


def list_sources() -> dict[str, Path | None]:
    """Return the folder of every known data set, None while it is not on this machine."""
    return {name: find_folder(name) for name in KNOWN}


def find_folder(name: str) -> Path | None:
    """Return the first folder of that name under `settings.data_folders()` that is not empty."""
    for folder in settings.data_folders():
        if (folder / name).is_dir() and any((folder / name).iterdir()):
            return folder / name
    return None


def known_folder(name: str) -> Path:
    """Return the folder of a known data set.

    Raises
    ------
    DataError
        If it is not on this machine: what it is, where it was sought, how to get it.
    """
    folder = find_folder(name)
    if folder is not None:
        return folder
    source, places = KNOWN[name], [folder / name for folder in settings.data_folders()]
    raise DataError(
        f"{name} is not on this machine ({source.what}).\n"
        f"Looked in: {', '.join(map(str, places))}.\n"
        f"To get it by command: python -m reading_faces data fetch {name}\n"
        f"By hand: from {source.page} put {source.by_hand} into {places[0]}.\n"
        f"Terms: {source.terms}."
    )


def locate(source: str | Path, what: str = "", *names: str) -> Path:
    """Return the folder of a known set, or a path that exists here or where sets are looked for.

    `what` is to be read of it, such as ``"emotions"``, and `names` are the known sets that have it;
    without any, each may be asked.

    Raises
    ------
    DataError
        If there is no such file or folder, or the known set has nothing of the kind.
    """
    if source in KNOWN:
        if names and source not in names:
            raise DataError(f"{source} has no {what}; known sets with {what}: {', '.join(names)}.")
        return known_folder(source)
    path = Path(source).expanduser()
    for place in (path, *(folder / path for folder in settings.data_folders())):
        if place.exists():
            return place
    choices = ", ".join(("made", *KNOWN))
    raise DataError(f"{source} is no file or folder here, and no known source ({choices}).")
