/* SPDX-License-Identifier: MIT */
/* The page of `sluice media`: the places where bytes can be, from the fastest to the slowest. */
"use strict";

report.kinds.media = (media) => {
	const { format, figure, range, table, section, note, leftOut, noisy } = report;
	const order = ["cpu", "memory", "page_cache", "disk", "network", "kernel"];
	const write = (row) => row.unit === "seconds" ? format.seconds : format.gbPerSecond;
	const of = (kind) => media.rows.filter((row) => row.kind === kind)
		.sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));

	const bar = (row) => ({
		name: row.label,
		values: [row.value?.median ?? null],
		spread: row.value,
		text: row.value ? write(row)(row.value.median) + (row.is_noisy ? ` ${noisy}` : "") : "left out",
	});

	/* "10 ns": a power of ten needs no digits behind the point. */
	const tick = (value) => format.seconds(value).replace(/\.0+ /, " ");

	const chart = (rows, title, scale) => report.bars({
		title,
		label: `${title} of ${rows.length} places, on a scale of powers of ten; the table below has the figures`,
		scale,
		isLog: true,
		write: rows[0].unit === "seconds" ? tick
			: (value) => String(Number((value / 1e9).toPrecision(1))),
		parts: [title],
		bars: rows.map(bar),
	});

	const method = (row) => [row.method ?? "", ...(row.is_noisy ? [noisy] : [])].filter(Boolean).join("; ");

	const figures = (rows, caption, what) => {
		const hasSizes = rows.some((row) => row.size_bytes !== null);
		const size = (row) => row.size_bytes === null ? "" : figure(row.size_bytes, format.bytes);
		return table(caption,
			[{ title: what }, { title: "median", kind: "number" }, { title: "min – max", kind: "number" },
				...(hasSizes ? [{ title: "working set", kind: "number" }] : []),
				{ title: "how it was measured", kind: "words" }],
			rows.map((row) => row.skipped !== null ? [row.label, leftOut(row)]
				: [row.label, figure(row.value?.median, write(row)), range(row.value, write(row)),
					...(hasSizes ? [size(row)] : []), method(row)]));
	};

	const part = (kind, title, scale, caption, what) => {
		const rows = of(kind);
		return rows.length ? [chart(rows, title, scale), figures(rows, caption, what)] : [];
	};

	report.head(`sluice media ${media.version}`, "What a byte costs, place by place",
		"Measured on this machine: caches and memory by one thread, the page cache and the disk by file, the network " +
		`by TCP on the loopback address. Medians, and from the smallest to the largest run. ${report.noisyNote}`);
	report.facts(media.machine);
	return [
		section("The storage pyramid",
			note("From the top, small and fast, to the bottom, large and slow. Each line of the scale is ten times the one " +
				"before it: a bar that is a little longer is a lot more."),
			...part("latency", "Latency", "shorter is faster", "Latency of each place", "place"),
			...part("bandwidth", "Bandwidth", "GB/s, longer is faster", "Bandwidth of each place", "place")),
		...(of("cost").length ? [section("The cost of the kernel",
			...part("cost", "Time for each", "shorter is cheaper", "Time that the kernel takes for each", "what"))] : []),
	];
};
