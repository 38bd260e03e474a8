"""Writes the C++ examples of documents and public headers as sources: examples.py SOURCE_DIR OUT_DIR.

An example is a block ```cpp of a document, or what is indented by three spaces in the comment that a public header
begins with. One with a main is a program as it is. Any other is the body of a function in namespace nearhit that
returns a Status: in a document it sees every public header, in a header only that one. Prints the paths of the sources,
those of programs as <name>_main.cc. A source whose text has not changed is not written again.
"""

import os
import re
import sys


def document_examples(lines):
    """Yields (number of its first line, lines) of each ```cpp block."""
    begun = None
    for number, line in enumerate(lines, 1):
        if begun is None and line.strip() == "```cpp":
            begun = number + 1
        elif begun is not None and line.strip() == "```":
            yield begun, lines[begun - 1:number - 1]
            begun = None


def header_examples(lines):
    """Yields (number of its first line, lines) of each example in the comment at the top."""
    top = next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))
    block = []
    for number, line in enumerate(lines[:top] + [""], 1):
        if line.startswith("//   "):
            block.append(line[len("//   "):])
        elif block:
            yield number - len(block), block
            block = []


def source_of(path, number, lines, headers):
    """The text of a source, whose errors the compiler reports at the place of the example."""
    place = [f'#line {number} "{path}"', *lines]
    if is_program(lines):
        return "\n".join(place) + "\n"
    return "\n".join([*(f'#include "{header}"' for header in headers),
                      "namespace nearhit {", "namespace {", "[[maybe_unused]] Status Example() {", *place,
                      "return Status();", "}", "}  // namespace", "}  // namespace nearhit"]) + "\n"


def is_program(lines):
    return any(re.match(r"int main\b", line) for line in lines)


def sources(root, documents, headers):
    """Yields (name, text) of the source of each example; the arguments are paths below `root`."""
    public = [os.path.relpath(header, "include") for header in headers]
    for path in [*documents, *headers]:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            lines = file.read().split("\n")
        is_header = path in headers
        found = header_examples(lines) if is_header else document_examples(lines)
        for count, (number, example) in enumerate(found, 1):
            name = re.sub(r"\W", "_", os.path.splitext(path)[0]) + f"_{count}"
            yield (name + ("_main.cc" if is_program(example) else ".cc"),
                   source_of(os.path.join(root, path), number, example,
                             [os.path.relpath(path, "include")] if is_header else public))


def documents_of(root):
    for folder in [".", "docs", "docs/decisions"]:
        path = os.path.join(root, folder)
        for name in sorted(os.listdir(path) if os.path.isdir(path) else []):
            if name.endswith(".md"):
                yield os.path.normpath(os.path.join(folder, name))


def headers_of(root):
    path = "include/nearhit"
    return [os.path.join(path, name) for name in sorted(os.listdir(os.path.join(root, path))) if name.endswith(".h")]


def main():
    root, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    written = set()
    for name, text in sources(root, list(documents_of(root)), headers_of(root)):
        path = os.path.join(out, name)
        written.add(name)
        before = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                before = file.read()
        if text != before:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        print(path)
    for name in set(os.listdir(out)) - written:
        os.remove(os.path.join(out, name))


if __name__ == "__main__":
    main()
