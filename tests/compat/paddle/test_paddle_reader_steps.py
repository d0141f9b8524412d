# SPDX-License-Identifier: Apache-2.0
"""What paddle_serving_app.reader says it does: formulas, refusals, and what is mended."""

import ast
import functools
import http.server
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
from paddle_reader_answers import COMPAT, ROOT
from paddle_serving_app import reader
from reader_cases import DB, MEAN, STD, picture, text_map

# Of the original, and what its users import from modules of it.
EXPORTED = """
BGR2RGB Base64ToImage BlazeFacePostprocess CenterCrop ChineseBertReader DBPostProcess
DetectionBGR2RGB DetectionFile2Image DetectionNormalize DetectionPadStride DetectionResize
DetectionSequential DetectionTranspose Div File2Image FilterBoxes GetRotateCropImage Image2Array
ImageReader LACReader Normalization Normalize OCRReader PadStride RCNNPostprocess RGB2BGR Resize
ResizeByFactor Sampler Scale SegPostprocess SentaReader Sequential SortedBoxes TenCrop Transpose
URL2Image VideoDecoder IMDBDataset String2Image DetectionDiv
""".split()


def test_everything_is_exported():
    assert set(reader.__all__) == set(EXPORTED)
    assert all(hasattr(reader, name) for name in EXPORTED)
    from paddle_serving_app.reader.functional import crop, normalize, resize, transpose
    from paddle_serving_app.reader.image_reader import Lambda, generate_colormap
    from paddle_serving_app.reader.imdb_reader import IMDBDataset
    from paddle_serving_app.reader.pptsn import Normalization, VideoDecoder

    assert (IMDBDataset, Normalization) == (reader.IMDBDataset, reader.Normalization)
    assert all(map(callable, (crop, normalize, resize, transpose, Lambda, VideoDecoder)))
    assert generate_colormap(3) == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]


HIDING = """
import sys
for name in ("cv2", "PIL", "pyclipper", "paddle", "shapely", "sentencepiece"):
    sys.modules[name] = None
import numpy as np
from paddle_serving_app import reader
assert reader.Sequential([reader.BGR2RGB(), reader.Div(2)])(np.ones((2, 2, 3))).dtype == "float32"
try:
    reader.File2Image()(__import__("os").devnull) is None
    reader.Resize(3)(np.ones((2, 2, 3)))
except ImportError as error:
    print(error)
"""


