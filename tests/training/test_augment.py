"""What training does to pictures leaves their labels true and their tones in range."""

import numpy as np
import pytest
from data_samples import grey

from reading_faces.training import augment


def generator():
    return np.random.default_rng(0)


def test_noise_on_black_stays_dark_and_on_white_bright():
    for tone in (0, 255):
        noisy = augment.add_noise(np.full((40, 48, 48), tone, np.uint8), generator())
        assert np.abs(noisy.astype(int) - tone).max() < 100


@pytest.mark.parametrize("tone", [40, 128, 255])
def test_light_changes_little_from_a_pixel_to_the_next_however_bright(tone):
    lit = augment.relight(np.full((40, 48, 48), tone, np.uint8), generator()).astype(int)
    for axis in (1, 2):
        assert np.abs(np.diff(lit, axis=axis)).max() < 12
    assert tone < 255 or (lit.max(axis=(1, 2)) == 255).all()


def test_noise_is_grain_and_a_blur_takes_it_away():
    flat = np.full((20, 48, 48), 128, np.uint8)
    grain = augment.add_noise(flat, generator())
    assert grain.std(axis=(1, 2)).min() > 1.5 and grain.std(axis=(1, 2)).max() < 16
    assert abs(float(grain.mean()) - 128) < 1
    assert augment.blur(grain, generator()).std() < grain.std() / 2


def test_light_falls_off_across_a_picture():
    lit = augment.relight(np.full((20, 48, 48), 128, np.uint8), generator())
    assert (lit.max(axis=(1, 2)) > lit.min(axis=(1, 2))).all()
    assert len(set(lit.mean(axis=(1, 2)).round())) > 10


def spots(n=60):
    """Return black pictures with a bright spot, and the point of the left eye on it."""
    rng = generator()
    centres = rng.integers(30, 66, (n, 2))
    images = np.zeros((n, 96, 96), np.uint8)
    for image, (x, y) in zip(images, centres, strict=True):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    points = np.full((n, 15, 2), np.nan, np.float32)
    points[:, 0] = centres
    return images, points


def test_half_of_the_faces_are_mirrored_and_their_points_with_them():
    images, points = spots()
    mirrored, moved = augment.mirror_half(images, points, generator())
    sides = [int(np.isfinite(face[:2]).all(axis=1).argmax()) for face in moved]
    assert 15 < sum(sides) < 45  # the spot of a mirrored face is where a right eye belongs
    for image, face, side, before in zip(mirrored, moved, sides, images, strict=True):
        assert np.array_equal(image, before[:, ::-1] if side else before)
        x, y = face[side].astype(int)
        assert image[y - 1 : y + 2, x - 1 : x + 2].min() == 255 and image.sum() == 9 * 255


def test_a_face_is_moved_turned_and_zoomed_together_with_its_points(monkeypatch):
    monkeypatch.setattr(augment, "spoil", lambda images, rng: images)
    images, points = spots()
    changed, moved = augment.augment_keypoints(images, points, generator())
    for image, face in zip(changed, moved, strict=True):
        x, y = face[np.isfinite(face).all(axis=1)][0]
        place = np.argwhere(image > 100).mean(axis=0)
        np.testing.assert_allclose(place, (y, x), atol=1)
    away = np.abs(moved - points)[np.isfinite(moved) & np.isfinite(points)]
    assert away.max() > 5


def test_units_of_either_side_stay_and_faces_change():
    faces, units = grey(8, 48), np.arange(8)
    changed, kept = augment.augment_action_units(faces, units, generator())
    assert np.array_equal(kept, units) and changed.shape == faces.shape
    assert (changed != faces).any(axis=(1, 2)).all()


