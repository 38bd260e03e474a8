#include "formats/labelled_pairs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/csv.h"
#include "formats/line_reader.h"

namespace nearhit {

namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

constexpr std::array<const char*, 3> kLabelColumns = {"label", "is_duplicate", "is_same"};
constexpr std::array<std::array<const char*, 2>, 5> kTextColumns = {{{"text_a", "text_b"},
                                                                     {"cached", "asked"},
                                                                     {"q1", "q2"},
                                                                     {"question1", "question2"},
                                                                     {"sentence1", "sentence2"}}};

struct Columns {
  std::size_t label = 0;
  std::size_t cached = 0;
  std::size_t asked = 0;
};

std::size_t IndexOf(const std::vector<std::string>& header, const char* name) {
  return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
}

Result<Columns> FindColumns(const std::vector<std::string>& header) {
  Columns columns{.label = header.size(), .cached = header.size(), .asked = header.size()};
  for (const char* name : kLabelColumns) {
    columns.label = std::min(columns.label, IndexOf(header, name));
  }
  for (const auto& [cached, asked] : kTextColumns) {
    if (IndexOf(header, cached) < header.size() && IndexOf(header, asked) < header.size()) {
      columns.cached = IndexOf(header, cached);
      columns.asked = IndexOf(header, asked);
    }
  }
  if (columns.label == header.size() || columns.cached == header.size()) {
    return InvalidArgument("the first line must name a label column and two text columns");
  }
  return columns;
}

}  // namespace

Result<std::vector<LabelledPair>> ReadPairs(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(const auto lines, LineReader::Open(path, kMaxLineBytes));
  CsvReader reader(lines.get(), {.delimiter = '\t', .quotes = false});
  std::vector<std::string> fields;
  NEARHIT_ASSIGN_OR_RETURN(bool more, reader.Next(&fields));
  if (!more) {
    return InvalidArgument(path.string() + " is empty");
  }
  NEARHIT_ASSIGN_OR_RETURN(const Columns columns, FindColumns(fields));
  const std::size_t last = std::max({columns.label, columns.cached, columns.asked});
  std::vector<LabelledPair> pairs;
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(more, reader.Next(&fields));
    if (!more) {
      return pairs;
    }
    if (fields.size() <= last) {
      return InvalidArgument(path.string() + ":" + std::to_string(reader.record_line()) +
                             ": too few columns");
    }
    const std::string& label = fields[columns.label];
    if (label == "0" || label == "1") {
      pairs.push_back({.cached = std::move(fields[columns.cached]),
                       .asked = std::move(fields[columns.asked]),
                       .same = label == "1"});
    }
  }
}

}  // namespace nearhit
