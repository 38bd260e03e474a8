#include "engine/model/bert_encoder.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/model/naive_bert.h"

namespace nearhit {
namespace {

using testing::HasSubstr;
using TimePoint = std::chrono::steady_clock::time_point;

constexpr BertConfig kSmall{.layers = 3,
                            .hidden = 48,
                            .heads = 3,
                            .intermediate = 80,
                            .vocabulary = 50,
                            .positions = 120,
                            .token_types = 2,
                            .layer_norm_eps = 1e-12F};
// No size fills a vector.
constexpr BertConfig kOdd{.layers = 2,
                          .hidden = 21,
                          .heads = 3,
                          .intermediate = 37,
                          .vocabulary = 11,
                          .positions = 60,
                          .token_types = 1,
                          .layer_norm_eps = 1e-5F};

struct Texts {
  std::vector<std::int32_t> ids;
  std::vector<std::uint32_t> lengths;

  std::span<const std::int32_t> Text(std::size_t text) const {
    std::size_t first = 0;
    for (std::size_t i = 0; i < text; ++i) {
      first += lengths[i];
    }
    return std::span(ids).subspan(first, lengths[text]);
  }
};

Texts MakeTexts(const BertConfig& config, const std::vector<std::uint32_t>& lengths) {
  std::mt19937 random(3);
  Texts texts{.ids = {}, .lengths = lengths};
  for (const std::uint32_t length : lengths) {
    for (std::uint32_t i = 0; i < length; ++i) {
      texts.ids.push_back(static_cast<std::int32_t>(random() % config.vocabulary));
    }
  }
  return texts;
}

std::unique_ptr<BertEncoder> Load(const BertConfig& config, const EncoderOptions& options,
                                  NaiveBert* naive) {
  auto encoder = BertEncoder::Load(config, options, naive->Reader());
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  return std::move(encoder).value();
}

std::vector<float> Encode(const BertEncoder& encoder, const Texts& texts) {
  std::vector<float> out(texts.lengths.size() * encoder.dimension());
  const Status status = encoder.Encode(texts.ids, texts.lengths, TimePoint::max(), out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

std::vector<std::uint32_t> Lengths(const BertConfig& config) {
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t length = 1; length <= 35; ++length) {
    lengths.push_back(length);
  }
  lengths.push_back(static_cast<std::uint32_t>(config.positions));
  lengths.push_back(1);
  return lengths;
}

// The smallest and the mean cosine of an encoder to the naive one, over texts of all lengths.
std::pair<double, double> Cosines(const BertConfig& config, const EncoderOptions& options) {
  NaiveBert naive(config);
  const auto encoder = Load(config, options, &naive);
  const Texts texts = MakeTexts(config, Lengths(config));
  const std::vector<float> out = Encode(*encoder, texts);
  double least = 1;
  double sum = 0;
  for (std::size_t text = 0; text < texts.lengths.size(); ++text) {
    const double cosine = Cosine(std::span(out).subspan(text * config.hidden, config.hidden),
                                 naive.Encode(texts.Text(text), options.pooling));
    least = std::min(least, cosine);
    sum += cosine;
  }
  return {least, sum / static_cast<double>(texts.lengths.size())};
}

TEST(BertEncoderTest, Float32MatchesDoublePrecision) {
  for (const EncoderKernels& kernels : AvailableEncoderKernels()) {
    for (const Pooling pooling : {Pooling::kMean, Pooling::kCls}) {
      for (const BertConfig& config : {kSmall, kOdd}) {
        const auto [least, mean] = Cosines(
            config, {.arithmetic = Arithmetic::kFloat32, .pooling = pooling, .kernels = &kernels});
        EXPECT_GT(least, 1 - 1e-9) << kernels.name;
      }
    }
  }
}

TEST(BertEncoderTest, FastIsCloseToFloat32) {
  for (const EncoderKernels& kernels : AvailableEncoderKernels()) {
    for (const BertConfig& config : {kSmall, kOdd}) {
      const auto [least, mean] =
          Cosines(config, {.arithmetic = Arithmetic::kFast, .kernels = &kernels});
      EXPECT_GT(least, 0.995) << kernels.name;
      EXPECT_GT(mean, 0.999) << kernels.name;
    }
  }
}

// What one processor stored another must find.
TEST(BertEncoderTest, FastIsTheSameWithAllKernels) {
  const Texts texts = MakeTexts(kSmall, Lengths(kSmall));
  NaiveBert naive(kSmall);
  const auto best = Encode(*Load(kSmall, {}, &naive), texts);
  for (const EncoderKernels& kernels : AvailableEncoderKernels()) {
    const auto other = Encode(*Load(kSmall, {.kernels = &kernels}, &naive), texts);
    for (std::size_t at = 0; at < best.size(); at += kSmall.hidden) {
      const std::vector<double> vector(
          best.begin() + static_cast<std::ptrdiff_t>(at),
          best.begin() + static_cast<std::ptrdiff_t>(at + kSmall.hidden));
      EXPECT_GT(Cosine(std::span(other).subspan(at, kSmall.hidden), vector), 0.99999)
          << kernels.name;
    }
  }
}

TEST(BertEncoderTest, ATextGetsTheVectorThatItGetsAlone) {
  const Texts texts = MakeTexts(kSmall, Lengths(kSmall));
  for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kFast}) {
    NaiveBert naive(kSmall);
    const auto encoder = Load(kSmall, {.arithmetic = arithmetic}, &naive);
    const std::vector<float> together = Encode(*encoder, texts);
    for (std::size_t text = 0; text < texts.lengths.size(); ++text) {
      const auto ids = texts.Text(text);
      const std::vector<float> alone =
          Encode(*encoder, {.ids = {ids.begin(), ids.end()}, .lengths = {texts.lengths[text]}});
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(),
                             together.begin() + static_cast<std::ptrdiff_t>(text * kSmall.hidden)))
          << text;
    }
  }
}