def test_views_of_people_stay_upright_and_half_are_mirrored(monkeypatch):
    monkeypatch.setattr(augment.augment, "some", lambda images, *_: images)  # lit as they are
    side, wider = 96, augment.WIDER
    faces = np.zeros((200, side + 2 * wider, side + 2 * wider, 3), np.uint8)
    faces[:, : side // 2 + wider, : side // 2 + wider, 0] = 255  # above, to the left, and red
    views, kept = augment.augment_people(faces, np.arange(200), generator())
    assert views.shape == (200, side, side, 3) and np.array_equal(kept, np.arange(200))
    above, left = views[:, :48].mean(axis=(1, 2)), views[:, :, :48].mean(axis=(1, 2))
    below, right = views[:, 48:].mean(axis=(1, 2)), views[:, :, 48:].mean(axis=(1, 2))
    assert (above[:, 0] > 2 * below[:, 0]).all() and not views[..., 1:].any()
    assert 0.4 < (left[:, 0] > right[:, 0]).mean() < 0.6


def test_views_are_turned_by_25_degrees_zoomed_by_a_quarter_and_moved_by_15_percent(monkeypatch):
    monkeypatch.setattr(augment, "spoil", lambda images, rng: images)
    monkeypatch.setattr(augment, "mirror_half", lambda images, points, rng: (images, points))
    points = np.full((500, 15, 2), 15.5, np.float32)
    points[:, 1] += 10, 0
    images = np.zeros((500, 32, 32), np.uint8)
    _, moved = augment.augment_keypoints(images, points, generator())
    (x, y), (right, down) = (moved[:, 1] - moved[:, 0]).T / 10, (moved[:, 0] - 15.5).T / 32
    for found, low, high in (
        (np.degrees(np.arctan2(y, x)), -25, 25),
        (np.hypot(x, y), 0.8, 1.25),
        (right, -0.15, 0.15),
        (down, -0.15, 0.15),
    ):
        near = 0.03 * (high - low)
        assert low - 1e-4 <= found.min() < low + near and high - near < found.max() <= high + 1e-4
    assert abs(np.corrcoef(right, down)[0, 1]) < 0.2


def test_views_of_people_scatter_as_detectors_do(monkeypatch):
    """By 4.5 %, 3.5° and 2.5 % of the side, and by three fifths more for one in seven."""
    monkeypatch.setattr(augment.augment, "some", lambda images, *_: images)
    wide = 96 + 2 * augment.WIDER
    middle, apart, n = wide // 2, 24, 400
    faces = np.zeros((n, wide, wide, 3), np.uint8)
    for channel, x in enumerate((middle - apart, middle + apart)):
        faces[:, middle - 2 : middle + 3, x - 2 : x + 3, channel] = 255
    views, _ = augment.augment_people(faces, np.arange(n), generator())
    y, x = np.mgrid[:96, :96]
    weights = views[..., :2].astype(float)
    total = weights.sum(axis=(1, 2))
    spots = np.stack([np.einsum("nyxc,yx->nc", weights, at) / total for at in (x, y)], axis=2)
    across, centre = spots[:, 1] - spots[:, 0], spots.mean(axis=1) - 48
    zoom = np.log(np.linalg.norm(across, axis=1) / (2 * apart))
    turn = np.degrees(np.arctan(across[:, 1] / across[:, 0]))
    usual = np.sqrt(0.85 + 0.15 * 1.6**2)
    found = [zoom.std() / 0.045, turn.std() / 3.5, *centre.std(axis=0) / (0.025 * 96)]
    np.testing.assert_allclose(found, usual, rtol=0.15)


def test_units_are_learnt_from_views_in_another_light():
    """Without it, most of a flat picture stays as it was."""
    flat = np.full((40, 48, 48), 128, np.uint8)
    views, _ = augment.augment_action_units(flat, np.arange(40), generator())
    assert len(set(np.median(views, axis=(1, 2)))) > 10


def test_light_falls_off_in_all_directions():
    lit = augment.relight(np.full((100, 48, 48), 128, np.uint8), generator()).astype(float)
    right = lit[:, :, 24:].mean(axis=(1, 2)) - lit[:, :, :24].mean(axis=(1, 2))
    down = lit[:, 24:].mean(axis=(1, 2)) - lit[:, :24].mean(axis=(1, 2))
    for way in (right, down):
        assert way.min() < -10 and way.max() > 10
    assert abs(np.corrcoef(right, down)[0, 1]) < 0.4


def colourful(n=20):
    """Return red pictures whose right half is brighter, and that are higher than wide."""
    images = np.zeros((n, 96, 64, 3), np.uint8)
    images[..., 0], images[:, :, 32:, 0] = 100, 200
    return images


@pytest.mark.parametrize("change", [augment.shrink, augment.compress])
def test_small_and_stored_pictures_have_less_detail_in_the_same_places(change):
    images = colourful()
    changed = change(images, generator())
    assert changed.shape == images.shape and changed.dtype == np.uint8
    assert np.abs(changed.astype(int) - images).mean() < 8, "in the same colours"
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    lost = np.abs(change(noise, generator()).astype(int) - noise).mean(axis=(1, 2, 3))
    assert lost.min() > 10 and lost.max() > 1.15 * lost.min(), "of some more than of others"


def test_colour_is_dropped_or_changes_its_light_and_its_strength():
    images = colourful()
    grey_ones = augment.drop_colour(images, generator())
    np.testing.assert_array_equal(grey_ones[0, 0, [0, 63]], [[33] * 3, [66] * 3])
    tinted = augment.tint(images, generator()).astype(int)
    strength = np.ptp(tinted[:, 0, 0], axis=1) / 100
    assert 0.3 < strength.min() < 0.7 and 1.2 < strength.max() < 1.9
    white = augment.tint(np.full((40, 8, 8, 3), 255, np.uint8), generator())
    assert white.min() > 120, "what is too bright stays bright"
    assert (np.ptp(white[:, 0, 0], axis=1) > 10).any()
