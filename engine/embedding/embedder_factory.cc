// MakeEmbedder and RegisterEmbedder of nearhit/embedder.h: checks a spec and picks the class.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/utf8.h"
#include "engine/embedding/http_embedder.h"
#include "engine/embedding/lexical_embedder.h"
#include "nearhit/embedder.h"
#include "nearhit/types.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxUrlBytes = 2'048;
constexpr std::size_t kMaxModelNameBytes = 256;
constexpr std::size_t kMaxKeySourceBytes = 4'096;
constexpr std::size_t kMaxPrefixBytes = 1'024;
constexpr std::size_t kMaxBatchLimit = 2'048;
constexpr int kMaxRetriesLimit = 10;
constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::hours(1);

// Kinds that other components bring.
class Registry {
 public:
  void Add(const std::string& kind, EmbedderMaker maker) {
    MutexLock lock(&mu_);
    makers_.try_emplace(kind, std::move(maker));
  }
  // Empty when the kind is not known.
  EmbedderMaker Find(const std::string& kind) const {
    MutexLock lock(&mu_);
    const auto found = makers_.find(kind);
    return found == makers_.end() ? EmbedderMaker() : found->second;
  }

  std::vector<std::string> Kinds() const {
    std::vector<std::string> kinds = {"http", "lexical", "none"};
    MutexLock lock(&mu_);
    for (const auto& [kind, maker] : makers_) {
      kinds.push_back(kind);
    }
    std::sort(kinds.begin(), kinds.end());
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    return kinds;
  }

  static Registry& Instance() {
    static auto* const registry = new Registry();  // not destroyed: used by what outlives main
    return *registry;
  }

 private:
  mutable Mutex mu_;
  std::map<std::string, EmbedderMaker> makers_ NEARHIT_GUARDED_BY(mu_);
};

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Status CheckRange(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    return InvalidArgument(std::string(field) + " is " + std::to_string(value) + ", not in " +
                           std::to_string(low) + ".." + std::to_string(high));
  }
  return Status();
}

// Sizes beyond int64 cannot be told apart from its largest value, which no limit reaches.
std::int64_t Signed(std::size_t value) {
  return static_cast<std::int64_t>(std::min<std::size_t>(value, INT64_MAX));
}

Status CheckText(std::string_view field, std::string_view value, std::size_t limit) {
  if (value.size() > limit) {
    return InvalidArgument(std::string(field) + " has " + std::to_string(value.size()) +
                           " bytes, over the limit of " + std::to_string(limit));
  }
  if (!IsValidUtf8(value) || HasControl(value)) {
    return InvalidArgument(std::string(field) + " of " + std::to_string(value.size()) +
                           " bytes is invalid UTF-8 or holds control characters");
  }
  return Status();
}

// Messages do not show the url: a wrong one may hold a credential.
Status CheckUrl(std::string_view url) {
  if (url.empty()) {
    return InvalidArgument("url is empty; kind \"http\" needs one");
  }
  NEARHIT_RETURN_IF_ERROR(CheckText("url", url, kMaxUrlBytes));
  std::size_t host = 0;
  for (const std::string_view scheme : {"http://", "https://"}) {
    host = url.starts_with(scheme) ? scheme.size() : host;
  }
  if (host == 0) {
    return InvalidArgument("url of " + std::to_string(url.size()) +
                           " bytes does not begin with http:// or https://");
  }
  const std::string_view authority = url.substr(host, url.find_first_of("/?#", host) - host);
  if (authority.empty() || authority.front() == ':' || url.find(' ') != std::string_view::npos) {
    return InvalidArgument("url of " + std::to_string(url.size()) +
                           " bytes has no host or has spaces");
  }
  if (authority.find('@') != std::string_view::npos) {
    return InvalidArgument("url holds a user name; use api_key_env or api_key_file");
  }
  return Status();
}

Status CheckOneOf(std::string_view field, std::string_view value, std::string_view one,
                  std::string_view other) {
  if (value != one && value != other) {
    return InvalidArgument(std::string(field) + " of " + std::to_string(value.size()) +
                           " bytes is neither " + std::string(one) + " nor " + std::string(other));
  }
  return Status();
}

// Fields that the kind ignores are refused: whoever set them expects something else to happen.
Status CheckUnused(std::string_view user,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> set) {
  for (const auto& [name, value] : set) {
    if (!value.empty()) {
      return InvalidArgument(std::string(name) + " of " + std::to_string(value.size()) +
                             " bytes is set, but only kind \"" + std::string(user) + "\" uses it");
    }
  }
  return Status();
}

// `value`, or nothing when it is the default.
std::string_view UnlessDefault(const std::string& value, const std::string& by_default) {
  return value == by_default ? std::string_view() : std::string_view(value);
}

