#include "engine/policy/question.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace nearhit {
namespace {

template <std::size_t kSize>
bool Among(const std::array<std::string_view, kSize>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 14> kDegrees = {"much", "many", "long", "often", "old",
                                                       "far",  "big",  "tall", "large", "high",
                                                       "fast", "hard", "good", "deep"};
constexpr std::array<std::string_view, 7> kWays = {"way",   "ways", "method", "methods",
                                                   "steps", "step", "tips"};
constexpr std::array<std::string_view, 8> kHelpers = {"do",    "can", "should", "could",
                                                      "would", "did", "to",     "does"};
constexpr std::array<std::string_view, 7> kSomeone = {"i",       "you",    "we",    "one",
                                                      "someone", "people", "anyone"};
constexpr std::array<std::string_view, 6> kReasons = {"reason", "reasons", "cause",
                                                      "causes", "why",     "because"};
constexpr std::array<std::pair<std::string_view, Question>, 9> kAsking = {
    {{"what", Question::kWhat},
     {"which", Question::kWhat},
     {"who", Question::kWho},
     {"whom", Question::kWho},
     {"whose", Question::kWho},
     {"when", Question::kWhen},
     {"where", Question::kWhere},
     {"why", Question::kWhy},
     {"how", Question::kHow}}};
constexpr std::array<std::pair<std::string_view, Question>, 22> kVerbs = {
    {{"is", Question::kYesNo},      {"are", Question::kYesNo},   {"was", Question::kYesNo},
     {"were", Question::kYesNo},    {"do", Question::kYesNo},    {"does", Question::kYesNo},
     {"did", Question::kYesNo},     {"has", Question::kYesNo},   {"have", Question::kYesNo},
     {"had", Question::kYesNo},     {"am", Question::kYesNo},    {"can", Question::kCan},
     {"could", Question::kCan},     {"may", Question::kCan},     {"might", Question::kCan},
     {"should", Question::kShould}, {"must", Question::kShould}, {"shall", Question::kShould},
     {"will", Question::kWill},     {"would", Question::kWill},  {"isnt", Question::kYesNo},
     {"dont", Question::kYesNo}}};

template <typename Pairs>
Question Find(const Pairs& pairs, std::string_view word) {
  for (const auto& [each, question] : pairs) {
    if (each == word) {
      return question;
    }
  }
  return Question::kNone;
}

}  // namespace

Question QuestionOf(const TextWords& text) {
  if (text.language() != Language::kEn || text.is_mostly_other_script()) {
    return Question::kNone;
  }
  const std::vector<Word>& words = text.words();
  Question asking = Question::kNone;
  Question special = Question::kNone;
  for (std::size_t i = 0; i < words.size() && special == Question::kNone; ++i) {
    const std::string_view word = words[i].text;
    const std::string_view next = i + 1 < words.size() ? words[i + 1].text : "";
    const std::string_view third = i + 2 < words.size() ? words[i + 2].text : "";
    const Question asks = Find(kAsking, word);
    asking = asking == Question::kNone ? asks : asking;
    const bool is_how_to =
        (word == "how" && Among(kHelpers, next) && (next == "to" || Among(kSomeone, third))) ||
        (asking == Question::kWhat && Among(kWays, word));
    if (word == "how" && Among(kDegrees, next)) {
      special = Question::kHowMuch;
    } else if (is_how_to) {
      special = Question::kHowTo;
    } else if (asking == Question::kWhat && Among(kReasons, word)) {
      special = Question::kWhy;
    } else if (asking == Question::kWhat &&
               (word == "meaning" || word == "definition" || word == "mean" || word == "define")) {
      special = Question::kDefine;
    } else if (word == "difference" || word == "differences" || word == "differ" ||
               word == "compare") {
      special = Question::kCompare;
    }
  }
  const Question verb = words.empty() ? Question::kNone : Find(kVerbs, words.front().text);
  if (special != Question::kNone) {
    return special;
  }
  return verb != Question::kNone ? verb : asking;
}

}  // namespace nearhit
