"""The fit check: what it estimates is near what is measured, it refuses before anything is compiled, and its advice,
followed, works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import edgeshift
from edgeshift.device import Fit, build_image, load_board
from edgeshift.device.deploy import device_model, rows_of
from edgeshift.device.estimate import cycles_per_hop, instructions_per_hop
from edgeshift.device.fit import Options, Sizes
from edgeshift.host.recording import gather_frames
from edgeshift.kernels import ISAS
from edgeshift.resources import resource
from tests.cli.command import edgeshift as command
from tests.models.test_shared_models import model
from tests.netbuilder import Net
from tests.zoo import ZOO, build

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results.json"
SMALL = "stm32vldiscovery"  # 8 KB of RAM, emulated
ACTIVITY = Path(__file__).resolve().parents[2] / "examples" / "activity" / "activity.tflite"


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three SAME convolutions of 32 channels over 96 frames of 8: more RAM than the smallest board has."""
    rng = np.random.default_rng(0)
    net = Net("wide", rng)
    x = net.input((1, 96, 8))
    for _ in range(3):
        x = net.conv1d(x, 32, 5, activation="relu")
    net.output(net.dense(net.mean(x, 1), 4))
    file = tmp_path_factory.mktemp("fit") / "wide.tflite"
    file.write_bytes(net.quantize([[rng.standard_normal((1, 96, 8)).astype(np.float32)] for _ in range(8)]))
    return file


def _recorded() -> list[dict[str, object]]:
    """What `make bench` measured, of networks that are files."""
    rows = [
        {**row, "measure": table["measure"]}
        for table in json.loads(RESULTS.read_text(encoding="utf-8"))["tables"]
        for row in table["rows"]
        if row["hop"] and row["model"] != "fcn_c9_w128_f32"
    ]
    return list({(r["model"], r["board"], r["hop"], r["edges"], r["measure"]): r for r in rows}.values())


def test_near_the_recorded_measurements() -> None:
    """Instructions and cycles within a third, code within 60 %, RAM within 20 % and half a kilobyte."""
    off, plans = {}, {}
    for row in _recorded():
        board = load_board(str(row["board"]))
        key = (row["model"], board.isa, row["hop"], row["edges"])
        if key not in plans:
            plans[key] = edgeshift.plan(model(str(row["model"])), row["hop"], board.isa, edges=row["edges"])
        plan, measured = plans[key], float(str(row["value"]))
        sizes = Fit(plan, board).sizes
        estimates = {
            "instructions_per_hop": (instructions_per_hop(plan, board), measured / 3),
            "cycles_per_hop": (cycles_per_hop(plan, board), measured / 3),
            "ram_bytes": (sizes.struct_bytes + sizes.stack_bytes, measured / 5 + 512),
            "code_bytes": (sizes.code_bytes, 0.6 * measured),
            "weights_bytes": (sizes.weights_bytes, measured / 10),
        }
        if str(row["measure"]) in estimates:
            estimate, allowed = estimates[str(row["measure"])]
            if abs(estimate - measured) > allowed:
                off[(*key, row["measure"])] = (measured, round(estimate))
    assert len(plans) >= 6 and off == {}


