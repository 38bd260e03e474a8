#include "engine/embedding/http_embedder.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <utility>

#include "base/utf8.h"
#include "engine/embedding/embedding_json.h"

namespace nearhit {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxKeyBytes = 8'192;
constexpr std::chrono::milliseconds kFirstWait{100};
constexpr std::chrono::milliseconds kLongestWait{5'000};

std::string Trim(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// `source` names where the key came from.
Result<std::string> CheckKey(const std::string& raw, const std::string& source) {
  std::string key = Trim(raw);
  if (key.empty()) {
    return FailedPrecondition(source + " is empty");
  }
  if (key.size() > kMaxKeyBytes) {
    return FailedPrecondition(source + " holds more than the limit of " +
                              std::to_string(kMaxKeyBytes) + " bytes");
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(key.begin(), key.end(), control)) {
    return FailedPrecondition(source + " holds control characters");
  }
  return key;
}

Result<std::string> ReadKey(const EmbedderSpec& spec) {
  if (!spec.api_key_env.empty()) {
    const std::string source = "api_key_env: the variable " + spec.api_key_env;
    const char* value = std::getenv(spec.api_key_env.c_str());
    if (value == nullptr) {
      return FailedPrecondition(source + " is not set");
    }
    return CheckKey(value, source);
  }
  if (!spec.api_key_file.empty()) {
    const std::string source = "api_key_file: the file " + spec.api_key_file;
    std::ifstream file(spec.api_key_file, std::ios::binary);
    std::string content(2 * kMaxKeyBytes, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file.is_open() || file.bad()) {
      return FailedPrecondition(source + " cannot be read");
    }
    content.resize(static_cast<std::size_t>(file.gcount()));
    return CheckKey(content, source);
  }
  return std::string();
}

bool MayRetry(const HttpResponse& response) {
  const long status = response.head.status;
  return response.end.outcome == HttpOutcome::kConnection ||
         (response.end.outcome == HttpOutcome::kAnswered &&
          (status == 429 || (status >= 500 && status <= 599)));
}

Status Stopped() {
  return Status(StatusCode::kCancelled, "the embedder is stopped");
}

// Requires: not an answer of 2xx.
Status ErrorOf(const HttpResponse& response, int tries) {
  const std::string after = " after " + std::to_string(tries) + (tries == 1 ? " try" : " tries");
  switch (response.end.outcome) {
    case HttpOutcome::kStopped:
      return Stopped();
    case HttpOutcome::kTimeout:
      return DeadlineExceeded("embedding endpoint did not answer in time," + after);
    case HttpOutcome::kTooLarge:
      return Unavailable("embedding endpoint's answer is larger than its vectors can be");
    case HttpOutcome::kConnection:
    case HttpOutcome::kRefused:
      return Unavailable("embedding endpoint cannot be used: " + response.end.reason + "," + after);
    case HttpOutcome::kAnswered:
      break;
  }
  const long code = response.head.status;
  std::string message = "embedding endpoint answered " + std::to_string(code);
  if (code == 401 || code == 403) {
    return FailedPrecondition(message + ": the key is missing or not accepted");
  }
  if (code >= 300 && code < 400) {
    return Unavailable(message + ": redirects are not followed");
  }
  if (code >= 400 && code < 500 && code != 429) {
    return InvalidArgument(message + ": the texts, the model or the url are not accepted");
  }
  return Unavailable(message + "," + after);
}

// Doubles with each try; a random half keeps many clients from coming back together.
std::chrono::milliseconds WaitBefore(int next_try, std::chrono::seconds retry_after) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto full = std::min(kLongestWait, kFirstWait * (1 << std::min(next_try - 1, 10)));
  std::uniform_int_distribution<std::chrono::milliseconds::rep> part(full.count() / 2,
                                                                     full.count());
  return std::max<std::chrono::milliseconds>(std::chrono::milliseconds(part(random)), retry_after);
}

std::vector<HttpHeader> MakeHeaders(std::string_view key) {
  std::vector<HttpHeader> headers = {{.name = "Content-Type", .value = "application/json"},
                                     {.name = "Accept", .value = "application/json"}};
  if (!key.empty()) {
    headers.push_back({.name = "Authorization", .value = "Bearer " + std::string(key)});
  }
  return headers;
}

}  // namespace

std::string HttpIdentity(std::string_view model, std::size_t dimension) {
  return "http/" + std::string(model) + "/" + std::to_string(dimension);
}

HttpEmbedder::HttpEmbedder(const EmbedderSpec& spec, std::size_t dimension, std::string_view key)
    : spec_(spec),
      dimension_(dimension),
      identity_(HttpIdentity(spec.model, dimension)),
      headers_(MakeHeaders(key)) {
}

Result<std::shared_ptr<const Embedder>> HttpEmbedder::Make(const EmbedderSpec& spec,
                                                           std::size_t dimension) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string key, ReadKey(spec));
  return std::shared_ptr<const Embedder>(new HttpEmbedder(spec, dimension, key));
}

Result<std::vector<float>> HttpEmbedder::Embed(std::span<const std::string_view> texts,
                                               TimePoint deadline) const {
  deadline = std::min(deadline, std::chrono::steady_clock::now() + spec_.timeout);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!IsValidUtf8(texts[i])) {
      return InvalidArgument("text " + std::to_string(i) + " of " +
                             std::to_string(texts[i].size()) + " bytes is not valid UTF-8");
    }
  }
  std::vector<float> rows(texts.size() * dimension_);
  for (std::size_t first = 0; first < texts.size(); first += spec_.max_batch) {
    const std::size_t count = std::min(spec_.max_batch, texts.size() - first);
    NEARHIT_RETURN_IF_ERROR(
        EmbedBatch(texts.subspan(first, count), deadline,
                   std::span<float>(rows).subspan(first * dimension_, count * dimension_)));
  }
  return rows;
}

void HttpEmbedder::Stop() const {
  MutexLock lock(&stop_mu_);
  stopped_ = true;
  stop_changed_.NotifyAll();
}

bool HttpEmbedder::WaitUntil(TimePoint time) const {
  MutexLock lock(&stop_mu_);
  while (!stopped_ && stop_changed_.WaitUntil(&stop_mu_, time)) {
  }
  return !stopped_;
}

Status HttpEmbedder::EmbedBatch(std::span<const std::string_view> texts, TimePoint deadline,
                                std::span<float> rows) const {
  const std::string request = EmbeddingRequest(spec_.model, texts);
  const std::size_t limit = MaxEmbeddingAnswerBytes(texts.size(), dimension_);
  for (int tries = 1;; ++tries) {
    if (stopped_) {
      return Stopped();
    }
    const HttpResponse response = client_.Fetch(
        {.url = spec_.url, .headers = headers_, .body = request, .deadline = deadline}, limit,
        stopped_);
    if (response.end.outcome == HttpOutcome::kAnswered && response.head.status >= 200 &&
        response.head.status < 300) {
      return ParseEmbeddingAnswer(response.body, dimension_, rows);
    }
    if (!MayRetry(response) || tries > spec_.max_retries) {
      return ErrorOf(response, tries);
    }
    const TimePoint next =
        std::chrono::steady_clock::now() + WaitBefore(tries, response.head.retry_after);
    if (next >= deadline) {
      return ErrorOf(response, tries);
    }
    if (!WaitUntil(next)) {
      return Stopped();
    }
  }
}

}  // namespace nearhit