TEST(BertEncoderTest, ThreadsGiveTheSameVectors) {
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t i = 0; i < 200; ++i) {
    lengths.push_back(1 + i * 7 % 31);
  }
  const Texts texts = MakeTexts(kSmall, lengths);
  NaiveBert naive(kSmall);
  const std::vector<float> expected = Encode(*Load(kSmall, {}, &naive), texts);
  const auto encoder = Load(kSmall, {.threads = 3}, &naive);
  std::vector<std::thread> callers;
  callers.reserve(3);
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int call = 0; call < 3; ++call) {
        EXPECT_EQ(Encode(*encoder, texts), expected);
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
}

TEST(BertEncoderTest, VectorsAreAsLongAsAskedFor) {
  NaiveBert naive(kSmall);
  const Texts texts = MakeTexts(kSmall, {7});
  const auto unit = Encode(*Load(kSmall, {.pooling = Pooling::kMean}, &naive), texts);
  const auto plain =
      Encode(*Load(kSmall, {.pooling = Pooling::kMean, .normalize = false}, &naive), texts);
  double squares = 0;
  double plain_squares = 0;
  for (std::size_t i = 0; i < unit.size(); ++i) {
    squares += double{unit[i]} * unit[i];
    plain_squares += double{plain[i]} * plain[i];
  }
  EXPECT_NEAR(squares, 1, 1e-6);
  EXPECT_GT(std::abs(plain_squares - 1), 0.1);
}

TEST(BertEncoderTest, SaysWhatItIs) {
  NaiveBert naive(kSmall);
  const auto fast = Load(kSmall, {}, &naive);
  const auto exact = Load(kSmall, {.arithmetic = Arithmetic::kFloat32}, &naive);
  EXPECT_EQ(fast->dimension(), kSmall.hidden);
  EXPECT_EQ(fast->max_tokens(), kSmall.positions);
  EXPECT_LT(fast->memory_bytes(), exact->memory_bytes());
}

TEST(BertEncoderTest, HonoursTheDeadline) {
  NaiveBert naive(kSmall);
  const auto encoder = Load(kSmall, {.threads = 2}, &naive);
  const Texts texts = MakeTexts(kSmall, std::vector<std::uint32_t>(50, 20));
  std::vector<float> out(texts.lengths.size() * kSmall.hidden);
  const Status status = encoder->Encode(
      texts.ids, texts.lengths, std::chrono::steady_clock::now() - std::chrono::seconds(1), out);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  // The encoder is as good as new.
  EXPECT_TRUE(encoder->Encode(texts.ids, texts.lengths, TimePoint::max(), out).ok());
}