@pytest.mark.parametrize("isa", ISAS)
def test_every_kernel_has_a_figure(isa: str, tmp_path: Path) -> None:
    """Also those that no network of the calibration has."""
    boards = {board.isa: board for board in edgeshift.all_boards()}
    for name in list(ZOO)[ISAS.index(isa) :: len(ISAS)]:
        for dtype in ("int8", "float32"):
            file = tmp_path / f"{name}_{dtype}.tflite"
            file.write_bytes(build(name, 1, dtype))
            sizes = Fit(edgeshift.plan(file, isa=isa), boards[isa]).sizes
            assert sizes.seconds > 0 and sizes.code_bytes > 500 and sizes.stack_bytes > 0, (name, dtype)


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", ["mps2-an386", SMALL])
def test_what_an_image_takes(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    plan = edgeshift.plan(ACTIVITY, isa=board.isa)
    frames, _, pushes = gather_frames(plan.schedule, 3, 0, None)
    made = edgeshift.compile(plan, tmp_path / "model")
    image = build_image(
        board, device_model(plan, made.name, made.folder), rows_of(plan, frames, pushes), tmp_path / "build"
    )
    sizes = Fit(plan, board).sizes
    ram = image.data_bytes + image.bss_bytes
    assert ram <= sizes.struct_bytes + sizes.besides <= ram + 1024
    assert sizes.stack_room == image.stack_bytes
    assert abs(sizes.flash_bytes - image.text_bytes - image.data_bytes) < 4096


def test_it_fits() -> None:
    fit = Fit(edgeshift.plan(ACTIVITY, isa="armv6m"), load_board("raspberry-pi-pico"), 100.0)
    assert fit.fits and fit.advice == [] and fit.sizes.share is not None and 0 < fit.sizes.share < 0.2
    assert fit.sizes.ram_bytes == fit.sizes.struct_bytes + fit.sizes.besides + fit.sizes.stack_bytes
    shown = command("inspect", ACTIVITY, "--board", "raspberry-pi-pico", "--rate", "100").out.splitlines()
    assert shown[-2] == f"fits     {fit.sizes}" and max(map(len, shown[-2:])) <= 80
    assert shown[-1] == "         on raspberry-pi-pico; estimated: stack, code, time at 133 MHz"


def test_in_words() -> None:
    sizes = Sizes(4000, 100, 300, 16384, 30000, 9000, 0.0001, 133_000_000, 264 << 10, 2048 << 10, 0.01)
    assert str(sizes) == "4.8 of 264 KB RAM, 41 of 2,048 KB flash, 1.0 % of the time budget"
    assert sizes.fits
    linux = Sizes(4000, 100, 300, 65536, 30000, 9000, 0.0123, 10**9, None, None, None)
    assert str(linux) == "4.8 KB RAM, 41 KB flash, 12 ms a hop" and linux.fits
    slow = Sizes(4000, 100, 300, 16384, 30000, 9000, 0.12345, 10**6, 264 << 10, 2048 << 10, 0.01)
    assert str(slow).endswith("1,234 % of the time budget") and not slow.fits and slow.ram_fits and slow.flash_fits
    assert str(Options("stream", 4, 1000)) == "--edges stream --hop 4 --ram 1000"


class TestTooBig:
    @pytest.mark.parametrize("verb", ["run", "bench", "verify", "build"])
    def test_refused_before_anything_is_compiled(
        self, verb: str, wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))  # no compiler and no emulator
        written = ("-o", tmp_path / "out") if verb == "build" else ()
        error = command(verb, wide, "--board", SMALL, *written).error
        assert error.startswith(f"wide does not fit {SMALL}: 8.") and "of 8 KB RAM" in error
        assert list(tmp_path.iterdir()) == []
        assert "it would with --ram " in error and "; or with --hop 2 (" in error and "--edges stream (" in error

    @pytest.mark.usefixtures("tools")
    def test_the_advice_followed_works(self, wide: Path) -> None:
        """Each is taken from the text for people, and runs on the board's emulator, exact."""
        lines = command("inspect", wide, "--board", SMALL).out.splitlines()
        assert any(line.startswith("too big  8.") for line in lines)
        advice = [shlex.split(line.removeprefix("try")) for line in lines if line.startswith("try ")]
        assert [options[0] for options in advice] == ["--ram", "--hop", "--edges"]
        for options in advice:
            report = command("verify", wide, "--board", SMALL, "--hops", "4", *options, "--json").answer
            assert report["exact"] and report["board"] == SMALL

    def test_more_than_one_at_a_time(self, wide: Path) -> None:
        """No less RAM is as fast, so with a rate that is dropped; and of two that help, both is no advice."""
        fit = command("inspect", wide, "--board", SMALL, "--rate", "20", "--json").answer["fit"]
        assert not fit["fits"] and [a["options"].split()[0] for a in fit["advice"]] == ["--hop", "--edges"]
        for advice in fit["advice"]:
            again = command(
                "inspect", wide, "--board", SMALL, "--rate", "20", *advice["options"].split(), "--json"
            ).answer["fit"]
            assert again["fits"] and again["share"] == pytest.approx(advice["share"])
            assert again["ram_bytes"] == advice["ram_bytes"] < fit["ram_bytes"]

    def test_a_budget_that_is_too_small_for_the_rate(self, wide: Path) -> None:
        """More of the board's RAM makes it fast enough."""
        network, board = edgeshift.load(wide), load_board("microbit-v2")
        fast, slow = (edgeshift.plan(network, isa="armv7em", ram=ram) for ram in (None, 5000))
        seconds = [Fit(made, board).sizes.seconds for made in (fast, slow)]
        assert seconds[0] < seconds[1] / 2
        fit = Fit(slow, board, 1.5 / seconds[1])
        first = fit.advice[0]
        assert not fit.fits and first.options.given.keys() == {"ram"}
        assert first.options.ram is not None and first.sizes.struct_bytes <= first.options.ram
        again = Fit(edgeshift.plan(network, isa="armv7em", ram=first.options.ram), board, fit.rate)
        assert again.fits and again.sizes == first.sizes

    def test_no_plan_is_small_enough(self, wide: Path, tmp_path: Path) -> None:
        text = (resource("boards") / f"{SMALL}.toml").read_text(encoding="utf-8")
        tiny = tmp_path / "tiny.toml"
        tiny.write_text(text.replace(f'"{SMALL}"', '"tiny"', 1).replace("size = 0x00002000", "size = 0x00000800"))
        error = command("run", wide, "--board", tiny).error
        assert error.startswith("wide does not fit tiny: ") and "take a board with more RAM" in error

    def test_too_much_flash(self, wide: Path, tmp_path: Path) -> None:
        text = (resource("boards") / f"{SMALL}.toml").read_text(encoding="utf-8")
        tiny = tmp_path / "tiny.toml"
        tiny.write_text(text.replace(f'"{SMALL}"', '"tiny"', 1).replace("size = 0x00020000", "size = 0x00002000"))
        assert "take a board with more flash" in command("run", wide, "--board", tiny).error


