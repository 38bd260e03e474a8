// The last step of a tokenizer: normal text to ids, by a vocabulary.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace nearhit {

// Thread-safety: thread-safe; it does not change once made.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  SubwordModel(const SubwordModel&) = delete;
  SubwordModel& operator=(const SubwordModel&) = delete;

  // Appends the ids of `normal`, which a TextNormalizer made and which is not empty.
  virtual void Append(std::string_view normal, std::vector<std::int32_t>* ids) const = 0;

 protected:
  SubwordModel() = default;
};

}  // namespace nearhit
