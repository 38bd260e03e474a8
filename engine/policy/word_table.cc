#include "engine/policy/word_table.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/check.h"
#include "engine/policy/built_in_files.h"

namespace nearhit {
namespace {

constexpr std::array<std::pair<std::string_view, WordList>, 13> kLists = {
    {{"function", WordList::kFunction},
     {"negation", WordList::kNegation},
     {"male", WordList::kMale},
     {"female", WordList::kFemale},
     {"fresh", WordList::kFresh},
     {"quantities", WordList::kQuantities},
     {"prepositions", WordList::kPrepositions},
     {"modals", WordList::kModals},
     {"past", WordList::kPast},
     {"positive", WordList::kPositive},
     {"negative", WordList::kNegative},
     {"qualifiers", WordList::kQualifiers},
     {"actions", WordList::kActions}}};

constexpr std::array<std::pair<std::string_view, double WordFacts::*>, 3> kValues = {
    {{"numbers", &WordFacts::number},
     {"multipliers", &WordFacts::multiplier},
     {"ordinals", &WordFacts::ordinal}}};

constexpr std::array<std::pair<std::string_view, std::uint16_t WordFacts::*>, 5> kGroups = {
    {{"units", &WordFacts::unit},
     {"currencies", &WordFacts::currency},
     {"times", &WordFacts::time},
     {"places", &WordFacts::place},
     {"products", &WordFacts::product}}};

template <typename Pairs>
auto ValueOf(const Pairs& pairs, std::string_view name)
    -> std::optional<decltype(pairs.begin()->second)> {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [name](const auto& p) { return p.first == name; });
  return found == pairs.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> parts;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) {
      parts.push_back(line.substr(0, end));
    }
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return parts;
}

// "a=b" into its halves; the second is empty when there is none.
std::pair<std::string_view, std::string_view> Halves(std::string_view part, char between) {
  const std::size_t at = part.find(between, 1);
  return at == std::string_view::npos ? std::pair(part, std::string_view())
                                      : std::pair(part.substr(0, at), part.substr(at + 1));
}

bool ReadNumber(std::string_view text, double* value) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::string OppositesKey(std::string_view a, std::string_view b) {
  return std::string(std::min(a, b)) + "/" + std::string(std::max(a, b));
}

}  // namespace

const WordTable& WordTable::Shared() {
  static const WordTable table = [] {
    WordTable made;
    for (const WordFile& file : kWordFiles) {
      const auto at = std::find(kLanguageNames.begin(), kLanguageNames.end(), file.language);
      const auto language = static_cast<Language>(at - kLanguageNames.begin());
      NEARHIT_CHECK(made.Add(language, file.text).ok());
    }
    return made;
  }();
  return table;
}

Status WordTable::Add(Language language, std::string_view file) {
  std::string_view section;
  for (std::size_t number = 1; !file.empty(); ++number) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    if (line.starts_with('[') && line.ends_with(']')) {
      section = line.substr(1, line.size() - 2);
    } else if (Status added = AddLine(language, section, line); !added.ok()) {
      return InvalidArgument("line " + std::to_string(number) + ": " +
                             std::string(added.message()));
    }
  }
  return Status();
}

WordFacts* WordTable::FactsOf(Language language, std::string_view word) {
  std::vector<WordFacts>& all = facts_[std::string(word)];
  const auto found = std::find_if(all.begin(), all.end(), [language](const WordFacts& facts) {
    return facts.language == language;
  });
  if (found != all.end()) {
    return &*found;
  }
  all.push_back({.language = language});
  return &all.back();
}

std::uint16_t WordTable::GroupNumber(std::string_view section, std::string_view name) {
  const std::string key = std::string(section) + ":" + std::string(name);
  return groups_.try_emplace(key, static_cast<std::uint16_t>(groups_.size() + 1)).first->second;
}

Status WordTable::AddLine(Language language, std::string_view section, std::string_view line) {
  std::vector<std::string_view> parts = Split(line);
  const auto group = ValueOf(kGroups, section);
  std::string_view name;
  if (group || section == "persons" || section == "weights") {
    if (!parts.front().ends_with(':')) {
      return InvalidArgument("a group begins with its name and a colon");
    }
    name = parts.front().substr(0, parts.front().size() - 1);
    parts.erase(parts.begin());
  }
  for (const std::string_view part : parts) {
    const auto [word, value] = Halves(part, section == "opposites" ? '/' : '=');
    WordFacts* const facts = FactsOf(language, word);
    double number = 1;
    if (!value.empty() && section != "opposites" && section != "forms" &&
        !ReadNumber(value, &number)) {
      return InvalidArgument("a value is no number");
    }
    if (const auto list = ValueOf(kLists, section)) {
      facts->lists |= 1U << static_cast<unsigned>(*list);
    } else if (const auto field = ValueOf(kValues, section)) {
      facts->** field = number;
    } else if (group) {
      facts->** group = GroupNumber(section, name);
      facts->unit_scale = section == "units" ? number : facts->unit_scale;
    } else if (section == "persons") {
      facts->person = static_cast<std::uint8_t>(name.front() - '0');
    } else if (section == "weights") {
      facts->weight = static_cast<std::uint8_t>(name.front() - '0');
    } else if (section == "opposites") {
      opposites_.insert(OppositesKey(word, value));
      facts->has_opposite = true;
      FactsOf(language, value)->has_opposite = true;
    } else if (section == "forms") {
      facts->form = *forms_.insert(std::string(value)).first;
    } else {
      return InvalidArgument("no section has this name");
    }
  }
  return Status();
}

const std::vector<WordFacts>* WordTable::Find(std::string_view word) const {
  const auto found = facts_.find(word);
  return found == facts_.end() ? nullptr : &found->second;
}

bool WordTable::AreOpposites(std::string_view a, std::string_view b) const {
  return opposites_.contains(OppositesKey(a, b));
}

}  // namespace nearhit
