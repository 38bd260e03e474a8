#include "cli/output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/utf8.h"
#include "cli/parse.h"
#include "nearhit/lookup.h"
#include "nearhit/settings.h"
#include "nearhit/stats.h"

namespace nearhit {
namespace {

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, args...);
  return buffer.data();
}

// As many digits as tell the float apart, rather than those of the double that it widens to.
double ShortDouble(float value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  double out = 0;
  std::from_chars(digits.data(), end, out);
  return out;
}

void PutVector(Json* json, const std::string& bytes) {
  if (!bytes.empty()) {
    (*json)["vector"] = DecodeVector(bytes);
  }
}

void PutMetadata(Json* json, const v1::EntryMetadata& metadata) {
  const auto put = [json](const char* key, const auto& value, bool wanted) {
    if (wanted) {
      (*json)[key] = value;
    }
  };
  put("content_type", metadata.content_type(), !metadata.content_type().empty());
  put("model", metadata.model(), !metadata.model().empty());
  put("prompt_tokens", metadata.prompt_tokens(), metadata.prompt_tokens() != 0);
  put("answer_tokens", metadata.answer_tokens(), metadata.answer_tokens() != 0);
  put("cost", metadata.cost(), metadata.cost() != 0);
  put("tags", metadata.tags(), metadata.tags_size() != 0);
}

Json NumberOf(const google::protobuf::Message& message, std::string_view name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  const google::protobuf::Reflection* from = message.GetReflection();
  switch (field->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_FLOAT:
      return ShortDouble(from->GetFloat(message, field));
    case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
      return from->GetInt64(message, field);
    default:
      return from->GetUInt64(message, field);
  }
}

}  // namespace

void PrintJson(std::ostream& out, const Json& json) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

void PrintFields(std::ostream& out, const Fields& fields) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) {
    width = std::max(width, name.size());
  }
  for (const auto& [name, value] : fields) {
    out << name << std::string(width - name.size() + 2, ' ') << value << '\n';
  }
}

void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      out << row[i] << (last ? "\n" : std::string(widths[i] - row[i].size() + 2, ' '));
    }
  }
}

std::string FormatCount(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3) {
    text.insert(at - 3, ",");
  }
  return text;
}

std::string FormatBytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return Format(unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
}

