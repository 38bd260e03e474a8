// nearhit-bench gen: clustered unit vectors for smoke tests, which are no stand-in for real
// embeddings; or real ones grown to a larger set, or moved a little, as rewordings are.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <random>
#include <span>

#include "bench/workload/commands.h"
#include "bench/workload/dataset.h"
#include "formats/vector_file.h"
#include "tests/kinds/vector_kinds.h"

namespace nearhit::bench {

namespace {

struct GenFlags {
  std::size_t rows = 1'000;
  std::size_t dimension = 64;
  std::size_t clusters = 100;
  std::uint32_t seed = 1;
  float spread = 0.6F;
  std::string kind;
  float scale = 1;
  std::string base;
  std::size_t moved = 0;
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

class FvecsFile {
 public:
  explicit FvecsFile(const std::string& path)
      : path_(path), out_(path, std::ios::binary | std::ios::trunc) {}

  void Append(std::span<const float> vector) {
    const auto dimension = static_cast<std::int32_t>(vector.size());
    out_.write(reinterpret_cast<const char*>(&dimension), sizeof(dimension));
    out_.write(reinterpret_cast<const char*>(vector.data()),
               static_cast<std::streamsize>(vector.size_bytes()));
  }
  Status Close() {
    out_.close();
    return out_ ? Status() : Unavailable("cannot write " + path_);
  }

 private:
  std::string path_;
  std::ofstream out_;
};

// `center` moved by a random vector of length `spread`, about: unit vectors keep a cosine of .74 at
// .9, of .93 at .4.
std::vector<float> Near(std::span<const float> center, float spread, std::mt19937* random) {
  const float deviation = spread / std::sqrt(static_cast<float>(center.size()));
  std::vector<float> vector = Gaussian(center.size(), deviation, random);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] += center[i];
  }
  return Unit(std::move(vector));
}

// Rows of the base, moved, then the base itself: its last rows can be held out as queries.
Status GrowBase(const GenFlags& flags, const VectorMatrix& base) {
  if (flags.rows < base.rows) {
    return InvalidArgument("--rows " + std::to_string(flags.rows) + " is less than the " +
                           std::to_string(base.rows) + " rows of " + flags.base);
  }
  std::mt19937 random(flags.seed);
  FvecsFile out(flags.out);
  for (std::size_t row = base.rows; row < flags.rows; ++row) {
    out.Append(Near(base.row(random() % base.rows), flags.spread, &random));
  }
  for (std::size_t row = 0; row < base.rows; ++row) {
    out.Append(base.row(row));
  }
  return out.Close();
}

// Queries for an index of the base: each has one of its rows near.
Status MoveRows(const GenFlags& flags, const VectorMatrix& base) {
  std::mt19937 random(flags.seed);
  FvecsFile out(flags.out);
  for (std::size_t row = 0; row < flags.moved; ++row) {
    out.Append(Near(base.row(random() % base.rows), flags.spread, &random));
  }
  return out.Close();
}

std::vector<std::string> KindNames() {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(VectorKind::kLastOne));
  for (int kind = 0; kind < static_cast<int>(VectorKind::kLastOne); ++kind) {
    names.push_back(KindName(static_cast<VectorKind>(kind)));
  }
  return names;
}

Status WriteKind(const GenFlags& flags) {
  const std::vector<std::string> names = KindNames();
  const auto at = std::find(names.begin(), names.end(), flags.kind) - names.begin();
  VectorKinds kinds(static_cast<VectorKind>(at), flags.dimension, flags.scale, flags.seed);
  FvecsFile out(flags.out);
  for (std::size_t row = 0; row < flags.rows; ++row) {
    out.Append(kinds.Next());
  }
  return out.Close();
}

Status RunGen(const GenFlags& flags) {
  if (!flags.kind.empty()) {
    return WriteKind(flags);
  }
  if (!flags.base.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(VectorMatrix base, ReadVectorFile(flags.base));
    NormalizeRows(&base);
    if (base.rows == 0) {
      return InvalidArgument(flags.base + " has no row with a direction");
    }
    return flags.moved > 0 ? MoveRows(flags, base) : GrowBase(flags, base);
  }
  // Centres do not depend on the seed: files of two seeds are base and queries of one world.
  std::mt19937 center_random(20'260'101);
  std::vector<std::vector<float>> centers;
  for (std::size_t i = 0; i < flags.clusters; ++i) {
    centers.push_back(Unit(Gaussian(flags.dimension, 1.0F, &center_random)));
  }
  std::mt19937 random(flags.seed);
  FvecsFile out(flags.out);
  for (std::size_t row = 0; row < flags.rows; ++row) {
    out.Append(Near(centers[random() % centers.size()], flags.spread, &random));
  }
  return out.Close();
}

}  // namespace

void AddGen(CLI::App* app, Command* command) {
  auto flags = std::make_shared<GenFlags>();
  CLI::App* gen =
      app->add_subcommand("gen", "Write clustered unit vectors, or a grown set, as fvecs");
  gen->add_option("--rows", flags->rows, "Vectors")->check(CLI::Range(1, 100'000'000));
  gen->add_option("--dim", flags->dimension, "Components")->check(CLI::Range(1, 8'192));
  gen->add_option("--clusters", flags->clusters, "Cluster centres")
      ->check(CLI::Range(1, 1'000'000));
  gen->add_option("--spread", flags->spread, "Distance from the centre");
  gen->add_option("--seed", flags->seed, "Of the points; the centres are always the same");
  gen->add_option("--kind", flags->kind, "Instead: data of a kind that is hard for an index")
      ->check(CLI::IsMember(KindNames()));
  gen->add_option("--scale", flags->scale, "Of all components, with --kind");
  gen->add_option("--base", flags->base,
                  "A set to grow to --rows: its rows moved by --spread, then itself");
  gen->add_option("--moved", flags->moved, "Instead: so many of its rows at random, moved")
      ->needs("--base")
      ->check(CLI::Range(1, 100'000'000));
  gen->add_option("--out", flags->out, "File to write")->required();
  gen->callback([=] { command->run = [=] { return RunGen(*flags); }; });
}

}  // namespace nearhit::bench
