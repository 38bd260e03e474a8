// Text to the token ids that a model was trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// Gives the ids that Hugging Face's `tokenizers` gives for the same files, on every text.
//
// Thread-safety: thread-safe; it does not change once made.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Replaces `ids` by those of the whole `text`, between the tokens that the model wants around a
  // text ([CLS] and [SEP]). Never truncates. A special token that is written in the text is that
  // token. Bytes that are no UTF-8 count as U+FFFD.
  // Cost: linear in the text; allocates once for the normal form of the text.
  virtual void Encode(std::string_view text, std::vector<std::int32_t>* ids) const = 0;

  // The same without the tokens around the text.
  virtual void EncodeContent(std::string_view text, std::vector<std::int32_t>* ids) const = 0;

  // How many tokens Encode puts before those of a text; what else it adds is behind them.
  virtual std::size_t tokens_before() const = 0;

  // Every id is less; the model's table of embeddings has as many rows.
  virtual std::size_t vocabulary_size() const = 0;

  // True when every word that the vocabulary has no pieces for is one unknown token (WordPiece);
  // false when only single characters are unknown (Unigram).
  virtual bool unknown_words() const = 0;

  // The id of what the vocabulary has no piece for. Texts that differ only there are the same to
  // the model.
  virtual std::int32_t unknown_id() const = 0;

 protected:
  Tokenizer() = default;
};

// Makes the tokenizer of a model folder: from tokenizer.json, or where there is none from vocab.txt
// and tokenizer_config.json.
//
// Errors: kNotFound when there is neither; kInvalidArgument, naming the file, the key and what was
// expected, for what is damaged or not supported; kUnavailable when a file cannot be read.
Result<std::unique_ptr<const Tokenizer>> LoadTokenizer(const std::filesystem::path& folder);

}  // namespace nearhit
