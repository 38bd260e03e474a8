// The streams of tests/data/dialect, and a stream as events.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/dialect/sse.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {

inline std::filesystem::path DialectData() {
  return std::filesystem::path(NEARHIT_SOURCE_DIR) / "tests/data/dialect";
}

inline std::string ReadDialectFile(const std::string& name) {
  std::ifstream file(DialectData() / name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Names of the files that end so, without the ending.
inline std::vector<std::string> DialectFiles(std::string_view ending) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(DialectData())) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) {
      names.push_back(name.substr(0, name.size() - ending.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct SseBlock {
  std::string name;
  std::string data;
  std::string raw;

  friend bool operator==(const SseBlock&, const SseBlock&) = default;
};

// Feeds pieces of a stream that are cut where `cuts` says, in ascending order.
inline std::vector<SseBlock> ReadBlocks(std::string_view stream,
                                        const std::vector<std::size_t>& cuts = {}) {
  std::vector<SseBlock> blocks;
  SseParser parser;
  const auto feed = [&](std::string_view piece) {
    EXPECT_THAT(parser.Feed(piece,
                            [&blocks](const SseEvent& event, std::string_view raw) {
                              blocks.push_back({event.name, event.data, std::string(raw)});
                            }),
                IsOk());
  };
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    feed(stream.substr(begin, cut - begin));
    begin = cut;
  }
  feed(stream.substr(begin));
  return blocks;
}

inline std::vector<SseEvent> ReadEvents(std::string_view stream) {
  std::vector<SseEvent> events;
  for (SseBlock& block : ReadBlocks(stream)) {
    events.push_back({std::move(block.name), std::move(block.data)});
  }
  return events;
}

}  // namespace nearhit::server
