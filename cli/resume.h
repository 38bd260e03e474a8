// How far an import got, in a small file beside its input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

struct ResumeState {
  std::string name;              // the namespace
  std::uint64_t file_bytes = 0;  // with the time of change: is it still the same file?
  std::int64_t modified_ns = 0;
  std::uint64_t line = 0;  // everything up to here is stored

  friend bool operator==(const ResumeState&, const ResumeState&) = default;
};

std::filesystem::path ResumePath(const std::filesystem::path& input);

// The state before the first line. Errors: kInvalidArgument when `input` is no regular file.
Result<ResumeState> FreshResumeState(const std::filesystem::path& input, const std::string& name);

// What an earlier import of the same file into the same namespace left; `fresh` when there is
// nothing. Errors: kFailedPrecondition when the state is of another file or namespace, or cannot be
// understood.
Result<ResumeState> LoadResumeState(const std::filesystem::path& input, const ResumeState& fresh);

// Writes beside and renames, so that a killed process leaves the old state or the new one.
Status SaveResumeState(const std::filesystem::path& input, const ResumeState& state);

}  // namespace nearhit
