// What a prompt says that its answer depends on, taken from the text alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/quantities.h"
#include "engine/policy/question.h"
#include "engine/policy/text_words.h"

namespace nearhit {

// Thread-safety: immutable once made.
// Cost: one pass over the text and one hash lookup a word; some microseconds for a question.
class PromptFacts {
 public:
  explicit PromptFacts(std::string_view text);
  ~PromptFacts() = default;
  PromptFacts(const PromptFacts&) = delete;
  PromptFacts& operator=(const PromptFacts&) = delete;

  const TextWords& text() const { return text_; }
  const std::vector<Word>& words() const { return text_.words(); }
  const std::vector<Quantity>& quantities() const { return quantities_; }
  Question question() const { return question_; }

  // Sets, sorted.
  const std::vector<std::uint16_t>& times() const { return times_; }
  const std::vector<std::uint16_t>& currencies() const { return currencies_; }
  const std::vector<std::uint16_t>& places() const { return places_; }
  const std::vector<std::uint16_t>& products() const { return products_; }
  const std::vector<std::string>& versions() const { return versions_; }
  const std::vector<std::string>& identifiers() const { return identifiers_; }
  const std::vector<std::string>& quoted() const { return quoted_; }
  const std::vector<std::string>& links() const { return links_; }
  const std::vector<std::string_view>& stems() const { return stems_; }

  int negations() const { return negations_; }
  bool male() const { return male_; }
  bool female() const { return female_; }
  bool fresh() const { return fresh_; }
  bool action() const { return action_; }

 private:
  void ReadWords(const std::vector<bool>& in_quantity);

  const TextWords text_;
  std::vector<Quantity> quantities_;
  Question question_ = Question::kNone;
  std::vector<std::uint16_t> times_;
  std::vector<std::uint16_t> currencies_;
  std::vector<std::uint16_t> places_;
  std::vector<std::uint16_t> products_;
  std::vector<std::string> versions_;
  std::vector<std::string> identifiers_;
  std::vector<std::string> quoted_;
  std::vector<std::string> links_;
  std::vector<std::string_view> stems_;
  int negations_ = 0;
  bool male_ = false;
  bool female_ = false;
  bool fresh_ = false;
  bool action_ = false;
};

}  // namespace nearhit
