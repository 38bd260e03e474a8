// The settings of a namespace that are numbers and can be changed, and the fields of its embedder,
// each in one list: names, ranges and places. Records on disk, messages, configuration files, JSON,
// updates and checks follow them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
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
  // Of the record on disk, the version since which it is there (docs/formats.md).
  int since_version = 1;
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
    NamespaceSetting<float>{"max_error", &NamespaceConfig::max_error, &NamespaceUpdate::max_error,
                            0, kMostMaxError, 3},
};

// Calls `function` with each.
template <typename Function>
constexpr void ForEachSetting(Function function) {
  std::apply([&](const auto&... setting) { (function(setting), ...); }, kNamespaceSettings);
}

template <typename T>
struct EmbedderField {
  // Of the key in TOML and of the field of nearhit.v1.EmbedderSpec.
  std::string_view name;
  T EmbedderSpec::*value;
  std::string_view kind;                      // the only one that uses it; empty: several
  std::int64_t min = 0;                       // of a number
  std::int64_t max = 0;                       // of a number, or of the bytes of a text
  std::array<std::string_view, 2> choices{};  // of a text; empty: any
};

// In the order of the record on disk, whose version 2 has those of kind "local" as well.
inline constexpr std::tuple kEmbedderFields{
    EmbedderField<std::string>{"kind", &EmbedderSpec::kind, "", 0, 256},
    EmbedderField<std::string>{"url", &EmbedderSpec::url, "http", 0, 2'048},
    EmbedderField<std::string>{"model", &EmbedderSpec::model, "", 0, 4'096},
    EmbedderField<std::string>{"api_key_env", &EmbedderSpec::api_key_env, "http", 0, 4'096},
    EmbedderField<std::string>{"api_key_file", &EmbedderSpec::api_key_file, "http", 0, 4'096},
    EmbedderField<std::chrono::milliseconds>{"timeout_ms", &EmbedderSpec::timeout, "http", 1,
                                             3'600'000},
    EmbedderField<std::size_t>{"max_batch", &EmbedderSpec::max_batch, "http", 1, 2'048},
    EmbedderField<int>{"max_retries", &EmbedderSpec::max_retries, "http", 0, 10},
    EmbedderField<std::string>{"prefix", &EmbedderSpec::prefix, "local", 0, 1'024},
    EmbedderField<std::string>{
        "arithmetic", &EmbedderSpec::arithmetic, "local", 0, 16, {"fast", "float32"}},
    EmbedderField<std::string>{
        "long_text", &EmbedderSpec::long_text, "local", 0, 16, {"refuse", "windows"}},
};

template <typename Function>
constexpr void ForEachEmbedderField(Function function) {
  std::apply([&](const auto&... field) { (function(field), ...); }, kEmbedderFields);
}

}  // namespace nearhit
