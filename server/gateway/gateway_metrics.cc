#include "server/gateway/gateway_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <utility>
#include <vector>

#include "nearhit/stats.h"
#include "nearhit/version.h"
#include "server/gateway/price_table.h"

namespace nearhit::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Seconds: from a hit to an answer that takes minutes.
prometheus::Histogram::BucketBoundaries SecondsBuckets() {
  return {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1,
          .25,   .5,     1,     2.5,  5,     10,   30,  60,   120};
}
prometheus::Histogram::BucketBoundaries SimilarityBuckets() {
  return {.5, .6, .7, .75, .8, .85, .9, .92, .94, .95, .96, .97, .98, .99, 1};
}

double Seconds(std::chrono::steady_clock::duration elapsed) {
  return std::chrono::duration<double>(elapsed).count();
}

MetricFamily FamilyOf(const NamespaceMetric& metric) {
  const bool grows = metric.kind == MetricKind::kCounter;
  MetricFamily family;
  family.name = "nearhit_" + std::string(metric.name) + (grows ? "_total" : "");
  family.help = std::string(metric.name) + " of a namespace";
  family.type = grows ? MetricType::Counter : MetricType::Gauge;
  return family;
}

void SetValue(MetricType type, double value, ClientMetric* metric) {
  if (type == MetricType::Counter) {
    metric->counter.value = value;
  } else {
    metric->gauge.value = value;
  }
}

MetricFamily One(const std::string& name, const std::string& help, MetricType type, double value) {
  MetricFamily family{.name = name, .help = help, .type = type, .metric = {ClientMetric()}};
  SetValue(type, value, &family.metric.front());
  return family;
}

void AddTls(const TlsSource* tls, std::vector<MetricFamily>* out) {
  if (tls == nullptr) {
    return;
  }
  out->push_back(One("nearhit_gateway_tls_expiry_timestamp_seconds",
                     "When the certificate expires, since 1970", MetricType::Gauge,
                     static_cast<double>(tls->context()->expires_at())));
  out->push_back(One("nearhit_gateway_tls_reload_failures_total",
                     "Changes of the certificate's files that were not taken", MetricType::Counter,
                     static_cast<double>(tls->failed_looks())));
}

MetricFamily GuardRefusals(const std::vector<NamespaceInfo>& namespaces) {
  MetricFamily family{.name = "nearhit_guard_refusals_total",
                      .help = "Misses because a guard refused what was near",
                      .type = MetricType::Counter,
                      .metric = {}};
  for (const NamespaceInfo& info : namespaces) {
    for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
      ClientMetric metric;
      metric.label.push_back({.name = "namespace", .value = info.name});
      metric.label.push_back({.name = "guard", .value = std::string(kGuardNames[i])});
      SetValue(family.type, static_cast<double>(info.stats.guard_refusals[i]), &metric);
      family.metric.push_back(std::move(metric));
    }
  }
  return family;
}

void AddNamespaces(Database* db, std::vector<MetricFamily>* out) {
  std::vector<MetricFamily> families;
  for (const NamespaceMetric& metric : kNamespaceMetrics) {
    families.push_back(FamilyOf(metric));
  }
  const auto namespaces = db->ListNamespaces();
  if (!namespaces.ok()) {
    return;
  }
  for (const NamespaceInfo& info : *namespaces) {
    for (std::size_t i = 0; i < families.size(); ++i) {
      ClientMetric metric;
      metric.label.push_back({.name = "namespace", .value = info.name});
      const std::uint64_t value = info.stats.*kNamespaceMetrics[i].value;
      SetValue(families[i].type, static_cast<double>(value), &metric);
      families[i].metric.push_back(std::move(metric));
    }
  }
  out->insert(out->end(), families.begin(), families.end());
  out->push_back(GuardRefusals(*namespaces));
}

}  // namespace

class GatewayMetrics::Families {
 public:
  // A counter is looked up once for each combination of labels.
  using RequestKey = std::tuple<Endpoint, Served, std::string_view>;

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_requests_total")
          .Help("Requests, by how they were answered and why not better")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds =
      prometheus::BuildHistogram()
          .Name("nearhit_gateway_request_seconds")
          .Help("Time from a request to the begin of its answer")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& similarity =
      prometheus::BuildHistogram()
          .Name("nearhit_gateway_similarity")
          .Help("Similarity of hits, and of the nearest entry on misses")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& upstream =
      prometheus::BuildHistogram()
          .Name("nearhit_gateway_upstream_seconds")
          .Help("Time from a call upstream to the head of its answer")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& tokens =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_tokens_saved_total")
          .Help("Tokens of the answers of hits, as the provider counted them")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& shadow =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_shadow_total")
          .Help("What was compared with the provider's answers, by whether they were the same")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& shadow_similarity =
      prometheus::BuildHistogram()
          .Name("nearhit_gateway_shadow_similarity")
          .Help("Similarity of stored answers and those of the provider")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& labels =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_labels_total")
          .Help("Verdicts on whether an entry serves a prompt, by who gave them")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& judge_calls =
      prometheus::BuildCounter()
          .Name("nearhit_judge_calls_total")
          .Help("Questions to the judge, by what became of them")
          .Register(registry);
  prometheus::Counter& input_tokens = tokens.Add({{"type", "input"}});
  prometheus::Counter& output_tokens = tokens.Add({{"type", "output"}});
  prometheus::Family<prometheus::Counter>& saved_usd =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_saved_usd_total")
          .Help("What the answers of hits had cost, in US dollars")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& cost_usd =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_cost_usd_total")
          .Help("What answers that were stored have cost, in US dollars")
          .Register(registry);
  prometheus::Counter& unpriced = prometheus::BuildCounter()
                                      .Name("nearhit_gateway_unpriced_total")
                                      .Help("Answers that were stored and whose price is unknown")
                                      .Register(registry)
                                      .Add({});
  prometheus::Counter& saved_seconds =
      prometheus::BuildCounter()
          .Name("nearhit_gateway_saved_seconds_total")
          .Help("Time that the provider had taken for the answers of hits")
          .Register(registry)
          .Add({});
  prometheus::Histogram& hit_similarity = similarity.Add({{"outcome", "hit"}}, SimilarityBuckets());
  prometheus::Histogram& miss_similarity =
      similarity.Add({{"outcome", "miss"}}, SimilarityBuckets());
  std::vector<prometheus::Histogram*> seconds_of = [this] {
    std::vector<prometheus::Histogram*> all;
    all.reserve(kServedNames.size());
    for (const std::string_view name : kServedNames) {
      all.push_back(&seconds.Add({{"status", std::string(name)}}, SecondsBuckets()));
    }
    return all;
  }();

