"""The repository keeps its own rules: repo_test.py SOURCE_DIR. First the rules are shown to catch what they forbid."""

import sys
import unittest

import examples_test
import rules
import rules_test


def main():
    sys.dont_write_bytecode = True
    load = unittest.defaultTestLoader.loadTestsFromModule
    suite = unittest.TestSuite([load(rules_test), load(examples_test)])
    if not unittest.TextTestRunner().run(suite).wasSuccessful():
        return 1
    tree = rules.Tree(sys.argv[1])
    problems = [problem for rule in rules.RULES for problem in rule(tree)]
    for problem in problems:
        print(problem)
    print(f"{len(tree.files)} files, {len(rules.RULES)} rules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