def test_too_slow(wide: Path) -> None:
    """The longest hop that is tried is the window."""
    second = Fit(edgeshift.plan(wide, isa="armv7em"), load_board("microbit-v2"), 1.0).sizes.share
    assert second is not None
    fit = Fit(edgeshift.plan(wide, isa="armv7em"), load_board("microbit-v2"), 2 / second)
    assert not fit.fits and fit.sizes.ram_fits and fit.sizes.share is not None and fit.sizes.share > 1
    assert fit.advice and all(a.sizes.share is not None and a.sizes.share <= 1 for a in fit.advice)
    never = Fit(fit.plan, fit.board, 1e9)
    assert never.advice == []
    shown = command("inspect", wide, "--board", "microbit-v2", "--rate", "1e9").out
    assert "\ntoo slow " in shown and "take a board with more speed" in " ".join(shown.split())


def test_a_build_that_is_too_slow(wide: Path, tmp_path: Path) -> None:
    error = command("build", wide, "--board", "microbit-v2", "--rate", "1e9", "-o", tmp_path / "out").error
    assert "% of the time budget; no --hop" in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--ram", "5000"), ("--board", SMALL, "--rate", "10")])
def test_a_curve_is_of_every_budget(options: tuple[str, ...], wide: Path) -> None:
    assert "leave --ram and --rate out" in command("inspect", wide, "--curve", *options).usage


def test_a_rate_wants_a_board(wide: Path) -> None:
    assert "--rate wants --board" in command("inspect", wide, "--rate", "10").usage
    for rate in ("0", "-1", "nan", "inf"):
        assert "--rate" in command("inspect", wide, "--board", SMALL, "--rate", rate).usage


def test_linux_has_no_limits() -> None:
    fit = Fit(edgeshift.plan(ACTIVITY, isa="dotprod"), load_board("raspberry-pi-5"))
    assert fit.fits and fit.sizes.ram is None and fit.sizes.flash is None
    assert command("inspect", ACTIVITY, "--board", "raspberry-pi-5").out.splitlines()[-2].startswith("fits     ")
