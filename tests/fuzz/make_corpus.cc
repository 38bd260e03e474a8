// Writes the seeds of the fuzz corpora: make_corpus tests/fuzz/corpus. Small valid inputs of every
// kind; a fuzzer finds the invalid ones from there. Files named crash-* or bug-* beside them come
// from bugs that were found, and stay.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "engine/database/catalogue.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/keys.h"
#include "engine/storage/record.h"
#include "index/snapshot.h"
#include "nearhit/v1/admin.pb.h"
#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "tests/fuzz/corpus.h"

namespace nearhit {
namespace {

template <typename... T>
std::string Packed(T... values) {
  std::string out;
  (PutFixed(&out, values), ...);
  return out;
}

void MakeRecords(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_record");
  const std::string key = EntryKey(1, EntryId{2});
  const auto add = [&corpus](const std::string& name, int kind, std::string_view storage_key,
                             std::string_view value) {
    std::string input = Bytes({kind, 0, static_cast<int>(storage_key.size())});
    input += storage_key;
    corpus.Add(name, input + std::string(value));
    // Version and checksum left out: the target puts them there.
    input[1] = 1;
    if (value.size() > 9) {
      corpus.Add(name + "-body", input + std::string(value.substr(1, value.size() - 9)));
    }
  };
  const std::vector<float> vector = {0.6F, 0.8F};
  add("header", 0, key, EncodeHeader(key, {.partition = 1, .created_us = 5, .has_vector = true}));
  add("payload", 1, key,
      EncodePayload(
          key, {.partition = 1, .key = "slot", .model = "m", .tags = {"a", "b"}, .payload = "x"}));
  add("vector", 2, key, EncodeVector(key, vector));
  add("partition", 3, key, EncodePartition(key, "scope"));
  add("ids", 4, key, EncodeIds(key, {EntryId{1}, EntryId{2}}));
  NamespaceRecord record;
  record.name = "n";
  record.number = 1;
  record.config.dimension = 2;
  record.embedder_identity = "none";
  record.created_us = 1;
  add("namespace", 5, key, EncodeNamespace(key, record));
  add("secret", 6, "secret", EncodeSecret("secret", HashSecret{}));
  add("next_number", 7, "next", EncodeNextNumber("next", 3));
  corpus.Add("high_water_mark", Bytes({8, 0, 0}) + EncodeHighWaterMark({.sequence = 77}));
  corpus.Add("high_water_mark_2",
             Bytes({8, 0, 0}) + EncodeHighWaterMark({.sequence = 77,
                                                     .manifest = {.number = 5, .bytes = 90},
                                                     .logs = {{.number = 4, .bytes = 30}}}));
  const PendingReembedding change{
      .from = 1, .to = 2, .dimension = 3, .identity = "m", .threshold = 0.5F, .embedder = {}};
  add("reembedding", 9, "reembedding/n", EncodeReembedding("reembedding/n", change));
  add("entry_key", 9, key, "");
  add("tag_key", 9, TagKey(1, "tag", EntryId{3}), "");
  add("expiry_key", 9, ExpiryKey(1, 4, EntryId{3}), "");
}

void MakeSnapshots(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_snapshot");
  for (const Encoding encoding : {Encoding::kFloat32, Encoding::kInt8}) {
    for (const IndexMetric metric : {IndexMetric::kDot, IndexMetric::kL2}) {
      for (const std::size_t threshold : {std::size_t{4}, std::size_t{100}}) {
        PartitionIndex index(3, metric, encoding, threshold);
        for (std::uint64_t i = 1; i <= 12; ++i) {
          const float x = static_cast<float>(i) / 13;
          index.Add(EntryId{i}, std::vector<float>{x, 1 - x, 0.5F}).IgnoreError();  // not full
        }
        if (index.NeedsMove()) {
          index.Move();
        }
        index.Erase(EntryId{5});
        const int flags =
            (metric == IndexMetric::kL2 ? 4 : 0) | (encoding == Encoding::kInt8 ? 8 : 0);
        const std::string file = EncodeSnapshot(index, 9);
        const std::string name = std::string(threshold == 4 ? "graph-" : "flat-") +
                                 (encoding == Encoding::kInt8 ? "int8-" : "float32-") +
                                 (metric == IndexMetric::kL2 ? "l2" : "dot");
        corpus.Add(name + "-body", Bytes({flags | 3}) + file.substr(0, file.size() - 8));
        if (metric == IndexMetric::kDot) {
          corpus.Add(name, Bytes({flags}) + file);
        }
      }
    }
  }
}

void MakeConfigs(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_config");
  corpus.Add("empty", "");
  corpus.Add("server", "[server]\nlisten = \"[::1]:0\"\nworkers = 2\nreflection = true\n");
  corpus.Add("storage",
             "[storage]\nin_memory = true\nmax_payload_bytes = 2048\n[log]\n"
             "level = \"debug\"\nformat = \"json\"\n");
  corpus.Add("namespaces",
             "[[namespace]]\nname = \"a\"\ndimension = 4\nmetric = \"l2\"\nthreshold = 0.5\n"
             "durability = \"sync\"\nmax_ttl_ms = 10\ndefault_ttl_ms = 5\n[[namespace]]\n"
             "name = \"b\"\nkind = \"vectors\"\ndimension = 3\nmetric = \"ip\"\nthreshold = 1e3\n");
  corpus.Add("embedder",
             "[[namespace]]\nname = \"e\"\nembedder = { kind = \"http\", "
             "url = \"http://127.0.0.1:1/\", model = \"m\", timeout_ms = 5 }\n"
             "dimension = 3\n");
  corpus.Add("unknown_key", "[server]\nworker = 3\n");
}

void MakeFormats(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_formats");
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
  std::string npy =
      "\x93NUMPY" + Bytes({1, 0, static_cast<int>(dictionary.size()), 0}) + dictionary;
  npy += Packed(1.0F, 2.0F, 3.0F, 4.0F);
  corpus.Add("npy", Bytes({0, 0}) + npy);
  corpus.Add("fvecs", Bytes({1, 0}) + Packed(2, 1.0F, 2.0F, 2, 3.0F, 4.0F));
  corpus.Add("bvecs", Bytes({2, 1}) + Packed(4, 0x04030201, 4, 0x08070605));
  corpus.Add("fbin", Bytes({3, 0}) + Packed(2U, 1U, 1.0F, 2.0F));
  corpus.Add("i8bin", Bytes({4, 1}) + Packed(2U, 4U, 0x04030201, 0x7f80ff00));
  corpus.Add("u8bin", Bytes({5, 0}) + Packed(1U, 4U, 0x04030201));
  corpus.Add("npy_header", Bytes({10}) + dictionary);
  corpus.Add("ivecs", Bytes({6}) + Packed(2, 5, 6, 0, 1, 7));
  corpus.Add("lines", Bytes({7}) + "one\r\ntwo\n\n" + std::string(70, 'x') + "\nlast");
  corpus.Add("gzip", Bytes({7,    0x1f, 0x8b, 0x8,  0x0,  0x0,  0x0, 0x0, 0x0,
                            0x2,  0x3,  0x4b, 0xe4, 0x4a, 0xe2, 0x2, 0x0, 0x97,
                            0x2a, 0x57, 0x18, 0x4,  0x0,  0x0,  0x0}));  // "a\nb\n"
  corpus.Add("csv", Bytes({8}) + "a,b,c\n\"x\"\"y\",\"two\nlines\",\n,,\n");
  corpus.Add("csv-stray-quote", Bytes({12}) + "a, \"b, c\"\n\"x,1\ny,2\nz,3\nend,5\"\n");
  corpus.Add("json", Bytes({11}) + "[{\"a\":[1,\"]\\\"\"]},\n 7]\n{\n}\n");
  corpus.Add("utf16", Bytes({7, 0xff, 0xfe, 'a', 0, '\n', 0, 0x3d, 0xd8, 0, 0xde, '\n', 0}));
  corpus.Add("carriage-returns", Bytes({7}) + "a\rb\r\rc");
  corpus.Add("tsv", Bytes({9}) + "a\tb\n\"\tc\n");
}

// One call of fuzz_proto.
template <typename Message>
std::string Call(int method, const Message& message) {
  const std::string bytes = message.SerializeAsString();
  return Bytes({method}) + Packed(static_cast<std::uint16_t>(bytes.size())) + bytes;
}

void MakeCacheCalls(const Corpus& corpus) {
  const std::string vector = Packed(0.6F, 0.8F);
  v1::StoreRequest store;
  store.set_namespace_("c");
  store.mutable_item()->mutable_prompt()->set_scope("s");
  store.mutable_item()->mutable_prompt()->set_slot("hello");
  store.mutable_item()->mutable_prompt()->set_vector(vector);
  store.mutable_item()->set_answer("answer");
  store.mutable_item()->mutable_metadata()->add_tags("t");
  store.mutable_item()->set_ttl_ms(1'000);
  v1::LookupRequest lookup;
  lookup.set_namespace_("c");
  *lookup.mutable_prompt() = store.item().prompt();
  lookup.mutable_prompt()->set_slot("other");
  lookup.mutable_options()->set_min_score(0.95F);
  v1::InvalidateRequest invalidate;
  invalidate.set_namespace_("c");
  invalidate.add_tags("t");
  v1::ScanRequest scan;
  scan.set_namespace_("c");
  v1::GetRequest get;
  get.set_namespace_("c");
  get.set_id(1);
  v1::DeleteRequest remove;
  remove.set_namespace_("c");
  remove.set_id(1);
  // 64: the first method of Cache; 72 % 8 is 0.
  corpus.Add("cache", Call(66, store) + Call(64, lookup) + Call(68, get) + Call(71, scan) +
                          Call(70, invalidate) + Call(69, remove));
  v1::StoreBatchRequest stores;
  stores.set_namespace_("l");
  *stores.add_items() = store.item();
  stores.mutable_items(0)->mutable_prompt()->clear_vector();
  *stores.add_items() = stores.items(0);
  v1::LookupBatchRequest lookups;
  lookups.set_namespace_("l");
  *lookups.add_prompts() = stores.items(0).prompt();
  lookups.add_prompts()->set_slot("hello there");
  corpus.Add("batches", Call(67, stores) + Call(65, lookups));
  v1::StoreStreamRequest store_item;
  store_item.set_sequence(5);
  *store_item.mutable_request() = stores;
  v1::LookupStreamRequest lookup_item;
  *lookup_item.mutable_request() = lookup;
  corpus.Add("streams", Call(193, store_item) + Call(192, lookup_item));
}

void MakeVectorCalls(const Corpus& corpus) {
  v1::UpsertRequest upsert;
  upsert.set_namespace_("v");
  v1::VectorItem* item = upsert.add_items();
  item->set_key("k");
  item->set_vector(Packed(0.6F, 0.8F));
  item->set_payload("p");
  item->add_tags("t");
  v1::SearchRequest search;
  search.set_namespace_("v");
  search.set_query(Packed(1.0F, 0.0F));
  search.mutable_options()->set_k(3);
  search.mutable_options()->mutable_filter()->add_any_of("t");
  v1::SearchBatchRequest searches;
  searches.set_namespace_("v");
  searches.set_queries(Packed(1.0F, 0.0F, 0.0F, 1.0F));
  searches.mutable_options()->set_with_payload(true);
  v1::GetVectorRequest get;
  get.set_namespace_("v");
  get.set_key("k");
  v1::DeleteVectorsRequest remove;
  remove.set_namespace_("v");
  remove.add_keys("k");
  v1::ScanVectorsRequest scan;
  scan.set_namespace_("v");
  v1::EmbedRequest embed;
  embed.set_namespace_("l");
  embed.add_texts("hello");
  embed.add_texts("hello there");
  // 133 % 7 is 0: the first method of Vectors.
  corpus.Add("vectors", Call(133, upsert) + Call(134, search) + Call(135, searches) +
                            Call(136, get) + Call(138, scan) + Call(137, remove) +
                            Call(139, embed));
  v1::UpsertStreamRequest upsert_item;
  *upsert_item.mutable_request() = upsert;
  corpus.Add("upsert_stream", Call(194, upsert_item));
}

void MakeAdminCalls(const Corpus& corpus) {
  v1::CreateNamespaceRequest create;
  create.set_name("new");
  create.mutable_config()->set_dimension(3);
  create.mutable_config()->set_metric(v1::METRIC_L2);
  create.mutable_config()->set_threshold(0.5F);
  create.mutable_config()->set_max_entries(2);
  v1::UpdateNamespaceRequest update;
  update.set_name("c");
  update.mutable_embedder()->set_kind("lexical");
  update.set_dimension(64);
  update.set_reembed(true);
  v1::DescribeNamespaceRequest describe;
  describe.set_name("c");
  v1::DropNamespaceRequest drop;
  drop.set_name("new");
  corpus.Add("admin", Call(0, create) + Call(1, v1::ListNamespacesRequest()) + Call(2, describe) +
                          Call(3, update) + Call(4, drop) + Call(5, v1::StatsRequest()) +
                          Call(6, v1::FlushRequest()) + Call(7, v1::SnapshotRequest()) +
                          Call(8, v1::PingRequest()));
}

void MakeOps(const std::filesystem::path& root) {
  const std::string store = Bytes({0, 1, 2, 3, 1, 0, 2, 'h', 'i'});
  const std::string store_raw = Bytes({0, 1, 3, 230}) + Packed(1e15F, -2.5F) + Bytes({0, 9, 0});
  const std::string lookup = Bytes({2, 1, 4, 3});
  const std::string upserts = Bytes({6, 1, 5, 1, 0, 1, 'x', 6, 2, 6, 2, 50, 0});
  const std::string search = Bytes({8, 5, 3, 1, 0, 0});
  const std::string rest = Bytes({10, 60, 11, 0, 4, 0, 5, 9, 9, 1, 11, 1});
  const Corpus memory(root / "fuzz_ops");
  for (const int metric : {0, 1, 2}) {
    memory.Add("metric-" + std::to_string(metric),
               Bytes({metric}) + store + store_raw + lookup + upserts + search + rest);
  }
  const Corpus disk(root / "fuzz_ops_disk");
  disk.Add("reopen", Bytes({0}) + store + upserts + Bytes({11, 0}) + lookup + search + rest);
}

}  // namespace
}  // namespace nearhit

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path root = argv[1];
  nearhit::MakeRecords(root);
  nearhit::MakeSnapshots(root);
  nearhit::MakeConfigs(root);
  nearhit::MakeFormats(root);
  nearhit::MakeGatewaySeeds(root);
  const nearhit::Corpus calls(root / "fuzz_proto");
  nearhit::MakeCacheCalls(calls);
  nearhit::MakeVectorCalls(calls);
  nearhit::MakeAdminCalls(calls);
  nearhit::MakeOps(root);
  return 0;
}
