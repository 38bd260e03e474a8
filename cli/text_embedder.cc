#include "cli/text_embedder.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/utf8.h"
#include "cli/parse.h"
#include "nearhit/embedder.h"
#include "nearhit/local_embedder.h"
#include "nearhit/types.h"

namespace nearhit {
namespace {

class ModelEmbedder final : public TextEmbedder {
 public:
  ModelEmbedder(std::shared_ptr<const Embedder> embedder, std::chrono::milliseconds timeout)
      : embedder_(std::move(embedder)), timeout_(timeout) {}

  std::string identity() const override { return std::string(embedder_->identity()); }
  std::size_t dimension() const override { return embedder_->dimension(); }

  Result<std::vector<std::vector<float>>> Embed(std::span<const std::string> texts) const override {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> rows,
                             embedder_->Embed(views, std::chrono::steady_clock::now() + timeout_));
    std::vector<std::vector<float>> vectors(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto row = std::span(rows).subspan(i * dimension(), dimension());
      if (std::ranges::any_of(row, [](float component) { return component != 0; })) {
        vectors[i].assign(row.begin(), row.end());
      }
    }
    return vectors;
  }

 private:
  const std::shared_ptr<const Embedder> embedder_;
  const std::chrono::milliseconds timeout_;
};

class DaemonEmbedder final : public TextEmbedder {
 public:
  DaemonEmbedder(Client client, const v1::NamespaceInfo& info)
      : client_(std::move(client)), info_(info) {}

  std::string identity() const override { return info_.embedder_identity(); }
  std::size_t dimension() const override { return info_.config().dimension(); }

  Result<std::vector<std::vector<float>>> Embed(std::span<const std::string> texts) const override {
    v1::EmbedRequest request;
    request.set_namespace_(info_.name());
    request.mutable_texts()->Add(texts.begin(), texts.end());
    v1::EmbedResponse response;
    NEARHIT_RETURN_IF_ERROR(
        client_.Call(client_.vectors(), &v1::Vectors::Stub::Embed, request, &response));
    std::vector<std::vector<float>> vectors;
    for (const std::string& bytes : response.vectors()) {
      vectors.push_back(DecodeVector(bytes));
      if (!bytes.empty() && vectors.back().size() != dimension()) {
        return Internal("the server's vectors have another dimension than its namespace");
      }
    }
    if (vectors.size() != texts.size()) {
      return Internal("the server answered " + std::to_string(vectors.size()) + " vectors for " +
                      std::to_string(texts.size()) + " texts");
    }
    return vectors;
  }

 private:
  const Client client_;
  const v1::NamespaceInfo info_;
};

Result<std::unique_ptr<TextEmbedder>> OpenModel(const std::string& folder,
                                                std::chrono::milliseconds timeout) {
  RegisterLocalEmbedder();
  EmbedderSpec spec;
  spec.kind = "local";
  spec.model = folder;
  Result<std::shared_ptr<const Embedder>> made = MakeEmbedder(spec, 0);
  if (!made.ok()) {
    return Status(made.status().code(), folder + ": " + std::string(made.status().message()));
  }
  return std::unique_ptr<TextEmbedder>(std::make_unique<ModelEmbedder>(*std::move(made), timeout));
}

Result<std::unique_ptr<TextEmbedder>> OpenNamespace(const std::string& name, Client client) {
  v1::DescribeNamespaceRequest request;
  request.set_name(name);
  v1::DescribeNamespaceResponse response;
  NEARHIT_RETURN_IF_ERROR(
      client.Call(client.admin(), &v1::Admin::Stub::DescribeNamespace, request, &response));
  return std::unique_ptr<TextEmbedder>(
      std::make_unique<DaemonEmbedder>(std::move(client), response.info()));
}

}  // namespace

Status CheckText(std::string_view text) {
  if (text.empty() || text.size() > kMaxSlotBytes) {
    return InvalidArgument("the text has " + std::to_string(text.size()) +
                           " bytes, it must have 1 to " + std::to_string(kMaxSlotBytes));
  }
  return IsValidUtf8(text) ? Status() : InvalidArgument("the text is not valid UTF-8");
}

void TextEmbedderFlags::Add(CLI::App* command) {
  CLI::Option* model_option = command->add_option(
      "--model", model,
      "Folder of the model to run here; default: $NEARHIT_MODEL, or where scripts/run puts it");
  command->add_option("-n,--namespace", name, "Ask the daemon for the vectors of this namespace")
      ->excludes(model_option);
}

std::unique_ptr<TextEmbedder> TextEmbedderFlags::Open(const CliContext& context, int* exit_code) {
  if (const char* variable = std::getenv("NEARHIT_NAMESPACE");
      model.empty() && name.empty() && variable != nullptr) {
    name = variable;
  }
  if (name.empty() && model.empty()) {
    model = DefaultModelFolder().string();
  }
  if (name.empty() && model.empty()) {
    *exit_code = context.FailUsage(
        InvalidArgument("who makes the vectors? Give --model DIR or -n NAMESPACE"));
    return nullptr;
  }
  Client client = context.Connect(kBulkTimeout);
  auto opened =
      name.empty() ? OpenModel(model, client.timeout()) : OpenNamespace(name, std::move(client));
  if (!opened.ok()) {
    *exit_code = Fail(context, opened.status());
    return nullptr;
  }
  return *std::move(opened);
}

int TextEmbedderFlags::Fail(const CliContext& context, const Status& status) const {
  // What is wrong with a model here is a file that cannot be used, not a server that refuses.
  return name.empty() && status.code() != StatusCode::kDeadlineExceeded ? context.FailUsage(status)
                                                                        : context.Fail(status);
}

}  // namespace nearhit
