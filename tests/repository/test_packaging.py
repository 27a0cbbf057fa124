"""The package list, its mapping, the links and the disk say the same, and the wheel holds all of it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import poolproof

SITES = ("site-packages", "dist-packages")
ROOT = Path(__file__).resolve().parents[2]
DOOR = ROOT / "src" / "poolproof"
FOLDERS = ("spec", "models", "invariants", "proofs")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder, without following links and without what running Python leaves behind."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            yield Path(place, name)


def packages_on_disk() -> dict[str, str]:
    """Import name -> path from the root, of each folder that holds Python code, wherever it is nested."""
    found = {}
    for top, import_name in [(DOOR, "poolproof"), *((ROOT / name, f"poolproof.{name}") for name in FOLDERS)]:
        for path in files_below(top):
            if path.suffix == ".py":
                inside = path.parent.relative_to(top).parts
                found[".".join((import_name, *inside))] = path.parent.relative_to(ROOT).as_posix()
    return found


def modules_on_disk() -> list[Path]:
    """Every Python file of the project, at its real path."""
    return [
        path for folder in ("src", *FOLDERS, "tests") for path in files_below(ROOT / folder) if path.suffix == ".py"
    ]


def files_that_belong_in_the_wheel() -> set[str]:
    """Path inside the wheel of each module and of each file that `package-data` describes."""
    wanted = set()
    for top, place in [(DOOR, "poolproof"), *((ROOT / name, f"poolproof/{name}") for name in FOLDERS)]:
        for path in files_below(top):
            if path.name.endswith((".py", "py.typed", ".toml", ".json", ".json.gz", ".jsonl.gz", ".css", ".js", ".j2")):
                wanted.add(f"{place}/{path.relative_to(top).as_posix()}")
    return wanted


def test_every_package_on_disk_is_in_the_list() -> None:
    """A package without a line in `packages` works in an editable install and is missing from the wheel."""
    listed = SETUPTOOLS["packages"]
    missing = sorted(set(packages_on_disk()) - set(listed))
    gone = sorted(set(listed) - set(packages_on_disk()))
    assert not missing, f"add to [tool.setuptools] packages in pyproject.toml: {missing}"
    assert not gone, f"remove from [tool.setuptools] packages in pyproject.toml: {gone}"
    assert len(listed) == len(set(listed)), "a package is listed twice"


def test_every_package_is_mapped_to_its_folder() -> None:
    """The mapping names for each listed package the folder where it really is."""
    assert SETUPTOOLS["package-dir"] == packages_on_disk(), (
        "[tool.setuptools.package-dir] in pyproject.toml and the disk disagree"
    )


def test_every_package_has_an_init() -> None:
    """A folder of modules without `__init__.py` is a namespace package, which no tool here expects."""
    missing = [place for place in packages_on_disk().values() if not (ROOT / place / "__init__.py").is_file()]
    assert not missing, f"add an __init__.py with one docstring line to: {missing}"


@pytest.mark.parametrize("name", FOLDERS)
def test_the_link_points_at_the_folder(name: str) -> None:
    """IDEs and type checkers find a folder through a relative link; a copy in its place would go stale."""
    link = DOOR / name
    if link.is_file() and not link.is_symlink():
        pytest.skip("this checkout has no symbolic links (git core.symlinks=false): only static checks need them")
    assert link.is_symlink(), f"src/poolproof/{name} is a copy; replace it: ln -s ../../{name} src/poolproof/{name}"
    assert os.readlink(link) == f"../../{name}"  # noqa: PTH115  # pathlib would tidy the text up


def test_no_other_link_is_in_the_door() -> None:
    """Exactly the four folders are linked."""
    assert {path.name for path in DOOR.iterdir() if path.is_symlink()} <= set(FOLDERS)


def test_git_tracks_the_links_as_links() -> None:
    """A link that is not tracked, or tracked as a file, is lost in the next clone."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-s", *(f"src/poolproof/{name}" for name in FOLDERS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    modes = {line.split("\t")[1]: line.split()[0] for line in listing.splitlines()}
    assert modes == {f"src/poolproof/{name}": "120000" for name in FOLDERS}


def test_the_version_is_said_once() -> None:
    """`poolproof.__version__` is the version of the distribution."""
    assert poolproof.__version__ == PYPROJECT["project"]["version"]


def test_no_folder_is_imported_by_its_bare_name() -> None:
    """`import models` would make a second copy of a module beside `poolproof.models`."""
    bare = re.compile(rf"(?:{'|'.join(FOLDERS)})(?:\.|$)")
    wrong = []
    for path in modules_on_disk():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            wrong += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in names if bare.match(name)]
    assert not wrong, f"import these as poolproof.<name>: {wrong}"


def test_the_tests_do_not_put_the_root_on_the_path() -> None:
    """With `tests/__init__.py` or a `conftest.py` at the root, pytest could import the folders bare."""
    assert not (ROOT / "conftest.py").exists()
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for name in ("src", *FOLDERS):
        shutil.copytree(
            ROOT / name,
            tree / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        )
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(tree)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    """What the wheel installs is what the tree holds, file by file, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = archive.read(f"poolproof-{poolproof.__version__}.dist-info/entry_points.txt").decode()
    wanted = files_that_belong_in_the_wheel()
    assert packed == wanted, f"missing: {sorted(wanted - packed)}; not expected: {sorted(packed - wanted)}"
    assert "poolproof = poolproof.cli:main" in entry_points


def test_the_installed_wheel_is_a_plugin_of_pytest(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which has what poolproof needs from this one, a project's files are its tests."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=os.name != "nt")
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "venv" / scripts / "python"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "venv")}))
    with zipfile.ZipFile(wheel) as archive:  # what an installer does with a wheel of pure Python, but for the command
        archive.extractall(site)
    ours = {str(DOOR.parent), *(str(path) for path in ROOT.glob("src/*.egg-info"))}
    paths = [path for path in sys.path if path and path not in ours and Path(path).name in SITES]
    (site / "zz-what-it-needs.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "spec" / "protocols" / "minimal.toml", project / "lending.poolproof.toml")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [str(python), "-P", "-m", "pytest", "--poolproof", "-q", "-k", "CONS", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment | {"POOLPROOF_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    where = subprocess.run(
        [str(python), "-P", "-c", "import poolproof; print(poolproof.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(tmp_path)
