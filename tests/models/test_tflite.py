"""Constants of TensorFlow Lite files, read from files made here and, where they are, real ones."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.models.pretrained.tflite import (
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    read_layers,
)

DEQUANTIZE = 6


class Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Tables with numbered fields, and lists, in TensorFlow's order."""

    def numbers(self, values: list[int] | list[float], kind: str) -> int:
        array = np.array(values, {"i": "<i4", "f": "<f4", "q": "<i8", "B": "u1"}[kind])
        return int(self.CreateNumpyVector(array))

    def offsets(self, items: list[int]) -> int:
        self.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.PrependUOffsetTRelative(item)
        return int(self.EndVector())

    def table(self, **fields: tuple[str, int]) -> int:
        self.StartObject(8)
        for name, (kind, value) in fields.items():
            slot = int(name[1:])
            if kind == "offset":
                self.PrependUOffsetTRelativeSlot(slot, value, 0)
            elif kind == "byte":
                self.PrependInt8Slot(slot, value, 0)
            else:
                self.PrependUint32Slot(slot, value, 0)
        return int(self.EndObject())


Tensor = tuple[NDArray[np.generic], list[float], list[int], int]


def tflite(tensors: list[Tensor], operators: list[tuple[int, list[int], list[int]]]) -> bytes:
    """A file with these tensors (values, scales, zero points, axis) and operators."""
    b = Builder(1024)
    types = {"float32": 0, "int32": 2, "int8": 9}
    buffers, made = [], []
    for number, (values, scales, zeros, axis) in enumerate(tensors):
        data = b.numbers(list(np.frombuffer(values.tobytes(), np.uint8)), "B")
        buffers.append(b.table(f0=("offset", data)))
        shape = b.numbers(list(values.shape), "i")
        fields = {"f0": ("offset", shape), "f1": ("byte", types[str(values.dtype)])}
        if scales:
            scale, zero = b.numbers(scales, "f"), b.numbers(zeros, "q")
            found = b.table(f2=("offset", scale), f3=("offset", zero), f6=("uint", axis))
            fields["f4"] = ("offset", found)
        made.append(b.table(**fields, f2=("uint", number)))
    codes = sorted({kind for kind, _, _ in operators})
    run = []
    for kind, inputs, outputs in operators:
        ins, outs = b.numbers(inputs, "i"), b.numbers(outputs, "i")
        run.append(b.table(f0=("uint", codes.index(kind)), f1=("offset", ins), f2=("offset", outs)))
    graph = b.table(f0=("offset", b.offsets(made)), f3=("offset", b.offsets(run)))
    listed = b.offsets([b.table(f0=("byte", code)) for code in codes])
    graphs, stored = b.offsets([graph]), b.offsets(buffers)
    model = b.table(f1=("offset", listed), f2=("offset", graphs), f4=("offset", stored))
    b.Finish(model, file_identifier=b"TFL3")
    return bytes(b.Output())


def test_weights_are_multiplied_out_in_the_order_of_the_graph() -> None:
    plain = np.arange(18, dtype=np.float32).reshape(2, 3, 3, 1)
    bias = np.array([5, 6], np.float32)
    depthwise = np.arange(-9, 9, dtype=np.int8).reshape(1, 3, 3, 2)
    dense = np.array([[10, -10, 0], [1, 2, 3]], np.int8)
    empty = np.zeros(1, np.float32)
    data = tflite(
        [
            (empty, [], [], 0),
            (plain, [], [], 0),
            (bias, [], [], 0),
            (depthwise, [0.5], [1], 0),
            (dense, [0.1, 2.0], [0, 1], 0),
        ],
        [
            (CONV_2D, [0, 1, 2], [0]),
            (DEQUANTIZE, [3], [0]),
            (DEPTHWISE_CONV_2D, [0, 3, -1], [0]),
            (FULLY_CONNECTED, [0, 4], [0]),
        ],
    )
    first, second, third = read_layers(data)
    assert (first.kind, second.kind, third.kind) == (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED)
    assert np.array_equal(first.weights, plain)
    assert np.array_equal(first.bias, bias)
    assert np.array_equal(second.weights, 0.5 * (depthwise.astype(np.float32) - 1))
    assert np.array_equal(second.bias, [0, 0])
    assert np.allclose(third.weights, [[1, -1, 0], [0, 2, 4]])
    assert np.array_equal(third.bias, [0, 0])