TEST(BertEncoderTest, NoTextsAreNoWork) {
  NaiveBert naive(kSmall);
  const auto encoder = Load(kSmall, {}, &naive);
  EXPECT_TRUE(encoder->Encode({}, {}, TimePoint::max(), {}).ok());
}

TEST(BertEncoderTest, RefusesWhatItCannotEncode) {
  NaiveBert naive(kSmall);
  const auto encoder = Load(kSmall, {}, &naive);
  std::vector<float> out(kSmall.hidden);
  const auto code = [&](std::vector<std::int32_t> ids, std::vector<std::uint32_t> lengths,
                        std::size_t room) {
    return encoder->Encode(ids, lengths, TimePoint::max(), std::span(out).first(room)).code();
  };
  EXPECT_EQ(code({1, 2}, {2}, kSmall.hidden), StatusCode::kOk);
  EXPECT_EQ(code({1, 50}, {2}, kSmall.hidden), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, -1}, {2}, kSmall.hidden), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {3}, kSmall.hidden), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {1}, kSmall.hidden), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {2, 0}, kSmall.hidden), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {2}, kSmall.hidden - 1), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(std::vector<std::int32_t>(121, 1), {121}, kSmall.hidden),
            StatusCode::kInvalidArgument);
}

TEST(BertEncoderLoadTest, RefusesAShapeThatIsNoBert) {
  const auto refused = [](auto change, const char* what) {
    BertConfig config = kSmall;
    change(config);
    NaiveBert naive(config);
    const Status status = BertEncoder::Load(config, {}, naive.Reader()).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  refused([](BertConfig& config) { config.layers = 0; }, "layers");
  refused([](BertConfig& config) { config.layers = 1000; }, "layers is 1000");
  refused([](BertConfig& config) { config.hidden = 0; }, "hidden");
  refused([](BertConfig& config) { config.heads = 5; }, "no multiple of 5 heads");
  refused([](BertConfig& config) { config.intermediate = std::size_t{1} << 40; }, "intermediate");
  refused([](BertConfig& config) { config.vocabulary = 0; }, "vocabulary");
  refused([](BertConfig& config) { config.positions = 0; }, "positions");
  refused([](BertConfig& config) { config.token_types = 0; }, "token_types");
  refused([](BertConfig& config) { config.layer_norm_eps = -1; }, "layer_norm_eps");
  refused(
      [](BertConfig& config) { config.layer_norm_eps = std::numeric_limits<float>::quiet_NaN(); },
      "layer_norm_eps");
}

TEST(BertEncoderLoadTest, RefusesThreadsOutOfRange) {
  NaiveBert naive(kSmall);
  for (const std::size_t threads : {std::size_t{0}, EncoderOptions::kMaxThreads + 1}) {
    EXPECT_EQ(BertEncoder::Load(kSmall, {.threads = threads}, naive.Reader()).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(BertEncoderLoadTest, RefusesBrokenTensors) {
  NaiveBert naive(kSmall);
  Load(kSmall, {}, &naive);
  ASSERT_EQ(naive.tensors().size(), 5U + 16U * kSmall.layers);
  const auto names = naive.tensors();
  for (const auto& [name, values] : names) {
    naive.tensors()[name].back() = std::numeric_limits<float>::quiet_NaN();
    const Status nan = BertEncoder::Load(kSmall, {}, naive.Reader()).status();
    EXPECT_EQ(nan.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(nan.message()), HasSubstr(name + " has a value that is not finite"));
    naive.tensors()[name].push_back(0);
    const Status longer = BertEncoder::Load(kSmall, {}, naive.Reader()).status();
    EXPECT_EQ(longer.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(longer.message()), HasSubstr(name + " has"));
    naive.tensors()[name] = values;
  }
}

TEST(BertEncoderLoadTest, PassesOnWhatTheReaderSays) {
  const auto missing = [](std::string_view name,
                          std::span<const std::size_t>) -> Result<std::vector<float>> {
    return NotFound("no tensor " + std::string(name));
  };
  const Status status = BertEncoder::Load(kSmall, {}, missing).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no tensor embeddings.word_embeddings.weight");
}

}  // namespace
}  // namespace nearhit
