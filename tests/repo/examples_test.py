"""Shows which examples are found and what becomes of them."""

import os
import tempfile
import unittest

import examples

HEADER = """// A thing.
//
//   Thing thing;
//   thing.Do();
//
// More of it:
//   Other();
#pragma once

//   not an example
"""
DOCUMENT = """# Use

```cpp
Thing thing;
```

```
not C++
```

```cpp
#include "nearhit/thing.h"

int main() {
}
```
"""


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for name, text in {"include/nearhit/thing.h": HEADER, "include/nearhit/other.h": "#pragma once\n",
                           "docs/use.md": DOCUMENT, "README.md": "# None\n"}.items():
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        self.found = dict(examples.sources(self.root, list(examples.documents_of(self.root)),
                                           examples.headers_of(self.root)))

    def place(self, number, path):
        return f'#line {number} "{os.path.join(self.root, path)}"\n'

    def test_every_example_has_a_source(self):
        self.assertEqual(sorted(self.found), ["docs_use_1.cc", "docs_use_2_main.cc", "include_nearhit_thing_1.cc",
                                              "include_nearhit_thing_2.cc"])

    def test_a_part_of_a_document_sees_every_header(self):
        text = self.found["docs_use_1.cc"]
        self.assertTrue(text.startswith('#include "nearhit/other.h"\n#include "nearhit/thing.h"\n'), text)
        self.assertIn("Status Example() {\n" + self.place(4, "docs/use.md") + "Thing thing;\nreturn Status();\n", text)

    def test_a_part_of_a_header_sees_that_header(self):
        text = self.found["include_nearhit_thing_1.cc"]
        self.assertTrue(text.startswith('#include "nearhit/thing.h"\nnamespace'), text)
        self.assertIn(self.place(3, "include/nearhit/thing.h") + "Thing thing;\nthing.Do();\nreturn", text)
        self.assertIn(self.place(7, "include/nearhit/thing.h") + "Other();\nreturn",
                      self.found["include_nearhit_thing_2.cc"])

    def test_a_program_stays_as_it_is(self):
        self.assertEqual(self.found["docs_use_2_main.cc"],
                         self.place(12, "docs/use.md") + '#include "nearhit/thing.h"\n\nint main() {\n}\n')


if __name__ == "__main__":
    unittest.main()