@pytest.mark.parametrize("cut", [0, 5, 40, 120, 200])
def test_damaged_files_are_named_as_such(cut: int) -> None:
    data = tflite([(np.ones((2, 3), np.int8), [1.0], [0], 0)], [(FULLY_CONNECTED, [0, 0], [0])])
    assert read_layers(data)
    with pytest.raises(ValueError, match=r"not a TensorFlow Lite file|outside of it"):
        read_layers(data[:cut])


# --- the real one -------------------------------------------------------------------------------


@pytest.mark.real
def test_yamnet_agrees_with_the_interpreter(real_data: Path) -> None:
    """On the interpreter's own spectrogram; what is left is its rounding of activations."""
    pytest.importorskip("ai_edge_litert")
    import torch
    from ai_edge_litert.interpreter import Interpreter

    from genrekit.audio import decode
    from genrekit.models.pretrained import backbone_config, build_body
    from genrekit.models.pretrained.yamnet import YamnetBody
    from genrekit.schema import ExcerptConfig

    path = real_data / "weights" / "yamnet" / "yamnet.tflite"
    reference = Interpreter(str(path), num_threads=1)
    reference.allocate_tensors()
    samples = decode(
        real_data / "gtzan_audio" / "clips" / "reggae" / "reggae.00000.flac",
        sample_rate_hz=16000,
        excerpt=ExcerptConfig(start_seconds=5, duration_seconds=0.975),
    ).samples
    reference.set_tensor(reference.get_input_details()[0]["index"], samples[None])
    reference.invoke()
    found = {
        one["shape"][-1]: reference.get_tensor(one["index"])
        for one in reference.get_output_details()
    }
    body = build_body(backbone_config({"name": "yamnet", "weights": path}), 15600).eval()
    assert isinstance(body, YamnetBody)
    with torch.no_grad():
        patch = torch.from_numpy(found[64])[None, None]
        embedding = body.layers(patch).mean(dim=(2, 3))[0].numpy()
    dense = read_layers(path.read_bytes())[-1]
    scores = 1 / (1 + np.exp(-(dense.weights @ embedding + dense.bias)))
    assert np.abs(scores - found[521][0]).max() < 0.03
    assert np.argmax(scores) == np.argmax(found[521][0])


@pytest.mark.real
def test_yamnet_recognises_music(real_data: Path) -> None:
    import csv

    import torch

    from genrekit.audio import decode
    from genrekit.models.pretrained import backbone_config, build_body
    from genrekit.schema import ExcerptConfig

    folder = real_data / "weights" / "yamnet"
    with (folder / "yamnet_class_map.csv").open(newline="", encoding="utf-8") as file:
        classes = [row["display_name"] for row in csv.DictReader(file)]
    path = folder / "yamnet.tflite"
    clip = decode(
        real_data / "gtzan_audio" / "clips" / "metal" / "metal.00003.flac",
        sample_rate_hz=16000,
        excerpt=ExcerptConfig(duration_seconds=5),
    )
    body = build_body(backbone_config({"name": "yamnet", "weights": path}), len(clip.samples))
    with torch.no_grad():
        embedding = body.eval()(torch.from_numpy(clip.samples)[None, None])[0].numpy()
    dense = read_layers(path.read_bytes())[-1]
    best = np.argsort(-(dense.weights @ embedding + dense.bias))[:5]
    assert "Music" in [classes[number] for number in best]
    assert "Heavy metal" in [classes[number] for number in best]