def test_packages_of_steps_are_wanted_by_those_steps_only():
    """The message names what to install; paddle is never imported."""
    said = subprocess.run(
        [sys.executable, "-c", HIDING],
        env={"PYTHONPATH": f"{COMPAT}:{ROOT / 'sdk'}"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "this step needs opencv-python-headless: pip install opencv-python-headless" in said


def test_numbers_of_pictures_are_those_of_their_formulas():
    img = picture(1, 8, 9)
    plain = img.astype(np.float64)
    made = reader.Normalize(MEAN, STD)(img)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, (plain - MEAN) / STD, rtol=2e-6)
    scaled, _ = reader.DetectionNormalize(MEAN, STD)(img)
    np.testing.assert_allclose(scaled, (plain / 255 - MEAN) / STD, rtol=1e-5, atol=1e-6)
    assert reader.Div(np.float64(3))(img).dtype == np.float32
    assert (reader.RGB2BGR()(img) == img[:, :, ::-1]).all()
    assert np.shares_memory(reader.CenterCrop(4)(img), img)


@pytest.mark.parametrize(
    ("size", "most", "shape"),
    [
        ((640,), {"max_size": 640}, (480, 640)),  # The long side decides.
        ((640,), {}, (640, 853)),
        (((300, 200),), {}, (200, 300)),
        (((300, 200),), {"max_size": 250}, (200, 250)),
    ],
)
def test_sizes_of_resize(size, most, shape):
    assert reader.Resize(*size, **most)(picture(2, 375, 500)).shape == (*shape, 3)


@pytest.mark.parametrize(
    ("factor", "sides", "made"),
    [
        (32, (65, 129), (32, 96)),
        (32, (96, 33), (96, 32)),
        (16, (65, 129), (48, 112)),  # The original takes 32 for the height, whatever the factor.
        (64, (129, 200), (64, 128)),
    ],
)
def test_sizes_of_resize_by_factor(factor, sides, made):
    assert reader.ResizeByFactor(factor)(picture(3, *sides)).shape[:2] == made


def test_what_cannot_be_resized_is_an_error_and_not_the_end_of_the_process():
    with pytest.raises(ValueError, match="nothing is left of 30 x 3000 pixels"):
        reader.ResizeByFactor(32, 50)(np.zeros((3000, 30, 3), np.uint8))
    with pytest.raises(cv2.error):
        reader.ResizeByFactor()(np.zeros((50, 50, 3), np.complex64))
    with pytest.raises(TypeError, match="not a list"):
        reader.Resize([224, 224])


def test_points_stay_as_they_are_and_may_be_of_any_type():
    img = picture(4, 60, 80)
    points = np.array([[10.5, 10.2], [50, 12], [49, 30], [9, 28]], np.float32)
    before = points.copy()
    crops = [reader.GetRotateCropImage()(img, kind) for kind in (points, points.tolist())]
    assert (points == before).all() and (crops[0] == crops[1]).all()
    assert crops[0].shape == (17, 39, 3)
    whole = reader.GetRotateCropImage()(img, points.astype(np.int16))
    assert whole.dtype == np.uint8


def test_text_is_found_where_it_is():
    found = np.zeros((1, 1, 64, 96), np.float32)
    found[0, 0, 20:30, 10:60] = 0.9
    (boxes,) = reader.DBPostProcess(DB)(found, [[0.5, 0.5]])
    ((left, top), _, (right, bottom), _) = boxes[0]
    assert boxes.dtype == np.int16 and len(boxes) == 1
    assert left < 20 and top < 40 and right > 118 and bottom > 58
    kept = reader.FilterBoxes(10, 10)(boxes, [128, 192])
    assert kept.dtype == np.float32 and kept.shape == (1, 4, 2)
    assert len(reader.FilterBoxes(10, 100)(boxes, [128, 192])) == 0
    crop = reader.GetRotateCropImage()(picture(5, 128, 192), kept[0])
    assert crop.shape[1] > 2 * crop.shape[0]


def test_boxes_go_from_top_to_bottom_and_on_a_line_from_left_to_right():
    corners = np.array([[0, 0], [9, 0], [9, 9], [0, 9]])
    boxes = [corners + place for place in ([50, 4], [10, 8], [0, 40])]
    sorted_boxes = reader.SortedBoxes()(np.array(boxes[::-1]))
    assert [box[0].tolist() for box in sorted_boxes] == [[10, 8], [50, 4], [0, 40]]
    assert reader.SortedBoxes()([]) == []


def test_reprs_that_the_original_fails_at():
    steps = [reader.DBPostProcess(DB), reader.FilterBoxes(3, 4), reader.DetectionResize(3)]
    shown = repr(reader.Sequential([*steps, reader.PadStride(8)]))
    assert "thresh=0.3, box_thresh=0.5" in shown and "FilterBoxes(3, 4)" in shown
    assert "target_size=[3, 3]" in shown and "PadStride(8)" in shown


def test_detection_steps_hand_on_what_they_know(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), picture(6, 30, 40))
    steps = [reader.DetectionFile2Image(), reader.DetectionResize(20)]
    steps += [reader.DetectionTranspose((2, 0, 1)), reader.DetectionPadStride(0)]
    img, info = reader.DetectionSequential(steps)(str(path))
    assert img.shape == (3, 15, 20)
    assert info["im_shape"].tolist() == [15, 20] and info["scale_factor"].tolist() == [0.5, 0.5]
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"a\.png is no picture"):
        reader.DetectionFile2Image()(str(path))


def test_bytes_that_are_no_picture():
    assert reader.String2Image()(b"") is None
    assert reader.Base64ToImage()("") is None
    assert reader.ImageReader().process_image(b"") is None


def test_addresses_are_those_of_the_web():
    """The original opens file: addresses, too, which callers of a service may send."""
    for address in ("file:///etc/hostname", "ftp://x/y", "x.png"):
        with pytest.raises(ValueError, match="URL2Image reads http and https"):
            reader.URL2Image()(address)


