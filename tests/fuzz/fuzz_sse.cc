// Server-sent events. Input: a length byte and lengths of pieces; a stream. However it is cut, its
// events and blocks are the same; the blocks are the stream, and each says again what it said.

#include <algorithm>
#include <string>
#include <vector>

#include "server/dialect/sse.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit::server {
namespace {

struct Block {
  std::string name;
  std::string data;
  std::string raw;

  friend bool operator==(const Block&, const Block&) = default;
};

struct Stream {
  std::vector<Block> blocks;
  bool at_boundary = true;

  friend bool operator==(const Stream&, const Stream&) = default;
};

// `lengths` are those of the pieces, again and again.
Stream ReadInPieces(std::string_view text, std::string_view lengths) {
  Stream stream;
  SseParser parser;
  std::size_t piece = 0;
  while (!text.empty()) {
    const std::size_t length =
        lengths.empty() ? text.size() : static_cast<std::uint8_t>(lengths[piece % lengths.size()]);
    const Status fed = parser.Feed(text.substr(0, length), [&stream](const SseEvent& event,
                                                                     std::string_view raw) {
      stream.blocks.push_back({.name = event.name, .data = event.data, .raw = std::string(raw)});
    });
    FUZZ_CHECK(fed.ok());
    text.remove_prefix(std::min(length, text.size()));
    piece += 1;
    lengths = piece > 4096 ? std::string_view() : lengths;  // pieces may all be empty
  }
  stream.at_boundary = parser.at_boundary();
  return stream;
}

void CheckBlock(const Block& block) {
  std::string data;
  for (const std::string_view line : DataLines(block.raw)) {
    data.append(line).append("\n");
  }
  data.resize(data.size() - (data.empty() ? 0 : 1));
  FUZZ_CHECK(data == block.data);
  if (!data.empty() && (block.name + data).find('\r') == std::string::npos) {
    const Stream again = ReadInPieces(FormatSse(block.name, data), "");
    FUZZ_CHECK(again.at_boundary && again.blocks.size() == 1);
    FUZZ_CHECK(again.blocks[0].name == block.name && again.blocks[0].data == data);
  }
}

void Run(FuzzInput input) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const std::string_view lengths = input.Short();
  const std::string_view text = input.Rest();
  const Stream whole = ReadInPieces(text, "");
  FUZZ_CHECK(ReadInPieces(text, lengths) == whole);
  FUZZ_CHECK(ReadInPieces(text, "\1") == whole);
  std::size_t end = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (const Block& block : whole.blocks) {
    FUZZ_CHECK(text.substr(std::min(end, text.size())).starts_with(block.raw));
    end += block.raw.size();
    CheckBlock(block);
  }
}

}  // namespace
}  // namespace nearhit::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::server::Run(nearhit::FuzzInput(data, size));
  return 0;
}
