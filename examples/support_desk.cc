// A support desk in front of a language model: answers that were given once are given again to the
// same question in other words, and only to that. Usage: support_desk DIRECTORY
//
// Exits with 1 when a question is answered that should not be, or the other way round.

#include <cstdio>
#include <string>
#include <string_view>

#include "nearhit/database.h"

namespace {

struct Answered {
  std::string_view question;
  std::string_view answer;
};

constexpr Answered kAnswered[] = {
    {"How do I reset my password?", "Open Settings, choose Security, then Reset password."},
    {"What is the daily limit for card payments?",
     "5,000 euros a day; you can lower it in the app."},
    {"How long does an international transfer take?", "One to three working days."},
    {"Why was my card payment declined?", "Mostly because of a wrong PIN or an expired card."},
    {"Can I open a second account?", "Yes, up to three, all in the app."},
    {"How do I turn on notifications?", "Settings, Notifications, and switch them on."},
};

struct Asked {
  std::string_view question;
  bool answered_before;
};

constexpr Asked kAsked[] = {
    {"how do i reset my password", true},
    {"How do I reset my password, please?", true},
    {"What's the daily limit for card payments?", true},
    {"How long does an international transfer take??", true},
    {"How do I change my address?", false},
    {"What is the exchange rate for dollars?", false},
    {"Where can I find my invoices?", false},
};

int Fail(const nearhit::Status& status) {
  std::fprintf(stderr, "support_desk: %s\n", status.ToString().c_str());
  return 1;
}

// The embedder that needs nothing: it knows a text by its words, not by its meaning.
nearhit::NamespaceConfig Config() {
  nearhit::NamespaceConfig config;
  config.embedder.kind = "lexical";
  config.threshold = 0.8F;
  return config;
}

// Asks one question; returns whether the outcome was the expected one.
bool Ask(nearhit::SemanticCache* cache, const Asked& asked) {
  const auto found = cache->Lookup({.scope = "desk-v1", .slot = asked.question}, {});
  if (!found.ok()) {
    return false;
  }
  const bool hit = found->kind != nearhit::HitKind::kMiss;
  std::printf("  %-9s %.3f  %-48.*s %s\n", std::string(HitKindName(found->kind)).c_str(),
              static_cast<double>(found->score.value_or(0)),
              static_cast<int>(asked.question.size()), asked.question.data(),
              hit ? found->answer.c_str() : "-> ask the model");
  return hit == asked.answered_before;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: support_desk DIRECTORY\n");
    return 2;
  }
  const auto database = nearhit::Database::Open({.path = argv[1]});
  if (!database.ok()) {
    return Fail(database.status());
  }
  const nearhit::Status created = (*database)->CreateNamespace("desk", Config());
  if (!created.ok() && created.code() != nearhit::StatusCode::kAlreadyExists) {
    return Fail(created);
  }
  const auto cache = (*database)->Cache("desk");
  if (!cache.ok()) {
    return Fail(cache.status());
  }
  for (const Answered& entry : kAnswered) {
    nearhit::StoreRequest request;
    request.prompt = {.scope = "desk-v1", .slot = entry.question};
    request.answer = entry.answer;
    if (const auto stored = (*cache)->Store(request); !stored.ok()) {
      return Fail(stored.status());
    }
  }
  std::printf("  %-9s %-6s %-48s %s\n", "tier", "score", "question", "answer");
  bool as_expected = true;
  for (const Asked& asked : kAsked) {
    as_expected = Ask(cache->get(), asked) && as_expected;
  }
  return as_expected ? 0 : 1;
}
