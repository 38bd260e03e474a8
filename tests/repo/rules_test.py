"""Shows that each rule fails on a tree that breaks it, and passes on one that does not."""

import os
import tempfile
import unittest

import rules

GOOD = {
    "CMakeLists.txt": "find_package(Threads REQUIRED)\nfind_package(GTest CONFIG REQUIRED)\n",
    "base/CMakeLists.txt": "add_library(base hash.cc)\n",
    "base/hash.h": '#pragma once\n\n#include <cstdint>\n\n#include "nearhit/status.h"\n',
    "base/hash.cc": '#include "base/hash.h"\n\n#include <xxhash.h>\n\nint Hash() {\n  return 1;\n}\n',
    "include/nearhit/status.h": "#pragma once\n\n#include <string>\n",
    "include/nearhit/result.h": '#pragma once\n\n#include "nearhit/status.h"\n',
    "README.md": "See [the docs](docs/README.md) and [base](base).\n",
    "docs/README.md": "- [API](api.md)\n- [Why](decisions/0001-why.md#context)\n",
    "docs/api.md": "# API\n",
    "docs/decisions/0001-why.md": "# Why\n\n## Context\n",
    "scripts/packages.txt": "# [build]\ncmake\nlibgtest-dev\n",
    "scripts/test": '#!/bin/sh\ncmake --build .\nsudo apt-get install -y "${missing[@]}"\n',
}


