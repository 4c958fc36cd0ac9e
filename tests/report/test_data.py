"""What the report says is what the plan does: kinds of columns, work, bytes, outputs; each judged by something else."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest

import edgeshift
from edgeshift.errors import InputError
from edgeshift.report.html import json_text
from edgeshift.report.network import KINDS
from edgeshift.report.page import report_data
from tests.report.models import ACTIVITY, CLASSES, ROOT, activity, network, report, worked

pytestmark = pytest.mark.xdist_group("report")  # each report once

CASES = [
    ("fcn_same", "int8", 1, "exact"),
    ("ds_cnn", "int8", 3, "exact"),
    ("squeeze_excite_2d", "int8", 1, "exact"),
    ("two_inputs_add", "float32", 2, "stream"),
]
DOCUMENTED = (ROOT / "docs" / "report.md").read_text().split("## report.json")[1]


def letters(lane: dict[str, Any]) -> str:
    """The kinds of a lane's columns, a letter for each."""
    short = {"new": "N", "again": "e", "early": "E", "kept": "k", "summed": "s", "past": ".", "never": "-"}
    return "".join(short[kind] * (stop - first) for first, stop, kind in lane["runs"])


class TestLanes:
    def test_the_worked_example_by_hand(self) -> None:
        """docs/shift-plan.md draws it: left edges are early, layer 1 keeps 3 columns, layer 2 has kept sums."""
        frames, first, second, *rest = worked()["lanes"]
        assert letters(frames)[-1] == "N" and frames["counts"]["new"] == 1
        assert letters(first) == "E.......kkNe"
        assert letters(second) == "EEsssssssNee"
        assert [letters(lane) for lane in rest] == ["N", "N"]
        assert [lane["verdict"] for lane in worked()["lanes"]] == ["shifts", "edges", "edges", "single", "single"]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
    def test_what_is_computed_is_what_the_plan_computes(self, case: tuple[str, str, int, str]) -> None:
        data = report(*case)
        layers = [lane for lane in data["lanes"] if lane["layer"]]
        assert [lane["layer"] for lane in layers] == list(range(1, len(data["plan"]["layers"]) + 1))
        for lane, layer in zip(layers, data["plan"]["layers"], strict=True):
            runs, counts = lane["runs"], lane["counts"]
            assert runs[0][0] == 0 and runs[-1][1] == layer["columns"] == sum(counts.values())
            assert all(a[1] == b[0] and a[2] != b[2] for a, b in zip(runs, runs[1:], strict=False))
            assert sum(counts.get(kind, 0) for kind in ("new", "again", "early")) == layer["columns_per_hop"]
            assert counts.get("kept", 0) == 0 or layer["ring_columns"] >= counts["kept"]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
    def test_lanes_lie_in_the_window(self, case: tuple[str, str, int, str]) -> None:
        data = report(*case)
        for lane in data["lanes"]:
            last = lane["end"] + (lane["columns"] - 1) * lane["cell"]
            assert last <= data["plan"]["window_frames"] and lane["end"] > 0

    def test_what_a_column_reads(self) -> None:
        """The oldest column of the last convolution, by hand: a convolution of 5 taps, then two of 9."""
        lanes = activity()["lanes"]
        wanted: list[set[int]] = [set() for _ in lanes]
        wanted[5] = {0}
        for at in range(5, 0, -1):
            for operand, kernel, stride, dilation, pad in lanes[at]["reads"]:
                wanted[operand] |= {j * stride - pad + k * dilation for j in wanted[at] for k in range(kernel)}
        assert wanted[0] == set(range(21)) and lanes[5]["end"] == 21


