"""What the ONNX importer makes of a file: which layouts cost nothing, where time is, what is refused and how."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import edgeshift
from edgeshift.errors import ModelFormatError, PlanError, UnsupportedOpError
from edgeshift.importers import parse_model
from tests.importers import onnx_networks
from tests.ladder import network
from tests.onnxbuilder import OnnxNet

MODELS = Path(__file__).parents[3] / "shared" / "models"


def operators(model: bytes) -> list[str]:
    return [op.op for op in network(model).graph.ops]


class TestLayout:
    def test_time_last_costs_nothing(self) -> None:
        """Neither the transposes at the ends nor a flatten in channel order leave an operator."""
        model = onnx_networks.conv_valid()
        assert operators(model) == ["CONV_2D", "MAX_POOL_2D", "CONV_2D", "TANH", "FULLY_CONNECTED", "SOFTMAX"]

    def test_per_frame_outputs_keep_their_shape(self) -> None:
        graph = network(onnx_networks.causal_pad_per_frame()).graph
        assert [(o.shape, o.columns, o.size) for o in graph.outputs] == [((1, 2, 24), 24, 2)]

    def test_transposes_around_a_convolution_vanish(self) -> None:
        made = operators(onnx_networks.batch_first())
        assert made == ["SUB", "MUL", "CONV_2D", "FULLY_CONNECTED", "SOFTMAX"]

    def test_norms_and_clamps_move_into_the_layer(self) -> None:
        assert operators(onnx_networks.conv_same()) == ["CONV_2D"] * 3 + ["MEAN", "FULLY_CONNECTED"]

    def test_norms_move_into_transposed_convolutions(self) -> None:
        made = operators(onnx_networks.unet_transposed())
        assert made.count("TRANSPOSE_CONV") == 1 + 2 + 6 and not {"MUL", "RELU"} & set(made)

    def test_gelu_in_pieces_is_one(self) -> None:
        assert operators(onnx_networks.gelu_in_pieces()).count("GELU") == 3


class TestTimeAxis:
    @pytest.mark.parametrize(
        ("build", "axis", "frames"),
        [
            (onnx_networks.conv_same, 2, 24),
            (onnx_networks.causal_pad_per_frame, 2, 24),
            (onnx_networks.batch_first, 1, 24),
            (onnx_networks.image_2d, 2, 24),
            (onnx_networks.image_2d_time_last, 3, 24),
            (onnx_networks.raw_audio, 1, 40),
            (onnx_networks.frame_mlp, 1, 12),
        ],
    )
    def test_is_where_the_network_convolves(self, build, axis: int, frames: int) -> None:
        graph = network(build()).graph
        assert graph.window_frames == frames
        assert f"axis {axis}" in graph.time_axis

    def test_can_be_given(self) -> None:
        assert network(onnx_networks.image_2d(), time_axis=3).graph.window_frames == 10


class TestRefusals:
    def refused(self, model: bytes, error: type[Exception], *words: str) -> None:
        with pytest.raises(error) as caught:
            parse_model(model, "net")
        assert "\n" not in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    def test_names_the_node(self) -> None:
        net = OnnxNet()
        x = net.node("Relu", net.input([1, 4, 8]))
        net.output(net.node("Det", x))
        self.refused(net.build(), UnsupportedOpError, "'Det_1'", "(Det, node 1)")

    def test_open_window(self) -> None:
        net = OnnxNet()
        net.output(net.node("Relu", net.input([1, 4, "time"])))
        self.refused(net.build(), ModelFormatError, "'x0'", "'time'", "open length")

    def test_integer_input(self) -> None:
        net = OnnxNet()
        net.output(net.node("Add", net.input([1, 4]), net.input([1, 4], onnx.TensorProto.INT64)))
        self.refused(net.build(), UnsupportedOpError, "integer input 'x1'", "--set")

    def test_other_types(self) -> None:
        net = OnnxNet()
        net.output(net.node("Relu", net.input([1, 4], onnx.TensorProto.DOUBLE)))
        self.refused(net.build(), ModelFormatError, "double")

    def test_opset(self) -> None:
        net = OnnxNet(opset=9)
        net.output(net.node("Relu", net.input([1, 4])))
        self.refused(net.build(), ModelFormatError, "opset 9")

    def test_computed_weights(self) -> None:
        net = OnnxNet()
        x = net.input([1, 4, 8])
        net.output(net.node("Conv", x, net.node("Relu", net.input([4, 4, 3]))))
        self.refused(net.build(), UnsupportedOpError, "'Conv_1'", "not a constant")

    def test_nan_weights(self) -> None:
        net = OnnxNet()
        net.output(net.node("Conv", net.input([1, 1, 8]), net.constant(np.full((2, 1, 3), np.nan))))
        self.refused(net.build(), UnsupportedOpError, "NaN")

    def test_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        path.write_bytes(onnx_networks.conv_same()[:300])
        with pytest.raises(ModelFormatError, match="ONNX"):
            edgeshift.load(path)

    @pytest.mark.parametrize("data", [b"", b"not a model at all, only some words", b"\0" * 64])
    def test_something_else(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "net.onnx"
        path.write_bytes(data)
        with pytest.raises(ModelFormatError, match="ONNX"):
            edgeshift.load(path)

    def test_no_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnx", None)
        self.refused(onnx_networks.conv_same(), ModelFormatError, "edgeshift[onnx]")

    def test_recurrences_that_no_exporter_writes(self) -> None:
        for op, attrs, word in (
            ("LSTM", {"clip": 3.0}, "clip"),
            ("GRU", {"activations": ["Sigmoid", "Softsign"]}, "Softsign"),
            ("RNN", {"layout": 1}, "layout"),
        ):
            net = OnnxNet()
            net.output(onnx_networks.lstm(net, net.input([4, 1, 3]), 3, 2, op, **attrs)[0])
            self.refused(net.build(), UnsupportedOpError, f"({op}, node 0)", word)

    def test_a_sequence_that_ends_early(self) -> None:
        net = OnnxNet()
        parts = [net.weights(1, 8, 3), net.weights(1, 8, 2), "", net.constant([3], "int32")]
        net.output(net.node("LSTM", net.input([4, 1, 3]), *parts, outputs=1, hidden_size=2))
        self.refused(net.build(), UnsupportedOpError, "packed")


class TestInputs:
    def vad(self, fixed_rate: bool = False) -> bytes:
        """A length that is open, state beside it, and a sampling rate: unused, or of a branch."""
        net = OnnxNet()
        x, state = net.input(["batch", 3, "frames"]), net.input([1, "batch", 2])
        rate = net.input([], onnx.TensorProto.INT64)
        y, last = onnx_networks.lstm(net, net.node("Transpose", x, perm=[2, 0, 1]), 3, 2, "GRU")
        zero = net.node("Cast", net.node("Mul", rate, net.ints(1 if fixed_rate else 0)), to=1)
        net.output(net.node("Add", net.node("Add", last, state), zero))
        return net.build()

    def test_an_open_length_is_the_frames(self) -> None:
        graph = parse_model(self.vad(), "net", 7)
        assert [graph.tensors[i].shape for i in graph.inputs] == [(1, 3, 7), (1, 1, 2)]

    def test_an_integer_that_changes_nothing_is_left_out(self) -> None:
        imported = parse_model(self.vad(), "net", 4)
        assert [imported.tensors[i].name for i in imported.inputs] == ["x0", "x1"]

    def test_an_integer_that_matters_is_to_be_set(self, tmp_path: Path) -> None:
        path = tmp_path / "vad.onnx"
        path.write_bytes(self.vad(fixed_rate=True))
        with pytest.raises(UnsupportedOpError, match=r"integer input 'x2'.*--set"):
            edgeshift.load(path, frames=4)
        network = edgeshift.load(path, frames=4, fixed=["x2=16000"])
        assert edgeshift.verify(network, hops=5).exact
        wrong = {"x2": "NAME=NUMBER", "rate=1": "'x0', 'x1', 'x2'"}
        wrong |= {f"x2={value}": "takes int64" for value in ("nan", "inf", "1e40", "0.5")} | {"x0=nan": "takes float32"}
        for setting, words in wrong.items():
            with pytest.raises(PlanError, match=words):
                edgeshift.load(path, frames=4, fixed=[setting])

    def test_an_open_length_is_time_whatever_else_is_as_long(self, tmp_path: Path) -> None:
        net = OnnxNet()
        net.output(net.conv(net.input([1, 9, "frames"]), (9, 2), [3]))
        path = tmp_path / "net.onnx"
        path.write_bytes(net.build())
        graph = edgeshift.load(path, frames=9).graph
        assert graph.window_frames == 9 and "axis 2" in graph.time_axis

    @pytest.mark.parametrize("shapes", [([1, "height", "width"],), ([1, 3, "frames"], [1, 3, "cached"])])
    def test_two_open_lengths(self, shapes: tuple[list[int | str], ...]) -> None:
        net = OnnxNet()
        net.output(*(net.node("Relu", net.input(shape)) for shape in shapes))
        with pytest.raises(ModelFormatError, match="not the only one"):
            parse_model(net.build(), "net", 8)


def branch(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
    result = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
    return onnx.helper.make_graph(nodes, name, [], [result])


class TestBranches:
    @pytest.mark.oracle
    @pytest.mark.parametrize(("rate", "operator"), [(16000, "TANH"), (8000, "LOGISTIC")])
    def test_an_integer_input_chooses(self, rate: int, operator: str, tmp_path: Path) -> None:
        """A network for two sampling rates is one network, once the rate is set; names of outside are known within."""
        net = OnnxNet()
        x, given = net.conv(net.input([1, 3, 8]), (3, 4), [3]), net.input([], onnx.TensorProto.INT64)
        branches = {
            f"{name}_branch": branch(name, onnx.helper.make_node(op, [x], [name]))
            for name, op in (("then", "Tanh"), ("else", "Sigmoid"))
        }
        net.output(net.node("If", net.node("Equal", given, net.ints(16000)), **branches))
        path = tmp_path / "net.onnx"
        path.write_bytes(net.build())
        with pytest.raises(UnsupportedOpError, match=r"\(If, node 2\).*'x1'.*--set"):
            edgeshift.load(path)
        loaded = edgeshift.load(path, fixed=[f"x1={rate}"])
        assert [op.op for op in loaded.graph.ops] == ["CONV_2D", operator]
        assert edgeshift.verify(loaded, hops=5).exact

    def test_a_known_condition_chooses(self) -> None:
        """As `squeeze` is exported when the exporter does not know the length."""
        helper = onnx.helper
        net = OnnxNet()
        x = net.node("ReduceMax", net.conv(net.input([1, 3, 8]), (3, 4), [3]), axes=[2], keepdims=1)
        length = net.node("Gather", net.node("Shape", x), net.ints(2), axis=0)
        squeezed = branch("then", helper.make_node("Squeeze", [x, net.ints([2])], ["then"]))
        kept = branch("else", helper.make_node("Identity", [x], ["else"]))
        y = net.node("If", net.node("Equal", length, net.ints(1)), then_branch=squeezed, else_branch=kept)
        net.output(y)
        assert network(net.build()).graph.outputs[0].shape == (1, 4)


class TestPlaces:
    @pytest.mark.oracle
    def test_labels(self, tmp_path: Path) -> None:
        """int64 in the file, int32 in the C; one of them computed with as a number."""
        path = tmp_path / "labels.onnx"
        path.write_bytes(onnx_networks.labels())
        assert edgeshift.verify(path, 2, hops=20).exact
        outputs = edgeshift.load(path).graph.outputs
        assert [o.shape for o in outputs] == [(1, 24), (1, 1, 24), (1, 1)]
        assert [o.dtype for o in outputs] == [np.int32, np.int32, np.float32]

    def test_arithmetic_with_places(self, tmp_path: Path) -> None:
        net = OnnxNet()
        places = net.node("ArgMax", net.input([1, 4, 8]), axis=1)
        net.output(net.node("Add", places, net.ints([1])))
        path = tmp_path / "net.onnx"
        path.write_bytes(net.build())
        with pytest.raises(UnsupportedOpError, match="computes with int32"):
            edgeshift.load(path)


class TestFiles:
    def test_any_suffix(self, tmp_path: Path) -> None:
        path = tmp_path / "net.bin"
        path.write_bytes(onnx_networks.conv_valid())
        assert edgeshift.load(path).graph.window_frames == 24

    def test_weights_beside_the_file(self, tmp_path: Path) -> None:
        """As PyTorch's newer exporter writes them."""
        model = onnx.load_from_string(onnx_networks.conv_valid())
        path = tmp_path / "net.onnx"
        onnx.save(model, path, save_as_external_data=True, location="net.onnx.data", size_threshold=0)
        assert (tmp_path / "net.onnx.data").exists()
        loaded = edgeshift.load(path)
        assert loaded.graph.window_frames == 24
        assert not any(t.data_location for t in onnx.load_from_string(loaded.model).graph.initializer)
