// Token ids of a model folder's tokenizer, for bench/peers/check_tokenizer.py: print_tokens FOLDER.
// Reads texts from standard input, each after its length; writes the ids of each after their
// number. All numbers are 32 bits, little-endian.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/model/tokenizer.h"

namespace {

bool ReadAll(void* to, std::size_t size) {
  return std::fread(to, 1, size, stdin) == size;
}

bool WriteAll(const void* from, std::size_t size) {
  return std::fwrite(from, 1, size, stdout) == size;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: print_tokens FOLDER < texts > ids\n");
    return 2;
  }
  const auto tokenizer = nearhit::LoadTokenizer(argv[1]);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.status().ToString().c_str());
    return 1;
  }
  std::string text;
  std::vector<std::int32_t> ids;
  std::uint32_t size = 0;
  while (ReadAll(&size, sizeof(size))) {
    text.resize(size);
    if (!ReadAll(text.data(), size)) {
      std::fprintf(stderr, "input ends within a text\n");
      return 1;
    }
    (*tokenizer)->Encode(text, &ids);
    const auto count = static_cast<std::uint32_t>(ids.size());
    if (!WriteAll(&count, sizeof(count)) || !WriteAll(ids.data(), ids.size() * sizeof(ids[0]))) {
      std::fprintf(stderr, "cannot write\n");
      return 1;
    }
  }
  return 0;
}
