// RegisterLocalEmbedder of nearhit/local_embedder.h: the models of this process.
#include <algorithm>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "base/mutex.h"
#include "engine/model/helper_threads.h"
#include "engine/model/local_embedder.h"
#include "nearhit/local_embedder.h"

namespace nearhit {
namespace {

// Each encoder in memory once, and each embedder, so that namespaces share its memo as well.
//
// Thread-safety: thread-safe; loading holds the lock. Ownership: what is loaded belongs to who uses
// it.
class Models {
 public:
  explicit Models(const LocalEmbedderOptions& options)
      : threads_(options.threads != 0
                     ? options.threads
                     : std::max<std::size_t>(2, std::thread::hardware_concurrency()) - 1),
        memo_bytes_(options.memo_bytes) {}

  Result<std::shared_ptr<const Embedder>> Get(const EmbedderSpec& spec) {
    std::error_code failed;
    const std::filesystem::path folder = std::filesystem::canonical(spec.model, failed);
    if (failed) {
      return NotFound("model folder of " + std::to_string(spec.model.size()) +
                      " bytes cannot be opened: " + failed.message());
    }
    MutexLock lock(&mu_);
    Forget(&embedders_);
    Forget(&encoders_);
    std::weak_ptr<const Embedder>& known =
        embedders_[{folder, spec.prefix, spec.arithmetic, spec.long_text}];
    if (std::shared_ptr<const Embedder> embedder = known.lock()) {
      return embedder;
    }
    NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, Make(folder, spec));
    known = embedder;
    return embedder;
  }

 private:
  // Drops what nobody uses any more: a caller may name any number of prefixes.
  template <typename Map>
  static void Forget(Map* map) {
    std::erase_if(*map, [](const auto& known) { return known.second.expired(); });
  }

  Result<std::shared_ptr<const Embedder>> Make(const std::filesystem::path& folder,
                                               const EmbedderSpec& spec) NEARHIT_REQUIRES(mu_) {
    LocalSettings settings;
    settings.prefix = spec.prefix;
    settings.arithmetic = spec.arithmetic == "float32" ? Arithmetic::kFloat32 : Arithmetic::kFast;
    settings.windows = spec.long_text == "windows";
    settings.memo_bytes = memo_bytes_;
    std::weak_ptr<const LocalModel>& known = encoders_[{folder, spec.arithmetic}];
    if (std::shared_ptr<const LocalModel> model = known.lock()) {
      return LocalEmbedder::Make(std::move(model), std::move(settings));
    }
    NEARHIT_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(folder));
    if (config.kind == ModelConfig::Kind::kStatic) {
      return LocalEmbedder::LoadStatic(folder, config, std::move(settings));
    }
    if (workers_ == nullptr) {  // no threads in processes that never load an encoder
      workers_ = std::make_shared<HelperThreads>(threads_ - 1);
    }
    const LocalModel::Options options{
        .arithmetic = settings.arithmetic, .threads = threads_, .workers = workers_};
    NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const LocalModel> model,
                             LocalModel::Load(folder, std::move(config), options));
    known = model;
    return LocalEmbedder::Make(std::move(model), std::move(settings));
  }

  const std::size_t threads_;
  const std::size_t memo_bytes_;
  Mutex mu_;
  std::map<std::tuple<std::filesystem::path, std::string, std::string, std::string>,
           std::weak_ptr<const Embedder>>
      embedders_ NEARHIT_GUARDED_BY(mu_);  // by folder, prefix, arithmetic and long_text
  std::map<std::pair<std::filesystem::path, std::string>, std::weak_ptr<const LocalModel>> encoders_
      NEARHIT_GUARDED_BY(mu_);
  std::shared_ptr<HelperThreads> workers_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace

Status RegisterLocalEmbedder(const LocalEmbedderOptions& options) {
  if (options.threads > LocalEmbedderOptions::kMaxThreads) {
    return InvalidArgument("threads is " + std::to_string(options.threads) + ", not in 0.." +
                           std::to_string(LocalEmbedderOptions::kMaxThreads));
  }
  if (options.memo_bytes > LocalEmbedderOptions::kMaxMemoBytes) {
    return InvalidArgument("memo_bytes is " + std::to_string(options.memo_bytes) + ", not in 0.." +
                           std::to_string(LocalEmbedderOptions::kMaxMemoBytes));
  }
  // Not destroyed: used by what outlives main.
  static auto* const models = new Models(options);
  RegisterEmbedder("local",
                   [](const EmbedderSpec& spec, std::size_t) { return models->Get(spec); });
  return Status();
}

void RegisterLocalEmbedder() {
  RegisterLocalEmbedder(LocalEmbedderOptions()).IgnoreError();  // the defaults are in range
}

}  // namespace nearhit
