"""The house's own files agree with one another."""

from __future__ import annotations

import re
import subprocess
import tomllib

from config.settings_table import BY_NAME
from tests.live import ROOT


def test_the_example_environment_has_known_settings_with_their_defaults() -> None:
    for line in (ROOT / ".env.example").read_text().splitlines():
        found = re.fullmatch(r"#? ?([A-Z_]+)=(.*)", line)
        if found is None:
            assert line.startswith("# Copy"), line
            continue
        name, value = found.groups()
        default = BY_NAME[name].default
        shown = ",".join(default) if isinstance(default, list) else str(default)
        assert value == shown or name == "MODEL_MAP_JSON", name


def test_every_module_has_its_place_among_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    named = {part.strip("() ").split(".")[1] for layer in layers for part in re.split("[|:]", layer)}
    modules = {
        path.stem for path in (ROOT / "bridge_api").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert modules - named - {"__init__", "apps", "migrations"} == set()


def test_the_audit_may_import_the_signals_and_nothing_else_of_the_api() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rule = next(one for one in contracts if one.get("source_modules") == ["audit"])
    forbidden = {name.removeprefix("bridge_api.") for name in rule["forbidden_modules"]}
    modules = {
        path.stem for path in (ROOT / "bridge_api").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert modules - forbidden == {"__init__", "migrations", "signals"}


def test_every_dependency_has_its_reason_and_every_pin_its_hash() -> None:
    for name in ("requirements", "requirements-dev"):
        asked = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if "==" in line]
        locked = (ROOT / f"{name}.txt").read_text()
        pins = set(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+) \\$", locked, re.MULTILINE))
        assert pins
        assert len(pins) == len(re.findall(r"^\S+==", locked, re.MULTILINE)), "a pin without a hash"
        for line in asked:
            package, version = re.split("==", line.split()[0])
            assert (re.sub(r"\[.*\]", "", package).lower(), version) in pins, line
            assert name == "requirements-dev" or "#" in line, line
        assert not re.search(r"^--|://", locked, re.MULTILINE), "the lock names an index"


def test_make_alone_lists_the_commands() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("install", "run", "test", "check", "demo", "bench", "recordings", "fuzz", "docs", "lock"):
        assert f"make {command} " in shown
