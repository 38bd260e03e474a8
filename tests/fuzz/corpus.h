// What writes the seeds of fuzz corpora.
#pragma once

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace nearhit {

class Corpus {
 public:
  explicit Corpus(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }
  void Add(const std::string& name, std::string_view bytes) const {
    std::ofstream(directory_ / name, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  const std::filesystem::path directory_;
};

inline std::string Bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) {
    out.push_back(static_cast<char>(value));
  }
  return out;
}

// Of what the gateway reads: make_corpus_gateway.cc.
void MakeGatewaySeeds(const std::filesystem::path& root);

}  // namespace nearhit
