// Seeds of what the gateway reads: requests, answers, and bytes of connections.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/corpus.h"

namespace nearhit {
namespace {

// Streams of the test data, and the bodies that belong to them; the streams cut in places too.
void MakeDialects(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_dialect");
  const Corpus streams(root / "fuzz_sse");
  for (const auto& entry : std::filesystem::directory_iterator(root / "../../data/dialect")) {
    const std::string name = entry.path().filename().string();
    const int api = name.starts_with("chat")          ? 0
                    : name.starts_with("completions") ? 1
                    : name.starts_with("messages")    ? 2
                                                      : 3;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (name.ends_with(".sse") || name.ends_with(".json")) {
      corpus.Add(name, Bytes({api}) + text);
    }
    if (name.ends_with(".sse")) {
      streams.Add(name, Bytes({3, 7, 50, 1}) + text);
    }
  }
}

// Requests to providers.
void MakeRequests(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_request");
  corpus.Add("chat", Bytes({0, 1}) + R"({"model":"m","temperature":1e0,"n":1,"tools":[],)"
                                     R"("messages":[{"role":"system","content":"s"},)"
                                     R"({"role":"user","content":"\u0041\ud83d\ude00"}]})");
  corpus.Add("parts", Bytes({0, 2}) +
                          R"({"model":"m","stream":true,"stream_options":{"include_usage":true},)"
                          R"("messages":[{"role":"user","content":[{"type":"text","text":"a",)"
                          R"("prompt_cache_breakpoint":1},{"type":"image_url",)"
                          R"("image_url":{"url":"https://a"}}]}],"cache":{"ttl":60}})");
  corpus.Add("turns", Bytes({0, 3}) + R"({"model":"m","messages":[{"role":"user","content":"a"},)"
                                      R"({"role":"assistant","content":"b"},"c",)"
                                      R"({"role":"user","content":{"text":"d"}}]})");
  corpus.Add("completions", Bytes({1, 1}) + R"({"model":"m","prompt":"a","echo":true})");
  corpus.Add("responses", Bytes({2, 1}) + R"({"model":"m","store":false,"input":[)"
                                          R"({"type":"item_reference","id":"i"},)"
                                          R"({"role":"user","content":[]}]})");
  corpus.Add("messages", Bytes({3, 1}) +
                             R"({"model":"m","system":[{"type":"text","text":"s",)"
                             R"("cache_control":{"type":"ephemeral"}}],"messages":[)"
                             R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t",)"
                             R"("content":[{"type":"text","text":"a","cache_control":{}}]},)"
                             R"({"type":"tool_use","input":{"cache_control":1}}]}]})");
  corpus.Add("twice", Bytes({0, 1}) + R"({"a":1,"b":18446744073709551616,"a":-0.0})");
}

// Requests of a connection, cut in places.
void MakeHttp(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_http");
  const std::string cuts = Bytes({3, 1, 7, 20});
  const std::string get = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::string chunks = post + "Transfer-Encoding: chunked\r\n\r\n";
  corpus.Add("get", cuts + get);
  corpus.Add("pipelined", cuts + get + "\r\n" + post + "Content-Length: 2\r\n\r\nab" + get);
  corpus.Add("chunks", cuts + chunks + "5\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\n");
  corpus.Add("trailers", cuts + chunks + "1\r\na\r\n0\r\nX: b\r\nY: c\r\n\r\n" + get);
  corpus.Add("extension", cuts + chunks + "5;a=b\r\nhello\r\n0\r\n\r\n");
  corpus.Add("http-1-0", cuts + "OPTIONS * HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n");
  corpus.Add("continue", cuts + post + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na");
  corpus.Add("two-lengths",
             cuts + post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  corpus.Add("folded", cuts + get.substr(0, get.size() - 2) + " b\r\nX : c\r\n\r\n");
  corpus.Add("line-feeds", cuts + "GET / HTTP/1.1\nHost: a\n\n");
}

void MakeEmbeddings(const std::filesystem::path& root) {
  const Corpus corpus(root / "fuzz_embeddings");
  const std::string head = Bytes({0b101, 2});
  corpus.Add("texts", head + R"({"model":"m", "input": ["a","", "\u0062,]\"" ] ,"user":"u"})");
  corpus.Add("tokens", head + R"({"input":[[1,22],[3]],"model":"m","encoding_format":"base64"})");
  corpus.Add("text", head + R"({"model":"m","input":"a","dimensions":2.0,"cache":{"ttl":5}})");
  const std::string usage = R"("model":"m\n","usage":{"prompt_tokens":5,"total_tokens":5}})";
  corpus.Add("floats", head +
                           R"({"object":"list","data":[{"index":1,"embedding":[1,-0.0]},)"
                           R"({"index":0,"embedding":[3.4028235e38,1e-45]}],)" +
                           usage);
  corpus.Add("base64", head +
                           R"({"data":[{"object":"embedding","index":0,"embedding":"AACAPw=="},)"
                           R"({"index":1,"embedding":[1e-3]}],)" +
                           usage);
}

}  // namespace

void MakeGatewaySeeds(const std::filesystem::path& root) {
  MakeDialects(root);
  MakeHttp(root);
  MakeEmbeddings(root);
  MakeRequests(root);
}

}  // namespace nearhit
