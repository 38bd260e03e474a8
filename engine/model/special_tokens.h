// Tokens that are looked for in the text itself, before anything is normalised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearhit {

struct SpecialToken {
  std::string content;  // not empty
  std::int32_t id;
};

// Finds the leftmost special token of a text, the longest of those that begin there.
//
// Thread-safety: thread-safe; it does not change once made.
class SpecialTokens {
 public:
  struct Match {
    std::size_t begin;
    std::size_t end;
    std::int32_t id;
  };

  explicit SpecialTokens(std::vector<SpecialToken> tokens);

  // The first match at or after `from`. Cost: a table look-up for each byte.
  std::optional<Match> Find(std::string_view text, std::size_t from) const;

 private:
  std::vector<SpecialToken> tokens_;  // longest first
  std::array<bool, 256> begins_{};    // bytes that a token begins with
};

}  // namespace nearhit
