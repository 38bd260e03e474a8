#include "server/gateway/price_table.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace nearhit::server {
namespace {

// In US dollars per million tokens.
struct ListPrice {
  std::string_view model;  // and its snapshots, which are named MODEL-<date>
  double input;
  double cached_input;
  double output;
};

// The providers' list prices as of December 2025, without batches, tiers and long prompts. They are
// replaced as a whole by any [[gateway.price]] of the configuration.
constexpr std::array kListPrices = {
    ListPrice{"gpt-4o", 2.5, 1.25, 10},
    ListPrice{"gpt-4o-mini", 0.15, 0.075, 0.6},
    ListPrice{"gpt-4.1", 2, 0.5, 8},
    ListPrice{"gpt-4.1-mini", 0.4, 0.1, 1.6},
    ListPrice{"gpt-4.1-nano", 0.1, 0.025, 0.4},
    ListPrice{"gpt-5", 1.25, 0.125, 10},
    ListPrice{"gpt-5-mini", 0.25, 0.025, 2},
    ListPrice{"gpt-5-nano", 0.05, 0.005, 0.4},
    ListPrice{"o3", 2, 0.5, 8},
    ListPrice{"o4-mini", 1.1, 0.275, 4.4},
    ListPrice{"text-embedding-3-small", 0.02, 0.02, 0},
    ListPrice{"text-embedding-3-large", 0.13, 0.13, 0},
    ListPrice{"claude-sonnet-4", 3, 0.3, 15},
    ListPrice{"claude-sonnet-4-0", 3, 0.3, 15},
    ListPrice{"claude-sonnet-4-5", 3, 0.3, 15},
    ListPrice{"claude-opus-4", 15, 1.5, 75},
    ListPrice{"claude-opus-4-0", 15, 1.5, 75},
    ListPrice{"claude-opus-4-1", 15, 1.5, 75},
    ListPrice{"claude-opus-4-5", 5, 0.5, 25},
    ListPrice{"claude-3-5-haiku", 0.8, 0.08, 4},
    ListPrice{"claude-3-5-haiku-latest", 0.8, 0.08, 4},
    ListPrice{"claude-haiku-4-5", 1, 0.1, 5},
};

// Of the same name, but older and dearer.
constexpr ListPrice kFirstGpt4o{"gpt-4o-2024-05-13", 5, 5, 15};

PriceOptions PriceOf(std::string model, const ListPrice& price) {
  return {.model = std::move(model),
          .input = price.input,
          .output = price.output,
          .cached_input = price.cached_input};
}

std::vector<PriceOptions> InOrder(std::vector<PriceOptions> prices) {
  const auto rank = [](const PriceOptions& price) {
    const bool is_name = !price.model.ends_with('*');
    return std::tuple(price.model.size() - (is_name ? 0 : 1), is_name);
  };
  std::stable_sort(
      prices.begin(), prices.end(),
      [&rank](const PriceOptions& a, const PriceOptions& b) { return rank(a) > rank(b); });
  return prices;
}

}  // namespace

std::vector<PriceOptions> ListPrices() {
  std::vector<PriceOptions> prices;
  prices.reserve(kListPrices.size() * 2 + 1);
  for (const ListPrice& price : kListPrices) {
    prices.push_back(PriceOf(std::string(price.model), price));
    prices.push_back(PriceOf(std::string(price.model) + "-20*", price));
  }
  prices.push_back(PriceOf(std::string(kFirstGpt4o.model), kFirstGpt4o));
  return prices;
}

PriceTable::PriceTable(std::vector<PriceOptions> own)
    : prices_(InOrder(own.empty() ? ListPrices() : std::move(own))) {
}

const PriceOptions* PriceTable::FindOne(std::string_view model) const {
  const auto found =
      std::find_if(prices_.begin(), prices_.end(),
                   [model](const PriceOptions& price) { return MatchesModel(price.model, model); });
  return found == prices_.end() || model.empty() ? nullptr : &*found;
}

const PriceOptions* PriceTable::Find(std::string_view asked, std::string_view answering) const {
  const PriceOptions* const found = FindOne(asked);
  return found == nullptr ? FindOne(answering) : found;
}

std::string_view PriceTable::NameOf(std::string_view asked, std::string_view answering) const {
  const PriceOptions* const found = Find(asked, answering);
  return found == nullptr ? kNoPrice : std::string_view(found->model);
}

Charge PriceTable::ChargeFor(std::string_view asked, std::string_view answering,
                             const TokenUsage& usage) const {
  constexpr double kMillion = 1e6;
  const PriceOptions* const price = Find(asked, answering);
  if (price == nullptr || !usage.known) {
    return {};
  }
  const std::uint64_t cached = std::min(usage.cached_input, usage.input);
  const double usd = static_cast<double>(usage.input - cached) * price->input +
                     static_cast<double>(cached) * price->cached_input.value_or(price->input) +
                     static_cast<double>(usage.output) * price->output;
  return {.price = price->model, .usd = usd / kMillion};
}

}  // namespace nearhit::server
