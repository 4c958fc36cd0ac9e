// The receptive field of the column that the pointer is at, drawn into every lane before it.
(() => {
  const box = document.querySelector(".lanes");
  const readout = document.getElementById("network-readout");
  const left = Number(box.dataset.left), span = Number(box.dataset.span), window_ = left + span;
  const rows = [...box.querySelectorAll("[data-lane]")];
  const words = { new: "new at this hop", again: "computed again at every hop", early: "computed early", kept: "kept from an earlier hop", summed: "in a kept sum", past: "computed at an earlier hop", never: "never needed" };

  const rectangle = (lane, first, last) => {
    const from = Math.max(left, lane.end + (first - 1) * lane.cell), to = lane.end + last * lane.cell;
    return `M${from} 0H${to}V1H${from}z`;
  };

  // By lane, the columns that a column of lane `at` reads, directly or through others.
  const fieldOf = (at, column) => {
    const wanted = report.lanes.map(() => new Set());
    wanted[at].add(column);
    for (let k = at; k >= 0; k--) {
      for (const [operand, kernel, stride, dilation, pad] of report.lanes[k].reads) {
        for (const j of wanted[k]) {
          for (let t = 0; t < kernel; t++) {
            const c = j * stride - pad + t * dilation;
            if (c >= 0 && c < report.lanes[operand].columns) wanted[operand].add(c);
          }
        }
      }
    }
    return wanted;
  };

  const outline = (lane, columns) => {
    const sorted = [...columns].sort((a, b) => a - b);
    let path = "", first = 0;
    for (let k = 1; k <= sorted.length; k++) {
      if (k === sorted.length || sorted[k] !== sorted[k - 1] + 1) {
        path += rectangle(lane, sorted[first], sorted[k - 1]);
        first = k;
      }
    }
    return path;
  };

  const clear = () => {
    for (const path of box.querySelectorAll(".field, .picked")) path.setAttribute("d", "");
    readout.textContent = "\u00a0";
  };

  const pick = (event) => {
    const row = event.target.closest("[data-lane]"), svg = row && event.target.closest("svg");
    if (!svg) return clear();
    const at = Number(row.dataset.lane), lane = report.lanes[at], bounds = svg.getBoundingClientRect();
    const frame = left + ((event.clientX - bounds.left) / bounds.width) * span;
    const column = Math.min(Math.max(Math.floor((frame - lane.end) / lane.cell) + 1, 0), lane.columns - 1);
    const field = fieldOf(at, column), frames = new Set();
    rows.forEach((other, k) => {
      other.querySelector(".field").setAttribute("d", k === at ? "" : outline(report.lanes[k], field[k]));
      other.querySelector(".picked").setAttribute("d", k === at ? rectangle(lane, column, column) : "");
      if (!report.lanes[k].layer) field[k].forEach((c) => frames.add(c));
    });
    const kind = lane.runs.find(([first, stop]) => column >= first && column < stop)[2];
    const name = lane.layer ? `Layer ${lane.layer}, ${lane.op}` : "Input";
    readout.textContent = `${name}: ${lane.columns > 1 ? `column ${grouped(column)} of 0 to ${grouped(lane.columns - 1)}` : "its only column"}, ${words[kind]}.`;
    if (lane.layer && frames.size) {
      const seen = [...frames].sort((a, b) => a - b);
      readout.textContent += ` It reads ${grouped(frames.size)} frame${frames.size === 1 ? "" : "s"}, from ${grouped(seen[0] + 1 - window_)} to ${grouped(seen[seen.length - 1] + 1 - window_)}.`;
    }
  };

  box.addEventListener("pointermove", pick);
  box.addEventListener("pointerdown", pick);
  box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && clear());
})();
