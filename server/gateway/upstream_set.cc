#include "server/gateway/upstream_set.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxKeyBytes = 4'096;

std::string WithoutLast(std::string text, char last) {
  while (!text.empty() && text.back() == last) {
    text.pop_back();
  }
  return text;
}

}  // namespace

Result<std::string> ReadApiKey(const std::string& owner, const std::string& env,
                               const std::string& file) {
  const std::string who = owner + ": ";
  if (!env.empty() && !file.empty()) {
    return InvalidArgument(who + "api_key_env and api_key_file are both set");
  }
  std::string key;
  if (!env.empty()) {
    const char* const value = std::getenv(env.c_str());
    if (value == nullptr || *value == '\0') {
      return Status(StatusCode::kNotFound, who + "the variable of api_key_env is not set");
    }
    key = value;
  } else if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      return Status(StatusCode::kNotFound, who + "the file of api_key_file cannot be read");
    }
    key.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  const std::size_t last = key.find_last_not_of(" \t\r\n");
  key.resize(last == std::string::npos ? 0 : last + 1);
  if (key.size() > kMaxKeyBytes ||
      std::any_of(key.begin(), key.end(), [](char c) { return c < 0x20 || c == 0x7F; })) {
    return InvalidArgument(who + "the key is not one line of at most " +
                           std::to_string(kMaxKeyBytes) + " bytes");
  }
  if (key.empty() && !(env.empty() && file.empty())) {
    return InvalidArgument(who + "the key is empty");
  }
  return key;
}

Upstream::Upstream(UpstreamOptions options, std::string api_key)
    : options_(std::move(options)),
      api_key_(std::move(api_key)),
      base_(WithoutLast(options_.url, '/')) {
}

std::string Upstream::UrlOf(std::string_view target) const {
  if (base_.ends_with("/v1") && target.starts_with("/v1/")) {
    target.remove_prefix(3);
  }
  return base_ + std::string(target);
}

bool Upstream::Fits(Dialect dialect, std::string_view model) const {
  const UpstreamDialect own = options_.dialect;
  const bool speaks = own == UpstreamDialect::kAny ||
                      (own == UpstreamDialect::kAnthropic) == (dialect == Dialect::kAnthropic);
  return speaks &&
         (options_.models.empty() || std::any_of(options_.models.begin(), options_.models.end(),
                                                 [model](const std::string& pattern) {
                                                   return MatchesModel(pattern, model);
                                                 }));
}

void Upstream::Report(bool failed, TimePoint now) {
  if (!failed) {
    failures_.store(0, std::memory_order_relaxed);
    down_until_.store(0, std::memory_order_relaxed);
  } else if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 >= kFailuresUntilDown) {
    down_until_.store((now + kDownTime).time_since_epoch().count(), std::memory_order_relaxed);
  }
}

bool Upstream::IsDown(TimePoint now) const {
  return now.time_since_epoch().count() < down_until_.load(std::memory_order_relaxed);
}

Result<std::unique_ptr<UpstreamSet>> UpstreamSet::Create(
    const std::vector<UpstreamOptions>& options) {
  std::unique_ptr<UpstreamSet> set(new UpstreamSet());
  for (const UpstreamOptions& one : options) {
    if (!one.url.starts_with("http://") && !one.url.starts_with("https://")) {
      return InvalidArgument("upstream \"" + one.name + "\": url does not begin with http:// or " +
                             "https://");
    }
    NEARHIT_ASSIGN_OR_RETURN(std::string key, ReadApiKey("upstream \"" + one.name + "\"",
                                                         one.api_key_env, one.api_key_file));
    set->upstreams_.push_back(std::make_unique<Upstream>(one, std::move(key)));
  }
  return set;
}

std::vector<Upstream*> UpstreamSet::For(Dialect dialect, std::string_view model,
                                        std::uint64_t random, Upstream::TimePoint now) const {
  std::vector<Upstream*> fitting;
  for (const std::unique_ptr<Upstream>& upstream : upstreams_) {
    if (upstream->Fits(dialect, model)) {
      fitting.push_back(upstream.get());
    }
  }
  const auto place = [now](const Upstream* upstream) {
    return std::pair(upstream->IsDown(now), upstream->options().tier);
  };
  std::stable_sort(fitting.begin(), fitting.end(),
                   [&place](const Upstream* a, const Upstream* b) { return place(a) < place(b); });
  // The first of the best tier by chance; those behind it keep their order.
  std::uint64_t total = 0;
  std::size_t best = 0;
  for (; best < fitting.size() && place(fitting[best]) == place(fitting[0]); ++best) {
    total += fitting[best]->options().weight;
  }
  if (best > 1 && total > 0) {
    std::uint64_t left = random % total;
    std::size_t chosen = 0;
    while (left >= fitting[chosen]->options().weight) {
      left -= fitting[chosen++]->options().weight;
    }
    std::rotate(fitting.begin(), fitting.begin() + static_cast<std::ptrdiff_t>(chosen),
                fitting.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
  }
  return fitting;
}

}  // namespace nearhit::server
