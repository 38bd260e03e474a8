#include "cli/resume.h"

#include <chrono>
#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

namespace nearhit {

std::filesystem::path ResumePath(const std::filesystem::path& input) {
  return input.string() + ".nearhit-progress";
}

Result<ResumeState> FreshResumeState(const std::filesystem::path& input, const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(input, error)) {
    return InvalidArgument("only the import of a regular file can be resumed");
  }
  ResumeState state;
  state.name = name;
  state.file_bytes = std::filesystem::file_size(input, error);
  const auto modified = std::filesystem::last_write_time(input, error).time_since_epoch();
  state.modified_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(modified).count();
  if (error) {
    return Unavailable(input.string() + ": " + error.message());
  }
  return state;
}

Result<ResumeState> LoadResumeState(const std::filesystem::path& input, const ResumeState& fresh) {
  const std::filesystem::path path = ResumePath(input);
  std::ifstream stream(path);
  if (!stream) {
    return fresh;
  }
  const auto json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  ResumeState state;
  try {
    state.name = json.at("namespace").get<std::string>();
    state.file_bytes = json.at("file_bytes").get<std::uint64_t>();
    state.modified_ns = json.at("modified_ns").get<std::int64_t>();
    state.line = json.at("line").get<std::uint64_t>();
  } catch (const nlohmann::json::exception&) {
    return FailedPrecondition(path.string() + " cannot be understood; remove it to begin again");
  }
  ResumeState same = fresh;
  same.line = state.line;
  if (state != same) {
    return FailedPrecondition(path.string() +
                              " is of another file or namespace; remove it to begin again");
  }
  return state;
}

Status SaveResumeState(const std::filesystem::path& input, const ResumeState& state) {
  const std::filesystem::path path = ResumePath(input);
  const std::filesystem::path temporary = path.string() + ".tmp";
  const nlohmann::json json = {{"namespace", state.name},
                               {"file_bytes", state.file_bytes},
                               {"modified_ns", state.modified_ns},
                               {"line", state.line}};
  std::ofstream stream(temporary, std::ios::trunc);
  stream << json.dump() << '\n';
  stream.close();
  std::error_code error;
  if (stream) {
    std::filesystem::rename(temporary, path, error);
  }
  if (!stream || error) {
    return Unavailable(path.string() + ": cannot be written");
  }
  return {};
}

}  // namespace nearhit
