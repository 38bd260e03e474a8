#include "server/calls/convert.h"

#include <string>

#include <gtest/gtest.h>

#include "nearhit/settings.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

TEST(Convert, VectorsRoundTrip) {
  const std::vector<float> vector = {1.5F, -2.0F, 0.0F};
  const std::string bytes = EncodeVector(vector);
  EXPECT_EQ(bytes.size(), 12U);
  EXPECT_THAT(DecodeVector("query", bytes), IsOkAndHolds(vector));
  EXPECT_THAT(DecodeVector("query", ""), IsOkAndHolds(testing::IsEmpty()));
}

TEST(Convert, TornVectorsAreRefused) {
  for (const std::size_t size : {1U, 2U, 3U, 5U, 1023U}) {
    EXPECT_THAT(DecodeVector("query", std::string(size, 'x')),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr("query has " + std::to_string(size) + " bytes")));
  }
}

TEST(Convert, UnknownEnumsAreRefused) {
  EXPECT_THAT(DecodeDurability(2), IsOkAndHolds(Durability::kSync));
  EXPECT_THAT(DecodeDurability(3), StatusIs(StatusCode::kInvalidArgument, HasSubstr("durability")));
  EXPECT_THAT(DecodeDurability(-1), StatusIs(StatusCode::kInvalidArgument));
  v1::NamespaceConfig config;
  config.set_metric(static_cast<v1::Metric>(9));
  EXPECT_THAT(DecodeNamespaceConfig(config),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("metric has the unknown value 9")));
  config.set_metric(v1::METRIC_L2);
  config.set_kind(static_cast<v1::NamespaceKind>(2));
  EXPECT_THAT(DecodeNamespaceConfig(config),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("kind")));
}

TEST(Convert, FieldsOfALocalEmbedderComeBack) {
  v1::NamespaceConfig config;
  config.mutable_embedder()->set_kind("local");
  config.mutable_embedder()->set_model("/models/e5");
  const auto defaults = DecodeNamespaceConfig(config);
  ASSERT_THAT(defaults, IsOk());
  EXPECT_EQ(defaults->embedder, (EmbedderSpec{.kind = "local", .model = "/models/e5"}));
  config.mutable_embedder()->set_prefix("query: ");
  config.mutable_embedder()->set_arithmetic("float32");
  config.mutable_embedder()->set_long_text("windows");
  NamespaceInfo info;
  info.config = *DecodeNamespaceConfig(config);
  EXPECT_EQ(info.config.embedder.long_text, "windows");
  v1::NamespaceInfo back;
  ToProto(info, &back);
  EXPECT_EQ(back.config().embedder().SerializeAsString(), config.embedder().SerializeAsString());
}

TEST(Convert, EverySettingHasItsFields) {
  NamespaceInfo info;
  v1::UpdateNamespaceRequest update;
  int value = 0;
  ForEachSetting([&]<typename T>(const NamespaceSetting<T>& setting) {
    info.config.*setting.value = static_cast<T>(++value);
  });
  v1::NamespaceInfo out;
  ToProto(info, &out);
  EXPECT_EQ(out.config().threshold(), 1);
  EXPECT_EQ(out.config().max_error(), static_cast<float>(value));
  const auto back = DecodeNamespaceConfig(out.config());
  ASSERT_THAT(back, IsOk());
  ForEachSetting([&](const auto& setting) {
    EXPECT_EQ(*back.*setting.value, info.config.*setting.value) << setting.name;
  });

  update.set_threshold(.5F);
  update.set_max_ttl_ms(0);
  const auto decoded = DecodeNamespaceUpdate(update);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->threshold, .5F);
  EXPECT_EQ(decoded->max_ttl_ms, 0);
  ForEachSetting([&](const auto& setting) {
    EXPECT_EQ((*decoded.*setting.update).has_value(),
              setting.name == "threshold" || setting.name == "max_ttl_ms")
        << setting.name;
  });
}

// Texts are the name of their field, numbers are not the default.
struct SpoilField {
  void operator()(const EmbedderField<std::string>& field) const {
    spec->*field.value = field.name == "kind" ? kind : std::string(field.name);
  }
  void operator()(const EmbedderField<std::chrono::milliseconds>& field) const {
    spec->*field.value = std::chrono::milliseconds(77);
  }
  template <typename T>
  void operator()(const EmbedderField<T>& field) const {
    spec->*field.value = 7;
  }
  EmbedderSpec* spec;
  std::string kind;
};

