#include "engine/model/wordpiece.h"

#include "engine/model/unicode.h"

namespace nearhit {
namespace {

std::uint8_t FlagsOf(std::uint32_t c) {
  const std::uint8_t flags = UnicodeFlags(c);
  return IsWhiteSpace(c) ? flags | kUnicodeSpace : flags;
}

}  // namespace

WordPiece::WordPiece(const WordPieceOptions& options)
    : options_(options), first_(trie_.AddRoot()), continuing_(trie_.AddRoot()) {
  for (std::uint32_t c = 0; c < ascii_.size(); ++c) {
    ascii_[c] = FlagsOf(c);
  }
}

Result<std::unique_ptr<const SubwordModel>> WordPiece::Make(const std::vector<std::string>& tokens,
                                                            const WordPieceOptions& options) {
  if (options.unknown_id < 0 || static_cast<std::size_t>(options.unknown_id) >= tokens.size()) {
    return InvalidArgument("the unknown token's id is " + std::to_string(options.unknown_id) +
                           ", expected less than the " + std::to_string(tokens.size()) + " tokens");
  }
  std::unique_ptr<WordPiece> model(new WordPiece(options));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string_view token = tokens[i];
    const auto id = static_cast<std::int32_t>(i);
    // A token with the prefix never begins a word: "#" is punctuation and a word of its own.
    const bool continues = token.starts_with(kContinuingPrefix);
    if (!model->trie_.Add(continues ? model->continuing_ : model->first_,
                          continues ? token.substr(kContinuingPrefix.size()) : token, id)) {
      return InvalidArgument("token " + std::to_string(i) + " is there twice");
    }
  }
  return std::unique_ptr<const SubwordModel>(std::move(model));
}

void WordPiece::Append(std::string_view normal, std::vector<std::int32_t>* ids) const {
  std::size_t begin = 0;       // of the open word
  std::size_t characters = 0;  // in it
  for (std::size_t position = 0; position < normal.size();) {
    const std::size_t start = position;
    const auto byte = static_cast<unsigned char>(normal[position]);
    std::uint8_t flags = 0;
    if (byte < ascii_.size()) {
      flags = ascii_[byte];
      ++position;
    } else {
      flags = FlagsOf(DecodeUtf8(normal, &position));
    }
    if ((flags & (kUnicodeSpace | kUnicodePunctuation)) == 0) {
      ++characters;
      continue;
    }
    AppendWord(normal.substr(begin, start - begin), characters, ids);
    if ((flags & kUnicodePunctuation) != 0) {
      AppendWord(normal.substr(start, position - start), 1, ids);
    }
    begin = position;
    characters = 0;
  }
  AppendWord(normal.substr(begin), characters, ids);
}

// Takes the longest piece each time. A word with a rest that no piece begins is unknown as a whole.
void WordPiece::AppendWord(std::string_view word, std::size_t characters,
                           std::vector<std::int32_t>* ids) const {
  if (characters > options_.max_characters_per_word) {
    ids->push_back(options_.unknown_id);
    return;
  }
  const std::size_t size_before = ids->size();
  VocabularyTrie::Node root = first_;
  while (!word.empty()) {
    std::size_t longest = 0;
    std::int32_t longest_id = VocabularyTrie::kNoId;
    VocabularyTrie::Node node = root;
    for (std::size_t i = 0; i < word.size(); ++i) {
      node = trie_.Step(node, word[i]);
      if (node == VocabularyTrie::kNone) {
        break;
      }
      if (trie_.id(node) != VocabularyTrie::kNoId) {
        longest = i + 1;
        longest_id = trie_.id(node);
      }
    }
    if (longest == 0) {
      ids->resize(size_before);
      ids->push_back(options_.unknown_id);
      return;
    }
    ids->push_back(longest_id);
    word.remove_prefix(longest);
    root = continuing_;
  }
}

}  // namespace nearhit