class RulesTest(unittest.TestCase):
    def problems(self, rule, changes):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **changes}.items():
                if text is None:
                    continue
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(rule(rules.Tree(root)))

    def assert_fails(self, rule, changes, expected):
        problems = self.problems(rule, changes)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(expected, problems[0])

    def test_a_good_tree_passes_every_rule(self):
        for rule in rules.RULES:
            with self.subTest(rule=rule.__name__):
                self.assertEqual(self.problems(rule, {}), [])

    def test_layers(self):
        check = rules.check_layers
        for name, include in {"base/bad.cc": "index/distance.h", "index/bad.cc": "engine/storage/keys.h",
                              "engine/cache/bad.cc": "index/flat_index.h",
                              "engine/storage/bad.cc": "engine/collection/collection.h",
                              "server/core/bad.cc": "engine/database/validate.h",
                              "examples/bad.cc": "base/hash.h",
                              "tests/index/bad.cc": "engine/storage/keys.h"}.items():
            with self.subTest(name=name):
                self.assert_fails(check, {name: f'#include "{include}"\n'}, f"may not include {include}")
        self.assert_fails(check, {"index/bad.cc": '#include "nearhit/v1/cache.pb.h"\n'}, "nearhit/v1")
        self.assert_fails(check, {"bench/peers/bad.cc": '#include "nearhit/types.h"\n'}, "may not include nearhit")
        self.assert_fails(check, {"index/bad.cc": '#include "../base/hash.h"\n'}, "../")
        self.assert_fails(check, {"base/bad.cc": '#include "base/hash.cc"\n'}, "is not a header")
        self.assert_fails(check, {"misc/bad.cc": "int x;\n"}, "does not say what misc/")

    def test_homes(self):
        check = rules.check_homes
        self.assert_fails(check, {"index/bad.cc": "#include <hnswlib/hnswlib.h>\n"}, "index/graph_store.cc")
        self.assert_fails(check, {"engine/cache/bad.cc": "#include <rocksdb/db.h>\n"}, "rocksdb_store.cc")
        self.assert_fails(check, {"base/bad.cc": "#include <gtest/gtest.h>\n"}, "tests")
        self.assert_fails(check, {"base/bad.cc": "#include <folly/FBString.h>\n"}, "no home")

    def test_public_headers(self):
        check = rules.check_public_headers
        name = "include/nearhit/bad.h"
        self.assert_fails(check, {name: "#include <unistd.h>\n"}, "standard library")
        self.assert_fails(check, {name: "#include <rocksdb/db.h>\n"}, "standard library")
        self.assert_fails(check, {name: '#include "base/hash.h"\n'}, "not a public header")

    def test_headers(self):
        check = rules.check_headers
        self.assert_fails(check, {"base/bad.h": "int x;\n"}, "#pragma once")
        self.assert_fails(check, {"base/bad.h": "#pragma once\nusing namespace std;\n"}, "using namespace")
        self.assert_fails(check, {"base/hash.cc": '#include <string>\n#include "base/hash.h"\n'}, "first include")

    def test_sizes(self):
        check = rules.check_sizes
        self.assert_fails(check, {"base/bad.cc": "int x;\n" * 401}, "401 lines")
        self.assert_fails(check, {"scripts/test": "true\n" * 401}, "401 lines")
        self.assert_fails(check, {"include/nearhit/bad.h": "int x;\n" * 251}, "251 lines")
        self.assert_fails(check, {"CMakeLists.txt": "option(A)\n" * 121}, "121 lines")
        self.assert_fails(check, {"base/bad.cc": "// " + "x" * 98 + "\n"}, "101 columns")
        long = "int x;\n\nvoid Long(\n    int a) {\n" + "  a = 1;\n\n" * 34 + "}\n"
        self.assert_fails(check, {"base/bad.cc": "namespace n {\n" + long + "}\n"}, "a function of 71 lines")
        short = "void Short() {\n" + "  int a = 1;\n" * 60 + "}\n\n"
        self.assertEqual(self.problems(check, {"base/fine.cc": "namespace n {\n\n" + short * 3 + "}\n"}), [])

    def test_constructors(self):
        body = "class Bad {\n public:\n  %s\n};\n"
        for constructor in ["Bad(int a) : a_(a) {}", "constexpr Bad(int a);", "Bad(const std::string& text) {"]:
            with self.subTest(constructor=constructor):
                self.assert_fails(rules.check_constructors, {"base/bad.h": body % constructor}, "is not explicit")
        for constructor in ["explicit Bad(int a);", "explicit(false) Bad(int a);", "Bad(const Bad& other);",
                            "Bad(Bad&& other) noexcept;", "Bad();", "Bad(int a, int b);", "return Bad(a);"]:
            with self.subTest(constructor=constructor):
                self.assertEqual(self.problems(rules.check_constructors, {"base/bad.h": body % constructor}), [])

    def test_classes(self):
        methods = ["  int F%d(int a) const { return G(a); }\n" % i for i in range(31)]
        text = "class Bad : public Base {\n public:\n  Bad();\n  int x_ = 0;\n%s};\n"
        self.assert_fails(rules.check_classes, {"base/bad.h": text % "".join(methods)}, "Bad has 31 methods")
        self.assertEqual(self.problems(rules.check_classes, {"base/bad.h": text % "".join(methods[1:])}), [])

    def test_sleeps(self):
        line = "  std::this_thread::sleep_for(std::chrono::seconds(1));\n"
        self.assert_fails(rules.check_sleeps, {"tests/base/bad.cc": line}, "a test sleeps")
        self.assertEqual(self.problems(rules.check_sleeps, {"base/fine.cc": line}), [])

    def test_escapes(self):
        for line in ["int x;  // NOLINT(some-check): reasons", '  GTEST_SKIP() << "slow";',
                     "TEST(Some, DISABLED_Test) {", "#if 0", "// TODO: later"]:
            with self.subTest(line=line):
                self.assert_fails(rules.check_escapes, {"base/bad.cc": line + "\n"}, line.strip())

    def test_dead_files(self):
        self.assert_fails(rules.check_dead_files, {"base/bad.cc": "int x;\n"}, "no CMakeLists.txt builds it")
        self.assert_fails(rules.check_dead_files, {"base/ash.cc": "int x;\n"}, "no CMakeLists.txt builds it")

    def test_links(self):
        check = rules.check_links
        self.assert_fails(check, {"docs/api.md": "[a](missing.md)\n"}, "leads nowhere")
        self.assert_fails(check, {"base/README.md": "[a](docs/api.md)\n"}, "leads nowhere")
        self.assert_fails(check, {"docs/api.md": "[a](README.md#missing)\n"}, "no such heading")
        fine = "[a](https://example.org/x) `[b](c)`\n```\n[d](e)\n```\n[f](#title)\n# Title\n"
        self.assertEqual(self.problems(check, {"docs/api.md": fine}), [])

    def test_docs_index(self):
        check = rules.check_docs_index
        self.assert_fails(check, {"docs/new.md": "# New\n"}, "does not link it")
        self.assert_fails(check, {"docs/decisions/0002-new.md": "# New\n"}, "does not link it")
        self.assertEqual(len(self.problems(check, {"docs/README.md": None})), 2)

    def test_packages(self):
        check = rules.check_packages
        self.assert_fails(check, {"CMakeLists.txt": "find_package(CURL REQUIRED)\n"}, "libcurl4-openssl-dev")
        self.assert_fails(check, {"CMakeLists.txt": "find_package(Folly REQUIRED)\n"}, "no package for Folly")
        self.assert_fails(check, {"cmake/x-config.cmake.in": "find_dependency(RocksDB CONFIG)\n"}, "librocksdb-dev")
        self.assert_fails(check, {"scripts/test": "apt-get install -y libboost-dev\n"}, "libboost-dev")
        self.assert_fails(check, {"scripts/test": "git ls-files | xargs -0 clang-format -i\n",
                                  "scripts/packages.txt": "cmake\nlibgtest-dev\ngit\n"}, "clang-format")
        self.assert_fails(check, {".ci/run": "gcovr --root .\n"}, "gcovr")

    def test_prose(self):
        check = rules.check_prose
        long = " ".join(["word"] * 36) + ".\n"
        self.assert_fails(check, {"docs/api.md": "# API\n\n" + long}, "docs/api.md:3: a sentence of 36 words")
        self.assert_fails(check, {"docs/api.md": "# API\n\n- Short.\n- Short. " + long}, "docs/api.md:4: a sentence")
        for text in ["| " + long, "```\n" + long + "```\n", "Two. " * 30 + "\n", "`" + long.strip() + "`\n"]:
            self.assertEqual(self.problems(check, {"docs/api.md": text}), [])
        self.assert_fails(check, {"docs/performance.md": "\n" * 121}, "docs/performance.md:1: 121 lines")
        self.assertEqual(self.problems(check, {"docs/performance.md": "\n" * 120}), [])

    def test_identifiers(self):
        check = rules.check_identifiers
        for code, expected in {"HashOf": "`HashOf` is not in the tree", "Gone": "`Gone` is not", "x::is_gone": "`is_gone`",
                               "gone.h": "`gone.h` is no file", "base/gone": "`base/gone` is no file",
                               "Hash::Other": "no file has all of `Hash::Other`"}.items():
            for name in ["base/README.md", "docs/architecture.md"]:
                with self.subTest(code=code, name=name):
                    changes = {"base/other.cc": "int Other;  // Gone\n", name: f"See `Hash` and `{code}`.\n"}
                    self.assert_fails(check, changes, f"{name}:1: {expected}")
        fine = "`Hash`, `Hash()`, `xxhash.h`, `hash.cc`, `base/hash`, `base/`, `packages.txt`, `a b_c`, `vocab.txt`\n"
        changes = {"base/fine.cc": 'Open("vocab.txt");\n#include <xxhash.h>\n', "base/README.md": fine}
        self.assertEqual(self.problems(check, changes), [])


if __name__ == "__main__":
    unittest.main()
