#include "engine/model/bert_encoder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "engine/model/encoder_scratch.h"
#include "engine/model/helper_threads.h"

namespace nearhit {

namespace {

using TimePoint = std::chrono::steady_clock::time_point;

// Tokens of a pass: enough that reading the weights costs little beside the work on them, few
// enough that the activations stay in the L2 cache. Measured in docs/decisions/0007.
constexpr std::size_t kPassTokens = 96;
// A batch is cut finer than that to give every thread a part, but not below this.
constexpr std::size_t kMinPassTokens = 32;

// The texts of a call, handed out pass by pass to the threads that work on it.
//
// Thread-safety: thread-safe. Lifetime: views the call's arguments. Errors: keeps the first one of
// a pass; there is no next pass after it.
class Batch {
 public:
  struct Pass {
    std::span<const std::int32_t> ids;
    std::span<const std::uint32_t> lengths;
    float* out = nullptr;
  };

  Batch(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
        TimePoint deadline, std::size_t dimension, std::size_t pass_tokens, float* out)
      : ids_(ids),
        lengths_(lengths),
        deadline_(deadline),
        dimension_(dimension),
        pass_tokens_(pass_tokens),
        out_(out) {}

  TimePoint deadline() const { return deadline_; }

  // False when nothing is left. A pass has one text or as many as fit.
  bool Next(Pass* pass) {
    const MutexLock lock(&mu_);
    if (next_text_ == lengths_.size() || !failure_.ok()) {
      return false;
    }
    const std::size_t first = next_text_;
    std::size_t tokens = 0;
    do {
      tokens += lengths_[next_text_++];
    } while (next_text_ < lengths_.size() && tokens + lengths_[next_text_] <= pass_tokens_);
    pass->ids = ids_.subspan(next_id_, tokens);
    pass->lengths = lengths_.subspan(first, next_text_ - first);
    pass->out = out_ + first * dimension_;
    next_id_ += tokens;
    return true;
  }

  void Fail(Status status) {
    const MutexLock lock(&mu_);
    if (failure_.ok()) {
      failure_ = std::move(status);
    } else {
      status.IgnoreError();  // the first says why the call fails
    }
  }
  // Once, at the end.
  Status result() {
    const MutexLock lock(&mu_);
    return std::move(failure_);
  }

 private:
  const std::span<const std::int32_t> ids_;
  const std::span<const std::uint32_t> lengths_;
  const TimePoint deadline_;
  const std::size_t dimension_;
  const std::size_t pass_tokens_;
  float* const out_;
  Mutex mu_;
  std::size_t next_text_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::size_t next_id_ NEARHIT_GUARDED_BY(mu_) = 0;
  Status failure_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace

// Thread-safety: thread-safe; what is below the pools is constant. Ownership and errors: as
// BertEncoder.
class BertEncoder::Impl {
 public:
  Impl(const BertConfig& config, const EncoderOptions& options, const EncoderKernels& kernels,
       BertWeights weights)
      : config_(config),
        options_(options),
        kernels_(kernels),
        weights_(std::move(weights)),
        scratch_(kernels, config),
        workers_(options.workers != nullptr
                     ? options.workers
                     : std::make_shared<HelperThreads>(options.threads - 1)) {}

  const BertConfig& config() const { return config_; }
  const BertWeights& weights() const { return weights_; }

  Status Check(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
               std::size_t out) const;
  Status Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                TimePoint deadline, float* out);

 private:
  void Work(Batch* batch);
  Status EncodePass(const Batch::Pass& pass, TimePoint deadline, EncoderScratch* scratch) const;
  void Embed(const Batch::Pass& pass, EncoderScratch* scratch) const;
  void ApplyLayer(const BertLayerWeights& layer, const Batch::Pass& pass,
                  EncoderScratch* scratch) const;
  void Apply(const Linear& linear, const float* x, std::size_t tokens, Activation activation,
             EncoderScratch* scratch, float* out) const;
  // hidden = norm(hidden + rows)
  void AddAndNormalize(const LayerNormWeights& norm, const float* rows, std::size_t tokens,
                       float* hidden) const;
  void Pool(const float* rows, std::size_t tokens, float* out) const;

