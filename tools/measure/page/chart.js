/* SPDX-License-Identifier: MIT */
/*
 * What Chart.js draws, as figures of the page. Colours are read from the style sheet whenever a chart is
 * drawn, so that it follows the screen's theme, and paper's.
 */
"use strict";

report.chart = (() => {
	const { element } = report;
	const PAPER_WIDTH = 680;
	const wishes = [];
	const font = { family: "system-ui, -apple-system, 'Segoe UI', sans-serif", size: 12 };
	const narrow = matchMedia("(max-width: 34rem)");
	const pen = element("canvas").getContext("2d");

	const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

	const widest = (texts) => {
		pen.font = `${font.size}px ${font.family}`;
		return Math.ceil(Math.max(...texts.map((text) => pen.measureText(text).width)));
	};

	/* {title, scale (its words), label (for who does not see it), config: (isNarrow) => {height, and Chart.js's}} */
	const figure = (wish) => {
		const canvas = element("canvas", { role: "img", "aria-label": wish.label });
		const box = element("div", { class: "canvas" }, canvas);
		wishes.push({ canvas, box, config: wish.config });
		return element("figure", {},
			element("figcaption", {}, wish.title, " ", element("span", {}, wish.scale)), box);
	};

	const build = ({ canvas, box, config }) => {
		const { height, options, ...rest } = config(narrow.matches);
		box.style.height = `${height}px`;
		return new Chart(canvas, {
			...rest,
			options: {
				animation: false,
				maintainAspectRatio: false,
				devicePixelRatio: Math.max(2, devicePixelRatio),
				events: [], /* the figures are written out: nothing hides behind a pointer */
				...options,
			},
		});
	};

	/* When the figures are on the page, and have a width. */
	const start = () => {
		let charts = wishes.map(build);
		const redraw = () => charts.forEach((chart) => chart.update("none"));
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
		narrow.addEventListener("change", () => {
			charts.forEach((chart) => chart.destroy());
			charts = wishes.map(build);
		});
		addEventListener("beforeprint", () => {
			document.documentElement.dataset.print = "";
			charts.forEach((chart) => chart.resize(PAPER_WIDTH, chart.height));
			redraw();
		});
		addEventListener("afterprint", () => {
			delete document.documentElement.dataset.print;
			charts.forEach((chart) => chart.resize());
			redraw();
		});
	};

	return { figure, start, colour, font, widest };
})();
