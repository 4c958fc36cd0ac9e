"use strict";
const report = JSON.parse(document.getElementById("report").textContent);
const grouped = (n) => n.toLocaleString("en-US").replace("-", "\u2212");
