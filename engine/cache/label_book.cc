#include "engine/cache/label_book.h"

#include <algorithm>

namespace nearhit {
namespace {

constexpr std::size_t kLimits[] = {kMaxFeedbackLabels, kMaxTrustedLabels};
// Principals that are remembered for their allowance alone.
constexpr std::size_t kMostPrincipals = 16'384;
// Rows a batch, when all are written.
constexpr std::size_t kRowsPerBatch = 1'000;

// Features of another build, with others among them, say nothing to this one.
std::uint64_t FeatureSet() {
  static const std::uint64_t set = [] {
    std::string names;
    for (const std::string_view name : kPairFeatureNames) {
      names.append(name).push_back(' ');
    }
    return Hash64(names);
  }();
  return set;
}

}  // namespace

std::string LabelBook::RowKey(NamespaceNumber ns, const Label& label) const {
  return LabelKey(ns,
                  {.asked = label.asked, .matched = label.pair.entry, .trusted = IsTrusted(label)});
}

std::string LabelBook::RowOf(std::string_view key, const Label& label, bool with_features) {
  LabelRecord record{.serves = label.pair.serves,
                     .source = static_cast<std::uint8_t>(label.pair.source),
                     .alias = label.alias,
                     .principal = label.pair.principal,
                     .created_us = label.created_us,
                     .requests = label.pair.requests,
                     .of_traffic = label.pair.of_traffic,
                     .frame_cosine = label.pair.frame_cosine,
                     .frame_guards = label.pair.frame_guards.bits(),
                     .conflicts = label.pair.conflicts.bits(),
                     .feature_set = FeatureSet()};
  if (with_features && label.has_features) {
    record.features.assign(label.pair.features.begin(), label.pair.features.end());
  }
  return EncodeLabel(key, record);
}

Status LabelBook::Load() {
  const MutexLock writing(&writing_mu_);
  std::vector<Label> loaded;
  const std::string begin = NamespacePrefix(ns_);
  NEARHIT_RETURN_IF_ERROR(store_->Scan(
      Family::kLabels, begin, PrefixEnd(begin), {.fill_cache = false},
      [&](std::string_view key, std::string_view value) {
        const auto parts = ParseLabelKey(key);
        Result<LabelRecord> record = DecodeLabel(key, value);
        if (!parts || !record.ok() || record->source >= kLabelSourceNames.size()) {
          record.IgnoreError();
          ++damaged_;
          return true;
        }
        Label label{.asked = parts->asked,
                    .created_us = record->created_us,
                    .has_features = record->feature_set == FeatureSet() &&
                                    record->features.size() == kPairFeatureNames.size(),
                    .alias = record->alias};
        label.pair = {.entry = parts->matched,
                      .principal = record->principal,
                      .requests = record->requests,
                      .of_traffic = record->of_traffic,
                      .frame_cosine = record->frame_cosine,
                      .frame_guards = GuardSet(record->frame_guards & GuardSet::All().bits()),
                      .source = static_cast<LabelSource>(record->source),
                      .serves = record->serves,
                      .conflicts = GuardSet(record->conflicts & GuardSet::All().bits())};
        if (label.has_features) {
          std::copy(record->features.begin(), record->features.end(), label.pair.features.begin());
        }
        loaded.push_back(label);
        return true;
      }));
  std::stable_sort(loaded.begin(), loaded.end(),
                   [](const Label& a, const Label& b) { return a.created_us < b.created_us; });
  WriterLock lock(&mu_);
  for (const Label& label : loaded) {
    Insert(label);
  }
  return Status();
}

Status LabelBook::Allow(std::uint64_t principal) {
  const std::int64_t now_us = clock_->SteadyMicros();
  WriterLock lock(&mu_);
  if (principals_.size() >= kMostPrincipals) {
    std::erase_if(principals_, [](const auto& known) { return known.second.kept == 0; });
  }
  Allowance& allowance = principals_[principal];
  const double earned = static_cast<double>(now_us - allowance.at_us) * 1e-6 * kFeedbackPerSecond;
  allowance.left = allowance.at_us == 0 ? kFeedbackBurst
                                        : std::min<double>(kFeedbackBurst, allowance.left + earned);
  allowance.at_us = now_us;
  if (allowance.left < 1) {
    return ResourceExhausted("this principal has given over " + std::to_string(kFeedbackBurst) +
                             " labels, and may give " + std::to_string(kFeedbackPerSecond) +
                             " a second");
  }
  allowance.left -= 1;
  return Status();
}

Result<bool> LabelBook::Put(const NewLabel& request) {
  Label label{.asked = request.asked,
              .created_us = clock_->NowMicros(),
              .pair = request.pair,
              .has_features = request.has_features,
              .alias = request.alias};
  if (!IsTrusted(label)) {
    NEARHIT_RETURN_IF_ERROR(Allow(label.pair.principal));
  }
  const MutexLock writing(&writing_mu_);
  std::optional<Label> leaves;
  bool counts = true;
  {
    ReaderLock lock(&mu_);
    if (const Label* before = Find(label)) {
      counts = MergeWith(*before, &label);
    }
    if (const Label* old = LeavesFor(label)) {
      leaves = *old;
    }
  }
  if (counts) {
    WriteBatch batch;
    if (leaves) {
      batch.Delete(Family::kLabels, RowKey(ns_, *leaves));
    }
    const std::string key = RowKey(ns_, label);
    batch.Put(Family::kLabels, key, RowOf(key, label, /*with_features=*/true));
    NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
    WriterLock lock(&mu_);
    if (leaves) {
      Remove(*leaves);
    }
    Insert(label);
  }
  return AliasOf(label.asked) == label.pair.entry;
}

// What of `before`, the label of the pair, stays when `label` comes. A verdict counts more the more
// was looked at; that a pair was drawn at random stays true whoever judges it later.
bool LabelBook::MergeWith(const Label& before, Label* label) {
  if (!IsTrusted(*label)) {
    // Another principal does not undo a wrong.
    return before.pair.serves || !label->pair.serves ||
           before.pair.principal == label->pair.principal;
  }
  if (label->pair.requests <= 0) {
    label->pair.requests = before.pair.requests;
    label->pair.of_traffic = before.pair.of_traffic;
    label->pair.frame_cosine = before.pair.frame_cosine;
    label->pair.frame_guards = before.pair.frame_guards;
  }
  if (!label->has_features && before.has_features) {
    label->pair.features = before.pair.features;
    label->has_features = true;
  }
  if (before.pair.source > label->pair.source) {
    label->pair.source = before.pair.source;
    label->pair.serves = before.pair.serves;
    label->alias = before.alias;
  }
  return true;
}

const LabelBook::Label* LabelBook::Find(const Label& label) const {
  const auto& group = by_pair_[IsTrusted(label) ? 1 : 0];
  const auto found = group.find(KeyOf(label));
  return found == group.end() ? nullptr : &*found->second;
}

const LabelBook::Label* LabelBook::LeavesFor(const Label& label) const {
  if (const Label* before = Find(label)) {
    return before;
  }
  const std::size_t group = IsTrusted(label) ? 1 : 0;
  const Labels& labels = labels_[group];
  if (labels.size() < kLimits[group]) {
    return nullptr;
  }
  if (IsTrusted(label)) {
    // What somebody has looked at stays longest.
    const auto machine = std::find_if(labels.begin(), labels.end(), [](const Label& one) {
      return one.pair.source != LabelSource::kReview;
    });
    return machine == labels.end() ? &labels.front() : &*machine;
  }
  const auto most =
      std::max_element(principals_.begin(), principals_.end(),
                       [](const auto& a, const auto& b) { return a.second.kept < b.second.kept; });
  return &*std::find_if(labels.begin(), labels.end(),
                        [&](const Label& one) { return one.pair.principal == most->first; });
}

void LabelBook::Insert(const Label& label) {
  const std::size_t group = IsTrusted(label) ? 1 : 0;
  if (group == 0) {
    ++principals_[label.pair.principal].kept;
  }
  const Pair key = KeyOf(label);
  labels_[group].push_back(label);
  by_pair_[group][key] = std::prev(labels_[group].end());
  Index(key);
}

void LabelBook::Remove(const Label& label) {
  const std::size_t group = IsTrusted(label) ? 1 : 0;
  const Pair key = KeyOf(label);
  const auto found = by_pair_[group].find(key);
  if (group == 0) {
    --principals_[found->second->pair.principal].kept;
  }
  labels_[group].erase(found->second);
  by_pair_[group].erase(found);
  Index(key);
}

void LabelBook::Index(const Pair& key) {
  const auto trusted = by_pair_[1].find(key);
  const auto feedback = by_pair_[0].find(key);
  const Label* counts = trusted != by_pair_[1].end()    ? &*trusted->second
                        : feedback != by_pair_[0].end() ? &*feedback->second
                                                        : nullptr;
  if (counts != nullptr && counts->pair.serves && counts->alias) {
    aliases_[key.asked] = key.matched;
  } else if (const auto alias = aliases_.find(key.asked);
             alias != aliases_.end() && alias->second == key.matched) {
    aliases_.erase(alias);
  }
  empty_ = labels_[0].empty() && labels_[1].empty();
  ++version_;
}

bool LabelBook::IsWrong(const Hash128& asked, const Hash128& matched) const {
  const Pair key{asked, matched};
  ReaderLock lock(&mu_);
  for (const std::size_t group : {1U, 0U}) {
    if (const auto found = by_pair_[group].find(key); found != by_pair_[group].end()) {
      return !found->second->pair.serves;
    }
  }
  return false;
}

std::optional<Hash128> LabelBook::AliasOf(const Hash128& asked) const {
  ReaderLock lock(&mu_);
  const auto found = aliases_.find(asked);
  return found == aliases_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<JudgedPair> LabelBook::Pairs() const {
  ReaderLock lock(&mu_);
  std::vector<JudgedPair> pairs;
  pairs.reserve(labels_[0].size() + labels_[1].size());
  for (const Labels& labels : labels_) {
    for (const Label& label : labels) {
      if (label.has_features) {
        pairs.push_back(label.pair);
      }
    }
  }
  return pairs;
}

void LabelBook::AddTo(PolicyReport* report) const {
  ReaderLock lock(&mu_);
  report->aliases = aliases_.size();
  for (const Labels& labels : labels_) {
    for (const Label& label : labels) {
      ++report->labels[static_cast<std::size_t>(label.pair.source)];
      report->refused_pairs += label.pair.serves ? 0 : 1;
    }
  }
}

Status LabelBook::CopyTo(NamespaceNumber ns) {
  const MutexLock writing(&writing_mu_);
  const ReaderLock lock(&mu_);
  WriteBatch batch;
  for (const Labels& labels : labels_) {
    for (const Label& label : labels) {
      const std::string key = RowKey(ns, label);
      batch.Put(Family::kLabels, key, RowOf(key, label, /*with_features=*/false));
      if (batch.operations().size() == kRowsPerBatch) {
        NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/false));
        batch.Clear();
      }
    }
  }
  return store_->Write(batch, /*sync=*/true);
}

void LabelBook::GoOnIn(NamespaceNumber ns) {
  const MutexLock writing(&writing_mu_);
  ns_ = ns;
  WriterLock lock(&mu_);
  for (Labels& labels : labels_) {
    for (Label& label : labels) {
      label.has_features = false;
    }
  }
  ++version_;
}

}  // namespace nearhit
