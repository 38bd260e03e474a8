#include "engine/policy/verifier.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>

#include "base/check.h"
#include "engine/policy/built_in_files.h"

namespace nearhit {
namespace {

bool ReadNumber(std::string_view text, float* value) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

// Takes the next line that says something.
std::string_view NextLine(std::string_view* file) {
  while (!file->empty()) {
    const std::size_t end = std::min(file->find('\n'), file->size());
    const std::string_view line = file->substr(0, end);
    file->remove_prefix(std::min(end + 1, file->size()));
    if (!line.empty() && !line.starts_with('#')) {
      return line;
    }
  }
  return {};
}

// "name value"
bool ReadLine(std::string_view line, std::string_view name, float* value) {
  return line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ' &&
         ReadNumber(line.substr(name.size() + 1), value);
}

}  // namespace

const Verifier& Verifier::Shared() {
  static const Verifier verifier = [] {
    Result<Verifier> read = Read(kVerifierFile);
    NEARHIT_CHECK(read.ok());
    return *std::move(read);
  }();
  return verifier;
}

Result<Verifier> Verifier::Read(std::string_view file) {
  Verifier verifier;
  if (NextLine(&file) != "[weights]" || !ReadLine(NextLine(&file), "bias", &verifier.bias_)) {
    return InvalidArgument("weights begin with [weights] and the bias");
  }
  for (std::size_t i = 0; i < kPairFeatureNames.size(); ++i) {
    if (!ReadLine(NextLine(&file), kPairFeatureNames[i], &verifier.weights_[i])) {
      return InvalidArgument("the weight of " + std::string(kPairFeatureNames[i]) +
                             " is not in its place");
    }
  }
  if (NextLine(&file) != "[budgets]") {
    return InvalidArgument("budgets begin with [budgets]");
  }
  for (std::string_view line = NextLine(&file); !line.empty(); line = NextLine(&file)) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    float share = 0;
    float score = 0;
    const bool is_pair = ReadNumber(line.substr(0, blank), &share) &&
                         ReadNumber(line.substr(std::min(blank + 1, line.size())), &score);
    const bool is_next = verifier.budgets_.empty() || (share > verifier.budgets_.back().first &&
                                                       score <= verifier.budgets_.back().second);
    if (!is_pair || !is_next) {
      return InvalidArgument("a budget is no share and score, or not in order");
    }
    verifier.budgets_.emplace_back(share, score);
  }
  if (verifier.budgets_.empty()) {
    return InvalidArgument("there is no budget");
  }
  return verifier;
}

float Verifier::Score(const PairFeatures& features) const {
  float score = bias_;
  for (std::size_t i = 0; i < features.size(); ++i) {
    score += features[i] * weights_[i];
  }
  return score;
}

float Verifier::LeastScore(float max_error) const {
  const auto above = std::upper_bound(
      budgets_.begin(), budgets_.end(), max_error,
      [](float share, const std::pair<float, float>& budget) { return share < budget.first; });
  return (above == budgets_.begin() ? above : above - 1)->second;
}

}  // namespace nearhit
