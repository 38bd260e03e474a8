#include "bench/workload/replay_data.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "formats/line_reader.h"

namespace nearhit::bench {

namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

// Joins what is the same.
class Groups {
 public:
  explicit Groups(std::size_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
  }
  std::size_t Find(std::size_t item) {
    while (parents_[item] != item) {
      parents_[item] = parents_[parents_[item]];
      item = parents_[item];
    }
    return item;
  }
  void Join(std::size_t a, std::size_t b) { parents_[Find(a)] = Find(b); }

 private:
  std::vector<std::size_t> parents_;
};

}  // namespace

Result<std::vector<LabelledPrompt>> ReadStream(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(const auto lines, LineReader::Open(path, kMaxLineBytes));
  std::vector<LabelledPrompt> prompts;
  std::string line;
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) {
      return prompts;
    }
    const auto json = nlohmann::json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("text") || !json["text"].is_string() ||
        !json.contains("label") || json["label"].is_structured()) {
      return InvalidArgument(path.string() + ":" + std::to_string(lines->line_number()) +
                             ": not an object with \"text\" and \"label\"");
    }
    prompts.push_back({.text = json["text"].get<std::string>(), .label = json["label"].dump()});
  }
}

std::vector<LabelledPrompt> StreamOf(const std::vector<LabelledPair>& pairs) {
  std::unordered_map<std::string, std::size_t> places;
  std::vector<LabelledPrompt> prompts;
  const auto place = [&](const std::string& text) {
    const auto [found, fresh] = places.emplace(text, prompts.size());
    if (fresh) {
      prompts.push_back({.text = text, .label = {}});
    }
    return found->second;
  };
  Groups groups(pairs.size() * 2);
  for (const LabelledPair& pair : pairs) {
    const std::size_t cached = place(pair.cached);
    const std::size_t asked = place(pair.asked);
    if (pair.same) {
      groups.Join(cached, asked);
    }
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    prompts[i].label = std::to_string(groups.Find(i));
  }
  return prompts;
}

Result<KnownVectors> KnownVectors::Read(const std::filesystem::path& texts,
                                        const std::filesystem::path& vectors) {
  KnownVectors known;
  NEARHIT_ASSIGN_OR_RETURN(known.vectors_, ReadVectorFile(vectors));
  NEARHIT_ASSIGN_OR_RETURN(const auto lines, LineReader::Open(texts, kMaxLineBytes));
  std::string line;
  std::size_t row = 0;
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) {
      break;
    }
    // `nearhit embed` writes zeros for a text that its model cannot read.
    const VectorView vector = row < known.vectors_.rows ? known.vectors_.row(row) : VectorView();
    if (std::any_of(vector.begin(), vector.end(), [](float component) { return component != 0; })) {
      known.rows_.emplace(line, row);
    }
    ++row;
  }
  if (row != known.vectors_.rows) {
    return InvalidArgument(texts.string() + " has " + std::to_string(row) + " lines, " +
                           vectors.string() + " " + std::to_string(known.vectors_.rows) + " rows");
  }
  return known;
}

VectorView KnownVectors::Find(const std::string& text) const {
  const auto found = rows_.find(text);
  return found == rows_.end() ? VectorView() : vectors_.row(found->second);
}

}  // namespace nearhit::bench
