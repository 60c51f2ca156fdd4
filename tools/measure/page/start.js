/* SPDX-License-Identifier: MIT */
/* Draws the document that the page holds. */
"use strict";

(() => {
	const holder = document.getElementById("document");
	const found = JSON.parse(holder.textContent);
	document.title = `sluice ${found.command}, ${found.machine.time}`;
	document.getElementById("report").append(...report.kinds[holder.dataset.kind](found));
	document.getElementById("made").textContent =
		`Made by sluice ${found.version}. This file holds all that it shows and asks no other machine for anything.`;
	report.chart.start();
})();
