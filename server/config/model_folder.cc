#include "server/config/model_folder.h"

#include <filesystem>
#include <system_error>

#include "nearhit/local_embedder.h"

namespace nearhit::server {

Status ResolveModelFolder(Config* config) {
  const std::filesystem::path folder =
      config->model_folder ? std::filesystem::path(*config->model_folder) : DefaultModelFolder();
  if (folder.empty()) {
    config->model_folder = "";
    return Status();
  }
  std::error_code failed;
  if (!std::filesystem::is_directory(folder, failed)) {
    return InvalidArgument(
        "embedding.model_folder, --model-folder or $NEARHIT_MODEL names the folder " +
        folder.string() + ", which is not there");
  }
  config->model_folder = std::filesystem::absolute(folder).string();
  return Status();
}

Status CompleteEmbedder(const std::string& model_folder, EmbedderSpec* spec) {
  if (spec->kind.empty()) {
    spec->kind = "none";
  }
  if (spec->kind == "local" && spec->model.empty()) {
    if (model_folder.empty()) {
      return InvalidArgument(
          "embedder.model is empty, and the server has no model folder (embedding.model_folder)");
    }
    spec->model = model_folder;
  }
  return Status();
}

Status CompleteNamespace(const std::string& model_folder, NamespaceConfig* config) {
  EmbedderSpec unsaid;
  unsaid.kind = "";
  if (config->embedder == unsaid && config->kind == NamespaceKind::kCache &&
      config->dimension == 0 && !model_folder.empty()) {
    config->embedder.kind = "local";
  }
  return CompleteEmbedder(model_folder, &config->embedder);
}

}  // namespace nearhit::server