  Mutex mu;
  std::map<RequestKey, prometheus::Counter*> counters NEARHIT_GUARDED_BY(mu);
};

GatewayMetrics::GatewayMetrics() : families_(std::make_unique<Families>()) {
}

GatewayMetrics::~GatewayMetrics() = default;

void GatewayMetrics::CountRequest(Endpoint endpoint, Served how, std::string_view reason,
                                  std::chrono::steady_clock::duration elapsed) {
  const auto index = static_cast<std::size_t>(how);
  requests_[index].fetch_add(1, std::memory_order_relaxed);
  families_->seconds_of[index]->Observe(Seconds(elapsed));
  prometheus::Counter* counter = nullptr;
  {
    MutexLock lock(&families_->mu);
    prometheus::Counter*& known = families_->counters[{endpoint, how, reason}];
    if (known == nullptr) {
      known = &families_->requests.Add({{"endpoint", std::string(EndpointName(endpoint))},
                                        {"status", std::string(ServedName(how))},
                                        {"reason", std::string(reason)}});
    }
    counter = known;
  }
  counter->Increment();
}

void GatewayMetrics::CountSimilarity(bool hit, float score) {
  (hit ? families_->hit_similarity : families_->miss_similarity)
      .Observe(static_cast<double>(score));
}

void GatewayMetrics::CountShadow(HitKind kind, std::string_view agreement,
                                 std::optional<float> similarity) {
  const std::string name(HitKindName(kind));
  families_->shadow.Add({{"kind", name}, {"agreement", std::string(agreement)}}).Increment();
  if (similarity) {
    families_->shadow_similarity.Add({{"kind", name}}, SimilarityBuckets())
        .Observe(static_cast<double>(*similarity));
  }
}

void GatewayMetrics::CountLabel(bool serves, LabelSource source) {
  families_->labels
      .Add({{"verdict", serves ? "right" : "wrong"},
            {"source", std::string(kLabelSourceNames[static_cast<std::size_t>(source)])}})
      .Increment();
}

void GatewayMetrics::CountJudge(std::string_view outcome) {
  families_->judge_calls.Add({{"outcome", std::string(outcome)}}).Increment();
}

void GatewayMetrics::CountSaved(const Saving& saving) {
  families_->input_tokens.Increment(static_cast<double>(saving.input_tokens));
  families_->output_tokens.Increment(static_cast<double>(saving.output_tokens));
  families_->saved_seconds.Increment(Seconds(saving.time));
  if (saving.usd > 0) {
    families_->saved_usd.Add({{"price", std::string(saving.price)}}).Increment(saving.usd);
  }
}

void GatewayMetrics::CountCost(std::string_view price, double usd) {
  if (price == kNoPrice) {
    families_->unpriced.Increment();
  } else {
    families_->cost_usd.Add({{"price", std::string(price)}}).Increment(usd);
  }
}

void GatewayMetrics::CountUpstream(const std::string& upstream, long status,
                                   std::chrono::steady_clock::duration elapsed) {
  families_->upstream
      .Add({{"upstream", upstream}, {"status", std::to_string(status)}}, SecondsBuckets())
      .Observe(Seconds(elapsed));
}

std::uint64_t GatewayMetrics::requests(Served how) const {
  return requests_[static_cast<std::size_t>(how)].load(std::memory_order_relaxed);
}

std::string GatewayMetrics::Text(Database* db, const GatewayState& state) const {
  std::vector<MetricFamily> all = families_->registry.Collect();
  all.push_back(One("nearhit_gateway_connections", "Open connections of clients", MetricType::Gauge,
                    static_cast<double>(state.connections)));
  all.push_back(One("nearhit_gateway_flights", "Calls upstream that are not over",
                    MetricType::Gauge, static_cast<double>(state.flights)));
  all.push_back(One("nearhit_gateway_stored_total", "Answers that were stored", MetricType::Counter,
                    static_cast<double>(stored_.load(std::memory_order_relaxed))));
  all.push_back(
      One("nearhit_gateway_unstored_total",
          "Answers that were to be stored and were not: too much to do, or a failed store",
          MetricType::Counter, static_cast<double>(unstored_.load(std::memory_order_relaxed))));
  AddTls(state.tls, &all);
  MetricFamily build = One("nearhit_build_info", "The version", MetricType::Gauge, 1);
  build.metric.front().label.push_back({.name = "version", .value = NEARHIT_VERSION});
  all.push_back(std::move(build));
  AddNamespaces(db, &all);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace nearhit::server