class TestWhy:
    def test_words_for_padding(self) -> None:
        first, second = (lane["why"] for lane in worked()["lanes"][1:3])
        assert first == (
            "10 of 12 columns shift. Its padding reaches 1 column at the left and 1 at the right. "
            "A hop computes 1 new column, 1 at the edges, 1 of the left edge early."
        )
        assert (
            "8 of 12 columns shift" in second and "earlier layers, 2 columns at the left and 2 at the right" in second
        )

    def test_words_for_what_does_not_shift(self) -> None:
        whys = [lane["why"] for lane in report("squeeze_excite_2d")["lanes"] if lane["verdict"] == "window"]
        assert whys and any("takes in layer" in why for why in whys)

    def test_words_for_phases(self) -> None:
        whys = " ".join(lane["why"] for lane in report("ds_cnn", "int8", 3)["lanes"])
        assert "2 phases: its stride of 2 does not divide the hop of 3" in whys

    def test_a_budget_is_named_as_the_reason(self) -> None:
        """Columns that are computed again because of --ram are not called new; every board is told a plan within it."""
        small = network("ds_cnn")
        budget = edgeshift.plan_curve(small, 1)[0].memory.struct_bytes
        data = report_data(small, 1, hops=1, ram=budget)
        assert any("to save RAM" in lane["why"] for lane in data["lanes"])
        assert all(board["struct_bytes"] <= budget for board in data["boards"])
        assert not any("to save RAM" in lane["why"] for lane in report("ds_cnn", "int8", 3)["lanes"])

    def test_remedies_are_plans_that_can_be_had(self) -> None:
        data = report("ds_cnn", "int8", 3)
        options = {remedy["option"]: remedy for remedy in data["remedies"]}
        assert options.keys() == {"--edges stream", "--hop 4"}
        streamed = edgeshift.plan(network("ds_cnn"), 3, edges="stream")
        assert options["--edges stream"]["macs_per_hop"] == streamed.schedule.macs_per_hop
        assert options["--edges stream"]["ram_bytes"] == streamed.memory.struct_bytes
        assert activity()["remedies"] == []


class TestMemory:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
    def test_every_byte_has_one_owner(self, case: tuple[str, str, int, str]) -> None:
        memory, end = report(*case)["memory"], 0
        for member in memory["members"]:
            assert member["offset"] == end and member["bytes"] > 0
            end += member["bytes"]
        assert 0 <= memory["struct_bytes"] - end < 4  # the padding behind the counters

    @pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
    def test_scratch_is_shared_only_in_turn(self, case: tuple[str, str, int, str]) -> None:
        """Blocks that share bytes share no moment, but for the one at which an output slides into its operand."""
        memory = report(*case)["memory"]
        blocks = memory["scratch"]
        assert max(b["offset"] + b["bytes"] for b in blocks) == memory["scratch_bytes"]
        for n, a in enumerate(blocks):
            assert 0 <= a["from"] <= a["to"] < len(memory["moments"])
            for b in blocks[n + 1 :]:
                apart = a["offset"] + a["bytes"] <= b["offset"] or b["offset"] + b["bytes"] <= a["offset"]
                together = min(a["to"], b["to"]) - max(a["from"], b["from"]) + 1
                assert apart or together <= 1, (a, b)


class TestBoards:
    def test_the_check_is_that_of_fit(self) -> None:
        checked = {board["board"]: board for board in worked()["boards"]}
        assert checked.keys() == {board.name for board in edgeshift.all_boards()}
        pico = edgeshift.load_board("raspberry-pi-pico")
        made = edgeshift.plan(ROOT / "docs" / "example.tflite", 1, pico.isa)
        expected = edgeshift.Fit(made, pico).sizes
        assert checked["raspberry-pi-pico"]["ram_bytes"] == expected.ram_bytes
        assert checked["raspberry-pi-pico"]["fits"] and checked["raspberry-pi-pico"]["advice"] is None

    def test_a_board_that_was_named_is_told_what_would_help(self) -> None:
        rate = 1e6  # frames a second: too many for any hop of a few frames
        board = dataclasses.replace(edgeshift.load_board("raspberry-pi-pico"), emulator=None)
        data = report_data(edgeshift.load(ACTIVITY / "activity.tflite"), hops=1, boards=[board], rate=rate)
        (checked,) = data["boards"]
        fit = edgeshift.Fit(edgeshift.plan(ACTIVITY / "activity.tflite", 1, board.isa), board, rate)
        assert not checked["fits"] and checked["advice"] == fit.as_dict()["advice"]
        assert data["measured"][0]["refused"] is not None and data["stream"]["rate"] == rate


