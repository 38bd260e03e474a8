#include "engine/model/local_embedder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/model/static_embedder.h"

namespace nearhit {
namespace {

// Only the last part can be any text.
std::string IdentityOf(const LocalModel& model, const LocalSettings& settings) {
  const ModelConfig& config = model.config();
  std::string identity = "local/" + model.hash();
  identity += settings.arithmetic == Arithmetic::kFast ? "/int8" : "/float32";
  identity += config.pooling == Pooling::kMean ? "/mean/" : "/cls/";
  identity += std::to_string(config.max_tokens);
  identity += settings.windows ? "-windows" : "";
  return settings.prefix.empty() ? identity : identity + "/" + settings.prefix;
}

LocalSettings WithPrefixOf(LocalSettings settings, const ModelConfig& config) {
  if (settings.prefix.empty()) {
    settings.prefix = config.prefix;
  }
  return settings;
}

// The mean of two rows, of length 1 where the rows are.
void Average(std::span<const float> first, std::span<const float> second, bool normalize,
             std::span<float> mean) {
  double squares = 0;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] = (first[i] + second[i]) / 2;
    squares += double{mean[i]} * mean[i];
  }
  if (normalize && squares > 0) {
    const double scale = 1 / std::sqrt(squares);
    for (float& value : mean) {
      value = static_cast<float>(value * scale);
    }
  }
}

}  // namespace

// The windows of a text, one after the other.
struct LocalEmbedder::Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::uint32_t> lengths;  // empty: the text has no vector

  void Add(std::span<const std::int32_t> window) {
    ids.insert(ids.end(), window.begin(), window.end());
    lengths.push_back(static_cast<std::uint32_t>(window.size()));
  }
};

// Texts that go through the encoder together, one after the other.
struct LocalEmbedder::Pass {
  struct Text {
    std::size_t index;
    std::size_t windows;
    SingleFlight::Lead lead;
  };
  Tokens tokens;
  std::vector<Text> texts;
};

// One call of Embed.
class LocalEmbedder::Call {
 public:
  Call(const LocalEmbedder* owner, std::span<const std::string_view> texts,
       std::chrono::steady_clock::time_point deadline)
      : owner_(*owner),
        texts_(texts),
        deadline_(deadline),
        dimension_(owner->dimension()),
        rows_(texts.size() * dimension_) {}

