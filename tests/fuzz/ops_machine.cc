#include "tests/fuzz/ops_machine.h"

#include <algorithm>

namespace nearhit {

namespace {

constexpr float kThreshold = 0.9F;
constexpr double kEpsilon = 1e-4;

OpsVector ReadVector(FuzzInput* input) {
  const std::uint8_t choice = input->Byte();
  if (choice < 224) {
    const double angle = static_cast<double>(choice % 16) * 3.14159265358979 / 8;
    return {{static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))}, true};
  }
  return {{input->Number<float>(), input->Number<float>()}, false};
}

std::set<std::string> TagsOf(std::uint8_t bits) {
  std::set<std::string> tags;
  for (unsigned i = 0; i < 3; ++i) {
    if ((bits >> i & 1U) != 0) {
      tags.insert(std::string(1, static_cast<char>('a' + i)));
    }
  }
  return tags;
}

std::vector<std::string> ToVector(const std::set<std::string>& tags) {
  return {tags.begin(), tags.end()};
}

bool Passes(const std::set<std::string>& tags, const TagFilter& filter) {
  const auto has = [&tags](const std::string& tag) { return tags.contains(tag); };
  return std::all_of(filter.all_of.begin(), filter.all_of.end(), has) &&
         (filter.any_of.empty() || std::any_of(filter.any_of.begin(), filter.any_of.end(), has)) &&
         std::none_of(filter.none_of.begin(), filter.none_of.end(), has);
}

// Every page of a scan: an entry that expired may leave an empty one before the last.
template <typename Store>
auto ScanAll(Store& store) {
  auto page = *store.Scan(EntryId{}, kMaxPageSize);
  auto all = std::move(page.entries);
  while (page.next) {
    page = *store.Scan(page.next, kMaxPageSize);
    all.insert(all.end(), page.entries.begin(), page.entries.end());
  }
  return all;
}

}  // namespace

OpsMachine::OpsMachine(Metric metric, bool on_disk)
    : metric_(metric), dir_(on_disk ? std::make_unique<TempDir>() : nullptr) {
  Open();
}

void OpsMachine::Open() {
  cache_.reset();
  vectors_.reset();
  db_.reset();
  DatabaseOptions options;
  options.in_memory = dir_ == nullptr;
  options.path = dir_ == nullptr ? std::filesystem::path() : dir_->path();
  options.background_maintenance = false;
  options.now_us = [this] { return clock_.NowMicros(); };
  db_ = *Database::Open(options);
  NamespaceConfig config;
  config.dimension = 2;
  config.metric = metric_;
  config.threshold = kThreshold;
  config.guards_off = GuardSet::All();  // vectors are given: texts only count
  const StatusCode made = db_->CreateNamespace("c", config).code();
  config.kind = NamespaceKind::kVectors;
  FUZZ_CHECK(db_->CreateNamespace("v", config).code() == made);
  FUZZ_CHECK(made == StatusCode::kOk || (dir_ != nullptr && made == StatusCode::kAlreadyExists));
  cache_ = *db_->Cache("c");
  vectors_ = *db_->Vectors("v");
}

double OpsMachine::Score(const std::vector<float>& a, const std::vector<float>& b) const {
  double dot = 0;
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    dot += x * y;
    distance += (x - y) * (x - y);
  }
  return metric_ == Metric::kL2 ? 1 / (1 + distance) : dot;  // plain vectors are of unit length
}

std::optional<std::int64_t> OpsMachine::ReadTtl(FuzzInput* input, OpsEntry* entry) const {
  const std::uint8_t ttl_ms = input->Byte();
  entry->expires_us = ttl_ms == 0 ? 0 : clock_.NowMicros() + std::int64_t{ttl_ms} * 1'000;
  return ttl_ms == 0 ? std::nullopt : std::optional<std::int64_t>(ttl_ms);
}

