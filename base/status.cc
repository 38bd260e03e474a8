#include "nearhit/status.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "nearhit/result.h"

namespace nearhit {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kWouldBlock:
      return "WOULD_BLOCK";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
  }
  return "UNKNOWN";
}

Status::Status(StatusCode code, std::string message)
    : rep_(std::make_shared<const Rep>(Rep{code, std::move(message)})) {
  if (code == StatusCode::kOk) {
    rep_ = nullptr;
  }
}

#ifdef NEARHIT_STATUS_MUST_BE_READ
namespace {
[[noreturn]] void DieUnread(std::string_view text) {
  std::fprintf(stderr, "Status dropped unread: %.*s\n", static_cast<int>(text.size()), text.data());
  std::abort();
}
}  // namespace

Status& Status::operator=(const Status& other) {
  if (this != &other) {
    if (rep_ != nullptr && !read_) {
      DieUnread(rep_->message);
    }
    rep_ = other.rep_;
    read_ = false;
  }
  return *this;
}

Status& Status::operator=(Status&& other) noexcept {
  if (this != &other) {
    if (rep_ != nullptr && !read_) {
      DieUnread(rep_->message);
    }
    rep_ = std::move(other.rep_);
    read_ = false;
  }
  return *this;
}

Status::~Status() {
  if (rep_ != nullptr && !read_) {
    DieUnread(rep_->message);
  }
}
#endif

StatusCode Status::code() const {
  MarkRead();
  return rep_ == nullptr ? StatusCode::kOk : rep_->code;
}

std::string_view Status::message() const {
  MarkRead();
  return rep_ == nullptr ? std::string_view() : std::string_view(rep_->message);
}

std::string Status::ToString() const {
  if (ok()) {
    return "OK";
  }
  std::string text(StatusCodeName(rep_->code));
  text += ": ";
  text += rep_->message;
  return text;
}

Status InvalidArgument(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message)};
}
Status NotFound(std::string message) {
  return {StatusCode::kNotFound, std::move(message)};
}
Status AlreadyExists(std::string message) {
  return {StatusCode::kAlreadyExists, std::move(message)};
}
Status ResourceExhausted(std::string message) {
  return {StatusCode::kResourceExhausted, std::move(message)};
}
Status FailedPrecondition(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message)};
}
Status DeadlineExceeded(std::string message) {
  return {StatusCode::kDeadlineExceeded, std::move(message)};
}
Status WouldBlock(std::string message) {
  return {StatusCode::kWouldBlock, std::move(message)};
}
Status Unavailable(std::string message) {
  return {StatusCode::kUnavailable, std::move(message)};
}
Status Internal(std::string message) {
  return {StatusCode::kInternal, std::move(message)};
}
Status DataLoss(std::string message) {
  return {StatusCode::kDataLoss, std::move(message)};
}

namespace internal {
void DieOnBadResult(const Status& status) {
  const std::string text = status.ToString();
  std::fprintf(stderr, "Result has no value: %s\n", text.c_str());
  std::abort();
}
}  // namespace internal

}  // namespace nearhit
