// A BERT with made-up weights, and the plainest possible implementation of it in double precision.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/model/bert_config.h"
#include "engine/model/bert_weights.h"

namespace nearhit {

// Makes each tensor when it is first asked for, from its name.
//
// Thread-safety: externally synchronized. Ownership: owns its tensors. Errors: none.
class NaiveBert {
 public:
  explicit NaiveBert(const BertConfig& config) : config_(config) {}

  // Valid as long as this.
  TensorReader Reader();
  // Mean-pooled or the first token's, normalised. Requires: a read of every tensor has been made.
  std::vector<double> Encode(std::span<const std::int32_t> ids, Pooling pooling) const;

  // For tests of what a broken file does.
  std::map<std::string, std::vector<float>>& tensors() { return tensors_; }

 private:
  using Matrix = std::vector<std::vector<double>>;

  Matrix Apply(const std::string& name, const Matrix& rows) const;
  void AddAndNormalize(const std::string& name, const Matrix& add, Matrix* rows) const;
  Matrix Attend(const std::string& layer, const Matrix& rows) const;

  const BertConfig config_;
  std::map<std::string, std::vector<float>> tensors_;
};

double Cosine(std::span<const float> a, std::span<const double> b);

}  // namespace nearhit
