// A gateway whose texts have the directions that the test gives them.
#pragma once

#include <cmath>
#include <cstdlib>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "nearhit/embedder.h"
#include "nearhit/label.h"
#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {

// "@30" in a text is its direction in degrees, otherwise 0. Reads no text of over kMostBytes, and
// fails for one that says "@fail".
class AngleEmbedder final : public Embedder {
 public:
  static constexpr std::size_t kMostBytes = 300;

  ~AngleEmbedder() override = default;
  std::string_view identity() const override { return "angles/1"; }
  std::size_t dimension() const override { return 2; }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point) const override {
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      const std::size_t at = text.find('@');
      if (at != std::string_view::npos && text.substr(at).starts_with("@fail")) {
        return Unavailable("it failed");
      }
      const double degrees =
          at == std::string_view::npos ? 0 : std::atof(std::string(text.substr(at + 1)).c_str());
      const double length = text.size() > kMostBytes ? 0 : 1;
      const double angle = degrees * std::numbers::pi / 180;
      rows.push_back(static_cast<float>(length * std::cos(angle)));
      rows.push_back(static_cast<float>(length * std::sin(angle)));
    }
    return rows;
  }
};

// The second prompt has the first one near: a hit under the threshold. The third has it near too,
// and is a miss under the budget.
class ComparedTest : public GatewayTest {
 protected:
  static constexpr char kFirst[] = "Where is the key? @0";
  static constexpr char kSecond[] = "Who has the ring of keys now? @10";
  static constexpr char kThird[] = "Who has the ring of keys now? @34";

  ComparedTest() {
    RegisterEmbedder("angles", [](const EmbedderSpec&, std::size_t) {
      return Result<std::shared_ptr<const Embedder>>(std::make_shared<const AngleEmbedder>());
    });
    config_.embedder.kind = "angles";
    config_.threshold = 0.95F;
    config_.guards_off = GuardSet::All();
  }

  void UseBudget() { config_.max_error = 0.0025F; }

  // The provider says these, one after the other.
  void ServeTexts(std::vector<std::string> answers,
                  const std::function<void(GatewayOptions*)>& change) {
    Serve(
        [answers = std::move(answers)](const FakeHttpRequest&, std::size_t index) {
          return index < answers.size() ? Json(ChatBody(answers[index])) : Json("{}", 500);
        },
        change);
  }
  static std::function<void(GatewayOptions*)> Sampling(float share) {
    return [share](GatewayOptions* options) { options->sample = share; };
  }

  PolicyReport Report() { return *(*db_->Cache("gateway"))->Policy(); }
  std::uint64_t Labels(LabelSource source) {
    return Report().labels[static_cast<std::size_t>(source)];
  }
  std::string Metrics() { return Send("GET", "/metrics", "").body; }
  nlohmann::json Decisions() {
    return nlohmann::json::parse(Send("GET", "/nearhit/v1/shadow", "").body).at("decisions");
  }
};

}  // namespace nearhit::server