TEST(Convert, EveryFieldOfAnEmbedderThatItsKindUsesGoesThereAndBack) {
  int fields = 0;
  ForEachEmbedderField([&fields](const auto&) { ++fields; });
  EXPECT_EQ(v1::EmbedderSpec::descriptor()->field_count(), fields);
  for (const std::string kind : {"http", "local"}) {
    NamespaceInfo info;
    ForEachEmbedderField(SpoilField{&info.config.embedder, kind});
    v1::NamespaceInfo out;
    ToProto(info, &out);
    const auto back = DecodeNamespaceConfig(out.config());
    ASSERT_THAT(back, IsOk());
    ForEachEmbedderField([&](const auto& field) {
      const bool used = field.kind.empty() || field.kind == kind;
      const EmbedderSpec& expected = used ? info.config.embedder : EmbedderSpec();
      EXPECT_EQ(back->embedder.*field.value, expected.*field.value) << kind << ": " << field.name;
    });
  }
}

TEST(Convert, GuardsGoByName) {
  NamespaceInfo info;
  info.config.guards_off = *ParseGuards("place,name");
  info.stats.guard_refusals[static_cast<std::size_t>(Guard::kOrder)] = 7;
  v1::NamespaceInfo out;
  ToProto(info, &out);
  EXPECT_EQ(out.config().guards_off(), "place,name");
  ASSERT_EQ(out.stats().guard_refusals_size(), 1);
  EXPECT_EQ(out.stats().guard_refusals(0).guard(), "order");
  EXPECT_EQ(out.stats().guard_refusals(0).misses(), 7U);
  EXPECT_EQ(DecodeNamespaceConfig(out.config())->guards_off, info.config.guards_off);

  v1::UpdateNamespaceRequest update;
  EXPECT_FALSE(DecodeNamespaceUpdate(update)->guards_off.has_value());
  update.set_guards_off("");
  EXPECT_EQ(DecodeNamespaceUpdate(update)->guards_off, GuardSet());
  update.set_guards_off("nonsense");
  EXPECT_THAT(DecodeNamespaceUpdate(update),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("guards_off")));
}

TEST(Convert, ReasonsHaveTheSameNamesAndNumbers) {
  for (std::size_t value = 0; value < kMissReasonNames.size(); ++value) {
    std::string name = "MISS_REASON_";
    for (const char c : kMissReasonNames[value]) {
      name += static_cast<char>(c == '_' ? c : c - 'a' + 'A');
    }
    v1::MissReason found{};
    ASSERT_TRUE(v1::MissReason_Parse(name, &found)) << name;
    EXPECT_EQ(static_cast<std::size_t>(found), value);
  }
}

TEST(Convert, EveryMetricOfANamespaceHasItsField) {
  NamespaceInfo info;
  std::uint64_t value = 0;
  for (const NamespaceMetric& metric : kNamespaceMetrics) {
    info.stats.*metric.value = ++value;
  }
  v1::NamespaceInfo out;
  ToProto(info, &out);
  const v1::NamespaceStats& stats = out.stats();
  ASSERT_EQ(v1::NamespaceStats::descriptor()->field_count(),
            static_cast<int>(value) + 1);  // guard_refusals is no number
  value = 0;
  for (const NamespaceMetric& metric : kNamespaceMetrics) {
    const auto* field = v1::NamespaceStats::descriptor()->FindFieldByName(std::string(metric.name));
    ASSERT_NE(field, nullptr) << metric.name;
    EXPECT_EQ(stats.GetReflection()->GetUInt64(stats, field), ++value) << metric.name;
  }
  EXPECT_EQ(stats.entries(), 1U);
  EXPECT_EQ(stats.embedder_memo_misses(), value);
}

TEST(Convert, StoresKeepTheirVectorsAndNameTheBadItem) {
  v1::StoreItem good;
  good.mutable_prompt()->set_slot("hello");
  good.mutable_prompt()->set_vector(EncodeVector(std::vector<float>{1, 2}));
  v1::StoreItem bad = good;
  bad.mutable_prompt()->set_vector("abc");
  const v1::StoreItem* items[] = {&good, &bad};
  EXPECT_THAT(DecodeStores(items, TimePoint::max()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("items[1]: prompt.vector has 3")));
  const auto stores = DecodeStores({items, 1}, TimePoint::max());
  ASSERT_THAT(stores, IsOk());
  EXPECT_THAT(stores->requests[0].prompt.vector, testing::ElementsAre(1.0F, 2.0F));
}

}  // namespace
}  // namespace nearhit::server
