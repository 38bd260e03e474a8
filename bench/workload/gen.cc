// nearhit-bench gen: clustered unit vectors for smoke tests. Not a stand-in for real embeddings.
#include <cmath>
#include <fstream>
#include <memory>
#include <random>

#include "bench/workload/commands.h"

namespace nearhit::bench {

namespace {

struct GenFlags {
  std::size_t rows = 1'000;
  std::size_t dimension = 64;
  std::size_t clusters = 100;
  std::uint32_t seed = 1;
  float spread = 0.6F;
  std::string out;
};

std::vector<float> Unit(std::vector<float> vector) {
  float squares = 0;
  for (const float component : vector) {
    squares += component * component;
  }
  for (float& component : vector) {
    component /= std::sqrt(squares);
  }
  return vector;
}

std::vector<float> Gaussian(std::size_t dimension, float deviation, std::mt19937* random) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> vector(dimension);
  for (float& component : vector) {
    component = normal(*random);
  }
  return vector;
}

Status RunGen(const GenFlags& flags) {
  // Centres do not depend on the seed: files of two seeds are base and queries of one world.
  std::mt19937 center_random(20'260'101);
  std::vector<std::vector<float>> centers;
  for (std::size_t i = 0; i < flags.clusters; ++i) {
    centers.push_back(Unit(Gaussian(flags.dimension, 1.0F, &center_random)));
  }
  std::mt19937 random(flags.seed);
  const float deviation = flags.spread / std::sqrt(static_cast<float>(flags.dimension));
  std::ofstream out(flags.out, std::ios::binary | std::ios::trunc);
  const auto dimension = static_cast<std::int32_t>(flags.dimension);
  for (std::size_t row = 0; row < flags.rows; ++row) {
    std::vector<float> vector = Gaussian(flags.dimension, deviation, &random);
    const std::vector<float>& center = centers[random() % centers.size()];
    for (std::size_t i = 0; i < vector.size(); ++i) {
      vector[i] += center[i];
    }
    vector = Unit(std::move(vector));
    out.write(reinterpret_cast<const char*>(&dimension), sizeof(dimension));
    out.write(reinterpret_cast<const char*>(vector.data()),
              static_cast<std::streamsize>(vector.size() * sizeof(float)));
  }
  out.close();
  return out ? Status() : Unavailable("cannot write " + flags.out);
}

}  // namespace

void AddGen(CLI::App* app, Command* command) {
  auto flags = std::make_shared<GenFlags>();
  CLI::App* gen = app->add_subcommand("gen", "Write clustered unit vectors as fvecs");
  gen->add_option("--rows", flags->rows, "Vectors")->check(CLI::Range(1, 100'000'000));
  gen->add_option("--dim", flags->dimension, "Components")->check(CLI::Range(1, 8'192));
  gen->add_option("--clusters", flags->clusters, "Cluster centres")
      ->check(CLI::Range(1, 1'000'000));
  gen->add_option("--spread", flags->spread, "Distance from the centre");
  gen->add_option("--seed", flags->seed, "Of the points; the centres are always the same");
  gen->add_option("--out", flags->out, "File to write")->required();
  gen->callback([=] { command->run = [=] { return RunGen(*flags); }; });
}

}  // namespace nearhit::bench
