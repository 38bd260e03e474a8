"""The rules of the repository. Each takes a Tree and yields what breaks it, as "file:line: what"."""

import os
import re

from classes import classes, count_methods
from document_rules import check_docs_index, check_identifiers, check_links, check_prose
from layers import HOMES, LAYERS, PACKAGE_OF_COMMAND, PACKAGE_OF_MODULE, SYSTEM

MAX_FILE_LINES = 400
MAX_PUBLIC_HEADER_LINES = 250
MAX_ROOT_CMAKE_LINES = 120
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100
MAX_CLASS_METHODS = 30
# Classes that are larger, with what they have: a number may only fall.
LARGE_CLASSES = {"Codec": 35}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


class Tree:
    """The files under a directory, without what builds leave behind, and the text of those that are text."""

    def __init__(self, root):
        self.names = set()
        self.files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if self._is_ours(root, folder, f))
            for name in sorted(names):
                path = os.path.join(folder, name)
                self.names.add(os.path.relpath(path, root))
                if not self._is_text(path):
                    continue
                with open(path, encoding="utf-8") as file:
                    self.files[os.path.relpath(path, root)] = file.read().split("\n")
        self.folders = {os.path.dirname(name) for name in self.files}

    @staticmethod
    def _is_ours(root, folder, name):
        if os.path.exists(os.path.join(folder, name, "CMakeCache.txt")):
            return False
        return name == ".ci" or not (name.startswith(".") or name in ("__pycache__", "corpus") or
                                     (folder == root and name == "build"))

    @staticmethod
    def _is_text(path):
        name = os.path.basename(path)
        if name.endswith((".h", ".cc", ".md", ".py", ".sh", ".txt", ".cmake", ".in", ".toml", ".svg")):
            return True
        return os.path.basename(os.path.dirname(path)) in ("scripts", ".ci")

    def sources(self):
        return {name: lines for name, lines in self.files.items() if name.endswith((".h", ".cc"))}

    def scripts(self):
        return {name: lines for name, lines in self.files.items()
                if name.endswith(".sh") or os.path.dirname(name) in ("scripts", ".ci") and "." not in
                os.path.basename(name)}


def includes(lines):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def is_in(path, homes):
    return any(path == home or path.startswith(home + "/") for home in homes)


def check_layers(tree):
    """Own includes point down, and only along the table."""
    for name, lines in tree.sources().items():
        folder = os.path.dirname(name)
        if folder not in LAYERS:
            yield f"{name}:1: tests/repo/layers.py does not say what {folder}/ may include"
            continue
        for number, kind, target in includes(lines):
            if kind != '"':
                continue
            if os.path.dirname(target).split("/")[0] == "..":
                yield f"{name}:{number}: include from the source root, not through ../"
            elif not target.endswith(".h"):
                yield f"{name}:{number}: {target} is not a header"
            elif os.path.dirname(target) == "nearhit/v1":
                if "nearhit/v1" not in LAYERS[folder]:
                    yield f"{name}:{number}: {folder}/ may not include nearhit/v1"
            elif os.path.dirname(target) == "nearhit":
                if "nearhit" not in LAYERS[folder]:
                    yield f"{name}:{number}: {folder}/ may not include nearhit"
            elif os.path.dirname(target) != folder and not is_in(target, LAYERS[folder]):
                yield f"{name}:{number}: {folder}/ may not include {target}"


def check_homes(tree):
    """A third-party header is included where it lives and nowhere else."""
    for name, lines in tree.sources().items():
        for number, kind, target in includes(lines):
            if kind != "<" or re.fullmatch(r"[a-z0-9_]+", target) or target.startswith(tuple(SYSTEM)):
                continue
            homes = [places for header, places in HOMES.items() if target.startswith(header)]
            if not homes:
                yield f"{name}:{number}: tests/repo/layers.py names no home for <{target}>"
            elif not is_in(name, homes[0]):
                yield f"{name}:{number}: <{target}> belongs in {', '.join(homes[0])}"


