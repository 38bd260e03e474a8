#!/usr/bin/env python3
"""Compares our token ids with those of Hugging Face's tokenizers, the reference.

    bench/peers/check_tokenizer.py --program build/release/bin/print_tokens --model FOLDER [FILE...]

Takes every line of the files (.txt, .txt.gz), --generated strings made of all that Unicode has, and every code point
between two letters and before combining marks. The last two are taken again with a vocabulary in which every code
point is a piece, where no unknown word hides how it was normalised. The reference is installed into a virtual
environment (--venv), at the version that engine/model/unicode_tables.cc was made with. Ends with 1 when one text
differs.
"""

import argparse
import gzip
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import environment

REFERENCE = "tokenizers==0.22.1"
BATCH = 2000
SURROGATES = range(0xD800, 0xE000)

# Code points that texts are made of: name -> ranges.
POOLS = {
    "letters": [(0x41, 0x5A), (0x61, 0x7A)],
    "lower": [(0x61, 0x7A)],
    "digits": [(0x30, 0x39)],
    "ascii": [(0x20, 0x7E)],
    "controls": [(0x00, 0x1F), (0x7F, 0x9F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFFF9, 0xFFFD)],
    "spaces": [(0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
               (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)],
    "latin": [(0xA1, 0x24F), (0x1E00, 0x1EFF)],
    "marks": [(0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x20D0, 0x20F0), (0xFE20, 0xFE2F),
              (0x302A, 0x302F), (0x1D165, 0x1D172)],
    "greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF)],
    "cyrillic": [(0x400, 0x52F)],
    "hebrew": [(0x591, 0x5F4), (0xFB1D, 0xFB4F)],
    "arabic": [(0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)],
    "indic": [(0x900, 0xDFF)],
    "thai": [(0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF)],
    "hangul": [(0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97C), (0xD7B0, 0xD7FB)],
    "ideographs": [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x2EBE0), (0x2F800, 0x2FA1F)],
    "kana": [(0x3000, 0x30FF), (0x31F0, 0x31FF), (0xFF61, 0xFF9F)],
    "symbols": [(0x2000, 0x2BFF), (0x3200, 0x33FF), (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF)],
    "emoji": [(0x1F300, 0x1FAFF), (0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF), (0x200D, 0x200D), (0xFE0E, 0xFE0F),
              (0xE0020, 0xE007F), (0x2600, 0x27BF)],
    "new": [(0x1C80, 0x1C8A), (0xA7C0, 0xA7F1), (0x10D40, 0x10D85), (0x11900, 0x11946), (0x1E000, 0x1E4FF)],
    "private": [(0xE000, 0xF8FF), (0xF0000, 0xF0100), (0x10FFF0, 0x10FFFF)],
    "any": [(0x00, 0x10FFFF)],
}
MARKS = "\u0334\u0301\u0327\u302e"  # of four combining classes, not in their order
LITERALS = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[cls]", "[ SEP ]", "[[CLS]]", "[CLS", "[MASK][MASK]",
            "[unused7]", "##", "##ing", "don't", "e.g.", "C++", "\u0130stanbul",
            "\u00df", "\ufb01", "\u1e9e", "\u03a3\u03c2"]


class Generator:
    """Strings that mix scripts, marks, controls, special tokens and words of the vocabulary."""

    def __init__(self, seed, words):
        self.random = random.Random(seed)
        self.words = words

    def code_point(self, pool):
        while True:
            first, last = self.random.choice(POOLS[pool])
            code = self.random.randint(first, last)
            if code not in SURROGATES:
                return chr(code)

    def run(self, pool, length):
        return "".join(self.code_point(pool) for _ in range(length))

    def part(self):
        kind = self.random.random()
        if kind < 0.25:
            word = self.random.choice(self.words)
            if self.random.random() < 0.4:
                word = "".join(c.upper() if self.random.random() < 0.5 else c for c in word)
            if self.random.random() < 0.4:
                at = self.random.randint(0, len(word))
                word = word[:at] + self.code_point(self.random.choice(list(POOLS))) + word[at:]
            return word
        if kind < 0.33:
            return self.random.choice(LITERALS)
        if kind < 0.36:  # around the longest word that is read
            return self.run(self.random.choice(["lower", "latin", "hangul", "cyrillic"]), self.random.randint(96, 104))
        if kind < 0.45:  # a letter under many marks
            return self.code_point("letters") + self.run("marks", self.random.randint(1, 8))
        return self.run(self.random.choice(list(POOLS)), self.random.randint(1, 12))

    def text(self):
        glue = ["", " ", " ", " ", ", ", "\t", "\n", "-", "\u00a0", "\u200d"]
        return "".join(self.part() + self.random.choice(glue) for _ in range(self.random.randint(0, 12)))


