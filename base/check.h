// CHECK for our own broken invariants, always on; DCHECK for costly ones, in debug builds only.
// Neither is for input, files, network or configuration: those get a Status.
#pragma once

namespace nearhit::internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace nearhit::internal

#define NEARHIT_CHECK(condition)                                        \
  do {                                                                  \
    if (!(condition)) [[unlikely]] {                                    \
      ::nearhit::internal::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                                   \
  } while (false)

#ifdef NDEBUG
#define NEARHIT_DCHECK(condition) \
  do {                            \
  } while (false && (condition))
#else
#define NEARHIT_DCHECK(condition) NEARHIT_CHECK(condition)
#endif
