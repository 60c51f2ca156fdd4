/* SPDX-License-Identifier: MIT */
/* The page of `sluice bench`: what each path costs, compared with read and write. */
"use strict";

report.kinds.bench = (bench) => {
	const { element, format, figure, range, table, section, note, leftOut, noisy } = report;
	const name = (row) => `${row.send} → ${row.receive}`;
	const sources = { warm: "in the page cache", cold: "not in the page cache" };

	const claim = ({ claim, holds, text }) => {
		const [kind, verdict] = holds === null ? ["open", "? not known"]
			: holds ? ["yes", "✓ holds here"] : ["no", "✗ does not hold"];
		return element("li", {}, element("span", { class: `verdict ${kind}` }, verdict),
			element("span", {}, element("strong", {}, claim), text));
	};

	/* Rows with one source and one baseline can be compared. */
	const groups = () => {
		const all = new Map();
		for (const row of bench.rows) {
			const key = `${row.source} ${row.baseline}`;
			all.set(key, [...(all.get(key) ?? []), row]);
		}
		return [...all.values()];
	};

	const bar = (row, spread, values) => ({
		name: name(row),
		values,
		spread,
		text: spread ? format.measured(spread.median) + (row.is_noisy ? ` ${noisy}` : "") : "left out",
	});

	const remark = (row) =>
		[...(row.is_baseline ? ["baseline"] : []), ...(row.is_noisy ? [noisy] : [])].join(", ");

	const rates = (rows, where) => [
		report.bars({
			title: "Throughput",
			label: `Throughput of ${rows.length} ways to move a file; the table below has the figures`,
			scale: "GB/s, longer is faster",
			parts: ["GB/s"],
			bars: rows.map((row) => bar(row, row.rate_gb_per_second, [row.rate_gb_per_second?.median ?? null])),
		}),
		table(`Throughput in GB/s, ${where}`,
			[{ title: "send → receive" }, { title: "GB/s", kind: "number" }, { title: "min – max", kind: "number" },
				{ title: "ratio", kind: "number" }, { title: "" }],
			rows.map((row) => row.skipped !== null ? [name(row), leftOut(row)]
				: [name(row), figure(row.rate_gb_per_second?.median), range(row.rate_gb_per_second),
					figure(row.rate_ratio), remark(row)])),
	];

	const costs = (rows, where) => [
		report.bars({
			title: "CPU time",
			label: `CPU time of ${rows.length} ways to move a file; the table below has the figures`,
			scale: "CPU seconds for each GB on both ends, shorter is cheaper",
			parts: ["sender", "receiver"],
			bars: rows.map((row) => bar(row, row.cpu_seconds_per_gb,
				[row.send_cpu_seconds_per_gb?.median ?? null, row.receive_cpu_seconds_per_gb?.median ?? null])),
		}),
		table(`CPU seconds per GB, ${where}`,
			[{ title: "send → receive" }, { title: "both", kind: "number" }, { title: "min – max", kind: "number" },
				{ title: "sender", kind: "number" }, { title: "receiver", kind: "number" },
				{ title: "ratio", kind: "number" }, { title: "" }],
			rows.map((row) => row.skipped !== null ? [name(row), leftOut(row)]
				: [name(row), figure(row.cpu_seconds_per_gb?.median), range(row.cpu_seconds_per_gb),
					figure(row.send_cpu_seconds_per_gb?.median), figure(row.receive_cpu_seconds_per_gb?.median),
					figure(row.cpu_ratio), remark(row)])),
	];

	const group = (rows) => {
		const where = `ratio to ${rows[0].baseline.replace("->", "→")}`;
		return section(rows[0].baseline.endsWith("discard")
			? `Sending: the file is ${sources[rows[0].source]}`
			: `Sending and storing: the file is ${sources[rows[0].source]}`,
			...rates(rows, where), ...costs(rows, where));
	};

	/* Each path once an end, with what its measured rows came to. */
	const paths = (end) => {
		const all = new Map();
		for (const row of bench.rows.filter((row) => row.skipped === null))
			all.set(row[end], [...(all.get(row[end]) ?? []), row]);
		return [...all].map(([path, rows]) => {
			const over = (pick) => {
				const known = rows.map(pick).filter((value) => typeof value === "number");
				return known.length ? { min: Math.min(...known), max: Math.max(...known) } : null;
			};
			return {
				path, end,
				copies: over((row) => row.copies_per_byte?.[end]),
				switches: over((row) => row.mode_switches_per_gb?.[end]),
			};
		});
	};

	const between = (spread) => !spread ? figure(null)
		: spread.min === spread.max ? figure(spread.min, format.count) : range(spread, format.count);

	const picture = ({ path, end, copies, switches }) => {
		const isSending = end === "send", title = `${path}, ${isSending ? "sending" : "receiving"}`;
		return element("figure", { "data-path": path, "data-end": end },
			element("figcaption", {}, title),
			report.picture.draw(path, isSending, `The way of a byte by ${title}; the table below has its copies and switches`),
			element("p", {}, "Copies of each byte by the CPU: ", between(copies)),
			element("p", {}, "Mode switches per GB: ", between(switches)),
			...(report.picture.note(path, isSending) ? [element("p", { class: "note" }, report.picture.note(path, isSending))] : []));
	};

	const pictures = () => {
		const all = [...paths("send"), ...paths("receive")];
		return section("The way of a byte",
			note("The plain way takes four steps: disk to page cache, to a buffer of the program, to the socket, to " +
				"the network card. The other paths leave some of them out. Copies follow from how a path is made; mode " +
				"switches were counted, two for each system call. On loopback there is no card: what would leave by DMA " +
				"is handed over in memory."),
			report.picture.legend(),
			element("div", { class: "pictures" },
				...all.filter(({ path, end }) => report.picture.has(path, end === "send")).map(picture)),
			...(all.some(({ path }) => path === "auto")
				? [note("auto chooses among them for each range of a file, so it has no picture of its own.")] : []),
			table("Copies and mode switches of each path, from the least to the most of its rows",
				[{ title: "path" }, { title: "end" }, { title: "CPU copies of a byte", kind: "number" },
					{ title: "mode switches per GB", kind: "number" }],
				all.map((each) => [each.path, each.end === "send" ? "sender" : "receiver",
					between(each.copies), between(each.switches)])));
	};

	report.head(`sluice bench ${bench.version}`, "What moving a file costs on this machine",
		element("span", {}, figure(bench.size_bytes, format.bytes), 
			` from one process to another over TCP (${bench.connection_congestion_control ?? "congestion control unknown"}) on ` +
			"the loopback address, each way ", figure(bench.runs, format.count), " times: medians, and from the smallest to the largest run. ", report.noisyNote));
	report.facts(bench.machine);
	return [
		...(bench.claims.length ? [section("What people say, and what was measured",
			element("ul", { class: "claims" }, ...bench.claims.map(claim)))] : []),
		...groups().map(group),
		pictures(),
	];
};
