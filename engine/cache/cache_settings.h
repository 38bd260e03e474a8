// The settings that one call of a cache works with, and how they change.
#pragma once

#include <cstdint>
#include <memory>

#include "base/fault_log.h"
#include "base/mutex.h"
#include "engine/cache/label_book.h"
#include "engine/embedding/embedder_service.h"
#include "engine/policy/lessons.h"
#include "engine/policy/serving_policy.h"
#include "engine/policy/traffic.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"

namespace nearhit {

// The parts of the configuration that calls read, taken together.
//
// Thread-safety: immutable.
struct CacheSettings {
  NamespaceConfig config;
  std::uint64_t label_version = 0;  // of the labels that the lessons are of
  std::shared_ptr<const Lessons> lessons;
  std::shared_ptr<const ServingPolicy> serving;
  std::shared_ptr<EmbedderService> embedder;  // null: callers bring the vectors
};

// What settings are made with, besides a configuration.
struct SettingsSources {
  std::shared_ptr<const LabelBook> labels{};
  std::shared_ptr<const Traffic> traffic{};
  std::shared_ptr<FaultLog> faults{};  // of embedders; may be null
  MakeServingPolicy make_policy{};
};

// Thread-safety: thread-safe. Readers do not wait for changes.
class SettingsKeeper {
 public:
  // `embedder` may be null.
  SettingsKeeper(SettingsSources sources, const NamespaceConfig& config,
                 std::shared_ptr<const Embedder> embedder);

  std::shared_ptr<const CacheSettings> now() const;
  const SettingsSources& sources() const { return sources_; }

  // Returns the settings that were there before.
  std::shared_ptr<const CacheSettings> Configure(const NamespaceConfig& config,
                                                 std::shared_ptr<const Embedder> embedder);
  // Takes note of labels that came since.
  void Learn();

 private:
  std::shared_ptr<const CacheSettings> Make(const NamespaceConfig& config,
                                            std::shared_ptr<EmbedderService> embedder,
                                            const CacheSettings* before) const;
  std::shared_ptr<EmbedderService> Service(std::shared_ptr<const Embedder> embedder,
                                           const NamespaceConfig& config) const;
  void Set(std::shared_ptr<const CacheSettings> next);

  const SettingsSources sources_;
  Mutex changing_mu_;  // changes take turns
  mutable Mutex mu_;
  std::shared_ptr<const CacheSettings> now_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
