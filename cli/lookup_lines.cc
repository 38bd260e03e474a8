#include "cli/lookup_lines.h"

#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "cli/bad_lines.h"
#include "cli/lookup_stream.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/record_reader.h"
#include "formats/vector_file.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxPending = 1'000;  // lines, bad ones included, that wait to be printed

const char* KindText(v1::HitKind kind) {
  switch (kind) {
    case v1::HIT_KIND_EXACT:
      return "exact";
    case v1::HIT_KIND_SEMANTIC:
      return "semantic";
    default:
      return "miss";
  }
}

class LineLooker {
 public:
  LineLooker(const Client& client, const LookupLinesOptions& options, std::ostream* out,
             std::ostream* err, LookupLinesSummary* summary)
      : client_(client), options_(options), out_(*out), err_(err), summary_(*summary) {}

  Status Run();

 private:
  Status OpenInput();
  Status CheckNamespace() const;
  Status LookUpAll(LookupStreamCall* call);
  Result<v1::LookupStreamRequest> MakeRequest(ImportRecord* record) const;
  // Prints what is answered; waits for one answer when `wait`.
  Status Drain(LookupStreamCall* call, bool wait);
  void Print(std::uint64_t line, const v1::LookupResult& result);
  void PrintError(std::uint64_t line, ExitCode code, const std::string& message);

  const Client& client_;
  const LookupLinesOptions& options_;
  std::ostream& out_;
  std::ostream* err_;
  LookupLinesSummary& summary_;
  BadLines bad_;
  std::unique_ptr<LineReader> lines_;
  std::unique_ptr<RecordReader> reader_;
  VectorMatrix matrix_;

  // What is read and not printed. A line with an error was never sent.
  struct Pending {
    std::uint64_t line = 0;
    Status error;
  };
  std::deque<Pending> pending_;
};

Status LineLooker::OpenInput() {
  NEARHIT_RETURN_IF_ERROR(bad_.Open(options_.bad_lines, false, err_));
  NEARHIT_ASSIGN_OR_RETURN(lines_, LineReader::Open(options_.path, kMaxLineBytes));
  RecordOptions records;
  records.format = ImportFormat::kLines;
  records.scope = options_.scope;
  reader_ = std::make_unique<RecordReader>(lines_.get(), std::move(records));
  if (!options_.vector_file.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(matrix_, ReadVectorFile(options_.vector_file));
  }
  return {};
}

Status LineLooker::CheckNamespace() const {
  v1::DescribeNamespaceRequest request;
  request.set_name(options_.name);
  v1::DescribeNamespaceResponse response;
  NEARHIT_RETURN_IF_ERROR(
      client_.Call(client_.admin(), &v1::Admin::Stub::DescribeNamespace, request, &response));
  const v1::NamespaceConfig& config = response.info().config();
  if (config.kind() != v1::NAMESPACE_KIND_CACHE) {
    return FailedPrecondition("namespace " + options_.name + " is not a cache");
  }
  if (!options_.vector_file.empty() && matrix_.dimension != config.dimension()) {
    summary_.input_error = true;
    return VectorsDoNotFit(options_.vector_file, matrix_.dimension, options_.name,
                           config.dimension());
  }
  return {};
}

Result<v1::LookupStreamRequest> LineLooker::MakeRequest(ImportRecord* record) const {
  v1::LookupStreamRequest item;
  v1::LookupRequest& request = *item.mutable_request();
  request.set_namespace_(options_.name);
  v1::Prompt& prompt = *request.mutable_prompt();
  if (!options_.vector_file.empty()) {
    if (record->row >= matrix_.rows) {
      return InvalidArgument("the vector file has no row " + std::to_string(record->row));
    }
    prompt.set_vector(EncodeVector(matrix_.row(record->row)));
  }
  prompt.set_scope(std::move(record->scope));
  prompt.set_slot(std::move(record->text));
  if (options_.min_score) {
    request.mutable_options()->set_min_score(*options_.min_score);
  }
  request.mutable_options()->set_exact_only(options_.exact_only);
  return item;
}

