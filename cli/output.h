// Answers of the server as JSON and as short text.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "nearhit/v1/admin.pb.h"
#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"

namespace nearhit {

// Keeps fields in the order in which they are written.
using Json = nlohmann::ordered_json;

// One JSON object to a line; bytes that are not UTF-8 become U+FFFD (only in error messages).
void PrintJson(std::ostream& out, const Json& json);

// "name   value" lines, values aligned.
using Fields = std::vector<std::pair<std::string, std::string>>;
void PrintFields(std::ostream& out, const Fields& fields);

// Columns aligned to their widest cell; the first row is the heading.
void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

std::string FormatCount(std::uint64_t count);       // "1,234,567"
std::string FormatBytes(std::uint64_t bytes);       // "3.4 MiB"
std::string FormatDurationMs(std::int64_t millis);  // "1.2 s", "3 h 5 m"
std::string FormatScore(float score);               // "0.9431"

// Puts `bytes` under `key` when they are UTF-8, else under `key` + "_base64".
void PutText(Json* json, const std::string& key, const std::string& bytes);

// With as many digits as tell the float apart, rather than those of the double that it widens to.
Json ScoreToJson(float score);
Json VectorToJson(std::span<const float> vector);

// The shapes of `export` lines; `import` reads them back.
Json EntryToJson(const v1::Entry& entry, bool with_vector);
Json VectorEntryToJson(const v1::VectorEntry& entry, bool with_vector);

Json LookupToJson(const v1::LookupResult& result);
Json HitToJson(const v1::VectorHit& hit, bool with_payload);
Json NamespaceToJson(const v1::NamespaceInfo& info);
Json StatsToJson(const v1::StatsResponse& stats);

std::string_view KindName(v1::NamespaceKind kind);           // "cache", "vectors"
std::string_view MetricText(v1::Metric metric);              // "cosine", "ip", "l2"
std::string_view DurabilityText(v1::Durability durability);  // "default", "async", "sync"
std::string_view MissReasonText(v1::MissReason reason);      // "none", "below_threshold", …

}  // namespace nearhit
