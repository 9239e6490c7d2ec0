"""settings.py: every switch is read late, validated, and explained at the top of the file."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from elman import settings
from elman.errors import ArgumentError, UnknownNameError

SWITCHES = ("ELMAN_BFLOAT16", "ELMAN_EXECUTOR", "ELMAN_ISA", "ELMAN_NUM_THREADS", "ELMAN_MEMORY_LIMIT", "ELMAN_VERIFY")


@pytest.fixture(autouse=True)
def _no_switch_is_set(monkeypatch):
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("read", "name", "values"),
    [
        (settings.executor, "ELMAN_EXECUTOR", ("native", "reference")),
        (settings.isa, "ELMAN_ISA", ("baseline", "avx2", "avx512", "amx")),
        (settings.bfloat16, "ELMAN_BFLOAT16", ("emulate",)),
    ],
)
def test_a_choice_is_read_when_asked_for(monkeypatch, read, name, values):
    assert read() is None
    for value in values:
        monkeypatch.setenv(name, value)
        assert read() == value
        monkeypatch.setenv(name, f" {value.upper()} ")
        assert read() == value
    monkeypatch.setenv(name, "")
    assert read() is None


@pytest.mark.parametrize(
    ("read", "name", "value", "text"),
    [
        (
            settings.executor,
            "ELMAN_EXECUTOR",
            "nativ",
            "elman.settings: ELMAN_EXECUTOR must be a known name. Received ELMAN_EXECUTOR='nativ'. "
            "Did you mean 'native'? Known: 'native', 'reference'.",
        ),
        (
            settings.isa,
            "ELMAN_ISA",
            "sse9",
            "elman.settings: ELMAN_ISA must be a known name. Received ELMAN_ISA='sse9'. "
            "Known: 'amx', 'avx2', 'avx512', 'baseline'.",
        ),
        (
            settings.verify,
            "ELMAN_VERIFY",
            "perhaps",
            "elman.settings: ELMAN_VERIFY must be a known name. Received ELMAN_VERIFY='perhaps'. "
            "Known: '0', '1', 'false', 'no', 'off', 'on', 'true', 'yes'.",
        ),
    ],
)
def test_an_unknown_choice_is_an_error(monkeypatch, read, name, value, text):
    monkeypatch.setenv(name, value)
    with pytest.raises(UnknownNameError) as caught:
        read()
    assert str(caught.value) == text


def test_verify_is_off_by_default_and_takes_the_usual_words(monkeypatch):
    assert settings.verify() is False
    for value in ("1", "on", "True", "yes"):
        monkeypatch.setenv("ELMAN_VERIFY", value)
        assert settings.verify() is True
    for value in ("0", "off", "False", "no"):
        monkeypatch.setenv("ELMAN_VERIFY", value)
        assert settings.verify() is False


def test_num_threads_is_what_was_asked_for(monkeypatch):
    monkeypatch.setenv("ELMAN_NUM_THREADS", "3")
    assert settings.num_threads() == 3


@pytest.mark.parametrize("value", ["0", "-1", "2.5", "many", "1e3"])
def test_num_threads_must_be_a_whole_number_from_1(monkeypatch, value):
    monkeypatch.setenv("ELMAN_NUM_THREADS", value)
    with pytest.raises(ArgumentError) as caught:
        settings.num_threads()
    assert str(caught.value) == (
        f"elman.settings: ELMAN_NUM_THREADS must be a whole number from 1. Received ELMAN_NUM_THREADS='{value}'. "
        "Unset it to use every CPU this process may use."
    )


def machine(monkeypatch, *, cpus: int, affinity: int | None, quota: float | None) -> None:
    """Stand in for a machine; affinity None is macOS."""
    if affinity is None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    monkeypatch.setattr(settings, "_container_quota", lambda: quota)


@pytest.mark.parametrize(
    ("cpus", "affinity", "quota", "threads"),
    [
        (8, 8, None, 8),
        (8, 2, None, 2),
        (64, 64, 1.5, 2),
        (64, 64, 0.1, 1),
        (4, 4, 100.0, 4),
        (10, None, None, 10),
    ],
)
def test_num_threads_defaults_to_what_this_process_may_use(monkeypatch, cpus, affinity, quota, threads):
    machine(monkeypatch, cpus=cpus, affinity=affinity, quota=quota)
    assert settings.num_threads() == threads


def control_groups(monkeypatch, tmp_path: Path, lines: str, files: dict[str, str]) -> float | None:
    """The quota that settings reads from a made-up /proc and /sys."""
    (tmp_path / "self").write_text(lines)
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    monkeypatch.setattr(settings, "_CGROUP_OF_SELF", tmp_path / "self")
    monkeypatch.setattr(settings, "_CGROUP_ROOT", tmp_path / "cgroup")
    return settings._container_quota.__wrapped__()


@pytest.mark.parametrize(
    ("lines", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        (
            "4:cpu,cpuacct:/x\n",
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "200000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("5:memory:/x\n", {}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
        ("", {}, None),
    ],
)
def test_container_quota(monkeypatch, tmp_path, lines, files, quota):
    assert control_groups(monkeypatch, tmp_path, lines, files) == quota


def test_container_quota_outside_linux(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "_CGROUP_OF_SELF", tmp_path / "there is no such file")
    assert settings._container_quota.__wrapped__() is None


def test_floatx_is_set_and_refused():
    assert settings.floatx() == "float32"
    settings.set_floatx("float64")
    assert settings.floatx() == "float64"
    with pytest.raises(UnknownNameError) as caught:
        settings.set_floatx("float46")
    assert str(caught.value) == (
        "set_floatx: value must be a known name. Received value='float46'. "
        "Did you mean 'float64' or 'float32'? Known: 'float32', 'float64'."
    )
    assert settings.floatx() == "float64"


def test_every_switch_is_explained_and_none_is_read_elsewhere():
    explained = set(re.findall(r"^    (ELMAN_\w+)", settings.__doc__, re.MULTILINE))
    assert explained == set(SWITCHES)
    for path in Path(settings.__file__).parent.rglob("*.py"):
        if path.name == "settings.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
            assert not named, f"{path.name}:{node.lineno} reads the environment; settings.py is the place for that"


def test_memory_is_that_of_the_smallest_container(monkeypatch, tmp_path):
    machine = settings.memory_limit()
    assert machine > 1 << 20
    (tmp_path / "a").mkdir()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "a" / "memory.max").write_text("12345678\n")
    (tmp_path / "self").write_text("0::/a\n")
    monkeypatch.setattr(settings, "_CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(settings, "_CGROUP_OF_SELF", tmp_path / "self")
    settings._usable_memory.cache_clear()
    assert settings.memory_limit() == 12345678
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "1000")
    assert settings.memory_limit() == 1000
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "2GB")
    with pytest.raises(ArgumentError, match=r"ELMAN_MEMORY_LIMIT must be a whole number of bytes from 1"):
        settings.memory_limit()
    settings._usable_memory.cache_clear()


def test_numbers_that_no_plan_can_count_with(monkeypatch):
    monkeypatch.setenv("ELMAN_NUM_THREADS", "99999999999")
    with pytest.raises(ArgumentError, match="ELMAN_NUM_THREADS must be at most 65536"):
        settings.num_threads()
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(10**20))
    assert settings.memory_limit() == 1 << 62
