// A file that only takes up space, to be given back when there is no other: recovery and deletes
// need some to free more.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "engine/storage/kv_store.h"

namespace nearhit {

// Whether the batch is one of deletes, which may also write lists of ids and meta records.
bool Frees(const WriteBatch& batch);

// Thread-safety: thread-safe.
class Ballast {
 public:
  // It is only made where so many times as much is free.
  static constexpr std::uint64_t kRoom = 2;

  Ballast(std::filesystem::path path, std::uint64_t bytes)
      : path_(std::move(path)), bytes_(bytes) {}
  ~Ballast() = default;
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

  // Makes the file if it is not there and there is room.
  void Restore();
  // Deletes the file. Whether there was one.
  bool Release();
  // Whether it has been given back and not been made again.
  bool released() const { return released_.load(std::memory_order_relaxed); }

 private:
  const std::filesystem::path path_;
  const std::uint64_t bytes_;
  std::atomic<bool> released_{false};
};

}  // namespace nearhit