def check_public_headers(tree):
    """The installed headers need the standard library and each other, nothing else."""
    for name, lines in tree.files.items():
        if os.path.dirname(name) != "include/nearhit":
            continue
        for number, kind, target in includes(lines):
            if kind == "<" and not re.fullmatch(r"[a-z0-9_]+", target):
                yield f"{name}:{number}: <{target}> is not of the C++ standard library"
            if kind == '"' and "include/" + target not in tree.files and \
               "include/" + target + ".in" not in tree.files:
                yield f"{name}:{number}: \"{target}\" is not a public header"


def check_headers(tree):
    """Headers guard themselves, a .cc includes its own header first, nothing imports a namespace."""
    for name, lines in tree.sources().items():
        if name.endswith(".h"):
            if "#pragma once" not in lines:
                yield f"{name}:1: #pragma once is missing"
            for number, line in enumerate(lines, 1):
                if re.match(r"\s*using namespace\b", line):
                    yield f"{name}:{number}: using namespace in a header"
        else:
            own = name[:-3] + ".h"
            first = next((target for _, _, target in includes(lines)), own)
            if own in tree.files and first != own:
                yield f"{name}:1: {own} is not the first include"


def function_blocks(lines):
    """Yields (first line, length) of what stands between a line at column 0 and its closing brace there."""
    began = None
    for number, line in enumerate(lines, 1):
        if began is None and re.match(r"[A-Za-z_~\[]", line) and not re.match(
                r"(namespace|template|class|struct|enum|union|extern|using|public|private|protected)\b", line):
            began = number
        if began is not None and line.rstrip().endswith(";") and line[:1] not in (" ", "}"):
            began = None  # a declaration
        elif line.startswith("}"):
            if began is not None:
                yield began, number - began + 1
            began = None
        elif line == "":
            if began is not None and not any("{" in lines[i] for i in range(began - 1, number)):
                began = None


def check_sizes(tree):
    """Files, functions and lines stay small enough to read."""
    for name, lines in tree.files.items():
        if name.endswith(".md"):
            continue
        limit = MAX_FILE_LINES
        if os.path.dirname(name) == "include/nearhit":
            limit = MAX_PUBLIC_HEADER_LINES
        elif name == "CMakeLists.txt":
            limit = MAX_ROOT_CMAKE_LINES
        count = len(lines) - (lines[-1] == "")
        if count > limit:
            yield f"{name}:{limit + 1}: {count} lines, the limit is {limit}"
    for name, lines in tree.sources().items():
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{name}:{number}: {len(line)} columns, the limit is {MAX_COLUMNS}"
        for number, length in function_blocks(lines):
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{number}: a function of {length} lines, the limit is {MAX_FUNCTION_LINES}"


def check_classes(tree):
    """A class has few enough methods to be known."""
    for name, lines in tree.sources().items():
        for class_name, body in classes("\n".join(lines)):
            limit = LARGE_CLASSES.get(class_name, MAX_CLASS_METHODS)
            count = count_methods(class_name, body)
            if count > limit:
                yield f"{name}:1: {class_name} has {count} methods, the limit is {limit}"
            elif count < LARGE_CLASSES.get(class_name, 0):
                yield f"{name}:1: {class_name} has {count} methods now: lower its number in LARGE_CLASSES"


def check_constructors(tree):
    """A constructor of one argument says whether it converts: explicit, or explicit(false)."""
    for name, lines in tree.sources().items():
        for number, line in enumerate(lines, 1):
            found = re.match(r" +(?:constexpr )?([A-Z]\w*)\(([^(),]*\w)\)(?: noexcept)?(?: :| \{|;)", line)
            if not found or re.match(r"(const )?" + found.group(1) + r"&", found.group(2)):
                continue
            if any(re.match(r" *(?:template <.*> )?(?:class|struct) (?:\w+(?:\(\w+\))? )?" + found.group(1) +
                            r"\b", other) for other in lines) and " " in found.group(2):
                yield f"{name}:{number}: {found.group(1)}({found.group(2)}) is not explicit"


