// What every KvStore promises; each implementation instantiates the suite in its own test.
#pragma once

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "engine/storage/kv_store.h"

namespace nearhit {

class KvStoreContract : public testing::TestWithParam<std::function<std::unique_ptr<KvStore>()>> {
 protected:
  void Put(const std::string& key, const std::string& value);
  std::string GetOr(const std::string& key, const std::string& fallback) const;
  std::vector<std::string> Keys(const std::string& begin, const std::string& end) const;

  std::unique_ptr<KvStore> store_ = GetParam()();
};

}  // namespace nearhit
