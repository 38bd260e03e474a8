// XXH3 behind our own names: the one place that includes xxhash.h is hash.cc.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nearhit {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
};

struct HashOfHash {
  std::size_t operator()(const Hash128& hash) const { return hash.low; }
};

// Secret of a keyed hash; made once per database so that nobody outside can prepare collisions.
inline constexpr std::size_t kHashSecretBytes = 192;
using HashSecret = std::array<std::uint8_t, kHashSecretBytes>;

// A secret with full entropy from the operating system.
HashSecret MakeHashSecret();

// XXH3-64, for checksums and tables; not against an adversary.
std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);

// Keyed XXH3-128 over a sequence of parts. Each part goes in with its length, so ("ab", "c") and
// ("a", "bc") differ.
class KeyedHasher {
 public:
  // `secret` must outlive the hasher.
  explicit KeyedHasher(const HashSecret& secret);
  // A copy goes on from the same parts.
  KeyedHasher(const KeyedHasher&) = default;
  KeyedHasher& operator=(const KeyedHasher&) = default;
  ~KeyedHasher() = default;

  KeyedHasher& Update(std::string_view part);
  KeyedHasher& Update(std::uint64_t part);
  Hash128 Digest() const;

 private:
  // Big enough and aligned for XXH3_state_t; checked in hash.cc. Saves an allocation per lookup.
  alignas(64) std::array<std::byte, 576> state_{};
};

}  // namespace nearhit
