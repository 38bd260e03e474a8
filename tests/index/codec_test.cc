// Vectors as index records: what their codes stand for, and what half of them says.

#include "index/codec.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"

namespace nearhit::codec_test {
namespace {

struct Case {
  std::size_t dimension;
  IndexMetric metric;
};

class CodecTest : public testing::TestWithParam<Case> {
 protected:
  std::vector<std::byte> Encoded(VectorView vector) const {
    std::vector<std::byte> record(codec_.record_bytes(), std::byte{0x55});
    codec_.Encode(vector, record.data());
    return record;
  }
  const Codec codec_{GetParam().dimension, GetParam().metric, Encoding::kInt8};
  RandomVectors vectors_{GetParam().dimension, 3, 17};
};

// The codes are those of the rotated vector, whose components each move by half a code at most.
TEST_P(CodecTest, DecodesToHalfACode) {
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> vector = vectors_.Next();
    const auto record = Encoded(vector);
    std::vector<float> decoded(vector.size());
    codec_.Decode(record.data(), decoded);
    const double half = 0.501 * static_cast<double>(codec_.QueryOf(record.data()).scale);
    double squares = 0;
    for (std::size_t at = 0; at < vector.size(); ++at) {
      squares += std::pow(static_cast<double>(decoded[at]) - static_cast<double>(vector[at]), 2);
    }
    EXPECT_LE(std::sqrt(squares), half * std::sqrt(static_cast<double>(vector.size())));
    EXPECT_TRUE(codec_.IsSound(record.data()));
  }
}

// A partition that moves between tiers encodes what was decoded.
TEST_P(CodecTest, EncodingWhatWasDecodedGivesTheSameCodes) {
  for (int i = 0; i < 20; ++i) {
    const auto record = Encoded(vectors_.Next());
    std::vector<float> decoded(codec_.dimension());
    codec_.Decode(record.data(), decoded);
    EXPECT_EQ(codec_.EncodeQuery(decoded).codes, codec_.QueryOf(record.data()).codes);
  }
}

// As some models make them: one component is twenty times as long as the others and much the same
// in all vectors.
TEST_P(CodecTest, OneLongComponentDoesNotDrownTheOthers) {
  const auto with_long = [](std::vector<float> vector) {
    const double dimension = static_cast<double>(vector.size());
    vector[vector.size() / 3] = static_cast<float>(20 / std::sqrt(dimension));
    return vector;
  };
  const double products = codec_.metric() == IndexMetric::kL2 ? 2 : 1;
  const double allowed = products * 1.2 / std::sqrt(static_cast<double>(codec_.dimension()));
  if (codec_.dimension() < 384) {
    return;  // that component is the vector
  }
  for (int i = 0; i < 100; ++i) {
    const std::vector<float> a = with_long(vectors_.Next());
    const std::vector<float> b = with_long(vectors_.Next());
    const auto record = Encoded(b);
    EXPECT_NEAR(codec_.RoughScore(codec_.EncodeQuery(a), record.data()), codec_.ExactScore(a, b),
                allowed);
  }
}

TEST_P(CodecTest, ScoresAreThoseOfTheDecodedVectors) {
  for (int i = 0; i < 20; ++i) {
    const auto a = Encoded(vectors_.Next());
    const auto b = Encoded(vectors_.Next());
    std::vector<float> x(codec_.dimension());
    std::vector<float> y(codec_.dimension());
    codec_.Decode(a.data(), x);
    codec_.Decode(b.data(), y);
    EXPECT_NEAR(codec_.Score(codec_.QueryOf(a.data()), b.data()), codec_.ExactScore(x, y), 1e-5);
  }
}

// Of vectors of length one the rough score is off by an error that averages out: the more
// components there are, the less is left. A distance has the product twice.
TEST_P(CodecTest, AQueryIsThatOfItsRecord) {
  for (int i = 0; i < 20; ++i) {
    std::vector<float> vector = vectors_.Next();
    if (i == 0) {
      vector.assign(vector.size(), 0.0F);
    }
    const EncodedQuery query = codec_.EncodeQuery(vector);
    const EncodedQuery of_record = codec_.QueryOf(Encoded(vector).data());
    EXPECT_EQ(query.codes, of_record.codes);
    EXPECT_EQ(query.sum, of_record.sum);
    EXPECT_EQ(query.scale, of_record.scale);
    EXPECT_EQ(query.squared_norm, of_record.squared_norm);
  }
}

TEST_P(CodecTest, RoughScoresAreCloseToScores) {
  const double products = codec_.metric() == IndexMetric::kL2 ? 2 : 1;
  const double allowed = products * 0.6 / std::sqrt(static_cast<double>(codec_.dimension()));
  for (int i = 0; i < 200; ++i) {
    const std::vector<float> a = vectors_.Next();
    const std::vector<float> b = i % 2 == 0 ? vectors_.Next() : vectors_.Near(a, 0.1F);
    const auto record = Encoded(b);
    const EncodedQuery query = codec_.EncodeQuery(a);
    EXPECT_NEAR(codec_.RoughScore(query, record.data()), codec_.Score(query, record.data()),
                allowed);
  }
}

TEST_P(CodecTest, TheRoughScoreOfARecordWithItselfIsItsScore) {
  const auto record = Encoded(vectors_.Next());
  const EncodedQuery query = codec_.QueryOf(record.data());
  EXPECT_NEAR(codec_.RoughScore(query, record.data()), codec_.Score(query, record.data()), 1e-5);
}

// A walk reads as many bytes as it says: what comes after them does not count.
TEST_P(CodecTest, RoughScoresReadTheBeginningOnly) {
  auto record = Encoded(vectors_.Next());
  const EncodedQuery query = codec_.EncodeQuery(vectors_.Next());
  const float score = codec_.RoughScore(query, record.data());
  for (std::size_t at = codec_.rough_bytes(); at < record.size(); ++at) {
    record[at] = std::byte{0x31};
  }
  EXPECT_EQ(codec_.RoughScore(query, record.data()), score);
}

// More records than are fetched ahead, some of them twice.
TEST_P(CodecTest, ListsAreScoredAsTheirRecordsAre) {
  constexpr std::size_t kRecords = 30;
  const EncodedQuery query = codec_.EncodeQuery(vectors_.Next());
  std::vector<std::byte> records;
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < kRecords; ++i) {
    const auto record = Encoded(vectors_.Next());
    records.insert(records.end(), record.begin(), record.end());
    numbers.push_back(i / 2 * 2);
  }
  const RecordList list{
      .records = records.data(), .stride = codec_.record_bytes(), .numbers = numbers};
  std::vector<float> scores(kRecords);
  codec_.RoughScores(query, list, scores.data());
  for (std::size_t i = 0; i < kRecords; ++i) {
    EXPECT_EQ(scores[i], codec_.RoughScore(query, list[i]));
  }
}

