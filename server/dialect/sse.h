// Server-sent events: a stream of bytes cut into blocks, and blocks written.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/status.h"

namespace nearhit::server {

// What a block says. A block without a data line, such as a comment, says nothing: both are empty.
struct SseEvent {
  std::string name;
  std::string data;  // data lines joined by '\n'
};

// Splits a stream into blocks. A block ends with its blank line; lines end with LF, CRLF or CR.
// Fields other than event and data are ignored, as is a byte order mark in front of the stream. How
// the bytes are cut into pieces changes neither the events nor the raw blocks.
//
// Thread-safety: owned by one thread.
class SseParser {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{4} << 20;

  // `raw` is the block as it came, with its blank line: all of them together are the stream, but
  // for a byte order mark in front of it. Both are valid during the call, which must not call Feed.
  using OnEvent = std::function<void(const SseEvent& event, std::string_view raw)>;

  // Calls `on_event` for each block that `bytes` ends. A blank line that ends with CR waits for the
  // next byte, which may be the LF of it, unless the line before it ended with CR alone.
  //
  // Errors: kResourceExhausted for a block of more than kMaxEventBytes. Blocks before it were
  // delivered; every later call fails too.
  // Cost: linear in the bytes, however they are cut.
  Status Feed(std::string_view bytes, const OnEvent& on_event);

  // No unfinished block is held: a stream may end here.
  bool at_boundary() const { return raw_.size() == lead_; }

 private:
  // Takes bytes up to the end of a line or of the piece; returns how many.
  std::size_t Take(std::string_view bytes, const OnEvent& on_event);
  std::string_view Line() const;
  void EndLine(const OnEvent& on_event);
  void Deliver(const OnEvent& on_event);

  std::string raw_;             // the block so far
  std::size_t lead_ = 0;        // of them those that belong to the line before: an LF after a CR
  std::size_t line_begin_ = 0;  // where the unfinished line begins in raw_
  std::size_t line_end_ = 0;    // where it ends, once its CR is there
  bool after_cr_ = false;       // a line ended with CR, and perhaps an LF belongs to it
  bool skip_lf_ = false;        // the same, but the line was taken already
  bool bare_cr_ = false;        // the last finished line ended with CR alone
  bool first_line_ = true;      // a byte order mark may stand in front of it
  bool has_data_ = false;
  bool failed_ = false;
  SseEvent event_;
};

// The values of the data lines of a block as SseParser gives it, in their order: parts of `block`.
std::vector<std::string_view> DataLines(std::string_view block);

// A block of the event's name, unless that is empty, and its data; with the blank line.
std::string FormatSse(std::string_view name, std::string_view data);

}  // namespace nearhit::server
