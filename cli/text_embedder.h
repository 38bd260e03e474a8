// Who makes vectors of texts for a command: a model in this process, or a namespace of a daemon.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: externally synchronized.
class TextEmbedder {
 public:
  virtual ~TextEmbedder() = default;
  TextEmbedder(const TextEmbedder&) = delete;
  TextEmbedder& operator=(const TextEmbedder&) = delete;

  virtual std::string identity() const = 0;
  virtual std::size_t dimension() const = 0;

  // One vector for each of 1..kMaxBatch texts that CheckText() accepts; empty for a text that has
  // none.
  virtual Result<std::vector<std::vector<float>>> Embed(
      std::span<const std::string> texts) const = 0;

 protected:
  TextEmbedder() = default;
};

// What the daemon would refuse, said before anything is asked.
Status CheckText(std::string_view text);

// The flags that choose one: --model DIR or -n NAME, else $NEARHIT_NAMESPACE, else the default
// model folder (nearhit/local_embedder.h).
struct TextEmbedderFlags {
  std::string model;
  std::string name;

  void Add(CLI::App* command);

  // Loads the model, or asks the daemon about the namespace. On an error prints it and sets
  // `exit_code`.
  std::unique_ptr<TextEmbedder> Open(const CliContext& context, int* exit_code);

  // Prints an error of TextEmbedder; returns its exit code.
  int Fail(const CliContext& context, const Status& status) const;
};

}  // namespace nearhit
