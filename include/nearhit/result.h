// Result<T>: a value or the Status that says why there is none.
#pragma once

#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

#include "nearhit/status.h"

namespace nearhit {

namespace internal {
// Prints the status and aborts: the caller asked for the value of an error.
[[noreturn]] void DieOnBadResult(const Status& status);
}  // namespace internal

// Holds exactly one of a T and a non-OK Status.
//
// Thread-safety: const methods thread-safe.
template <typename T>
class [[nodiscard]] Result {
 public:
  static_assert(!std::is_same_v<std::remove_cvref_t<T>, Status>, "use Status, not Result<Status>");

  // Implicit on purpose: `return value;` and `return status;` both read well.
  explicit(false) Result(T value) : value_(std::move(value)) {}
  explicit(false) Result(Status status) : status_(std::move(status)) {
    if (status_.ok()) {
      internal::DieOnBadResult(Internal("Result built from an OK Status"));
    }
  }

  bool ok() const { return value_.has_value(); }
  // OK when a value is held.
  const Status& status() const& { return status_; }
  Status status() && { return std::move(status_); }

  // Requires: ok(); aborts otherwise.
  const T& value() const& {
    CheckOk();
    return *value_;
  }
  T& value() & {
    CheckOk();
    return *value_;
  }
  T&& value() && {
    CheckOk();
    return std::move(*value_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  template <typename U>
  T value_or(U&& fallback) const& {
    return ok() ? *value_ : static_cast<T>(std::forward<U>(fallback));
  }

  // Drops an error on purpose. Each call says why in a comment.
  void IgnoreError() const { status_.IgnoreError(); }

 private:
  void CheckOk() const {
    if (!ok()) {
      internal::DieOnBadResult(status_);
    }
  }

  std::optional<T> value_;
  Status status_;
};

}  // namespace nearhit

#define NEARHIT_CONCAT_INNER(a, b) a##b
#define NEARHIT_CONCAT(a, b) NEARHIT_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` (a Status) is an error.
#define NEARHIT_RETURN_IF_ERROR(expr)             \
  do {                                            \
    if (auto&& status_ = (expr); !status_.ok()) { \
      return status_;                             \
    }                                             \
  } while (false)

// Evaluates `expr` (a Result<T>); on success assigns the value to `decl`, otherwise returns the
// Status.
#define NEARHIT_ASSIGN_OR_RETURN(decl, expr) \
  NEARHIT_ASSIGN_OR_RETURN_IMPL(NEARHIT_CONCAT(result_, __LINE__), decl, expr)
#define NEARHIT_ASSIGN_OR_RETURN_IMPL(result, decl, expr) \
  auto result = (expr);                                   \
  if (!result.ok()) {                                     \
    return std::move(result).status();                    \
  }                                                       \
  decl = std::move(result).value()
