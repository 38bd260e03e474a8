// The settings of a namespace that are numbers and can be changed, in one list: their names, ranges
// and places. Records on disk, messages, configuration files, JSON, updates and checks follow it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>

#include "nearhit/options.h"
#include "nearhit/types.h"

namespace nearhit {

template <typename T>
struct NamespaceSetting {
  // Of the key in TOML and JSON, and of the field of nearhit.v1.NamespaceConfig and
  // UpdateNamespaceRequest.
  std::string_view name;
  T NamespaceConfig::*value;
  std::optional<T> NamespaceUpdate::*update;
  T min;
  T max;
};

// In the order of the record on disk (docs/formats.md): a new one comes last, with a new version of
// the record. The range of a threshold depends on the metric as well.
inline constexpr std::tuple kNamespaceSettings{
    NamespaceSetting<float>{"threshold", &NamespaceConfig::threshold, &NamespaceUpdate::threshold,
                            std::numeric_limits<float>::lowest(),
                            std::numeric_limits<float>::max()},
    NamespaceSetting<std::int64_t>{"default_ttl_ms", &NamespaceConfig::default_ttl_ms,
                                   &NamespaceUpdate::default_ttl_ms, 0, kMaxTtlMs},
    NamespaceSetting<std::int64_t>{"max_ttl_ms", &NamespaceConfig::max_ttl_ms,
                                   &NamespaceUpdate::max_ttl_ms, 0, kMaxTtlMs},
    NamespaceSetting<std::int64_t>{"idle_ttl_ms", &NamespaceConfig::idle_ttl_ms,
                                   &NamespaceUpdate::idle_ttl_ms, 0, kMaxTtlMs},
    NamespaceSetting<std::uint64_t>{"max_entries", &NamespaceConfig::max_entries,
                                    &NamespaceUpdate::max_entries, 0,
                                    std::numeric_limits<std::uint64_t>::max()},
    NamespaceSetting<std::uint64_t>{"max_bytes", &NamespaceConfig::max_bytes,
                                    &NamespaceUpdate::max_bytes, 0,
                                    std::numeric_limits<std::uint64_t>::max()},
};

// Calls `function` with each.
template <typename Function>
constexpr void ForEachSetting(Function function) {
  std::apply([&](const auto&... setting) { (function(setting), ...); }, kNamespaceSettings);
}

}  // namespace nearhit