void OpsMachine::Store(FuzzInput* input) {
  const CacheKey key = {std::string(1, static_cast<char>('0' + input->Byte() % 3)),
                        "slot" + std::to_string(input->Byte() % 6)};
  OpsEntry entry;
  entry.vector = ReadVector(input);
  entry.tags = TagsOf(input->Byte());
  StoreRequest request;
  request.ttl_ms = ReadTtl(input, &entry);
  entry.payload = input->Short();
  request.prompt = {.scope = key.first, .slot = key.second, .vector = entry.vector.components};
  request.answer = entry.payload;
  request.metadata.tags = ToVector(entry.tags);
  const Result<StoreResult> stored = cache_->Store(request);
  if (!stored.ok()) {
    FUZZ_CHECK(!entry.vector.plain && stored.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  entry.id = stored->id;
  FUZZ_CHECK(stored->has_vector);
  FUZZ_CHECK(cached_.contains(key) || !stored->replaced);
  cached_[key] = std::move(entry);
}

void OpsMachine::Lookup(FuzzInput* input) {
  const CacheKey key = {std::string(1, static_cast<char>('0' + input->Byte() % 3)),
                        "slot" + std::to_string(input->Byte() % 6)};
  const OpsVector vector = ReadVector(input);
  const auto result = cache_->Lookup(
      {.scope = key.first, .slot = key.second, .vector = vector.components}, LookupOptions());
  if (!result.ok()) {
    FUZZ_CHECK(!vector.plain && result.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  const auto same = cached_.find(key);
  if (same != cached_.end() && Live(same->second)) {
    FUZZ_CHECK(result->kind == HitKind::kExact && result->id == same->second.id);
    FUZZ_CHECK(result->answer == same->second.payload);
    return;
  }
  FUZZ_CHECK(!result->score || !std::isnan(*result->score));
  double best = -2;
  bool plain = vector.plain;
  const OpsEntry* served = nullptr;
  for (const auto& [at, entry] : cached_) {
    if (at.first != key.first || !Live(entry)) {
      continue;
    }
    plain = plain && entry.vector.plain;
    best = std::max(best, Score(vector.components, entry.vector.components));
    served = entry.id == result->id ? &entry : served;
  }
  if (result->kind == HitKind::kMiss) {
    FUZZ_CHECK(!plain || best < static_cast<double>(kThreshold) + kEpsilon);
    return;
  }
  FUZZ_CHECK(result->kind == HitKind::kSemantic && served != nullptr);
  FUZZ_CHECK(result->answer == served->payload && *result->score >= kThreshold);
  FUZZ_CHECK(!plain || std::abs(static_cast<double>(*result->score) - best) < kEpsilon);
}

void OpsMachine::DeleteEntry(FuzzInput* input) {
  const std::size_t choice = input->Byte();
  if (choice >= cached_.size()) {
    FUZZ_CHECK(!*cache_->Delete(EntryId{~std::uint64_t{0} - choice}, Durability::kDefault));
    return;
  }
  const auto victim = std::next(cached_.begin(), static_cast<std::ptrdiff_t>(choice));
  const bool live = Live(victim->second);
  const bool deleted = *cache_->Delete(victim->second.id, Durability::kDefault);
  FUZZ_CHECK(deleted || !live);  // an expired one may have been reclaimed
  cached_.erase(victim);
}

void OpsMachine::Invalidate(FuzzInput* input) {
  InvalidateRequest request;
  const std::uint8_t choice = input->Byte();
  request.tags = ToVector(TagsOf(choice));
  if ((choice & 8U) != 0) {
    request.scope = std::string(1, static_cast<char>('0' + choice % 3));
  }
  request.dry_run = (choice & 16U) != 0;
  if (request.tags.empty() && !request.scope) {
    request.all = true;
  }
  const InvalidateResult result = *cache_->Invalidate(request);
  std::uint64_t live = 0;
  for (auto it = cached_.begin(); it != cached_.end();) {
    const bool matches = (!request.scope || it->first.first == *request.scope) &&
                         Passes(it->second.tags, {.all_of = request.tags});
    live += matches && Live(it->second) ? 1U : 0U;
    it = matches && !request.dry_run ? cached_.erase(it) : std::next(it);
  }
  FUZZ_CHECK(result.matched >= live);
  FUZZ_CHECK(request.dry_run ? result.deleted == 0 : result.deleted >= live);
}

void OpsMachine::Upsert(FuzzInput* input) {
  const std::string key = "key" + std::to_string(input->Byte() % 8);
  OpsEntry entry;
  entry.vector = ReadVector(input);
  entry.tags = TagsOf(input->Byte());
  UpsertRequest request;
  request.ttl_ms = ReadTtl(input, &entry);
  entry.payload = input->Short();
  request.key = key;
  request.vector = entry.vector.components;
  request.payload = entry.payload;
  request.tags = ToVector(entry.tags);
  const auto ids = vectors_->Upsert({&request, 1}, Durability::kDefault);
  if (!ids.ok()) {
    FUZZ_CHECK(!entry.vector.plain && ids.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  entry.id = ids->front();
  stored_[key] = std::move(entry);
}

void OpsMachine::Search(FuzzInput* input) {
  const OpsVector query = ReadVector(input);
  VectorSearchOptions options;
  options.k = 1U + input->Byte() % 10U;
  options.filter = {.all_of = ToVector(TagsOf(input->Byte() & 3U)),
                    .any_of = ToVector(TagsOf(input->Byte())),
                    .none_of = ToVector(TagsOf(input->Byte() & 4U))};
  options.with_payload = true;
  const auto hits = vectors_->Search(query.components, options);
  if (!hits.ok()) {
    FUZZ_CHECK(!query.plain && hits.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  bool plain = query.plain;
  std::vector<double> expected;
  for (const auto& [key, entry] : stored_) {
    plain = plain && entry.vector.plain;
    if (Live(entry) && Passes(entry.tags, options.filter)) {
      expected.push_back(Score(query.components, entry.vector.components));
    }
  }
  std::sort(expected.rbegin(), expected.rend());
  FUZZ_CHECK(hits->size() == std::min(expected.size(), options.k));
  float last = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < hits->size(); ++i) {
    const VectorHit& hit = (*hits)[i];
    const OpsEntry& entry = stored_.at(hit.key);
    FUZZ_CHECK(hit.id == entry.id && hit.payload == entry.payload && Live(entry));
    FUZZ_CHECK(hit.score <= last);  // false for NaN as well
    FUZZ_CHECK(!plain || std::abs(static_cast<double>(hit.score) - expected[i]) < kEpsilon);
    last = hit.score;
  }
}

void OpsMachine::DeleteKeys(FuzzInput* input) {
  const std::string key = "key" + std::to_string(input->Byte() % 8);
  const std::string_view keys[] = {key, key};
  const auto found = stored_.find(key);
  const bool live = found != stored_.end() && Live(found->second);
  const std::uint64_t deleted = *vectors_->Delete(keys, Durability::kDefault);
  FUZZ_CHECK(deleted <= 1 && (deleted == 1 || !live));
  stored_.erase(key);
}

void OpsMachine::CheckAll() {
  std::map<std::uint64_t, const OpsEntry*> live;
  for (const auto& [key, entry] : cached_) {
    if (Live(entry)) {
      live[entry.id.value] = &entry;
    }
  }
  const std::vector<Entry> entries = ScanAll(*cache_);
  FUZZ_CHECK(entries.size() == live.size());
  for (const Entry& entry : entries) {
    const OpsEntry& expected = *live.at(entry.id.value);
    FUZZ_CHECK(entry.answer == expected.payload);
    FUZZ_CHECK(entry.metadata.tags == ToVector(expected.tags));
    FUZZ_CHECK(entry.vector.size() == 2);
  }
  std::size_t live_vectors = 0;
  for (const auto& [key, entry] : stored_) {
    const auto got = vectors_->Get(key);
    FUZZ_CHECK(got.ok() == Live(entry));
    live_vectors += got.ok() ? 1U : 0U;
    FUZZ_CHECK(!got.ok() || (got->id == entry.id && got->payload == entry.payload));
  }
  FUZZ_CHECK(ScanAll(*vectors_).size() == live_vectors);
}

void OpsMachine::Step(FuzzInput* input) {
  switch (input->Byte() % 12) {
    case 0:
    case 1:
      return Store(input);
    case 2:
    case 3:
      return Lookup(input);
    case 4:
      return DeleteEntry(input);
    case 5:
      return Invalidate(input);
    case 6:
    case 7:
      return Upsert(input);
    case 8:
      return Search(input);
    case 9:
      return DeleteKeys(input);
    case 10:
      return clock_.AdvanceMillis(input->Byte());
    default:
      FUZZ_CHECK(db_->RunMaintenance().ok());
      if (dir_ != nullptr && input->Byte() % 4 == 0) {
        Open();
      }
      CheckAll();
  }
}

}  // namespace nearhit
