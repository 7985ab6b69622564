"""Settings for all tests, made before anything imports `helpers`, and two rules for every test.

A test that is not marked `whole` stays under ten seconds, and in CI no test skips its browser.
"""

import contextlib
import os

import pytest
from hypothesis import settings

os.environ.setdefault("COURSE_PROFILE", "smoke")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The same examples on each run, and no deadline: a first call into TensorFlow is slow.
settings.register_profile("course", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("course")

# What a test may take, without its fixtures; more where a machine is slow.
LONGEST_SECONDS = float(os.environ.get("COURSE_TEST_SECONDS", "10"))


def seconds_computed() -> float:
    """Return the processor time of this process and of its children that have ended.

    Not the time on the clock, which grows with everything else that the machine does.
    """
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a test that computes for too long and is not marked for it."""
    begun = seconds_computed()
    result = yield
    seconds = seconds_computed() - begun
    if seconds > LONGEST_SECONDS and not item.get_closest_marker("whole"):
        pytest.fail(
            f"{seconds:.0f} s of processor time, more than {LONGEST_SECONDS:g}: make it smaller, "
            "or mark it `whole` if it needs a whole system. On a slow machine, set a larger "
            "COURSE_TEST_SECONDS.",
            pytrace=False,
        )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Make a skipped browser test fail in CI, where `.ci/run` has installed Chromium."""
    report = yield
    browser = "browser" in item.fixturenames and item.get_closest_marker("whole")
    if report.skipped and browser and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {call.excinfo.value}"
    return report


@pytest.fixture(scope="session")
def real_keypoints():
    """Return the real set. To read it for the first time takes long, and counts for no test."""
    from helpers.data import load_keypoints  # after the settings above

    return load_keypoints("facial-keypoints")


@pytest.fixture(scope="session")
def real_emotions():
    """Return FER-2013, read in the same way."""
    from helpers.data import load_emotions

    return load_emotions("fer2013")


@pytest.fixture
def little_room():
    """Return a context in which a file can hold so many bytes: what is more is cut, as on a disk.

    The system does that, so that compiled libraries meet it, too.
    """
    resource = pytest.importorskip("resource")

    @contextlib.contextmanager
    def room(size: int):
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)

    return room
