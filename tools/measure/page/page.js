/* SPDX-License-Identifier: MIT */
/*
 * What the pages of all kinds are made of. Everything from the document becomes text by way of text
 * nodes, never markup: a file's name is somebody else's.
 */
"use strict";

const report = (() => {
	const element = (name, attributes = {}, ...children) => {
		const made = document.createElement(name);
		for (const [key, value] of Object.entries(attributes))
			made.setAttribute(key, value);
		made.append(...children);
		return made;
	};

	/* Of a measurement, three digits: more than most carry. */
	const digits = (value) => {
		if (value === 0 || Math.abs(value) >= 999.5)
			return Math.round(value).toLocaleString("en");
		return value.toPrecision(3).includes("e") ? value.toExponential(2) : value.toPrecision(3);
	};

	/* Of a count or a size, as many as it has, up to these. */
	const count = (value) => Number.isInteger(value) ? value.toLocaleString("en") : digits(value);

	const scaled = (value, units, step, write) => {
		let unit = 0;
		while (unit < units.length - 1 && Math.abs(value) * (1 + 5e-4) >= step) {
			value /= step;
			unit++;
		}
		return `${write(value)} ${units[unit]}`;
	};

	/* How a figure of the document is written. */
	const format = {
		measured: digits,
		count,
		seconds: (value) => scaled(value * 1e9, ["ns", "µs", "ms", "s"], 1000, digits),
		bytes: (value) => scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024, count),
		gbPerSecond: (value) => `${digits(value / 1e9)} GB/s`,
	};

	/* A figure with its exact value; what is not known says so. */
	const figure = (value, write = format.measured) =>
		typeof value === "number"
			? element("data", { value: String(value) }, write(value))
			: element("span", { class: "unknown" }, "unknown");

	const range = (spread, write = format.measured) =>
		spread
			? element("span", {}, figure(spread.min, write), " – ", figure(spread.max, write))
			: figure(null);

	/*
	 * columns: {title, kind: "" | "number" | "words"}. A row's first cell names it; where it has fewer
	 * cells than there are columns the last one spans the rest.
	 */
	const table = (caption, columns, rows) => {
		const cell = (content, at, row) => {
			if (at === 0)
				return element("th", { scope: "row" }, content);
			const span = at === row.length - 1 ? columns.length - at : 1;
			return span > 1 ? element("td", { colspan: span }, content)
				: element("td", { class: columns[at].kind ?? "" }, content);
		};
		const head = columns.map(({ title, kind }) =>
			element("th", { scope: "col", class: kind ?? "" }, title));
		/* It can be wider than a phone, and then scrolls, by the keyboard, too. */
		return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
			element("table", {},
				element("caption", {}, caption),
				element("thead", {}, element("tr", {}, ...head)),
				element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map(cell))))));
	};

	const section = (title, ...children) =>
		element("section", {}, element("h2", {}, title), ...children);

	const note = (text) => element("p", { class: "note" }, text);

	/* Why a row has no figures. */
	const leftOut = (row) => element("span", { class: "skipped" }, `left out: ${row.skipped}`);

	const noisy = "noisy";
	const noisyNote = "Rows are noisy if their runs differ by more than a tenth of their median.";

	const head = (above, title, text) =>
		document.getElementById("head").append(
			element("p", { class: "above" }, above), element("h1", {}, title), element("p", {}, text));

	const facts = (machine) => {
		const list = [
			["Processor", machine.cpu], ["Cores", machine.cores], ["Architecture", machine.architecture],
			["Memory", machine.memory_bytes, format.bytes], ["Page", machine.page_bytes, format.bytes],
			["Kernel", machine.kernel], ["Congestion control", machine.congestion_control],
			["Directory", machine.folder], ["File system", machine.file_system], ["Device", machine.device],
			["Measured", machine.time.replace("T", " ").replace("Z", " UTC")],
		];
		const value = (known, write) => typeof known === "string" ? known : figure(known, write ?? format.count);
		document.getElementById("head").append(
			element("section", { "aria-label": "The machine" }, element("dl", { class: "facts" },
				...list.map(([name, known, write]) =>
					element("div", {}, element("dt", {}, name), element("dd", {}, value(known, write)))))));
	};

	return {
		kinds: {}, element, format, figure, range, table, section, note, leftOut, noisy, noisyNote, head, facts,
	};
})();