class TestStream:
    def test_the_example_is_as_good_as_its_model_card_says(self) -> None:
        assert activity()["stream"]["judged"] == {"windows": 1480, "right": 1477}
        assert activity()["verification"]["exact"] is True

    def test_values_are_the_outputs_of_each_window(self) -> None:
        """By our own run of whole windows."""
        stream = activity()["stream"]
        made = edgeshift.load(ACTIVITY / "activity.tflite")
        whole, port = edgeshift.StreamingModel(made, 64), made.graph.inputs[0].quant
        frames = np.load(ACTIVITY / "test_recording.npy")
        assert port is not None
        raw = np.clip(np.rint(frames / port.scale[0]) + port.zero_point[0], -128, 127).astype(np.int8)
        assert stream["ends"][0] == 64 and len(stream["ends"]) == 3937
        for k in (0, 1, 1000, 3936):
            end = stream["ends"][k]
            whole.reset()
            output = whole.push(raw[end - 64 : end])
            assert isinstance(output, np.ndarray)
            expected = (output.reshape(-1).astype(float) + 128) / 256
            assert np.allclose([o["values"][k] for o in stream["outputs"]], expected, atol=1e-4)
        assert np.allclose(
            stream["channels"][3], (raw[:, 3] - port.zero_point[0]) * port.scale[0], rtol=1e-3, atol=1e-6
        )

    def test_labels(self) -> None:
        labels, runs = np.load(ACTIVITY / "test_labels.npy"), activity()["stream"]["labels"]
        drawn = np.concatenate([np.full(run["to"] - run["from"], run["class"]) for run in runs])
        assert np.array_equal(drawn, labels)
        assert {run["name"] for run in runs} == set(CLASSES)

    def test_wrong_names_and_labels(self, tmp_path: Any) -> None:
        made = edgeshift.load(ACTIVITY / "activity.tflite")
        with pytest.raises(InputError, match="3 names of classes were given, the outputs have 4"):
            report_data(made, classes=["a", "b", "c"])
        with pytest.raises(InputError, match="labels belong to a recording"):
            report_data(made, labels=ACTIVITY / "test_labels.npy")
        (tmp_path / "labels.csv").write_text("1\nwalking\n")
        with pytest.raises(InputError, match="cannot read the labels"):
            report_data(made, recording=ACTIVITY / "test_recording.npy", labels=tmp_path / "labels.csv")
        (tmp_path / "labels.csv").write_text("1\n0\n")
        with pytest.raises(InputError, match="one integer for each frame"):
            report_data(made, recording=ACTIVITY / "test_recording.npy", labels=tmp_path / "labels.csv")


class TestForm:
    def test_every_key_is_documented(self) -> None:
        """Those of inspect, verify and bench are documented where they are."""
        data = activity()
        named = set(re.findall(r"`(\w+)`", DOCUMENTED))
        parts = [data, data["lanes"][1], data["memory"], data["stream"], data["stream"]["judged"]]
        parts += [data["memory"]["members"][0], data["memory"]["scratch"][0], data["stream"]["labels"][0]]
        parts += [data["stream"]["outputs"][0], worked()["remedies"][0]]
        said = {key for part in parts for key in part} - {"description", "isa"}
        assert said <= named, said - named
        assert set(KINDS) <= named

    def test_it_is_json(self) -> None:
        for data in (activity(), report("two_inputs_add", "float32", 2, "stream")):
            again = json.loads(json_text(data))
            assert again["plan"]["macs_per_hop"] == data["plan"]["macs_per_hop"]
            assert json_text(again) == json_text(data)
