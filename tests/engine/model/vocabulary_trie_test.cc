#include "engine/model/vocabulary_trie.h"

#include <random>
#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(VocabularyTrieTest, FindsPiecesAndPrefixes) {
  VocabularyTrie trie;
  const auto root = trie.AddRoot();
  EXPECT_TRUE(trie.Add(root, "ab", 7));
  EXPECT_TRUE(trie.Add(root, "abc", 8));
  EXPECT_FALSE(trie.Add(root, "ab", 9));
  EXPECT_EQ(trie.Find(root, "ab"), 7);
  EXPECT_EQ(trie.Find(root, "abc"), 8);
  EXPECT_EQ(trie.Find(root, "a"), VocabularyTrie::kNoId);
  EXPECT_EQ(trie.Find(root, "abd"), VocabularyTrie::kNoId);
  EXPECT_NE(trie.Step(root, 'a'), VocabularyTrie::kNone);
  EXPECT_EQ(trie.Step(root, 'b'), VocabularyTrie::kNone);
}

TEST(VocabularyTrieTest, TreesAreApart) {
  VocabularyTrie trie;
  const auto one = trie.AddRoot();
  const auto two = trie.AddRoot();
  EXPECT_TRUE(trie.Add(one, "a", 1));
  EXPECT_TRUE(trie.Add(two, "a", 2));
  EXPECT_EQ(trie.Find(one, "a"), 1);
  EXPECT_EQ(trie.Find(two, "a"), 2);
}

// Random pieces of few letters, so that they share prefixes, against a hash map.
TEST(VocabularyTrieTest, AgreesWithAMap) {
  std::mt19937 random(7);
  VocabularyTrie trie;
  const auto root = trie.AddRoot();
  std::unordered_map<std::string, std::int32_t> map;
  const auto piece = [&random] {
    std::string text(1 + random() % 9, ' ');
    for (char& c : text) {
      c = static_cast<char>(random() % 5 * 60);  // zero and bytes above 127 too
    }
    return text;
  };
  for (std::int32_t id = 0; id < 20'000; ++id) {
    const std::string text = piece();
    EXPECT_EQ(trie.Add(root, text, id), map.emplace(text, id).second);
  }
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = piece();
    const auto found = map.find(text);
    EXPECT_EQ(trie.Find(root, text), found == map.end() ? VocabularyTrie::kNoId : found->second);
  }
}

}  // namespace
}  // namespace nearhit
