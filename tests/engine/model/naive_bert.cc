#include "tests/engine/model/naive_bert.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

namespace nearhit {

TensorReader NaiveBert::Reader() {
  return [this](std::string_view name,
                std::span<const std::size_t> shape) -> Result<std::vector<float>> {
    std::vector<float>& tensor = tensors_[std::string(name)];
    if (tensor.empty()) {
      tensor.resize(
          std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>()));
      std::seed_seq seed(name.begin(), name.end());
      std::mt19937 random(seed);
      // Gains around 1, as trained ones are; weights large enough for attention to have favourites.
      const bool gain = name.ends_with("LayerNorm.weight");
      std::normal_distribution<float> normal(gain ? 1.0F : 0.0F, gain ? 0.2F : 0.3F);
      for (float& value : tensor) {
        value = normal(random);
      }
    }
    return tensor;
  };
}

NaiveBert::Matrix NaiveBert::Apply(const std::string& name, const Matrix& rows) const {
  const std::vector<float>& weight = tensors_.at(name + ".weight");
  const std::vector<float>& bias = tensors_.at(name + ".bias");
  Matrix result(rows.size(), std::vector<double>(bias.begin(), bias.end()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < bias.size(); ++j) {
      for (std::size_t k = 0; k < rows[i].size(); ++k) {
        result[i][j] += rows[i][k] * weight[j * rows[i].size() + k];
      }
    }
  }
  return result;
}

void NaiveBert::AddAndNormalize(const std::string& name, const Matrix& add, Matrix* rows) const {
  const std::vector<float>& gain = tensors_.at(name + ".weight");
  const std::vector<float>& bias = tensors_.at(name + ".bias");
  for (std::size_t i = 0; i < rows->size(); ++i) {
    std::vector<double>& row = (*rows)[i];
    double mean = 0;
    for (std::size_t k = 0; k < row.size(); ++k) {
      row[k] += add[i][k];
      mean += row[k] / static_cast<double>(row.size());
    }
    double variance = 0;
    for (const double value : row) {
      variance += (value - mean) * (value - mean) / static_cast<double>(row.size());
    }
    for (std::size_t k = 0; k < row.size(); ++k) {
      row[k] = (row[k] - mean) / std::sqrt(variance + config_.layer_norm_eps) * gain[k] + bias[k];
    }
  }
}

NaiveBert::Matrix NaiveBert::Attend(const std::string& layer, const Matrix& rows) const {
  const Matrix queries = Apply(layer + "query", rows);
  const Matrix keys = Apply(layer + "key", rows);
  const Matrix values = Apply(layer + "value", rows);
  const std::size_t size = config_.hidden / config_.heads;
  Matrix result(rows.size(), std::vector<double>(config_.hidden));
  for (std::size_t head = 0; head < config_.heads; ++head) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<double> weights(rows.size());
      for (std::size_t j = 0; j < rows.size(); ++j) {
        const auto query = queries[i].begin() + static_cast<std::ptrdiff_t>(head * size);
        const auto key = keys[j].begin() + static_cast<std::ptrdiff_t>(head * size);
        weights[j] = std::exp(
            std::inner_product(query, query + static_cast<std::ptrdiff_t>(size), key, 0.0) /
            std::sqrt(static_cast<double>(size)));
      }
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (std::size_t j = 0; j < rows.size(); ++j) {
        for (std::size_t k = head * size; k < (head + 1) * size; ++k) {
          result[i][k] += weights[j] / sum * values[j][k];
        }
      }
    }
  }
  return result;
}

std::vector<double> NaiveBert::Encode(std::span<const std::int32_t> ids, Pooling pooling) const {
  const auto row = [&](const std::string& table, std::size_t at) {
    const auto first = tensors_.at("embeddings." + table + ".weight").begin() +
                       static_cast<std::ptrdiff_t>(at * config_.hidden);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(config_.hidden));
  };
  Matrix rows;
  Matrix add;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    rows.push_back(row("word_embeddings", static_cast<std::size_t>(ids[i])));
    add.push_back(row("position_embeddings", i));
    const std::vector<double> type = row("token_type_embeddings", 0);
    std::transform(type.begin(), type.end(), add[i].begin(), add[i].begin(), std::plus<>());
  }
  AddAndNormalize("embeddings.LayerNorm", add, &rows);
  for (std::size_t layer = 0; layer < config_.layers; ++layer) {
    const std::string at = "encoder.layer." + std::to_string(layer) + ".";
    AddAndNormalize(at + "attention.output.LayerNorm",
                    Apply(at + "attention.output.dense", Attend(at + "attention.self.", rows)),
                    &rows);
    Matrix wide = Apply(at + "intermediate.dense", rows);
    for (std::vector<double>& values : wide) {
      for (double& x : values) {
        x = x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
      }
    }
    AddAndNormalize(at + "output.LayerNorm", Apply(at + "output.dense", wide), &rows);
  }
  std::vector<double> vector = rows[0];
  for (std::size_t i = 1; pooling == Pooling::kMean && i < rows.size(); ++i) {
    std::transform(rows[i].begin(), rows[i].end(), vector.begin(), vector.begin(), std::plus<>());
  }
  const double norm =
      std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
  for (double& value : vector) {
    value /= norm;
  }
  return vector;
}

double Cosine(std::span<const float> a, std::span<const double> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += double{a[i]} * a[i];
    bb += b[i] * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace nearhit
