#include "engine/policy/verifier.h"

#include <algorithm>
#include <array>
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

// The words of a line; fewer are empty.
std::array<std::string_view, 3> Words(std::string_view line) {
  std::array<std::string_view, 3> words;
  for (std::string_view& word : words) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    word = line.substr(0, blank);
    line.remove_prefix(std::min(blank + 1, line.size()));
  }
  return words;
}

Status ReadWeights(std::string_view* file, LogisticModel* model, PairFeatures* scales) {
  const auto bias = Words(NextLine(file) == "[weights]" ? NextLine(file) : std::string_view());
  if (bias[0] != "bias" || !ReadNumber(bias[1], &model->bias)) {
    return InvalidArgument("weights begin with [weights] and the bias");
  }
  for (std::size_t i = 0; i < kPairFeatureNames.size(); ++i) {
    const auto words = Words(NextLine(file));
    if (words[0] != kPairFeatureNames[i] || !ReadNumber(words[1], &model->weights[i]) ||
        !ReadNumber(words[2], &(*scales)[i]) || !((*scales)[i] > 0)) {
      return InvalidArgument("weight and scale of " + std::string(kPairFeatureNames[i]) +
                             " are not in their place");
    }
  }
  return Status();
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
  NEARHIT_RETURN_IF_ERROR(ReadWeights(&file, &verifier.model_, &verifier.prior_.scales));
  LogisticModel& cosine = verifier.prior_.model;
  verifier.prior_.penalty = kPenalty;
  static_assert(kPairFeatureNames[0] == "cosine");
  const auto words = Words(NextLine(&file) == "[cosine]" ? NextLine(&file) : std::string_view());
  if (!ReadNumber(words[0], cosine.weights.data()) || !ReadNumber(words[1], &cosine.bias)) {
    return InvalidArgument("the regression on the cosine is not behind [cosine]");
  }
  if (NextLine(&file) != "[budgets]") {
    return InvalidArgument("budgets begin with [budgets]");
  }
  for (std::string_view line = NextLine(&file); !line.empty(); line = NextLine(&file)) {
    const auto pair = Words(line);
    float share = 0;
    float score = 0;
    const bool is_pair = ReadNumber(pair[0], &share) && ReadNumber(pair[1], &score);
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

float Verifier::LeastScore(float max_error) const {
  const auto above = std::upper_bound(
      budgets_.begin(), budgets_.end(), max_error,
      [](float share, const std::pair<float, float>& budget) { return share < budget.first; });
  return (above == budgets_.begin() ? above : above - 1)->second;
}

}  // namespace nearhit
