/* SPDX-License-Identifier: MIT */
/* Bars that show their spread, and say their figure. */
"use strict";

report.bars = (() => {
	const { element } = report;
	const { colour, font, widest } = report.chart;
	const THICK = 15, GAP = 11, AXIS = 34, LEGEND = 28, ABOVE = 16;

	/* The second part of a bar is hatched: colour alone does not tell parts apart. */
	const hatched = () => {
		const tile = element("canvas", { width: 6, height: 6 });
		const draw = tile.getContext("2d");
		draw.fillStyle = colour("two");
		draw.fillRect(0, 0, 6, 6);
		draw.strokeStyle = colour("paper");
		draw.lineWidth = 1.2;
		draw.beginPath();
		draw.moveTo(-1, 7);
		draw.lineTo(7, -1);
		draw.moveTo(-1, 1);
		draw.lineTo(1, -1);
		draw.moveTo(5, 7);
		draw.lineTo(7, 5);
		draw.stroke();
		return draw.createPattern(tile, "repeat");
	};

	/* The parts' medians need not add up to the median of the whole, which the dot marks. */
	const drawSpread = (ctx, { min, median, max }, y) => {
		ctx.beginPath();
		ctx.moveTo(min, y - 4);
		ctx.lineTo(min, y + 4);
		ctx.moveTo(min, y);
		ctx.lineTo(max, y);
		ctx.moveTo(max, y - 4);
		ctx.lineTo(max, y + 4);
		ctx.stroke();
		ctx.beginPath();
		ctx.arc(median, y, 3, 0, 2 * Math.PI);
		ctx.fill();
	};

	/* From the smallest to the largest run, the median in words behind it; the name above, or on the axis. */
	const words = {
		id: "words",
		afterDatasetsDraw(chart, _, { bars, isNarrow }) {
			const { ctx, scales: { x } } = chart;
			const last = chart.getDatasetMeta(chart.data.datasets.length - 1).data;
			ctx.save();
			ctx.font = `${font.size}px ${font.family}`;
			ctx.textBaseline = "middle";
			ctx.lineWidth = 1.25;
			ctx.strokeStyle = colour("ink");
			bars.forEach((bar, at) => {
				const { y } = last[at];
				let end = x.left;
				ctx.fillStyle = colour("ink");
				if (bar.spread) {
					const [min, median, max] = ["min", "median", "max"].map((of) => x.getPixelForValue(bar.spread[of]));
					drawSpread(ctx, { min, median, max }, y);
					end = Math.max(last[at].x, max);
				}
				ctx.fillText(bar.text, end + 7, y);
				if (isNarrow)
					ctx.fillText(bar.name, x.left, y - (THICK + ABOVE) / 2);
			});
			ctx.restore();
		},
	};

	const decades = (from, to) => {
		const all = [];
		for (let power = Math.round(Math.log10(from)); power <= Math.round(Math.log10(to)); power++)
			all.push({ value: Number(`1e${power}`) });
		return all;
	};

	/* Whole powers of ten around all runs, of which as many are written as have room beside what is not the axis. */
	const logScale = (bars, write, beside) => {
		const known = bars.filter((bar) => bar.spread);
		const power = (value, round) => 10 ** round(Math.log10(value));
		const min = power(Math.min(...known.map((bar) => bar.spread.min)) / 1.5, Math.floor);
		const max = power(Math.max(...known.map((bar) => bar.spread.max)), Math.ceil);
		const all = decades(min, max);
		const room = widest(all.map(({ value }) => write(value))) + 8;
		return {
			type: "logarithmic",
			min,
			max,
			afterBuildTicks: (scale) => { scale.ticks = all; },
			ticks: {
				autoSkip: false,
				maxRotation: 0,
				callback(value, at) {
					const step = Math.ceil(room * (all.length - 1) / (this.chart.width - beside));
					return at % step === 0 ? write(value) : "";
				},
			},
		};
	};

	const sum = (values) => values.reduce((all, value) => all + value, 0);

	const linearScale = (bars) => ({
		type: "linear",
		min: 0,
		max: 1.02 * Math.max(...bars.map((bar) => Math.max(bar.spread?.max ?? 0, sum(bar.values)))),
		ticks: { maxRotation: 0, maxTicksLimit: 7, includeBounds: false,
			callback: (value) => String(Number(value.toPrecision(3))) },
	});

	const config = ({ bars, parts, write, isLog }, isNarrow) => {
		const left = isNarrow ? 1 : widest(bars.map((bar) => bar.name)) + 10;
		const right = widest(bars.map((bar) => bar.text)) + 14;
		const scale = isLog ? logScale(bars, write, left + right) : linearScale(bars);
		const fills = [() => colour("one"), hatched];
		const room = THICK + GAP + (isNarrow ? ABOVE : 0);
		const isStacked = parts.length > 1;
		return {
			type: "bar",
			height: room * bars.length + AXIS + (isNarrow ? 6 : 0) + (isStacked ? LEGEND : 0),
			data: {
				labels: bars.map((bar) => bar.name),
				datasets: parts.map((part, number) => ({
					label: part,
					data: bars.map((bar) => bar.values[number]),
					backgroundColor: fills[number],
					barThickness: THICK,
				})),
			},
			options: {
				indexAxis: "y",
				layout: { padding: { top: isNarrow ? 6 : 0, right } },
				scales: {
					x: {
						...scale,
						stacked: isStacked,
						ticks: { ...scale.ticks, color: () => colour("muted"), font },
						grid: { color: () => colour("line"), drawBorder: false },
					},
					y: {
						stacked: isStacked,
						/* Chart.js would cut long names. */
						afterFit: (axis) => { axis.width = left; },
						ticks: { display: !isNarrow, color: () => colour("ink"), font, autoSkip: false },
						grid: { display: false, drawBorder: false },
					},
				},
				plugins: {
					legend: {
						display: isStacked,
						align: "start",
						labels: { color: () => colour("ink"), font, boxWidth: THICK, boxHeight: 11 },
					},
					tooltip: { enabled: false },
					words: { bars, isNarrow },
				},
			},
			plugins: [words],
		};
	};

	/*
	 * A figure: {title, scale, label, bars: [{name, values, spread, text}], parts, write, isLog}. A bar has a
	 * value for each part; one without spread has not been measured.
	 */
	return (wish) => wish.bars.some((bar) => bar.spread)
		? report.chart.figure({ ...wish, config: (isNarrow) => config(wish, isNarrow) })
		: element("figure", {}, element("figcaption", {}, wish.title),
			report.note("Nothing of this could be measured; the table says why."));
})();
