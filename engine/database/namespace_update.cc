#include "engine/database/namespace_update.h"

#include <string>

#include "engine/database/validate.h"
#include "nearhit/settings.h"

namespace nearhit {

Status ApplyUpdate(const NamespaceUpdate& update, NamespaceConfig* config) {
  ForEachSetting([&](const auto& setting) {
    config->*setting.value = (update.*setting.update).value_or(config->*setting.value);
  });
  config->guards_off = update.guards_off.value_or(config->guards_off);
  config->durability = update.durability.value_or(config->durability);
  if (update.dimension && (!update.embedder || !update.reembed)) {
    return InvalidArgument("dimension can only change together with embedder and reembed");
  }
  if (update.embedder) {
    config->embedder = *update.embedder;
    config->dimension = update.dimension.value_or(config->dimension);
  }
  NEARHIT_ASSIGN_OR_RETURN(*config, CheckConfig(*config));
  return Status();
}

Result<bool> NeedsReembedding(const NamespaceUpdate& update, const NamespaceRecord& record,
                              const NamespaceConfig& config, std::string_view identity) {
  if (identity == record.embedder_identity && config.dimension == record.config.dimension) {
    return false;
  }
  if (!update.reembed) {
    return FailedPrecondition("the embedder would change from " + record.embedder_identity +
                              " to " + std::string(identity) + ", which needs reembed");
  }
  if (config.embedder.kind == "none") {
    return InvalidArgument("reembed needs an embedder, none makes no vectors");
  }
  return true;
}

}  // namespace nearhit
