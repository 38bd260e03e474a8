// One search of a FlatIndex: which records it compares, and in which order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "index/codec.h"
#include "index/rescore.h"
#include "index/sign_codes.h"
#include "index/vector_index.h"

namespace nearhit {

// Offers a set what may be among the best.
//
// Thread-safety: owned by one thread; nobody changes the records meanwhile.
class FlatScan {
 public:
  // What is scanned, by slot.
  struct Records {
    const std::byte* records = nullptr;
    const EntryId* ids = nullptr;
    const std::uint32_t* fingerprints = nullptr;  // see RoughNeighbor; null: there are none
    std::size_t size = 0;
    const SignCodes* signs = nullptr;  // null: there are none
  };
  struct Question {
    const EncodedQuery* query = nullptr;
    const IdFilter* filter = nullptr;  // may be null
    float largest_error = 0;           // Codec::LargestError
  };

  FlatScan(const Codec& codec, const Records& records, const Question& question, CandidateSet* set,
           SearchStats* stats)
      : codec_(codec), records_(records), question_(question), set_(set), stats_(stats) {}

  // Everything, by sign codes where there are so many that these pay.
  void Run(std::size_t k);
  void Compare(std::size_t slot);

 private:
  const std::byte* Record(std::size_t slot) const;
  void PrefetchRecord(std::size_t slot) const;
  void ScanSigns(std::size_t k);
  void CompareBestOfBlocks(std::span<const float> bounds, std::span<const float> largest,
                           std::size_t enough);
  void CompareReaching(std::span<const SignCandidate> candidates);

  const Codec& codec_;
  const Records records_;
  const Question question_;
  CandidateSet* const set_;
  SearchStats* const stats_;
};

}  // namespace nearhit
