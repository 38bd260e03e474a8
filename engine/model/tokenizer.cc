#include "engine/model/tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/model/strict_json.h"
#include "engine/model/subword_model.h"
#include "engine/model/tokenizer_json.h"
#include "engine/model/tokenizer_spec.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxVocabularyBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

// Special tokens, normal form, subwords: in this order, as Hugging Face's tokenizers work.
class PipelineTokenizer final : public Tokenizer {
 public:
  PipelineTokenizer(TokenizerSpec spec, std::unique_ptr<const SubwordModel> model,
                    std::size_t vocabulary_size, std::int32_t unknown_id)
      : unknown_words_(std::holds_alternative<WordPieceOptions>(spec.model)),
        special_(std::move(spec.special)),
        normalizer_(spec.normalizer),
        model_(std::move(model)),
        before_(std::move(spec.before)),
        after_(std::move(spec.after)),
        vocabulary_size_(vocabulary_size),
        unknown_id_(unknown_id) {}

  void Encode(std::string_view text, std::vector<std::int32_t>* ids) const override {
    ids->assign(before_.begin(), before_.end());
    AppendContent(text, ids);
    ids->insert(ids->end(), after_.begin(), after_.end());
  }
  void EncodeContent(std::string_view text, std::vector<std::int32_t>* ids) const override {
    ids->clear();
    AppendContent(text, ids);
  }
  std::size_t tokens_before() const override { return before_.size(); }
  std::size_t vocabulary_size() const override { return vocabulary_size_; }
  bool unknown_words() const override { return unknown_words_; }
  std::int32_t unknown_id() const override { return unknown_id_; }

 private:
  void AppendContent(std::string_view text, std::vector<std::int32_t>* ids) const {
    std::string normal;
    std::size_t done = 0;
    while (const auto match = special_.Find(text, done)) {
      AppendPart(text.substr(done, match->begin - done), &normal, ids);
      ids->push_back(match->id);
      done = match->end;
    }
    AppendPart(text.substr(done), &normal, ids);
  }
  void AppendPart(std::string_view part, std::string* normal,
                  std::vector<std::int32_t>* ids) const {
    normal->clear();
    normalizer_.Normalize(part, normal);
    if (!normal->empty()) {
      model_->Append(*normal, ids);
    }
  }

  const bool unknown_words_;
  const SpecialTokens special_;
  const TextNormalizer normalizer_;
  const std::unique_ptr<const SubwordModel> model_;
  const std::vector<std::int32_t> before_;
  const std::vector<std::int32_t> after_;
  const std::size_t vocabulary_size_;
  const std::int32_t unknown_id_;
};

Result<std::unique_ptr<const SubwordModel>> MakeModel(const TokenizerSpec& spec) {
  if (const auto* options = std::get_if<UnigramOptions>(&spec.model)) {
    return Unigram::Make(spec.tokens, spec.scores, *options);
  }
  return WordPiece::Make(spec.tokens, std::get<WordPieceOptions>(spec.model));
}

}  // namespace

Result<std::unique_ptr<const Tokenizer>> MakeTokenizer(TokenizerSpec spec, std::string_view file) {
  Result<std::unique_ptr<const SubwordModel>> model = MakeModel(spec);
  if (!model.ok()) {
    return Status(model.status().code(),
                  std::string(file) + ": " + std::string(model.status().message()));
  }
  std::size_t size = spec.tokens.size();
  for (const SpecialToken& token : spec.special) {
    size = std::max(size, static_cast<std::size_t>(token.id) + 1);
  }
  for (const std::vector<std::int32_t>& around : {spec.before, spec.after}) {
    for (const std::int32_t id : around) {
      if (id < 0 || static_cast<std::size_t>(id) >= size) {
        return InvalidArgument(std::string(file) + ": a token around the text has id " +
                               std::to_string(id) + ", expected less than the " +
                               std::to_string(size) + " tokens");
      }
    }
  }
  const std::int32_t unknown_id =
      std::visit([](const auto& options) { return options.unknown_id; }, spec.model);
  return std::unique_ptr<const Tokenizer>(
      std::make_unique<PipelineTokenizer>(std::move(spec), std::move(*model), size, unknown_id));
}

Result<std::unique_ptr<const Tokenizer>> LoadTokenizer(const std::filesystem::path& folder) {
  const std::filesystem::path json = folder / "tokenizer.json";
  const Result<std::string> text = ReadModelText(json, kMaxVocabularyBytes);
  if (text.ok()) {
    NEARHIT_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseTokenizerJson(*text, "tokenizer.json"));
    return MakeTokenizer(std::move(spec), "tokenizer.json");
  }
  if (text.status().code() != StatusCode::kNotFound) {
    return text.status();
  }
  const Result<std::string> vocabulary = ReadModelText(folder / "vocab.txt", kMaxVocabularyBytes);
  if (vocabulary.status().code() == StatusCode::kNotFound) {
    return NotFound(folder.filename().string() +
                    ": neither tokenizer.json nor vocab.txt is there, expected one of them");
  }
  NEARHIT_RETURN_IF_ERROR(vocabulary.status());
  Result<std::string> config = ReadModelText(folder / "tokenizer_config.json", kMaxConfigBytes);
  if (config.status().code() == StatusCode::kNotFound) {
    config = std::string("{}");
  }
  NEARHIT_RETURN_IF_ERROR(config.status());
  NEARHIT_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseVocabulary(*vocabulary, *config));
  return MakeTokenizer(std::move(spec), "vocab.txt");
}

}  // namespace nearhit
