/* SPDX-License-Identifier: MIT */
/*
 * What a path does with a byte, as a picture: the way from the left to the right, user mode above, the
 * kernel below it, hardware at the bottom. The classic way is the arch over all five places.
 */
"use strict";

report.picture = (() => {
	const WIDTH = 84, HEIGHT = 28, PIPE = 36;
	const LEFT = 58, MIDDLE = 160, RIGHT = 262, TOP = 30, KERNEL = 108, BOTTOM = 182;
	const words = {
		disk: "disk", cache: "page cache", user: "user buffer", socket: "socket buffer", card: "network card",
		pipe: "pipe",
	};
	const hows = { dma: "DMA", cpu: "CPU copy", reference: "by reference" };
	const sending = {
		disk: [LEFT, BOTTOM], cache: [LEFT, KERNEL], user: [MIDDLE, TOP], socket: [RIGHT, KERNEL],
		card: [RIGHT, BOTTOM], pipe: [MIDDLE, KERNEL],
	};
	const receiving = {
		card: [LEFT, BOTTOM], socket: [LEFT, KERNEL], user: [MIDDLE, TOP], cache: [RIGHT, KERNEL],
		disk: [RIGHT, BOTTOM], pipe: [MIDDLE, KERNEL],
	};

	/* [from, to, how, when], and the system calls on the border: left, middle, right. */
	const load = ["disk", "cache", "dma", "if cold"], leave = ["socket", "card", "dma"];
	const arrive = ["card", "socket", "dma"], store = ["cache", "disk", "dma"];
	const send = {
		readwrite: {
			ways: [load, ["cache", "user", "cpu"], ["user", "socket", "cpu"], leave],
			calls: ["preadv2", "", "sendto"],
		},
		mmap: {
			ways: [load, ["cache", "socket", "cpu"], leave],
			calls: ["mmap", "", "sendto"],
			note: "The kernel copies from the mapped pages; no buffer of the program's own.",
		},
		sendfile: { ways: [load, ["cache", "socket", "reference"], leave], calls: ["", "sendfile", ""] },
		splice: {
			ways: [load, ["cache", "pipe", "reference"], ["pipe", "socket", "reference"], leave],
			calls: ["splice", "", "splice"],
		},
		zerocopy: {
			ways: [["disk", "user", "dma", "if cold"], ["cache", "user", "cpu", "if warm"],
				["user", "socket", "reference"], leave],
			calls: ["preadv2", "", "sendto"],
			note: "On loopback the kernel copies after all.",
		},
		direct: {
			ways: [["disk", "user", "dma"], ["user", "socket", "cpu"], leave],
			calls: ["io_uring", "", "sendto"],
		},
	};
	const receive = {
		readwrite: {
			ways: [arrive, ["socket", "user", "cpu"], ["user", "cache", "cpu"], store],
			calls: ["recvfrom", "", "pwrite"],
		},
		splice: {
			ways: [arrive, ["socket", "pipe", "reference"], ["pipe", "cache", "cpu"], store],
			calls: ["splice", "", "splice"],
		},
		dontcache: {
			ways: [arrive, ["socket", "user", "cpu"], ["user", "cache", "cpu"], store],
			calls: ["recvfrom", "", "pwritev2"],
			note: "The page cache lets go of what has been written.",
		},
		direct: {
			ways: [arrive, ["socket", "user", "cpu"], ["user", "disk", "dma"]],
			calls: ["recvfrom", "", "io_uring"],
		},
		discard: { ways: [arrive], calls: ["recvfrom", "", ""], note: "The bytes are dropped in the socket." },
	};

	const svg = (name, attributes, ...children) => {
		const made = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const [key, value] of Object.entries(attributes))
			made.setAttribute(key, value);
		made.append(...children);
		return made;
	};
	const text = (x, y, words, kind = "") => svg("text", { x, y, class: kind }, words);

	const tip = (x, y, angle) => svg("path", {
		class: "tip", d: "M0 0L-9 -4.5V4.5Z",
		transform: `translate(${x} ${y}) rotate(${angle * 180 / Math.PI})`,
	});

	/* The point where the line from one box's middle to another's leaves the first. */
	const border = ([x, y], [toX, toY], width) => {
		const share = Math.min(width / 2 / Math.abs(toX - x || 1e-9), HEIGHT / 2 / Math.abs(toY - y || 1e-9));
		return [x + (toX - x) * share, y + (toY - y) * share];
	};
	const widthOf = (name) => name === "pipe" ? PIPE : WIDTH;

	const straight = (places, fromName, toName) => {
		const from = places[fromName], to = places[toName];
		const [x1, y1] = border(from, to, widthOf(fromName)), [x2, y2] = border(to, from, widthOf(toName));
		const angle = Math.atan2(y2 - y1, x2 - x1), x = (x1 + x2) / 2, y = (y1 + y2) / 2;
		const isLeft = x < MIDDLE, outside = isLeft ? "end" : "start";
		const label = from[1] === to[1] ? [x, from[1] - (widthOf(fromName) + widthOf(toName) < 2 * WIDTH ? 23 : 11), ""]
			: from[0] === to[0] ? [x + (isLeft ? 8 : -8), y, isLeft ? "start" : "end"]
			: [x + (isLeft ? -23 : 23), y + 11, outside];
		return {
			d: `M${x1} ${y1}L${x2 - 7 * Math.cos(angle)} ${y2 - 7 * Math.sin(angle)}`,
			tip: tip(x2, y2, angle),
			label,
		};
	};

	/* Between disk and user buffer, around the page cache. */
	const around = (from, to) => {
		const [disk, isUp] = from[1] === BOTTOM ? [from, true] : [to, false];
		const side = disk[0] < MIDDLE ? 1 : -1;
		const edge = disk[0] + side * WIDTH / 2, x = MIDDLE - side * 6, under = TOP + HEIGHT / 2;
		return {
			d: isUp ? `M${edge} ${BOTTOM}H${x - side * 8}Q${x} ${BOTTOM} ${x} ${BOTTOM - 8}V${under + 7}`
				: `M${x} ${under}V${BOTTOM - 8}Q${x} ${BOTTOM} ${x - side * 8} ${BOTTOM}H${edge + side * 7}`,
			tip: isUp ? tip(x, under, -Math.PI / 2) : tip(edge, BOTTOM, side < 0 ? 0 : Math.PI),
			label: [x + side * 8, 140, side > 0 ? "start" : "end"],
		};
	};

	const way = (places, [from, to, how, when]) => {
		const ends = [from, to];
		const line = ends.includes("disk") && ends.includes("user") ? around(places[from], places[to])
			: straight(places, from, to);
		const [x, y, anchor] = line.label;
		const name = how === "reference" && ends.includes("pipe") ? "reference" : hows[how];
		/* Two lines where the way goes up or down beside it. */
		const isBeside = when && ends.includes("disk");
		return svg("g", { class: how }, svg("path", { class: "way", d: line.d }), line.tip,
			text(x, y, when && !isBeside ? `${name.split(" ")[0]}, ${when}` : name, anchor),
			...(isBeside ? [text(x, y + 13, when, anchor)] : []));
	};

	const place = (name, [x, y], isIdle) =>
		svg("g", { class: isIdle ? "place idle" : "place" },
			svg("rect", { x: x - WIDTH / 2, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: 5 }),
			text(x, y, words[name]));

	const pipe = ([x, y]) =>
		svg("g", { class: "place" }, svg("rect", { x: x - PIPE / 2, y: y - 11, width: PIPE, height: 22, rx: 11 }),
			text(x, y, words.pipe));

	const call = (name, at) => {
		const x = [46, MIDDLE, 274][at], width = 6.2 * name.length + 18;
		return svg("g", { class: "call" },
			svg("rect", { x: x - width / 2, y: 56, width, height: 16 }), text(x, 64, `⇅ ${name}`));
	};

	const draw = (path, isSending, label) => {
		const { ways, calls } = (isSending ? send : receive)[path];
		const places = isSending ? sending : receiving;
		const used = new Set(ways.flatMap(([from, to]) => [from, to]));
		return svg("svg", { class: "picture", viewBox: "0 0 320 214", role: "img", "aria-label": label },
			svg("path", { class: "lane", d: "M0 64H320M0 146H320" }),
			text(4, 12, "user mode", "mode"), text(4, 136, "kernel", "mode"), text(4, 206, "hardware", "mode"),
			...calls.map((name, at) => [name, at]).filter(([name]) => name).map(([name, at]) => call(name, at)),
			...Object.entries(places).filter(([name]) => name !== "pipe")
				.map(([name, at]) => place(name, at, !used.has(name))),
			...ways.map((each) => way(places, each)),
			...(used.has("pipe") ? [pipe(places.pipe)] : []));
	};

	const legend = () => {
		const sample = (how, words) => {
			const line = svg("svg", { class: "picture", viewBox: "0 0 44 12", "aria-hidden": "true" },
				svg("g", { class: how }, svg("path", { class: "way", d: "M0 6H36" }), tip(43, 6, 0)));
			return report.element("li", {}, line, words);
		};
		return report.element("ul", { class: "legend" },
			sample("cpu", "the CPU copies"), sample("dma", "a device moves it (DMA)"),
			sample("reference", "by reference: nothing moves"),
			report.element("li", {}, "⇅ a system call: two mode switches"));
	};

	const has = (path, isSending) => path in (isSending ? send : receive);
	const note = (path, isSending) => (isSending ? send : receive)[path].note ?? "";

	return { draw, legend, has, note };
})();
