#include "server/config/config_gateway.h"

#include <algorithm>
#include <string_view>

#include "nearhit/types.h"
#include "server/config/config.h"

namespace nearhit::server {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

// Of an upstream or a judge.
template <typename T>
void ReadKeySource(const toml::table& table, TomlReader* reader, T* out) {
  reader->String("api_key_env", &out->api_key_env);
  reader->String("api_key_file", &out->api_key_file);
  if (!out->api_key_env.empty() && !out->api_key_file.empty()) {
    reader->Fail(table.get("api_key_file"), "api_key_file", "and api_key_env cannot both be set");
  }
}

Result<UpstreamOptions> ReadUpstream(const toml::table& table, const std::string& source) {
  UpstreamOptions out;
  TomlReader reader(table, "gateway.upstream", source);
  reader.Required("url");
  reader.String("url", &out.url);
  if (const auto url = UpstreamOfUrl(out.url); url.ok()) {
    out.name = url->name;
  } else {
    reader.Fail(table.get("url"), "url", url.status().message());
  }
  reader.String("name", &out.name);
  reader.Enum<UpstreamDialect>("dialect",
                               {{"any", UpstreamDialect::kAny},
                                {"openai", UpstreamDialect::kOpenAi},
                                {"anthropic", UpstreamDialect::kAnthropic}},
                               &out.dialect);
  reader.Strings("models", &out.models);
  ReadKeySource(table, &reader, &out);
  reader.Int("tier", 0, 100, &out.tier);
  reader.Int("weight", 1, 1'000, &out.weight);
  reader.Bool("ask_usage", &out.ask_usage);
  reader.Int("connect_timeout_ms", 1, kHourMs, &out.connect_timeout_ms);
  reader.Int("first_byte_timeout_ms", 1, kHourMs, &out.first_byte_timeout_ms);
  reader.Int("idle_timeout_ms", 1, kHourMs, &out.idle_timeout_ms);
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

Result<PriceOptions> ReadPrice(const toml::table& table, const std::string& source) {
  PriceOptions out;
  TomlReader reader(table, "gateway.price", source);
  for (const std::string_view key : {"model", "input", "output"}) {
    reader.Required(key);
  }
  reader.String("model", &out.model);
  reader.Double("input", 0, PriceOptions::kMost, &out.input);
  reader.Double("output", 0, PriceOptions::kMost, &out.output);
  if (table.contains("cached_input")) {
    reader.Double("cached_input", 0, PriceOptions::kMost, &out.cached_input.emplace(0));
  }
  if (out.model.empty()) {
    reader.Fail(table.get("model"), "model", "must not be empty");
  }
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

// One of each table of the array `key`.
template <typename T>
void ReadEach(TomlReader* reader, std::string_view key, const std::string& source,
              Result<T> (*read)(const toml::table&, const std::string&), std::vector<T>* out) {
  for (const toml::table* table : reader->Tables(key)) {
    auto one = read(*table, source);
    if (!one.ok()) {
      reader->Fail(one.status());
      return;
    }
    out->push_back(*std::move(one));
  }
}

void ReadTls(const toml::table& table, TomlReader* reader, GatewayOptions* out) {
  reader->String("tls_certificate", &out->tls_certificate);
  reader->String("tls_key", &out->tls_key);
  reader->String("tls_client_ca", &out->tls_client_ca);
  if (out->tls_key.empty() && !out->tls_certificate.empty()) {
    reader->Fail(table.get("tls_certificate"), "tls_certificate", "needs gateway.tls_key");
  }
  if (out->tls_certificate.empty() && !out->tls_key.empty()) {
    reader->Fail(table.get("tls_key"), "tls_key", "needs gateway.tls_certificate");
  }
  if (out->tls_certificate.empty() && !out->tls_client_ca.empty()) {
    reader->Fail(table.get("tls_client_ca"), "tls_client_ca", "needs gateway.tls_certificate");
  }
}

void ReadHosts(const toml::table& table, TomlReader* reader, GatewayOptions* out) {
  reader->Strings("hosts", &out->hosts);
  for (const std::string& host : out->hosts) {
    const bool port = !host.starts_with('[') && host.find(':') != std::string::npos;
    if (host.empty() || port || host.find_first_of("/ ") != std::string::npos) {
      reader->Fail(table.get("hosts"), "hosts", "must be names without schemes and ports");
    }
  }
}

}  // namespace

Result<UpstreamOptions> UpstreamOfUrl(const std::string& url) {
  const std::string_view rest = url.starts_with("http://")    ? std::string_view(url).substr(7)
                                : url.starts_with("https://") ? std::string_view(url).substr(8)
                                                              : std::string_view();
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (host.empty() || host.find('@') != std::string_view::npos ||
      url.find_first_of(" \t\r\n?#") != std::string::npos) {
    return InvalidArgument("must be \"http://host\" or \"https://host\", perhaps with a path");
  }
  UpstreamOptions out;
  out.name = host;
  out.url = url;
  return out;
}

bool IsLoopbackHost(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") &&
          host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool ListensOnLoopback(const GatewayOptions& options) {
  return IsLoopbackHost(std::string_view(options.listen).substr(0, options.listen.rfind(':')));
}

bool ServesHttpApi(const GatewayOptions& options) {
  return options.http_api == HttpApi::kAlways ||
         (options.http_api == HttpApi::kLoopback && ListensOnLoopback(options));
}

Result<GatewayOptions> ReadGateway(const toml::table& table, const std::string& source) {
  GatewayOptions out;
  TomlReader reader(table, "gateway", source);
  out.listen = std::string(kDefaultGatewayListen);
  reader.String("listen", &out.listen);
  if (const Status listen = CheckListenAddress(out.listen); !listen.ok() && !out.listen.empty()) {
    reader.Fail(table.get("listen"), "listen", listen.message());
  }
  ReadTls(table, &reader, &out);
  reader.Int("threads", 1, 256, &out.threads);
  reader.Int("max_connections", 1, 1'000'000, &out.max_connections);
  reader.Int("max_body_bytes", 1'024, std::int64_t{512} << 20, &out.max_body_bytes);
  reader.String("namespace", &out.name_space);
  reader.String("exact_namespace", &out.exact_namespace);
  reader.Enum<Isolation>("isolation",
                         {{"caller", Isolation::kCaller}, {"shared", Isolation::kShared}},
                         &out.isolation);
  reader.Int("semantic_user_turns", 1, 1'000, &out.semantic_user_turns);
  reader.Bool("shadow", &out.shadow);
  reader.Float("sample", 0, 1, &out.sample);
  reader.Float("same_answer", 0, 1, &out.same_answer);
  reader.Bool("cache_tool_calls", &out.cache_tool_calls);
  reader.Float("coalesce_threshold", 0, 1, &out.coalesce_threshold);
  reader.Int("lookup_timeout_ms", 1, 60'000, &out.lookup_timeout_ms);
  reader.Int("max_answer_bytes", 1'024, std::int64_t{16} << 20, &out.max_answer_bytes);
  reader.Enum<HitUsage>("hit_usage", {{"recorded", HitUsage::kRecorded}, {"zero", HitUsage::kZero}},
                        &out.hit_usage);
  reader.Enum<ReplayMode>(
      "replay", {{"burst", ReplayMode::kBurst}, {"recorded", ReplayMode::kRecorded}}, &out.replay);
  reader.Enum<HttpApi>(
      "http_api",
      {{"loopback", HttpApi::kLoopback}, {"always", HttpApi::kAlways}, {"never", HttpApi::kNever}},
      &out.http_api);
  ReadHosts(table, &reader, &out);
  ReadEach(&reader, "upstream", source, ReadUpstream, &out.upstreams);
  ReadEach(&reader, "price", source, ReadPrice, &out.prices);
  if (out.upstreams.empty() && !out.listen.empty()) {
    reader.Fail(nullptr, "upstream", "is missing: name a provider in [[gateway.upstream]]");
  }
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

Result<JudgeOptions> ReadJudge(const toml::table& table, const std::string& source) {
  JudgeOptions out;
  TomlReader reader(table, "judge", source);
  reader.String("url", &out.url);
  reader.String("model", &out.model);
  if (!out.url.empty()) {
    const Status url = UpstreamOfUrl(out.url).status();
    if (!url.ok()) {
      reader.Fail(table.get("url"), "url", url.message());
    }
    if (out.model.empty()) {
      reader.Fail(table.get("url"), "model", "is missing: name a chat model of judge.url");
    }
  }
  ReadKeySource(table, &reader, &out);
  reader.Int("per_day", 1, std::int64_t{kMostJudgeCallsPerDay}, &out.per_day);
  reader.Int("timeout_ms", 1, 600'000, &out.timeout_ms);
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

}  // namespace nearhit::server