def check_sleeps(tree):
    """Tests wait for events. What a test cannot wait for has one home; a kill has a random moment."""
    homes = ("tests/support/eventually.h", "tests/engine/database/killed_child.h")
    for name, lines in tree.sources().items():
        for number, line in enumerate(lines, 1):
            if name.startswith("tests/") and name not in homes and re.search(r"\bsleep_(for|until)\b|\busleep\b", line):
                yield f"{name}:{number}: a test sleeps; wait for an event, or use tests/support/eventually.h"


def check_escapes(tree):
    """No check is switched off in place, no test is switched off at all, no code is commented out."""
    banned = {r"NOLINT": "fix what clang-tidy says",
              r"\bGTEST_SKIP\b": "a test runs or does not exist",
              r"\bDISABLED_": "a test runs or does not exist",
              r"^\s*#\s*if 0\b": "dead code",
              r"\b(TODO|FIXME|XXX)\b": "finish it, or write down the limit"}
    for name, lines in tree.sources().items():
        for number, line in enumerate(lines, 1):
            for pattern, why in banned.items():
                if re.search(pattern, line):
                    yield f"{name}:{number}: {line.strip()}: {why}"


def check_dead_files(tree):
    """Every .cc is named by the CMakeLists.txt of its folder."""
    for name in tree.sources():
        if not name.endswith(".cc"):
            continue
        lists = tree.files.get(os.path.join(os.path.dirname(name), "CMakeLists.txt"), [])
        if not any(re.search(r"(^|[\s(])" + re.escape(os.path.basename(name)) + r"($|[\s)])", line)
                   for line in lists):
            if not any(name in line for lines in tree.files.values() for line in lines
                       if "PROJECT_SOURCE" in line):
                yield f"{name}:1: no CMakeLists.txt builds it"


def packages(tree):
    return {line for line in tree.files.get("scripts/packages.txt", []) if line and not line.startswith("#")}


def check_packages(tree):
    """What the build and the scripts need is named in scripts/packages.txt."""
    named = packages(tree)
    for name, lines in tree.files.items():
        if name.endswith(("CMakeLists.txt", ".cmake", ".cmake.in")):
            for number, line in enumerate(lines, 1):
                for module in re.findall(r"\bfind_(?:package|dependency)\((\S+?)[\s)]", line):
                    if module.startswith("$"):
                        continue
                    if module not in PACKAGE_OF_MODULE:
                        yield f"{name}:{number}: tests/repo/layers.py names no package for {module}"
                    elif PACKAGE_OF_MODULE[module] and PACKAGE_OF_MODULE[module] not in named:
                        yield f"{name}:{number}: {PACKAGE_OF_MODULE[module]} is not in scripts/packages.txt"
    for name, lines in tree.scripts().items():
        for number, line in enumerate(lines, 1):
            code = line.split("#")[0] if line.lstrip().startswith("#") else line
            for installed in re.findall(r"\bapt(?:-get)? install\s+(.*)", code):
                for word in installed.split():
                    if not word.startswith(("-", "$", '"$')) and word not in named:
                        yield f"{name}:{number}: {word} is not in scripts/packages.txt"
            for command, package in PACKAGE_OF_COMMAND.items():
                if package not in named and re.search(
                        r"(^|[|;&(`]|\b(xargs|env|exec|then|do|if)\b[^|;&]*?)\s*" + re.escape(command) + r"(\s|$)", code):
                    yield f"{name}:{number}: {command} needs {package}, which is not in scripts/packages.txt"


RULES = [check_layers, check_homes, check_public_headers, check_headers, check_sizes, check_constructors, check_classes,
         check_sleeps, check_escapes, check_dead_files, check_packages, check_links, check_docs_index, check_prose,
         check_identifiers]
