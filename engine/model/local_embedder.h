// Kind "local": text to vector by a model on this machine. What nearhit/local_embedder.h registers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/model/local_model.h"
#include "engine/model/single_flight.h"
#include "engine/model/text_memo.h"
#include "nearhit/embedder.h"
#include "nearhit/result.h"

namespace nearhit {

// What a namespace asks of a model.
struct LocalSettings {
  std::string prefix{};  // before each text; empty: what the folder says
  Arithmetic arithmetic = Arithmetic::kFast;
  bool windows = false;        // texts of up to two lengths are read in two windows
  std::size_t memo_bytes = 0;  // of the vectors of recent texts; 0: none are kept
};

// A memo of recent texts, one call for each text that several ask for at a time, tokens, then an
// encoder that waiting calls share. The identity names what decides a vector: the hash of the
// weights, the arithmetic, pooling, the longest text and how longer ones are read, the prefix.
//
// Thread-safety: thread-safe; calls run together.
class LocalEmbedder final : public Embedder {
 public:
  // Loads a folder with an encoder or, as a StaticEmbedder, one with a static model.
  //
  // Errors: those of ReadModelConfig, LocalModel::Load and Make, or of LoadStatic.
  static Result<std::shared_ptr<const Embedder>> Load(const std::filesystem::path& folder,
                                                      LocalSettings settings = {});

  // Errors: kInvalidArgument for a prefix that leaves no room for a text, or that the vocabulary
  // lacks a part of.
  static Result<std::shared_ptr<const Embedder>> Make(std::shared_ptr<const LocalModel> model,
                                                      LocalSettings settings);

  // A folder with a static model, of which `config` is the settings.
  // Errors: those of StaticEmbedder::Load; kInvalidArgument for what only an encoder can do.
  static Result<std::shared_ptr<const Embedder>> LoadStatic(const std::filesystem::path& folder,
                                                            const ModelConfig& config,
                                                            LocalSettings settings);

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return model_->dimension(); }
  // Milliseconds of work rather than waiting, but no thread that serves others should do it.
  bool may_block() const override { return true; }
  // Of the encoder's weights.
  std::size_t memory_bytes() const { return model_->memory_bytes(); }

  // A text of more tokens than the model reads, or with a word or sign that its vocabulary has no
  // token for, gets a row of zeros. With windows, one of up to twice the tokens gets the mean of
  // the vectors of its first and its last tokens, which cover it together.
  // Errors: kDeadlineExceeded, looked at between the layers and while waiting.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const override;

  // From the memo.
  Result<std::vector<float>> TryEmbed(std::span<const std::string_view> texts) const override;

  EmbedderStats stats() const override;

 private:
  struct Tokens;
  struct Pass;
  class Call;

  LocalEmbedder(std::shared_ptr<const LocalModel> model, LocalSettings settings);

  // Sets `tokens` to one or two windows; to none when the text has no vector.
  void Tokenize(std::string_view text, Tokens* tokens) const;
  // Of a text that is too long for one.
  void SplitInWindows(std::string_view text, Tokens* tokens) const;

  const std::shared_ptr<const LocalModel> model_;
  const LocalSettings settings_;  // its prefix is the one that is used
  const std::string identity_;
  std::vector<std::int32_t> window_begin_;  // tokens before those of a text, its prefix among them
  std::vector<std::int32_t> window_end_;    // and behind them
  // Synchronize themselves.
  mutable TextMemo memo_;
  mutable SingleFlight flights_;
};

}  // namespace nearhit
