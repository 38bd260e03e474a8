// The commands of docs/right-answers.md, in their order, against a daemon.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/client.h"
#include "tests/cli/cli_fixture.h"

namespace nearhit {
namespace {

// Of a line as a shell reads it: words, and texts in double quotes.
std::vector<std::string> WordsOf(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream text(line);
  for (std::string word; text >> word;) {
    if (word.front() == '"' && (word.size() == 1 || word.back() != '"')) {
      std::string rest;
      std::getline(text, rest, '"');
      word += rest + '"';
    }
    words.push_back(word.front() == '"' ? word.substr(1, word.size() - 2) : word);
  }
  return words;
}

class DocumentedCommandsTest : public CliFixture {
 protected:
  // The model's folder is the reader's; here words are enough.
  static std::string WithoutModel(std::string line) {
    const std::string model = "--embedder local --embedder-model MODEL";
    if (const std::size_t at = line.find(model); at != std::string::npos) {
      line.replace(at, model.size(), "--embedder lexical");
    }
    return line;
  }
};

TEST_F(DocumentedCommandsTest, Work) {
  std::string pairs = "label\tcached\tasked\n";
  for (int i = 0; i < 200; ++i) {
    const std::string thing = "thing " + std::to_string(i);
    pairs += std::to_string(i % 4 == 0 ? 0 : 1) + "\twhere is my " + thing + "\twhere can " +
             thing + " be\n";
  }
  const std::string path = Write("pairs.tsv", pairs);
  std::ifstream document(NEARHIT_DOCS "/right-answers.md");
  int commands = 0;
  bool in_fence = false;
  for (std::string line; std::getline(document, line);) {
    const std::size_t begin = line.find("nearhit ");
    in_fence ^= line.find("```") != std::string::npos;
    if (!in_fence || begin == std::string::npos || line.find_first_not_of(' ') != begin) {
      continue;
    }
    std::vector<std::string> words = WordsOf(WithoutModel(line.substr(begin)));
    words.erase(words.begin());
    for (std::string& word : words) {
      word = word == "pairs.tsv" ? path : word;
    }
    const int code = Run(words);
    EXPECT_TRUE(code == kExitOk || (code == kExitNotFound && words[0] == "lookup"))
        << line << ": " << code << ' ' << err_;
    ++commands;
  }
  EXPECT_GE(commands, 10);
}

}  // namespace
}  // namespace nearhit