  Result<std::vector<float>> Run() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (!owner_.memo_.Find(texts_[i], Row(i))) {
        open.push_back(i);
      }
    }
    // Again for texts whose leader went away without a vector, which is seldom.
    while (!open.empty()) {
      for (const std::size_t i : open) {
        NEARHIT_RETURN_IF_ERROR(Begin(i));
      }
      NEARHIT_RETURN_IF_ERROR(RunPass());
      NEARHIT_ASSIGN_OR_RETURN(open, WaitForOthers());
    }
    return std::move(rows_);
  }

 private:
  std::span<float> Row(std::size_t i) {
    return std::span(rows_).subspan(i * dimension_, dimension_);
  }

  // Leads the text into a pass, or follows who does.
  Status Begin(std::size_t i) {
    if (std::chrono::steady_clock::now() > deadline_) {
      return DeadlineExceeded("deadline passed while embedding");
    }
    SingleFlight::Ticket ticket = owner_.flights_.Join(texts_[i]);
    if (ticket.follow) {
      following_.emplace_back(i, *std::move(ticket.follow));
      return Status();
    }
    // Whoever led it until a moment ago has put it there.
    if (owner_.memo_.FindAgain(texts_[i], Row(i))) {
      ticket.lead->Finish(Row(i));
      return Status();
    }
    owner_.Tokenize(texts_[i], &tokens_);
    if (tokens_.lengths.empty()) {
      owner_.memo_.Put(texts_[i], {});
      ticket.lead->Finish({});
      return Status();
    }
    if (pass_.tokens.ids.size() + tokens_.ids.size() > owner_.model_->pass_tokens()) {
      NEARHIT_RETURN_IF_ERROR(RunPass());
    }
    std::vector<std::int32_t>& ids = pass_.tokens.ids;
    std::vector<std::uint32_t>& lengths = pass_.tokens.lengths;
    ids.insert(ids.end(), tokens_.ids.begin(), tokens_.ids.end());
    lengths.insert(lengths.end(), tokens_.lengths.begin(), tokens_.lengths.end());
    pass_.texts.push_back(
        {.index = i, .windows = tokens_.lengths.size(), .lead = *std::move(ticket.lead)});
    return Status();
  }

  Status RunPass() {
    if (pass_.texts.empty()) {
      return Status();
    }
    Pass pass = std::exchange(pass_, Pass());  // in any case: leads that end here are left
    std::vector<float> out(pass.tokens.lengths.size() * dimension_);
    NEARHIT_RETURN_IF_ERROR(
        owner_.model_->Encode(pass.tokens.ids, pass.tokens.lengths, deadline_, out));
    std::span<const float> vectors = out;
    for (Pass::Text& text : pass.texts) {
      const std::span<float> row = Row(text.index);
      if (text.windows == 2) {
        Average(vectors.first(dimension_), vectors.subspan(dimension_, dimension_),
                owner_.model_->config().normalize, row);
      } else {
        std::copy_n(vectors.begin(), dimension_, row.begin());
      }
      vectors = vectors.subspan(text.windows * dimension_);
      owner_.memo_.Put(texts_[text.index], row);
      text.lead.Finish(row);
    }
    return Status();
  }

  // Returns the texts that are to be begun again.
  Result<std::vector<std::size_t>> WaitForOthers() {
    std::vector<std::size_t> left;
    for (auto& [i, follow] : following_) {
      switch (follow.Wait(deadline_, Row(i))) {
        case SingleFlight::Follow::Outcome::kDone:
          break;
        case SingleFlight::Follow::Outcome::kLeft:
          left.push_back(i);
          break;
        case SingleFlight::Follow::Outcome::kDeadline:
          return DeadlineExceeded("deadline passed while another call embedded the same text");
      }
    }
    following_.clear();
    return left;
  }

  const LocalEmbedder& owner_;
  const std::span<const std::string_view> texts_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::size_t dimension_;
  std::vector<float> rows_;
  Tokens tokens_;  // of one text; kept for its memory
  Pass pass_;
  std::vector<std::pair<std::size_t, SingleFlight::Follow>> following_;
};

Result<std::shared_ptr<const Embedder>> LocalEmbedder::Load(const std::filesystem::path& folder,
                                                            LocalSettings settings) {
  NEARHIT_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(folder));
  if (config.kind == ModelConfig::Kind::kStatic) {
    return LoadStatic(folder, config, std::move(settings));
  }
  LocalModel::Options options;
  options.arithmetic = settings.arithmetic;
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const LocalModel> model,
                           LocalModel::Load(folder, std::move(config), options));
  return Make(std::move(model), std::move(settings));
}

Result<std::shared_ptr<const Embedder>> LocalEmbedder::LoadStatic(
    const std::filesystem::path& folder, const ModelConfig& config, LocalSettings settings) {
  if (settings.arithmetic != Arithmetic::kFast || settings.windows) {
    return InvalidArgument(
        std::string(settings.windows ? "long_text" : "arithmetic") +
        " is set, but the model is static: it has one arithmetic and no windows");
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::string hash, HashOfWeights(folder));
  const std::string prefix = WithPrefixOf(std::move(settings), config).prefix;
  std::string identity = "local/" + hash + "/static";
  identity += prefix.empty() ? "" : "/" + prefix;
  NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<const StaticEmbedder> model,
                           StaticEmbedder::Load(folder, std::move(identity), prefix));
  return std::shared_ptr<const Embedder>(std::move(model));
}

