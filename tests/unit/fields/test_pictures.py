"""Pictures, lines, videos and boxes: real files of many kinds, damaged ones, and what sizes become."""

from __future__ import annotations

import io
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from elman.errors import ArgumentError, DataError, DTypeError, MissingExtraError, ShapeError, UnknownNameError
from elman.fields import Boxes, Image, Line, Video

pillow = pytest.importorskip("PIL.Image")
GREY = np.arange(48, dtype="uint8").reshape(6, 8) * 5


def png(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    pillow.fromarray(array).save(file, "png", **options)
    return file.getvalue()


def fitted(**settings) -> Image:
    return Image(**settings).fit([GREY])


def pixels(sample, **settings) -> list:
    field = fitted(**settings)
    return field.decode(field.encode([sample]))[0][:, :, 0].tolist()


def test_a_path_bytes_a_pillow_image_and_an_array_are_one_picture(tmp_path):
    path = tmp_path / "grey.png"
    path.write_bytes(png(GREY))
    for sample in (path, str(path), png(GREY), pillow.fromarray(GREY), GREY, GREY / 255):
        assert pixels(sample) == GREY.tolist()


def test_deep_and_two_coloured_pictures_keep_their_brightness():
    assert pixels(png(GREY.astype("uint16") * 257)) == GREY.tolist()
    for white in (1, 255, 65535):
        assert pixels(pillow.fromarray((GREY / 255 * white).astype("float32"))) == GREY.tolist()
    assert pixels(pillow.fromarray(GREY > 100)) == np.where(GREY > 100, 255, 0).tolist()


def test_transparent_pixels_are_white():
    colours = np.zeros((6, 8, 4), "uint8")
    colours[:3, :, 3] = 255
    assert pixels(png(colours)) == [[0] * 8] * 3 + [[255] * 8] * 3


def test_a_camera_held_sideways_is_turned():
    file = io.BytesIO()
    image = pillow.fromarray(np.repeat(GREY, 8, axis=1))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(file, "jpeg", exif=exif)
    assert Image().fit([file.getvalue()]).shape == (64, 6, 1)


def test_colours_become_grey_by_their_brightness():
    assert pixels(np.full((6, 8, 3), (255, 0, 0), "uint8")) == [[76] * 8] * 6


def test_the_size_is_the_median_and_never_large():
    sizes = [(10, 20), (12, 20), (90, 300)]
    assert Image().fit([np.zeros(size, "uint8") for size in sizes]).shape == (12, 20, 1)
    assert Image().fit([np.zeros((500, 1000), "uint8")]).shape == (64, 128, 1)
    assert Image(height=7, channels=3).fit([GREY]).shape == (7, 8, 3)


def test_one_picture_in_colours_makes_all_so():
    assert Image().fit([GREY, np.zeros((6, 8, 3), "uint8")]).shape == (6, 8, 3)


@pytest.mark.parametrize(
    ("content", "because"),
    [(b"", "row 1: cannot identify"), (b"GIF89a", "row 1: "), (png(np.eye(99) * 9 > 1)[:70], "row 1: ")],
)
@pytest.mark.parametrize("field", [Image, Line])
def test_a_damaged_file_is_named_with_its_row(field, content, because, tmp_path):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{field.__name__}.fit: values must be whole pic.*bad.png'?: {because}"):
        field().fit([png(GREY), str(path)])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Image(height=0), ArgumentError, r"Image: height must be at least 1. Received height=0"),
        (lambda: Image(channels=4), ArgumentError, r"Image: channels must be 1 or 3. Received channels=4"),
        (lambda: Line(order="up"), UnknownNameError, r"Line: order must be a known name"),
        (lambda: Video(every=0), ArgumentError, r"Video: every must be at least 1"),
        (lambda: Boxes("cxcywh"), UnknownNameError, r"Boxes: format must be a known name"),
        (
            lambda: Image().fit(["no.png"]),
            DataError,
            r"Image.fit: values must be files of pictures. Received values='no.png': row 0: there is no such file",
        ),
        (lambda: Image().fit([3]), DTypeError, r"Image.fit: values must be paths, bytes, pillow images or arrays"),
        (lambda: Image().fit([np.zeros(3)]), DataError, r"pictures \(H, W\), \(H, W, 1\) or \(H, W, 3\)"),
        (
            lambda: Image().fit([np.full((2, 2), 2.0)]),
            DataError,
            r"fractions 0 ... 1. .*='2.0 ... 2.0': row 0",
        ),
        (lambda: Image().fit([np.zeros((0, 3))]), ShapeError, r"have pixels. Received shape \(0, 3, 1\): row 0"),
        (lambda: Line().fit([GREY]).decode([np.zeros((3, 5))]), ShapeError, r"Line.decode: batch must have 6 features"),
        (lambda: Video().fit(["no.mp4"]), DataError, r"files of video. .*row 0: there is no such file"),
        (lambda: Video().fit([np.zeros((0, 2, 2))]), DataError, r"Video.fit: values must have at least one frame"),
        (
            lambda: Boxes().fit([([[0, 0, 5, 5]], (9, 9)), [[0, 0, 5, 0]]]),
            DataError,
            r"Boxes.fit: values must have boxes inside the picture. .*=\[0.0, 0.0, 5.0, 0.0\]: row 1, box 0",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_without_pillow_arrays_of_one_size_still_work(monkeypatch):
    file = png(GREY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert pixels(GREY) == GREY.tolist()
    with pytest.raises(MissingExtraError, match=r'pip install "elman\[image\]"'):
        fitted().encode([file])


def test_lines_keep_their_proportions():
    field = Line(height=3).fit([GREY])
    assert field.encode([GREY])[0].shape == (4, 3)
    assert field.decode(field.encode([GREY]))[0].shape == (3, 4, 1)


def test_rows_are_read_from_top_to_bottom():
    field = Line(order="rows").fit([GREY])
    assert field.shape == (None, 8)
    encoded = field.encode([GREY])
    assert encoded.shape == (1, 6, 8)
    assert np.all(np.diff(encoded[0], axis=1) > 0)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    av = pytest.importorskip("av")
    path = tmp_path / "movie.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuvj420p"
        for step in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 40 * step, "uint8"), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_movie_is_read_frame_by_frame(movie):
    field = Video().fit([movie])
    assert field.shape == (None, 16, 32, 1)
    brightness = field.decode(field.encode([str(movie)]))[0].mean(axis=(1, 2, 3))
    assert np.all(np.abs(brightness - 40 * np.arange(6)) < 8)  # the codec loses a little
    assert len(Video(every=4).fit([movie]).encode([movie])[0]) == 2


def test_a_damaged_movie_is_named(movie, tmp_path):
    bad = tmp_path / "bad.avi"
    bad.write_bytes(b"RIFF no movie")
    with pytest.raises(DataError, match=r"Video.fit: values must be whole videos. .*bad.avi'?: row 1: "):
        Video().fit([movie, bad])


def test_a_folder_of_pictures_is_a_video_in_the_order_of_numbers(tmp_path):
    for step in (1, 2, 10):
        (tmp_path / f"frame{step}.png").write_bytes(png(np.full((4, 4), step, "uint8")))
    (tmp_path / "notes.txt").write_text("no picture")
    field = Video().fit([tmp_path])
    assert field.decode(field.encode([tmp_path]))[0][:, 0, 0, 0].tolist() == [1, 2, 10]


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(DataError, match=r"folders of pictures. .*row 0: it holds no pictures"):
        Video().fit([tmp_path])


def test_without_av_movies_say_what_to_install(movie, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r'pip install "elman\[video\]"'):
        Video().fit([movie])


def test_the_largest_box_comes_first_and_formats_agree():
    corners, sides = Boxes("xyxy"), Boxes("xywh")
    one = corners.fit([[[0, 0, 0.1, 0.1], [0.5, 0.5, 1, 1]]]).encode([[[0, 0, 0.1, 0.1], [0.5, 0.5, 1, 1]]])
    other = sides.fit([[]]).encode([[[0, 0, 0.1, 0.1], [0.5, 0.5, 0.5, 0.5]]])
    assert np.array_equal(one, other)
    assert one[0, 0].tolist() == [0.75, 0.75, 0.5, 0.5]


def test_a_box_is_cut_off_at_the_edge():
    field = Boxes().fit([[]])
    assert field.encode([[[0.5, 0.5, 1.0, 1.0]]])[0, 0].tolist() == [0.75, 0.75, 0.5, 0.5]
    assert field.decode([[[0.0, 0.0, 0.5, 0.5]]])[0].tolist() == [[0, 0, 0.25, 0.25]]
