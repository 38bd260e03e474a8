#include "engine/model/unigram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "engine/model/unicode.h"

namespace nearhit {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the least probable piece

}  // namespace

Unigram::Unigram(const UnigramOptions& options, std::vector<double> scores)
    : options_(options), scores_(std::move(scores)), root_(trie_.AddRoot()) {
}

Result<std::unique_ptr<const SubwordModel>> Unigram::Make(const std::vector<std::string>& tokens,
                                                          std::vector<double> scores,
                                                          const UnigramOptions& options) {
  NEARHIT_CHECK(tokens.size() == scores.size());
  if (options.unknown_id < 0 || static_cast<std::size_t>(options.unknown_id) >= tokens.size()) {
    return InvalidArgument("the unknown token's id is " + std::to_string(options.unknown_id) +
                           ", expected less than the " + std::to_string(tokens.size()) + " tokens");
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      return InvalidArgument("the score of token " + std::to_string(i) + " is not finite");
    }
  }
  std::unique_ptr<Unigram> model(new Unigram(options, std::move(scores)));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].empty()) {
      return InvalidArgument("token " + std::to_string(i) + " is empty");
    }
    if (!model->trie_.Add(model->root_, tokens[i], static_cast<std::int32_t>(i))) {
      return InvalidArgument("token " + std::to_string(i) + " is there twice");
    }
  }
  model->unknown_score_ =
      *std::min_element(model->scores_.begin(), model->scores_.end()) - kUnknownPenalty;
  return std::unique_ptr<const SubwordModel>(std::move(model));
}

void Unigram::Append(std::string_view normal, std::vector<std::int32_t>* ids) const {
  const std::string& mark = options_.replacement;
  std::string text;
  text.reserve(normal.size() + normal.size() / 4 + mark.size());
  if (options_.prepend && !normal.starts_with(' ') && !normal.starts_with(mark)) {
    text = mark;
  }
  for (const char c : normal) {
    if (c == ' ') {
      text += mark;
    } else {
      text.push_back(c);
    }
  }
  std::vector<Step> steps;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t size = rest.size();
    if (options_.split) {
      size = std::min(size, rest.find(mark, 1));
    }
    AppendPiece(rest.substr(0, size), &steps, ids);
    rest.remove_prefix(size);
  }
}

void Unigram::FindBestWay(std::string_view piece, std::vector<Step>* steps) const {
  steps->assign(piece.size() + 1, Step());
  for (std::size_t begin = 0; begin < piece.size();) {
    const double here = (*steps)[begin].score;
    std::size_t next = begin;
    DecodeUtf8(piece, &next);
    const auto offer = [&](std::size_t end, std::int32_t id, double score) {
      Step& step = (*steps)[end];
      if (step.id == VocabularyTrie::kNoId || here + score > step.score) {
        step = {.score = here + score, .from = begin, .id = id};
      }
    };
    bool known = false;  // the code point alone is a piece
    VocabularyTrie::Node node = root_;
    for (std::size_t end = begin; end < piece.size();) {
      node = trie_.Step(node, piece[end]);
      ++end;
      if (node == VocabularyTrie::kNone) {
        break;
      }
      const std::int32_t id = trie_.id(node);
      if (id != VocabularyTrie::kNoId) {
        offer(end, id, scores_[static_cast<std::size_t>(id)]);
        known = known || end == next;
      }
    }
    if (!known) {
      offer(next, options_.unknown_id, unknown_score_);
    }
    begin = next;
  }
}

// Neighbouring unknown code points are one unknown token.
void Unigram::AppendPiece(std::string_view piece, std::vector<Step>* steps,
                          std::vector<std::int32_t>* ids) const {
  FindBestWay(piece, steps);
  const std::size_t size_before = ids->size();
  std::size_t unknown_end = 0;  // of the run of unknown code points that is being collected
  const auto close = [&](std::size_t begin) {
    if (unknown_end != 0) {
      const std::int32_t id = trie_.Find(root_, piece.substr(begin, unknown_end - begin));
      ids->push_back(id == VocabularyTrie::kNoId ? options_.unknown_id : id);
      unknown_end = 0;
    }
  };
  for (std::size_t end = piece.size(); end > 0;) {
    const Step& step = (*steps)[end];
    if (step.id == options_.unknown_id) {
      unknown_end = unknown_end == 0 ? end : unknown_end;
    } else {
      close(end);
      ids->push_back(step.id);
    }
    end = step.from;
  }
  close(0);
  std::reverse(ids->begin() + static_cast<std::ptrdiff_t>(size_before), ids->end());
}

}  // namespace nearhit
