/* SPDX-License-Identifier: MIT */
/* The page of `sluice tune --prove`: what was dirty over time, measured and simulated, and the figures. */
"use strict";

report.kinds.prove = (tuned) => {
	const { element, format, figure, range, table, section, note } = report;
	const { proof } = tuned;
	const WIDTH = 680, HEIGHT = 260, LEFT = 46, RIGHT = 104, TOP = 14, BOTTOM = 34;
	const sides = [["Before", proof.before], ["After", proof.after]].filter(([, side]) => side);

	const svg = (name, attributes, ...children) => {
		const made = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const [key, value] of Object.entries(attributes))
			made.setAttribute(key, value);
		made.append(...children);
		return made;
	};

	/* The same axes for both, so that they can be compared. */
	const longest = Math.max(...sides.map(([, side]) => Math.max(side.synced_seconds, side.simulation.synced_seconds))) * 1.05;
	const highest = 1.08 * Math.max(...sides.flatMap(([, side]) =>
		[side.dirty_bytes, ...side.samples.map(([, dirty]) => dirty)]));
	const x = (seconds) => LEFT + (WIDTH - LEFT - RIGHT) * seconds / longest;
	const y = (bytes) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * bytes / highest;

	const path = (points) => points
		.filter(([seconds]) => seconds >= 0 && seconds <= longest)
		.map(([seconds, bytes], at) => `${at ? "L" : "M"}${x(seconds).toFixed(1)} ${y(bytes).toFixed(1)}`).join("");

	/* A step of 1, 2 or 5 times a power of ten, about five of them. */
	const stepOf = (most) => {
		const power = 10 ** Math.floor(Math.log10(most / 5));
		return [1, 2, 5, 10].map((factor) => factor * power).find((step) => most / step <= 6);
	};
	const ticks = (most) => {
		const step = stepOf(most);
		return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
	};
	const short = (value) => String(Number(value.toPrecision(3)));

	const axes = () => [
		...ticks(longest).flatMap((seconds) => [
			svg("path", { class: "grid", d: `M${x(seconds)} ${TOP}V${HEIGHT - BOTTOM}` }),
			svg("text", { class: "tick", x: x(seconds), y: HEIGHT - BOTTOM + 14, "text-anchor": "middle" }, short(seconds)),
		]),
		...ticks(highest / 1e9).flatMap((gb) => [
			svg("path", { class: "grid", d: `M${LEFT} ${y(gb * 1e9)}H${WIDTH - RIGHT}` }),
			svg("text", { class: "tick", x: LEFT - 5, y: y(gb * 1e9) + 4, "text-anchor": "end" }, short(gb)),
		]),
		svg("text", { class: "tick", x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, "seconds since the burst began"),
		svg("text", { class: "tick", x: 2, y: 10 }, "GB dirty or under write-back"),
	];

	/* Its name stands behind it; two names never on one line. */
	const threshold = (bytes, words, above) => [
		svg("path", { class: "threshold", d: `M${LEFT} ${y(bytes)}H${WIDTH - RIGHT}` }),
		svg("text", { class: "tick", x: WIDTH - RIGHT + 5, y: Math.max(y(bytes), above + 13) + 4 }, words),
	];

	const wakeUps = (moments) => moments.map((seconds) => svg("path", {
		class: "wake", d: `M${x(seconds).toFixed(1)} ${HEIGHT - BOTTOM}l-3.5 -7h7z`,
	}));

	const distance = (side) => side.simulation.distance_ratio === null ? "unknown"
		: `${(side.simulation.distance_ratio * 100).toFixed(0)} %`;

	const curves = ([title, side]) => element("figure", {},
		element("figcaption", {}, `${title}: the middle one of ${side.rounds} runs; the simulation is ${distance(side)} off`),
		svg("svg", {
			class: "curves", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
			"aria-label": `${title}: dirty pages over time, measured and simulated, against both thresholds`,
		},
			...axes(),
			...threshold(side.dirty_bytes, "limit", 0),
			...threshold(side.dirty_background_bytes, "write-back starts", y(side.dirty_bytes)),
			svg("path", { class: "simulated", d: path(side.simulation.curve) }),
			svg("path", { class: "measured", d: path(side.samples) }),
			...wakeUps(side.simulation.wake_up_seconds ?? [])));

	const sample = (kind, words, line = "M0 6H44") => element("li", {},
		svg("svg", { class: "curves", viewBox: "0 0 44 12", "aria-hidden": "true" },
			svg("path", { class: kind, d: line })), words);

	const row = (name, one) => [name, ...sides.map(([, side]) => one(side))];
	const seconds = (value) => figure(value, format.seconds);
	const rate = (value) => format.gbPerSecond(value);

	const value = (text) => text ?? element("span", { class: "unknown" }, "not known");

	const verdicts = {
		"holds": "The advice helps this machine",
		"no such effect": "The advice brings this machine nothing",
		"nothing to change": "Nothing to change on this machine",
	};

	report.head(`sluice tune --prove ${tuned.version}`, verdicts[proof.verdict],
		`${proof.text} Bursts of ${format.bytes(proof.burst_bytes)}, filled at ${rate(proof.fill_bytes_per_second)} and written back at ` +
		`${rate(proof.drain_bytes_per_second)}, beside a small append and fsync every 100 ms and a reader of hot data.`);
	report.facts(tuned.machine);
	return [
		section("What was dirty",
			element("ul", { class: "legend" }, sample("measured", "measured"), sample("simulated", "simulated"),
				sample("threshold", "thresholds"), sample("wake", "the flusher wakes up, simulated", "M22 10l-3.5 -7h7z")),
			...sides.map(curves),
			note("The simulation knows how fast the burst was filled and written back before the advice, and the " +
				"thresholds. How far it is off is the area between the curves, as a part of the area under the measured one.")),
		section("What it did to others",
			table("Figures of all rounds",
				[{ title: "" }, ...sides.map(([title]) => ({ title: title.toLowerCase(), kind: "number" }))],
				[
					row("Rounds", (side) => figure(side.rounds, format.count)),
					row("Write-back starts at", (side) => figure(side.dirty_background_bytes, format.bytes)),
					row("Limit", (side) => figure(side.dirty_bytes, format.bytes)),
					row("Burst to the disk, median", (side) => figure(side.rate_bytes_per_second.median, rate)),
					row("from the slowest to the fastest", (side) => range(side.rate_bytes_per_second, rate)),
					row("Longest fsync", (side) => seconds(side.longest_fsync_seconds)),
					row("each round's longest", (side) => range(side.longest_fsync_seconds_per_round, format.seconds)),
					row("99 % of fsyncs within", (side) => seconds(side.fsync_p99_seconds)),
					row("Half of fsyncs within", (side) => seconds(side.fsync_p50_seconds)),
					row("Longest write of 1 MiB", (side) => seconds(side.longest_write_seconds)),
					row("Longest read of hot data", (side) => seconds(side.longest_read_seconds)),
					row("Wake-ups of the flusher, simulated", (side) => figure(side.simulation.wake_ups, format.count)),
				])),
		section("The advice",
			table("Each value", [{ title: "value" }, { title: "now" }, { title: "advised" }, { title: "because", kind: "words" }],
				tuned.advice.map((line) => [line.name,
					line.current === null ? value(null)
						: line.current_name === line.name ? line.current : `${line.current_name} = ${line.current}`,
					line.advised === null ? value(null) : line.instead ? `${line.instead} instead` :
						!line.has_effect ? "no effect here" : line.is_change ? line.advised : "right already",
					`${line.reason}. Source: ${line.source}.`]))),
	];
};