std::string FormatDurationMs(std::int64_t millis) {
  const long long seconds = millis / 1'000;
  if (millis < 1'000) {
    return Format("%lld ms", static_cast<long long>(millis));
  }
  if (seconds < 60) {
    return Format("%.1f s", static_cast<double>(millis) / 1e3);
  }
  if (seconds < 3'600) {
    return Format("%lld m %lld s", seconds / 60, seconds % 60);
  }
  if (seconds < 86'400) {
    return Format("%lld h %lld m", seconds / 3'600, seconds % 3'600 / 60);
  }
  return Format("%lld d %lld h", seconds / 86'400, seconds % 86'400 / 3'600);
}

std::string FormatScore(float score) {
  return Format("%.4f", static_cast<double>(score));
}

void PutText(Json* json, const std::string& key, const std::string& bytes) {
  if (IsValidUtf8(bytes)) {
    (*json)[key] = bytes;
  } else {
    (*json)[key + "_base64"] = EncodeBase64(bytes);
  }
}

Json ScoreToJson(float score) {
  return ShortDouble(score);
}

Json VectorToJson(std::span<const float> vector) {
  Json json = Json::array();
  for (const float component : vector) {
    json.push_back(ShortDouble(component));
  }
  return json;
}

Json EntryToJson(const v1::Entry& entry, bool with_vector) {
  Json json;
  json["id"] = entry.id();
  if (!entry.scope().empty()) {
    PutText(&json, "scope", entry.scope());
  }
  json["prompt"] = entry.slot();
  PutText(&json, "answer", entry.answer());
  PutMetadata(&json, entry.metadata());
  json["created_us"] = entry.created_us();
  if (entry.has_expires_us()) {
    json["expires_us"] = entry.expires_us();
  }
  if (with_vector) {
    PutVector(&json, entry.vector());
  }
  return json;
}

Json VectorEntryToJson(const v1::VectorEntry& entry, bool with_vector) {
  Json json;
  json["id"] = entry.id();
  json["key"] = entry.key();
  PutText(&json, "payload", entry.payload());
  if (entry.tags_size() != 0) {
    json["tags"] = entry.tags();
  }
  json["created_us"] = entry.created_us();
  if (entry.has_expires_us()) {
    json["expires_us"] = entry.expires_us();
  }
  if (with_vector) {
    PutVector(&json, entry.vector());
  }
  return json;
}

Json LookupToJson(const v1::LookupResult& result) {
  Json json;
  const bool hit = result.kind() != v1::HIT_KIND_MISS;
  json["kind"] = !hit ? "miss" : (result.kind() == v1::HIT_KIND_EXACT ? "exact" : "semantic");
  if (result.has_score()) {
    json["score"] = ShortDouble(result.score());
  }
  if (!hit) {
    json["miss_reason"] = MissReasonText(result.miss_reason());
  }
  if (!hit || !result.rule().empty()) {
    json["rule"] = result.rule();
  }
  if (!hit) {
    if (result.candidate() != 0) {
      json["candidate"] = result.candidate();
    }
    return json;
  }
  json["id"] = result.id();
  PutText(&json, "answer", result.answer());
  PutMetadata(&json, result.metadata());
  json["matched_prompt"] = result.matched_slot();
  json["age_ms"] = result.age_ms();
  if (result.has_ttl_left_ms()) {
    json["ttl_left_ms"] = result.ttl_left_ms();
  }
  return json;
}

Json HitToJson(const v1::VectorHit& hit, bool with_payload) {
  Json json;
  json["id"] = hit.id();
  json["key"] = hit.key();
  json["score"] = ShortDouble(hit.score());
  if (with_payload) {
    PutText(&json, "payload", hit.payload());
    json["tags"] = hit.tags();
  }
  return json;
}

Json NamespaceToJson(const v1::NamespaceInfo& info) {
  const v1::NamespaceConfig& config = info.config();
  Json json;
  json["name"] = info.name();
  json["kind"] = KindName(config.kind());
  json["dimension"] = config.dimension();
  json["metric"] = MetricText(config.metric());
  json["embedder"] = info.embedder_identity();
  ForEachSetting([&](const auto& setting) {
    json[std::string(setting.name)] = NumberOf(config, setting.name);
  });
  json["durability"] = DurabilityText(config.durability());
  json["guards_off"] = config.guards_off();
  json["created_us"] = info.created_us();
  if (info.has_reembedding()) {
    const v1::Reembedding& change = info.reembedding();
    json["reembedding"] = {
        {"embedder", change.identity()}, {"done", change.done()}, {"total", change.total()}};
    if (!change.last_error().empty()) {
      json["reembedding"]["last_error"] = change.last_error();
    }
  }
  for (const NamespaceMetric& metric : kNamespaceMetrics) {
    json["stats"][std::string(metric.name)] = NumberOf(info.stats(), metric.name);
  }
  for (const v1::GuardRefusals& refusals : info.stats().guard_refusals()) {
    json["stats"]["guard_refusals"][refusals.guard()] = refusals.misses();
  }
  return json;
}

Json StatsToJson(const v1::StatsResponse& stats) {
  return {{"version", stats.version()},
          {"namespaces", stats.namespaces()},
          {"entries", stats.entries()},
          {"bytes", stats.bytes()},
          {"index_bytes", stats.index_bytes()},
          {"disk_bytes", stats.disk_bytes()},
          {"last_sequence", stats.last_sequence()},
          {"lost_sequences", stats.lost_sequences()},
          {"open_seconds", stats.open_seconds()},
          {"entries_from_snapshots", stats.entries_from_snapshots()},
          {"queued_calls", stats.queued_calls()},
          {"refused_calls", stats.refused_calls()},
          {"expired_calls", stats.expired_calls()}};
}

std::string_view KindName(v1::NamespaceKind kind) {
  return kind == v1::NAMESPACE_KIND_VECTORS ? "vectors" : "cache";
}

std::string_view MetricText(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_INNER_PRODUCT:
      return "ip";
    case v1::METRIC_L2:
      return "l2";
    default:
      return "cosine";
  }
}

std::string_view DurabilityText(v1::Durability durability) {
  switch (durability) {
    case v1::DURABILITY_ASYNC:
      return "async";
    case v1::DURABILITY_SYNC:
      return "sync";
    default:
      return "default";
  }
}

std::string_view MissReasonText(v1::MissReason reason) {
  return MissReasonName(static_cast<MissReason>(reason));
}

}  // namespace nearhit
