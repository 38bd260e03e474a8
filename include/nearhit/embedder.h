// Text to vectors. Implement this to bring your own model; nearhit brings `lexical` and `http`, and
// `local` as a separate component (nearhit/local_embedder.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// What an embedder has counted since it was made.
struct EmbedderStats {
  std::uint64_t memo_hits = 0;    // texts whose vector it still had
  std::uint64_t memo_misses = 0;  // texts whose vector it did not have
};

// Turns texts into vectors of one fixed dimension.
//
// Thread-safety: thread-safe; calls run together.
class Embedder {
 public:
  virtual ~Embedder() = default;
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  // Says exactly which function this is: "lexical/v1/384", "http/text-embedding-3-small/1536".
  // Stored with each namespace. Vectors of two identities never meet in one index.
  virtual std::string_view identity() const = 0;

  // Components per vector; >= 1.
  virtual std::size_t dimension() const = 0;

  // True when Embed() may wait (network, disk). Such calls are kept off threads that must not
  // block.
  virtual bool may_block() const = 0;

  // Embeds `texts` (valid UTF-8), row i of the result being the vector of texts[i]:
  // texts.size() * dimension() finite floats, row-major. Rows need not be normalised. A row of
  // zeros says that this text has no vector (longer than the model reads): it is stored and found
  // by its exact bytes alone.
  //
  // Errors: kDeadlineExceeded once `deadline` passes; kCancelled after Stop(); kUnavailable when
  // the model cannot be reached; kInvalidArgument when a text is refused (over the model's length,
  // invalid UTF-8), or their number is. All or nothing: the engine asks again with half of the
  // texts, and a text that is refused by itself counts as one of zeros.
  virtual Result<std::vector<float>> Embed(
      std::span<const std::string_view> texts,
      std::chrono::steady_clock::time_point deadline) const = 0;

  // As Embed() where that needs no wait, as for texts whose vectors it has kept; otherwise
  // kWouldBlock, at once. For threads that must not block.
  virtual Result<std::vector<float>> TryEmbed(std::span<const std::string_view> texts) const {
    return may_block() ? WouldBlock("the embedder may wait")
                       : Embed(texts, std::chrono::steady_clock::time_point::max());
  }

  // Its owner closes: Embed() that waits for something ends within a second or so with kCancelled,
  // and so do later calls. One that may take long should heed it.
  virtual void Stop() const {}

  // Zeros where nothing is counted.
  virtual EmbedderStats stats() const { return {}; }

 protected:
  Embedder() = default;
};

// Which embedder a namespace uses. Stored with the namespace.
struct EmbedderSpec {
  // "none": callers send vectors. "lexical": built in, hashed n-grams, needs nothing.
  // "http": an OpenAI-compatible POST {url} (…/v1/embeddings). "local": the model in the folder
  // `model`, once RegisterLocalEmbedder() was called. Others: what RegisterEmbedder() was given.
  std::string kind = "none";

  std::string url{};    // http: e.g. "http://127.0.0.1:8080/v1/embeddings"
  std::string model{};  // http: sent as "model"; local: the folder

  // http only.
  std::string api_key_env{};   // environment variable that holds the key; never the key itself
  std::string api_key_file{};  // or a file that holds it
  std::chrono::milliseconds timeout{5'000};  // whole call, retries included
  std::size_t max_batch = 128;               // texts per request
  int max_retries = 2;                       // on 429, 5xx and connection errors, with backoff

  // local only. Each is a part of the identity when it is not the default.
  std::string prefix{};             // put before each text ("query: "); empty: what the folder says
  std::string arithmetic = "fast";  // of an encoder: "fast" (8 bits a weight) or "float32"
  // A text over the model's length: "refuse" gives it no vector. "windows" gives a text of up to
  // two lengths the mean of the vectors of its beginning and its end, which cover it together, and
  // longer ones none.
  std::string long_text = "refuse";

  friend bool operator==(const EmbedderSpec&, const EmbedderSpec&) = default;
};

// Makes the embedder that `spec` describes, for vectors of `dimension` components; 0 lets a kind
// that has its own dimension choose it. Returns a null pointer for kind "none".
//
// Errors: kInvalidArgument for an unknown kind or a bad field (named in the message);
// kFailedPrecondition when the key's file or variable is missing; those of a registered maker.
Result<std::shared_ptr<const Embedder>> MakeEmbedder(const EmbedderSpec& spec,
                                                     std::size_t dimension);

// Makes one more kind known to MakeEmbedder, and so to every Database of the process that is opened
// afterwards. `maker` gets the spec, whose texts and limits were checked, and is called from any
// thread. A kind that is known keeps its maker.
//
// Thread-safety: thread-safe.
using EmbedderMaker = std::function<Result<std::shared_ptr<const Embedder>>(
    const EmbedderSpec& spec, std::size_t dimension)>;
void RegisterEmbedder(const std::string& kind, EmbedderMaker maker);

// The kinds that MakeEmbedder knows now, built in or registered, in the order of the alphabet.
//
// Thread-safety: thread-safe.
std::vector<std::string> EmbedderKinds();

}  // namespace nearhit
