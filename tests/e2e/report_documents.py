# SPDX-License-Identifier: MIT
"""Documents for the report's page, made up: what bench and media print, with all that can happen."""

HOSTILE = "/data/</script><script>document.title='taken over'</script><img src=http://192.0.2.1/x>&amp;\"'"


def machine():
    return {
        "time": "2026-01-02T03:04:05Z", "kernel": "6.1.0", "architecture": "x86_64", "cpu": None, "cores": 2,
        "memory_bytes": 25_260_000_000, "page_bytes": 4096, "congestion_control": "cubic", "folder": HOSTILE,
        "file_system": "ext4", "device": "vda",
    }


def spread(median, wide=0.02):
    return {"median": median, "min": median * (1 - wide / 2), "max": median * (1 + wide / 2)}


def bench_row(send, receive, source, rate, cpu, **more):
    end = "discard" if receive == "discard" else "readwrite"
    skipped = more.get("skipped")
    sent = 0.3 * cpu
    figures = {
        "rate_gb_per_second": spread(rate, 0.3 if more.get("is_noisy") else 0.02),
        "cpu_seconds_per_gb": spread(cpu), "send_cpu_seconds_per_gb": spread(sent),
        "receive_cpu_seconds_per_gb": spread(0.9 * cpu - sent), "rate_ratio": rate / 3.7, "cpu_ratio": cpu / 0.41,
    }
    copies = {"readwrite": 2, "mmap": 1, "direct": 1, "zerocopy": 2, "dontcache": 2}
    return {
        "send": send, "receive": receive, "source": source, "is_baseline": False, "skipped": None,
        "is_noisy": False, "baseline": f"readwrite -> {end}",
        **(dict.fromkeys(figures) if skipped else figures),
        "copies_per_byte": {"send": copies.get(send, 0), "receive": 0 if receive == "discard" else 1},
        "mode_switches_per_gb": {"send": 3841.25, "receive": 15360.5}, "send_bill": None, "receive_bill": None,
        **more,
    }


def bench():
    return {
        "command": "bench", "version": "0.1.0", "machine": machine(), "size_bytes": 1 << 30, "runs": 3,
        "connection_congestion_control": "cubic",
        "rows": [
            bench_row("readwrite", "discard", "warm", 3.7123, 0.41, is_baseline=True),
            bench_row("mmap", "discard", "warm", 5.7, 0.29),
            bench_row("sendfile", "discard", "warm", 6.71234, 0.1351, is_noisy=True),
            bench_row("splice", "discard", "warm", 6.5, 0.12),
            bench_row("zerocopy", "discard", "warm", 4.4, 0.3),
            bench_row("direct", "discard", "warm", 2.2, 0.25),
            bench_row("readwrite", "readwrite", "warm", 0.71, 1.3, is_baseline=True),
            bench_row("sendfile", "direct", "warm", 2.5, 0.24),
            bench_row("sendfile", "splice", "warm", 0.8, 0.92),
            bench_row("sendfile", "dontcache", "warm", 2.4, 0.44, skipped=f"{HOSTILE}: not supported"),
            bench_row("readwrite", "discard", "cold", 1.1, 0.83, is_baseline=True),
            bench_row("direct", "discard", "cold", 2.4, 0.25),
            bench_row("auto", "discard", "cold", 2.3, 0.26),
            # Nothing in its group could be measured.
            bench_row("readwrite", "readwrite", "cold", 1, 1, is_baseline=True, skipped="the disk is full"),
        ],
        "claims": [
            {"claim": "half the copies", "holds": True, "text": "sendfile copies a byte 0 times, readwrite 2 times."},
            {"claim": "twice the speed", "holds": False, "text": f"1.81 times {HOSTILE}."},
            {"claim": "half the switches", "holds": None, "text": "not measured."},
        ],
    }


def media_row(name, group, label, kind, value, **more):
    return {
        "name": name, "group": group, "label": label, "kind": kind,
        "unit": "bytes_per_second" if kind == "bandwidth" else "seconds",
        "value": None if value is None else spread(value), "size_bytes": None, "method": "measured", "is_noisy": False,
        "skipped": None, **more,
    }


def media():
    return {
        "command": "media", "version": "0.1.0", "machine": machine(),
        "rows": [
            media_row("l1_latency", "cpu", "L1 cache", "latency", 1.63e-9, size_bytes=16384),
            media_row("l2_latency", "cpu", "L2 cache", "latency", 4.9e-9, size_bytes=262144),
            media_row("memory_latency", "memory", "memory", "latency", 9.97e-8, size_bytes=1 << 28, is_noisy=True),
            media_row("disk_random_latency", "disk", "disk, random 4 KiB", "latency", 1.2e-4, method=HOSTILE),
            media_row("network_latency", "network", "loopback TCP", "latency", 2.5e-5),
            media_row("l3_latency", "cpu", "L3 cache", "latency", None, skipped="this machine has none"),
            media_row("l1_bandwidth", "cpu", "L1 cache, read", "bandwidth", 1.2e11, size_bytes=16384),
            media_row("memory_bandwidth", "memory", "memory, read", "bandwidth", 1.5e10, size_bytes=1 << 28),
            media_row("page_cache_bandwidth", "page_cache", "page cache, read(2)", "bandwidth", 7.7e9),
            media_row("disk_read", "disk", "disk, sequential", "bandwidth", 2.512e9),
            media_row("disk_random", "disk", "disk, random 4 KiB, depth 1", "bandwidth", 3.4e7),
            media_row("network_bandwidth", "network", "loopback TCP", "bandwidth", None, skipped=HOSTILE),
            media_row("system_call", "kernel", "system call", "cost", 7.3e-8),
            media_row("thread_switch", "kernel", "thread switch", "cost", 1.9e-6),
        ],
    }
