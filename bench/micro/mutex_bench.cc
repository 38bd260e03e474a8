// Taking SharedMutex and giving it back, beside the 56 bytes of pthread_rwlock_t.
#include <pthread.h>

#include <benchmark/benchmark.h>

#include "base/mutex.h"

namespace nearhit {
namespace {

void BM_SharedMutexShared(benchmark::State& state) {
  static SharedMutex mu;
  for ([[maybe_unused]] auto _ : state) {
    const ReaderLock lock(&mu);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_SharedMutexShared)->ThreadRange(1, 2);

void BM_SharedMutexExclusive(benchmark::State& state) {
  static SharedMutex mu;
  for ([[maybe_unused]] auto _ : state) {
    const WriterLock lock(&mu);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_SharedMutexExclusive)->ThreadRange(1, 2);

void BM_RwlockShared(benchmark::State& state) {
  static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
  for ([[maybe_unused]] auto _ : state) {
    pthread_rwlock_rdlock(&lock);
    benchmark::ClobberMemory();
    pthread_rwlock_unlock(&lock);
  }
}
BENCHMARK(BM_RwlockShared)->ThreadRange(1, 2);

void BM_RwlockExclusive(benchmark::State& state) {
  static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
  for ([[maybe_unused]] auto _ : state) {
    pthread_rwlock_wrlock(&lock);
    benchmark::ClobberMemory();
    pthread_rwlock_unlock(&lock);
  }
}
BENCHMARK(BM_RwlockExclusive)->ThreadRange(1, 2);

}  // namespace
}  // namespace nearhit
