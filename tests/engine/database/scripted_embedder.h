// An embedder that does what the test says. Kind "scripted"; its model is any name, and each has
// vectors of its own: those of one say nothing about those of another.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "base/mutex.h"
#include "base/normalize.h"
#include "nearhit/embedder.h"

namespace nearhit {

// Shared by all scripted embedders of the process.
//
// Thread-safety: thread-safe.
class EmbedderScript {
 public:
  using Texts = std::span<const std::string_view>;
  // Called before texts are embedded, by the thread that embeds; may block, and what it returns
  // becomes the embedder's error.
  using Hook = std::function<Status(const std::string& model, Texts texts)>;

  static EmbedderScript& Get() {
    static EmbedderScript script;
    return script;
  }

  // Also forgets what was counted, and makes every model available.
  void Reset(Hook hook = nullptr) {
    MutexLock lock(&mu_);
    hook_ = std::make_shared<Hook>(std::move(hook));
    embedded_ = 0;
    stopped_.clear();
    missing_.clear();
    kept_.clear();
  }
  void SetHook(Hook hook) {
    MutexLock lock(&mu_);
    hook_ = std::make_shared<Hook>(std::move(hook));
  }
  // Making the embedder of this model fails.
  void SetMissing(const std::string& model) {
    MutexLock lock(&mu_);
    missing_ = model;
  }
  bool IsMissing(const std::string& model) const {
    MutexLock lock(&mu_);
    return missing_ == model;
  }
  // Its vector is given without a wait, and without the hook.
  void Keep(std::string_view text) {
    MutexLock lock(&mu_);
    kept_.emplace(text);
  }
  bool Keeps(std::string_view text) const {
    MutexLock lock(&mu_);
    return kept_.contains(text);
  }
  Status Call(const std::string& model, Texts texts) {
    std::shared_ptr<Hook> hook;
    {
      MutexLock lock(&mu_);
      hook = hook_;
    }
    Status status = *hook ? (*hook)(model, texts) : Status();
    MutexLock lock(&mu_);
    embedded_ += status.ok() ? texts.size() : 0;
    return status;
  }
  void Stop(const std::string& model) {
    MutexLock lock(&mu_);
    stopped_.insert(model);
  }
  bool IsStopped(const std::string& model) const {
    MutexLock lock(&mu_);
    return stopped_.contains(model);
  }
  // Texts embedded since Reset().
  std::size_t embedded() const {
    MutexLock lock(&mu_);
    return embedded_;
  }

 private:
  mutable Mutex mu_;
  std::shared_ptr<Hook> hook_ NEARHIT_GUARDED_BY(mu_) = std::make_shared<Hook>();
  std::string missing_ NEARHIT_GUARDED_BY(mu_);
  std::set<std::string, std::less<>> kept_ NEARHIT_GUARDED_BY(mu_);
  std::set<std::string> stopped_ NEARHIT_GUARDED_BY(mu_);
  std::size_t embedded_ NEARHIT_GUARDED_BY(mu_) = 0;
};

inline constexpr std::uint32_t kScriptedDimension = 16;

// Of unit length, at random for each model. What follows a '~' in the text does not count: texts
// that differ only there mean the same to every model.
inline std::vector<float> ScriptedVector(const std::string& model, std::string_view text) {
  const std::string seed = model + '/' + std::string(text.substr(0, text.find('~')));
  std::mt19937_64 random(std::hash<std::string>()(seed));
  std::normal_distribution<float> component;
  std::vector<float> vector(kScriptedDimension);
  for (float& x : vector) {
    x = component(random);
  }
  NormalizeFor(Metric::kCosine, vector);
  return vector;
}

// Matches what is stored for it; storing normalises once more.
inline auto IsVectorOf(const std::string& model, std::string_view text) {
  return testing::Pointwise(testing::FloatNear(1e-6F), ScriptedVector(model, text));
}

class ScriptedEmbedder final : public Embedder {
 public:
  explicit ScriptedEmbedder(std::string model)
      : model_(std::move(model)), identity_("scripted/" + model_) {}

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return kScriptedDimension; }
  bool may_block() const override { return true; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    NEARHIT_RETURN_IF_ERROR(EmbedderScript::Get().Call(model_, texts));
    return RowsOf(texts);
  }
  Result<std::vector<float>> TryEmbed(std::span<const std::string_view> texts) const override {
    for (const std::string_view text : texts) {
      if (!EmbedderScript::Get().Keeps(text)) {
        return WouldBlock("not kept");
      }
    }
    return RowsOf(texts);
  }
  void Stop() const override { EmbedderScript::Get().Stop(model_); }

 private:
  std::vector<float> RowsOf(std::span<const std::string_view> texts) const {
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      const std::vector<float> row = ScriptedVector(model_, text);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    return rows;
  }

  const std::string model_;
  const std::string identity_;
};

inline EmbedderSpec ScriptedSpec(const std::string& model) {
  EmbedderSpec spec;
  spec.kind = "scripted";
  spec.model = model;
  return spec;
}

inline void RegisterScriptedEmbedder() {
  RegisterEmbedder(
      "scripted",
      [](const EmbedderSpec& spec, std::size_t) -> Result<std::shared_ptr<const Embedder>> {
        if (EmbedderScript::Get().IsMissing(spec.model)) {
          return NotFound("model " + spec.model + " is not there");
        }
        return std::shared_ptr<const Embedder>(std::make_shared<ScriptedEmbedder>(spec.model));
      });
}

}  // namespace nearhit