def fixed_texts():
    yield from ["", " ", "\0", "[CLS]", "a" * 100, "a" * 101, "a\u0301" * 100, "\u1100\u1161\u11a8" * 40]
    for unit in ["a", "A", "\u0301", "\u0334\u0301\u0327", "[", "[CLS]", "[CL", "\u4e2d", "\uac01", "\U0001f600", " ",
                 ".", "\u0130", "\0", "\ufffd", "word ", "\u00e9"]:
        yield unit * (100_000 // len(unit))


def every_code_point():
    for code in range(0x110000):
        if code not in SURROGATES:
            yield "x" + chr(code) + "y" + chr(code) + MARKS


def lines_of(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        for line in file.read().split(b"\n"):
            yield line.decode("utf-8", errors="replace").rstrip("\r")


def load_reference(folder):
    import tokenizers
    path = os.path.join(folder, "tokenizer.json")
    if os.path.exists(path):
        reference = tokenizers.Tokenizer.from_file(path)
        reference.no_truncation()
        reference.no_padding()
        return reference
    settings = {}
    if os.path.exists(os.path.join(folder, "tokenizer_config.json")):
        with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
            settings = json.load(file)
    made = tokenizers.BertWordPieceTokenizer(
        os.path.join(folder, "vocab.txt"), lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True))
    made.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])
    return made


def write_every_piece(folder):
    """A tokenizer of which every code point is a piece, alone and within a word."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    for code in range(1, 0x110000):
        if code not in SURROGATES:
            pieces += [chr(code), "##" + chr(code)]
    added = [{"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, piece in enumerate(pieces[:4])]
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                           "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": None,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": {piece: i for i, piece in enumerate(pieces)}},
        }, file, ensure_ascii=False)


class Ours:
    """The ids that our program prints."""

    def __init__(self, program, folder):
        self.command = [program, folder]

    def encode(self, texts):
        blobs = [text.encode("utf-8") for text in texts]
        data = b"".join(struct.pack("<I", len(blob)) + blob for blob in blobs)
        out = subprocess.run(self.command, input=data, stdout=subprocess.PIPE, check=True).stdout
        at = 0
        for _ in texts:
            (count,) = struct.unpack_from("<I", out, at)
            yield list(struct.unpack_from(f"<{count}i", out, at + 4))
            at += 4 + 4 * count


def compare(name, texts, reference, ours):
    """Prints how many texts there were and the first that differ; returns the number of those."""
    began = time.monotonic()
    count = tokens = different = 0
    texts = iter(texts)
    while batch := list(itertools.islice(texts, 50 * BATCH)):
        theirs = []
        for start in range(0, len(batch), BATCH):
            theirs += [encoding.ids for encoding in reference.encode_batch(batch[start:start + BATCH])]
        for text, want, got in zip(batch, theirs, ours.encode(batch)):
            count += 1
            tokens += len(want)
            if want != got:
                different += 1
                if different <= 5:
                    print(f"  differs: {text[:80]!r}\n    reference {want[:40]}\n    ours      {got[:40]}")
    seconds = time.monotonic() - began
    print(f"{name}: {count} texts, {tokens} tokens, {different} different, {seconds:.1f} s")
    return different


def compare_generated(what, options, generator, reference, ours):
    different = compare("generated" + what, (generator.text() for _ in range(options.generated)), reference, ours)
    different += compare("long and odd" + what, fixed_texts(), reference, ours)
    if not options.no_code_points:
        different += compare("every code point" + what, every_code_point(), reference, ours)
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="print_tokens")
    parser.add_argument("--model", required=True, help="folder with tokenizer.json or vocab.txt")
    parser.add_argument("--venv", default="build/peers-venv")
    parser.add_argument("--generated", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-code-points", action="store_true", help="leaves out the runs over every code point")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    environment.enter(options.venv, [REFERENCE])

    reference = load_reference(options.model)
    ours = Ours(options.program, options.model)
    words = [word.replace("##", "") for word in sorted(reference.get_vocab())] or ["word"]
    generator = Generator(options.seed, words)
    different = 0
    for path in options.files:
        different += compare(os.path.basename(path), lines_of(path), reference, ours)
    different += compare_generated("", options, generator, reference, ours)
    if not options.no_code_points:
        with tempfile.TemporaryDirectory() as folder:
            write_every_piece(folder)
            different += compare_generated(", every piece known", options, generator, load_reference(folder),
                                           Ours(options.program, folder))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
