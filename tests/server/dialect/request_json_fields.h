// Fields that requests to providers have, with some of their values.
#pragma once

#include <string_view>
#include <vector>

#include "server/dialect/endpoint.h"

namespace nearhit::server {

struct Field {
  std::string_view name{};
  std::vector<std::string_view> values{};  // JSON
};

// Of one endpoint: what an answer depends on, and what not.
struct Fields {
  std::vector<Field> key{};
  std::vector<Field> ignored{};
};

const Fields& FieldsOf(Endpoint endpoint);

}  // namespace nearhit::server
