// Where a bulk command reports the lines that it could not use.
#pragma once

#include <cstdint>
#include <fstream>
#include <mutex>
#include <ostream>
#include <string>

#include "nearhit/status.h"

namespace nearhit {

// Counts bad lines and writes "number TAB reason" to a file, or the first ten to a stream.
//
// Thread-safety: thread-safe after Open.
class BadLines {
 public:
  // `err` must outlive the object. `path` empty: to `err`. Errors: kInvalidArgument when the file
  // cannot be written.
  Status Open(const std::string& path, bool append, std::ostream* err);

  void Report(std::uint64_t line, const std::string& reason);

  std::uint64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::ofstream file_;
  std::ostream* err_ = nullptr;
  bool to_file_ = false;
  std::uint64_t count_ = 0;
  std::uint64_t printed_ = 0;
};

}  // namespace nearhit
