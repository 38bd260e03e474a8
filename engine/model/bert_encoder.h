// A BERT encoder: token ids of texts in, one vector per text out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/model/bert_config.h"
#include "engine/model/bert_weights.h"
#include "engine/model/encoder_kernels.h"
#include "nearhit/result.h"

namespace nearhit {

class HelperThreads;

struct EncoderOptions {
  Arithmetic arithmetic = Arithmetic::kFast;
  Pooling pooling = Pooling::kMean;
  bool normalize = true;    // vectors of length 1
  std::size_t threads = 1;  // that one call may use, the caller's among them; 1 to kMaxThreads
  // Where the threads beside the caller's come from, shared with other encoders. Null: its own.
  std::shared_ptr<HelperThreads> workers{};
  // Null: the fastest of this processor.
  const EncoderKernels* kernels = nullptr;

  static constexpr std::size_t kMaxThreads = 256;
};

// Post-norm transformer with learned positions and GELU, as BERT and what is distilled from it.
// Texts of a call are packed one after the other without padding, and each gets the vector that it
// would get alone. Arithmetic and its measurements: docs/decisions/0007.
//
// Thread-safety: thread-safe. Ownership: owns its weights and the scratch memory of past calls,
// and its threads unless it was given some. Persistence: none.
class BertEncoder {
 public:
  // Reads every tensor through `read`, which is not kept.
  // Errors: kInvalidArgument for a shape or an option out of range or a tensor that does not fit
  // it; what `read` returns.
  static Result<std::unique_ptr<BertEncoder>> Load(const BertConfig& config,
                                                   const EncoderOptions& options,
                                                   const TensorReader& read);
  ~BertEncoder();
  BertEncoder(const BertEncoder&) = delete;
  BertEncoder& operator=(const BertEncoder&) = delete;

  // `ids` are the texts' tokens one after the other, special ones included; `lengths` says how many
  // each text has, 1 to config.positions. Text i goes to out[i * hidden, (i + 1) * hidden).
  // Texts of a large batch are shared out among the threads; a single text stays on the caller's.
  // No allocation when earlier calls were as large and as many at a time.
  //
  // Errors: kInvalidArgument when sizes do not agree, a length or an id is out of range, with
  // nothing done; kDeadlineExceeded past `deadline`, looked at before each layer, with `out` partly
  // written.
  Status Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                std::chrono::steady_clock::time_point deadline, std::span<float> out) const;

  std::size_t dimension() const;
  std::size_t max_tokens() const;
  // Of the weights. Scratch memory is about 20 bytes a hidden unit and 6 a unit of intermediate for
  // each token of a pass.
  std::size_t memory_bytes() const;

 private:
  class Impl;
  explicit BertEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nearhit
