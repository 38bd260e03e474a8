// Random requests to providers, and ways to write one that mean the same.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/dialect/endpoint.h"

namespace nearhit::server {

using Json = nlohmann::json;

// Thread-safety: owned by one thread.
class RequestMaker {
 public:
  explicit RequestMaker(std::uint64_t seed) : random_(seed) {}

  // A request with some of the fields that providers know, some of them odd.
  Json Request(Endpoint endpoint);
  // The request with one thing changed somewhere: it may be the same afterwards.
  Json Changed(Json request);
  // The request with other values of what no answer depends on.
  Json WithOtherIgnorables(Endpoint endpoint, Json request);
  // Written with members in any order, and any blanks, numbers and escapes.
  std::string Written(const Json& value);

  std::size_t Below(std::size_t limit) { return random_() % limit; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }

 private:
  Json Messages(Endpoint endpoint);
  Json Message(Endpoint endpoint);
  Json Content(Endpoint endpoint, bool nested);
  Json Part(Endpoint endpoint, bool nested);
  Json Scalar();
  std::string Text();
  void Mark(Json* object);
  void ChangeHere(Json* value);
  std::string WrittenText(const std::string& text);
  std::string WrittenNumber(const Json& value);
  std::string Blanks();

  std::mt19937_64 random_;
};

// What of the request an answer may depend on, by the tables of the providers' fields: the oracle.
Json Meaning(Endpoint endpoint, Json request);

}  // namespace nearhit::server
