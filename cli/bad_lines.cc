#include "cli/bad_lines.h"

namespace nearhit {

Status BadLines::Open(const std::string& path, bool append, std::ostream* err) {
  err_ = err;
  if (!path.empty()) {
    file_.open(path, append ? std::ios::app : std::ios::trunc);
    to_file_ = true;
    if (!file_) {
      return InvalidArgument(path + ": cannot be written");
    }
  }
  return {};
}

void BadLines::Report(std::uint64_t line, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  ++count_;
  if (to_file_) {
    file_ << line << '\t' << reason << '\n' << std::flush;
    if (file_) {
      return;
    }
    to_file_ = false;
    *err_ << "the file of bad lines cannot be written\n";
  }
  ++printed_;
  if (printed_ <= 10) {
    *err_ << "line " << line << ": " << reason << '\n';
  } else if (printed_ == 11) {
    *err_ << "more bad lines are not shown; see --bad-lines\n";
  }
}

std::uint64_t BadLines::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace nearhit