void LineLooker::PrintError(std::uint64_t line, ExitCode code, const std::string& message) {
  ++summary_.errors;
  if (summary_.first_error == kExitOk) {
    summary_.first_error = code;
  }
  bad_.Report(line, message);
  if (options_.json) {
    PrintJson(out_, {{"line", line}, {"kind", "error"}, {"error", message}});
  } else {
    out_ << line << "\terror\t\t\n";
  }
}

void LineLooker::Print(std::uint64_t line, const v1::LookupResult& result) {
  const bool hit = result.kind() != v1::HIT_KIND_MISS;
  ++(!hit                                  ? summary_.misses
     : result.kind() == v1::HIT_KIND_EXACT ? summary_.exact
                                           : summary_.semantic);
  if (options_.json) {
    Json json = {{"line", line}};
    json.update(LookupToJson(result));
    PrintJson(out_, json);
    return;
  }
  out_ << line << '\t' << KindText(result.kind()) << '\t'
       << (result.has_score() ? FormatScore(result.score()) : "") << '\t'
       << (hit ? std::to_string(result.id()) : "") << '\n';
}

Status LineLooker::Drain(LookupStreamCall* call, bool wait) {
  while (!pending_.empty()) {
    const std::uint64_t line = pending_.front().line;
    if (!pending_.front().error.ok()) {
      PrintError(line, kExitUsage, std::string(pending_.front().error.message()));
    } else {
      NEARHIT_ASSIGN_OR_RETURN(const std::optional<v1::LookupStreamResponse> answer,
                               call->Next(std::exchange(wait, false)));
      if (!answer) {
        break;
      }
      if (answer->has_error()) {
        PrintError(line, ExitCodeOf(static_cast<StatusCode>(answer->error().code())),
                   answer->error().message());
      } else {
        Print(line, answer->response().result());
      }
    }
    ++summary_.lines;
    pending_.pop_front();
  }
  return out_ ? Status() : Internal("cannot write the output");
}

Status LineLooker::LookUpAll(LookupStreamCall* call) {
  ImportRecord record;
  for (std::uint64_t taken = 0; options_.limit == 0 || taken < options_.limit; ++taken) {
    const Result<bool> more = reader_->Next(&record);
    if (more.ok() && !*more) {
      break;
    }
    if (!more.ok() && more.status().code() != StatusCode::kInvalidArgument) {
      summary_.input_error = true;
      return more.status();
    }
    Pending& pending = pending_.emplace_back();
    pending.line = record.line;
    Result<v1::LookupStreamRequest> request =
        more.ok() ? MakeRequest(&record) : Result<v1::LookupStreamRequest>(more.status());
    if (request.ok()) {
      NEARHIT_RETURN_IF_ERROR(call->Send(&*request));
    } else {
      pending.error = request.status();
    }
    NEARHIT_RETURN_IF_ERROR(Drain(call, call->full() || pending_.size() >= kMaxPending));
  }
  NEARHIT_RETURN_IF_ERROR(call->HalfClose());
  while (!pending_.empty()) {
    NEARHIT_RETURN_IF_ERROR(Drain(call, true));
  }
  return call->Finish();
}

Status LineLooker::Run() {
  if (Status opened = OpenInput(); !opened.ok()) {
    summary_.input_error = true;
    return opened;
  }
  NEARHIT_RETURN_IF_ERROR(CheckNamespace());
  const auto start = std::chrono::steady_clock::now();
  Status status;
  {
    LookupStreamCall call(client_);
    status = LookUpAll(&call);
  }
  summary_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return status;
}

}  // namespace

Status RunLookupLines(const Client& client, const LookupLinesOptions& options, std::ostream* out,
                      std::ostream* err, LookupLinesSummary* summary) {
  return LineLooker(client, options, out, err, summary).Run();
}

}  // namespace nearhit
