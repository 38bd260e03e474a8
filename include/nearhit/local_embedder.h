// Sentence encoders on this machine, without another service: component nearhit::embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// For all local models of the process together, except the memo.
struct LocalEmbedderOptions {
  // How many passes through a model run at a time, each on its caller's thread. Calls that wait for
  // a pass share the next one. threads - 1 more threads help with large batches of any model.
  // 0: the number of cores less one, at least 1.
  std::size_t threads = 0;
  // Memory for the vectors of recent texts, per model. Namespaces with the same settings share it.
  // 0: no vectors are kept.
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

// The model folder of this user when none is named: what $NEARHIT_MODEL says, there or not; without
// it, ${XDG_DATA_HOME:-~/.local/share}/nearhit/models/all-MiniLM-L6-v2 if that has a config.json.
// Empty for none.
//
// Thread-safety: as that of std::getenv.
std::filesystem::path DefaultModelFolder();

// A file that a model is read from.
struct ModelFile {
  std::string name{};  // in the folder
  std::uint64_t bytes = 0;
  std::string sha256{};  // 64 lower-case hexadecimal digits
};

// How near a model comes to a vector that nearhit brings for it.
struct ReferenceCheck {
  std::string text{};
  double cosine = 0;
};

// What a model folder holds and what its model does here.
struct ModelReport {
  std::vector<ModelFile> files{};  // ascending by name
  std::string identity{};          // of the embedder

  // Settings; 0 or empty where the kind of model has none.
  std::string kind{};  // "bert" or "static"
  std::size_t dimension = 0;
  std::size_t max_tokens = 0;  // of a text; longer ones get no vector
  std::size_t vocabulary = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t intermediate = 0;
  std::size_t positions = 0;
  std::string pooling{};  // "mean" or "cls"
  bool normalize = false;
  std::string prefix{};

  std::size_t tensors = 0;       // in model.safetensors
  std::uint64_t parameters = 0;  // numbers in them

  std::uint64_t memory_bytes = 0;  // of the weights as they are kept
  double load_seconds = 0;         // from files to embedder, the hash of the weights included

  // One for each sentence whose vector nearhit brings; empty for all models but all-MiniLM-L6-v2,
  // which is known by the hash of its weights. Below kMinReferenceCosine something is wrong: the
  // settings next to the weights, the vocabulary, or the arithmetic of this machine.
  std::vector<ReferenceCheck> references{};
};

inline constexpr double kMinReferenceCosine = 0.995;

// Reads, hashes and loads the model of `folder`, and embeds the sentences of the self-test.
//
// Errors, each naming the file, the key and what was expected: kNotFound without a folder or a
// file, kUnavailable when one cannot be read, kInvalidArgument for what is wrong or not supported.
// Cost: that of loading the model, and a second reading of its files.
Result<ModelReport> InspectModel(const std::filesystem::path& folder);

}  // namespace nearhit