def test_a_picture_of_an_address(tmp_path, monkeypatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cv2.imwrite(str(tmp_path / "a.png"), picture(8, 5, 7))
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        img = reader.URL2Image()(f"http://127.0.0.1:{server.server_port}/a.png")
        server.shutdown()
    assert (img == picture(8, 5, 7)).all()


def test_scores_are_shown_as_numbers(tmp_path):
    """Services answer with the text of their results: NumPy 2 must not change it."""
    (tmp_path / "characters").write_text("a\nb\n")
    ocr = reader.OCRReader(char_dict_path=str(tmp_path / "characters"))
    steps = np.zeros((2, 4, 4), np.float32)
    steps[0, [0, 1, 2, 3], [1, 1, 0, 2]] = 0.9
    steps[1, :, 0] = 1
    found = ocr.postprocess_ocrv2({"save_infer_model/scale_0.tmp_1": steps})
    assert str(found) == "[('ab', 0.9), ('', nan)]"
    assert isinstance(found[0][1], np.float32)
    assert ast.literal_eval(str(found[:1])) == [("ab", 0.9)]


def test_a_missing_dictionary_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for make, said in (
        (reader.OCRReader, "ppocr_keys_v1.txt is not there: the characters"),
        (reader.SentaReader, "senta_vocab.txt is not there: the words of senta"),
        (reader.LACReader, "lac_dict/word.dic is not there"),
        (reader.ChineseBertReader, "vocab.txt is not there: the vocabulary of BERT"),
    ):
        with pytest.raises(FileNotFoundError, match=said):
            make()
    with pytest.raises(ValueError, match="char_type is ch, en or en_sensitive"):
        reader.OCRReader(char_type="fr")
    assert reader.OCRReader(char_type="en_sensitive").char_ops.get_char_num() == 94


def test_reviews_are_read_in_batches(tmp_path):
    (tmp_path / "words").write_text("the\nmovie\n")
    (tmp_path / "reviews").write_text("".join(f"the movie {n}|{n % 2}\n" for n in range(7)))
    dataset = reader.IMDBDataset()
    dataset.load_resource(str(tmp_path / "words"))
    batches = list(dataset.infer_reader([str(tmp_path / "reviews")], 3, 4)())
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert all(words == [0, 1, 2] for batch in batches for words, _ in batch)
    assert list(dataset.generate_sample("movie|1")()) == [(("words", [1]), ("label", [1]))]


def test_boxes_are_drawn_with_this_pillow(tmp_path):
    (tmp_path / "labels").write_text("person\ncar\n")
    cv2.imwrite(str(tmp_path / "a.png"), np.full((60, 80, 3), 200, np.uint8))
    out = tmp_path / "new" / "folder"
    rows = np.array([[1, 0.9, 10, 30, 40, 50], [0, 0.4, 0, 0, 70, 55]], np.float32)
    drawn = reader.RCNNPostprocess(str(tmp_path / "labels"), str(out))
    found = drawn({"image": str(tmp_path / "a.png"), "x": rows, "x.lod": np.array([0, 2])})
    assert found[0] == {
        "category_id": 1,
        "bbox": [10.0, 30.0, 31.0, 21.0],
        "score": pytest.approx(0.9),
    }
    made = cv2.imread(str(out / "a.png"))
    assert made[40, 10].tolist() == [0, 0, 128] and made[5, 0].tolist() == [200, 200, 200]
    assert (out / "bbox.json").is_file()
    with pytest.raises(KeyError, match="no result of a detector"):
        drawn({"image": "a.png"})


def test_masks_that_do_not_fit_are_refused(tmp_path):
    path = str(tmp_path / "a.png")
    cv2.imwrite(path, picture(7, 20, 30))
    mask = np.full((512, 512), 2)
    for classes, result, error, said in (
        (2, {"filename": path, "m": mask}, ValueError, "class 2 of 2 classes"),
        (3, {"filename": path, "m": mask[:9]}, ValueError, "cannot reshape"),
        (3, {"filename": path}, KeyError, "no result of a segmenter"),
        (3, {"filename": f"{path}.none", "m": mask}, ValueError, "is no picture"),
    ):
        with pytest.raises(error, match=said):
            reader.SegPostprocess(classes)(result)


def test_a_map_of_chance_gives_boxes_inside_of_it():
    for seed in range(20, 30):
        for boxes in reader.DBPostProcess(DB)(text_map(seed)[None, None], [[1, 1]]):
            assert len(boxes) == 0 or (boxes >= 0).all() and (boxes <= [160, 120]).all()


def test_a_video_goes_through(tmp_path):
    path = str(tmp_path / "a.avi")
    out = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for shade in range(0, 250, 10):
        out.write(np.full((48, 64, 3), (shade, 0, 0), np.uint8))
    out.release()
    steps = [reader.VideoDecoder(), reader.Sampler(3, 1, valid_mode=True), reader.Scale(32)]
    steps += [reader.TenCrop(24), reader.Image2Array(), reader.Normalization(MEAN, STD)]
    made = reader.Sequential(steps)({"filename": path})
    assert made["frames_len"] == 25 and made["imgs"].shape == (30, 3, 24, 24)
    blue = made["imgs"][:, 2].mean(axis=(1, 2)) * STD[2] + MEAN[2]  # RGB: blue is last.
    np.testing.assert_allclose(blue[[0, 1, 2]] * 255, [30, 110, 190], atol=4)
    with pytest.raises(FileNotFoundError):
        reader.VideoDecoder()({"filename": path + ".none"})
    with pytest.raises(ValueError, match="backend cv2"):
        reader.VideoDecoder("decord")
    again = np.array(made["imgs"])
    assert reader.Normalization(MEAN, STD, inplace=True)({"imgs": again})["imgs"] is again
