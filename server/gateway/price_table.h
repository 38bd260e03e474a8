// What models cost, and what the provider took for an answer.
#pragma once

#include <string_view>
#include <vector>

#include "server/config/gateway_options.h"
#include "server/dialect/answer.h"

namespace nearhit::server {

// In place of a price that is not known, in metrics.
inline constexpr std::string_view kNoPrice = "none";

// List prices of well-known models. Any [[gateway.price]] of the configuration replaces all of
// them.
std::vector<PriceOptions> ListPrices();

// What the provider took.
struct Charge {
  std::string_view price = kNoPrice;  // PriceOptions::model; valid as long as the table
  double usd = 0;

  bool known() const { return price != kNoPrice; }
};

// Thread-safety: thread-safe; constant.
class PriceTable {
 public:
  // `own` empty: ListPrices().
  explicit PriceTable(std::vector<PriceOptions> own);

  // The price of the model that was asked for, or else of the one that answered, because a request
  // may name a deployment. Of several that match the longest. Null when it is not known.
  const PriceOptions* Find(std::string_view asked, std::string_view answering) const;
  std::string_view NameOf(std::string_view asked, std::string_view answering) const;

  // Tokens that the provider read from its own cache cost less where the price says so. What it
  // wrote there counts as other input.
  Charge ChargeFor(std::string_view asked, std::string_view answering,
                   const TokenUsage& usage) const;

 private:
  const PriceOptions* FindOne(std::string_view model) const;

  const std::vector<PriceOptions> prices_;  // those that win first
};

}  // namespace nearhit::server
