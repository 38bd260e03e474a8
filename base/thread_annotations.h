// Clang's thread-safety attributes; nothing under other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#if defined(__clang__)
#define NEARHIT_ATTRIBUTE(x) __attribute__((x))
#else
#define NEARHIT_ATTRIBUTE(x)
#endif

#define NEARHIT_CAPABILITY(x) NEARHIT_ATTRIBUTE(capability(x))
#define NEARHIT_SCOPED_CAPABILITY NEARHIT_ATTRIBUTE(scoped_lockable)
#define NEARHIT_GUARDED_BY(x) NEARHIT_ATTRIBUTE(guarded_by(x))
#define NEARHIT_PT_GUARDED_BY(x) NEARHIT_ATTRIBUTE(pt_guarded_by(x))
#define NEARHIT_REQUIRES(...) NEARHIT_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define NEARHIT_REQUIRES_SHARED(...) NEARHIT_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define NEARHIT_ACQUIRE(...) NEARHIT_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define NEARHIT_ACQUIRE_SHARED(...) NEARHIT_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define NEARHIT_RELEASE(...) NEARHIT_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NEARHIT_RELEASE_SHARED(...) NEARHIT_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define NEARHIT_RELEASE_GENERIC(...) NEARHIT_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define NEARHIT_TRY_ACQUIRE(...) NEARHIT_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define NEARHIT_EXCLUDES(...) NEARHIT_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NEARHIT_NO_THREAD_SAFETY_ANALYSIS NEARHIT_ATTRIBUTE(no_thread_safety_analysis)
