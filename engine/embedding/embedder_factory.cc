// MakeEmbedder and RegisterEmbedder of nearhit/embedder.h: checks a spec and picks the class.
#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/utf8.h"
#include "engine/embedding/http_embedder.h"
#include "engine/embedding/lexical_embedder.h"
#include "nearhit/embedder.h"
#include "nearhit/settings.h"
#include "nearhit/types.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxModelNameBytes = 256;  // of kind "http"

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

// A field that the kind ignores is refused: whoever set it expects something else to happen.
Status CheckField(const EmbedderField<std::string>& field, const EmbedderSpec& spec) {
  const std::string& value = spec.*field.value;
  const std::string set =
      std::string(field.name) + " of " + std::to_string(value.size()) + " bytes";
  if (!field.kind.empty() && field.kind != spec.kind) {
    return value == EmbedderSpec().*field.value
               ? Status()
               : InvalidArgument(set + " is set, but only kind \"" + std::string(field.kind) +
                                 "\" uses it");
  }
  const auto& [one, other] = field.choices;
  if (!one.empty() && value != one && value != other) {
    return InvalidArgument(set + " is neither " + std::string(one) + " nor " + std::string(other));
  }
  return CheckText(field.name, value, static_cast<std::size_t>(field.max));
}
Status CheckField(const EmbedderField<std::chrono::milliseconds>& field, const EmbedderSpec& spec) {
  return CheckRange(field.name, (spec.*field.value).count(), field.min, field.max);
}
Status CheckField(const EmbedderField<std::size_t>& field, const EmbedderSpec& spec) {
  return CheckRange(field.name, Signed(spec.*field.value), field.min, field.max);
}
Status CheckField(const EmbedderField<int>& field, const EmbedderSpec& spec) {
  return CheckRange(field.name, spec.*field.value, field.min, field.max);
}

Status CheckFields(const EmbedderSpec& spec) {
  Status first;
  ForEachEmbedderField([&](const auto& field) {
    if (first.ok()) {
      first = CheckField(field, spec);
    }
  });
  return first;
}

Status CheckHttp(const EmbedderSpec& spec, std::size_t dimension) {
  NEARHIT_RETURN_IF_ERROR(CheckUrl(spec.url));
  if (spec.model.empty()) {
    return InvalidArgument("model is empty; kind \"http\" needs one");
  }
  NEARHIT_RETURN_IF_ERROR(CheckText("model", spec.model, kMaxModelNameBytes));
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
  NEARHIT_RETURN_IF_ERROR(CheckFields(spec));
  if (spec.kind == "http") {
    return CheckHttp(spec, dimension);
  }
  return spec.kind == "none" || spec.kind == "lexical" ? CheckLexical(spec, dimension) : Status();
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
