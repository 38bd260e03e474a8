#include "cli/namespace_flags.h"

#include <vector>

#include <google/protobuf/descriptor.h>

#include "cli/parse.h"

namespace nearhit {
namespace {

// Flags that are texts of nearhit.v1.EmbedderSpec.
struct EmbedderFlag {
  const char* flag;
  const char* field;
  const char* help;
  std::vector<std::string> choices;  // empty: any
};
const std::array<EmbedderFlag, NamespaceFlags::kEmbedderFlags>& EmbedderFlags() {
  static const std::array<EmbedderFlag, NamespaceFlags::kEmbedderFlags> flags = {{
      {"--embedder",
       "kind",
       "Kind of embedder: none, lexical, http, local, or one that the server knows",
       {}},
      {"--embedder-url", "url", "http: the /v1/embeddings endpoint", {}},
      {"--embedder-model", "model", "http: the model's name; local: its folder, on the server", {}},
      {"--embedder-key-env", "api_key_env", "http: server's variable with the key", {}},
      {"--embedder-prefix",
       "prefix",
       "local: what goes before each text (\"query: \"); empty: the model's own",
       {}},
      {"--embedder-arithmetic",
       "arithmetic",
       "local: fast (8 bits a weight) or float32",
       {"fast", "float32"}},
      {"--embedder-long-text",
       "long_text",
       "local: texts over the model's length: refuse, or read in two windows",
       {"refuse", "windows"}},
  }};
  return flags;
}

// Calls `set` with the milliseconds of `text`, unless it is empty.
template <typename Set>
Status SetDuration(const std::string& text, Set set) {
  if (text.empty()) {
    return {};
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::int64_t millis, ParseDurationMs(text));
  set(millis);
  return {};
}

// What NamespaceConfig and UpdateNamespaceRequest have in common.
template <typename Message>
Status FillLimits(const NamespaceFlags& flags, Message* message) {
  if (flags.threshold) {
    message->set_threshold(*flags.threshold);
  }
  if (flags.max_error) {
    message->set_max_error(*flags.max_error);
  }
  if (flags.guards_off) {
    message->set_guards_off(*flags.guards_off);
  }
  if (flags.max_entries) {
    message->set_max_entries(*flags.max_entries);
  }
  if (flags.max_bytes) {
    message->set_max_bytes(*flags.max_bytes);
  }
  if (flags.durability != v1::DURABILITY_DEFAULT) {
    message->set_durability(flags.durability);
  }
  if (flags.dimension != 0) {
    message->set_dimension(flags.dimension);
  }
  if (!flags.embedder[0].empty()) {
    v1::EmbedderSpec& embedder = *message->mutable_embedder();
    for (std::size_t i = 0; i < flags.embedder.size(); ++i) {
      const auto* field = v1::EmbedderSpec::descriptor()->FindFieldByName(EmbedderFlags()[i].field);
      v1::EmbedderSpec::GetReflection()->SetString(&embedder, field, flags.embedder[i]);
    }
  }
  NEARHIT_RETURN_IF_ERROR(SetDuration(
      flags.default_ttl, [message](std::int64_t millis) { message->set_default_ttl_ms(millis); }));
  NEARHIT_RETURN_IF_ERROR(SetDuration(
      flags.max_ttl, [message](std::int64_t millis) { message->set_max_ttl_ms(millis); }));
  return SetDuration(flags.idle_ttl,
                     [message](std::int64_t millis) { message->set_idle_ttl_ms(millis); });
}

}  // namespace

void NamespaceFlags::AddFixed(CLI::App* command) {
  command->add_option("--kind", kind, "What it holds: cache or vectors")
      ->check(CLI::IsMember({"cache", "vectors"}))
      ->capture_default_str();
  command->add_option("--metric", metric, "How vectors are compared: cosine, ip or l2")
      ->check(CLI::IsMember({"cosine", "ip", "l2"}))
      ->capture_default_str();
}

void NamespaceFlags::AddChangeable(CLI::App* command, bool with_durability) {
  command->add_option("--dimension", dimension,
                      "Components of every vector; 0: the embedder's own");
  for (std::size_t i = 0; i < embedder.size(); ++i) {
    const EmbedderFlag& flag = EmbedderFlags()[i];
    CLI::Option* option = command->add_option(flag.flag, embedder[i], flag.help);
    if (!flag.choices.empty()) {
      option->check(CLI::IsMember(flag.choices));
    }
  }
  command->add_option("--threshold", threshold, "Lowest score of a semantic hit");
  command->add_option("--max-error", max_error,
                      "Share of requests that may be answered wrongly; 0: the threshold decides");
  command->add_option("--guards-off", guards_off,
                      "Guards that refuse no hits: names with commas, or all");
  command->add_option("--default-ttl", default_ttl,
                      "Lifetime of a store without one (30s, 12h, 7d)");
  command->add_option("--max-ttl", max_ttl, "Longest lifetime allowed");
  command->add_option("--idle-ttl", idle_ttl, "Entries not read for so long expire");
  command->add_option("--max-entries", max_entries, "Budget of entries; 0: unlimited");
  command->add_option("--max-bytes", max_bytes, "Budget of bytes; 0: unlimited")
      ->transform(CLI::AsSizeValue(false));
  if (with_durability) {
    AddDurabilityFlag(command, &durability);
  }
}

Status NamespaceFlags::Fill(v1::CreateNamespaceRequest* request) const {
  v1::NamespaceConfig& config = *request->mutable_config();
  config.set_kind(kind == "vectors" ? v1::NAMESPACE_KIND_VECTORS : v1::NAMESPACE_KIND_CACHE);
  config.set_metric(metric == "ip"   ? v1::METRIC_INNER_PRODUCT
                    : metric == "l2" ? v1::METRIC_L2
                                     : v1::METRIC_COSINE);
  return FillLimits(*this, &config);
}

Status NamespaceFlags::Fill(v1::UpdateNamespaceRequest* request) const {
  return FillLimits(*this, request);
}

}  // namespace nearhit
