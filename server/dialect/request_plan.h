// What a request to a provider asks of the cache: nothing, its very bytes, or its meaning too; and
// what of it an answer depends on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/dialect/endpoint.h"

namespace nearhit::server {

enum class CacheUse : std::uint8_t { kNone, kExact, kSemantic };

struct PlanOptions {
  // User messages that a request for a semantic hit may have. With more than one, all but the last
  // text must match exactly.
  std::uint32_t semantic_user_turns = 1;
};

// The member "cache" of a body, as LiteLLM's clients send it. It does not go upstream.
struct CacheMember {
  bool there = false;
  bool no_cache = false;
  bool no_store = false;
  std::optional<std::int64_t> ttl_s{};
  std::optional<std::int64_t> max_age_s{};  // "s-maxage"
  std::string name_space{};
};

struct RequestPlan {
  CacheUse use = CacheUse::kNone;
  // A label for why it is not kSemantic; empty when it is. Constant text.
  std::string_view reason{};
  std::string model{};
  // The text that may match by meaning: the last of the last user message. When there is no such
  // text, or it is no slot (kMaxSlotBytes), a digest of everything; `use` is kExact then.
  std::string slot{};
  // Everything else that an answer may depend on, in one form for all ways to write it: members
  // sorted, numbers by value. Members of which it is known that no answer depends on them are left
  // out; what nobody knows is in.
  std::string canonical{};
  // The answer names things that exist upstream for this caller alone.
  bool of_caller_only = false;
  bool stream = false;
  bool has_stream_options = false;
  bool include_usage = false;  // the client asked for usage in the stream
  CacheMember cache{};
};

// Thread-safety: externally synchronized; one for each thread.
class RequestPlanner {
 public:
  RequestPlanner();
  ~RequestPlanner();
  RequestPlanner(const RequestPlanner&) = delete;
  RequestPlanner& operator=(const RequestPlanner&) = delete;

  // Not for kEmbeddings and kOther. `body` gets room behind its end, but no other bytes. A body
  // that is not JSON, or has a member twice, is kNone: what upstream makes of it is its affair.
  RequestPlan Plan(Endpoint endpoint, const PlanOptions& options, std::string* body);

 private:
  class Parser;
  const std::unique_ptr<Parser> parser_;
};

}  // namespace nearhit::server
