// What the cache would have served, or nearly, compared with what the provider answered.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "nearhit/label.h"
#include "nearhit/lookup.h"

namespace nearhit::server {

enum class Agreement : std::uint8_t {
  kSame,       // the same text, but for white space
  kDifferent,  // another text; the similarity says how far apart
  kUnknown,    // one of them has no text, or is none that is stored
};
inline constexpr std::array<std::string_view, 3> kAgreementNames = {"same", "different", "unknown"};

constexpr std::string_view AgreementName(Agreement agreement) {
  return kAgreementNames[static_cast<std::size_t>(agreement)];
}

struct ShadowLabel {
  bool serves = false;
  LabelSource source = LabelSource::kShadow;
};

// At most so many bytes of the text, in whole characters.
std::string BeginningOf(std::string_view text, std::size_t bytes);

// A decision to serve that was not carried out, or a miss with something near.
struct ShadowDecision {
  std::chrono::system_clock::time_point time{};
  std::string request_id{};
  std::string caller{};  // a tag; only this caller may see it
  std::string name_space{};
  HitKind kind = HitKind::kMiss;
  float similarity = 0;  // of the prompts
  EntryId entry_id{};
  std::string asked{};
  std::string matched{};
  // Beginnings of the answers, of at most ShadowLog::kMostText bytes.
  std::string stored_text{};
  std::string provider_text{};
  Agreement agreement = Agreement::kUnknown;
  std::optional<ShadowLabel> label{};        // that came of it
  std::optional<float> answer_similarity{};  // by the namespace's embedder, if it has one
};

// Holds the newest, by number and by bytes.
//
// Thread-safety: thread-safe.
class ShadowLog {
 public:
  static constexpr std::size_t kMost = 1'024;
  static constexpr std::size_t kMostText = 4'096;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of texts

  // Returns its number.
  std::uint64_t Add(ShadowDecision decision);
  // Does nothing once the decision has gone.
  void SetLabel(std::uint64_t number, ShadowLabel label);
  // Those of this caller, the newest first.
  std::vector<ShadowDecision> List(std::string_view caller, std::size_t limit) const;

 private:
  static std::size_t BytesOf(const ShadowDecision& decision);

  mutable Mutex mu_;
  std::deque<ShadowDecision> decisions_ NEARHIT_GUARDED_BY(mu_);  // the oldest in front
  std::uint64_t first_ NEARHIT_GUARDED_BY(mu_) = 0;               // number of the oldest
  std::size_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;
};

}  // namespace nearhit::server
