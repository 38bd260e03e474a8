#include "server/dialect/usage.h"

#include <algorithm>
#include <array>
#include <vector>

#include "server/dialect/json_edit.h"
#include "server/dialect/sse.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kUsage = "usage";

// The member with the answer in events that have one around its usage.
std::string_view AnswerMember(Api api) {
  switch (api) {
    case Api::kMessages:
      return "message";
    case Api::kResponses:
      return "response";
    default:
      return {};
  }
}

// Most events have none. A name may be written with escapes.
bool MayHaveUsage(std::string_view text) {
  return text.find(kUsage) != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

// Whether what `edited` lacks is a member that is null.
bool LacksNull(std::string_view line, std::string_view edited) {
  constexpr std::size_t kMost = 20;  // the member with a comma and some blanks
  const std::size_t lacking = line.size() - edited.size();
  const auto begin = static_cast<std::size_t>(
      std::mismatch(edited.begin(), edited.end(), line.begin()).first - edited.begin());
  const std::string_view member = line.substr(begin, lacking);
  return lacking <= kMost && member.find("null") != std::string_view::npos &&
         member.find('{') == std::string_view::npos;
}

}  // namespace

std::string WithZeroUsage(Api api, std::string_view json) {
  if (!MayHaveUsage(json)) {
    return std::string(json);
  }
  std::string edited = WithZeros(json, std::array{kUsage});
  if (const std::string_view around = AnswerMember(api); !around.empty()) {
    edited = WithZeros(edited, std::array{around, kUsage});
  }
  return edited;
}

std::string BlockWithZeroUsage(Api api, std::string_view block) {
  if (!MayHaveUsage(block)) {
    return std::string(block);
  }
  std::string data;
  const std::vector<std::string_view> lines = DataLines(block);
  for (const std::string_view line : lines) {
    data.append(line).append("\n");
  }
  data.resize(data.size() - (lines.empty() ? 0 : 1));
  // A number has no line end within it: the lines stay as many.
  const std::string edited = WithZeroUsage(api, data);
  std::string_view left = edited;
  std::string out;
  std::size_t kept = 0;  // everything before is in `out`
  for (const std::string_view line : lines) {
    const auto begin = static_cast<std::size_t>(line.data() - block.data());
    const std::size_t end = std::min(left.find('\n'), left.size());
    out.append(block.substr(kept, begin - kept)).append(left.substr(0, end));
    kept = begin + line.size();
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return out.append(block.substr(kept));
}

std::string BlockWithoutNullUsage(Api api, std::string_view block) {
  const bool has_usage = api == Api::kChat || api == Api::kCompletions;
  if (!has_usage || block.find("null") == std::string_view::npos || !MayHaveUsage(block)) {
    return std::string(block);
  }
  const std::vector<std::string_view> lines = DataLines(block);
  if (lines.size() != 1 || !lines.front().starts_with('{')) {
    return std::string(block);
  }
  const std::string_view line = lines.front();
  const std::string edited = WithoutMember(line, kUsage);
  if (!LacksNull(line, edited)) {
    return std::string(block);
  }
  const auto begin = static_cast<std::size_t>(line.data() - block.data());
  return std::string(block.substr(0, begin)) + edited +
         std::string(block.substr(begin + line.size()));
}

}  // namespace nearhit::server
