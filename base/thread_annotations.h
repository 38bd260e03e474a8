// Clang's thread-safety attributes; nothing under other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

// Abseil, which gRPC headers bring in, has old spellings of some of these; ours win.
#undef CAPABILITY
#undef SCOPED_CAPABILITY
#undef GUARDED_BY
#undef PT_GUARDED_BY
#undef REQUIRES
#undef REQUIRES_SHARED
#undef ACQUIRE
#undef ACQUIRE_SHARED
#undef RELEASE
#undef RELEASE_SHARED
#undef RELEASE_GENERIC
#undef TRY_ACQUIRE
#undef EXCLUDES
#undef NO_THREAD_SAFETY_ANALYSIS

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