Result<std::shared_ptr<const Embedder>> LocalEmbedder::Make(std::shared_ptr<const LocalModel> model,
                                                            LocalSettings settings) {
  settings = WithPrefixOf(std::move(settings), model->config());
  std::shared_ptr<LocalEmbedder> embedder(new LocalEmbedder(std::move(model), std::move(settings)));
  const std::vector<std::int32_t>& begin = embedder->window_begin_;
  const std::size_t taken = begin.size() + embedder->window_end_.size();
  const std::size_t max_tokens = embedder->model_->config().max_tokens;
  if (taken >= max_tokens) {
    return InvalidArgument("prefix has " + std::to_string(taken) +
                           " tokens with those around a text, and the model reads " +
                           std::to_string(max_tokens) + ", the text among them");
  }
  if (std::find(begin.begin(), begin.end(), embedder->model_->tokenizer().unknown_id()) !=
      begin.end()) {
    return InvalidArgument("prefix of " + std::to_string(embedder->settings_.prefix.size()) +
                           " bytes has a word or sign that the model's vocabulary lacks");
  }
  return std::shared_ptr<const Embedder>(std::move(embedder));
}

LocalEmbedder::LocalEmbedder(std::shared_ptr<const LocalModel> model, LocalSettings settings)
    : model_(std::move(model)),
      settings_(std::move(settings)),
      identity_(IdentityOf(*model_, settings_)),
      memo_(model_->dimension(), settings_.memo_bytes) {
  std::vector<std::int32_t> around;
  model_->tokenizer().Encode("", &around);
  const auto before = static_cast<std::ptrdiff_t>(model_->tokenizer().tokens_before());
  model_->tokenizer().EncodeContent(settings_.prefix, &window_begin_);
  window_begin_.insert(window_begin_.begin(), around.begin(), around.begin() + before);
  window_end_.assign(around.begin() + before, around.end());
}

Result<std::vector<float>> LocalEmbedder::Embed(
    std::span<const std::string_view> texts, std::chrono::steady_clock::time_point deadline) const {
  return Call(this, texts, deadline).Run();
}

Result<std::vector<float>> LocalEmbedder::TryEmbed(std::span<const std::string_view> texts) const {
  std::vector<float> rows(texts.size() * dimension());
  if (!memo_.FindAll(texts, rows)) {
    return WouldBlock("the model has not kept the vector of the text");
  }
  return rows;
}

// Texts that get no tokens here: the beginning of a long one, or a text with its unknown words all
// the same, would match what it must not.
void LocalEmbedder::Tokenize(std::string_view text, Tokens* tokens) const {
  const Tokenizer& tokenizer = model_->tokenizer();
  tokens->lengths.clear();
  tokenizer.Encode(settings_.prefix.empty() ? text : settings_.prefix + std::string(text),
                   &tokens->ids);
  if (std::find(tokens->ids.begin(), tokens->ids.end(), tokenizer.unknown_id()) !=
      tokens->ids.end()) {
    return;
  }
  if (tokens->ids.size() <= model_->config().max_tokens) {
    tokens->lengths.push_back(static_cast<std::uint32_t>(tokens->ids.size()));
  } else if (settings_.windows) {
    SplitInWindows(text, tokens);
  }
}

// What is longer than both would have a middle that counts for nothing.
void LocalEmbedder::SplitInWindows(std::string_view text, Tokens* tokens) const {
  std::vector<std::int32_t> content;
  model_->tokenizer().EncodeContent(text, &content);
  const std::size_t room = model_->config().max_tokens - window_begin_.size() - window_end_.size();
  if (content.size() > 2 * room) {
    return;
  }
  const std::size_t length = std::min(room, content.size());
  tokens->ids.clear();
  std::vector<std::int32_t> window;
  for (const std::size_t begin : {std::size_t{0}, content.size() - length}) {
    const auto from = content.begin() + static_cast<std::ptrdiff_t>(begin);
    window = window_begin_;
    window.insert(window.end(), from, from + static_cast<std::ptrdiff_t>(length));
    window.insert(window.end(), window_end_.begin(), window_end_.end());
    tokens->Add(window);
  }
}

EmbedderStats LocalEmbedder::stats() const {
  const TextMemo::Counts counts = memo_.counts();
  return {.memo_hits = counts.hits, .memo_misses = counts.misses};
}

}  // namespace nearhit
