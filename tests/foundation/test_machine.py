from __future__ import annotations

import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.machine import available_memory, format_size, parse_size

MIB = 2**20


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("512MiB", 512), (" 2GiB ", 2048), ("1.5G", 1536), ("1M", 1), ("1024GiB", 2**20), ("3.5 GiB", 3584)],
)
def test_sizes(text, size):
    assert parse_size("memory", text) == size * MIB


@pytest.mark.parametrize(
    "text", ["", "MiB", "0", "-5", "nan", "inf", "1025GiB", "2TB", "5GB", "5iB", "5MiBMiB", "0.5", "x", "5G5", "1e999"]
)
def test_what_is_no_size(text):
    with pytest.raises(SpecificationError, match=r"memory is .*; it must be a size from 1MiB to 1024GiB"):
        parse_size("memory", text)


def test_sizes_as_text_are_rounded_up():
    assert [format_size(size) for size in (1, 400 * MIB, 400 * MIB + 1, 9999 * MIB)] == [
        "1 MiB", "400 MiB", "401 MiB", "9999 MiB",
    ]  # fmt: skip
    assert format_size(10 * 2**30 + 1) == "10.1 GiB"


def machine(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return available_memory(root)


FREE = {"proc/meminfo": "MemTotal:  9000 kB\nMemAvailable:    8000 kB\n"}


def test_memory_of_a_machine(tmp_path):
    assert machine(tmp_path, FREE) == 8000 * 1024


def test_the_narrowest_group_counts(tmp_path):
    groups = {
        "proc/self/cgroup": "0::/outer/inner\n",
        "sys/fs/cgroup/outer/inner/memory.max": "max\n",
        "sys/fs/cgroup/outer/inner/memory.current": "5\n",
        "sys/fs/cgroup/outer/memory.max": "5000000\n",
        "sys/fs/cgroup/outer/memory.current": "2000000\n",
        "sys/fs/cgroup/outer/memory.stat": "anon 1\ninactive_file 300000\n",
        "sys/fs/cgroup/memory.max": "6000000\n",
        "sys/fs/cgroup/memory.current": "1000000\n",
    }
    assert machine(tmp_path, FREE | groups) == 3_300_000


def test_groups_of_the_first_version(tmp_path):
    groups = {
        "proc/self/cgroup": "9:cpu:/a\n4:memory:/a\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "3000000\n",
        "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "3100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
    }
    assert machine(tmp_path, FREE | groups) == 0


def test_a_machine_without_linux(tmp_path):
    assert available_memory(tmp_path) is None or available_memory(tmp_path) > 0
    assert available_memory() is None or available_memory() > 0
