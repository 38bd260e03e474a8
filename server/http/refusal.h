// What a client that breaks the rules gets, before its connection is closed.
#pragma once

#include <string>

namespace nearhit::server {

struct RequestRefusal {
  int status = 400;
  std::string reason{};  // never a value that the client sent
};

}  // namespace nearhit::server
