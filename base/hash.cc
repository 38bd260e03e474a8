#include "base/hash.h"

#include <new>
#include <random>

#define XXH_STATIC_LINKING_ONLY  // the size of XXH3_state_t
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // xxhash.h, with the widest vectors that the processor has
#else
#include <xxhash.h>
#endif

namespace nearhit {

namespace {
XXH3_state_t* State(std::array<std::byte, 576>& bytes) {
  return std::launder(reinterpret_cast<XXH3_state_t*>(bytes.data()));
}
const XXH3_state_t* State(const std::array<std::byte, 576>& bytes) {
  return std::launder(reinterpret_cast<const XXH3_state_t*>(bytes.data()));
}
static_assert(sizeof(XXH3_state_t) <= 576);
static_assert(kHashSecretBytes >= XXH3_SECRET_SIZE_MIN);
}  // namespace

HashSecret MakeHashSecret() {
  std::random_device source;  // getrandom/rdrand: full entropy on Linux
  HashSecret secret{};
  for (auto& byte : secret) {
    byte = static_cast<std::uint8_t>(source());
  }
  return secret;
}

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

KeyedHasher::KeyedHasher(const HashSecret& secret) {
  auto* state = new (state_.data()) XXH3_state_t;
  XXH3_INITSTATE(state);
  XXH3_128bits_reset_withSecret(state, secret.data(), secret.size());
}

KeyedHasher& KeyedHasher::Update(std::string_view part) {
  Update(static_cast<std::uint64_t>(part.size()));
  XXH3_128bits_update(State(state_), part.data(), part.size());
  return *this;
}

KeyedHasher& KeyedHasher::Update(std::uint64_t part) {
  XXH3_128bits_update(State(state_), &part, sizeof(part));
  return *this;
}

Hash128 KeyedHasher::Digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(State(state_));
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace nearhit
