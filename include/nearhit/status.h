// The result of an operation that can fail. Every fallible call in nearhit returns a Status or a
// Result<T> (result.h); no exception crosses an interface.
//
// Codes are numerically those of google.rpc.Code, except kWouldBlock. The
// design follows LevelDB's size, Abseil's vocabulary and RocksDB's checked statuses
// (docs/decisions/0004).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nearhit {

// Fixed values: they travel over gRPC.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,          // the caller went away; prefer kDeadlineExceeded when time ran out
  kInvalidArgument = 3,    // wrong whatever the state; prefer kFailedPrecondition if state decides
  kDeadlineExceeded = 4,   // the caller's deadline passed before the work was done
  kNotFound = 5,           // a named thing that should exist does not; a cache miss is not an error
  kAlreadyExists = 6,      // creating something that is there
  kResourceExhausted = 8,  // over a budget, a quota or a concurrency limit; retrying later may work
  kFailedPrecondition = 9,  // the state forbids it until something else changes
  kAborted = 10,            // lost a race; retrying at once may work
  kUnimplemented = 12,      // this build or this kind of object does not offer it
  kInternal = 13,           // a broken invariant of ours
  kUnavailable = 14,        // shutting down, or a dependency is away; retry with backoff
  kDataLoss = 15,           // stored bytes are missing or fail their checksum
  // The call may not wait, and has to; nothing failed. Not a code of gRPC: UNAVAILABLE there.
  kWouldBlock = 64,
};

// Returns the canonical upper-case name, e.g. "INVALID_ARGUMENT".
std::string_view StatusCodeName(StatusCode code);

// One pointer; null means OK. Copying an error copies a shared pointer.
//
// Thread-safety: const methods thread-safe.
class [[nodiscard]] Status {
 public:
  Status() = default;
  // Requires: code != kOk (use the default constructor for success).
  Status(StatusCode code, std::string message);

#ifdef NEARHIT_STATUS_MUST_BE_READ
  // Debug builds abort when an error is destroyed without anyone having looked at it.
  Status(const Status& other) : rep_(other.rep_) {
  }
  Status(Status&& other) noexcept : rep_(std::move(other.rep_)) {
  }
  Status& operator=(const Status& other);
  Status& operator=(Status&& other) noexcept;
  ~Status();
#endif

  bool ok() const {
    MarkRead();
    return rep_ == nullptr;
  }
  StatusCode code() const;
  // Lower case, no trailing period; names the field, the value's size and the limit. Never holds
  // the text of a prompt, an answer or a credential. Valid as long as this Status.
  std::string_view message() const;
  // "INVALID_ARGUMENT: message", or "OK".
  std::string ToString() const;

  // Drops an error on purpose. Each call says why in a comment.
  void IgnoreError() const {
    MarkRead();
  }

  friend bool operator==(const Status& a, const Status& b) {
    return a.code() == b.code() && a.message() == b.message();
  }

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };

  void MarkRead() const {
#ifdef NEARHIT_STATUS_MUST_BE_READ
    read_ = true;
#endif
  }

  std::shared_ptr<const Rep> rep_;
#ifdef NEARHIT_STATUS_MUST_BE_READ
  mutable bool read_ = false;
#endif
};

// Shorthands. The message is taken as it is.
Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status ResourceExhausted(std::string message);
Status FailedPrecondition(std::string message);
Status DeadlineExceeded(std::string message);
Status Unavailable(std::string message);
Status WouldBlock(std::string message);
Status Internal(std::string message);
Status DataLoss(std::string message);

}  // namespace nearhit
