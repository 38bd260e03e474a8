"""The rules of documents: what they link to and name is there, and their sentences are short."""

import os
import re

MAX_SENTENCE_WORDS = 35
MAX_DOCUMENT_LINES = {"docs/performance.md": 120}


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def links(lines):
    in_code = False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                yield number, target


def anchors(lines):
    """The anchors that headings of a document get."""
    for line in lines:
        if line.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            yield title.replace(" ", "-")


def check_links(tree):
    """A relative link in a document leads to something."""
    for name, lines in tree.files.items():
        if not name.endswith(".md"):
            continue
        for number, target in links(lines):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            aim = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if aim not in tree.files and aim not in tree.folders and \
               not any(folder.startswith(aim + "/") for folder in tree.folders):
                yield f"{name}:{number}: {target} leads nowhere"
            elif anchor and aim in tree.files and anchor not in anchors(tree.files[aim]):
                yield f"{name}:{number}: {target}: no such heading"


def check_docs_index(tree):
    """docs/README.md names every document."""
    index = "docs/README.md"
    linked = {os.path.normpath(os.path.join("docs", target.partition("#")[0]))
              for _, target in links(tree.files.get(index, []))}
    for name in tree.files:
        if name.startswith("docs/") and name.endswith(".md") and name != index and name not in linked:
            yield f"{name}:1: {index} does not link it"


def paragraphs(lines):
    """(line number, text) of each paragraph and list item outside code, tables and headings."""
    in_code = False
    start, words = 0, []
    for number, line in enumerate(lines + [""], 1):
        fence = line.lstrip().startswith("```")
        in_code ^= fence
        text = "" if fence or in_code else line.strip()
        item = re.match(r"([-*]|\d+\.) +", text)
        if item or not text or text.startswith(("|", "#", "<")):
            if words:
                yield start, " ".join(words)
            words = []
            if not item:
                continue
            text = text[item.end():]
        if not words:
            start = number
        words.append(text)


def sentences(text):
    """Each piece of code counts as one word."""
    text = re.sub(r"`[^`]*`", "CODE", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.split(r"(?<=[.!?])\s+(?=[A-Z\d\"(*])", text)


def check_prose(tree):
    """Documents have short sentences, and none is too long as a whole."""
    for name, lines in tree.files.items():
        if not name.endswith(".md"):
            continue
        for number, text in paragraphs(lines):
            for sentence in sentences(text):
                words = len(sentence.split())
                if words > MAX_SENTENCE_WORDS:
                    yield f"{name}:{number}: a sentence of {words} words, the limit is {MAX_SENTENCE_WORDS}"
        limit = MAX_DOCUMENT_LINES.get(name)
        if limit and len(lines) - 1 > limit:
            yield f"{name}:1: {len(lines) - 1} lines, the limit is {limit}"


NAMED_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(h|cc|proto|md|py|txt|toml|cmake|json|jsonl|tsv|hex)|[\w.-]+(/[\w.-]+)+/?")


def code_words(tree):
    """File -> the words of its code, without comments of C++."""
    words = {}
    for name, lines in tree.files.items():
        if name.endswith(".md") or os.path.dirname(name) == "tests/repo":
            continue
        if name.endswith((".h", ".cc")):
            lines = [line.split("//")[0] for line in lines]
        words[name] = set(re.findall(r"\w+", "\n".join(lines)))
    return words


def is_path(tree, code):
    """Whether a file, with or without its ending, or a folder ends like this. Or a source opens or includes it."""
    aim = "/" + code.rstrip("/")
    for name in tree.names:
        if aim + "/" in "/" + name or ("/" + name).endswith(aim) or ("/" + os.path.splitext(name)[0]).endswith(aim):
            return True
    return any(f'"{code}"' in line or f"<{code}>" in line for lines in tree.sources().values() for line in lines)


def check_identifiers(tree):
    """A name in code style, in a README of a folder or the architecture, is one of the tree."""
    words = code_words(tree)
    known = set().union(*words.values())
    known |= {part for name in tree.names for part in re.findall(r"\w+", name)}
    for name, lines in tree.files.items():
        if name == "README.md" or not name.endswith("README.md") and name != "docs/architecture.md":
            continue
        for number, line in enumerate(lines, 1):
            for code in re.findall(r"`([^`]*)`", line):
                if NAMED_FILE.fullmatch(code):
                    if not is_path(tree, code):
                        yield f"{name}:{number}: `{code}` is no file of the tree"
                elif re.fullmatch(r"[\w:]+(\(\))?", code):
                    parts = [part for part in re.findall(r"\w+", code)
                             if re.search(r"[a-z][A-Z_]|[A-Z][a-z]", part)]
                    missing = [part for part in parts if part not in known]
                    if missing:
                        yield f"{name}:{number}: `{missing[0]}` is not in the tree"
                    elif len(parts) > 1 and not any(there.issuperset(parts) for there in words.values()):
                        yield f"{name}:{number}: no file has all of `{code}`"
