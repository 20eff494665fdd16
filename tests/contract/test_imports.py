"""The house's import direction: what may import what, no cycles, and nothing heavy on `import textenvs`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("textenvs", "envs_registry", "agents")

# Each room of `agents`, with the rooms that it may import besides itself and those below them.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("agents.cli",),
    ("agents.doctor", "agents.pipeline"),
    (
        "agents.trainer",
        "agents.evaluation",
        "agents.report",
        "agents.view",
        "agents.feedback",
        "agents.finetune",
        "agents.sb3",
        "agents.rows",
        "agents.export",
        "agents.plan",
    ),
    ("agents.rollout", "agents.algorithms", "agents.distributed"),
    ("agents.policies", "agents.advantages", "agents.losses", "agents.chat", "agents.mixture"),
    ("agents.trajectory",),
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imports_of(module: str, *, everywhere: bool) -> set[str]:
    """The project's modules that `module` imports: at its top level, or everywhere in it."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else runtime_statements(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import in line {node.lineno}"
            # A name taken from a package runs the package first, also where the name is a module of it.
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            if name and name != module:
                found.add(name)
    return found


def runtime_statements(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run at import, without those under ``if TYPE_CHECKING``."""
    return [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]


def layer(module: str) -> int | None:
    for level, rooms in enumerate(LAYERS):
        if any(module == room or module.startswith(room + ".") for room in rooms):
            return level
    return None


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_one_way(module: str) -> None:
    for other in imports_of(module, everywhere=True):
        package, target = module.split(".")[0], other.split(".")[0]
        if package != "agents":
            assert target != "agents", f"{module} imports {other}"
        if package == "envs_registry":
            assert target == "envs_registry", f"{module} imports {other}"
        if package == "textenvs" and target == "envs_registry":
            assert other == "envs_registry.catalog", f"{module} imports {other}"
        mine, theirs = layer(module), layer(other)
        if mine is not None and theirs is not None:
            assert mine <= theirs, f"{module} imports {other}, which stands above it"


def test_every_room_of_agents_has_a_layer() -> None:
    assert [m for m in MODULES if m.startswith("agents.") and layer(m) is None] == []


def test_environment_families_do_not_import_each_other() -> None:
    for module in MODULES:
        if module.startswith("textenvs.envs."):
            family = module.split(".")[2]
            strangers = {
                other
                for other in imports_of(module, everywhere=True)
                if other.startswith("textenvs.envs.") and other.split(".")[2] != family
            }
            assert not strangers, f"{module} imports {strangers}"


def test_there_are_no_cycles() -> None:
    edges = {module: imports_of(module, everywhere=False) for module in MODULES}
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for other in sorted(edges[module]):
            visit(other)
        path.pop()
        done.add(module)

    for module in MODULES:
        visit(module)


@pytest.mark.parametrize("package", ["textenvs", "envs_registry"])
def test_the_world_is_light(package: str) -> None:
    code = (
        f"import sys, {package}, gymnasium; assert 'MultiTurnRewrite-v0' in gymnasium.registry;"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'pandas', 'agents'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("package", ["textenvs", "envs_registry"])
def test_importing_takes_less_than_half_a_second(package: str) -> None:
    # Processor time, the interpreter's own start included: others may be using the machine.
    code = f"import time, {package}; print(time.process_time())"
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT).stdout)
        for _ in range(3)
    ]
    assert min(seconds) < 0.5, seconds