Status CheckLocal(const EmbedderSpec& spec) {
  NEARHIT_RETURN_IF_ERROR(CheckText("prefix", spec.prefix, kMaxPrefixBytes));
  NEARHIT_RETURN_IF_ERROR(CheckOneOf("arithmetic", spec.arithmetic, "fast", "float32"));
  return CheckOneOf("long_text", spec.long_text, "refuse", "windows");
}

Status CheckHttp(const EmbedderSpec& spec, std::size_t dimension) {
  NEARHIT_RETURN_IF_ERROR(CheckUrl(spec.url));
  if (spec.model.empty()) {
    return InvalidArgument("model is empty; kind \"http\" needs one");
  }
  NEARHIT_RETURN_IF_ERROR(CheckText("model", spec.model, kMaxModelNameBytes));
  NEARHIT_RETURN_IF_ERROR(CheckText("api_key_env", spec.api_key_env, kMaxKeySourceBytes));
  NEARHIT_RETURN_IF_ERROR(CheckText("api_key_file", spec.api_key_file, kMaxKeySourceBytes));
  if (!spec.api_key_env.empty() && !spec.api_key_file.empty()) {
    return InvalidArgument("api_key_env and api_key_file are both set; set one");
  }
  return CheckRange("dimension", Signed(dimension), 1, Signed(kMaxDimension));
}

Status CheckLexical(const EmbedderSpec& spec, std::size_t dimension) {
  if (!spec.model.empty()) {
    return InvalidArgument("model of " + std::to_string(spec.model.size()) +
                           " bytes is set, but kind \"" + spec.kind + "\" has none");
  }
  return spec.kind == "none"
             ? Status()
             : CheckRange("dimension", Signed(dimension), Signed(kMinLexicalDimension),
                          Signed(kMaxLexicalDimension));
}

Status CheckSpec(const EmbedderSpec& spec, std::size_t dimension) {
  NEARHIT_RETURN_IF_ERROR(CheckRange("timeout", spec.timeout.count(), 1, kMaxTimeout.count()));
  NEARHIT_RETURN_IF_ERROR(
      CheckRange("max_batch", Signed(spec.max_batch), 1, Signed(kMaxBatchLimit)));
  NEARHIT_RETURN_IF_ERROR(CheckRange("max_retries", spec.max_retries, 0, kMaxRetriesLimit));
  if (spec.kind == "local") {
    NEARHIT_RETURN_IF_ERROR(CheckLocal(spec));
  } else {
    const EmbedderSpec defaults;
    NEARHIT_RETURN_IF_ERROR(
        CheckUnused("local", {{"prefix", spec.prefix},
                              {"arithmetic", UnlessDefault(spec.arithmetic, defaults.arithmetic)},
                              {"long_text", UnlessDefault(spec.long_text, defaults.long_text)}}));
  }
  if (spec.kind == "http") {
    return CheckHttp(spec, dimension);
  }
  NEARHIT_RETURN_IF_ERROR(CheckUnused(
      "http",
      {{"url", spec.url}, {"api_key_env", spec.api_key_env}, {"api_key_file", spec.api_key_file}}));
  if (spec.kind == "none" || spec.kind == "lexical") {
    return CheckLexical(spec, dimension);
  }
  return CheckText("model", spec.model, kMaxKeySourceBytes);
}

}  // namespace

void RegisterEmbedder(const std::string& kind, EmbedderMaker maker) {
  Registry::Instance().Add(kind, std::move(maker));
}

std::vector<std::string> EmbedderKinds() {
  return Registry::Instance().Kinds();
}

Result<std::shared_ptr<const Embedder>> MakeEmbedder(const EmbedderSpec& spec,
                                                     std::size_t dimension) {
  const EmbedderMaker maker = Registry::Instance().Find(spec.kind);
  if (maker == nullptr && spec.kind != "none" && spec.kind != "lexical" && spec.kind != "http") {
    std::string known;
    for (const std::string& kind : EmbedderKinds()) {
      known += (known.empty() ? "" : ", ") + kind;
    }
    return InvalidArgument("kind of " + std::to_string(spec.kind.size()) + " bytes is not one of " +
                           known);
  }
  NEARHIT_RETURN_IF_ERROR(CheckSpec(spec, dimension));
  if (spec.kind == "http") {
    return HttpEmbedder::Make(spec, dimension);
  }
  if (spec.kind == "lexical") {
    return std::shared_ptr<const Embedder>(std::make_shared<LexicalEmbedder>(dimension));
  }
  if (maker == nullptr) {
    return std::shared_ptr<const Embedder>();
  }
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, maker(spec, dimension));
  if (dimension != 0 && embedder->dimension() != dimension) {
    return InvalidArgument("dimension is " + std::to_string(dimension) + ", the model's is " +
                           std::to_string(embedder->dimension()));
  }
  return embedder;
}

}  // namespace nearhit
