// Sentence encoders on this machine, without a service beside it: component nearhit::embedding.
#pragma once

#include <cstddef>

#include "nearhit/result.h"

namespace nearhit {

// Of all local models of the process together, but for the memo.
struct LocalEmbedderOptions {
  // Passes of a model that may run at the same time, each on the thread of who asked; calls beyond
  // them wait and go together. As many threads, less one, help with large batches of all models.
  // 0: one less than the processor has cores, at least 1.
  std::size_t threads = 0;
  // For the vectors of recent texts, of each model; namespaces that use it alike share them. 0:
  // none are kept.
  std::size_t memo_bytes = std::size_t{16} << 20;

  static constexpr std::size_t kMaxThreads = 256;
  static constexpr std::size_t kMaxMemoBytes = std::size_t{1} << 40;
};

// Makes the embedder kind "local" known (nearhit/embedder.h): EmbedderSpec::model names a folder
// with a BERT encoder (all-MiniLM, bge-small, gte-small, e5-small) or a static model (Model2Vec),
// as sentence-transformers saves them: config.json, tokenizer.json or vocab.txt, model.safetensors.
// Call it before opening a Database. Namespaces of one folder share one model in memory.
//
// An encoder reads texts of a limited length (256 tokens with all-MiniLM-L6-v2) and a limited
// vocabulary. A text that is longer, or has what the vocabulary lacks (an emoji), gets no vector
// rather than that of the rest. Which files and settings a model may have: docs/embedders.md.
//
// Thread-safety: thread-safe; the options of calls after the first change nothing.
// Errors: kInvalidArgument for an option out of range, with nothing registered.
Status RegisterLocalEmbedder(const LocalEmbedderOptions& options);
void RegisterLocalEmbedder();  // with the defaults

}  // namespace nearhit
