#include "engine/model/special_tokens.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace nearhit {

SpecialTokens::SpecialTokens(std::vector<SpecialToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) {
    return a.content.size() > b.content.size();
  });
  for (const SpecialToken& token : tokens_) {
    NEARHIT_CHECK(!token.content.empty());
    begins_[static_cast<unsigned char>(token.content.front())] = true;
  }
}

std::optional<SpecialTokens::Match> SpecialTokens::Find(std::string_view text,
                                                        std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) {
      continue;
    }
    const std::string_view rest = text.substr(begin);
    const auto found =
        std::find_if(tokens_.begin(), tokens_.end(),
                     [rest](const SpecialToken& token) { return rest.starts_with(token.content); });
    if (found != tokens_.end()) {
      return Match{.begin = begin, .end = begin + found->content.size(), .id = found->id};
    }
  }
  return std::nullopt;
}

}  // namespace nearhit
