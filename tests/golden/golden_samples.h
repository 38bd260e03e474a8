// What the records of the golden files hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/database/catalogue.h"
#include "engine/storage/keys.h"
#include "engine/storage/record.h"

namespace nearhit {

inline const std::string kKey = EntryKey(1, EntryId{0x0203});
inline constexpr std::string_view kNamespaceKey = "namespace/support";
inline constexpr std::string_view kReembeddingKey = "reembedding/support";

inline HeaderRecord SampleHeader() {
  return {.partition = 3,
          .created_us = 1'700'000'000'000'000,
          .expires_us = 1'800'000'000'000'000,
          .key_hash = {.low = 0x0102030405060708, .high = 0x1112131415161718},
          .bytes = 500,
          .has_vector = true};
}

inline PayloadRecord SamplePayload() {
  return {.partition = 3,
          .created_us = 1'700'000'000'000'000,
          .expires_us = 0,
          .key = "how do I reset my password",
          .content_type = "text/plain",
          .model = "m",
          .prompt_tokens = 7,
          .answer_tokens = 9,
          .cost = 0.25,
          .tags = {"faq", "v2"},
          .payload = "Click on \"forgot\"."};
}

inline const std::vector<float> kVector = {0.6F, -0.8F, 0};
inline const std::vector<EntryId> kIds = {EntryId{1}, EntryId{0x0102030405060708}};

inline NamespaceRecord SampleNamespace() {
  NamespaceRecord record;
  record.name = "support";
  record.number = 7;
  record.key_number = 7;
  record.created_us = 1'700'000'000'000'000;
  record.embedder_identity = "http/m/3";
  record.config = {.kind = NamespaceKind::kVectors,
                   .dimension = 3,
                   .metric = Metric::kL2,
                   .embedder = {.kind = "http",
                                .url = "http://127.0.0.1/v1",
                                .model = "m",
                                .api_key_env = "KEY",
                                .api_key_file = "/key",
                                .timeout = std::chrono::milliseconds(1'000),
                                .max_batch = 16,
                                .max_retries = 3},
                   .threshold = 0.5F,
                   .default_ttl_ms = 1,
                   .max_ttl_ms = 2,
                   .idle_ttl_ms = 3,
                   .max_entries = 4,
                   .max_bytes = 5,
                   .durability = Durability::kSync};
  return record;
}

inline PendingReembedding SampleReembedding() {
  return {.from = 7,
          .to = 8,
          .key_number = 8,
          .dimension = 5,
          .identity = "http/n/5",
          .threshold = 0.75F,
          .embedder = SampleNamespace().config.embedder};
}

// What version 2 of a namespace record is for.
inline NamespaceRecord SampleLocalNamespace() {
  NamespaceRecord record = SampleNamespace();
  record.embedder_identity = "local/00/float32/mean/256-windows/query: ";
  record.config.embedder = {.kind = "local",
                            .model = "/models/e5",
                            .prefix = "query: ",
                            .arithmetic = "float32",
                            .long_text = "windows"};
  return record;
}

// What version 3 is for.
inline NamespaceRecord SampleUnguardedNamespace() {
  NamespaceRecord record = SampleNamespace();
  record.config.max_error = 0.01F;
  record.config.guards_off = GuardSet(0b101);
  return record;
}

// What version 4 is for.
inline NamespaceRecord SampleReembeddedNamespace() {
  NamespaceRecord record = SampleUnguardedNamespace();
  record.key_number = 3;
  return record;
}

inline PendingReembedding SampleLocalReembedding() {
  PendingReembedding change = SampleReembedding();
  change.identity = SampleLocalNamespace().embedder_identity;
  change.embedder = SampleLocalNamespace().config.embedder;
  return change;
}

// What its version 3 is for.
inline PendingReembedding SampleReembeddingOfKeys() {
  PendingReembedding change = SampleReembedding();
  change.key_number = 3;
  return change;
}

inline LabelRecord SampleLabel() {
  return {.serves = true,
          .source = 2,
          .alias = true,
          .principal = 0x0102030405060708,
          .created_us = 1'700'000'000'000'000,
          .requests = 2.5F,
          .of_traffic = true,
          .frame_cosine = 0.7F,
          .frame_guards = 0b110,
          .conflicts = 0b101,
          .feature_set = 99,
          .features = {0.75F, -1, 0}};
}

inline HashSecret SampleSecret() {
  HashSecret secret{};
  for (std::size_t i = 0; i < secret.size(); ++i) {
    secret[i] = static_cast<std::uint8_t>(i);
  }
  return secret;
}

}  // namespace nearhit
