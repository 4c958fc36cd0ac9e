// Scores and signal as curves or heat maps on one axis of frames, and a cursor that reads them.
(() => {
  const stream = report.stream, box = document.getElementById("tracks");
  const readout = document.getElementById("stream-readout"), cursor = box.querySelector(".cursor");
  const frames = stream.frames;
  const endOf = (k) => stream.ends[k];
  const frameOf = (k) => k * stream.every_frame + 0.5;
  const finite = (values) => values.filter((v) => v !== null);
  const range = (all) => {
    let low = Infinity, high = -Infinity;
    for (const values of all) for (const v of finite(values)) { low = Math.min(low, v); high = Math.max(high, v); }
    return low <= high ? [low, high === low ? low + 1 : high] : [0, 1];
  };
  const scores = stream.outputs.map((o) => o.values);
  const [least, most] = range(scores);
  const scoreRange = least >= 0 && most <= 1.001 ? [0, 1] : [least, most];

  const prepare = (canvas) => {
    const scale = globalThis.devicePixelRatio || 1, bounds = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(bounds.width * scale));
    canvas.height = Math.max(1, Math.round(bounds.height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = context.strokeStyle = getComputedStyle(canvas).color;
    return [context, canvas.width, canvas.height, scale];
  };

  // A curve over frames; with `filled` the area below it too.
  const curve = (canvas, values, at, [low, high], filled) => {
    const [context, width, height, scale] = prepare(canvas);
    const y = (v) => height - scale - ((v - low) / (high - low)) * (height - 2 * scale);
    const stretches = [];
    let last = null;
    values.forEach((v, k) => {
      if (v === null) { last = null; return; }
      if (!last) stretches.push((last = []));
      last.push([(at(k) / frames) * width, y(v)]);
    });
    context.lineWidth = 1.25 * scale;
    context.lineJoin = "round";
    for (const points of stretches) {
      context.beginPath();
      points.forEach(([px, py]) => context.lineTo(px, py));
      context.stroke();
      if (!filled) continue;
      context.lineTo(points[points.length - 1][0], height);
      context.lineTo(points[0][0], height);
      context.globalAlpha = 0.22;
      context.fill();
      context.globalAlpha = 1;
    }
  };

  // A row of cells for each of `rows`, the first at the top; the larger the darker.
  const heat = (canvas, rows, at) => {
    const [context, width, height] = prepare(canvas), [low, high] = range(rows);
    const tall = height / rows.length, count = rows[0].length;
    for (let k = 0; k < count; k++) {
      const from = Math.round(((k ? (at(k) + at(k - 1)) / 2 : at(0)) / frames) * width);
      const to = Math.round(((k + 1 < count ? (at(k) + at(k + 1)) / 2 : frames) / frames) * width);
      rows.forEach((values, r) => {
        if (values[k] === null) return;
        context.globalAlpha = (values[k] - low) / (high - low);
        const top = Math.round(r * tall);
        context.fillRect(from, top, to - from, Math.round((r + 1) * tall) - top);
      });
    }
    context.globalAlpha = 1;
  };

  const draw = () => {
    for (const track of box.querySelectorAll("[data-output]")) {
      curve(track.querySelector("canvas"), scores[track.dataset.output], endOf, scoreRange, true);
    }
    for (const track of box.querySelectorAll("[data-channel]")) {
      const values = stream.channels[track.dataset.channel];
      curve(track.querySelector("canvas"), values, frameOf, range([values]), false);
    }
    for (const track of box.querySelectorAll("[data-heat]")) {
      const outputs = track.dataset.heat === "outputs";
      heat(track.querySelector("canvas"), outputs ? scores : stream.channels, outputs ? endOf : frameOf);
    }
  };

  const text = (v) => (v === null || v === undefined ? "–" : v !== 0 && Math.abs(v) < 1e-4 ? "≈ 0" : String(v).replace("-", "−"));
  const show = (selector, value) => box.querySelectorAll(selector).forEach((track) => {
    track.querySelector("output").textContent = value(track.dataset);
  });
  const tell = (frame) => {
    let hop = Math.floor((frame + 1 - stream.ends[0]) / (stream.hop * stream.every_hop));
    hop = hop < 0 ? -1 : Math.min(hop, stream.ends.length - 1);
    const label = (stream.labels || []).find((l) => frame >= l.from && frame < l.to);
    const best = hop < 0 ? -1 : scores.reduce((b, values, k) => (values[hop] > (b < 0 ? -Infinity : scores[b][hop]) ? k : b), -1);
    const sample = Math.min(Math.floor(frame / stream.every_frame), stream.channels[0].length - 1);
    show("[data-output]", (d) => (hop < 0 ? "warm-up" : text(scores[d.output][hop])));
    show("[data-channel]", (d) => text(stream.channels[d.channel][sample]));
    show("[data-heat=outputs]", () => (best < 0 ? "warm-up" : `${stream.outputs[best].name}: ${text(scores[best][hop])}`));
    show(".labels", () => (label ? label.name : "–"));
    const parts = [`Frame ${grouped(frame)}${stream.rate ? ` (${grouped(Math.round((frame / stream.rate) * 10) / 10)} s)` : ""}`];
    if (label) parts.push(`label ${label.name}`);
    if (hop < 0) parts.push("no answer yet");
    else if (scores.length > 1 && best >= 0) parts.push(`largest ${stream.outputs[best].name}, ${text(scores[best][hop])}`);
    else parts.push(`output ${text(scores[0][hop])}`);
    readout.textContent = `${parts.join(", ")}.`;
  };

  // Without a pointer the newest frame is read.
  const rest = () => {
    cursor.hidden = true;
    tell(frames - 1);
  };

  const read = (event) => {
    const bounds = box.querySelector("canvas").getBoundingClientRect();
    const share = (event.clientX - bounds.left) / bounds.width;
    if (share < 0 || share > 1) return rest();
    cursor.hidden = false;
    cursor.style.left = `${event.clientX - box.getBoundingClientRect().left}px`;
    tell(Math.min(frames - 1, Math.floor(share * frames)));
  };

  box.addEventListener("pointermove", read);
  box.addEventListener("pointerdown", read);
  box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && rest());
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  matchMedia("print").addEventListener("change", draw);
  draw();
  rest();
})();
