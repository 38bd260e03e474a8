"""What a C++ source declares, read by patterns: enough to count the methods of its classes."""

import re


def classes(text):
    """Yields (name, body) of each class and struct, nested ones too, without comments and strings."""
    text = re.sub(r'"(\\.|[^"\\])*"', '""', re.sub(r"//[^\n]*", "", text))
    head = r"\b(?:class|struct)\s+(?:NEARHIT_\w+\s+)?(?:alignas\([^;{]*\)\s+)?([\w:]+)\s*(?:final\s*)?(?::[^:{;][^{;]*)?\{"
    for found in re.finditer(head, text):
        depth, end = 1, found.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield found.group(1).split("::")[-1], text[found.end():end - 1]


def count_methods(name, body):
    """Member functions that a class declares, but for constructors, destructor and operators."""
    flat, depth = [], 0
    for character in body:
        if character == "{":
            flat.append(";" if depth == 0 else "")
            depth += 1
        elif character == "}":
            depth -= 1
        elif depth == 0:
            flat.append(character)
    count = 0
    for declaration in "".join(flat).split(";"):
        declaration = re.sub(r"\b(public|private|protected):|NEARHIT_\w+(\([^()]*\))?", "", declaration).strip()
        function = re.search(r"(~?\w+|operator\W+)\s*\(", declaration)
        if function is None or re.match(r"(using|friend|enum|static_assert)\b", declaration):
            continue
        word = function.group(1).lstrip("~")
        count += word != name and not word.startswith("operator") and "std::function<" not in \
            declaration[:function.start()]
    return count
