#include "engine/cache/cache_settings.h"

#include <utility>

namespace nearhit {

SettingsKeeper::SettingsKeeper(SettingsSources sources, const NamespaceConfig& config,
                               std::shared_ptr<const Embedder> embedder)
    : sources_(std::move(sources)),
      now_(Make(config, Service(std::move(embedder), config), nullptr)) {
}

std::shared_ptr<const CacheSettings> SettingsKeeper::now() const {
  MutexLock lock(&mu_);
  return now_;
}

void SettingsKeeper::Set(std::shared_ptr<const CacheSettings> next) {
  MutexLock lock(&mu_);
  now_.swap(next);
}

std::shared_ptr<const CacheSettings> SettingsKeeper::Configure(
    const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder) {
  const MutexLock changing(&changing_mu_);
  std::shared_ptr<const CacheSettings> before = now();
  // What it has found out of the embedder stays with it.
  const bool same = before->embedder != nullptr && before->embedder->embedder() == embedder;
  Set(Make(config, same ? before->embedder : Service(std::move(embedder), config), before.get()));
  return before;
}

void SettingsKeeper::Learn() {
  const MutexLock changing(&changing_mu_);
  const std::shared_ptr<const CacheSettings> before = now();
  if (before->label_version != sources_.labels->version()) {
    Set(Make(before->config, before->embedder, before.get()));
  }
}

std::shared_ptr<const CacheSettings> SettingsKeeper::Make(const NamespaceConfig& config,
                                                          std::shared_ptr<EmbedderService> embedder,
                                                          const CacheSettings* before) const {
  auto made = std::make_shared<CacheSettings>();
  made->config = config;
  made->embedder = std::move(embedder);
  made->label_version = sources_.labels->version();
  made->lessons =
      Lessons::Learn(sources_.labels->Pairs(), GuardSet::All().Without(config.guards_off),
                     made->label_version, before == nullptr ? nullptr : before->lessons.get());
  made->serving = sources_.make_policy(
      {.config = config, .traffic = sources_.traffic, .lessons = made->lessons});
  return made;
}

std::shared_ptr<EmbedderService> SettingsKeeper::Service(std::shared_ptr<const Embedder> embedder,
                                                         const NamespaceConfig& config) const {
  return embedder == nullptr
             ? nullptr
             : std::make_shared<EmbedderService>(std::move(embedder), config.embedder,
                                                 config.metric, sources_.faults);
}

}  // namespace nearhit