TEST(CodecShapeTest, HalfIsReadWhereItSavesCacheLines) {
  const Codec narrow(100, IndexMetric::kDot, Encoding::kInt8);
  EXPECT_EQ(narrow.rough_bytes(), narrow.record_bytes());
  const Codec wide(384, IndexMetric::kDot, Encoding::kInt8);
  EXPECT_EQ(wide.rough_bytes(), 16 + 192);
  const Codec exact(384, IndexMetric::kDot, Encoding::kFloat32);
  EXPECT_EQ(exact.rough_bytes(), exact.record_bytes());
}

TEST(CodecShapeTest, ATamperedRecordIsNotSound) {
  const Codec codec(5, IndexMetric::kDot, Encoding::kInt8);
  std::vector<std::byte> record(codec.record_bytes());
  codec.Encode(std::vector<float>{0.5F, -0.25F, 0.125F, 1, 0}, record.data());
  ASSERT_TRUE(codec.IsSound(record.data()));
  for (std::size_t at = 0; at < 16 + 6; ++at) {
    std::vector<std::byte> changed = record;
    changed[at] ^= std::byte{0x40};
    EXPECT_FALSE(codec.IsSound(changed.data())) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CodecTest,
                         testing::Values(Case{1, IndexMetric::kDot}, Case{2, IndexMetric::kDot},
                                         Case{127, IndexMetric::kL2}, Case{128, IndexMetric::kDot},
                                         Case{129, IndexMetric::kDot}, Case{384, IndexMetric::kDot},
                                         Case{385, IndexMetric::kL2},
                                         Case{1'536, IndexMetric::kDot},
                                         Case{8'192, IndexMetric::kDot}));

}  // namespace
}  // namespace nearhit::codec_test