  const BertConfig config_;
  const EncoderOptions options_;
  const EncoderKernels& kernels_;
  const BertWeights weights_;
  ScratchPool scratch_;
  const std::shared_ptr<HelperThreads> workers_;
};

Status BertEncoder::Impl::Check(std::span<const std::int32_t> ids,
                                std::span<const std::uint32_t> lengths, std::size_t out) const {
  std::size_t tokens = 0;
  for (const std::uint32_t length : lengths) {
    if (length == 0 || length > config_.positions) {
      return InvalidArgument("text of " + std::to_string(length) + " tokens, not 1 to " +
                             std::to_string(config_.positions));
    }
    tokens += length;
  }
  if (tokens != ids.size()) {
    return InvalidArgument(std::to_string(ids.size()) + " token ids for texts of " +
                           std::to_string(tokens) + " tokens");
  }
  if (out != lengths.size() * config_.hidden) {
    return InvalidArgument("room for " + std::to_string(out) + " floats, not " +
                           std::to_string(lengths.size() * config_.hidden));
  }
  for (const std::int32_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= config_.vocabulary) {
      return InvalidArgument("token id " + std::to_string(id) + " is not below " +
                             std::to_string(config_.vocabulary));
    }
  }
  return {};
}

Status BertEncoder::Impl::Encode(std::span<const std::int32_t> ids,
                                 std::span<const std::uint32_t> lengths, TimePoint deadline,
                                 float* out) {
  const std::size_t share = (ids.size() + options_.threads - 1) / options_.threads;
  const std::size_t pass_tokens = std::clamp(share, kMinPassTokens, kPassTokens);
  struct Call {
    Impl* self;
    Batch batch;
  } call{this, {ids, lengths, deadline, config_.hidden, pass_tokens, out}};
  const std::size_t helpers = lengths.size() > 1 ? ids.size() / pass_tokens : 0;
  workers_->Run(helpers, [&call] { call.self->Work(&call.batch); });
  return call.batch.result();
}

void BertEncoder::Impl::Work(Batch* batch) {
  std::unique_ptr<EncoderScratch> scratch = scratch_.Take();
  Batch::Pass pass;
  while (batch->Next(&pass)) {
    if (Status status = EncodePass(pass, batch->deadline(), scratch.get()); !status.ok()) {
      batch->Fail(std::move(status));
    }
  }
  scratch_.GiveBack(std::move(scratch));
}

Status BertEncoder::Impl::EncodePass(const Batch::Pass& pass, TimePoint deadline,
                                     EncoderScratch* scratch) const {
  scratch->Reserve(pass.ids.size());
  Embed(pass, scratch);
  for (const BertLayerWeights& layer : weights_.layers) {
    if (std::chrono::steady_clock::now() > deadline) {
      return DeadlineExceeded("deadline passed while embedding");
    }
    ApplyLayer(layer, pass, scratch);
  }
  std::size_t token = 0;
  for (std::size_t text = 0; text < pass.lengths.size(); ++text) {
    Pool(scratch->hidden.data() + token * config_.hidden, pass.lengths[text],
         pass.out + text * config_.hidden);
    token += pass.lengths[text];
  }
  return {};
}

void BertEncoder::Impl::Embed(const Batch::Pass& pass, EncoderScratch* scratch) const {
  const std::size_t hidden = config_.hidden;
  std::size_t token = 0;
  for (const std::uint32_t length : pass.lengths) {
    for (std::size_t position = 0; position < length; ++position, ++token) {
      const auto id = static_cast<std::size_t>(pass.ids[token]);
      kernels_.add_layer_norm(
          weights_.words.data() + id * hidden, weights_.positions.data() + position * hidden,
          hidden, config_.layer_norm_eps, weights_.embedding_norm.gain.data(),
          weights_.embedding_norm.bias.data(), scratch->hidden.data() + token * hidden);
    }
  }
}

void BertEncoder::Impl::ApplyLayer(const BertLayerWeights& layer, const Batch::Pass& pass,
                                   EncoderScratch* scratch) const {
  const std::size_t tokens = pass.ids.size();
  float* const hidden = scratch->hidden.data();
  float* const context = scratch->context.data();
  float* const wide = scratch->wide.data();
  Apply(layer.query_key_value, hidden, tokens, Activation::kNone, scratch,
        scratch->query_key_value.data());
  std::size_t token = 0;
  for (const std::uint32_t length : pass.lengths) {
    scratch->attention.Apply(scratch->query_key_value.data() + token * 3 * config_.hidden, length,
                             context + token * config_.hidden);
    token += length;
  }
  // The projection cannot be written over its own input; the wide rows are free here.
  Apply(layer.attention_output, context, tokens, Activation::kNone, scratch, wide);
  AddAndNormalize(layer.attention_norm, wide, tokens, hidden);
  Apply(layer.intermediate, hidden, tokens, Activation::kGelu, scratch, wide);
  Apply(layer.output, wide, tokens, Activation::kNone, scratch, context);
  AddAndNormalize(layer.output_norm, context, tokens, hidden);
}

void BertEncoder::Impl::Apply(const Linear& linear, const float* x, std::size_t tokens,
                              Activation activation, EncoderScratch* scratch, float* out) const {
  if (options_.arithmetic == Arithmetic::kFloat32) {
    linear.Apply(x, tokens, activation, out);
    return;
  }
  linear.Quantize(x, tokens, scratch->rotated.data(), scratch->quantized.data(),
                  scratch->scales.data());
  linear.Apply({.values = scratch->quantized.data(), .scales = scratch->scales.data()}, tokens,
               activation, out);
}

void BertEncoder::Impl::AddAndNormalize(const LayerNormWeights& norm, const float* rows,
                                        std::size_t tokens, float* hidden) const {
  for (std::size_t token = 0; token < tokens; ++token) {
    float* const row = hidden + token * config_.hidden;
    kernels_.add_layer_norm(row, rows + token * config_.hidden, config_.hidden,
                            config_.layer_norm_eps, norm.gain.data(), norm.bias.data(), row);
  }
}

void BertEncoder::Impl::Pool(const float* rows, std::size_t tokens, float* out) const {
  const std::size_t hidden = config_.hidden;
  std::copy_n(rows, hidden, out);
  if (options_.pooling == Pooling::kMean) {
    for (std::size_t token = 1; token < tokens; ++token) {
      for (std::size_t at = 0; at < hidden; ++at) {
        out[at] += rows[token * hidden + at];
      }
    }
  }
  double squares = 0;
  for (std::size_t at = 0; at < hidden; ++at) {
    squares += double{out[at]} * out[at];
  }
  double scale = options_.pooling == Pooling::kMean ? 1.0 / static_cast<double>(tokens) : 1.0;
  if (options_.normalize) {
    scale = squares > 0 ? 1.0 / std::sqrt(squares) : 0.0;
  }
  for (std::size_t at = 0; at < hidden; ++at) {
    out[at] = static_cast<float>(out[at] * scale);
  }
}

BertEncoder::BertEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
BertEncoder::~BertEncoder() = default;

Result<std::unique_ptr<BertEncoder>> BertEncoder::Load(const BertConfig& config,
                                                       const EncoderOptions& options,
                                                       const TensorReader& read) {
  if (options.threads < 1 || options.threads > EncoderOptions::kMaxThreads) {
    return InvalidArgument("encoder threads: " + std::to_string(options.threads) + ", not 1 to " +
                           std::to_string(EncoderOptions::kMaxThreads));
  }
  const EncoderKernels& kernels =
      options.kernels == nullptr ? BestEncoderKernels() : *options.kernels;
  NEARHIT_ASSIGN_OR_RETURN(BertWeights weights,
                           LoadBertWeights(config, options.arithmetic, kernels, read));
  return std::unique_ptr<BertEncoder>(
      new BertEncoder(std::make_unique<Impl>(config, options, kernels, std::move(weights))));
}

Status BertEncoder::Encode(std::span<const std::int32_t> ids,
                           std::span<const std::uint32_t> lengths, TimePoint deadline,
                           std::span<float> out) const {
  NEARHIT_RETURN_IF_ERROR(impl_->Check(ids, lengths, out.size()));
  return impl_->Encode(ids, lengths, deadline, out.data());
}

std::size_t BertEncoder::dimension() const {
  return impl_->config().hidden;
}

std::size_t BertEncoder::max_tokens() const {
  return impl_->config().positions;
}

std::size_t BertEncoder::memory_bytes() const {
  return impl_->weights().memory_bytes();
}

}  // namespace nearhit
