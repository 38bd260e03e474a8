#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include "base/check.h"

namespace nearhit {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "nearhit-XXXXXX").string();
  NEARHIT_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a leftover directory must not fail a test
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace nearhit
