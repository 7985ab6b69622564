"""Where the known data sets are published, and what tells that one arrived whole."""

from dataclasses import dataclass

from helpers.data.sources import FACENET_SHA256


@dataclass(frozen=True)
class Download:
    """A file at a plain address; `sha256` only where the publisher states it."""

    url: str
    sha256: str | None = None

    @property
    def file_name(self) -> str:
        """The name under which it is stored."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Published:
    """How a set is had from where it is published.

    Attributes
    ----------
    kaggle : its handle there, ``competition`` or ``owner/dataset``; empty if it is not on Kaggle.
    kaggle_files : patterns of the files that are kept of it: Kaggle's FER-2013 holds the same faces
        three times.
    downloads : files at plain addresses.
    rows : tables by name without suffix, and how many rows each has as published.
    """

    kaggle: str = ""
    kaggle_files: tuple[str, ...] = ("*",)
    downloads: tuple[Download, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()


# Of `lfw`, scikit-learn knows all this.
PUBLISHED = {
    "fer2013": Published(
        kaggle="challenges-in-representation-learning-facial-expression-recognition-challenge",
        kaggle_files=("icml_face_data*",),
        downloads=(
            Download("https://raw.githubusercontent.com/microsoft/FERPlus/master/fer2013new.csv"),
        ),
        rows=(
            ("fer2013", 35_887),
            ("icml_face_data", 35_887),
            ("train", 28_709),
            ("fer2013new", 35_887),
        ),
    ),
    "facial-keypoints": Published("facial-keypoints-detection", rows=(("training", 7_049),)),
    "ckplus": Published("shawon10/ckplus"),
    "five-celebrities": Published("dansbecker/5-celebrity-faces-dataset"),
    "orl": Published(
        downloads=(
            Download("https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip"),
        ),
    ),
    "lfw": Published(),
    "facenet": Published(
        downloads=(
            Download(
                "https://github.com/faustomorales/keras-facenet/releases/download/v0.3.1/20180402-114759-weights.h5",
                FACENET_SHA256,
            ),
        ),
    ),
}
