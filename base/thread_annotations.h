// Clang's thread-safety attributes; nothing under other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#if defined(__clang__)
#define NEARHIT_ATTRIBUTE(x) __attribute__((x))
#else
#define NEARHIT_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) NEARHIT_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY NEARHIT_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) NEARHIT_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) NEARHIT_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) NEARHIT_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) NEARHIT_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) NEARHIT_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) NEARHIT_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) NEARHIT_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) NEARHIT_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) NEARHIT_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) NEARHIT_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) NEARHIT_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS NEARHIT_ATTRIBUTE(no_thread_safety_analysis)
