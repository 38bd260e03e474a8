#include "engine/embedding/embed_texts.h"

#include <algorithm>
#include <string>
#include <utility>

namespace nearhit {

namespace {

using Texts = std::span<const std::string_view>;
using TimePoint = std::chrono::steady_clock::time_point;

// Any embedder has a vector for it.
constexpr std::string_view kProbe = "hello";

// The texts of one call, part after part.
class Parts {
 public:
  Parts(const Embedder& embedder, TimePoint deadline) : embedder_(embedder), deadline_(deadline) {}

  Status Embed(Texts texts) {
    Result<std::vector<float>> made = Ask(texts);
    if (made.ok()) {
      Append(texts.size(), *std::move(made));
      return Status();
    }
    if (made.status().code() != StatusCode::kInvalidArgument) {
      return std::move(made).status();
    }
    if (!TakesOthers()) {
      return std::move(made).status();
    }
    made.IgnoreError();  // it is about one of them, or about their number
    if (texts.size() == 1) {
      ++refused_;
      rows_.resize(rows_.size() + embedder_.dimension());
      return Status();
    }
    divided_ = true;
    const std::size_t half = texts.size() / 2;
    NEARHIT_RETURN_IF_ERROR(Embed(texts.first(half)));
    return Embed(texts.subspan(half));
  }

  // Since Begin().
  void Begin() {
    accepted_ = 0;
    refused_ = 0;
    divided_ = false;
  }
  std::size_t accepted() const { return accepted_; }  // texts of the largest part
  bool TooMany() const { return divided_ && refused_ == 0; }

  std::vector<float> Take() { return std::move(rows_); }

 private:
  Result<std::vector<float>> Ask(Texts texts) const {
    Result<std::vector<float>> made = embedder_.Embed(texts, deadline_);
    NEARHIT_RETURN_IF_ERROR(CheckRows(embedder_, texts.size(), made));
    return made;
  }
  void Append(std::size_t texts, std::vector<float> rows) {
    takes_others_ = true;
    accepted_ = std::max(accepted_, texts);
    if (rows_.empty()) {
      rows_ = std::move(rows);
    } else {
      rows_.insert(rows_.end(), rows.begin(), rows.end());
    }
  }
  // Otherwise the model or the address is at fault, not a text.
  bool TakesOthers() {
    if (!takes_others_) {
      const Result<std::vector<float>> probe = Ask({&kProbe, 1});
      probe.IgnoreError();
      takes_others_ = probe.ok();
    }
    return takes_others_;
  }

  const Embedder& embedder_;
  const TimePoint deadline_;
  std::vector<float> rows_;
  bool takes_others_ = false;
  std::size_t accepted_ = 0;
  std::size_t refused_ = 0;
  bool divided_ = false;
};

}  // namespace

void BatchLimit::Shrink(std::size_t texts) {
  texts_.store(std::max<std::size_t>(1, texts), std::memory_order_relaxed);
  full_parts_.store(0, std::memory_order_relaxed);
}

void BatchLimit::Accepted(std::size_t texts) {
  const std::size_t limit = this->texts();
  if (texts < limit || full_parts_.fetch_add(1, std::memory_order_relaxed) + 1 < kPartsToGrow) {
    return;
  }
  texts_.store(limit * 2, std::memory_order_relaxed);
  full_parts_.store(0, std::memory_order_relaxed);
}

Status CheckRows(const Embedder& embedder, std::size_t texts,
                 const Result<std::vector<float>>& made) {
  const std::size_t wanted = texts * embedder.dimension();
  if (!made.ok() || made->size() == wanted) {
    return Status();
  }
  return Internal("the embedder gave " + std::to_string(made->size()) + " floats for " +
                  std::to_string(texts) + " texts of dimension " +
                  std::to_string(embedder.dimension()) + ", not " + std::to_string(wanted));
}

Result<std::vector<float>> EmbedTexts(const Embedder& embedder, Texts texts, TimePoint deadline,
                                      BatchLimit* limit) {
  BatchLimit unknown;
  BatchLimit& most = limit == nullptr ? unknown : *limit;
  Parts parts(embedder, deadline);
  do {  // once for no texts, too
    const Texts part = texts.first(std::min(texts.size(), most.texts()));
    texts = texts.subspan(part.size());
    parts.Begin();
    NEARHIT_RETURN_IF_ERROR(parts.Embed(part));
    if (parts.TooMany()) {
      most.Shrink(parts.accepted());
    } else {
      most.Accepted(part.size());
    }
  } while (!texts.empty());
  return parts.Take();
}

}  // namespace nearhit
